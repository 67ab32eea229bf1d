"""When each audience must hear again, and what happens when it does not: pure arithmetic on clocks.

Called by `domain/comms_decisions.py` (which says what is sent to whom) for the `CommsPlan` workflow. The one thing to
know: a clock runs from `since` to `next_update_by`; only a published update or a change of severity moves it, never a
reminder. On its way it takes the steps of `ClockStep`, each once, the last one again and again until somebody speaks.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from domain.comms import AudienceClock, IncidentBrief
from domain.model import Model
from domain.policy import Audience, Cadence, Policy

# Below this a policy would make the plan spin; demonstrations run on policies of a few seconds.
_SHORTEST = timedelta(seconds=1)

Clocks = dict[Audience, AudienceClock]


class ClockStep(StrEnum):
    """What silence leads to, in this order; the value is the named reason."""

    REMIND = "update_due_soon"
    LATE = "update_late"
    ESCALATE = "update_escalated"
    # Nobody spoke after the escalation either: everybody responsible hears again once per interval.
    STILL_SILENT = "update_still_missing"


class Nudge(Model):
    """Somebody has to be told about an audience's clock."""

    audience: Audience
    step: ClockStep
    due_at: datetime
    last_update_at: datetime | None


def cadence_for(policy: Policy, brief: IncidentBrief, audience: Audience) -> Cadence | None:
    """What the policy demands for an audience; None: nothing. A drill is nobody's business outside the team."""
    if brief.drill and audience is not Audience.INTERNAL:
        return None
    return policy.of(brief.severity).cadence.get(audience)


def interval(cadence: Cadence, declared_at: datetime, now: datetime) -> timedelta:
    """The longest silence allowed after an update at `now`: a long incident may speak less often."""
    is_late_phase = cadence.later_after is not None and now - declared_at >= cadence.later_after
    every = cadence.later_every if is_late_phase and cadence.later_every is not None else cadence.every
    return max(every, _SHORTEST)


def first_clocks(policy: Policy, brief: IncidentBrief, since: datetime) -> Clocks:
    """The clocks of a new incident, counted from its declaration (of a reopened one: from then)."""
    clocks: Clocks = {}
    for audience in Audience:
        cadence = cadence_for(policy, brief, audience)
        if cadence is not None:
            clocks[audience] = AudienceClock(since=since, next_update_by=since + max(cadence.first, _SHORTEST))
    return clocks


def after_update(
    clock: AudienceClock, cadence: Cadence | None, declared_at: datetime, now: datetime, within: timedelta | None
) -> AudienceClock:
    """The clock after a real update. `within` is its author's promise; it may shorten the policy, never stretch it."""
    wait = _promised(interval(cadence, declared_at, now) if cadence else None, within)
    was_late = clock.next_update_by is not None and now > clock.next_update_by
    return AudienceClock(
        since=now,
        last_update_at=now,
        next_update_by=now + wait if wait else None,
        missed=clock.missed + was_late,
        sent=clock.sent + 1,
    )


def after_change(policy: Policy, old: IncidentBrief, new: IncidentBrief, clocks: Clocks, now: datetime) -> Clocks:
    """The clocks after a change of severity; nothing else moves them.

    Worse: by the stricter of what was promised and what the new severity demands. Milder: by the new severity. A time
    that has passed already when the severity changes could not be kept by anybody: it starts again with `first`.
    """
    if new.severity is old.severity:
        return clocks
    changed: Clocks = {}
    for audience in Audience:
        clock, cadence = clocks.get(audience), cadence_for(policy, new, audience)
        if cadence is not None:
            is_worse = new.severity.rank < old.severity.rank
            changed[audience] = _recomputed(clock or AudienceClock(), cadence, new.declared_at, now, is_worse=is_worse)
        elif clock is not None:
            changed[audience] = stopped(clock)
    return changed


def stopped(clock: AudienceClock) -> AudienceClock:
    """The clock of an audience that need not hear again; what it heard stays counted."""
    return AudienceClock(last_update_at=clock.last_update_at, missed=clock.missed, sent=clock.sent)


