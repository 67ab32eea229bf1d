"""Who has a resource, who waits, and when a holder has died. Pure; called by `workflows/resource_lock.py`.

A lease runs out when its holder says nothing. When the machinery itself was away (a worker that was down), leases are
extended instead: a holder that could not speak is not dead.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import Rejected, RejectionKind
from domain.lock import AcquireLock, BreakLock, Claim, Grant, LockCommand, LockState, ReleaseLock, RenewLock
from domain.run import ObserveLock
from domain.timeline import ActorKind, automation

_ME = automation("lock")
# A timer that is seen later than this was seen late because no worker was there to see it.
_LATE = timedelta(seconds=10)
# A lock that nobody has or wants lives on for so long, so that the next grant finds its number.
LINGER = timedelta(minutes=1)


@dataclass(frozen=True)
class Told:
    """What a holder or somebody in line is told."""

    holder: str
    news: ObserveLock


@dataclass(frozen=True)
class Outcome:
    """The new state and who hears of it."""

    state: LockState
    told: tuple[Told, ...] = ()


def first_fencing(started_at: datetime) -> int:
    """The number before the first grant of a new lock: higher than any that an earlier lock of that name gave."""
    # An earlier one ended at least LINGER before, and gave less than a million grants a second.
    return int(started_at.timestamp()) * 1_000_000


def decide(state: LockState, command: LockCommand, now: datetime) -> Outcome:
    """What a command brings about; Rejected when it is not possible."""
    match command:
        case AcquireLock():
            return _acquire(state, command, now)
        case RenewLock():
            return _renew(state, command, now)
        case ReleaseLock():
            return without(state, command.holder, now)
        case BreakLock():
            return _break(state, command, now)
    raise Rejected(f"a lock knows no {type(command).__name__}")


def without(state: LockState, holder: str, now: datetime) -> Outcome:
    """The holder is gone, or waits no more; the next in line gets it."""
    queue = tuple(each for each in state.queue if each.holder != holder)
    after = _changed(state, queue=queue)
    if state.grant is not None and state.grant.claim.holder == holder:
        after = _changed(after, grant=None)
    return _next(after, now)


def expire(state: LockState, now: datetime) -> Outcome:
    """A holder that has said nothing for the length of its lease has died."""
    grant = state.grant
    if grant is None or now < grant.expires_at:
        return Outcome(state)
    if now - grant.expires_at > _LATE:
        return Outcome(_changed(state, grant=_extended(grant, now)))
    lost = Told(grant.claim.holder, _news(state, lost=True, why="its lease ran out"))
    after = _next(_changed(state, grant=None), now)
    return Outcome(after.state, (lost, *after.told))


def wakes_at(state: LockState) -> datetime | None:
    """When something happens by itself; None: never."""
    if state.grant is not None:
        return state.grant.expires_at
    return state.idle_since + LINGER if state.idle_since is not None else None


def is_over(state: LockState, now: datetime) -> bool:
    """Whether nobody has had or wanted it for long enough."""
    return state.idle_since is not None and now >= state.idle_since + LINGER


def _acquire(state: LockState, command: AcquireLock, now: datetime) -> Outcome:
    claim = Claim(holder=command.holder, by=command.by, at=now, lease=command.lease)
    grant = state.grant
    if grant is None:
        return _next(_changed(state, queue=(*state.queue, claim)), now)
    if grant.claim.holder == command.holder:
        again = _extended(grant, now)
        return Outcome(_changed(state, grant=again), (Told(command.holder, _news(state, fencing=grant.fencing)),))
    waits = command.queue and all(each.holder != command.holder for each in state.queue)
    queue = (*state.queue, claim) if waits else state.queue
    return Outcome(_changed(state, queue=queue), (Told(command.holder, _news(state, held_by=grant.claim.by.name)),))


def _renew(state: LockState, command: RenewLock, now: datetime) -> Outcome:
    if state.grant is not None and state.grant.claim.holder == command.holder:
        return Outcome(_changed(state, grant=_extended(state.grant, now)))
    return Outcome(state, (Told(command.holder, _news(state, lost=True, why="somebody else has it")),))


def _break(state: LockState, command: BreakLock, now: datetime) -> Outcome:
    if command.by.kind is not ActorKind.PERSON:
        raise Rejected(f"{command.by.name} is no person; only people break locks", RejectionKind.FORBIDDEN)
    if not command.reason.strip():
        raise Rejected("say why: the reason goes into the timeline")
    if state.grant is None or state.grant.claim.holder != command.holder:
        raise Rejected(f"{command.holder} does not hold {state.resource!r}", RejectionKind.CONFLICT)
    why = f"{command.by.name} broke it: {command.reason}"
    lost = Told(command.holder, _news(state, lost=True, why=why))
    after = _next(_changed(state, grant=None), now)
    return Outcome(after.state, (lost, *after.told))


def _next(state: LockState, now: datetime) -> Outcome:
    if state.grant is not None:
        return Outcome(state)
    if not state.queue:
        return Outcome(_changed(state, idle_since=state.idle_since or now))
    first, *rest = state.queue
    fencing = state.fencing + 1
    grant = Grant(claim=first, fencing=fencing, since=now, expires_at=now + first.lease)
    after = _changed(state, grant=grant, queue=tuple(rest), fencing=fencing, idle_since=None)
    waiting = [Told(each.holder, _news(state, held_by=first.by.name)) for each in rest]
    return Outcome(after, (Told(first.holder, _news(state, fencing=fencing)), *waiting))


def _extended(grant: Grant, now: datetime) -> Grant:
    return grant.model_copy(update={"expires_at": now + grant.claim.lease})


def _news(
    state: LockState, *, fencing: int | None = None, held_by: str | None = None, lost: bool = False, why: str = ""
) -> ObserveLock:
    return ObserveLock(by=_ME, resource=state.resource, fencing=fencing, held_by=held_by, lost=lost, why=why)


def _changed(state: LockState, **update: object) -> LockState:
    return state.model_copy(update=update)
