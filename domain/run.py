"""One execution of a runbook: the words for steps and runs, their state, and what operators may ask.

`domain/run_decisions.py` says what happens after each attempt; `domain/approval.py` tallies votes.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from domain.durations import Duration, between
from domain.model import Model
from domain.timeline import Actor


class Effect(StrEnum):
    """What an action does to the world; declared in code by every action."""

    READ_ONLY = "read_only"
    MUTATING = "mutating"
    FAULT = "fault"


class Idempotency(StrEnum):
    """What a second execution of an action would do; declared in code by every action."""

    # Doing it twice is doing it once.
    IDEMPOTENT = "idempotent"
    # The target recognises our idempotency key.
    KEYED = "keyed"
    # A second execution may do harm: a vanished worker means an unknown outcome.
    AT_MOST_ONCE = "at_most_once"


class OnFailure(StrEnum):
    """What a run does when a step has failed for good."""

    ABORT = "abort"
    CONTINUE = "continue"
    ROLLBACK = "rollback"
    PAUSE = "pause"


class OnUnknown(StrEnum):
    """What a run does when nobody knows whether a step took effect."""

    CHECK = "check"
    PAUSE = "pause"
    ABORT = "abort"


# A machine that tries again after more than a day has been forgotten by everybody.
_PAUSE = between(timedelta(), timedelta(days=1))


class Retry(Model):
    """How often a failed attempt is repeated. One attempt means: not at all."""

    max_attempts: int = Field(default=1, ge=1, le=100)
    interval: Annotated[Duration, _PAUSE] = timedelta(seconds=5)
    # A hundredfold pause after each attempt has reached any `max_interval` by the third.
    backoff: float = Field(default=2.0, ge=1, le=100)
    max_interval: Annotated[Duration, _PAUSE] = timedelta(minutes=5)


class ActionSpec(Model):
    """What an action declares of itself; the catalogue, the lint and the plan are made from it."""

    name: str
    summary: str
    effect: Effect
    idempotency: Idempotency
    # JSON Schemas of the parameters and of the result.
    parameters: dict[str, Any]
    result: dict[str, Any]
    has_undo: bool = False
    has_check: bool = False
    # Its undo brings nothing back unless one of these parameters is given; empty: it needs none.
    undo_needs: tuple[str, ...] = ()


class StepKind(StrEnum):
    """The kinds of step; exactly one per step."""

    ACTION = "action"
    APPROVAL = "approval"
    MANUAL = "manual"
    WAIT = "wait"
    PARALLEL = "parallel"
    FOREACH = "foreach"
    SWITCH = "switch"
    RUNBOOK = "runbook"


class StepStatus(StrEnum):
    """Where a step stands."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    UNDONE = "undone"
    UNDO_FAILED = "undo_failed"


