"""The blameless review: held by a deadline, signed off or waived with a reason."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from domain.deadlines import ExtensionWish, Ladder
from domain.message import CourierState
from domain.model import Model
from domain.policy import Policy
from domain.record import RecorderState
from domain.severity import Severity
from domain.timeline import Actor


class ReviewStatus(StrEnum):
    """The states of the field's practice guides, and the waiver."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    REVIEWED = "reviewed"
    CLOSED = "closed"
    WAIVED = "waived"


class FindingKind(StrEnum):
    """What sort of thing was learned; each has its section in the draft."""

    CONTRIBUTING_FACTOR = "contributing_factor"
    HELPED = "helped"
    HINDERED = "hindered"
    OPEN_QUESTION = "open_question"
    LESSON = "lesson"


class Finding(Model):
    """Something learned: a contributing factor, what helped, what hindered, an open question."""

    kind: str
    text: str
    by: Actor | None = None
    # Which kind of contributing factor (`domain/contributing_factors.py`); empty for everything else.
    factor: str = ""
    # Of the factor `change`: what sort of change it was (deploy, configuration, flag, …); recurrence counts it.
    change_kind: str = ""
    # By which it is withdrawn; 0 for one that is older than this field: its place in the list.
    number: int = 0


class WithdrawnFinding(Model):
    """One that proved wrong. It stays in the history, and is neither told in the draft nor counted."""

    finding: Finding
    reason: str
    by: Actor
    at: datetime


class SignOffRole(StrEnum):
    """Whose word a review needs (PagerDuty, Atlassian: the service's owner, and a manager who can make room)."""

    SERVICE_OWNER = "service_owner"
    ENGINEERING_MANAGER = "engineering_manager"


# The role of somebody who was paged and said nothing; they took no part in the response.
PAGED = "paged"


class Participant(Model):
    """Somebody who was there, as the timeline shows, or who was invited for another view (support, product)."""

    name: str
    # What they were in it: the roles they held, `responder`, `paged`, or what the invitation says.
    role: str = "responder"
    invited_at: datetime | None = None


class CommentState(StrEnum):
    """What became of a comment on the draft."""

    OPEN = "open"
    RESOLVED = "resolved"
    # Not settled here, for a reason; it stands in the review as an open question.
    CARRIED = "carried"


class Comment(Model):
    """What somebody says about a place of the draft, and the answer (rule P09)."""

    number: int
    # A heading of the text; empty: about all of it.
    section: str = ""
    text: str
    by: Actor
    at: datetime
    state: CommentState = CommentState.OPEN
    answer: str = ""
    answered_by: Actor | None = None
    answered_at: datetime | None = None


class Perspective(Model):
    """How it was for one person; four short answers (Etsy's question bank, STELLA's hand-over questions)."""

    name: str
    at: datetime
    saw: str = ""
    expected: str = ""
    knew: str = ""
    hard: str = ""


class Meeting(Model):
    """The meeting, as it was held: who was there, and what somebody saw differently or learned (rule P05)."""

    at: datetime
    attended: tuple[str, ...]
    dissent: str
    by: Actor
    # None for one that is older than this field.
    ends_at: datetime | None = None


class MeetingPlan(Model):
    """When the meeting is (rule P03): proposed from the business calendar, then fixed by a person."""

    at: datetime
    # None for one that is older than this field.
    ends_at: datetime | None = None
    # The policy's latest; None: it asks for no meeting.
    latest: datetime | None = None
    # It lies later than that.
    is_late: bool = False
    # The draft is ready for its readers by then.
    draft_by: datetime
    # None: only proposed, and nobody is invited.
    fixed_by: Actor | None = None
    # How often a fixed date was moved.
    moved: int = 0
    # Who was invited to this date.
    invited: tuple[str, ...] = ()
    # Planned time of the last reminder taken.
    clocked_to: datetime


class Reading(Model):
    """A receipt: who has read the signed review, when (rule P11)."""

    name: str
    at: datetime


class ReviewStart(Model):
    """The input of the `Review` workflow `review/<incident id>`."""

    incident_id: str
    title: str
    severity: Severity
    owner: str | None
    manager: str | None = None
    managers: dict[str, str] = Field(default_factory=dict)
    people: tuple[str, ...] = ()
    commander: str | None = None
    # The facts are warm at mitigation, so the review begins there; the deadline counts from resolution.
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    policy: Policy
    drill: bool = False
    near_miss: bool = False
    # Role to person, as it was when the review began.
    roles: dict[str, str] = Field(default_factory=dict)
    # Members and manager of the team that owns the service; they sign as its owner.
    service_team: tuple[str, ...] = ()
    team_manager: str | None = None
    # Kinds of contributing factors in force; empty: the default list.
    factors: dict[str, str] = Field(default_factory=dict)
    state: "ReviewState | None" = None
    recorder: RecorderState | None = None
    courier: CourierState | None = None


