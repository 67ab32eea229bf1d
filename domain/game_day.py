"""A game day: a real fault on purpose, on the same rails as real life, always undone, honestly judged."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field

from domain.absence import Absence
from domain.drill_targets import Chosen
from domain.game_day_faults import FaultRun
from domain.game_day_probes import ProbeRun, Seen, StopRun
from domain.model import Model
from domain.run import ApprovalState, DecideApproval
from domain.safety_lever import LeverEngaged
from domain.tabletop import TabletopPart
from domain.timeline import Actor

__all__ = ["Seen"]


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
    # The page went to the people that it should go to.
    ROUTE = "route"
    # The people inside were told: an internal update went out.
    COMMUNICATE = "communicate"
    # Nothing else fired while the fault was there.
    NO_OTHER_ALERTS = "no_other_alerts"


class GameDayKind(StrEnum):
    """How far a game day goes, and who knows of it."""

    # Everything but the fault: targets are chosen and shown, every question is asked, nothing is touched.
    DRY = "dry"
    LIVE = "live"
    # A live one that only its own roles know of.
    UNANNOUNCED = "unannounced"
    # Talked through in the incident room; there is no fault at all (`domain/tabletop.py`).
    TABLETOP = "tabletop"


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
    # 0: it has no limit, and is judged at the end.
    within_seconds: float
    # Counted from the fault, or from when the game day has undone it.
    after: str = "fault"
    # `detect`: labels that the alert must carry; `route`: names of whom one must be paged.
    alert: dict[str, str] = Field(default_factory=dict)
    to: tuple[str, ...] = ()
    judgement: Judgement = Judgement.PENDING
    observed_after_seconds: float | None = None
    observed_at: datetime | None = None
    # The alert's own start, as its sender says it, and when Hotwash received it.
    alert_started_at: datetime | None = None
    alert_received_at: datetime | None = None
    evidence: str = ""


class GameDayPhase(StrEnum):
    """Where a game day stands."""

    CHECKING = "checking"
    AWAITING_APPROVAL = "awaiting_approval"
    ANNOUNCING = "announcing"
    INJECTING = "injecting"
    # Whether the fault took effect is not known yet.
    PROVING = "proving"
    WATCHING = "watching"
    RESTORING = "restoring"
    # Undone; whether the target is clean and well again is being looked at.
    VERIFYING = "verifying"
    FINISHED = "finished"


class GameDayVerdict(StrEnum):
    """The end of a game day. Inconclusive: the fault did not take effect or nothing could be measured."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    REFUSED = "refused"
    ABORTED = "aborted"
    # A dry run in which everything was in order; nothing was touched, so nothing was shown either.
    PREVIEWED = "previewed"


class HaltGameDay(Model):
    """Stop now, undo the fault."""

    by: Actor
    reason: str


GameDayCommand = HaltGameDay | DecideApproval | LeverEngaged
GAME_DAY_COMMANDS: Mapping[str, type[BaseModel]] = {
    "halt": HaltGameDay,
    # A vote about the targets.
    "decide": DecideApproval,
    "lever_engaged": LeverEngaged,
}


class PreflightCheck(Model):
    """One question that is asked before anything is touched."""

    name: str
    # None: it cannot be told, which counts as no.
    holds: bool | None
    detail: str = ""


class Stopped(Model):
    """What ended the watching early, besides people."""

    condition: str
    reason: str
    # Its source said nothing: that says nothing about the target either.
    for_want_of_data: bool = False
    is_real_incident: bool = False
    at: datetime


class Scores(Model):
    """Five answers from 0 to 100, kept apart because one number would hide the worst; None: it could not be told."""

    # The target withstood the fault, or was back in time.
    resilience: float | None = None
    # Monitoring noticed it, and nothing else.
    detection: float | None = None
    # People and runbooks did what was expected.
    response: float | None = None
    # Every fault was undone, by us, and nothing is left of it.
    undo_safety: float | None = None
    # How much of what was planned was really shown.
    coverage: float | None = None


class Change(Model):
    """Something that is not as it was the last time."""

    what: str
    before: str
    now: str
    # None: neither better nor worse.
    is_better: bool | None = None


