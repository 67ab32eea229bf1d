"""Asks the record and lets the domain say what it means: one method an insight. Called by API and weekly review.

The one thing to know: every number is asked for by the `Evidence` that it carries, so a drill-down recounts to it.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

from sqlalchemy import case, func, select

from domain.errors import Rejected, RejectionKind
from domain.insight import hygiene, learning, load, maturity, response
from domain.insight.evidence import Evidence, Grouping, Subject, Which
from domain.insight.report import Insight, Number, Row, Table
from domain.insight.words import FROM_ONE_SOURCE, Dimension, LoadLimits, Window
from store.columns import microseconds
from store.database import Database
from store.insight_counting import InsightCounting
from store.interface import Listing
from store.tables_learning import incident_dimensions, item_facts

# Rows of a table; below these things are rare enough to be looked up in the list.
_TOP = 10
# More than any team has services or rules that nearly failed.
_MOST_VALUES = 10_000
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_OF_ALERTS = (
    Which.MATTERED,
    Which.UNTITLED,
    Which.UNMEASURED,
    Which.WITHOUT_RUNBOOK,
    Which.ENDED_BY_ITSELF,
    Which.NOT_ENDED,
)
_RECURRING = (Dimension.FACTOR, Dimension.SERVICE, Dimension.ALERT, Dimension.CHANGE)


class SqlInsight:
    """Insights over one window; `teams` maps a team to its services, `zone` is local time."""

    def __init__(
        self,
        database: Database,
        window: Window,
        teams: Mapping[str, Sequence[str]],
        zone: str,
        limits: LoadLimits,
    ) -> None:
        self._database = database
        self._window = window
        self._teams = teams
        self._limits = limits
        self._count = InsightCounting(database, zone)
        self._known: dict[str, Callable[[], Awaitable[Insight]]] = {
            "recurrence": self._recurrence,
            "action-debt": self._action_debt,
            "hot-spots": self._hot_spots,
            "times": self._times,
            "communication": self._communication,
            "alert-noise": self._alert_noise,
            "alert-hygiene": self._alert_hygiene,
            "on-call-load": self._on_call_load,
            "reviews": self._reviews,
            "maturity": self._maturity,
        }
        # Asked once, though several insights speak of it.
        self._rules: asyncio.Task[dict[str, tuple[int, ...]]] | None = None
        self._recurring: asyncio.Task[list[learning.Recurring]] | None = None
        self._tallied: dict[Dimension, asyncio.Task[list[tuple[str, int]]]] = {}
        # What all of them count, where all of them are asked for.
        self._together: asyncio.Task[dict[str, int]] | None = None

    async def insights(self) -> list[Insight]:
        """All of them, in the order in which they are read."""
        asked = [*self._in_recurrence(), *self._in_debt(), self._of(Subject.INCIDENT), *self._in_reviews().values()]
        asked += [each for one in maturity.requirements(self._window) for each in (one.part, one.whole)]
        self._together = asyncio.create_task(self._count.counts(asked))
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

    async def items_of(self, dimensions: Collection[Dimension]) -> dict[tuple[Dimension, str], tuple[int, int]]:
        """Of each value: the action items of its incidents that are open, and how many of these are overdue."""
        single = [each for each in dimensions if each in FROM_ONE_SOURCE]
        several = [each for each in dimensions if each not in FROM_ONE_SOURCE]
        found = await asyncio.gather(self._items_of(single), self._items_of(several))
        return found[0] | found[1]

    # --- one method each ---

    async def _recurrence(self) -> Insight:
        asked = self._in_recurrence()
        found, many = await asyncio.gather(self._what_recurs(), self._counts(asked))
        incidents, before, missed, missed_before = (many[each.query()] for each in asked)
        return learning.recurrence(self._window, found, (incidents, before), (missed, missed_before))

    async def _action_debt(self) -> Insight:
        asked = self._in_debt()
        found, many = await asyncio.gather(self._what_recurs(), self._counts(asked))
        owed, overdue = (many[each.query()] for each in asked)
        return learning.action_debt(self._window, found, owed, overdue)

    async def _hot_spots(self) -> Insight:
        total = self._of(Subject.INCIDENT)
        owned_by = {team: tuple(owned) for team, owned in self._teams.items() if owned}
        counted, services, vendors, by_team, times = await asyncio.gather(
            self._counts([total]),
            self._tally_dimension(Dimension.SERVICE),
            self._tally_dimension(Dimension.VENDOR),
            self._of_teams(owned_by),
            self._count.tally(total, Grouping.HOUR_OF_WEEK, 168),
        )
        incidents = counted[total.query()]
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
        told = await self._count.tallies(promises, Grouping.AUDIENCE, Which.KEPT, Which.BROKEN, Which.BROKEN_LATE)
        kept = {audience: many for audience, (_, many, _, _) in told.items() if many}
        broken = {audience: many for audience, (_, _, many, _) in told.items() if many}
        return response.communication(self._window, kept, broken, sum(late for _, _, _, late in told.values()))

    async def _alert_noise(self) -> Insight:
        rules = await self._by_rule()
        league = [
            response.RuleCount(rule=rule, episodes=many, mattered=told[Which.MATTERED])
            for rule, (many, told) in rules.items()
            if many > told[Which.MATTERED]
        ]
        league.sort(key=lambda each: (each.mattered - each.episodes, each.rule))
        episodes = sum(many for many, _ in rules.values())
        mattered = sum(told[Which.MATTERED] for _, told in rules.values())
        return response.alert_noise(self._window, episodes, mattered, league[:_TOP])

    async def _alert_hygiene(self) -> Insight:
        drills = Evidence(of=Subject.DRILL_ALERT, since=hygiene.drilled_since(self._window), until=self._window.until)
        rules, drilled = await asyncio.gather(self._by_rule(), self._count.tallies(drills, Grouping.RULE))
        found = [
            hygiene.RuleHygiene(
                rule=rule,
                episodes=many,
                untitled=told[Which.UNTITLED],
                unmeasured=told[Which.UNMEASURED],
                without_runbook=told[Which.WITHOUT_RUNBOOK],
                resolved=told[Which.ENDED_BY_ITSELF],
                not_ended=told[Which.NOT_ENDED],
                drills=drilled.get(rule, (0,))[0],
            )
            for rule, (many, told) in rules.items()
        ]
        return hygiene.alert_hygiene(self._window, found)

    async def _on_call_load(self) -> Insight:
        found = await self._count.hours(self._of(Subject.PAGE), Which.SLEEP, Which.OFF_HOURS)
        loads = [
            load.Load(
                person=person, pages=every[0], hours=every[1], sleep=asleep[0], sleep_hours=asleep[1],
                off_hours=off[0], off_work_hours=off[1],
            )
            for person, (every, asleep, off) in found.items()
        ]  # fmt: skip
        return load.on_call_load(self._window, loads, self._limits)

    async def _reviews(self) -> Insight:
        asked = self._in_reviews()
        found = await self._counts(asked.values())
        return response.reviews(self._window, {which: found[each.query()] for which, each in asked.items()})

    async def _maturity(self) -> Insight:
        asked = maturity.requirements(self._window)
        wanted = {each.query(): each for one in asked for each in (one.part, one.whole)}
        return maturity.scorecard(asked, await self._counts(wanted.values()))

    # --- inside ---

    async def _by_rule(self) -> dict[str, tuple[int, dict[Which, int]]]:
        """Of each alert rule how often it fired, and for how many of these each of `_OF_ALERTS` holds; asked once."""
        if self._rules is None:
            self._rules = asyncio.create_task(self._count.tallies(self._of(Subject.ALERT), Grouping.RULE, *_OF_ALERTS))
        return {
            rule: (many, dict(zip(_OF_ALERTS, told, strict=True)))
            for rule, (many, *told) in (await self._rules).items()
        }

    async def _counts(self, evidences: Iterable[Evidence]) -> dict[str, int]:
        """Of each, by its `query()`, how many there are."""
        return await (self._together or self._count.counts(evidences))

    def _in_recurrence(self) -> tuple[Evidence, ...]:
        """Incidents, those of the window before, and the same of near misses."""
        length = self._window.until - self._window.since
        earlier = {"since": self._window.since - length, "until": self._window.since}
        total, near = self._of(Subject.INCIDENT), self._of(Subject.NEAR_MISS)
        return total, total.but(**earlier), near, near.but(**earlier)

    def _in_debt(self) -> tuple[Evidence, Evidence]:
        items = self._of(Subject.ACTION_ITEM)
        return items.but(which=Which.OPEN), items.but(which=Which.OVERDUE)

    def _in_reviews(self) -> dict[Which, Evidence]:
        due = self._of(Subject.REVIEW)
        return {which: due.but(which=which) for which, _ in response.REVIEW_ROWS}

    def _of(self, subject: Subject) -> Evidence:
        return Evidence.within(self._window, subject)

    async def _items_of(self, dimensions: Sequence[Dimension]) -> dict[tuple[Dimension, str], tuple[int, int]]:
        """Of dimensions that are all from one source, or all from several."""
        if not dimensions:
            return {}
        shared, item = incident_dimensions.c, item_facts.c
        is_overdue = case((item.due_at < microseconds(self._window.until), 1), else_=0)
        # What is open is little next to all incidents, so it is where to begin.
        owed = (
            select(item.incident_id, func.count().label("owed"), func.sum(is_overdue).label("overdue"))
            .where(item.is_real.is_(True), item.is_open.is_(True))
            .group_by(item.incident_id)
            .cte("owed")
            .prefix_with("MATERIALIZED", dialect="postgresql")
        )
        since, until = microseconds(self._window.since), microseconds(self._window.until)
        fitting = (
            select(shared.dimension, shared.value, owed.c.incident_id, owed.c.owed, owed.c.overdue)
            .join_from(owed, incident_dimensions, shared.incident_id == owed.c.incident_id)
            .where(shared.dimension.in_([each.value for each in dimensions]), shared.is_real.is_(True))
            .where(shared.at >= since, shared.at < until)
        )
        # An alert that two groups of one incident share must not count its items twice.
        alike = (fitting if dimensions[0] in FROM_ONE_SOURCE else fitting.distinct()).subquery()
        query = select(alike.c.dimension, alike.c.value, func.sum(alike.c.owed), func.sum(alike.c.overdue))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.group_by(alike.c.dimension, alike.c.value))).all()
        return {(Dimension(row[0]), row[1]): (int(row[2]), int(row[3])) for row in rows}

    async def _of_teams(self, owned_by: Mapping[str, Sequence[str]]) -> dict[str, int]:
        """Incidents of each team's services; one of two services of a team counts once."""
        if not owned_by:
            return {}
        of_services = self._of(Subject.INCIDENT).but(dimension=Dimension.SERVICE)
        # Counted by service, and the few incidents of several services looked at: cheaper than to look for doubles.
        counted, several = await asyncio.gather(self._tally(Dimension.SERVICE), self._count.with_several(of_services))
        by_service = dict(counted)
        found = {team: sum(by_service.get(each, 0) for each in set(owned)) for team, owned in owned_by.items()}
        for services in several.values():
            for team, owned in owned_by.items():
                found[team] -= max(0, len(set(owned) & set(services)) - 1)
        return found

    def _at_services(self, owned: Sequence[str]) -> Evidence:
        return learning.of_dimension(self._window, Dimension.SERVICE, *owned)

    def _spot(self, kind: str, dimension: Dimension, name: str, count: int) -> learning.Spot:
        evidence = learning.of_dimension(self._window, dimension, name)
        return learning.Spot(kind=kind, name=name, incidents=count, evidence=evidence)

    async def _tally_dimension(self, dimension: Dimension) -> list[tuple[str, int]]:
        return (await self._tally(dimension))[:_TOP]

    async def _tally(self, dimension: Dimension) -> list[tuple[str, int]]:
        """The most frequent values of a dimension and their incidents, counted once; of services all, for the teams."""
        if dimension not in self._tallied:
            asked = self._of(Subject.INCIDENT).but(dimension=dimension)
            limit = _MOST_VALUES if dimension is Dimension.SERVICE else _TOP
            self._tallied[dimension] = asyncio.create_task(self._count.tally(asked, Grouping.VALUE, limit))
        return await self._tallied[dimension]

    async def _what_recurs(self) -> list[learning.Recurring]:
        if self._recurring is None:
            self._recurring = asyncio.create_task(self._count_what_recurs())
        return await self._recurring

    async def _count_what_recurs(self) -> list[learning.Recurring]:
        found, owed = await asyncio.gather(
            asyncio.gather(*(self._recurring_in(dimension) for dimension in _RECURRING)), self.items_of(_RECURRING)
        )
        recurring = []
        for each in itertools.chain.from_iterable(found):
            items, overdue = owed.get((each.dimension, each.value), (0, 0))
            recurring.append(each.model_copy(update={"open_items": items, "overdue_items": overdue}))
        return recurring

    async def _recurring_in(self, dimension: Dimension) -> list[learning.Recurring]:
        counted, near = await asyncio.gather(
            self._tally_dimension(dimension),
            # All of them, which are few: naming the values would make SQLite look at the incidents of each.
            self._count.tally(self._of(Subject.NEAR_MISS).but(dimension=dimension), Grouping.VALUE, _MOST_VALUES),
        )
        missed = dict(near)
        return [
            learning.Recurring(
                dimension=dimension,
                value=name,
                incidents=count,
                open_items=0,
                overdue_items=0,
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