class SignOff(Model):
    """Who signed, when."""

    by: Actor
    at: datetime
    comment: str = ""
    role: SignOffRole | None = None


class ReviewState(Model):
    """All that a review knows; also its picture in the store. Its id is the incident's."""

    id: str
    incident_id: str
    title: str = ""
    owner: str | None
    due_at: datetime | None
    state: ReviewStatus
    markdown: str = ""
    # The draft was re-rendered or edited this many times.
    revision: int = 0
    edited: bool = False
    findings: tuple[Finding, ...] = ()
    withdrawn: tuple[WithdrawnFinding, ...] = ()
    sign_off: SignOff | None = None
    waiver: SignOff | None = None
    extensions: int = 0
    # More time that was asked for and is not approved yet.
    extension_asked: ExtensionWish | None = None
    reminders_sent: int = 0
    escalations_sent: int = 0
    is_overdue: bool = False
    # The draft is still to be written, or to be written anew, from the timeline.
    draft_wanted: bool = True
    ladder: Ladder | None = None
    severity: Severity | None = None
    near_miss: bool = False
    resolved_at: datetime | None = None
    facilitator: str | None = None
    # Who made the change that is looked at; said only so that they need not facilitate.
    change_authors: tuple[str, ...] = ()
    participants: tuple[Participant, ...] = ()
    perspectives: tuple[Perspective, ...] = ()
    comments: tuple[Comment, ...] = ()
    # The last draft as it was generated; a person's edits are told from it.
    generated: str = ""
    # When the draft is written anew because the record has caught up.
    renew_at: datetime | None = None
    # When the incident last told that its record has something new.
    news_at: datetime | None = None
    sign_offs: tuple[SignOff, ...] = ()
    # Roles whose word is missing.
    waits_for: tuple[SignOffRole, ...] = ()
    waiver_asked: SignOff | None = None
    # Why there were fewer factors than asked for.
    factors_overridden: str = ""
    # A reviewed review closes by itself then.
    closes_at: datetime | None = None
    # The owner of an unpublished one was told that it closes soon.
    is_close_told: bool = False
    # When the present text was last sent to be read.
    published_at: datetime | None = None
    # Messages sent so far; numbers the keys under which each is delivered once.
    messages: int = 0
    meeting: Meeting | None = None
    meeting_plan: MeetingPlan | None = None
    # Who has answered the poll, in the order of the alphabet; their answers are only counted.
    polled: tuple[str, ...] = ()
    poll_learned: int = 0
    poll_spoke_freely: int = 0
    # Whom the signed review was sent to, and who has said that they have read it.
    readers: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()
    # Where it was imported from; empty for those that were held here.
    imported_from: str = ""


class ReviewRevision(Model):
    """One text of a review, as it was kept; what is compared when people look at what changed."""

    review_id: str
    revision: int
    at: datetime
    by: Actor
    markdown: str

    @property
    def id(self) -> str:
        """`inc-20261122-k7qd@3`."""
        return f"{self.review_id}@{self.revision}"


class ReviewCommand(Model):
    """Something that is asked of a review, and by whom."""

    by: Actor


class AssignReview(ReviewCommand):
    """Another owner."""

    owner: str
    reason: str = ""


class EditReview(ReviewCommand):
    """New text. `revision` is the one that was edited; a stale one is refused, so that no edit is lost."""

    markdown: str
    revision: int


class AddFinding(ReviewCommand):
    """Something learned."""

    kind: str
    text: str
    # For a contributing factor: which kind it is.
    factor: str = ""
    # For the factor `change`: what sort of change, in a word or two: deploy, configuration, flag.
    change_kind: str = ""


class WithdrawFinding(ReviewCommand):
    """A finding proved wrong, and why; whoever would correct it adds the right one."""

    finding: int
    reason: str


class RedrawReview(ReviewCommand):
    """Write the draft anew from the record, now; what people wrote is kept."""


class SubmitReview(ReviewCommand):
    """Ready to be reviewed. With fewer than two contributing factors only for a reason."""

    fewer_factors_because: str = ""


