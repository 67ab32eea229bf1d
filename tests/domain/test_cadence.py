"""No audience is left in silence: the clocks of the written policy, tried with every order of events."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cadence import (
    Clocks,
    ClockStep,
    after_change,
    after_update,
    cadence_for,
    first_clocks,
    interval,
    next_wake,
    take_steps,
)
from domain.comms import AudienceClock, IncidentBrief
from domain.policy import Audience, Policy
from domain.severity import Severity

T0 = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
POLICY = Policy()
INTERNAL, EXTERNAL, EXECUTIVE = Audience.INTERNAL, Audience.EXTERNAL, Audience.EXECUTIVE


def brief(severity: Severity = Severity.SEV1, *, drill: bool = False) -> IncidentBrief:
    """An incident declared at T0."""
    return IncidentBrief(
        id="inc-20261122-k7qd", title="t", severity=severity, status="declared", drill=drill, declared_at=T0
    )


def minutes(amount: float) -> timedelta:
    """Short for the tables below."""
    return timedelta(minutes=amount)


def walk(
    clocks: Clocks, about: IncidentBrief, until: datetime
) -> tuple[Clocks, list[tuple[float, Audience, ClockStep]]]:
    """Wake up exactly when the clocks say, until a time; the steps with their minute."""
    steps = []
    while (wake := next_wake(POLICY, about, clocks)) is not None and wake <= until:
        clocks, nudges = take_steps(POLICY, about, clocks, wake)
        steps += [((wake - T0) / minutes(1), nudge.audience, nudge.step) for nudge in nudges]
    return clocks, steps


def test_the_first_notices_are_due_as_the_policy_says() -> None:
    """SEV-1: 5, 10 and 15 minutes after declaration."""
    due = {audience: clock.next_update_by for audience, clock in first_clocks(POLICY, brief(), T0).items()}
    assert due == {INTERNAL: T0 + minutes(5), EXTERNAL: T0 + minutes(10), EXECUTIVE: T0 + minutes(15)}


def test_a_drill_is_told_to_the_team_only() -> None:
    """No clock runs for customers or executives."""
    assert set(first_clocks(POLICY, brief(drill=True), T0)) == {INTERNAL}


def test_milder_incidents_have_fewer_clocks() -> None:
    """SEV-3 has no executive cadence, SEV-4 none at all."""
    assert set(first_clocks(POLICY, brief(Severity.SEV3), T0)) == {INTERNAL, EXTERNAL}
    assert first_clocks(POLICY, brief(Severity.SEV4), T0) == {}


def test_silence_is_reminded_told_late_escalated_and_told_again() -> None:
    """External, SEV-1, due at 10: reminded at 7, late at 10, escalated at 15, then every 20 minutes."""
    clocks = {EXTERNAL: first_clocks(POLICY, brief(), T0)[EXTERNAL]}
    _, steps = walk(clocks, brief(), T0 + minutes(60))
    assert steps == [
        (7, EXTERNAL, ClockStep.REMIND),
        (10, EXTERNAL, ClockStep.LATE),
        (15, EXTERNAL, ClockStep.ESCALATE),
        (35, EXTERNAL, ClockStep.STILL_SILENT),
        (55, EXTERNAL, ClockStep.STILL_SILENT),
    ]


def test_steps_that_nobody_could_take_in_time_are_one_nudge() -> None:
    """The workers were away for two hours: one word, the gravest, not nine."""
    clocks = {EXTERNAL: first_clocks(POLICY, brief(), T0)[EXTERNAL]}
    clocks, nudges = take_steps(POLICY, brief(), clocks, T0 + minutes(121))
    assert [nudge.step for nudge in nudges] == [ClockStep.STILL_SILENT]
    wake = next_wake(POLICY, brief(), clocks)
    assert wake == T0 + minutes(15 + 6 * 20)


def test_an_update_resets_the_clock_and_counts_a_missed_one() -> None:
    """After an update nobody is reminded until the next one is near."""
    clocks = first_clocks(POLICY, brief(), T0)
    late = after_update(clocks[EXTERNAL], cadence_for(POLICY, brief(), EXTERNAL), T0, T0 + minutes(12), None)
    assert (late.missed, late.sent, late.next_update_by) == (1, 1, T0 + minutes(32))
    assert (late.reminded, late.late, late.escalated) == (False, False, False)
    _, steps = walk({EXTERNAL: late}, brief(), T0 + minutes(30))
    assert steps == [(29, EXTERNAL, ClockStep.REMIND)]


@pytest.mark.parametrize(
    ("within", "expected"),
    [(None, 20), (minutes(10), 10), (minutes(20), 20), (minutes(90), 20), (timedelta(0), 1 / 60)],
)
def test_a_promise_may_shorten_the_policy_and_never_stretch_it(within: timedelta | None, expected: float) -> None:
    """Whoever promises to be back in 90 minutes where the policy says 20 is reminded after 20."""
    clock = after_update(AudienceClock(), cadence_for(POLICY, brief(), EXTERNAL), T0, T0, within)
    assert clock.next_update_by == T0 + minutes(expected)


def test_a_long_incident_speaks_less_often_to_customers() -> None:
    """SEV-1, external: every 20 minutes for two hours, then every 30."""
    cadence = cadence_for(POLICY, brief(), EXTERNAL)
    assert cadence is not None
    assert interval(cadence, T0, T0 + minutes(119)) == minutes(20)
    assert interval(cadence, T0, T0 + minutes(120)) == minutes(30)


def test_a_worse_severity_tightens_what_was_promised() -> None:
    """SEV-3 promised customers 60 minutes; raised to SEV-1 after 5, they hear by minute 10, and executives by 15."""
    before, after = brief(Severity.SEV3), brief(Severity.SEV1)
    clocks = after_change(POLICY, before, after, first_clocks(POLICY, before, T0), T0 + minutes(5.5))
    # Internal: due at minute 5 by SEV-1, which nobody could keep any more: 5 minutes from the change.
    assert {a: c.next_update_by for a, c in clocks.items()} == {
        INTERNAL: T0 + minutes(10.5),
        EXTERNAL: T0 + minutes(10),
        EXECUTIVE: T0 + minutes(15),
    }


def test_a_milder_severity_relaxes_and_may_end_a_clock() -> None:
    """Lowered from SEV-1 to SEV-3: customers within 120 minutes of the last word, executives need not hear again."""
    told = after_update(AudienceClock(), cadence_for(POLICY, brief(), EXTERNAL), T0, T0 + minutes(10), None)
    clocks = {**first_clocks(POLICY, brief(), T0), EXTERNAL: told}
    clocks = after_change(POLICY, brief(), brief(Severity.SEV3), clocks, T0 + minutes(12))
    assert clocks[EXTERNAL].next_update_by == T0 + minutes(130)
    assert clocks[EXECUTIVE].next_update_by is None
    assert clocks[EXTERNAL].sent == 1


def test_other_changes_move_no_clock() -> None:
    """A new title is no reason to wait longer."""
    clocks = first_clocks(POLICY, brief(), T0)
    renamed = brief().model_copy(update={"title": "another"})
    assert after_change(POLICY, brief(), renamed, clocks, T0 + minutes(4)) is clocks


EVENTS = st.lists(
    st.tuples(
        st.floats(0.1, 90),
        st.one_of(
            st.tuples(st.just("update"), st.sampled_from(Audience), st.one_of(st.none(), st.integers(1, 300))),
            st.tuples(st.just("severity"), st.sampled_from(Severity), st.none()),
        ),
    ),
    max_size=12,
)


@given(EVENTS, st.sampled_from(Severity))
def test_no_silence_lasts_longer_than_the_policy_without_a_word_to_somebody(
    events: list[tuple[float, tuple[str, Audience | Severity, int | None]]], severity: Severity
) -> None:
    """Whatever happens in whatever order, silence is broken in time.

    Between two words (an update, a nudge, a change of severity) about an audience that must hear lies at most the
    policy's interval, or the first time, or the time to escalate.
    """
    about, now = brief(severity), T0
    clocks = first_clocks(POLICY, about, now)
    last_word = dict.fromkeys(Audience, T0)

    def check(audience: Audience, at: datetime) -> None:
        cadence = cadence_for(POLICY, about, audience)
        if cadence is not None:
            allowed = max(cadence.first, interval(cadence, T0, at), POLICY.update_escalation_after)
            assert at - last_word[audience] <= allowed
        last_word[audience] = at

    for after, (kind, what, within) in events:
        until = now + minutes(after)
        while (wake := next_wake(POLICY, about, clocks)) is not None and wake <= until:
            clocks, nudges = take_steps(POLICY, about, clocks, wake)
            assert nudges, "a wake-up has a reason"
            assert (next_wake(POLICY, about, clocks) or until + minutes(1)) >= wake
            for nudge in nudges:
                check(nudge.audience, wake)
        now = until
        if kind == "update":
            assert isinstance(what, Audience)
            check(what, now)
            promised = minutes(within) if within else None
            clock = after_update(clocks.get(what, AudienceClock()), cadence_for(POLICY, about, what), T0, now, promised)
            assert (clock.reminded, clock.late, clock.escalated, clock.repeats) == (False, False, False, 0)
            clocks = {**clocks, what: clock}
        else:
            assert isinstance(what, Severity)
            for audience in Audience:
                check(audience, now)
            changed = brief(what)
            clocks = after_change(POLICY, about, changed, clocks, now)
            about = changed
        for audience, clock in clocks.items():
            if cadence_for(POLICY, about, audience) is not None:
                assert clock.next_update_by is not None, "an audience with a cadence always has a clock"
