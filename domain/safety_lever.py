"""The safety lever: one for everything and one per environment. Engaged, it stops all game days and lets none begin.

Kept by the workflow `SafetyLever`; asked by every game day before it touches anything and while it runs. A lever that
nobody ever touched has no workflow and is not engaged; one that does not answer counts as engaged.
"""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel

from domain.model import Model
from domain.timeline import Actor

# The scope of the lever that stops everything.
GLOBAL = "global"


class EngageLever(Model):
    """Stop all game days of the scope, and let none begin. Engaging twice is engaging once."""

    by: Actor
    reason: str


class ReleaseLever(Model):
    """Game days may begin again; what was stopped stays stopped."""

    by: Actor
    reason: str


class LeverEngaged(Model):
    """The signal `lever_engaged` of a game day."""

    scope: str
    by: Actor
    reason: str


class LeverChange(Model):
    """One pull of the lever."""

    at: datetime
    engaged: bool
    by: Actor
    reason: str


class LeverState(Model):
    """All that a lever knows; the answer of its query `view`."""

    # `global`, or the name of an environment.
    scope: str
    engaged: bool = False
    reason: str = ""
    by: Actor | None = None
    changed_at: datetime | None = None
    # Game days that it has told to stop since it was engaged.
    stopped: tuple[str, ...] = ()
    changes: tuple[LeverChange, ...] = ()


class LeverStart(Model):
    """The input of the `SafetyLever` workflow."""

    scope: str
    # Carried by continue-as-new only.
    state: LeverState | None = None


LeverCommand = EngageLever | ReleaseLever
LEVER_COMMANDS: Mapping[str, type[BaseModel]] = {"engage": EngageLever, "release": ReleaseLever}
