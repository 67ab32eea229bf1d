"""One fault at one target, from waiting to clean: its words, its state, and what each answer makes of it. Pure.

Called by `workflows/game_days/faults.py`. The one thing to know: whatever was tried is undone, also what was refused
or never heard of again, and what ended a fault is told as it was: by us, by its lease, by the response or by a sweep.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from domain.durations import format_duration
from domain.model import Model


class FaultStage(StrEnum):
    """Where a fault stands."""

    WAITING = "waiting"
    INJECTING = "injecting"
    PROVING = "proving"
    ACTIVE = "active"
    UNDOING = "undoing"
    UNDONE = "undone"
    UNDO_FAILED = "undo_failed"
    # Never made: a dry run, no target, or the game day ended before its turn.
    SKIPPED = "skipped"


OVER = frozenset({FaultStage.UNDONE, FaultStage.UNDO_FAILED, FaultStage.SKIPPED})
THERE = frozenset({FaultStage.PROVING, FaultStage.ACTIVE})


class EffectProof(StrEnum):
    """Whether the fault was really there (Chaos Mesh issue 4948 asks for these words)."""

    CONFIRMED = "confirmed"
    MISMATCH = "mismatch"
    INCONCLUSIVE = "inconclusive"


class UndoneBy(StrEnum):
    """What ended a fault."""

    WORKFLOW = "workflow"
    # The target's own watchdog, because nobody renewed it or its time was over.
    LEASE = "lease"
    # People or runbooks, before we came to it.
    RESPONSE = "response"
    # A worker that started and found it left over.
    SWEEP = "sweep"


class LeaseStatus(StrEnum):
    """What the target side says of a lease."""

    HELD = "held"
    REVERTED = "reverted"
    LOST = "lost"


class LeaseAnswer(Model):
    """What a renewal found; the same fields as `LeaseState` of `activities/leases.py`."""

    state: LeaseStatus
    detail: str = ""
    # undo, lease, duration or sweep.
    by: str | None = None
    at: datetime | None = None


class FaultRun(Model):
    """All that is known of one fault at one target."""

    id: str
    title: str = ""
    action: str
    # The name of the target.
    target: str | None = None
    # Whose worker has said that its injector works: the lease will be there, so all that is asked of it is asked there.
    machine: str = ""
    state: FaultStage = FaultStage.WAITING
    duration_seconds: float
    start_after: tuple[str, ...] = ()
    # After those, or after the beginning.
    delay_seconds: float = 0
    # Its action keeps a lease at the target that has to be renewed.
    is_leased: bool = False
    lease_seconds: float | None = None
    lease: LeaseStatus | None = None
    renewed_at: datetime | None = None
    # When it was asked for, and when it was there as its action says.
    asked_at: datetime | None = None
    injected_at: datetime | None = None
    # When its action had ended, well or not; from then on it has to show.
    made_at: datetime | None = None
    # Why its action did not end well; the proof says whether it took effect all the same.
    problem: str = ""
    effect: EffectProof | None = None
    effect_detail: str = ""
    undo_asked_at: datetime | None = None
    undone_at: datetime | None = None
    undone_by: UndoneBy | None = None
    undo_problem: str = ""
    # The target shows nothing of it any more; None: it cannot be told.
    clean: bool | None = None
    clean_detail: str = ""
    # It ended before its time without anybody of the game day ending it.
    ended_early: bool = False
    # What its action returned: the undo needs it.
    performed: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """Unique in the game day."""
        return f"{self.id}/{self.target}" if self.target else self.id

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.id} on {self.target}" if self.target else self.id


def in_words(run: FaultRun) -> str:
    """What will be done to what, and for how long, for whoever has to agree: `kill on shop-1 (process.kill) for 1m`."""
    return f"{run.name} ({run.action}) for {format_duration(timedelta(seconds=run.duration_seconds))}"


def ready_at(run: FaultRun, faults: Sequence[FaultRun], began_at: datetime) -> datetime | None:
    """When a waiting fault is due; None while those before it have not ended."""
    delay = timedelta(seconds=run.delay_seconds)
    before = [each for each in faults if each.id in run.start_after]
    if any(each.state not in OVER for each in before):
        return None
    ends = [each.undone_at for each in before if each.undone_at is not None]
    return max([began_at, *ends]) + delay


def asked(run: FaultRun, now: datetime) -> FaultRun:
    """It is being made; from now on it has to be undone."""
    return run.model_copy(update={"state": FaultStage.INJECTING, "asked_at": now})


def made(run: FaultRun, now: datetime, output: dict[str, Any]) -> FaultRun:
    """Its action says that it was made; the action's own time counts where it says one."""
    told = moment(output.get("injected_at"))
    asked_at = run.asked_at or now
    at = told if told is not None and asked_at - _CLOCKS_DIFFER <= told <= now + _CLOCKS_DIFFER else asked_at
    return run.model_copy(
        update={
            "state": FaultStage.PROVING, "injected_at": at, "made_at": now, "renewed_at": now, "performed": output,
            "problem": "",
        }
    )  # fmt: skip


# Injectors run on other machines; a time that is further off than this is of no use.
_CLOCKS_DIFFER = timedelta(seconds=2)