class RunStatus(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    UNDOING = "undoing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    # A failed undo or an unknown outcome that nobody has decided yet.
    NEEDS_HUMAN = "needs_human"


class StepState(Model):
    """What is known of one step."""

    id: str
    # Unique in the run: the id, with its parents' in front (`drain.0.stop`).
    path: str
    kind: StepKind
    title: str = ""
    status: StepStatus = StepStatus.PENDING
    # The action's name; None for other kinds.
    action: str | None = None
    attempts: int = 0
    # How often it was decided that the step must be done anew although its effect was there or in doubt; each time
    # makes a new idempotency key, because the old one stands for the effect that was done before.
    again: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    # Parameters as rendered, once; secrets stay references.
    rendered: dict[str, Any] | None = None
    output: Any = None
    error: str | None = None
    # Named reason of the last decision about this step.
    reason: str | None = None
    # For whom or what it waits, as a sentence; None when it does not wait.
    waiting_for: str | None = None


class RunbookReference(Model):
    """Which text is being run, exactly."""

    name: str
    version: str
    digest: str


class RunState(Model):
    """All that a run shows of itself; its picture in the store and the body of `GET /api/v1/runs/{id}`."""

    id: str
    incident_id: str
    runbook: RunbookReference
    title: str
    status: RunStatus
    requested_by: Actor
    parameters: dict[str, Any] = Field(default_factory=dict)
    steps: tuple[StepState, ...] = ()
    started_at: datetime
    finished_at: datetime | None = None
    reason: str | None = None
    waiting_for: str | None = None
    drill: bool = False


class ApprovalStatus(StrEnum):
    """Where an approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


class Verdict(StrEnum):
    """What one person says."""

    APPROVE = "approve"
    REJECT = "reject"


class Vote(Model):
    """One person's word on exactly what was shown."""

    by: Actor
    verdict: Verdict
    digest: str
    comment: str = ""
    at: datetime
    # Of a scheduled game day: until when the same may run again without being asked about.
    standing_until: datetime | None = None


class ApprovalState(Model):
    """All that is known of an approval; its picture in the store and its JSON."""

    id: str
    run_id: str
    step_id: str
    incident_id: str
    state: ApprovalStatus
    # SHA-256 of the canonical JSON of `shown`.
    digest: str
    # What exactly will run once approved.
    shown: dict[str, Any]
    message: str = ""
    min_approvals: int
    # Groups or people who may vote; empty: any person of `hotwash.yaml`.
    approvers: tuple[str, ...] = ()
    # More have been asked, because nobody had decided in time.
    escalated: bool = False
    requested_by: Actor
    votes: tuple[Vote, ...] = ()
    requested_at: datetime
    expires_at: datetime | None
    decided_at: datetime | None = None
    reason: str | None = None
    # For how long, at most, a vote may stand for the schedule of a game day; 0: for this one run only.
    standing_at_most_seconds: float = 0
    # Why the standing approval that there was does not do.
    asked_because: str = ""


class RunCommand(Model):
    """Something that is asked of a run, and by whom."""

    by: Actor


class DecideApproval(RunCommand):
    """A vote. Refused late, twice, for another digest, by the wrong person or by the one who asked."""

    approval_id: str
    decision: Verdict
    digest: str
    comment: str = ""
    # Of a scheduled game day: the same may run again until then, as far as game_day_policy allows it.
    standing_until: datetime | None = None
    # Groups of the one who votes, as `hotwash.yaml` had them when the vote came in.
    groups: tuple[str, ...] = ()


class CompleteManualStep(RunCommand):
    """A person has done (or could not do) a manual step, or says what became of an unknown one."""

    path: str
    succeeded: bool = True
    note: str = ""
    output: dict[str, Any] = Field(default_factory=dict)


class PauseRun(RunCommand):
    """No new step starts until resumed."""

    reason: str


class ResumeRun(RunCommand):
    """Go on."""

    reason: str = ""


class SkipStep(RunCommand):
    """Leave a step out."""

    path: str
    reason: str


class RetryStep(RunCommand):
    """Try a failed or unknown step again."""

    path: str
    reason: str


class OverrideOutput(RunCommand):
    """Take this as the step's output and go on."""

    path: str
    output: dict[str, Any]
    reason: str


class StopRun(RunCommand):
    """Start no new work, cancel what can be cancelled, then undo if asked to."""

    reason: str
    undo: bool = True


class ObserveLock(RunCommand):
    """A lock tells how it stands: granted (with its number), held by somebody else, or lost."""

    resource: str
    fencing: int | None = None
    held_by: str | None = None
    lost: bool = False
    why: str = ""


class ObserveDrillEnd(RunCommand):
    """The drill that this run belongs to is over: whoever was declared unavailable is back."""


RUN_COMMANDS: dict[str, type[RunCommand]] = {
    "decide": DecideApproval,
    "complete": CompleteManualStep,
    "pause": PauseRun,
    "resume": ResumeRun,
    "skip": SkipStep,
    "retry": RetryStep,
    "override": OverrideOutput,
    "stop": StopRun,
    "observe_lock": ObserveLock,
    "observe_drill_end": ObserveDrillEnd,
}
