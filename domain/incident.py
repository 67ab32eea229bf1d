"""The incident: its words, its state, and what people and machines may ask of it.

`domain/incident_decisions.py` says what each command does.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import Field

from domain.absence import Absence
from domain.alert import Alert
from domain.configuration import AudiencePlan, OnCall
from domain.message import CourierState
from domain.model import Model
from domain.policy import Audience, Policy
from domain.record import RecorderState
from domain.runbook_trigger import RunbookSuggestion, RunbookTrigger
from domain.severity import IncidentType, Severity
from domain.timeline import Actor, Link


class IncidentStatus(StrEnum):
    """The lifecycle, in the order it usually takes, and its exits."""

    TRIAGE = "triage"
    DECLARED = "declared"
    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MITIGATING = "mitigating"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    REVIEWING = "reviewing"
    CLOSED = "closed"
    DECLINED = "declined"
    MERGED = "merged"
    CANCELLED = "cancelled"


RESPONDING = (
    IncidentStatus.DECLARED,
    IncidentStatus.INVESTIGATING,
    IncidentStatus.IDENTIFIED,
    IncidentStatus.MITIGATING,
    IncidentStatus.MONITORING,
)
FINISHED = (IncidentStatus.CLOSED, IncidentStatus.DECLINED, IncidentStatus.MERGED, IncidentStatus.CANCELLED)


class Role(StrEnum):
    """Who does what. Exactly one commander; command moves by offer and acceptance."""

    COMMANDER = "commander"
    DEPUTY = "deputy"
    TECHNICAL_LEAD = "technical_lead"
    COMMUNICATIONS_LEAD = "communications_lead"
    LOGISTICS_LEAD = "logistics_lead"
    SCRIBE = "scribe"
    SUBJECT_MATTER_EXPERT = "subject_matter_expert"
    EXECUTIVE_STAKEHOLDER = "executive_stakeholder"


class Trend(StrEnum):
    """Which way the impact goes."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"


class Impact(Model):
    """Who is hurt, and how much."""

    customers_affected: int | None = None
    trend: Trend = Trend.SAME
    summary: str = ""


class RoleOffer(Model):
    """A role that was offered and not yet taken."""

    role: Role
    to: str
    by: Actor
    at: datetime
    reason: str = ""


class Task(Model):
    """Something one named person does, in a time box."""

    id: str
    title: str
    assignee: str | None = None
    due_at: datetime | None = None
    done_at: datetime | None = None


class RunSummary(Model):
    """What the incident needs to know of a runbook run."""

    id: str
    runbook: str
    status: str
    waiting_for: str | None = None


class ActionItemSummary(Model):
    """What the incident needs to know of an action item."""

    id: str
    title: str
    state: str


class IncidentContext(Model):
    """What is pinned at declaration from `hotwash.yaml`, so that later edits cannot change a running incident."""

    policy: Policy = Policy()
    on_call: OnCall | None = None
    # Everybody who may be named in a command of this incident.
    people: tuple[str, ...] = ()
    # The members of each group of approvers, for announcing approvals and manual steps.
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    # People who hear about missed deadlines: person to manager.
    managers: dict[str, str] = Field(default_factory=dict)
    audiences: dict[Audience, AudiencePlan] = Field(default_factory=dict)
    # Service id to the name that the public may read; only public services are in it.
    public_services: dict[str, str] = Field(default_factory=dict)
    team_manager: str | None = None
    # Members of the teams that own the services: they sign reviews off as the service's owner.
    service_team: tuple[str, ...] = ()
    # Kinds of contributing factors that `hotwash.yaml` adds.
    factors: dict[str, str] = Field(default_factory=dict)
    # What starts or suggests runbooks by itself.
    triggers: tuple[RunbookTrigger, ...] = ()


