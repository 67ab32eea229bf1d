"""The runbook document as it is written, pinned and run. Pure: workflows import this module.

One kind per step; common fields mean the same everywhere; nothing can be said in two ways.
"""

import hashlib
import json
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from domain.absence import Absence
from domain.durations import Duration, between
from domain.message import CourierState
from domain.model import Model
from domain.policy import Freeze
from domain.record import RecorderState
from domain.run import ActionSpec, OnFailure, OnUnknown, Retry, RunbookReference, StepKind
from domain.runbook_trigger import Trigger
from domain.timeline import Actor

SCHEMA_VERSION = 1
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Percentage = Annotated[str, StringConstraints(pattern=r"^(100|[1-9]?[0-9])%$")]
# Asked or reminded more often than this, a run would do nothing else; a day is the longest anybody forgets for.
Interval = Annotated[Duration, between(timedelta(milliseconds=100), timedelta(days=7))]
# What takes no time at all cannot be done; a run that takes longer than a year is none.
Limit = Annotated[Duration, between(timedelta(milliseconds=100), timedelta(days=366))]
# Renewed three times within it; shorter, a busy engine would look like a dead holder.
Lease = Annotated[Duration, between(timedelta(seconds=5), timedelta(days=1))]
# Temporal takes 2,000 activities in flight per workflow; a fan-out may be one of several branches.
MAX_CONCURRENCY = 200
# Output kept in workflow history per step; more is cut with a marker (Temporal warns at 256 KiB a payload).
MAX_OUTPUT_BYTES = 64 * 1024


