"""The schedules of game days by hand: start what is scheduled now, leave the next time out, and the calendar.

Used by `api/routes/game_days.py` and the pages. The one thing to know: all of it is kept in the engine's Schedule
itself, so that it holds whatever is restarted. Raises domain errors only.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from temporalio.client import (
    Client,
    ScheduleActionStartWorkflow,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from api.acting import Made
from api.errors import engine_errors
from api.game_days import GameDayDesk
from api.ports import ConfigurationSource
from api.reading import Reader
from domain.configuration import Configuration
from domain.errors import Rejected, RejectionKind, Transient
from domain.follow_up import demand_text
from domain.game_day_calendar import (
    CalendarEntry,
    CalendarKind,
    GameDayCalendar,
    freezes_between,
    in_the_way_at,
    window_words,
)
from domain.ids import game_day_schedule_id
from domain.record import ProjectionKind
from domain.timeline import Actor, automation
from runbooks.game_day_catalog import GameDayCatalog, choose
from runbooks.game_day_schema import GameDayStart
from runtime.schedule_times import left_out, nominal, without

_SCHEDULE_TIMEOUT = timedelta(seconds=5)
# Game days that were held in a month: more than one an hour is no practice any more.
_HELD_AT_MOST = 200
_LONGEST_SPAN = timedelta(days=92)


class _About(NamedTuple):
    title: str
    services: tuple[str, ...]
    # Empty: it could be held.
    problem: str
    lasts: timedelta


class ScheduleDesk:
    """Looks after schedules, and shows them."""

    def __init__(
        self, engine: Client, reader: Reader, desk: GameDayDesk, catalog: GameDayCatalog, source: ConfigurationSource
    ) -> None:
        self._client = engine
        self._reader = reader
        self._desk = desk
        self._catalog = catalog
        self._configuration = source

    async def trigger(self, name: str, by: Actor, mark: str | None = None) -> Made:
        """Start what is scheduled now, as it is pinned, in the name of whoever wants it.

        Rejected while one of this name is held or a lever is engaged, and when nothing is scheduled.
        """
        async with self._at(name) as handle:
            action = (await _described(handle)).schedule.action
        if not isinstance(action, ScheduleActionStartWorkflow):
            raise Rejected(f"the schedule of game day {name!r} starts none; start a worker, which writes it anew")
        # The engine gives what it holds as it holds it.
        pinned = await self._client.data_converter.decode(list(action.args), [GameDayStart])
        return await self._desk.start_as_scheduled(pinned[0], by, mark)

    async def skip_next(self, name: str, reason: str, by: Actor, at: datetime | None = None) -> datetime:
        """Leave the next time out, and only that one; the time that is left out.

        `at` is the time that somebody looked at: the same wish twice leaves one time out, and a time that is not the
        next one any more is refused.
        """
        note = f"{by.name}: {demand_text(reason, 'the reason')}"
        async with self._at(name) as handle:
            seen = await _described(handle)
            now = datetime.now(UTC)
            spec = seen.schedule.spec
            if at is not None and any(abs(each.at - nominal(spec, at)) < _SECOND for each in left_out(spec, now)):
                return at
            if seen.schedule.state.paused:
                sentence = f"the schedule of game day {name!r} is paused; there is no next time to skip"
                raise Rejected(sentence, RejectionKind.CONFLICT)
            times = seen.info.next_action_times
            if not times:
                raise Rejected(f"the schedule of game day {name!r} has no next time", RejectionKind.CONFLICT)
            if at is not None and abs(times[0] - at) >= _SECOND:
                sentence = f"the next time of game day {name!r} is {times[0]:%Y-%m-%d %H:%M:%S} UTC; look again"
                raise Rejected(sentence, RejectionKind.CONFLICT)
            wanted = nominal(spec, times[0])

            def changed(current: ScheduleUpdateInput) -> ScheduleUpdate:
                schedule = current.description.schedule
                known = [each.at for each in left_out(schedule.spec, now)]
                if wanted not in known:
                    without(schedule.spec, wanted, note, now)
                return ScheduleUpdate(schedule=schedule)

            await handle.update(changed, rpc_timeout=_SCHEDULE_TIMEOUT)
            return times[0]

    async def calendar(self, since: datetime, until: datetime) -> GameDayCalendar:
        """What is due and what was held between two moments. What cannot be told is among its problems."""
        if not since < until <= since + _LONGEST_SPAN:
            raise Rejected(f"a calendar shows up to {_LONGEST_SPAN.days} days, from earlier to later")
        configuration = self._configuration.current()
        zone = configuration.policy.calendar.time_zone
        policy = configuration.game_day_policy
        problems: list[str] = []
        told_until: dict[str, datetime] = {}
        held = await self._held(since, until, problems)
        entries, is_partial = held or [], held is None
        scheduled = {name: each for name, each in configuration.game_days.items() if each.cron or each.every}
        for name in sorted(scheduled):
            try:
                async with self._at(name) as handle:
                    seen = await _described(handle)
            except (Rejected, Transient) as error:
                problems.append(error.sentence)
                is_partial = is_partial or isinstance(error, Transient)
                continue
            found = await asyncio.to_thread(self._due, name, seen, configuration)
            entries += [each for each in found if since <= each.at < until]
            times = seen.info.next_action_times
            if times and times[-1] < until:
                told_until[name] = times[-1]
        return GameDayCalendar(
            since=since,
            until=until,
            time_zone=zone,
            entries=tuple(sorted(entries, key=lambda each: (each.at, each.name))),
            freezes=freezes_between(configuration.policy.freezes, since, until),
            windows=tuple(map(window_words, policy.windows)),
            problems=tuple(problems),
            is_partial=is_partial,
            told_until=told_until,
        )

    # --- inside ---

    def _due(self, name: str, seen: ScheduleDescription, configuration: Configuration) -> list[CalendarEntry]:
        about = self._about(name, configuration)
        title, services, problem, lasts = about.title, about.services, about.problem, about.lasts
        policy, zone = configuration.game_day_policy, configuration.policy.calendar.time_zone
        state = seen.schedule.state
        found = [
            CalendarEntry(
                at=each.at,
                planned_at=each.at,
                until=each.at + lasts,
                kind=CalendarKind.SKIPPED,
                name=name,
                title=title,
                note=each.note,
            )
            for each in left_out(seen.schedule.spec, datetime.now(UTC))
        ]
        for at in seen.info.next_action_times:
            why = problem or in_the_way_at(at, configuration.policy.freezes, services, policy.windows, zone)
            kind = CalendarKind.PAUSED if state.paused else CalendarKind.REFUSED if why else CalendarKind.DUE
            note = (state.note or "") if state.paused else why
            planned_at = nominal(seen.schedule.spec, at)
            found.append(
                CalendarEntry(
                    at=at, planned_at=planned_at, until=at + lasts, kind=kind, name=name, title=title, note=note
                )
            )
        return found

    def _about(self, name: str, configuration: Configuration) -> "_About":
        """What its file says now, or why it could not be held."""
        try:
            start = self._catalog.start(name, automation("calendar"), configuration)
            chosen = choose(start.document, start.parameters, configuration, seed=name)
        except Rejected as error:
            return _About(name, (), error.sentence, timedelta())
        own = (start.document.service,) if start.document.service else ()
        return _About(start.document.title, (*own, *chosen.services()), "", start.document.duration)

    async def _held(self, since: datetime, until: datetime, problems: list[str]) -> list[CalendarEntry] | None:
        """None: the record is away."""
        try:
            page = await self._reader.things(ProjectionKind.GAME_DAY, limit=_HELD_AT_MOST)
        except Transient as error:
            problems.append(error.sentence)
            return None
        entries = [
            CalendarEntry(
                at=datetime.fromisoformat(each["started_at"]), kind=CalendarKind.HELD, name=each["name"],
                title=each["title"], note=each["reason"], id=each["id"], verdict=each["verdict"] or each["phase"],
                until=datetime.fromisoformat(each["finished_at"]) if each.get("finished_at") else None,
            )
            for each in page.items
        ]  # fmt: skip
        return [each for each in entries if since <= each.at < until]

    @asynccontextmanager
    async def _at(self, name: str) -> AsyncIterator[ScheduleHandle]:
        with engine_errors(f"schedule of game day {name}"):
            async with asyncio.timeout(_SCHEDULE_TIMEOUT.total_seconds()):
                yield self._client.get_schedule_handle(game_day_schedule_id(name))


_SECOND = timedelta(seconds=1)


async def _described(handle: ScheduleHandle) -> ScheduleDescription:
    return await handle.describe(rpc_timeout=_SCHEDULE_TIMEOUT)