class IncidentStart(Model):
    """The input of the `Incident` workflow. Starting twice with one id is one incident."""

    id: str
    title: str
    severity: Severity
    type: IncidentType = IncidentType.OUTAGE
    services: tuple[str, ...] = ()
    summary: str = ""
    declared_by: Actor
    detected_at: datetime | None = None
    impact_started_at: datetime | None = None
    drill: bool = False
    # Nobody was hurt, this time: recorded, and reviewed whatever its severity.
    near_miss: bool = False
    # Workflow id of the game day that caused a drill; it is told about milestones by the signal `observe_milestone`.
    game_day_workflow: str | None = None
    # Who is declared unavailable in that game day.
    absence: Absence | None = None
    # Workflow id of a tabletop that is told by `observe_deed` what people do; nothing outside is changed for it.
    tabletop_workflow: str | None = None
    alert_groups: tuple[str, ...] = ()
    alerts: tuple[Alert, ...] = ()
    runbook: str | None = None
    runbook_parameters: dict[str, Any] = Field(default_factory=dict)
    context: IncidentContext = IncidentContext()
    # Set by continue-as-new only.
    state: "IncidentState | None" = None
    recorder: RecorderState | None = None
    courier: CourierState | None = None


class IncidentState(Model):
    """All that an incident knows; also its picture in the store and the body of `GET /api/v1/incidents/{id}`."""

    id: str
    title: str
    status: IncidentStatus
    severity: Severity
    type: IncidentType
    services: tuple[str, ...] = ()
    summary: str = ""
    impact: Impact = Impact()
    # Role to the person (or, for experts and stakeholders, the last one named).
    roles: dict[Role, str] = Field(default_factory=dict)
    offers: tuple[RoleOffer, ...] = ()
    declared_by: Actor
    impact_started_at: datetime | None = None
    detected_at: datetime | None = None
    declared_at: datetime
    acknowledged_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    drill: bool = False
    near_miss: bool = False
    # Imported after the fact: nobody was paged or told by Hotwash, and it has no workflow.
    retrospective: bool = False
    # Names of times that stand in for ones that nobody wrote down; no duration is made of them.
    assumed_times: tuple[str, ...] = ()
    game_day_workflow: str | None = None
    # None: nobody is, or the game day is over.
    absence: Absence | None = None
    tabletop_workflow: str | None = None
    alert_groups: tuple[str, ...] = ()
    firing_groups: tuple[str, ...] = ()
    runs: tuple[RunSummary, ...] = ()
    # Runbooks that may help, and the triggers that have fired.
    suggestions: tuple[RunbookSuggestion, ...] = ()
    triggered: tuple[str, ...] = ()
    review_id: str | None = None
    review_state: str | None = None
    # When the review last heard that there is news for its draft.
    review_told_at: datetime | None = None
    action_items: tuple[ActionItemSummary, ...] = ()
    tasks: tuple[Task, ...] = ()
    # Audience to the time by which it must hear again; filled by the communication plan.
    next_update_by: dict[Audience, datetime] = Field(default_factory=dict)
    merged_into: str | None = None
    reopened: int = 0
    # The last time that a person or a runbook did something about it; alerts do not count, they go on by themselves.
    last_activity_at: datetime | None = None
    # Escalations so far, and the number of the one that still pages.
    pages: int = 0
    open_page: int | None = None
    # What the last commands' idempotency keys left behind (the run started, for a run), so that a repeated command is
    # answered, not repeated.
    keys: dict[str, str] = Field(default_factory=dict)
    context: IncidentContext = IncidentContext()


# --- commands: the names in COMMANDS are those of the Updates, the signals and (mostly) the REST verbs ---


class Command(Model):
    """Something that is asked of a workflow, and by whom."""

    by: Actor


class Acknowledge(Command):
    """Somebody has it: paging stops; the first to acknowledge takes command when nobody has it."""


class ChangeSeverity(Command):
    """A new severity; a milder one needs a reason."""

    severity: Severity
    reason: str = ""


