"""States of a game day on its way through the decisions, for the tests of `domain/game_day_decisions.py`."""

from datetime import UTC, datetime, timedelta

from domain import game_day_decisions as decisions
from domain import game_day_faults as life
from domain.game_day import (
    Expectation,
    ExpectationResult,
    GameDayPhase,
    GameDayState,
    GameDayTerms,
    HaltGameDay,
    Milestone,
    MilestoneKind,
    PreflightCheck,
    Seen,
)
from domain.game_day_decisions import Outcome
from domain.game_day_faults import FaultRun
from domain.game_day_probes import ProbeRun, fold
from domain.run import ApprovalState, ApprovalStatus
from domain.timeline import person

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
TERMS = GameDayTerms(
    takes_effect_within=timedelta(seconds=10), duration=timedelta(minutes=5), restored_within=timedelta(seconds=60)
)
EXPECTED = (
    ExpectationResult(expectation=Expectation.DETECT, within_seconds=30),
    ExpectationResult(expectation=Expectation.PAGE, within_seconds=60),
    ExpectationResult(expectation=Expectation.RECOVER, within_seconds=120),
)
HOLDS, FAILS, DOUBT = Seen(holds=True), Seen(holds=False, detail="answered 503"), Seen(holds=None, detail="no answer")
HALT = HaltGameDay(by=person("dana"), reason="a customer is calling")
KILL = FaultRun(id="kill", action="process.kill", target="shop-1", duration_seconds=240)
HEALTH = ProbeRun(id="health", mode="continuous")
FINE = (PreflightCheck(name="steady state", holds=True),)


def at(seconds: float) -> datetime:
    """So many seconds after the game day began."""
    return START + timedelta(seconds=seconds)


def state(**fields: object) -> GameDayState:
    """A game day that has just begun."""
    given_: dict[str, object] = {
        "id": "process-dies-1", "name": "process-dies", "title": "The process dies", "phase": GameDayPhase.CHECKING,
        "started_at": START, "expectations": EXPECTED, "requested_by": person("dana"), "faults": (KILL,),
        "probes": (HEALTH,), "environment": "staging",
    }  # fmt: skip
    return GameDayState.model_validate(given_ | fields)


def checked(before: GameDayState, *checks: PreflightCheck, seconds: float = 1, approval: bool = False) -> Outcome:
    """The preflight said so."""
    return decisions.checked(before, checks or FINE, at(seconds), START, approval_wanted=approval)


def begun(**fields: object) -> GameDayState:
    """Everything is in order, and the fault is about to be made."""
    return decisions.begin(checked(state(**fields)).state, at(1)).state


def made(**fields: object) -> GameDayState:
    """The fault was made without a problem."""
    before = begun(**fields)
    run = life.made(life.asked(before.faults[0], at(1)), at(2), {})
    return decisions.with_fault(before, run, at(2)).state


def probed(before: GameDayState, seen: Seen, seconds: float, key: str = "health") -> GameDayState:
    """A probe answered while the fault was there."""
    run = next(each for each in before.probes if each.key == key)
    return decisions.with_probe(before, fold(run, seen, at(seconds), counts=True), at(seconds)).state


def proved(before: GameDayState, holds: bool | None, seconds: float, *, late: bool = False) -> GameDayState:
    """The fault's own check answered."""
    broke = before.broke_at is not None
    run = life.proved(before.faults[0], holds, "so it says", is_late=late, steady_state_broke=broke)
    return decisions.with_fault(before, run, at(seconds)).state


def broken(**fields: object) -> GameDayState:
    """The fault has taken effect, and the steady state does not hold."""
    return proved(probed(made(**fields), FAILS, 3), True, 3)


def over(before: GameDayState, seconds: float = 400) -> GameDayState:
    """The watching is over, and everything was undone by the game day."""
    current = decisions.begin_restoring(before, at(seconds), TERMS).state
    return undone(current, seconds)


def undone(before: GameDayState, seconds: float, problem: str = "", *, clean: bool | None = None) -> GameDayState:
    """The undo of the one fault ended like this."""
    run = life.ending(before.faults[0]).model_copy(update={"undo_asked_at": at(seconds)})
    run = life.verified(run, clean, "it is frozen")
    run = life.undo_failed(run, problem) if problem else life.undone(run, at(seconds))
    current = decisions.with_fault(before, life.closed(run), at(seconds)).state
    return decisions.begin_verifying(current).state


def restored(before: GameDayState, seen: Seen = HOLDS, seconds: float = 500) -> GameDayState:
    """The end, when the probes say this."""
    current = before
    for number in range(decisions.RESTORE_ROUNDS):
        current = decisions.judge_restore(current, seen, at(seconds + number)).state
        if current.restored is not None:
            return decisions.conclude(current, at(seconds + number)).state
    raise AssertionError("it goes on for ever")


def milestone(kind: MilestoneKind, seconds: float, **more: object) -> Milestone:
    """Something happened so long after the start."""
    fields = {"kind": kind, "at": at(seconds), "incident_id": "inc-20261122-k7qd", "evidence": f"{kind.value} it was"}
    return Milestone.model_validate(fields | more)


def judgements(end: GameDayState) -> dict[str, str]:
    """The score sheet."""
    return {result.expectation.value: result.judgement.value for result in end.expectations}


APPROVAL = ApprovalState(
    id="game-day~process-dies-1:targets", run_id="process-dies-1", step_id="targets", incident_id="",
    state=ApprovalStatus.PENDING, digest="sha256:one", shown={}, min_approvals=1, requested_by=person("dana"),
    requested_at=START, expires_at=None,
)  # fmt: skip
