"""The game day document as it is written, pinned and run. Pure: the `GameDay` workflow imports this module.

A game day does something real wrong on purpose and expects the ordinary response to put it right.
"""

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from domain.drill_targets import GameDayPolicy, TargetSelection
from domain.durations import format_duration
from domain.game_day import GameDayKind, GameDayState, GameDayTerms
from domain.label_patterns import LabelPatterns
from domain.lock import HeldLocks
from domain.message import CourierState
from domain.model import Model
from domain.policy import Freeze
from domain.record import RecorderState
from domain.run import ActionSpec
from domain.timeline import Actor, Entry
from runbooks.game_day_parts import (
    Announcement,
    Expected,
    Fault,
    GameDayApproval,
    Limit,
    Pause,
    Probe,
    ProbeMode,
    Recovery,
    Roles,
    StopCondition,
)
from runbooks.schema import ActionCall, Identifier, Parameter


class GameDay(Model):
    """A whole game day."""

    schema_version: Literal[1]
    name: Identifier
    title: str
    version: str = "1"
    owner: str
    kind: GameDayKind = GameDayKind.LIVE
    # What is believed; the game day tries to prove it wrong.
    hypothesis: str
    # Targets elsewhere are refused; None: wherever they are.
    environment: str | None = None
    service: str | None = None
    parameters: dict[Identifier, Parameter] = Field(default_factory=dict)
    roles: Roles = Roles()
    # Alerts with these labels, raised while the game day runs, belong to it and mark their incident as a drill.
    match: LabelPatterns = Field(min_length=1)
    # Chosen from `drill_targets` of hotwash.yaml; names may hold expressions over `params`.
    targets: dict[Identifier, TargetSelection] = Field(min_length=1)
    # Must hold before the fault and again at the end; one that stops holding shows that the fault took effect.
    steady_state: tuple[Probe, ...] = Field(min_length=1)
    probe_every: Pause = timedelta(seconds=1)
    faults: tuple[Fault, ...] = Field(min_length=1)
    takes_effect_within: Limit = timedelta(seconds=15)
    # The steady state must hold again this long after the watching at the latest.
    restored_within: Limit = timedelta(seconds=60)
    stop_conditions: tuple[StopCondition, ...] = ()
    expectations: tuple[Expected, ...] = Field(min_length=1)
    recovery: Recovery = Recovery()
    approval: GameDayApproval = GameDayApproval()
    announce: Announcement = Announcement()
    # Everything is undone after this long, whatever was observed.
    duration: Limit = timedelta(minutes=10)

    def terms(self) -> GameDayTerms:
        """Its limits, for the decisions."""
        return GameDayTerms(
            takes_effect_within=self.takes_effect_within,
            duration=self.duration,
            restored_within=self.restored_within,
            lasts=bool(self.probes(ProbeMode.DURING_FAULT)),
        )

    def probes(self, *modes: ProbeMode) -> tuple[Probe, ...]:
        """The probes of these modes, as they are written."""
        return tuple(each for each in self.steady_state if each.mode in modes)


class GameDayStart(Model):
    """The input of the `GameDay` workflow; a Temporal Schedule holds one, so the definition is pinned there too."""

    document: GameDay
    digest: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    requested_by: Actor
    # Who gets the report.
    audience: tuple[str, ...] = ()
    # These five as they were when it was written; when it begins they, and the targets, are those of `hotwash.yaml`.
    # Who hears, besides, of a target that could not be put right.
    answerable: tuple[str, ...] = ()
    # Windows in which nothing is broken.
    freezes: tuple[Freeze, ...] = ()
    policy: GameDayPolicy = GameDayPolicy()
    time_zone: str = "UTC"
    # People by group, team and name: whom an approval is announced to, and whom a page must reach.
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    # What each action used declares of itself, so that the workflow needs no registry.
    actions: dict[str, ActionSpec] = Field(default_factory=dict)
    # --- carried over continue-as-new ---
    # The document's calls without expressions, by `fault/ID/TARGET`, `undo/ID/TARGET`, `probe/ID/TARGET`, `stop/ID`.
    calls: dict[str, ActionCall] = Field(default_factory=dict)
    probes: int = 0
    # Lines that wait for the drill's incident.
    unplaced: tuple[Entry, ...] = ()
    state: GameDayState | None = None
    # Those of its targets.
    locks: HeldLocks = HeldLocks()
    recorder: RecorderState | None = None
    courier: CourierState | None = None


def with_limits(fault: Fault, spec: ActionSpec | None) -> dict[str, Any]:
    """The parameters of a fault with its duration and lease, where its action takes them."""
    taken = (spec.parameters.get("properties", {}) if spec is not None else {}).keys()
    limits = {"duration": fault.duration, "lease": fault.lease}
    written = {name: format_duration(value) for name, value in limits.items() if value is not None and name in taken}
    return {**fault.with_, **written}