class Difference(Model):
    """This time next to the last time of the same name."""

    last_id: str | None = None
    last_at: datetime | None = None
    changes: tuple[Change, ...] = ()
    # Why there is nothing to compare with.
    problem: str = ""


class GameDayState(Model):
    """All that a game day knows; its picture in the store and its JSON."""

    id: str
    name: str
    title: str
    version: str = "1"
    # The digest of the pinned document.
    definition: str = ""
    kind: GameDayKind = GameDayKind.LIVE
    hypothesis: str = ""
    # Held: the probes that had to hold while the fault was there did so. None: it cannot be told.
    hypothesis_held: bool | None = None
    service: str | None = None
    environment: str | None = None
    roles: dict[str, tuple[str, ...]] = Field(default_factory=dict)
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
    # --- the faults together ---
    took_effect_at: datetime | None = None
    # What happens later is the restoring's doing and shows nothing.
    watched_until: datetime | None = None
    # --- the restoring ---
    restore_by: datetime | None = None
    restore_rounds: int = 0
    restore_problem: str = ""
    # --- what it is about ---
    # What people are shown before they approve: targets, calls, conditions; and its digest.
    targets: Chosen = Chosen()
    targets_digest: str = ""
    preflight: tuple[PreflightCheck, ...] = ()
    approval: ApprovalState | None = None
    # What people said of the schedule when they approved it has been kept.
    standing_told: bool = False
    announced_at: datetime | None = None
    announced_to: tuple[str, ...] = ()
    faults: tuple[FaultRun, ...] = ()
    probes: tuple[ProbeRun, ...] = ()
    stop_conditions: tuple[StopRun, ...] = ()
    # The undo began.
    undoing_at: datetime | None = None
    # --- what was seen ---
    # When the steady state stopped holding, and when it held again.
    broke_at: datetime | None = None
    recovered_at: datetime | None = None
    stopped: Stopped | None = None
    # Alerts that are no part of this game day and began while it lasted; None: nobody asked, or it could not be told.
    other_alerts: tuple[str, ...] | None = None
    # Since when nobody could see what goes on around it, and since when not all alerts (or nobody asked for them).
    unseen_since: datetime | None = None
    alerts_unseen_since: datetime | None = None
    rto_seconds: float | None = None
    rto_limit_seconds: float | None = None
    rpo: float | None = None
    rpo_limit: float | None = None
    rpo_unit: str = ""
    rpo_detail: str = ""
    scores: Scores = Scores()
    difference: Difference = Difference()
    # Of a tabletop only.
    tabletop: TabletopPart | None = None


class GameDayTerms(Model):
    """The limits of a game day, as its document says them."""

    takes_effect_within: timedelta
    duration: timedelta
    restored_within: timedelta
    # Something has to hold for as long as the faults last, so they are left in place for all of their time.
    lasts: bool = False


class MilestoneKind(StrEnum):
    """What an alert group and an incident tell the game day that caused them."""

    DETECTED = "detected"
    DECLARED = "declared"
    PAGED = "paged"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    # An internal update was published.
    COMMUNICATED = "communicated"


class Milestone(Model):
    """The signal `observe_milestone` of a game day."""

    kind: MilestoneKind
    at: datetime
    incident_id: str | None = None
    evidence: str = ""
    # Who was paged, who acknowledged.
    people: tuple[str, ...] = ()
    # Of the alert: its labels, its own start as its sender says it, and when it was received.
    labels: dict[str, str] = Field(default_factory=dict)
    alert_started_at: datetime | None = None
    alert_received_at: datetime | None = None


class ActiveDrill(Model):
    """A game day that is under way and would explain an alert."""

    workflow_id: str
    name: str
    service: str | None = None
    # Labels an alert must carry to belong to the drill.
    match: dict[str, str] = Field(default_factory=dict)
    # Who is declared away, and by when everything is over at the latest.
    unavailable: tuple[str, ...] = ()
    over_by: datetime | None = None

    def absence(self) -> Absence | None:
        """What the incident of this drill has to know of those who are away."""
        if not self.unavailable or self.over_by is None:
            return None
        return Absence(people=self.unavailable, game_day=self.name, until=self.over_by)
