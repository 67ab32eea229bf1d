"""What a run does next: after an attempt, after a failed step, when undoing, and whether a command is possible.

Called by `workflows/runbook_run.py` and `workflows/steps/`. Every decision carries a named reason, which is kept in
the step and shown.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from domain.errors import Rejected, RejectionKind
from domain.model import Model
from domain.run import (
    CompleteManualStep,
    Idempotency,
    OnFailure,
    OnUnknown,
    OverrideOutput,
    PauseRun,
    ResumeRun,
    Retry,
    RetryStep,
    RunCommand,
    RunState,
    RunStatus,
    SkipStep,
    StepKind,
    StepState,
    StepStatus,
    StopRun,
)

# A machine may die under a step, and so may the next one; a step that kills five workers in a row is the cause itself.
MAX_VANISHED = 5
# Long enough for a restarted worker to poll again, short against the 10 s after which its death was noticed.
VANISHED_PAUSE = timedelta(seconds=1)

ENDED = frozenset(
    {
        StepStatus.SUCCEEDED,
        StepStatus.FAILED,
        StepStatus.TIMED_OUT,
        StepStatus.SKIPPED,
        StepStatus.CANCELLED,
        StepStatus.UNKNOWN,
        StepStatus.UNDONE,
        StepStatus.UNDO_FAILED,
    }
)
OVER = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.STOPPED})


class Ending(StrEnum):
    """How one attempt ended, as far as the workflow can see."""

    SUCCEEDED = "succeeded"
    # The action said so; `retryable` tells whether trying again may help.
    FAILED = "failed"
    # It ran longer than the step's `timeout`.
    TIMED_OUT = "timed_out"
    # Its worker stopped sending heartbeats.
    VANISHED = "vanished"
    # The action itself says that nobody knows.
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


class Attempt(Model):
    """One attempt that is over."""

    ending: Ending
    retryable: bool = False
    sentence: str = ""


class Tried(Model):
    """What has been tried before and with the attempt that just ended; `vanished` attempts do not count as `failed`."""

    failed: int = 0
    vanished: int = 0


class Rules(Model):
    """What the author and the action say about an action step."""

    retry: Retry = Retry()
    idempotency: Idempotency
    # All attempts together end here.
    deadline_at: datetime | None = None


class Next(StrEnum):
    """What to do after an attempt."""

    SUCCEED = "succeed"
    RETRY = "retry"
    FAIL = "fail"
    TIME_OUT = "time_out"
    # Ask the check, else a person.
    FIND_OUT = "find_out"
    CANCEL = "cancel"


class AfterAttempt(Model):
    """The decision about an attempt."""

    next: Next
    reason: str
    pause: timedelta = timedelta()


def after_attempt(attempt: Attempt, tried: Tried, rules: Rules, now: datetime) -> AfterAttempt:
    """What follows from an attempt; `tried` includes it."""
    match attempt.ending:
        case Ending.FAILED if attempt.retryable:
            return _again(Next.FAIL, "failed", tried, rules, now)
        case Ending.TIMED_OUT | Ending.VANISHED if rules.idempotency is Idempotency.AT_MOST_ONCE:
            # The attempt may still be running somewhere: a second one could be one too many.
            return AfterAttempt(next=Next.FIND_OUT, reason=f"{attempt.ending.value}_outcome_unknown")
        case Ending.TIMED_OUT:
            return _again(Next.TIME_OUT, "timed_out", tried, rules, now)
        case Ending.VANISHED:
            return _after_vanished(tried, rules, now)
        case _:
            next_, reason = _SIMPLE[attempt.ending]
            return AfterAttempt(next=next_, reason=reason)


_SIMPLE = {
    Ending.SUCCEEDED: (Next.SUCCEED, "done"),
    Ending.FAILED: (Next.FAIL, "refused"),
    Ending.UNKNOWN: (Next.FIND_OUT, "outcome_unknown"),
    Ending.CANCELLED: (Next.CANCEL, "stopped"),
}


def backoff(retry: Retry, failed: int) -> timedelta:
    """The pause before the next attempt after `failed` failed ones."""
    # 64 doublings of a millisecond are longer than any `max_interval`; more would overflow a timedelta.
    seconds = retry.interval.total_seconds() * min(retry.backoff ** min(failed - 1, 64), 1e9)
    return min(timedelta(seconds=min(seconds, 1e9)), retry.max_interval)


def _again(otherwise: Next, reason: str, tried: Tried, rules: Rules, now: datetime) -> AfterAttempt:
    if tried.failed >= rules.retry.max_attempts:
        why = "attempts_exhausted" if rules.retry.max_attempts > 1 else reason
        return AfterAttempt(next=otherwise, reason=why)
    pause = backoff(rules.retry, tried.failed)
    if rules.deadline_at is not None and now + pause >= rules.deadline_at:
        return AfterAttempt(next=Next.TIME_OUT, reason="deadline_passed")
    return AfterAttempt(next=Next.RETRY, reason=f"{reason}_retry", pause=pause)


def _after_vanished(tried: Tried, rules: Rules, now: datetime) -> AfterAttempt:
    if tried.vanished >= MAX_VANISHED:
        return AfterAttempt(next=Next.FIND_OUT, reason="workers_keep_vanishing")
    if rules.deadline_at is not None and now + VANISHED_PAUSE >= rules.deadline_at:
        return AfterAttempt(next=Next.FIND_OUT, reason="deadline_passed")
    return AfterAttempt(next=Next.RETRY, reason="worker_vanished_retry", pause=VANISHED_PAUSE)


class Verdict(StrEnum):
    """What becomes of an unknown outcome once the check has spoken."""

    DONE = "check_says_done"
    NOT_DONE = "check_says_not_done"
    ASK = "check_cannot_tell"


def after_check(holds: bool | None) -> Verdict:
    """What the answer of a check means: whether the effect is there."""
    if holds is None:
        return Verdict.ASK
    return Verdict.DONE if holds else Verdict.NOT_DONE


class RunNext(StrEnum):
    """What a step that has gone wrong for good does to its run."""

    GO_ON = "go_on"
    ASK = "ask"
    END = "end"
    END_AND_UNDO = "end_and_undo"


def after_step(status: StepStatus, on_failure: OnFailure, on_unknown: OnUnknown) -> RunNext:
    """What the run does after a step has ended as `status`. An unknown outcome is never passed over in silence."""
    if status is StepStatus.UNKNOWN:
        return RunNext.END if on_unknown is OnUnknown.ABORT else RunNext.ASK
    if status in {StepStatus.SUCCEEDED, StepStatus.SKIPPED}:
        return RunNext.GO_ON
    return {
        OnFailure.ABORT: RunNext.END,
        OnFailure.CONTINUE: RunNext.GO_ON,
        OnFailure.PAUSE: RunNext.ASK,
        OnFailure.ROLLBACK: RunNext.END_AND_UNDO,
    }[on_failure]


def undo_order(happened: Sequence[str], undone: Collection[str]) -> list[str]:
    """The steps to undo, newest first; `happened` lists paths in the order in which their effects came about."""
    newest_first = dict.fromkeys(reversed(happened))
    return [path for path in newest_first if path not in undone]


def status_of(steps: Iterable[StepState], *, is_paused: bool, is_undoing: bool, asks: Mapping[str, str]) -> RunStatus:
    """How an unfinished run stands; `asks` are the steps that a person must decide about."""
    found = {step.path: step.status for step in steps}
    if any(found.get(path) in {StepStatus.UNKNOWN, StepStatus.UNDO_FAILED} for path in asks):
        return RunStatus.NEEDS_HUMAN
    if is_paused or asks:
        return RunStatus.PAUSED
    if is_undoing:
        return RunStatus.UNDOING
    return RunStatus.WAITING if StepStatus.WAITING in found.values() else RunStatus.RUNNING


# --- what operators may ask, and when ---

_SKIPPABLE = {StepStatus.PENDING, StepStatus.WAITING}
_TROUBLED = {StepStatus.FAILED, StepStatus.TIMED_OUT, StepStatus.UNKNOWN, StepStatus.UNDO_FAILED}


class Desk(Model):
    """What of a run is open when a command comes in."""

    # A person has paused it.
    is_paused: bool = False
    # It is past the point where it can be stopped: undoing, cleaning up.
    is_unwinding: bool = False
    # The steps that wait for a decision.
    asks: frozenset[str] = frozenset()
    # The steps that were decided about, but not acted upon yet.
    decided: frozenset[str] = frozenset()


def demand_possible(run: RunState, command: RunCommand, desk: Desk) -> None:
    """Raise Rejected, with what can be done instead, when a command other than a vote is not possible now."""
    if run.status in OVER:
        raise Rejected(f"the run is over ({run.status.value}); start a new one", RejectionKind.CONFLICT)
    match command:
        case PauseRun():
            _demand_reason(command.reason)
            _demand(not desk.is_unwinding, "the run has ended and is putting things back; that cannot be paused")
            _demand(not desk.is_paused, "the run is paused already")
        case ResumeRun():
            _demand_reason(command.reason)
            _demand_resumable(run, desk)
        case StopRun():
            _demand_reason(command.reason)
            _demand(not desk.is_unwinding, "the run has ended already and is putting things back")
        case SkipStep() | RetryStep() | OverrideOutput() | CompleteManualStep():
            step = _step(run, command.path)
            if not isinstance(command, CompleteManualStep):
                _demand_reason(command.reason)
            _demand(step.path not in desk.decided, f"step {step.path!r} has just been decided about")
            _demand_step(step, command, is_asking=step.path in desk.asks)


def _demand_step(step: StepState, command: RunCommand, *, is_asking: bool) -> None:
    troubled = is_asking and step.status in _TROUBLED
    said = f"step {step.path!r} is {step.status.value}"
    match command:
        case SkipStep():
            _demand(
                step.kind is not StepKind.APPROVAL, f"{said} and an approval: approve or reject it, or stop the run"
            )
            _demand(step.status in _SKIPPABLE or troubled, f"{said}; only what waits or has not begun can be skipped")
        case OverrideOutput():
            _demand(
                step.kind is not StepKind.APPROVAL, f"{said} and an approval: approve or reject it, or stop the run"
            )
            can = step.status in _SKIPPABLE or (troubled and step.status is not StepStatus.UNDO_FAILED)
            _demand(can, f"{said}; its output cannot be replaced now")
        case RetryStep():
            _demand(troubled, f"{said}; only a step that failed and waits for a decision can be tried again")
        case CompleteManualStep():
            is_manual = step.kind is StepKind.MANUAL and step.status is StepStatus.WAITING
            in_doubt = troubled and step.status in {StepStatus.UNKNOWN, StepStatus.UNDO_FAILED}
            _demand(is_manual or in_doubt, f"{said}; only a waiting manual step or one in doubt can be completed")


def _demand_resumable(run: RunState, desk: Desk) -> None:
    if desk.is_paused:
        return
    for path in sorted(desk.asks):
        step = _step(run, path)
        choices = (
            "retry, skip or complete it" if step.status is StepStatus.UNDO_FAILED else "retry, skip or override it"
        )
        raise Rejected(
            f"the run waits because step {path!r} is {step.status.value}: {choices}, or stop the run",
            RejectionKind.CONFLICT,
        )
    raise Rejected(f"the run is {run.status.value}, not paused", RejectionKind.CONFLICT)


def _step(run: RunState, path: str) -> StepState:
    for step in run.steps:
        if step.path == path:
            return step
    known = ", ".join(step.path for step in run.steps)
    raise Rejected(f"the run has no step {path!r}; it has {known}", RejectionKind.NOT_FOUND)


def _demand_reason(reason: str) -> None:
    if not reason.strip():
        raise Rejected("say why: the reason goes into the timeline")


def _demand(condition: bool, sentence: str) -> None:
    if not condition:
        raise Rejected(sentence, RejectionKind.CONFLICT)
