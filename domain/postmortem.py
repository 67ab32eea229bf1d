"""A postmortem from before Hotwash, once it is understood: what the import verb of the API takes, and what it answers.

`domain/postmortem_reading.py` makes it of what a file says, `domain/postmortem_records.py` turns it into records. The
one thing to know: `source` and `key` say which postmortem it is, so importing twice is importing once.
"""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from domain.action_item import ActionItemStatus, Priority
from domain.model import Model
from domain.severity import IncidentType, Severity

# A long review has some 10,000 words; a request of the API is at most 1 MiB.
LONGEST_BODY = 200_000
MOST_ITEMS = 200


class PastItem(Model):
    """An action item as it was written down then."""

    title: str = Field(min_length=1, max_length=300)
    state: ActionItemStatus = ActionItemStatus.OPEN
    owner: str = Field(default="", max_length=200)
    done_when: str = Field(default="", max_length=2000)
    priority: Priority = Priority.NORMAL
    due_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None


class PastFactor(Model):
    """A contributing factor in its own words, and its kind where one was recognised."""

    text: str = Field(min_length=1, max_length=4000)
    factor: str = Field(default="", max_length=100)


class PastPostmortem(Model):
    """One postmortem. Times that nobody knew are left out, or named in `assumed_times`."""

    source: str = Field(default="import", min_length=1, max_length=100)
    key: str = Field(min_length=1, max_length=300)
    title: str = Field(min_length=1, max_length=300)
    severity: Severity
    type: IncidentType = IncidentType.OUTAGE
    services: tuple[str, ...] = Field(default=(), max_length=50)
    declared_at: AwareDatetime
    impact_started_at: AwareDatetime | None = None
    detected_at: AwareDatetime | None = None
    acknowledged_at: AwareDatetime | None = None
    mitigated_at: AwareDatetime | None = None
    resolved_at: AwareDatetime | None = None
    # Times of which only the day was known, or that stand in for one that is missing; no duration is made of them.
    assumed_times: tuple[str, ...] = ()
    summary: str = Field(default="", max_length=10_000)
    impact: str = Field(default="", max_length=4000)
    owner: str = Field(default="", max_length=200)
    link: str = Field(default="", max_length=2000)
    factors: tuple[PastFactor, ...] = Field(default=(), max_length=50)
    items: tuple[PastItem, ...] = Field(default=(), max_length=MOST_ITEMS)
    markdown: str = Field(default="", max_length=LONGEST_BODY)


class NoteKind(StrEnum):
    """What the import has to say about a postmortem."""

    # It was not taken at all.
    REFUSED = "refused"
    # A value that could not be read; the field stays empty.
    NOT_UNDERSTOOD = "not understood"
    # Something was filled in that the file does not say.
    ASSUMED = "assumed"
    # The file says it, and it has no place here; it is still in the text, where there is one.
    LEFT_OUT = "left out"


class ImportNote(Model):
    """One remark, with its place where it has one."""

    kind: NoteKind
    sentence: str
    field: str = ""
    line: int = 0


class ImportOutcome(StrEnum):
    """What became of a postmortem."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class ImportedPostmortem(Model):
    """What became of one postmortem."""

    key: str
    outcome: ImportOutcome
    incident_id: str = ""
    notes: tuple[ImportNote, ...] = ()
    # Action items that are followed from now on.
    started: tuple[str, ...] = ()


class ImportReport(Model):
    """What became of all of them, in the order in which they were given."""

    dry_run: bool
    items: tuple[ImportedPostmortem, ...]
