"""What goes on around a game day: silences, incidents, alerts, the lever, and the report that tells of it all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.drill_targets import Chosen, ResolvedTarget
from domain.errors import Rejected
from domain.game_day import (
    Expectation,
    ExpectationResult,
    GameDayPhase,
    GameDayState,
    GameDayVerdict,
    Judgement,
    PreflightCheck,
    Scores,
)
from domain.game_day_faults import EffectProof, FaultRun, FaultStage, UndoneBy
from domain.game_day_report import report
from domain.game_day_score import aged, difference, standing
from domain.game_day_surroundings import OpenIncident, expected_alerts, incident_in_the_way, silences_in_the_way
from domain.safety_lever import EngageLever, LeverState, ReleaseLever
from domain.safety_lever_decisions import decide_lever, told
from domain.severity import Severity
from domain.timeline import person

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def silence(state: str = "active", **matchers: Any) -> dict[str, Any]:
    """As an Alertmanager shows it."""
    found = [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in matchers.items()]
    return {"id": "1", "comment": "deploy", "status": {"state": state}, "matchers": found}


@pytest.mark.parametrize(
    ("one", "mutes"),
    [
        (silence(service="shop"), True), (silence(service="search"), False), (silence(alertname="ShopDown"), False),
        (silence(service="shop", alertname="ShopDown"), True), (silence("expired", service="shop"), False),
        ({**silence(), "matchers": [{"name": "service", "value": "sh.*", "isRegex": True}]}, True),
        ({**silence(), "matchers": [{"name": "service", "value": "(", "isRegex": True}]}, True),
        ({**silence(), "matchers": [{"name": "service", "value": "shop", "isEqual": False}]}, False), ({}, False),
        ({**silence(), "matchers": [{"name": "alertname", "value": ".+", "isRegex": True}]}, True),
        ({**silence(), "matchers": [{"name": "team", "value": "db", "isEqual": False}]}, True),
        (silence(job="shop-3"), True), (silence(job="search"), False),
        ({**silence(), "matchers": [{"name": "job", "value": "shop-.*", "isRegex": True}]}, False),
        ({**silence(), "matchers": [{"name": "job", "value": "shop-3", "isEqual": False}]}, False),
        ({**silence(), "matchers": [{"name": "job", "value": "search", "isEqual": False}]}, True),
        ({**silence("pending", service="shop"), "startsAt": "2026-11-22T10:05:00.000Z"}, True),
        ({**silence("pending", service="shop"), "startsAt": "2026-11-22T11:05:00.000Z"}, False),
        (silence("pending", service="shop"), True), (silence("pending", service="search"), False),
    ],
)  # fmt: skip
def test_a_silence_counts_when_it_would_mute_what_is_known_of_the_alert(one: dict[str, Any], mutes: bool) -> None:
    """Nothing known speaks against it and something for it; a doubt counts as muted."""
    known = {"service": "shop", "drillable": "yes", "job": "~shop-[0-9]"}
    assert bool(silences_in_the_way([one], known, NOW + timedelta(minutes=10))) is mutes


def test_each_expected_alert_is_looked_for_by_its_own_labels() -> None:
    """Two alerts of one game day are two; what is expected of none in particular is looked for by `match`."""
    match = {"drillable": "yes"}
    assert expected_alerts(match, []) == expected_alerts(match, [{}, {}]) == (match,)
    two = expected_alerts(match, [{"alertname": "A"}, {"alertname": "B"}, {"alertname": "A"}])
    assert two == ({**match, "alertname": "A"}, {**match, "alertname": "B"})


@pytest.mark.parametrize(
    ("severity", "services", "is_in_the_way"),
    [("SEV-1", ("shop",), True), ("SEV-2", ("shop",), True), ("SEV-3", ("shop",), False), ("SEV-1", ("other",), False),
     ("SEV-1", (), True)],
)  # fmt: skip
def test_a_bad_incident_on_a_targets_service_is_in_the_way(
    severity: str, services: tuple[str, ...], is_in_the_way: bool
) -> None:
    """One of which nobody knows what it touches, too."""
    one = OpenIncident(id="inc-1", severity=Severity(severity), services=services)
    assert (incident_in_the_way([one], ("shop",)) is not None) is is_in_the_way
    near = one.model_copy(update={"near_miss": True})
    assert incident_in_the_way([near], ("shop",)) is None, "nothing is going on"


def test_the_lever_is_pulled_with_a_reason_and_by_somebody() -> None:
    """Pulling it twice tells game days again and changes nothing; releasing what is not engaged is refused."""
    by, off = person("olga"), LeverState(scope="global")
    with pytest.raises(Rejected, match="reason"):
        decide_lever(off, EngageLever(by=by, reason=" "), NOW)
    with pytest.raises(Rejected, match="is not engaged"):
        decide_lever(off, ReleaseLever(by=by, reason="over"), NOW)
    engaged = decide_lever(off, EngageLever(by=by, reason="the sale"), NOW)
    assert (engaged.has_to_tell, engaged.state.engaged, engaged.state.reason) == (True, True, "the sale")
    heard = told(told(engaged.state, ("a",)), ("a", "b"))
    assert heard.stopped == ("a", "b")
    again = decide_lever(heard, EngageLever(by=by, reason="again"), NOW)
    assert (again.state, again.has_to_tell) == (heard, True)
    released = decide_lever(heard, ReleaseLever(by=by, reason="over"), NOW)
    assert (released.state.engaged, released.has_to_tell, len(released.state.changes)) == (False, False, 2)


@pytest.mark.parametrize(
    ("verdict", "days", "worth"),
    [
        ("passed", 1, 100),
        ("passed", 30, 100),
        ("passed", 31, 75),
        ("failed", 1, 50),
        ("inconclusive", 1, 0),
        (None, 0, 0),
    ],
)
def test_a_pass_is_worth_less_with_time(verdict: str | None, days: int, worth: float) -> None:
    """Gremlin's scale."""
    at = NOW - timedelta(days=days) if verdict else None
    assert standing(verdict, at, NOW, timedelta(days=30)) == worth
    assert aged(80.0, NOW - timedelta(days=days), NOW, timedelta(days=30)) == (80.0 if days <= 30 else 60.0)


