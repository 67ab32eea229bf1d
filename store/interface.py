"""What the store promises, whichever database is behind it. The API, activities and `doctor` use these and no SQL.

Every method raises Transient, without credentials in its sentence, when the database is away or too slow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.alike import AlikeIncident
from domain.effect import Claim
from domain.insight.evidence import Evidence
from domain.insight.report import Insight
from domain.insight.words import DEFAULT_LIMITS, LoadLimits, Window
from domain.pattern import Lesson, LessonText, Taggable
from domain.record import ProjectionKind, RecordBatch
from domain.search import Found, Hit, SearchQuery

# A filter takes one value or several, of which one must fit.
OneOrMore = str | Sequence[str]
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list. `next_cursor` is opaque; None: there is no further page."""

    items: list[Document]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Revision:
    """Which migration the database has, and which one this code wants."""

    current: str | None
    wanted: str

    @property
    def is_current(self) -> bool:
        """Whether the tables are as this code expects them."""
        return self.current == self.wanted


class RecordSink(Protocol):
    """What workflows write through the activity `record.save`."""

    async def save(self, batch: RecordBatch) -> None:
        """Save a batch. Saving it again, late or out of order, changes nothing: each entry is kept exactly once."""


class EffectLedger(Protocol):
    """Who has done which outside effect; see `activities/ports.py` for how it is used."""

    async def claim(self, key: str, kind: str, incident_id: str | None) -> Claim:
        """Claim the key; of several who claim at once, exactly one hears NEW."""

    async def settle(self, key: str, outcome: Document) -> None:
        """Keep the first outcome; a key nobody claimed (the store was down then) is settled too."""

    async def release(self, key: str) -> None:
        """Forget an unsettled claim; a settled one stays."""


class TimelineReader(Protocol):
    """The whole story of an incident, as the review draft reads it."""

    async def timeline(self, incident_id: str) -> list[Document]:
        """Every entry, oldest first."""

    async def incident(self, incident_id: str) -> Document | None:
        """The newest picture of the incident."""


