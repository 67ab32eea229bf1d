"""The runbook document as it is written, pinned and run. Pure: workflows import this module.

One kind per step; common fields mean the same everywhere; nothing can be said in two ways.
"""

import hashlib
import json
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from domain.durations import Duration
from domain.message import CourierState
from domain.model import Model
from domain.record import RecorderState
from domain.run import ActionSpec, OnFailure, OnUnknown, Retry, RunbookReference, StepKind
from domain.timeline import Actor

SCHEMA_VERSION = 1
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
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

    within: Duration = timedelta(seconds=60)
    every: Duration = timedelta(seconds=2)


class Approval(Model):
    """A person must say yes to exactly what is shown."""

    # The steps that need it; they are rendered, shown, and must be the same when they run. Empty: the next step.
    covers: tuple[Identifier, ...] = ()
    # Groups or people; empty: any person of `hotwash.yaml`.
    approvers: tuple[str, ...] = ()
    min_approvals: int = Field(default=1, ge=1, le=10)
    expires_after: Duration = timedelta(minutes=30)
    remind_every: Duration = timedelta(minutes=5)
    message: str = ""


class Manual(Model):
    """A person does it and says so."""

    instructions: str
    # A group or a person; None: the commander.
    assignee: str | None = None
    remind_every: Duration = timedelta(minutes=10)


class Wait(Model):
    """For a time, or until a check holds (then `duration` is how long at most)."""

    duration: Duration
    until: ActionCall | None = None
    every: Duration = timedelta(seconds=5)


class Step(Model):
    """One step: exactly one kind, and fields that mean the same for every kind."""

    id: Identifier
    title: str = ""
    if_: str | None = Field(default=None, alias="if")
    # --- the kind ---
    action: str | None = None
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    approval: Approval | None = None
    manual: Manual | None = None
    wait: Wait | None = None
    # --- common fields ---
    # One attempt may take this long; all attempts together, `deadline`.
    timeout: Duration | None = None
    deadline: Duration | None = None
    retry: Retry = Retry()
    on_failure: OnFailure = OnFailure.ROLLBACK
    on_unknown: OnUnknown = OnUnknown.CHECK
    # Asks whether an unknown step took effect; None: the action's own check.
    check: ActionCall | None = None
    verify: Verify | None = None
    # `auto`: the action's own undo, when it has one; `none`: nothing to undo; or an action of its own.
    undo: ActionCall | Literal["auto", "none"] = "auto"
    # The execution site: the task queue `steps-<site>` instead of `steps`.
    site: Identifier | None = None

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @property
    def kind(self) -> StepKind:
        """Which kind the step is of."""
        for kind in (StepKind.ACTION, StepKind.APPROVAL, StepKind.MANUAL, StepKind.WAIT):
            if getattr(self, kind.value) is not None:
                return kind
        message = f"step {self.id!r} has no kind"
        raise ValueError(message)

    @model_validator(mode="after")
    def _exactly_one_kind(self) -> "Step":
        kinds = [k for k in ("action", "approval", "manual", "wait") if getattr(self, k) is not None]
        if len(kinds) != 1:
            found = "none" if not kinds else " and ".join(kinds)
            message = f"step {self.id!r} needs exactly one of action, approval, manual, wait; it has {found}"
            raise ValueError(message)
        if self.with_ and self.action is None:
            message = f"step {self.id!r}: 'with' belongs to an action"
            raise ValueError(message)
        return self


class Runbook(Model):
    """A whole runbook."""

    schema_version: Literal[1]
    name: Identifier
    title: str
    version: str = "1"
    owner: str
    description: str = ""
    # A successful run means that the impact is over: the incident moves to `monitoring`.
    mitigates: bool = False
    parameters: dict[Identifier, Parameter] = Field(default_factory=dict)
    timeout: Duration = timedelta(hours=24)
    steps: tuple[Step, ...] = Field(min_length=1)
    # Run at the end on every exit, after any undo.
    finally_: tuple[Step, ...] = Field(default=(), alias="finally")

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class PinnedRunbook(Model):
    """A runbook as it will run: the text cannot change any more, and the actions' declarations come along."""

    reference: RunbookReference
    document: Runbook
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
    # Carried by continue-as-new only.
    carried: dict[str, Any] | None = None
    recorder: RecorderState | None = None
    courier: CourierState | None = None


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
