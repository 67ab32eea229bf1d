"""The game day document as it is written, pinned and run. Pure: the `GameDay` workflow imports this module.

A game day does one real thing wrong on purpose and expects the ordinary response to put it right.
"""

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from domain.durations import Duration
from domain.game_day import Expectation, GameDayState
from domain.message import CourierState
from domain.model import Model
from domain.record import RecorderState
from domain.timeline import Actor
from runbooks.schema import ActionCall, Identifier, Parameter


class Expected(Model):
    """Something that must follow the fault within a limit."""

    expect: Expectation
    within: Duration


class GameDay(Model):
    """A whole game day."""

    schema_version: Literal[1]
    name: Identifier
    title: str
    version: str = "1"
    owner: str
    # What is believed; the game day tries to prove it wrong.
    hypothesis: str
    service: str | None = None
    parameters: dict[Identifier, Parameter] = Field(default_factory=dict)
    # Alerts with these labels, raised while the game day runs, belong to it and mark their incident as a drill.
    match: dict[str, str] = Field(min_length=1)
    # Must hold before the fault and again at the end; the fault has taken effect when one of them stops holding.
    steady_state: tuple[ActionCall, ...] = Field(min_length=1)
    probe_every: Duration = timedelta(seconds=1)
    fault: ActionCall
    takes_effect_within: Duration = timedelta(seconds=15)
    # Puts the target right whatever happened; run unless the steady state already holds.
    restore: ActionCall
    # The steady state must hold this long after the restore at the latest.
    restored_within: Duration = timedelta(seconds=60)
    expectations: tuple[Expected, ...] = Field(min_length=1)
    # The fault stays at most this long; then it is undone, whatever was observed.
    duration: Duration = timedelta(minutes=10)


class GameDayStart(Model):
    """The input of the `GameDay` workflow; a Temporal Schedule holds one, so the definition is pinned there too."""

    document: GameDay
    digest: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    requested_by: Actor
    # Who gets the report.
    audience: tuple[str, ...] = ()
    state: GameDayState | None = None
    recorder: RecorderState | None = None
    courier: CourierState | None = None
