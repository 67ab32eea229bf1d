"""The week as the record has it, laid out. Called by `workflows/operations_review.py` in the background."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from temporalio import activity

from activities.errors import translated
from activities.ports import ConfigurationSource
from domain.configuration import Configuration, GameDaySettings
from domain.game_day import GameDayKind, GameDayPhase, GameDayVerdict
from domain.insight.evidence import Evidence, Subject, Which
from domain.insight.report import Insight
from domain.insight.words import DEFAULT_LIMITS, RECURRENCE_WINDOW, LoadLimits, Window
from domain.model import Model
from domain.operations_review_document import LINES, DecidedBefore, DrillDue, WeekFacts, document, headlines
from domain.record import ProjectionKind

# A quarter of weekly meetings: what was decided before that is forgotten or an action item.
_REVIEWS = 13
# Game days of one answer of the record: what is still looked for is asked for again, further back.
_GAME_DAYS = 50
# Nothing was broken, so nothing was shown.
_NOT_HELD = frozenset({None, "", GameDayVerdict.REFUSED.value})


class Listed(Protocol):
    """A page of a list."""

    @property
    def items(self) -> list[dict[str, Any]]:
        """The things."""

    @property
    def next_cursor(self) -> str | None:
        """Where the list goes on; None: it does not."""


class Insights(Protocol):
    """Counting over one window."""

    async def insight(self, name: str) -> Insight:
        """One by name."""

    async def listing(self, evidence: Evidence, cursor: str | None = None, limit: int = 50) -> Listed:
        """The things that a number counts."""

    async def count(self, evidence: Evidence) -> int:
        """How many there are."""


class Lists(Protocol):
    """Lists of pictures."""

    async def list(
        self,
        kind: ProjectionKind,
        *,
        state: str | None = None,
        name: Sequence[str] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Listed:
        """Things of one kind, newest first."""


class LearningSource(Protocol):
    """The store, as this activity reads it."""

    @property
    def reader(self) -> Lists:
        """Lists."""

    def insight(
        self, window: Window, teams: Mapping[str, Sequence[str]], zone: str, limits: LoadLimits = DEFAULT_LIMITS
    ) -> Insights:
        """Counting over a window."""


class WeekRequest(Model):
    """Which week."""

    week: str
    since: datetime
    until: datetime


class WeekDocument(Model):
    """The review, ready to be read."""

    markdown: str
    headlines: tuple[str, ...]


class OperationsReviewActivities:
    """Preparing operations reviews."""

    def __init__(self, store: LearningSource, configuration: ConfigurationSource) -> None:
        self._store = store
        self._configuration = configuration

    @activity.defn(name="operations_review.prepare")
    @translated
    async def prepare(self, request: WeekRequest) -> WeekDocument:
        """Read and lay out; changes nothing, so it may be repeated. Transient while the record is away."""
        configuration = self._configuration.current()
        facts = await self._facts(request, configuration)
        return WeekDocument(markdown=document(facts), headlines=headlines(facts))

    async def _facts(self, request: WeekRequest, configuration: Configuration) -> WeekFacts:
        week = Window(since=request.since, until=request.until)
        quarter = Window(since=request.until - RECURRENCE_WINDOW, until=request.until)
        zone = configuration.policy.calendar.time_zone
        limits = configuration.operations_review.load
        of_week = self._store.insight(week, {}, zone, limits)
        of_quarter = self._store.insight(quarter, {}, zone, limits)
        incidents = Evidence.within(week, Subject.INCIDENT)
        decided_in, decided = await self._decided_before(request.week)
        overdue = Evidence.within(week, Subject.ACTION_ITEM).but(which=Which.OVERDUE)
        owed = Evidence.within(quarter, Subject.REVIEW).but(which=Which.OWED)
        return WeekFacts(
            week=request.week,
            since=request.since,
            until=request.until,
            incidents=tuple((await of_week.listing(incidents, limit=LINES)).items),
            incidents_total=await of_week.count(incidents),
            overdue_items=tuple((await of_week.listing(overdue, limit=LINES)).items),
            overdue_items_total=await of_week.count(overdue),
            owed_reviews=tuple((await of_quarter.listing(owed, limit=LINES)).items),
            long_view=(await of_quarter.insight("recurrence"), await of_quarter.insight("action-debt")),
            week_view=(
                await of_week.insight("alert-noise"),
                await of_week.insight("alert-hygiene"),
                await of_week.insight("on-call-load"),
                await of_week.insight("communication"),
            ),
            drills=await self._drills(configuration),
            decided_before=decided,
            decided_in=decided_in,
            hours=configuration.policy.calendar,
            base_url=configuration.base_url or "",
        )

    async def _decided_before(self, week: str) -> tuple[str, tuple[DecidedBefore, ...]]:
        found = (await self._store.reader.list(ProjectionKind.OPERATIONS_REVIEW, limit=_REVIEWS)).items
        # ISO weeks are in order as texts.
        earlier = [each for each in found if each.get("decisions") and str(each["id"]) < week]
        last = max(earlier, key=lambda each: str(each["id"]), default=None)
        if last is None:
            return "", ()
        decided = (DecidedBefore(text=each["text"], owner=each.get("owner") or "") for each in last["decisions"])
        return str(last["id"]), tuple(decided)

    async def _drills(self, configuration: Configuration) -> tuple[DrillDue, ...]:
        held = await self._last_held(configuration.game_days)
        fresh_for = configuration.game_day_policy.fresh_for
        return tuple(
            _drill(name, held.get(name, {}), _good_for(settings, fresh_for))
            for name, settings in sorted(configuration.game_days.items())
        )

    async def _last_held(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The newest of each name that was really held and judged, however long ago; the daily ones hide no other."""
        held: dict[str, dict[str, Any]] = {}
        wanted, cursor = sorted(names), None
        while wanted:
            page = await self._store.reader.list(
                ProjectionKind.GAME_DAY, state=GameDayPhase.FINISHED.value, name=wanted, cursor=cursor, limit=_GAME_DAYS
            )
            for each in page.items:
                if each.get("verdict") not in _NOT_HELD and each.get("kind") != GameDayKind.DRY.value:
                    held.setdefault(str(each["name"]), each)
            wanted, cursor = [name for name in wanted if name not in held], page.next_cursor
            if cursor is None:
                break
        return held


def _good_for(settings: GameDaySettings, fresh_for: timedelta) -> timedelta:
    """How long one that passed is enough: to the next one of its schedule, else as long as a score counts in full."""
    return settings.every + (settings.jitter or timedelta()) if settings.every else fresh_for


def _drill(name: str, last: Mapping[str, Any], good_for: timedelta) -> DrillDue:
    ended = last.get("finished_at") or last.get("started_at")
    return DrillDue(
        name=name,
        last_at=datetime.fromisoformat(ended) if isinstance(ended, str) else None,
        last_verdict=last.get("verdict") or None,
        good_for=good_for,
    )
