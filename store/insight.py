"""Asks the record and lets the domain say what it means: one method an insight. Called by API and weekly review.

The one thing to know: every number is asked for by the `Evidence` that it carries, so a drill-down recounts to it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from sqlalchemy import and_, case, func, select

from domain.errors import Rejected, RejectionKind
from domain.insight import learning, maturity, response
from domain.insight.evidence import Evidence, Grouping, Subject, Which
from domain.insight.report import Insight, Number, Row, Table
from domain.insight.words import FROM_ONE_SOURCE, Dimension, Window
from store.columns import microseconds
from store.database import Database
from store.insight_counting import InsightCounting
from store.interface import Listing
from store.tables_learning import incident_dimensions, item_facts

# Rows of a table; below these things are rare enough to be looked up in the list.
_TOP = 10
_PEOPLE = 50
# With more incidents than this it costs less to begin at the open action items. Measured with 30,000 of these: 90 ms
# from there, and 4 ms for each thousand incidents from the other end.
_MANY = 20_000
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_RECURRING = (Dimension.FACTOR, Dimension.SERVICE, Dimension.ALERT, Dimension.CHANGE)


class SqlInsight:
    """Insights over one window; `teams` maps a team to its services, `zone` is local time."""

    def __init__(self, database: Database, window: Window, teams: Mapping[str, Sequence[str]], zone: str) -> None:
        self._database = database
        self._window = window
        self._teams = teams
        self._count = InsightCounting(database, zone)
        self._known: dict[str, Callable[[], Awaitable[Insight]]] = {
            "recurrence": self._recurrence,
            "action-debt": self._action_debt,
            "hot-spots": self._hot_spots,
            "times": self._times,
            "communication": self._communication,
            "alert-noise": self._alert_noise,
            "on-call-load": self._on_call_load,
            "reviews": self._reviews,
            "maturity": self._maturity,
        }
        self._recurring: asyncio.Task[list[learning.Recurring]] | None = None

    async def insights(self) -> list[Insight]:
        """All of them, in the order in which they are read."""
        return list(await asyncio.gather(*(made() for made in self._known.values())))

    async def insight(self, name: str) -> Insight:
        """One by name; Rejected (not found) when there is none such."""
        made = self._known.get(name)
        if made is None:
            raise Rejected(
                f"there is no insight {name[:80]!r}; there are {', '.join(self._known)}", RejectionKind.NOT_FOUND
            )
        return await made()

    async def listing(self, evidence: Evidence, cursor: str | None = None, limit: int = 50) -> Listing:
        """The things that a number counts."""
        return await self._count.listing(evidence, cursor, limit)

    async def count(self, evidence: Evidence) -> int:
        """How many things an evidence describes."""
        return await self._count.count(evidence)

    async def items_of(
        self, dimension: Dimension, names: Sequence[str], *, from_items: bool
    ) -> dict[str, tuple[int, int]]:
        """Of each value: the action items of its incidents that are open, and how many of these are overdue.

        `from_items` is for values of which an incident has each once.
        """
        if not names:
            return {}
        shared, item = incident_dimensions.c, item_facts.c
        is_overdue = case((item.due_at < microseconds(self._window.until), 1), else_=0)
        since, until = microseconds(self._window.since), microseconds(self._window.until)
        # An alert that two groups of one incident share must not count its items twice.
        # `|| ''` hides the column from SQLite's planner, which would begin at a hundred thousand incidents otherwise.
        of = shared.dimension.concat("") if from_items else shared.dimension
        fitting = select(shared.value, shared.incident_id).where(
            and_(of == dimension.value, shared.is_real.is_(True), shared.value.in_(names)),
            and_(shared.at >= since, shared.at < until),
        )
        alike = (fitting if from_items else fitting.distinct()).subquery()
        query = (
            select(alike.c.value, func.count(), func.sum(is_overdue))
            .join(item_facts, item.incident_id == alike.c.incident_id)
            .where(item.is_real.is_(True), item.is_open.is_(True))
            .group_by(alike.c.value)
        )
        async with self._database.reading() as connection:
            return {row[0]: (int(row[1]), int(row[2])) for row in (await connection.execute(query)).all()}

    # --- one method each ---

    async def _recurrence(self) -> Insight:
        total = self._of(Subject.INCIDENT)
        length = self._window.until - self._window.since
        earlier = {"since": self._window.since - length, "until": self._window.since}
        near = self._of(Subject.NEAR_MISS)
        found, incidents, before, missed, missed_before = await asyncio.gather(
            self._what_recurs(),
            self._count.count(total),
            self._count.count(total.but(**earlier)),
            self._count.count(near),
            self._count.count(near.but(**earlier)),
        )
        return learning.recurrence(self._window, found, (incidents, before), (missed, missed_before))

    async def _action_debt(self) -> Insight:
        items = self._of(Subject.ACTION_ITEM)
        found, owed, overdue = await asyncio.gather(
            self._what_recurs(),
            self._count.count(items.but(which=Which.OPEN)),
            self._count.count(items.but(which=Which.OVERDUE)),
        )
        return learning.action_debt(self._window, found, owed, overdue)

    async def _hot_spots(self) -> Insight:
        total = self._of(Subject.INCIDENT)
        owned_by = {team: tuple(owned) for team, owned in self._teams.items() if owned}
        incidents, services, vendors, by_team, times = await asyncio.gather(
            self._count.count(total),
            self._tally_dimension(Dimension.SERVICE),
            self._tally_dimension(Dimension.VENDOR),
            self._of_teams(owned_by),
            self._count.tally(total, Grouping.HOUR_OF_WEEK, 168),
        )
        spots = [self._spot("service", Dimension.SERVICE, name, count) for name, count in services]
        spots += [self._spot("vendor", Dimension.VENDOR, name, count) for name, count in vendors]
        teams = [
            learning.Spot(kind="team", name=team, incidents=count, evidence=self._at_services(owned))
            for team, owned in owned_by.items()
            if (count := by_team.get(team, 0))
        ]
        spots += sorted(teams, key=lambda each: (-each.incidents, each.name))
        # Counted once by hour of the week: local time is the dearest thing to compute for each row.
        hours: Counter[str] = Counter()
        weekdays: Counter[str] = Counter()
        for hour, count in times:
            hours[str(int(hour) % 24)] += count
            weekdays[str(int(hour) // 24)] += count
        strips = [
            _strip("By hour of the day", [f"{hour:02}" for hour in range(24)], hours, total, "hour"),
            _strip("By weekday", list(_WEEKDAYS), weekdays, total, "weekday"),
        ]
        return learning.hot_spots(self._window, spots, strips if incidents else [], incidents)

    async def _times(self) -> Insight:
        total = self._of(Subject.INCIDENT)
        return response.times(self._window, await self._count.values(total))

    async def _communication(self) -> Insight:
        promises = self._of(Subject.PROMISE)
        kept, broken, late = await asyncio.gather(
            self._count.tally(promises.but(which=Which.KEPT), Grouping.AUDIENCE),
            self._count.tally(promises.but(which=Which.BROKEN), Grouping.AUDIENCE),
            self._count.count(promises.but(which=Which.BROKEN_LATE)),
        )
        return response.communication(self._window, dict(kept), dict(broken), late)

    async def _alert_noise(self) -> Insight:
        alerts = self._of(Subject.ALERT)
        episodes, mattered, noisy = await asyncio.gather(
            self._count.count(alerts),
            self._count.count(alerts.but(which=Which.MATTERED)),
            self._count.tally(alerts.but(which=Which.IGNORED), Grouping.RULE, _TOP),
        )
        rules = tuple(rule for rule, _ in noisy)
        useful = dict(
            await self._count.tally(alerts.but(which=Which.MATTERED, values=rules), Grouping.RULE, _TOP)
            if rules
            else []
        )
        league = [
            response.RuleCount(rule=rule, episodes=ignored + useful.get(rule, 0), mattered=useful.get(rule, 0))
            for rule, ignored in noisy
        ]
        return response.alert_noise(self._window, episodes, mattered, league)

    async def _on_call_load(self) -> Insight:
        pages = self._of(Subject.PAGE)
        found = await asyncio.gather(
            self._count.tally(pages, Grouping.PERSON, _PEOPLE),
            self._count.tally(pages.but(which=Which.SLEEP), Grouping.PERSON, _PEOPLE),
            self._count.tally(pages.but(which=Which.OFF_HOURS), Grouping.PERSON, _PEOPLE),
        )
        everything, asleep, off_hours = (dict(each) for each in found)
        loads = [
            response.Load(person=person, pages=count, sleep=asleep.get(person, 0), off_hours=off_hours.get(person, 0))
            for person, count in everything.items()
        ]
        return response.on_call_load(self._window, loads)

    async def _reviews(self) -> Insight:
        due = self._of(Subject.REVIEW)
        wanted = [which for which, _ in response.REVIEW_ROWS]
        found = await asyncio.gather(*(self._count.count(due.but(which=which)) for which in wanted))
        return response.reviews(self._window, dict(zip(wanted, found, strict=True)))

    async def _maturity(self) -> Insight:
        asked = maturity.requirements(self._window)
        wanted = {each.query(): each for one in asked for each in (one.part, one.whole)}
        found = await asyncio.gather(*(self._count.count(each) for each in wanted.values()))
        return maturity.scorecard(asked, dict(zip(wanted, found, strict=True)))

    # --- inside ---

    def _of(self, subject: Subject) -> Evidence:
        return Evidence.within(self._window, subject)

    async def _of_teams(self, owned_by: Mapping[str, Sequence[str]]) -> dict[str, int]:
        """Incidents of each team's services, all in one look; one of two services of a team counts once."""
        if not owned_by:
            return {}
        table = incident_dimensions.c
        team = case(*((table.value.in_(owned), name) for name, owned in owned_by.items()), else_=None).label("team")
        since, until = microseconds(self._window.since), microseconds(self._window.until)
        query = select(team, func.count(table.incident_id.distinct())).where(
            and_(table.dimension == Dimension.SERVICE.value, table.is_real.is_(True), table.is_near_miss.is_(False)),
            and_(table.at >= since, table.at < until),
        )
        async with self._database.reading() as connection:
            return {row[0]: int(row[1]) for row in (await connection.execute(query.group_by(team))).all() if row[0]}

    def _at_services(self, owned: Sequence[str]) -> Evidence:
        return learning.of_dimension(self._window, Dimension.SERVICE, *owned)

    def _spot(self, kind: str, dimension: Dimension, name: str, count: int) -> learning.Spot:
        evidence = learning.of_dimension(self._window, dimension, name)
        return learning.Spot(kind=kind, name=name, incidents=count, evidence=evidence)

    async def _tally_dimension(self, dimension: Dimension) -> list[tuple[str, int]]:
        return await self._count.tally(self._of(Subject.INCIDENT).but(dimension=dimension), Grouping.VALUE, _TOP)

    async def _what_recurs(self) -> list[learning.Recurring]:
        """Asked once, though two insights speak of it."""
        if self._recurring is None:
            self._recurring = asyncio.create_task(self._count_what_recurs())
        return await self._recurring

    async def _count_what_recurs(self) -> list[learning.Recurring]:
        found = await asyncio.gather(*(self._recurring_in(dimension) for dimension in _RECURRING))
        return [each for one in found for each in one]

    async def _recurring_in(self, dimension: Dimension) -> list[learning.Recurring]:
        counted = await self._tally_dimension(dimension)
        names = [name for name, count in counted if count >= learning.RECURS_FROM]
        many = sum(count for _, count in counted)
        owed = await self.items_of(dimension, names, from_items=dimension in FROM_ONE_SOURCE and many > _MANY)
        near = self._of(Subject.NEAR_MISS).but(dimension=dimension, values=tuple(names))
        missed = dict(await self._count.tally(near, Grouping.VALUE, _TOP)) if names else {}
        return [
            learning.Recurring(
                dimension=dimension,
                value=name,
                incidents=count,
                open_items=owed.get(name, (0, 0))[0],
                overdue_items=owed.get(name, (0, 0))[1],
                near_misses=missed.get(name, 0),
            )
            for name, count in counted
        ]


def _strip(title: str, names: Sequence[str], counts: Mapping[str, int], total: Evidence, field: str) -> Table:
    rows = [
        Row(
            name=name,
            numbers=(Number(value=counts.get(str(place), 0), evidence=total.but(**{field: place})),),
        )
        for place, name in enumerate(names)
    ]
    return Table(title=title, columns=("incidents",), rows=tuple(rows), drawn_as="strip")
