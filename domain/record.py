"""What workflows send to the store: timeline entries and the newest picture of each thing.

The store is a projection. A batch may arrive late, twice, or out of order: entries are keyed by (origin, number),
pictures carry a rising version, so saving a batch again changes nothing.
"""

from enum import StrEnum
from typing import Any

from domain.model import Model
from domain.timeline import Entry


class ProjectionKind(StrEnum):
    """Which table a picture belongs to."""

    ALERT_GROUP = "alert_group"
    INCIDENT = "incident"
    RUN = "run"
    APPROVAL = "approval"
    PAGE = "page"
    COMMS = "comms"
    UPDATE = "update"
    REVIEW = "review"
    # One text of a review, under `<review>@<revision>`; kept for the differences between versions.
    REVIEW_REVISION = "review_revision"
    ACTION_ITEM = "action_item"
    GAME_DAY = "game_day"
    OPERATIONS_REVIEW = "operations_review"
    INSIGHT_MAIL = "insight_mail"
    # That a postmortem from elsewhere was imported: its key, and which incident it became.
    IMPORT = "import"


class NumberedEntry(Model):
    """A timeline entry with its number in the workflow that wrote it, from 1 without gaps."""

    number: int
    entry: Entry
    # The incident whose timeline it belongs to; None for an alert group that has no incident yet.
    incident_id: str | None


class Projection(Model):
    """The newest picture of one thing; a lower version than the stored one is ignored."""

    kind: ProjectionKind
    id: str
    version: int
    incident_id: str | None
    document: dict[str, Any]


class RecordBatch(Model):
    """What one workflow has to tell the store. `origin` is the workflow id (and, where ids are reused, the episode)."""

    origin: str
    entries: tuple[NumberedEntry, ...] = ()
    projections: tuple[Projection, ...] = ()


class RecorderState(Model):
    """What a workflow's recorder carries over continue-as-new."""

    origin: str
    # The last number given to an entry, and the last version given to a picture.
    number: int = 0
    version: int = 0
    pending_entries: tuple[NumberedEntry, ...] = ()
    pending_projections: tuple[Projection, ...] = ()