class ParameterType(StrEnum):
    """What a parameter holds; `secret` is a reference such as `env:NAME`, never the value."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    SECRET = "secret"  # noqa: S105 - the name of a type


class Parameter(Model):
    """Something a runbook is told when it starts; required unless it has a default."""

    type: ParameterType = ParameterType.STRING
    description: str = ""
    default: Any = None
    required: bool = True
    choices: tuple[Any, ...] = ()


class ActionCall(Model):
    """An action and its parameters; texts may hold `{{ expressions }}`."""

    action: str
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class Verify(ActionCall):
    """A check that must hold after the step, repeated until it does or time is up."""

    within: Annotated[Duration, between(timedelta(), timedelta(days=366))] = timedelta(seconds=60)
    every: Interval = timedelta(seconds=2)


class Approval(Model):
    """A person must say yes to exactly what is shown."""

    # The steps that need it; they are rendered, shown, and must be the same when they run. Empty: the next step.
    covers: tuple[Identifier, ...] = ()
    # Groups or people; empty: any person of `hotwash.yaml`.
    approvers: tuple[str, ...] = ()
    min_approvals: int = Field(default=1, ge=1, le=10)
    expires_after: Limit = timedelta(minutes=30)
    remind_every: Interval = timedelta(minutes=5)
    # Nobody has decided after so long: these groups or people are asked as well, and may vote.
    escalate_after: Limit | None = None
    escalate_to: tuple[str, ...] = ()
    message: str = ""


class Manual(Model):
    """A person does it and says so."""

    instructions: str
    # A group or a person; None: the commander.
    assignee: str | None = None
    remind_every: Interval = timedelta(minutes=10)


class Wait(Model):
    """For a time, or until a check holds (then `duration` is how long at most)."""

    duration: Limit
    until: ActionCall | None = None
    every: Interval = timedelta(seconds=5)


class Parallel(Model):
    """Branches that run at the same time; paths read `STEP.BRANCH.STEP`.

    Once it is decided, the branches still under way lose: no new step of theirs begins, the one in flight is cancelled
    when it can be, and where the block has succeeded without them, what they did is undone.
    """

    branches: dict[Identifier, Annotated[tuple["Step", ...], Field(min_length=1)]] = Field(min_length=2)
    # How many branches must succeed: `all`, `any`, or a number in between.
    join: Literal["all", "any"] | Annotated[int, Field(ge=2)] = "all"


class Foreach(Model):
    """The same steps for each item of a list; paths read `STEP.INDEX.STEP`, the index from 0."""

    # A list, or an expression that gives one.
    items: str | tuple[Any, ...]
    # The name under which expressions inside read the item.
    as_: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")] = Field(default="item", alias="as")
    steps: tuple["Step", ...] = Field(min_length=1)
    # Items under way at once.
    max_concurrency: int = Field(default=1, ge=1, le=MAX_CONCURRENCY)
    # Failed items that are borne: a number, or a percentage of all items, rounded down. Once more than that have failed
    # no new item begins, those under way end, and the step has failed.
    max_errors: Annotated[int, Field(ge=0)] | Percentage = 0
    # Begin with one item; each time that many more have succeeded as run at once, run twice as many.
    ramp: bool = False
    on_empty: Literal["fail", "skip"] = "fail"

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class Case(Model):
    """One way on; paths read `STEP.case-NUMBER.STEP`, the number from 1."""

    if_: str = Field(alias="if")
    steps: tuple["Step", ...] = Field(min_length=1)

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class Switch(Model):
    """The first case whose condition is true, else the default (`STEP.default.STEP`), else nothing."""

    cases: tuple[Case, ...] = Field(min_length=1)
    default: tuple["Step", ...] = ()


class NestedCall(Model):
    """Another runbook as one step, pinned together with this one; paths read `STEP.STEP`."""

    name: Identifier
    parameters: dict[str, Any] = Field(default_factory=dict)


class Step(Model):
    """One step: exactly one kind, and fields that mean the same for every kind.

    `abort` and `rollback` end the sequence of steps in which the step stands: the run, a branch, an item, a nested
    runbook; `rollback` also undoes what that sequence has done. Around it, the block decides whether it has failed.
    """

    id: Identifier
    title: str = ""
    if_: str | None = Field(default=None, alias="if")
    # --- the kind ---
    action: str | None = None
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    approval: Approval | None = None
    manual: Manual | None = None
    wait: Wait | None = None
    parallel: Parallel | None = None
    foreach: Foreach | None = None
    switch: Switch | None = None
    runbook: NestedCall | None = None
    # --- common fields ---
    # One attempt may take this long; all attempts together (of a block: all that is inside), `deadline`.
    timeout: Limit | None = None
    deadline: Limit | None = None
    retry: Retry = Retry()
    on_failure: OnFailure = OnFailure.ROLLBACK
    on_unknown: OnUnknown = OnUnknown.CHECK
    # Asks whether an unknown step took effect; None: the action's own check.
    check: ActionCall | None = None
    verify: Verify | None = None
    # `auto`: the action's own undo, when it has one; `none`: nothing to undo; or an action of its own.
    undo: ActionCall | Literal["auto", "none"] = "auto"
    # What later steps read of it instead of its whole output: expressions over `output`.
    outputs: dict[Identifier, str] = Field(default_factory=dict)
    # The execution site: the task queue `steps-<site>` instead of `steps`.
    site: Identifier | None = None

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @property
    def kind(self) -> StepKind:
        """Which kind the step is of."""
        for kind in StepKind:
            if getattr(self, kind.value) is not None:
                return kind
        message = f"step {self.id!r} has no kind"
        raise ValueError(message)

    @model_validator(mode="after")
    def _exactly_one_kind(self) -> "Step":
        kinds = [kind.value for kind in StepKind if getattr(self, kind.value) is not None]
        if len(kinds) != 1:
            found = "none" if not kinds else " and ".join(kinds)
            message = f"step {self.id!r} needs exactly one of {', '.join(StepKind)}; it has {found}"
            raise ValueError(message)
        if self.with_ and self.action is None:
            message = f"step {self.id!r}: 'with' belongs to an action"
            raise ValueError(message)
        return self


class StopCondition(ActionCall):
    """A check that is asked throughout the forward steps; when it holds, the run is stopped and undone."""

    id: Identifier
    title: str = ""
    every: Interval = timedelta(seconds=30)
    # What an answer that cannot be told means.
    on_missing: Literal["stop", "go_on"] = "stop"


class WhenHeld(StrEnum):
    """What a run does when somebody else has the lock that it needs."""

    QUEUE = "queue"
    FAIL = "fail"


class Locks(Model):
    """What nobody else may change at the same time.

    Taken before the first step that changes something, and kept to the end of the run.
    """

    # Names; texts may hold expressions over `params` and `incident`.
    resources: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = Field(min_length=1)
    when_held: WhenHeld = WhenHeld.QUEUE
    # Longer than this nobody waits; so two runs that wait for each other do not wait for ever.
    wait_at_most: Limit = timedelta(hours=1)
    # A holder that says nothing for this long has died.
    lease: Lease = timedelta(minutes=5)


def _number(version: object) -> object:
    # `true` equals 1, and is no version.
    return str(version) if isinstance(version, bool) else version


class Runbook(Model):
    """A whole runbook."""

    schema_version: Annotated[Literal[1], BeforeValidator(_number)]
    name: Identifier
    title: str
    version: str = "1"
    owner: str
    description: str = ""
    # A successful run means that the impact is over: the incident moves to `monitoring`.
    mitigates: bool = False
    parameters: dict[Identifier, Parameter] = Field(default_factory=dict)
    timeout: Limit = timedelta(hours=24)
    triggers: tuple[Trigger, ...] = ()
    locks: Locks | None = None
    stop_conditions: tuple[StopCondition, ...] = ()
    steps: tuple[Step, ...] = Field(min_length=1)
    # Run at the end of the run on every exit, after any undo; those of nested runbooks first.
    finally_: tuple[Step, ...] = Field(default=(), alias="finally")
    # What the runbook gives to the one that nests it.
    outputs: dict[Identifier, str] = Field(default_factory=dict)

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class NestedRunbook(Model):
    """A nested runbook as it was when the outermost one was pinned."""

    reference: RunbookReference
    document: Runbook


class PinnedRunbook(Model):
    """A runbook as it will run: the text cannot change any more, and the actions' declarations come along."""

    reference: RunbookReference
    document: Runbook
    # All runbooks that it nests, directly or not, by name.
    nested: dict[str, NestedRunbook] = Field(default_factory=dict)
    # What each action used declares of itself, so that the workflow needs no registry.
    actions: dict[str, ActionSpec] = Field(default_factory=dict)


