"""Counting alerts and judging groups: every judgement has a reason, no alert is doubled, no order is assumed."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alert import Alert, AlertGroupState, AlertStatus, DeclareGroup, DeclineGroup
from domain.declaration import HANDED_ON, Declaring, attachment, incident_start, news_between, obey, refuse
from domain.errors import Rejected
from domain.game_day import ActiveDrill
from domain.incident import IncidentContext
from domain.severity import Severity
from domain.timeline import automation, person
from domain.triage import ALSO_FIRING, LISTED_ALERTS, Decision, Reason, ends_at, explains, fold, judge, judged
from tests.support.alerts import NOON, batch, firing, resolved, route

SECOND = timedelta(seconds=1)
EMPTY = AlertGroupState(id="g1")


def folded(*deliveries: list[Alert], **options: object) -> AlertGroupState:
    """The state after these deliveries, a second apart."""
    state = EMPTY
    for number, alerts in enumerate(deliveries):
        state = fold(state, batch(alerts, at=NOON + number * SECOND, **options))  # type: ignore[arg-type]
    return state


# --- counting ---


def test_the_same_alert_again_is_counted_and_not_doubled():
    """Three deliveries of one alert: one alert, counted three times."""
    state = folded([firing()], [firing()], [firing()])
    assert (len(state.alerts), state.firing, state.count) == (1, 1, 3)
    assert (state.alerts[0].count, state.alerts[0].first_seen, state.alerts[0].last_seen) == (
        3,
        NOON,
        NOON + 2 * SECOND,
    )
    assert state.alerts[0].firing_since == NOON


def test_resolved_clears_and_firing_again_begins_anew():
    """Clearing is remembered with its time; a re-fire starts the clock again."""
    state = folded([firing()], [resolved()])
    assert (state.firing, state.cleared_at, state.firing_since) == (0, NOON + SECOND, None)
    again = fold(state, batch([firing()], at=NOON + 5 * SECOND))
    assert (again.firing, again.cleared_at, again.firing_since) == (1, None, NOON + 5 * SECOND)
    assert again.alerts[0].count == 2


def test_a_resolution_of_an_alert_never_seen_clears_nothing_and_counts_nothing():
    """Hotwash was away when it fired."""
    state = folded([resolved()])
    assert (state.firing, state.count, state.cleared_at) == (0, 0, NOON)


def test_a_late_resolution_of_an_earlier_firing_is_not_believed():
    """Of two Alertmanagers one lags: what it says about yesterday's firing does not clear today's."""
    state = folded([firing(starts_at=NOON)], [resolved(starts_at=NOON - 9 * SECOND, ends_at=NOON - SECOND)])
    assert state.firing == 1
    assert folded([firing(starts_at=NOON)], [resolved(starts_at=NOON, ends_at=NOON + SECOND)]).firing == 0


def test_no_gap_when_one_alert_takes_over_from_another():
    """The group fires on while its alerts come and go."""
    state = folded([firing("a")], [firing("b"), resolved("a")], [firing("c"), resolved("b")])
    assert (state.firing, state.firing_since, state.enough_since) == (1, NOON, NOON)


def test_more_alerts_than_are_listed_still_clear_exactly():
    """Beyond the list only fingerprints are kept, and that is enough to know when all is over."""
    many = [firing(f"f{number}") for number in range(LISTED_ALERTS + 300)]
    state = folded(many)
    assert (len(state.alerts), state.firing, state.left_out) == (LISTED_ALERTS, LISTED_ALERTS + 300, 300)
    state = fold(state, batch([resolved(alert.fingerprint) for alert in many[:-1]]))
    assert state.firing == 1
    assert fold(state, batch([resolved(many[-1].fingerprint)])).firing == 0


def test_what_is_beyond_every_limit_is_stated():
    """Nothing is left out in silence."""
    state = folded([firing(f"f{number}") for number in range(LISTED_ALERTS + ALSO_FIRING + 7)], left_out=5)
    assert state.left_out == ALSO_FIRING + 7 + 5


def test_resolved_alerts_give_way_to_firing_ones():
    """The list shows what fires."""
    old = [firing(f"old{number}") for number in range(LISTED_ALERTS)]
    state = folded(old, [resolved(alert.fingerprint) for alert in old], [firing("new")])
    assert "new" in {alert.fingerprint for alert in state.alerts}
    assert len(state.alerts) == LISTED_ALERTS


def test_texts_are_cut_but_labels_are_kept_whole_or_not_at_all():
    """A cut label would fill a wrong value into a runbook."""
    state = folded([firing(labels={"a": "x", "b": "y" * 5000}, annotations={"summary": "s" * 5000})])
    assert state.alerts[0].labels == {"a": "x"}
    assert state.alerts[0].annotations["summary"].endswith("(cut)")


def test_a_group_is_as_bad_as_its_worst_firing_alert():
    """A critical one among warnings counts while it fires, and no longer."""
    by = route()
    warning = firing("w", labels={"severity": "warning"})
    critical = firing("c", labels={"severity": "critical"})
    state = fold(EMPTY, batch([warning], by=by, severity=Severity.SEV3))
    state = fold(state, batch([critical], by=by, severity=Severity.SEV1))
    assert state.routed_as
    assert state.routed_as.severity is Severity.SEV1
    state = fold(state, batch([resolved("c"), warning], by=by, severity=Severity.SEV3))
    assert state.routed_as
    assert state.routed_as.severity is Severity.SEV3


ALERTS = st.lists(
    st.builds(
        lambda name, is_firing: firing(name) if is_firing else resolved(name), st.sampled_from("abcde"), st.booleans()
    ),
    max_size=12,
)


@given(st.lists(ALERTS, min_size=1, max_size=6))
def test_counts_are_those_of_a_simple_model(deliveries: list[list[Alert]]):
    """Whatever comes: one entry per alert, the last word about each, every firing delivery counted once."""
    state = folded(*deliveries)
    flat = [alert for alerts in deliveries for alert in alerts]
    last = {alert.fingerprint: alert.status for alert in flat}
    assert {alert.fingerprint: alert.status for alert in state.alerts} == last
    assert state.firing == sum(status is AlertStatus.FIRING for status in last.values())
    assert (
        state.count == sum(alert.status is AlertStatus.FIRING for alert in flat) == sum(a.count for a in state.alerts)
    )
    assert (state.cleared_at is None) == (state.firing > 0)
    assert (state.firing_since is None) == (state.firing == 0)


@given(st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1), st.randoms(use_true_random=False))
def test_the_order_of_different_alerts_in_a_delivery_does_not_matter(names: list[str], chance: object):
    """A sender may list its alerts as it likes."""
    alerts = [firing(name) if number % 3 else resolved(name) for number, name in enumerate(names)]
    shuffled = list(alerts)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    def essence(state: AlertGroupState) -> object:
        return ({a.fingerprint: a for a in state.alerts}, state.firing, state.count, state.cleared_at)

    assert essence(folded(alerts)) == essence(folded(shuffled))


@given(st.lists(ALERTS, min_size=1, max_size=5), st.integers(min_value=1, max_value=4))
def test_cutting_a_delivery_into_chunks_changes_no_count(deliveries: list[list[Alert]], size: int):
    """Large deliveries arrive in pieces of the same time."""
    whole = pieces = EMPTY
    for number, alerts in enumerate(deliveries):
        at = NOON + number * SECOND
        whole = fold(whole, batch(alerts, at=at))
        for start in range(0, len(alerts), size):
            pieces = fold(pieces, batch(alerts[start : start + size], at=at))
    assert {a.fingerprint: (a.status, a.count) for a in whole.alerts} == {
        a.fingerprint: (a.status, a.count) for a in pieces.alerts
    }
    assert (whole.firing, whole.count) == (pieces.firing, pieces.count)


# --- judging ---


@pytest.mark.parametrize(
    ("options", "after_seconds", "decision", "reason"),
    [
        ({}, 0, Decision.DECLARE, Reason.THRESHOLD_MET),
        ({"declare": "propose"}, 0, Decision.PROPOSE, Reason.THRESHOLD_MET_ASK),
        ({"suppress": True}, 0, Decision.WAIT, Reason.SUPPRESSED),
        ({"threshold": {"minimum_severity": "SEV-1"}}, 0, Decision.WAIT, Reason.BELOW_MINIMUM_SEVERITY),
        ({"threshold": {"minimum_severity": "SEV-2"}}, 0, Decision.DECLARE, Reason.THRESHOLD_MET),
        ({"threshold": {"count": 2}}, 0, Decision.WAIT, Reason.BELOW_COUNT),
        ({"threshold": {"for": "1m"}}, 12, Decision.WAIT, Reason.NOT_FIRING_LONG_ENOUGH),
        ({"threshold": {"for": "1m"}}, 60, Decision.DECLARE, Reason.THRESHOLD_MET),
    ],
)
def test_the_written_threshold_decides(
    options: dict[str, object], after_seconds: int, decision: Decision, reason: Reason
):
    """Each setting of a route, just short of it and just enough."""
    state = folded([firing(labels={"severity": "high"})], by=route(**options))
    judgement = judge(state, NOON + after_seconds * SECOND)
    assert (judgement.decision, judgement.reason) == (decision, reason)
    assert judgement.explanation


def test_waiting_says_for_how_long_and_until_when():
    """The person who looks at it at night knows what will happen."""
    judgement = judge(folded([firing()], by=route(threshold={"for": "1m"})), NOON + 12 * SECOND)
    assert judgement.explanation == "firing for 12s; becomes an incident after 1m (at 12:01:00 UTC)"
    assert judgement.look_again_at == NOON + 60 * SECOND


def test_what_belongs_to_an_incident_is_forwarded_and_what_was_declined_is_quiet():
    """An incident comes first, then a person's word, then the threshold."""
    state = folded([firing()])
    declined = obey(state, DeclineGroup(by=person("ada"), reason="planned work"))
    assert judge(declined, NOON).reason is Reason.DECLINED
    assert "planned work" in judge(declined, NOON).explanation
    assert judge(declined.model_copy(update={"incident_id": "inc-1"}), NOON).decision is Decision.FORWARD


