"""The parts of a game day document: probes, faults, stop conditions, expectations, roles. Pure: workflows import them.

`runbooks/game_day_schema.py` puts them together; `runbooks/game_day_lint.py` looks for what does not fit together.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from domain.durations import Duration, format_duration
from domain.game_day import Expectation
from domain.label_patterns import LabelPatterns
from domain.model import Model
from domain.severity import Severity
from domain.tolerance import Tolerance, steps_of
from runbooks.schema import ActionCall, Identifier

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
Delay = Annotated[Duration, _between(timedelta(0), _LONGEST)]
# The bounds of `FaultParameters.lease`: renewing more often would be load, and five minutes are a long outage.
LeaseTime = Annotated[Duration, _between(timedelta(seconds=3), timedelta(minutes=5))]


class ProbeMode(StrEnum):
    """When a probe is asked (Litmus: SoT, EoT, Edge, Continuous, OnChaos)."""

    # Before the fault only.
    START = "start"
    # After the fault was undone only.
    END = "end"
    # Before and after.
    EDGE = "edge"
    # Before, after, and all the time: shows that the fault took effect, and when the target has recovered.
    CONTINUOUS = "continuous"
    # While the fault is there, and it has to hold all that time: what the target must withstand.
    DURING_FAULT = "during_fault"


# Modes that are asked before the fault, while it is there, and after it.
BEFORE = (ProbeMode.START, ProbeMode.EDGE, ProbeMode.CONTINUOUS)
DURING = (ProbeMode.CONTINUOUS, ProbeMode.DURING_FAULT)
AFTER = (ProbeMode.END, ProbeMode.EDGE, ProbeMode.CONTINUOUS)


class Probe(ActionCall):
    """A question about the steady state."""

    id: Identifier
    title: str = ""
    # Asked for each target of this selection, which it reads as `{{ target.… }}`; None: asked once.
    targets: Identifier | None = None
    # What the answer has to be like; None: what the check itself says.
    tolerance: Tolerance | None = None
    mode: ProbeMode = ProbeMode.CONTINUOUS
    # None: the document's `probe_every`.
    every: Pause | None = None
    # So many wrong answers in a row count as one.
    failures: int = Field(default=1, ge=1, le=100)
    # Its share in the score of resilience (Litmus: 0 to 10).
    weight: int = Field(default=1, ge=0, le=10)


class Ramp(Model):
    """One target after the other instead of all at once."""

    # How many more targets, and how long after those before.
    by: int = Field(default=1, ge=1, le=1000)
    every: Limit


class Fault(ActionCall):
    """Something that is done wrong on purpose, once per target, for a time."""

    id: Identifier
    title: str = ""
    # The name of a selection of `targets`.
    targets: Identifier
    # The fault stays at most this long; then it is undone, whatever was observed.
    duration: Limit
    # Unrenewed for this long, the target reverts it by itself; None: what the action says (15 s).
    lease: LeaseTime | None = None
    # Begins once these have been made and undone; none: at once.
    start_after: tuple[Identifier, ...] = ()
    # ... and this much later.
    delay: Delay = timedelta(0)
    ramp: Ramp | None = None
    # Puts the target right where the action has no undo of its own; left out when the response has already done it.
    undo: ActionCall | None = None


class RealIncident(Model):
    """Somebody declares a real incident."""

    # This bad or worse.
    severity: Severity = Severity.SEV3
    # Empty: the services of the targets.
    services: tuple[str, ...] = ()


class ErrorBudget(Model):
    """The share of an error budget that is left, as Prometheus counts it."""

    # A name under actions.prometheus.
    prometheus: str
    # Gives the share that is left, from 0 to 1.
    query: str
    at_least: float = Field(default=0.1, ge=0, le=1)


class StopCondition(Model):
    """What ends the game day early. A person may always halt it, and a real SEV-1 or SEV-2 on a target does so, too."""

    id: Identifier
    title: str = ""
    # --- the source: exactly one ---
    action: str | None = None
    with_: dict[str, object] = Field(default_factory=dict, alias="with")
    # An alert of ours with these labels fires, and it is no part of the drill.
    alarm: dict[str, str] | None = None
    real_incident: RealIncident | None = None
    error_budget: ErrorBudget | None = None
    # --- how it is read ---
    tolerance: Tolerance | None = None
    # Whether a check that holds is the trouble, or one that does not.
    stop_when: Literal["holds", "fails"] = "holds"
    every: Pause = timedelta(seconds=5)
    # So many times in a row.
    times: int = Field(default=1, ge=1, le=100)
    # What an answer that cannot be told means.
    on_no_data: Literal["stop", "go_on"] = "stop"

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="after")
    def _one_source(self) -> "StopCondition":
        sources = ("action", "alarm", "real_incident", "error_budget")
        given = [name for name in sources if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            message = f"a stop condition needs exactly one of {', '.join(sources)}; it has {found}"
            raise ValueError(message)
        if self.with_ and self.action is None:
            raise ValueError("'with' belongs to an action")
        return self

    def call(self) -> ActionCall | None:
        """What is asked of the world; None where Hotwash itself knows."""
        if self.error_budget is not None:
            budget = self.error_budget
            query = {
                "prometheus": budget.prometheus, "query": budget.query, "comparison": ">=", "threshold": budget.at_least
            }  # fmt: skip
            return ActionCall(action="check.promql", with_=query)
        return None if self.action is None else ActionCall(action=self.action, with_=dict(self.with_))

    @property
    def stops_when_held(self) -> bool:
        """Whether an answer of yes is the trouble."""
        return self.error_budget is None and self.stop_when == "holds"


class Expected(Model):
    """Something that must follow the fault within a limit."""

    expect: Expectation
    # Counted from when the fault was made.
    within: Limit | None = None
    # `detect`: labels that the alert must carry besides the game day's `match`.
    alert: LabelPatterns = Field(default_factory=dict)
    # `route`: the people, teams or groups of whom one must be paged; may hold expressions over `params`.
    to: tuple[str, ...] = ()
    # `recover`: from the fault (the response must do it), or from when the game day has undone it.
    after: Literal["fault", "undo"] = "fault"

    @model_validator(mode="after")
    def _has_its_limit(self) -> "Expected":
        if self.within is None and self.expect is not Expectation.NO_OTHER_ALERTS:
            message = f"{self.expect.value!r} needs a limit: `within: 2m`"
            raise ValueError(message)
        if (self.expect is Expectation.ROUTE) != bool(self.to):
            raise ValueError("`to` says whom a page must reach: it belongs to `route`, and `route` needs it")
        if self.alert and self.expect is not Expectation.DETECT:
            raise ValueError("`alert` belongs to `detect`")
        if self.after == "undo" and self.expect is not Expectation.RECOVER:
            raise ValueError("`after: undo` belongs to `recover`")
        return self


class Rpo(ActionCall):
    """How much was lost: a number in the answer of a check, asked once the target is right again."""

    path: str
    at_most: float = Field(default=0, ge=0)
    unit: str = ""

    @model_validator(mode="after")
    def _path_can_be_read(self) -> "Rpo":
        steps_of(self.path)
        return self


class Recovery(Model):
    """The objectives: how long it may be down (RTO), and how much may be lost (RPO)."""

    rto: Limit | None = None
    rpo: Rpo | None = None


class Roles(Model):
    """Who does what; the owner stands at the top of the document."""

    # Prepares it and starts it.
    coordinator: str | None = None
    # Answer for the scenario, and know what is coming even when it is unannounced.
    game_master: str | None = None
    observers: tuple[str, ...] = ()
    # Declared away: what they do does not count, and others have to manage without them.
    unavailable: tuple[str, ...] = ()

    def informed(self) -> tuple[str, ...]:
        """Who knows of it beforehand in any case."""
        people = (self.coordinator, self.game_master, *self.observers)
        return tuple(dict.fromkeys(name for name in people if name))


class GameDayApproval(Model):
    """People say yes to the exact targets; always asked where `game_day_policy` demands it."""

    required: bool = False
    # Groups or people; empty: those of game_day_policy.
    approvers: tuple[str, ...] = ()
    min_approvals: int = Field(default=1, ge=1, le=10)
    expires_after: Limit = timedelta(hours=1)
    remind_every: Limit = timedelta(minutes=15)


class Announcement(Model):
    """Who hears of it beforehand, and how long beforehand; nobody when it is unannounced."""

    audience: tuple[str, ...] = ()
    message: str = ""
    ahead: Delay = timedelta(0)
