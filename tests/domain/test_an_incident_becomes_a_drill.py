"""Which fault recreates an incident, what its drill demands, and what a person has to fill in: tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.actions import specs
from domain.configuration import Configuration
from domain.drill_proposal import DrillProposal, House, IncidentFacts, demands, match_of, propose, schedule_of
from domain.drill_recreation import KINDS, Said, Source, recreate
from domain.drill_targets import DrillTarget, GameDayPolicy
from domain.policy import Policy
from domain.run import Effect
from domain.severity import IncidentType, Severity
from runbooks.drill_proposals import write_drill
from runbooks.source import read_yaml

BEGAN = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SHOP = DrillTarget.model_validate(
    {
        "service": "shop", "environment": "staging", "drillable": True,
        "with": {"process": "shop", "cluster": "shop-db", "proxy": "shop-bank", "release_target": "shop", "health_url": "http://127.0.0.1:1/ok"},
    }
)  # fmt: skip


def facts(**changes: Any) -> IncidentFacts:
    """An outage of the shop that people ended within a quarter of an hour."""
    known = {
        "id": "inc-20261122-k7qd", "title": "Checkout fails", "type": IncidentType.OUTAGE, "severity": Severity.SEV2,
        "services": ("shop",), "impact_started_at": BEGAN, "detected_at": BEGAN + 2 * MINUTE,
        "declared_at": BEGAN + 3 * MINUTE, "acknowledged_at": BEGAN + 5 * MINUTE, "mitigated_at": BEGAN + 15 * MINUTE,
        "first_internal_at": BEGAN + 6 * MINUTE, "owner": "dana", "audience": ("dana",),
        "alerts": ({"alertname": "ShopDown", "service": "shop", "instance": "a:1", "env": "production"},),
        "alert_titles": ("Customers cannot buy",),
    }  # fmt: skip
    return IncidentFacts.model_validate(known | changes)


def proposed(house: House | None = None, **changes: Any) -> DrillProposal:
    """A proposal that there is."""
    found = propose(facts(**changes), house or House(targets={"shop-1": SHOP}))
    assert isinstance(found, DrillProposal), found
    return found


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("The TLS certificate of the bank expired", "certificate.expire"),
        ("DNS answered NXDOMAIN for the bank", "dns.fail"),
        ("The clock of one node ran ahead", "clock.shift"),
        ("No space left on device", "disk.fill"),
        ("The connection pool of the primary was exhausted", "postgres.exhaust_connections"),
        ("A deadlock held every order", "postgres.lock"),
        ("Slow queries after an index was dropped", "postgres.slow_query"),
        ("The replica fell behind", "postgres.cut_replication"),
        ("The database primary crashed", "postgres.kill_primary"),
        ("Redis evicted the sessions", "redis.pause"),
        ("HAProxy took the backend out", "haproxy.server_down"),
        ("A memory leak in the cart", "process.memory"),
        ("CPU was throttled", "process.cpu"),
        ("The payment provider was away", "dependency.outage"),
        ("The subnet was unreachable", "network.drop"),
        ("Requests timed out", "http.latency"),
        ("The error rate was 40 %", "http.error"),
        ("A segfault ended the worker", "process.kill"),
        ("ShopDown", "process.kill"),
    ],
)
def test_each_kind_of_failure_has_its_fault(text: str, action: str) -> None:
    """By the words of a contributing factor, which says so as its reason."""
    found = recreate([Said(Source.FACTOR, text)], IncidentType.DATA, {})
    assert not isinstance(found, str), found
    assert (found.action, found.source) == (action, Source.FACTOR)
    assert found.because.startswith("a contributing factor says ")


def test_every_fault_that_is_proposed_exists_and_takes_what_it_is_given() -> None:
    """The table names actions with the effect `fault` and parameters of theirs, and all that they demand."""
    known = specs()
    for kind in KINDS:
        spec = known[kind.action]
        given = {*kind.reads, *kind.fixed, *kind.asks}
        assert spec.effect is Effect.FAULT, kind.action
        assert given <= set(spec.parameters["properties"]), kind.action
        assert set(spec.parameters.get("required", ())) - {"duration"} <= given, kind.action


def test_what_a_review_found_is_believed_before_alerts_and_titles() -> None:
    """Even where its kind stands later in the table; and among those, what a target can bear comes first."""
    said = [
        Said(Source.INCIDENT, "Disk full?"), Said(Source.ALERT, "RedisDown: redis"),
        Said(Source.FACTOR, "the process crashed"),
    ]  # fmt: skip
    first = recreate(said, IncidentType.OUTAGE, {})
    assert not isinstance(first, str)
    assert (first.action, first.source) == ("process.kill", Source.FACTOR)
    disk = DrillTarget.model_validate({"environment": "test", "with": {"disk": "data"}})
    bearable = recreate(said, IncidentType.OUTAGE, {"host": disk})
    assert not isinstance(bearable, str)
    assert (bearable.action, bearable.source) == ("disk.fill", Source.INCIDENT)


@pytest.mark.parametrize(
    ("type_", "action"),
    [
        (IncidentType.OUTAGE, "process.kill"),
        (IncidentType.PERFORMANCE, "http.latency"),
        (IncidentType.THIRD_PARTY, "dependency.outage"),
    ],
)
def test_where_nothing_is_written_the_type_decides_and_the_reader_is_told(type_: IncidentType, action: str) -> None:
    """It rests on little, which is said."""
    found = proposed(type=type_, title="Trouble", alerts=(), alert_titles=())
    assert (found.fault.action, found.fault.source) == (action, Source.TYPE)
    assert any("rests on little" in note for note in found.notes)


@pytest.mark.parametrize(
    ("type_", "says"),
    [
        (IncidentType.DEPLOYMENT, "rehearse the rollback"),
        (IncidentType.DATA, "restore a backup"),
        (IncidentType.SECURITY, "hold a tabletop"),
        (IncidentType.ENVIRONMENTAL, "hold a tabletop"),
        (IncidentType.INFRASTRUCTURE, "write a contributing factor"),
    ],
)
def test_what_no_fault_recreates_is_said_with_what_to_do_instead(type_: IncidentType, says: str) -> None:
    """No guess."""
    found = propose(facts(type=type_, title="Trouble", alerts=(), alert_titles=()), House())
    assert isinstance(found, str)
    assert says in found


def test_a_fault_that_is_asked_for_wins_and_an_unknown_one_is_refused() -> None:
    """With the names that there are."""
    house = House(targets={"shop-1": SHOP})
    found = propose(facts(), house, asked="http.error")
    assert isinstance(found, DrillProposal)
    assert (found.fault.action, found.fault.source) == ("http.error", Source.ASKED)
    unknown = propose(facts(), house, asked="meteor.strike")
    assert isinstance(unknown, str)
    assert "process.kill" in unknown


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, []),
        ({"detected_at": BEGAN + 6 * MINUTE}, ["detect"]),
        ({"alerts": ()}, ["detect"]),
        ({"acknowledged_at": BEGAN + 9 * MINUTE}, ["acknowledge"]),
        ({"acknowledged_at": None}, ["acknowledge"]),
        ({"mitigated_at": BEGAN + 33 * MINUTE}, ["mitigate"]),
        ({"first_internal_at": BEGAN + 14 * MINUTE}, ["communicate"]),
        ({"first_internal_at": None}, ["communicate"]),
        ({"update_was_missed": True}, ["communicate"]),
        ({"impact_started_at": None}, []),
    ],
)
def test_what_went_wrong_is_demanded_this_time(changes: dict[str, Any], wrong: list[str]) -> None:
    """Late detection, silence and slowness are named; an update is demanded only where one was late."""
    found = demands(facts(**changes), Policy())
    assert [each.expect.value for each in found if each.went_wrong] == wrong
    expected = ["detect", "acknowledge", "mitigate", "recover"]
    assert [each.expect.value for each in found if each.expect.value != "communicate"] == expected
    assert ("communicate" in [each.expect.value for each in found]) is ("communicate" in wrong)


@pytest.mark.parametrize(("minutes", "within"), [(1, 7), (12, 17), (13.5, 19), (29, 34), (30, 35), (400, 35)])
def test_the_next_time_is_to_be_no_slower(minutes: float, within: int) -> None:
    """As long as it took then, in whole minutes, from 2 to 30, after 5 for the detection."""
    found = demands(facts(mitigated_at=BEGAN + (2 + minutes) * MINUTE), Policy())
    assert next(each.within for each in found if each.expect.value == "mitigate") == within * MINUTE


@pytest.mark.parametrize(
    ("alerts", "environment", "match"),
    [
        ([], "staging", {}),
        ([{"alertname": "A", "pod": "x-1", "Instance": "a:1"}], None, {"alertname": "A"}),
        ([{"alertname": "A", "job": "j"}, {"alertname": "B", "job": "j"}], None, {"job": "j"}),
        ([{"alertname": "A", "env": "production"}], "staging", {"alertname": "A", "env": "staging"}),
        ([{"alertname": "A"}, {"alertname": "B"}], "staging", {}),
    ],
)
def test_the_drill_is_known_by_the_labels_of_the_alerts(
    alerts: list[dict[str, str]], environment: str | None, match: dict[str, str]
) -> None:
    """Those that all shared, without what names one machine, in the environment of the target."""
    assert match_of(alerts, environment) == match


@pytest.mark.parametrize(
    ("days", "cron"), [(7, "0 10 * * 2"), (17, "0 10 1,15 * *"), (30, "0 10 1,15 * *"), (31, "0 10 1 * *")]
)
def test_it_is_held_often_enough_to_stay_fresh(days: int, cron: str) -> None:
    """By the policy's own idea of fresh."""
    assert schedule_of(GameDayPolicy(fresh_for=timedelta(days=days))) == cron


