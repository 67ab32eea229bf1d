"""The blameless review: held by a deadline, signed off or waived with a reason."""

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
    resolved_at: datetime
    policy: Policy
    drill: bool = False
    state: "ReviewState | None" = None
    recorder: RecorderState | None = None
    courier: CourierState | None = None


class SignOff(Model):
    """Who signed, when."""

    by: Actor
    at: datetime
    comment: str = ""


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
    sign_off: SignOff | None = None
    waiver: SignOff | None = None
    extensions: int = 0
    reminders_sent: int = 0
    escalations_sent: int = 0
    is_overdue: bool = False
    # The draft is still to be written, or to be written anew, from the timeline.
    draft_wanted: bool = True
    ladder: Ladder | None = None
    # Messages sent so far; numbers the keys under which each is delivered once.
    messages: int = 0


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


class SubmitReview(ReviewCommand):
    """Ready to be reviewed."""


class SignOffReview(ReviewCommand):
    """Reviewed and accepted; refused of the owner."""

    comment: str = ""


class ReturnReview(ReviewCommand):
    """Not yet: back to the draft."""

    reason: str


class WaiveReview(ReviewCommand):
    """No review; only where the policy allows it, with a reason, never by the owner alone."""

    reason: str


class ExtendReview(ReviewCommand):
    """A later deadline, with a reason; counted."""

    due_at: datetime
    reason: str


REVIEW_COMMANDS: dict[str, type[ReviewCommand]] = {
    "assign": AssignReview,
    "edit": EditReview,
    "add_finding": AddFinding,
    "submit": SubmitReview,
    "sign_off": SignOffReview,
    "return_to_draft": ReturnReview,
    "waive": WaiveReview,
    "extend": ExtendReview,
}

ReviewStart.model_rebuild()