def ended(**fields: Any) -> GameDayState:
    """A game day that has failed."""
    run = FaultRun(
        id="kill", action="process.kill", target="shop-1", duration_seconds=60, state=FaultStage.UNDONE,
        injected_at=NOW, undone_at=NOW + timedelta(seconds=60), undone_by=UndoneBy.WORKFLOW,
        effect=EffectProof.CONFIRMED,
    )  # fmt: skip
    page = ExpectationResult(expectation=Expectation.PAGE, within_seconds=30, judgement=Judgement.MISSED)
    shop = ResolvedTarget(name="shop-1", service="shop", environment="staging")
    known: dict[str, Any] = {
        "id": "g-2", "name": "g", "title": "G", "phase": GameDayPhase.FINISHED, "verdict": GameDayVerdict.FAILED,
        "started_at": NOW, "injected_at": NOW, "took_effect_at": NOW, "finished_at": NOW + timedelta(minutes=2),
        "requested_by": person("dana"), "expectations": (page,), "faults": (run,), "scores": Scores(response=0.0),
        "targets": Chosen(targets={"it": (shop,)}), "restored": True,
    }  # fmt: skip
    return GameDayState.model_validate(known | fields)


def test_the_report_says_what_ought_to_be_mended() -> None:
    """Each with a key that stays, and when it is done; a fault that is still there comes first."""
    told_ = report(ended())
    assert [(each.key, each.topic, each.is_urgent) for each in told_.findings] == [("g/page", "response", False)]
    assert told_.findings[0].done_when == "The game day 'g' passes again"
    assert [each.after_seconds for each in told_.moments] == sorted(each.after_seconds or 0.0 for each in told_.moments)
    left = ended().faults[0].model_copy(update={"state": FaultStage.UNDO_FAILED, "undo_problem": "no such target"})
    assert [each.key for each in report(ended(faults=(left,))).findings] == ["g/undo/kill/shop-1", "g/page"]
    assert report(ended(verdict=GameDayVerdict.PREVIEWED)).findings == ()


def test_what_kept_a_game_day_from_being_held_is_a_finding() -> None:
    """A silence, an injector that does not work here: somebody has to mend them. A freeze and a lever pass."""
    answers = (
        PreflightCheck(name="calendar", holds=False, detail="the freeze 'sale' is on"),
        PreflightCheck(name="surroundings", holds=None, detail="the safety lever does not answer"),
        PreflightCheck(name="alerts", holds=False, detail="the alert is silenced (deploy)"),
        PreflightCheck(name="steady state", holds=None), PreflightCheck(name="injector of kill", holds=True),
    )  # fmt: skip
    found = report(ended(verdict=GameDayVerdict.REFUSED, preflight=answers)).findings
    assert [(each.key, each.sentence) for each in found] == [
        ("g/preflight/alerts", "Not held because of alerts: the alert is silenced (deploy)"),
        ("g/preflight/steady state", "Not held because of steady state: it cannot be told"),
    ]
    assert report(ended(verdict=GameDayVerdict.REFUSED)).findings == (), "people said no, and nothing is wrong"


def test_two_expectations_of_one_kind_are_two_findings() -> None:
    """Each becomes an action item of its own; the first keeps the key that it would have alone."""
    missed = ExpectationResult(expectation=Expectation.DETECT, within_seconds=30, judgement=Judgement.MISSED)
    met = missed.model_copy(update={"judgement": Judgement.MET})
    page = missed.model_copy(update={"expectation": Expectation.PAGE})
    told_ = report(ended(expectations=(missed, page, met, missed)))
    assert [each.key for each in told_.findings] == ["g/detect", "g/page", "g/detect/3"]


def test_a_run_is_compared_with_the_one_before() -> None:
    """Verdict, definition, targets, expectations and scores; the first one has nothing to be compared with."""
    assert difference(ended(), None).problem
    last = ended(id="g-1", verdict=GameDayVerdict.PASSED, scores=Scores(response=100.0), definition="sha256:1")
    picture = last.model_dump(mode="json")
    picture["expectations"][0]["judgement"] = "met"
    picture["targets"]["targets"] = {}
    said = {each.what: (each.before, each.now, each.is_better) for each in difference(ended(), picture).changes}
    assert said == {
        "verdict": ("passed", "failed", False), "definition": ("sha256:1", "", None),
        "targets": ("none", "shop-1", None), "page": ("met", "missed", False), "response": ("100.0", "0.0", False),
    }  # fmt: skip
    assert difference(ended(), ended().model_dump(mode="json")).changes == ()
