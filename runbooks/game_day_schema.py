"""The game day document as it is written, pinned and run. Pure: the `GameDay` workflow imports this module.

A game day does one real thing wrong on purpose and expects the ordinary response to put it right.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field

from domain.durations import Duration, format_duration
from domain.game_day import Expectation, GameDayState, GameDayTerms
from domain.message import CourierState
from domain.model import Model
from domain.policy import Freeze
from domain.record import RecorderState
from domain.timeline import Actor, Entry
from runbooks.schema import ActionCall, Identifier, Parameter

# A probe more often than this would be load, and none could answer in between.
_SHORTEST_PAUSE = timedelta(milliseconds=200)
# A fault that stays longer is no exercise; it also keeps a forgotten zero at the end of a number from staying.
_LONGEST = timedelta(hours=4)
T = TypeVar("T", bound=timedelta)


def _between(lowest: timedelta, highest: timedelta) -> AfterValidator:
    def fits(value: T) -> T:
        if not lowest <= value <= highest:
            low, high = format_duration(lowest), format_duration(highest)
            message = f"must be between {low} and {high}, not {format_duration(value)}"
            raise ValueError(message)
        return value

    return AfterValidator(fits)


Pause = Annotated[Duration, _between(_SHORTEST_PAUSE, timedelta(minutes=5))]
Limit = Annotated[Duration, _between(timedelta(seconds=1), _LONGEST)]


class Expected(Model):
    """Something that must follow the fault within a limit."""

    expect: Expectation
    within: Limit


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
    probe_every: Pause = timedelta(seconds=1)
    fault: ActionCall
    takes_effect_within: Limit = timedelta(seconds=15)
    # Puts the target right whatever happened; run unless the steady state was seen to break and to hold again.
    restore: ActionCall
    # The steady state must hold again this long after the watching at the latest.
    restored_within: Limit = timedelta(seconds=60)
    expectations: tuple[Expected, ...] = Field(min_length=1)
    # The fault stays at most this long; then it is undone, whatever was observed.
    duration: Limit = timedelta(minutes=10)

    def terms(self) -> GameDayTerms:
        """Its limits, for the decisions."""
        return GameDayTerms(
            takes_effect_within=self.takes_effect_within, duration=self.duration, restored_within=self.restored_within
        )


class GameDayStart(Model):
    """The input of the `GameDay` workflow; a Temporal Schedule holds one, so the definition is pinned there too."""

    document: GameDay
    digest: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    requested_by: Actor
    # Who gets the report.
    audience: tuple[str, ...] = ()
    # Who hears, besides, of a target that could not be put right.
    answerable: tuple[str, ...] = ()
    # Windows in which nothing is broken either.
    freezes: tuple[Freeze, ...] = ()
    # --- carried over continue-as-new ---
    # The document's calls without expressions, by `fault`, `restore`, `probe-N`.
    calls: dict[str, ActionCall] = Field(default_factory=dict)
    probes: int = 0
    # Lines that wait for the drill's incident.
    unplaced: tuple[Entry, ...] = ()
    state: GameDayState | None = None
    recorder: RecorderState | None = None
    courier: CourierState | None = None