def not_made(run: FaultRun, now: datetime, problem: str, *, nothing_done: bool) -> FaultRun:
    """Its action did not end well. When that leaves a doubt the proof has to say what became of it."""
    if nothing_done:
        update = {"state": FaultStage.UNDOING, "problem": problem, "effect": EffectProof.MISMATCH}
        return run.model_copy(update={**update, "effect_detail": problem})
    return run.model_copy(
        update={
            "state": FaultStage.PROVING, "injected_at": run.asked_at, "made_at": now, "renewed_at": now,
            "problem": problem,
        }
    )  # fmt: skip


def proved(run: FaultRun, holds: bool | None, detail: str, *, is_late: bool, steady_state_broke: bool) -> FaultRun:
    """What its action says of the target now; where that cannot be told, the steady state; in time, or not at all.

    An action that says no has the last word: then something else has broken the steady state.
    """
    if holds is True:
        return _effect(run, EffectProof.CONFIRMED, detail)
    if steady_state_broke and holds is None:
        return _effect(run, EffectProof.CONFIRMED, "the steady state stopped holding")
    if not is_late:
        return run.model_copy(update={"effect_detail": detail})
    return _effect(run, EffectProof.MISMATCH if holds is False else EffectProof.INCONCLUSIVE, detail)


def _effect(run: FaultRun, proof: EffectProof, detail: str) -> FaultRun:
    return run.model_copy(update={"state": FaultStage.ACTIVE, "effect": proof, "effect_detail": detail})


def renewed(run: FaultRun, answer: LeaseAnswer, now: datetime) -> FaultRun:
    """What the target side says of the lease. One that is not held any more ends the fault, whoever ended it."""
    if answer.state is LeaseStatus.HELD:
        return run.model_copy(update={"lease": answer.state, "renewed_at": now})
    if run.state in OVER or run.undone_by is not None:
        return run.model_copy(update={"lease": answer.state})
    update: dict[str, Any] = {"lease": answer.state, "state": FaultStage.UNDOING}
    if answer.state is LeaseStatus.LOST:
        return run.model_copy(update={**update, "ended_early": True})
    update |= {"undone_by": _REVERTED.get(answer.by or "", UndoneBy.LEASE), "undone_at": answer.at or now}
    # By its duration it has ended in time. What counts is when it ended, however much later we hear of it.
    update["ended_early"] = answer.by != "duration" and (answer.at or now) < ends_at(run, now)
    return run.model_copy(update=update)


# As the leases of `activities/leases.py` name who ended a fault.
_REVERTED = {"lease": UndoneBy.LEASE, "duration": UndoneBy.LEASE, "sweep": UndoneBy.SWEEP, "undo": UndoneBy.WORKFLOW}


def ends_at(run: FaultRun, now: datetime) -> datetime:
    """When it has lasted for as long as it may."""
    return (run.injected_at or run.asked_at or now) + timedelta(seconds=run.duration_seconds)


def renew_at(run: FaultRun, now: datetime) -> datetime:
    """When its lease is to be renewed: three times in its length, so that two may be lost."""
    if run.lease_seconds is None:
        return datetime.max.replace(tzinfo=UTC)
    return (run.renewed_at or now) + timedelta(seconds=run.lease_seconds / 3)


def ending(run: FaultRun) -> FaultRun:
    """Undo it now, or never make it."""
    if run.state is FaultStage.WAITING:
        return run.model_copy(update={"state": FaultStage.SKIPPED})
    if run.state in THERE or run.state is FaultStage.INJECTING:
        return run.model_copy(update={"state": FaultStage.UNDOING})
    return run


def found_gone(run: FaultRun, now: datetime) -> FaultRun:
    """The target shows nothing of it before we undid it: the response has put it right."""
    if run.undone_by is not None:
        return run
    return run.model_copy(update={"undone_by": UndoneBy.RESPONSE, "undone_at": now})


def undone(run: FaultRun, now: datetime) -> FaultRun:
    """Its undo ended well. Who undid it before stays the one who did."""
    update: dict[str, Any] = {"undo_problem": ""}
    if run.undone_by is None:
        update |= {"undone_by": UndoneBy.WORKFLOW, "undone_at": now}
    return run.model_copy(update=update)


def undo_failed(run: FaultRun, problem: str) -> FaultRun:
    """Its undo did not end well; it is tried again for as long as the restoring lasts."""
    return run.model_copy(update={"undo_problem": problem})


def verified(run: FaultRun, clean: bool | None, detail: str) -> FaultRun:
    """Whether the target still shows it."""
    return run.model_copy(update={"clean": clean, "clean_detail": detail})


def is_settled(run: FaultRun) -> bool:
    """Undone, and not known to be there still."""
    return run.undone_at is not None and not run.undo_problem and run.clean is not False


def is_doubtful(run: FaultRun) -> bool:
    """Undone as its action says, and its target, which ought to know, has not told whether it shows anything still."""
    return is_settled(run) and run.is_leased and run.clean is None


def doubt_of(run: FaultRun) -> str:
    """The doubt in words."""
    why = f": {run.clean_detail}" if run.clean_detail else ""
    return f"{run.name} was undone, and whether anything of it is left cannot be told{why}"


def closed(run: FaultRun) -> FaultRun:
    """No more is tried."""
    return run.model_copy(update={"state": FaultStage.UNDONE if is_settled(run) else FaultStage.UNDO_FAILED})


def moment(value: object) -> datetime | None:
    """A time with a zone out of JSON; None when it is none."""
    if isinstance(value, datetime):
        found = value
    elif isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            return None
    else:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
