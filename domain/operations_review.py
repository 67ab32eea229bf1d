"""The weekly operations review: words, state, what a meeting may record. See `workflows/operations_review.py`.

The document is made from the record when the week is over; what people decide over it is added with their names.
"""

from datetime import datetime
from enum import StrEnum

from domain.configuration import Destination
from domain.message import CourierState
from domain.model import Model
from domain.record import RecorderState
from domain.timeline import Actor


class OperationsReviewStatus(StrEnum):
    """Where it stands."""

    PREPARING = "preparing"
    OPEN = "open"
    HELD = "held"
    # Nobody held it before the next two were due.
    LAPSED = "lapsed"


class OperationsReviewStart(Model):
    """The input of the `OperationsReview` workflow `operations-review/<week>`."""

    # `2026-W48`. None: started by the Schedule, whose ids carry the time; it hands over to the week's own workflow.
    week: str | None = None
    # The document covers the seven days before this; None: now.
    until: datetime | None = None
    people: tuple[str, ...] = ()
    destinations: tuple[Destination, ...] = ()
    # Everybody who may speak; empty: anybody.
    by: Actor | None = None
    state: "OperationsReviewState | None" = None
    recorder: RecorderState | None = None
    courier: CourierState | None = None


class Decision(Model):
    """What the meeting decided, and who wrote it down."""

    number: int
    text: str
    owner: str | None = None
    by: Actor
    at: datetime


class OperationsReviewState(Model):
    """All that it knows; also its picture in the store. Its id is the week."""

    id: str
    title: str
    state: OperationsReviewStatus
    since: datetime
    until: datetime
    # The first sentences, for lists and mails; and the whole document.
    headlines: tuple[str, ...] = ()
    markdown: str = ""
    prepared_at: datetime | None = None
    decisions: tuple[Decision, ...] = ()
    held_at: datetime | None = None
    held_by: Actor | None = None
    notes: str = ""
    # Mails and posts that have gone out.
    messages: int = 0


class OperationsReviewCommand(Model):
    """Something that is asked of it, and by whom."""

    by: Actor


class RecordMeetingDecision(OperationsReviewCommand):
    """A decision of the meeting."""

    text: str
    owner: str | None = None


class CloseMeeting(OperationsReviewCommand):
    """It was held."""

    notes: str = ""


OPERATIONS_REVIEW_COMMANDS: dict[str, type[OperationsReviewCommand]] = {
    "decide": RecordMeetingDecision,
    "close": CloseMeeting,
}

OperationsReviewStart.model_rebuild()