@given(st.lists(ALERTS, max_size=4), st.integers(min_value=0, max_value=200), st.integers(min_value=1, max_value=3))
def test_no_judgement_without_reason_and_no_waiting_in_vain(deliveries: list[list[Alert]], seconds: int, count: int):
    """A look again is always in the future, and then something has changed if nothing else happened."""
    state = folded(*deliveries, by=route(threshold={"for": "90s", "count": count}))
    now = NOON + (seconds + len(deliveries)) * SECOND
    judgement = judge(state, now)
    assert judgement.reason
    assert judgement.explanation
    assert judged(state, judgement).reason == judgement.reason.value
    if judgement.look_again_at is not None:
        assert judgement.look_again_at > now
        assert judge(state, judgement.look_again_at).decision is Decision.DECLARE
    if judgement.decision is Decision.DECLARE:
        assert state.firing >= count


def test_a_group_ends_only_when_quiet():
    """The reopen window runs from clearing."""
    window = timedelta(minutes=10)
    assert ends_at(folded([firing()]), window) is None
    assert ends_at(folded([firing()], [resolved()]), window) == NOON + SECOND + window


# --- what people may do, and what the incident hears ---


def test_commands_that_make_no_sense_are_refused_with_a_sentence():
    """Declared twice, declined twice, declined without a reason, declined after declaration."""
    state = folded([firing()])
    ada = person("ada")
    with pytest.raises(Rejected, match="say why"):
        refuse(state, DeclineGroup(by=ada, reason="  "))
    declined = obey(state, DeclineGroup(by=ada, reason="drill"))
    with pytest.raises(Rejected, match="declined this group already"):
        refuse(declined, DeclineGroup(by=ada, reason="drill"))
    refuse(declined, DeclareGroup(by=ada))
    declared = state.model_copy(update={"incident_id": "inc-20261122-k7qd"})
    for command in (DeclareGroup(by=ada), DeclineGroup(by=ada, reason="no")):
        with pytest.raises(Rejected, match="inc-20261122-k7qd"):
            refuse(declared, command)