class RunStart(Model):
    """The input of the `RunbookRun` workflow."""

    id: str
    incident_id: str
    runbook: PinnedRunbook
    parameters: dict[str, Any] = Field(default_factory=dict)
    requested_by: Actor
    drill: bool = False
    # What expressions may read besides parameters and outputs: `incident.id`, `incident.title`, `incident.severity`, …
    incident: dict[str, Any] = Field(default_factory=dict)
    # People to whom approvals and manual steps are announced, by group and by person.
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    commander: str | None = None
    # Windows in which nothing is changed, as the policy had them, and why a person does it all the same.
    freezes: tuple[Freeze, ...] = ()
    override_freeze: str = ""
    # Who is declared unavailable in the drill that this run belongs to.
    absence: Absence | None = None
    # Carried by continue-as-new only.
    carried: dict[str, Any] | None = None
    recorder: RecorderState | None = None
    courier: CourierState | None = None


for _model in (Parallel, Foreach, Case, Switch, Step):
    _model.model_rebuild()


def covered_ids(steps: tuple[Step, ...], index: int) -> tuple[str, ...]:
    """The steps that the approval at `index` covers; an approval that names none covers the next step."""
    approval = steps[index].approval
    if approval is None:
        return ()
    return approval.covers or tuple(step.id for step in steps[index + 1 : index + 2])


def canonical_json(value: object) -> str:
    """The one text form of a JSON value that digests are taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(value: object) -> str:
    """`sha256:` and the hexadecimal digest of the canonical JSON."""
    return "sha256:" + hashlib.sha256(canonical_json(value).encode()).hexdigest()