def take_steps(policy: Policy, brief: IncidentBrief, clocks: Clocks, now: datetime) -> tuple[Clocks, tuple[Nudge, ...]]:
    """Every step that is due by `now`. Several at once of one audience (nobody worked) are one nudge: the gravest."""
    moved: Clocks = dict(clocks)
    nudges = []
    for audience, clock in clocks.items():
        after, step = _step(policy, brief, audience, clock, now)
        if step is not None and clock.next_update_by is not None:
            moved[audience] = after
            nudges.append(
                Nudge(audience=audience, step=step, due_at=clock.next_update_by, last_update_at=clock.last_update_at)
            )
    return moved, tuple(nudges)


def next_wake(policy: Policy, brief: IncidentBrief, clocks: Clocks) -> datetime | None:
    """When `take_steps` next has something to do; None: not before something changes."""
    times = [_next_step(policy, brief, audience, clock) for audience, clock in clocks.items()]
    return min((at for at, _ in filter(None, times)), default=None)


def _promised(allowed: timedelta | None, within: timedelta | None) -> timedelta | None:
    if within is None:
        return allowed
    asked = max(within, _SHORTEST)
    return asked if allowed is None else min(asked, allowed)


def _recomputed(
    clock: AudienceClock, cadence: Cadence, declared_at: datetime, now: datetime, *, is_worse: bool
) -> AudienceClock:
    if clock.last_update_at is None:
        since, due = declared_at, declared_at + cadence.first
    else:
        since, due = clock.last_update_at, clock.last_update_at + interval(cadence, declared_at, now)
    if due <= now:
        since, due = now, now + max(cadence.first, _SHORTEST)
    promised = clock.next_update_by
    if promised is not None and (promised == due or (is_worse and promised < due)):
        return clock
    return stopped(clock).model_copy(update={"since": since, "next_update_by": due})


def _next_step(
    policy: Policy, brief: IncidentBrief, audience: Audience, clock: AudienceClock
) -> tuple[datetime, ClockStep] | None:
    due = clock.next_update_by
    if due is None:
        return None
    if not clock.reminded and not clock.late:
        # A wait shorter than the usual notice is reminded of halfway, not at once.
        notice = policy.update_reminder_before
        if clock.since is not None:
            notice = min(notice, (due - clock.since) / 2)
        return due - notice, ClockStep.REMIND
    if not clock.late:
        return due, ClockStep.LATE
    escalates_at = due + policy.update_escalation_after
    if not clock.escalated:
        return escalates_at, ClockStep.ESCALATE
    return escalates_at + (clock.repeats + 1) * _repeat(policy, brief, audience, due), ClockStep.STILL_SILENT


def _step(
    policy: Policy, brief: IncidentBrief, audience: Audience, clock: AudienceClock, now: datetime
) -> tuple[AudienceClock, ClockStep | None]:
    taken: ClockStep | None = None
    while (found := _next_step(policy, brief, audience, clock)) is not None and found[0] <= now:
        taken = found[1]
        if taken is ClockStep.STILL_SILENT:
            repeats = 1 + (now - found[0]) // _repeat(policy, brief, audience, clock.next_update_by or now)
            return clock.model_copy(update={"repeats": clock.repeats + repeats}), taken
        clock = clock.model_copy(update=_MARKS[taken])
    return clock, taken


def _repeat(policy: Policy, brief: IncidentBrief, audience: Audience, due: datetime) -> timedelta:
    cadence = cadence_for(policy, brief, audience)
    # A promise outside any cadence (SEV-4) that was broken is repeated hourly.
    return interval(cadence, brief.declared_at, due) if cadence else timedelta(hours=1)


_MARKS: dict[ClockStep, dict[str, bool]] = {
    ClockStep.REMIND: {"reminded": True},
    ClockStep.LATE: {"late": True},
    ClockStep.ESCALATE: {"escalated": True},
}