def test_a_proposal_with_everything_known_is_a_game_day_without_findings() -> None:
    """Its text lints, and nothing is left to fill in."""
    found = proposed(runbooks=("restart-service",), detected_at=BEGAN + 8 * MINUTE)
    configuration = Configuration.model_validate(
        {"people": {"dana": {"name": "Dana"}}, "services": {"shop": {"name": "Shop"}},
         "drill_targets": {"shop-1": SHOP.model_dump(mode="json")}}
    )  # fmt: skip
    written = write_drill(found, specs(), configuration)
    assert (written.findings, found.blanks) == ((), ())
    assert found.document["match"] == {"alertname": "ShopDown", "env": "staging", "service": "shop"}
    assert found.document["targets"] == {"broken": {"names": ["shop-1"]}}
    assert "# detect within 5m: it was detected 8m after customers were hurt (this went wrong)." in written.text
    assert "restart-service" in found.document["hypothesis"]
    assert read_yaml(written.schedule, "hotwash.yaml").data == {
        "game_days": {"again-20261122-k7qd": {"cron": "0 10 1,15 * *", "audience": ["dana"]}}
    }


@pytest.mark.parametrize("kind", [kind.action for kind in KINDS])
@pytest.mark.parametrize("known", ["all", "nothing", "no target"])
def test_whatever_is_not_known_is_a_blank_and_the_text_lints_all_the_same(kind: str, known: str) -> None:
    """A parameter without a default, named in head and schedule: it cannot be held before it is filled in."""
    keys = next(each.reads.values() for each in KINDS if each.action == kind)
    with_ = (
        {"health_url": "http://127.0.0.1:1/ok", "release_target": "x", **dict.fromkeys(keys, "x")}
        if known == "all"
        else {}
    )
    target = DrillTarget.model_validate({"service": "shop", "environment": "staging", "drillable": True, "with": with_})
    targets = {} if known == "no target" else {"shop-1": target}
    found = propose(facts(), House(targets=targets), asked=kind)
    assert isinstance(found, DrillProposal)
    configuration = Configuration.model_validate(
        {
            "services": {"shop": {"name": "Shop"}},
            "drill_targets": {k: v.model_dump(mode="json") for k, v in targets.items()},
        }
    )
    written = write_drill(found, specs(), configuration)
    assert written.findings == ()
    parameters = found.document.get("parameters", {})
    assert {each.parameter for each in found.blanks if each.parameter} == set(parameters)
    assert all("default" not in each for each in parameters.values())
    assert all(f"FILL IN the parameter {name}" in written.text for name in parameters)
    assert bool(parameters) is (known != "all" or kind == "postgres.lock")


def test_texts_from_outside_stay_texts() -> None:
    """No expression, no second line in a comment, no YAML of theirs."""
    found = proposed(
        title="{{ params.x }}\nsteps: [evil]", alert_titles=("process\n- evil: yes # {% raw %}",),
        alerts=({"alertname": "{{ evil }}", "x": "a: b # c"},),
    )  # fmt: skip
    written = write_drill(found, specs())
    assert written.findings == ()
    document = read_yaml(written.text, "x.yaml").data
    assert document["match"] == {"alertname": "{{ evil }}", "x": "a: b # c"}
    assert document["title"] == "Again: { { params.x }} steps: [evil]"
