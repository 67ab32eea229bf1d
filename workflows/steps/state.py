"""What a run knows of itself, as models: how steps and lines ended, what must be undone, and what is carried along.

Used by the desk and by every kind. The one thing to know: all of `Carried` together is the input of a continued run,
so it is packed when it is large, and whatever grows with the number of items must be small per item.
"""

import base64
import json
import zlib
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, Field

from domain.lock import HeldLocks
from domain.model import Model
from domain.run import ApprovalState, RunStatus, StepState, StepStatus

# Text of JSON shrinks to a tenth; below this it is left readable for people who look into the engine.
_PACK_FROM = 64 * 1024


class Phase(StrEnum):
    """The stages of a run, in their order."""

    FORWARD = "forward"
    UNDOING = "undoing"
    FINAL = "final"
    OVER = "over"


class StepEnd(Model):
    """How a step ended; every kind gives one."""

    status: StepStatus
    # A named reason, for machines and golden files.
    reason: str
    output: Any = None
    # What happened, or what went wrong, as a sentence.
    sentence: str = ""
    # The step failed, was stopped or is in doubt, and its effect may be there all the same: undo counts it in.
    may_have_happened: bool = False
    # Under which idempotency key.
    key: str | None = None


class LineEnd(Model):
    """Why a line of a block (a branch, an item, a case, a nested runbook) ended before its last step."""

    status: StepStatus
    reason: str
    sentence: str
    # What the line has done is to be undone.
    undo: bool


class Happened(Model):
    """An effect that an undo has to take back."""

    path: str
    key: str
    # As the action returned it; the undo reads it.
    output: dict[str, Any] | None = None
    # What the action was given, where the step itself is not kept any more.
    parameters: dict[str, Any] | None = None


class Ending(Model):
    """Why the forward work ends before its last step."""

    status: RunStatus
    reason: str
    undo: bool


class BlockState(Model):
    """What a block remembers while it is under way, and for its undo."""

    model_config = ConfigDict(frozen=False)

    # Items as they were rendered.
    items: list[Any] | None = None
    # Parameters of a nested runbook, bound.
    parameters: dict[str, Any] | None = None
    # The case that was taken.
    chosen: str | None = None
    # Lines that have ended, by name.
    lines: dict[str, StepStatus] = Field(default_factory=dict)
    # Why lines failed, by name; the first ones.
    failures: dict[str, str] = Field(default_factory=dict)
    # What items gave, by index; None once that is too much to keep.
    results: dict[str, Any] | None = Field(default_factory=dict)

    def count(self, *statuses: StepStatus) -> int:
        """How many lines ended so."""
        return sum(status in statuses for status in self.lines.values())


class Carried(Model):
    """What continue-as-new takes along."""

    phase: Phase
    is_paused: bool
    started_at: datetime
    parameters: dict[str, Any]
    ending: Ending | None
    steps: tuple[StepState, ...]
    approvals: dict[str, ApprovalState]
    asks: dict[str, str]
    happened: tuple[Happened, ...]
    reported: RunStatus | None
    confirmed_not_done: tuple[str, ...] = ()
    # Commands about steps that have not been reached yet: path to the command's name and body.
    instructions: dict[str, tuple[str, dict[str, Any]]] = Field(default_factory=dict)
    blocks: dict[str, BlockState] = Field(default_factory=dict)
    line_ends: dict[str, LineEnd] = Field(default_factory=dict)
    locks: HeldLocks = HeldLocks()


def packed(carried: Carried) -> dict[str, Any]:
    """As the input of a continued run."""
    document = carried.model_dump(mode="json")
    text = json.dumps(document, separators=(",", ":"))
    if len(text) <= _PACK_FROM:
        return document
    return {"packed": base64.b64encode(zlib.compress(text.encode(), 6)).decode()}


def unpacked(document: dict[str, Any]) -> Carried:
    """What `packed` made, whichever way."""
    if "packed" in document:
        document = json.loads(zlib.decompress(base64.b64decode(document["packed"])))
    return Carried.model_validate(document)
