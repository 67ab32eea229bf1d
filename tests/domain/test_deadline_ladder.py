"""The ladder of a deadline: which step comes next, and when."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.deadlines import Ladder, LadderReason, LadderStep, begin, climb, next_step
from domain.policy import Policy

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
POLICY = Policy()

policies = st.builds(
    Policy,
    deadline_reminders_before=st.lists(st.timedeltas(timedelta(0), 30 * DAY), max_size=4).map(tuple),
    overdue_reminder_every=st.timedeltas(timedelta(0), 10 * DAY),
)
spans = st.timedeltas(timedelta(seconds=1), 200 * DAY)


def walk(ladder: Ladder | None, policy: Policy, until: datetime) -> list[LadderStep]:
    """Every step when somebody wakes at exactly the right times."""
    steps = []
    now = START
    while ladder and (step := next_step(ladder, now, policy)) and step.at <= until and len(steps) < 50:
        now = max(now, step.at)
        ladder = climb(ladder, step)
        steps.append(step)
    return steps


def test_the_default_ladder():
    """Two days and four hours before, at the time, then daily, with the manager from the second time on."""
    due = START + 10 * DAY
    steps = walk(begin(due, START), POLICY, due + 3 * DAY)
    assert [(step.at - due, step.reason) for step in steps] == [
        (-2 * DAY, LadderReason.UPCOMING),
        (-4 * HOUR, LadderReason.UPCOMING),
        (0 * DAY, LadderReason.DUE),
        (DAY, LadderReason.OVERDUE),
        (2 * DAY, LadderReason.ESCALATED),
        (3 * DAY, LadderReason.ESCALATED),
    ]


def test_a_reminder_that_does_not_fit_is_left_out():
    """A deadline in a day has no reminder two days before it."""
    due = START + DAY
    assert [step.at - due for step in walk(begin(due, START), POLICY, due)] == [-4 * HOUR, timedelta(0)]


def test_days_that_were_slept_through_leave_one_step():
    """After a week without a worker there is one message, about how it stands now, and the next follows on time."""
    due = START + 3 * DAY
    ladder = begin(due, START)
    assert ladder is not None
    now = due + 7 * DAY + HOUR
    step = next_step(ladder, now, POLICY)
    assert step == LadderStep(reason=LadderReason.ESCALATED, at=due + 7 * DAY, times_overdue=7)
    following = next_step(climb(ladder, step), now, POLICY)
    assert following is not None
    assert following.at == due + 8 * DAY


def test_without_a_deadline_nothing_comes():
    """What is never due needs nobody to be woken."""
    assert next_step(begin(None, START), START, POLICY) is None


@given(policies, spans, spans)
def test_steps_rise_and_none_comes_twice(policy: Policy, due_in: timedelta, watched: timedelta):
    """Whatever the policy: later steps are later, none repeats, none is before the deadline was set."""
    due = START + due_in
    steps = walk(begin(due, START), policy, START + watched)
    times = [step.at for step in steps]
    assert times == sorted(set(times))
    assert all(at > START for at in times)
    assert all((step.at > due) == step.is_after_deadline for step in steps)


@given(policies, spans, st.lists(spans, max_size=6))
def test_sleeping_changes_which_steps_come_but_not_their_times(
    policy: Policy, due_in: timedelta, naps: list[timedelta]
):
    """Woken at any times, one takes a part of the steps that a sleepless one takes, and always the newest."""
    due = START + due_in
    moments = [START + sum(naps[: n + 1], timedelta()) for n in range(len(naps))]
    every = {step.at: step for step in walk(begin(due, START), policy, max(moments, default=START))}
    ladder = begin(due, START)
    assert ladder is not None
    for now in moments:
        step = next_step(ladder, now, policy)
        if step is None or step.at > now:
            continue
        ladder = climb(ladder, step)
        after = next_step(ladder, now, policy)
        assert after is None or after.at > now
        if len(every) < 50:
            assert every[step.at] == step
            assert step.at == max(at for at in every if at <= now)


@given(policies, spans, spans)
def test_an_extension_begins_anew(policy: Policy, due_in: timedelta, more: timedelta):
    """After an extension nothing is overdue, and no step lies in the past."""
    now = START + due_in + DAY
    step = next_step(begin(now + more, now), now, policy)
    assert step is not None
    assert step.at > now
    assert not step.is_after_deadline


def test_what_is_long_overdue_is_reminded_of_weekly():
    """Three days in a row, then every seventh; whoever slept for months takes the newest step."""
    due, policy = datetime(2026, 11, 2, 12, tzinfo=UTC), Policy()
    ladder = begin(due, due - timedelta(days=1), 3)
    assert ladder is not None
    days, now = [], due
    for _ in range(6):
        step = next_step(ladder, now, policy)
        assert step is not None
        now = max(now, step.at)
        days.append((step.at - due).days)
        ladder = climb(ladder, step)
    assert days == [0, 1, 2, 3, 10, 17]
    slept = next_step(ladder, due + timedelta(days=100), policy)
    assert slept is not None
    assert (slept.at - due).days == 94
    after = next_step(climb(ladder, slept), due + timedelta(days=100), policy)
    assert after is not None
    assert (after.at - due).days == 101