def test_repeated_deliveries_are_no_news():
    """An incident hears of each alert once, of clearing and of firing again."""
    one = folded([firing("a")])
    assert not news_between(one, fold(one, batch([firing("a")]))).is_any
    two = fold(one, batch([firing("b"), firing("a")]))
    assert [alert.fingerprint for alert in news_between(one, two).began] == ["b"]
    none = fold(two, batch([resolved("a"), resolved("b")]))
    assert news_between(two, none).has_cleared
    assert attachment(none, news_between(two, none)).note == "All alerts of ShopDown (and 1 more) have cleared"
    again = fold(none, batch([firing("a")]))
    assert news_between(none, again).starts_firing


def test_an_incident_is_handed_a_screenful():
    """The group keeps the rest; the title says how many."""
    state = folded([firing(f"f{number}") for number in range(50)])
    declaring = Declaring(incident_id="inc-20261122-k7qd", by=automation("triage"), context=IncidentContext())
    start = incident_start(state, declaring)
    assert len(start.alerts) == HANDED_ON
    assert start.title == "ShopDown (and 49 more)"
    assert start.detected_at == NOON


def test_the_start_of_the_impact_is_the_senders_word_within_a_day():
    """An alert that is said to fire since 2016 does not make ten years of outage."""
    declaring = Declaring(incident_id="inc-20261122-k7qd", by=automation("triage"), context=IncidentContext())
    hour = timedelta(hours=1)
    assert incident_start(folded([firing(starts_at=NOON - hour)]), declaring).impact_started_at == NOON - hour
    assert incident_start(folded([firing(starts_at=NOON - 90_000 * hour)]), declaring).impact_started_at == NOON
    assert incident_start(folded([firing(starts_at=NOON + hour)]), declaring).impact_started_at == NOON


@pytest.mark.parametrize(
    ("service", "match", "explained"),
    [
        ("shop", {}, True),
        ("mail", {}, False),
        (None, {"drillable": "yes"}, True),
        (None, {"drillable": "no"}, False),
        ("mail", {"drillable": "yes"}, False),
        (None, {}, False),
    ],
)
def test_a_drill_explains_an_alert_only_when_everything_fits(
    service: str | None, match: dict[str, str], explained: bool
):
    """A doubt means a real incident."""
    drill = ActiveDrill(workflow_id="game-day/x", name="x", service=service, match=match)
    assert explains(drill, "shop", {"drillable": "yes"}) is explained
