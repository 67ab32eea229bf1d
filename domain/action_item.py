"""An action item: outlives its incident and ends only with evidence, or with a reason why not."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from domain.action_item_meeting import MeetingTimes
from domain.action_item_quality import Hint
from domain.deadlines import ExtensionWish, Ladder
from domain.message import CourierState
from domain.model import Model
from domain.policy import Policy
from domain.record import RecorderState
from domain.severity import Severity
from domain.timeline import Actor
from domain.tracker import TrackerLink


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


class ActionItemType(StrEnum):
    """What the item changes; the field's five kinds."""

    PREVENT = "prevent"
    DETECT = "detect"
    MITIGATE = "mitigate"
    PROCESS = "process"
    DOCUMENT = "document"


class ItemCheck(Model):
    """A read-only action (`check.http`, `check.promql`, …) that must hold before the item is done, and after."""

    action: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    # The execution site whose worker looks; None: the usual one.
    site: str | None = None


class Soak(Model):
    """A proposal waits before it is decided; accepted earlier only with a reason (Etsy: about two working days)."""

    until: datetime
    accepted_by: Actor | None = None
    accepted_at: datetime | None = None
    overridden_because: str | None = None
    # How often somebody was asked to decide.
    asked: int = 0


class Offer(Model):
    """A hand-over that waits for its acceptance; the item stays where it is until then."""

    to: str
    by: Actor
    at: datetime
    reason: str = ""
    expires_at: datetime


class NotDoing(Model):
    """The owner does not want to do it; another person has to accept that."""

    by: Actor
    at: datetime
    reason: str


class Extension(Model):
    """One move of the due date."""

    by: Actor
    at: datetime
    reason: str
    was: datetime | None
    until: datetime
    # None where the policy asks for nobody.
    approved_by: Actor | None = None


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
    type: ActionItemType | None = None
    # A check that must hold before it is done, and is run again afterwards.
    check: ItemCheck | None = None
    team: str | None = None
    services: tuple[str, ...] = ()
    # Only proposed: it is decided after the soak time, and its clocks begin then.
    is_proposed: bool = False
    # Where it is kept as an issue, too; a name of `trackers` in hotwash.yaml.
    tracker: str | None = None
    # How many items the incident had when this one was created.
    others: int = 0
    # When the review's meeting was or will be; None: it has no date.
    meeting: MeetingTimes | None = None
    # What was noticed before it was started, where hotwash.yaml and the game days' files are known.
    noticed: tuple[Hint, ...] = ()
    created_by: Actor
    managers: dict[str, str] = Field(default_factory=dict)
    # Person to the lead of their team, who hears before the manager does.
    leads: dict[str, str] = Field(default_factory=dict)
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
    type: ActionItemType | None = None
    team: str | None = None
    services: tuple[str, ...] = ()
    created_by: Actor | None = None
    # How the wording could be better; never a condition.
    hints: tuple[Hint, ...] = ()
    # Of a proposal; None: it was created as decided.
    soak: Soak | None = None
    # The start clock: somebody has begun by then.
    start_by: datetime | None = None
    started_at: datetime | None = None
    start_reminders: int = 0
    # A hand-over that waits, and how many were made.
    offer: Offer | None = None
    handovers: int = 0
    extension_log: tuple[Extension, ...] = ()
    # More time that was asked for and is not approved yet.
    extension_asked: ExtensionWish | None = None
    # The owner does not want to do it, and nobody has accepted that yet.
    not_doing: NotDoing | None = None
    dropped_by: Actor | None = None
    # It is late enough to stand on the list of the weekly operations review.
    on_weekly_list: bool = False
    check: ItemCheck | None = None
    # The check is to be run now; when it is run again by itself; how often in a row it did not hold since it was done.
    check_wanted: bool = False
    next_check_at: datetime | None = None
    check_failures: int = 0
    # A finished item can still be reopened until then.
    watched_until: datetime | None = None
    reopened: int = 0
    reopened_because: str | None = None
    # When owner and state were last changed by somebody here; decides who wins against a tracker.
    owner_changed_at: datetime | None = None
    state_changed_at: datetime | None = None
    tracker: TrackerLink | None = None
    # A record of the past: it came with an imported postmortem, and nobody is reminded of it.
    imported: bool = False

    @property
    def is_undecided(self) -> bool:
        """Whether it is only proposed."""
        return self.soak is not None and self.soak.accepted_at is None


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
    """Done. Refused without evidence, of an urgent item on its owner's bare word, and until its drill has passed."""

    evidence: str | None = None
    url: str | None = None


class DropItem(ActionItemCommand):
    """It will not be done, and why. From its owner a proposal, which another person accepts."""

    reason: str


class KeepItem(ActionItemCommand):
    """It will be done after all: the owner's wish not to do it is not accepted."""

    reason: str = ""


class AcceptItem(ActionItemCommand):
    """A proposal becomes an action item, after its soak time or earlier with a reason; its clocks begin."""

    override_reason: str = ""
    # When the review's meeting was; said by the API and by nobody else.
    meeting: MeetingTimes | None = None


class ReopenItem(ActionItemCommand):
    """It was not done after all; possible for as long as it is watched."""

    reason: str


class RunCheck(ActionItemCommand):
    """Run its check now."""


class OfferItem(ActionItemCommand):
    """Somebody else should take it over; they accept or decline, and it stays where it is until then."""

    to: str
    reason: str = ""


class AcceptOffer(ActionItemCommand):
    """The one to whom it was offered takes it over."""


class DeclineOffer(ActionItemCommand):
    """It stays where it is; said by the one to whom it was offered, or by who offered it."""

    reason: str = ""


class CommentOnItem(ActionItemCommand):
    """A comment, kept in the timeline and in the tracker."""

    text: str


class HearFromTracker(ActionItemCommand):
    """Its issue in the tracker may have changed: look. Said by webhooks and by the poll, with the version they saw."""

    updated_at: datetime | None = None


class LinkIssue(ActionItemCommand):
    """Which issue in the tracker it is; ends the doubt whether one was created."""

    key: str


class CreateIssueAgain(ActionItemCommand):
    """A person looked and there is no issue: create one."""

    reason: str


class ExtendItem(ActionItemCommand):
    """A later due date, with a reason; counted. Where the policy says so, another person approves it first."""

    due_at: datetime
    reason: str


class ApproveExtension(ActionItemCommand):
    """The later due date that was asked for is all right; never said by who asked."""


class DeclineExtension(ActionItemCommand):
    """There is no more time, and why; from who asked, the wish is taken back."""

    reason: str = ""


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
    "approve_extension": ApproveExtension,
    "decline_extension": DeclineExtension,
    "reassign": ReassignItem,
    "keep": KeepItem,
    "accept": AcceptItem,
    "reopen": ReopenItem,
    "run_check": RunCheck,
    "offer": OfferItem,
    "accept_offer": AcceptOffer,
    "decline_offer": DeclineOffer,
    "comment": CommentOnItem,
    "hear_from_tracker": HearFromTracker,
    "link_issue": LinkIssue,
    "create_issue_again": CreateIssueAgain,
    "observe_drill": ObserveDrill,
}

ActionItemStart.model_rebuild()