class ChangeImpact(Command):
    """What is known of the impact now; None leaves a field as it is."""

    customers_affected: int | None = None
    trend: Trend | None = None
    summary: str | None = None
    started_at: datetime | None = None


class OfferRole(Command):
    """Offer a role. Command is only offered by the commander (or taken when nobody has it)."""

    role: Role
    person: str
    reason: str = ""


class AcceptRole(Command):
    """Take a role that was offered to the one who speaks."""

    role: Role


class DeclineRole(Command):
    """Refuse a role that was offered to the one who speaks."""

    role: Role
    reason: str = ""


class ChangeStatus(Command):
    """Move along the lifecycle; `monitoring` means that the impact is over (mitigated)."""

    status: IncidentStatus
    reason: str = ""


class PostUpdate(Command):
    """Tell an audience what is known; resets its clock."""

    audience: Audience
    text: str
    # None: by the policy's cadence.
    next_update_within: timedelta | None = None
    # A key by which a repeated request is recognised.
    key: str = ""


class AddTask(Command):
    """Give one named person something to do."""

    title: str
    assignee: str | None = None
    due_within: timedelta | None = None


class CompleteTask(Command):
    """The task is done."""

    task_id: str


class RecordDecision(Command):
    """A decision and its rationale, for the timeline."""

    text: str
    rationale: str = ""


class AddNote(Command):
    """A line for the timeline."""

    text: str
    links: tuple[Link, ...] = ()


class Resolve(Command):
    """Normal service is back."""

    # How it ended; the closing notices and the review begin with it.
    summary: str = ""


class Reopen(Command):
    """It was not over."""

    reason: str


class Merge(Command):
    """The same as another incident; that one goes on."""

    into: str
    reason: str = ""


class Close(Command):
    """The learning is done. Refused while the review is open or an action item is untracked."""


class Cancel(Command):
    """It was none."""

    reason: str


class StartRun(Command):
    """Run a runbook for this incident."""

    runbook: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    # A repeated request with the same key gets the run that the first one started.
    key: str = ""
    # Why something is changed although a freeze is on; only a person can say so.
    override_freeze: str = ""


class Escalate(Command):
    """Page the on-call again, from the first level."""

    reason: str


class AttachAlerts(Command):
    """What an alert group has to add: more alerts, or that it cleared."""

    group_id: str
    alerts: tuple[Alert, ...] = ()
    firing: bool
    note: str


class ObserveRun(Command):
    """A run tells its incident how it stands."""

    run: RunSummary
    # The run has ended well and its runbook says that this mitigates.
    mitigated: bool = False


class ObserveComms(Command):
    """The communication plan tells by when each audience must hear again."""

    next_update_by: dict[Audience, datetime]


class ObserveReview(Command):
    """The review tells how it stands."""

    review_id: str
    state: str


class ObserveDrillEnd(Command):
    """The game day of this drill is over: whoever was declared unavailable is back."""


class ObserveActionItem(Command):
    """An action item tells how it stands."""

    item: ActionItemSummary


COMMANDS: dict[str, type[Command]] = {
    "acknowledge": Acknowledge,
    "change_severity": ChangeSeverity,
    "change_impact": ChangeImpact,
    "offer_role": OfferRole,
    "accept_role": AcceptRole,
    "decline_role": DeclineRole,
    "change_status": ChangeStatus,
    "post_update": PostUpdate,
    "add_task": AddTask,
    "complete_task": CompleteTask,
    "record_decision": RecordDecision,
    "add_note": AddNote,
    "resolve": Resolve,
    "reopen": Reopen,
    "merge": Merge,
    "close": Close,
    "cancel": Cancel,
    "start_run": StartRun,
    "escalate": Escalate,
    "attach_alerts": AttachAlerts,
    "observe_run": ObserveRun,
    "observe_comms": ObserveComms,
    "observe_review": ObserveReview,
    "observe_action_item": ObserveActionItem,
    "observe_drill_end": ObserveDrillEnd,
}

IncidentStart.model_rebuild()
