"""An action item: outlives its incident and ends only with evidence, or with a reason why not."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from domain.deadlines import Ladder
from domain.message import CourierState
from domain.model import Model
from domain.policy import Policy
from domain.record import RecorderState
from domain.severity import Severity
from domain.timeline import Actor


class ActionItemStatus(StrEnum):
    """Where an action item stands."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    DONE = "done"
    DROPPED = "dropped"


class Priority(StrEnum):
    """Urgent items have the shorter deadline."""

    URGENT = "urgent"
    NORMAL = "normal"


class Evidence(Model):
    """What shows that it is done: a link, a text, a drill that passed."""

    kind: str
    text: str
    url: str | None = None
    by: Actor
    at: datetime


class ActionItemStart(Model):
    """The input of the `ActionItem` workflow `action-item/<id>`."""

    id: str
    incident_id: str
    title: str
    owner: str
    done_when: str
    priority: Priority = Priority.NORMAL
    severity: Severity = Severity.SEV3
    # None: by the policy.
    due_at: datetime | None = None
    # The name of a game day that must pass before the item can be done.
    requires_drill: str | None = None
    created_by: Actor
    managers: dict[str, str] = Field(default_factory=dict)
    people: tuple[str, ...] = ()
    policy: Policy
    drill: bool = False
    state: "ActionItemState | None" = None
    recorder: RecorderState | None = None
    courier: CourierState | None = None


class ActionItemState(Model):
    """All that an action item knows; also its picture in the store."""

    id: str
    incident_id: str
    title: str
    owner: str
    priority: Priority
    due_at: datetime | None
    state: ActionItemStatus
    done_when: str
    requires_drill: str | None = None
    evidence: tuple[Evidence, ...] = ()
    reminders_sent: int = 0
    escalations_sent: int = 0
    extensions: int = 0
    is_overdue: bool = False
    created_at: datetime
    finished_at: datetime | None = None
    dropped_because: str | None = None
    drill: bool = False
    ladder: Ladder | None = None
    # Messages sent so far; numbers the keys under which each is delivered once.
    messages: int = 0


class ActionItemCommand(Model):
    """Something that is asked of an action item, and by whom."""

    by: Actor


class StartWork(ActionItemCommand):
    """Somebody works on it."""


class AddEvidence(ActionItemCommand):
    """What shows that it is done; moves it to `verifying`."""

    kind: str = "note"
    text: str
    url: str | None = None


class FinishItem(ActionItemCommand):
    """Done. Refused without evidence, and until the drill it requires has passed."""

    evidence: str | None = None
    url: str | None = None


class DropItem(ActionItemCommand):
    """Not done, and why."""

    reason: str


class ExtendItem(ActionItemCommand):
    """A later due date, with a reason; counted."""

    due_at: datetime
    reason: str


class ReassignItem(ActionItemCommand):
    """Another owner."""

    owner: str
    reason: str = ""


class ObserveDrill(ActionItemCommand):
    """A game day with the required name has ended."""

    game_day: str
    game_day_id: str
    passed: bool


ACTION_ITEM_COMMANDS: dict[str, type[ActionItemCommand]] = {
    "start": StartWork,
    "add_evidence": AddEvidence,
    "done": FinishItem,
    "drop": DropItem,
    "extend": ExtendItem,
    "reassign": ReassignItem,
    "observe_drill": ObserveDrill,
}

ActionItemStart.model_rebuild()
