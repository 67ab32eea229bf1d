"""A game day: a real fault on purpose, on the same rails as real life, always undone, honestly judged."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field

from domain.model import Model
from domain.timeline import Actor


class Expectation(StrEnum):
    """What should follow a fault; measured on the same alert, incident, page and run workflows as real life."""

    # The alert reached triage.
    DETECT = "detect"
    # An incident was declared.
    DECLARE = "declare"
    # The first page went out.
    PAGE = "page"
    ACKNOWLEDGE = "acknowledge"
    MITIGATE = "mitigate"
    # The steady state holds again.
    RECOVER = "recover"


class Judgement(StrEnum):
    """How an expectation ended."""

    PENDING = "pending"
    MET = "met"
    LATE = "late"
    MISSED = "missed"
    NOT_OBSERVABLE = "not_observable"


class ExpectationResult(Model):
    """One expectation with its evidence."""

    expectation: Expectation
    within_seconds: float
    judgement: Judgement = Judgement.PENDING
    observed_after_seconds: float | None = None
    evidence: str = ""


class GameDayPhase(StrEnum):
    """Where a game day stands."""

    CHECKING = "checking"
    INJECTING = "injecting"
    WATCHING = "watching"
    RESTORING = "restoring"
    FINISHED = "finished"


class GameDayVerdict(StrEnum):
    """The end of a game day. Inconclusive: the fault did not take effect or nothing could be measured."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    REFUSED = "refused"
    ABORTED = "aborted"


class HaltGameDay(Model):
    """Stop now, undo the fault."""

    by: Actor
    reason: str


GAME_DAY_COMMANDS: Mapping[str, type[BaseModel]] = {"halt": HaltGameDay}


class GameDayState(Model):
    """All that a game day knows; its picture in the store and its JSON."""

    id: str
    name: str
    title: str
    hypothesis: str = ""
    service: str | None = None
    phase: GameDayPhase
    verdict: GameDayVerdict | None = None
    reason: str = ""
    started_at: datetime
    injected_at: datetime | None = None
    restored_at: datetime | None = None
    finished_at: datetime | None = None
    incident_id: str | None = None
    expectations: tuple[ExpectationResult, ...] = ()
    restored: bool | None = None
    requested_by: Actor
    # Action items that wait for this drill.
    informs: tuple[str, ...] = ()
    halted: HaltGameDay | None = None
    # --- the fault ---
    # Why its action did not end well; the probes say whether it took effect all the same.
    fault_problem: str = ""
    # Until when the steady state must have stopped holding for the fault to count.
    effect_due_at: datetime | None = None
    took_effect_at: datetime | None = None
    # What happens later is the restoring's doing and shows nothing.
    watched_until: datetime | None = None
    # --- the restoring ---
    restore_by: datetime | None = None
    restore_rounds: int = 0
    # The restoring action has ended well.
    restore_done: bool = False
    restore_problem: str = ""


class GameDayTerms(Model):
    """The limits of a game day, as its document says them."""

    takes_effect_within: timedelta
    duration: timedelta
    restored_within: timedelta


class Seen(Model):
    """What one round of probes saw of the steady state; `holds` None: it cannot be told."""

    holds: bool | None
    detail: str = ""


class MilestoneKind(StrEnum):
    """What an alert group and an incident tell the game day that caused them."""

    DETECTED = "detected"
    DECLARED = "declared"
    PAGED = "paged"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"


class Milestone(Model):
    """The signal `observe_milestone` of a game day."""

    kind: MilestoneKind
    at: datetime
    incident_id: str | None = None
    evidence: str = ""


class ActiveDrill(Model):
    """A game day that is under way and would explain an alert."""

    workflow_id: str
    name: str
    service: str | None = None
    # Labels an alert must carry to belong to the drill.
    match: dict[str, str] = Field(default_factory=dict)