class SignOffReview(ReviewCommand):
    """Reviewed and accepted; refused of the owner. Each role has a signature of its own, of another person."""

    comment: str = ""
    role: SignOffRole | None = None


class CloseReview(ReviewCommand):
    """Published and done; a reviewed one also closes by itself after its soak time."""


class AppointFacilitator(ReviewCommand):
    """Who leads the meeting: neither owner nor commander nor responder, and never who made the change."""

    facilitator: str


class NameChangeAuthors(ReviewCommand):
    """Who made the change that is looked at. Not for the text: they are kept from having to facilitate."""

    people: tuple[str, ...]


class InviteToReview(ReviewCommand):
    """Somebody whose view is wanted: support, product, a customer's contact."""

    person: str
    role: str = "guest"


class GivePerspective(ReviewCommand):
    """How it was for the one who speaks; a second time replaces the first."""

    saw: str = ""
    expected: str = ""
    knew: str = ""
    hard: str = ""


class CommentOnReview(ReviewCommand):
    """Something about the draft: what is wrong, missing, or was different; with the heading that it is about."""

    text: str
    section: str = ""


class ResolveComment(ReviewCommand):
    """The answer to a comment; by the owner or the facilitator, or by who commented, who takes it back."""

    comment: int
    answer: str
    # It cannot be settled here; the answer says why, and it becomes an open question of the review.
    carry: bool = False


class PlanMeeting(ReviewCommand):
    """When the meeting is; everybody who took part is invited. A second time moves it, and says so to them."""

    # Left out: the date that was proposed.
    at: datetime | None = None
    reason: str = ""


class RecordMeeting(ReviewCommand):
    """The meeting was held: who was there, and at least one thing that somebody saw differently or learned."""

    attended: tuple[str, ...]
    dissent: str
    held_at: datetime | None = None


class AnswerPoll(ReviewCommand):
    """Two questions after the meeting; the answers are counted, not shown by name."""

    learned: bool
    spoke_freely: bool


class PublishReview(ReviewCommand):
    """Send the signed review to who took part and to these; a second time reminds who has not read it."""

    people: tuple[str, ...] = ()


class ConfirmRead(ReviewCommand):
    """The one who speaks has read it."""


class ObserveResolved(ReviewCommand):
    """The incident is resolved: from now on the deadline runs."""

    at: datetime
    severity: Severity
    title: str = ""


class ObserveNews(ReviewCommand):
    """The incident's record has something new: a line, an action item, a time."""


class ObserveIncidentEnd(ReviewCommand):
    """The incident was merged or was none: there is nothing left to review."""

    reason: str


class ReturnReview(ReviewCommand):
    """Not yet: back to the draft."""

    reason: str


class WaiveReview(ReviewCommand):
    """No review; only where the policy allows it. The first asks, another, who is not the owner, agrees."""

    reason: str


class ExtendReview(ReviewCommand):
    """A later deadline, with a reason; counted. Where the policy says so, another person approves it first."""

    due_at: datetime
    reason: str


class ApproveReviewExtension(ReviewCommand):
    """The later deadline that was asked for is all right; never said by who asked."""


class DeclineReviewExtension(ReviewCommand):
    """There is no more time, and why; from who asked, the wish is taken back."""

    reason: str = ""


REVIEW_COMMANDS: dict[str, type[ReviewCommand]] = {
    "assign": AssignReview,
    "edit": EditReview,
    "add_finding": AddFinding,
    "withdraw_finding": WithdrawFinding,
    "redraw": RedrawReview,
    "submit": SubmitReview,
    "sign_off": SignOffReview,
    "return_to_draft": ReturnReview,
    "waive": WaiveReview,
    "extend": ExtendReview,
    "approve_extension": ApproveReviewExtension,
    "decline_extension": DeclineReviewExtension,
    "close": CloseReview,
    "appoint_facilitator": AppointFacilitator,
    "name_change_authors": NameChangeAuthors,
    "invite": InviteToReview,
    "give_perspective": GivePerspective,
    "comment": CommentOnReview,
    "resolve_comment": ResolveComment,
    "plan_meeting": PlanMeeting,
    "record_meeting": RecordMeeting,
    "answer_poll": AnswerPoll,
    "publish": PublishReview,
    "confirm_read": ConfirmRead,
    "observe_resolved": ObserveResolved,
    "observe_news": ObserveNews,
    "observe_incident_end": ObserveIncidentEnd,
}

ReviewStart.model_rebuild()