class RecordReader(Protocol):
    """Lists, search and single things. Pages of a list stay stable while new things are added."""

    async def incidents(
        self,
        *,
        status: OneOrMore | None = None,
        severity: OneOrMore | None = None,
        service: OneOrMore | None = None,
        q: str | None = None,
        since: datetime | None = None,
        drill: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Listing:
        """Incidents, newest first. `q` finds words and beginnings of words in title, summary, services, people."""

    async def incident(self, incident_id: str) -> Document | None:
        """The newest picture of an incident, None when the store has none."""

    async def timeline(self, incident_id: str, after_seq: int = 0, limit: int = 500) -> list[Document]:
        """Entries with a higher `seq` than `after_seq`, in order of `seq`; ask again from the last one for more."""

    async def latest_seq(self, incident_id: str) -> int:
        """The highest `seq` of an incident; 0 when it has no entries."""

    async def list(
        self,
        kind: ProjectionKind,
        *,
        incident_id: str | None = None,
        state: OneOrMore | None = None,
        owner: OneOrMore | None = None,
        overdue: bool | None = None,
        created_before: datetime | None = None,
        name: OneOrMore | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Listing:
        """Things of one kind: reviews and action items by due date, soonest first; all others newest first.

        `state` is the thing's `state`, `status` or `phase`; for updates it is the audience. `name` is what a game day
        is called, and looked for in the documents themselves: for who asks once a week, not for a page.
        """

    async def get(self, kind: ProjectionKind, id: str) -> Document | None:  # noqa: A002 - the word of the contract
        """The newest picture of one thing, None when the store has none."""

    async def overview(self) -> Document:
        """Incidents by severity and status (drills apart), action items and reviews by state; open and overdue."""


@dataclass(frozen=True, slots=True)
class FoundThings:
    """The answer of a search, best first. `is_cut`: more things fit than were ranked; the newest were."""

    hits: list[Hit]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class ShelvedRunbook:
    """A runbook as it can be found."""

    name: str
    title: str
    text: str


class SearchIndex(Protocol):
    """Full-text search over incidents, timelines, reviews, action items, runbooks and lessons."""

    async def search(
        self, query: SearchQuery, *, kinds: Sequence[Found] = (), since: datetime | None = None, limit: int = 20
    ) -> FoundThings:
        """What fits every term, best first; without a wanted term nothing."""

    async def shelve_runbooks(self, runbooks: Sequence[ShelvedRunbook]) -> None:
        """Make exactly these runbooks findable; the same again changes nothing."""


class InsightReader(Protocol):
    """What many incidents say, over one window; every number leads to a list that has exactly as many things."""

    async def insights(self) -> list[Insight]:
        """All of them, in the order in which they are read."""

    async def insight(self, name: str) -> Insight:
        """One by name; Rejected (not found) when there is none such."""

    async def listing(self, evidence: Evidence, cursor: str | None = None, limit: int = 50) -> Listing:
        """The things that a number counts, newest first."""

    async def count(self, evidence: Evidence) -> int:
        """How many things an evidence describes."""


class AlikeFinder(Protocol):
    """Earlier incidents like one, with what helped and what of them is still owed."""

    async def alike(
        self, incident_id: str, *, title: str = "", services: Sequence[str] = (), rules: Sequence[str] = ()
    ) -> list[AlikeIncident]:
        """The most alike, best first. What the record knows of the incident is used as well as what is given."""


class PatternLibrary(Protocol):
    """Lessons and tags: written by people, kept here and nowhere else."""

    async def write(self, id_: str, text: LessonText, by: str, now: datetime) -> Lesson:
        """Write a lesson; Rejected when somebody else has changed it since it was read. Twice is once."""

    async def retire(self, id_: str, by: str, now: datetime) -> Lesson:
        """Take a lesson out of lists and search; it can still be read. Twice is once."""

    async def lesson(self, id_: str) -> Lesson:
        """One; Rejected (not found) when there is none such."""

    async def lessons(self, *, tag: str | None = None, incident_id: str | None = None) -> list[Lesson]:
        """Those in use, newest first; with a tag, or of an incident."""

    async def tag(self, kind: Taggable, id_: str, wanted: Sequence[str], by: str, now: datetime) -> tuple[str, ...]:
        """Give a thing exactly these tags; each keeps who gave it first."""

    async def tags_of(self, kind: Taggable, id_: str) -> tuple[str, ...]:
        """The tags of a thing."""

    async def tagged(self, tag: str) -> list[tuple[Taggable, str]]:
        """What has a tag, newest first."""

    async def all_tags(self) -> list[tuple[str, int]]:
        """Every tag and how often it was given, the most frequent first."""


class Learning(Protocol):
    """What is learned across incidents; a part of the store, for the API."""

    @property
    def search(self) -> SearchIndex:
        """Finds things by their words."""

    @property
    def alike(self) -> AlikeFinder:
        """Finds incidents like one."""

    @property
    def patterns(self) -> PatternLibrary:
        """Lessons and tags."""

    def insight(
        self, window: Window, teams: Mapping[str, Sequence[str]], zone: str, limits: LoadLimits = DEFAULT_LIMITS
    ) -> InsightReader:
        """Counting over a window; `teams` maps a team to its services, `zone` is the local time of hours."""


class Store(Learning, Protocol):
    """An open store. Close it when done."""

    @property
    def record(self) -> RecordSink:
        """For the activity `record.save`."""

    @property
    def ledger(self) -> EffectLedger:
        """For activities with outside effects."""

    @property
    def reader(self) -> RecordReader:
        """For the API."""

    @property
    def timelines(self) -> TimelineReader:
        """For the review draft."""

    @property
    def address(self) -> str:
        """Where the database is, without credentials; fit for logs."""

    async def rebuild(self) -> int:
        """Make search and insight anew from the record; answers from how many things. Others may write meanwhile."""

    async def migrate(self) -> None:
        """Bring the tables up to date; safe to call from several processes at once, and again."""

    async def revision(self) -> Revision:
        """Which migration the database has."""

    async def ping(self) -> None:
        """Return when the database answers; raise Transient otherwise."""

    async def demand_ready(self) -> None:
        """Return when it can be used: its tables are there, be they of an older release. Transient otherwise."""

    async def close(self) -> None:
        """Give the connections back."""
