"""Game days from the outside: what is defined, when the next one is due, start one now, pause its schedule.

Used by `api/routes/game_days.py` and the page. Schedules live in the engine (`workers/schedules.py` keeps them as
`hotwash.yaml` says); pausing one by hand stays until it is resumed by hand. Raises domain errors only.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, ScheduleHandle

from api.acting import Made
from api.engine import Engine, Owner
from api.errors import engine_errors
from api.ports import ConfigurationSource
from api.safety_levers import LeverDesk
from api.tabletops import TabletopDesk
from domain.configuration import GameDaySettings
from domain.durations import format_duration
from domain.errors import HotwashError, Rejected, RejectionKind, Transient
from domain.follow_up import demand_text
from domain.game_day import GameDayKind, GameDayPhase
from domain.ids import game_day_id, game_day_schedule_id, game_day_workflow_id, suffix_from_text
from domain.model import Model
from domain.timeline import Actor
from runbooks.game_day_catalog import GameDayCatalog, choose
from runbooks.game_day_schema import GameDayStart
from runtime.schedule_times import left_out

# Asking for a schedule takes some milliseconds; a page with many of them must not wait for an engine that is away.
_SCHEDULE_TIMEOUT = timedelta(seconds=5)
# An idempotency key becomes the end of the id: 40 bits, and the memo of the workflow tells keys apart that meet.
_SUFFIX_LENGTH = 8
_RUNNING = 'WorkflowType = "GameDay" AND ExecutionStatus = "Running"'


class SkippedTime(Model):
    """A time that was left out by hand."""

    at: datetime
    note: str


class GameDayDefinition(Model):
    """One game day that may be held."""

    name: str
    title: str
    hypothesis: str
    service: str | None
    kind: GameDayKind = GameDayKind.LIVE
    # What is wrong with the file; it cannot be held while there is something.
    problems: tuple[str, ...] = ()
    # Why its schedule could not start it; it may be held by hand.
    schedule_problem: str = ""
    # The schedule in words; None: only by hand.
    schedule: str | None = None
    is_paused: bool = False
    # Who paused or resumed it last, and why.
    note: str = ""
    next_at: datetime | None = None
    # Times that are left out, each with who wants it so and why.
    skipped: tuple[SkippedTime, ...] = ()
    # How many times have passed since it was first scheduled without one beginning, because the engine was away.
    missed: int = 0


# What would be started, and the environments that it touches.
_Pinned = tuple[GameDayStart, tuple[str, ...]]


class GameDayDesk:
    """Starts game days and looks after their schedules."""

    def __init__(
        self, engine: Client, catalog: GameDayCatalog, configuration: ConfigurationSource, levers: LeverDesk
    ) -> None:
        self._client = engine
        self._engine = Engine(engine)
        self._catalog = catalog
        self._configuration = configuration
        self._levers = levers
        self._tabletops = TabletopDesk(self._engine, catalog, configuration)

    async def definitions(self) -> list[GameDayDefinition]:
        """Everything that may be held; the times are missing while the engine is away."""
        configuration = self._configuration.current()
        settings = configuration.game_days
        summaries = await asyncio.to_thread(self._catalog.summaries, configuration)
        found = [
            GameDayDefinition(
                name=each.name,
                title=each.title,
                hypothesis=each.hypothesis,
                service=each.service,
                kind=each.kind,
                problems=(*map(str, each.findings), *filter(None, (each.problem,))),
                schedule_problem=each.schedule_problem,
            )
            for each in summaries
        ]
        return list(await asyncio.gather(*(self._with_schedule(each, settings.get(each.name)) for each in found)))

    async def lint(self, name: str) -> tuple[str, ...]:
        """Everything that is wrong with one, also with what `hotwash.yaml` says of it; Rejected when there is none."""
        _, findings = await asyncio.to_thread(self._catalog.lint, name, self._configuration.current())
        return tuple(str(each) for each in findings)

    async def start(self, name: str, parameters: Mapping[str, Any], by: Actor, mark: str | None = None) -> Made:
        """Hold one now. The same mark (`engine.key_mark`) finds the first one.

        Rejected when the file or the parameters are not fit, while one of this name is held, and while a safety lever
        is engaged.
        """
        if await asyncio.to_thread(self._catalog.is_tabletop, name):
            return await self._tabletops.start(name, parameters, by, mark)
        start, environments = await self._pinned(name, parameters, by)
        return await self._begin(start, environments, mark)

    async def start_as_scheduled(self, scheduled: GameDayStart, by: Actor, mark: str | None = None) -> Made:
        """Hold now what a schedule holds, as it is pinned there. Rejected as above.

        It is started by a person and not by the schedule, which could not say who it was: nobody approves what he has
        started himself, and an approval that stands is for what nobody has started.
        """
        configuration = self._configuration.current()
        document = scheduled.document
        chosen = await asyncio.to_thread(choose, document, scheduled.parameters, configuration, seed=document.name)
        start = scheduled.model_copy(update={"requested_by": by})
        return await self._begin(start, chosen.environments(), mark)

    async def _begin(self, start: GameDayStart, environments: tuple[str, ...], mark: str | None) -> Made:
        name = start.document.name
        # The same form as a Schedule gives: name and time.
        suffix = suffix_from_text(mark, _SUFFIX_LENGTH) if mark else f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        id_, subject = f"{name}-{suffix}", f"game day {name}"
        if mark is not None:
            known = await self._engine.claim(
                "GameDay", game_day_workflow_id(id_), start, subject, mark=mark, may_start=False
            )
            if known is Owner.SAME:
                return Made(id_, is_new=False)
        await self._levers.demand_released(environments)
        await self._require_none_held(name, besides=id_)
        owner = await self._engine.claim(
            "GameDay", game_day_workflow_id(id_), start, subject, mark=mark, may_start=True
        )
        if owner is Owner.OTHER:
            raise Rejected(f"game day {name!r} was started this very second", RejectionKind.CONFLICT)
        return Made(id_, owner is Owner.NEW)

    async def _pinned(
        self, name: str, parameters: Mapping[str, Any], by: Actor
    ) -> tuple[GameDayStart, tuple[str, ...]]:
        """What would be started, and the environments that it touches."""

        def pin() -> _Pinned:
            configuration = self._configuration.current()
            start = self._catalog.start(name, by, configuration, parameters)
            return start, choose(start.document, start.parameters, configuration, seed=name).environments()

        # Linting reads files and takes tens of milliseconds of Python; other requests need not wait for it.
        return await asyncio.to_thread(pin)

    async def pause(self, name: str, reason: str, by: Actor) -> None:
        """No further one starts by itself. Pausing twice changes the reason only."""
        note = f"{by.name}: {demand_text(reason, 'the reason')}"
        async with self._at_schedule(name) as handle:
            await handle.pause(note=note, rpc_timeout=_SCHEDULE_TIMEOUT)

    async def resume(self, name: str, reason: str, by: Actor) -> None:
        """The schedule goes on; what was missed is not made up for. Resuming twice changes the reason only."""
        settings = self._configuration.current().game_days.get(name)
        if settings is not None and settings.paused:
            sentence = f"game day {name!r} is paused in hotwash.yaml; take `paused` out there"
            raise Rejected(sentence, RejectionKind.CONFLICT)
        note = f"{by.name}: {demand_text(reason, 'the reason')}"
        async with self._at_schedule(name) as handle:
            await handle.unpause(note=note, rpc_timeout=_SCHEDULE_TIMEOUT)

    async def _require_none_held(self, name: str, besides: str) -> None:
        """Two faults at once prove nothing. A game day that only waits for its report to be delivered is over."""
        prefix = game_day_workflow_id(name) + "-"
        async with _limited(f"game day {name}"):
            running = [
                each.id
                async for each in self._client.list_workflows(
                    f'{_RUNNING} AND WorkflowId STARTS_WITH "{prefix}"', rpc_timeout=_SCHEDULE_TIMEOUT
                )
            ]
        for workflow_id in running:
            if workflow_id == game_day_workflow_id(besides):
                # The same request, a moment earlier.
                continue
            state = await self._state(workflow_id)
            # A longer name may begin with this one; a game day that does not answer counts as held.
            if state is None or (state["name"] == name and state["phase"] != GameDayPhase.FINISHED):
                id_ = game_day_id(workflow_id)
                raise Rejected(f"game day {id_!r} is under way; wait for it or halt it", RejectionKind.CONFLICT)

    async def _state(self, workflow_id: str) -> dict[str, Any] | None:
        try:
            state: dict[str, Any] = await self._engine.ask(workflow_id, "view", f"game day {game_day_id(workflow_id)}")
        except HotwashError:
            return None
        return state

    @asynccontextmanager
    async def _at_schedule(self, name: str) -> AsyncIterator[ScheduleHandle]:
        async with _limited(f"schedule of game day {name}"):
            yield self._client.get_schedule_handle(game_day_schedule_id(name))

    async def _with_schedule(self, one: GameDayDefinition, settings: GameDaySettings | None) -> GameDayDefinition:
        words = _in_words(settings) if settings else None
        if words is None or one.kind is GameDayKind.TABLETOP:
            return one
        try:
            async with self._at_schedule(one.name) as handle:
                seen = await handle.describe(rpc_timeout=_SCHEDULE_TIMEOUT)
        except (Rejected, Transient):
            return one.model_copy(update={"schedule": words})
        times, state = seen.info.next_action_times, seen.schedule.state
        return one.model_copy(
            update={
                "schedule": words,
                "is_paused": state.paused,
                "note": state.note or "",
                "next_at": times[0] if times and not state.paused else None,
                "missed": seen.info.num_actions_missed_catchup_window,
                "skipped": tuple(
                    SkippedTime(at=each.at, note=each.note) for each in left_out(seen.schedule.spec, datetime.now(UTC))
                ),
            }
        )


def _in_words(settings: GameDaySettings) -> str | None:
    words = settings.cron or (f"every {format_duration(settings.every)}" if settings.every else None)
    if words is None:
        return None
    zone = f" ({settings.time_zone})" if settings.time_zone else ""
    jitter = f", up to {format_duration(settings.jitter)} later" if settings.jitter else ""
    return f"{words}{zone}{jitter}"


@asynccontextmanager
async def _limited(subject: str) -> AsyncIterator[None]:
    """Domain errors only, and within the limit for all of the SDK's attempts together."""
    with engine_errors(subject):
        async with asyncio.timeout(_SCHEDULE_TIMEOUT.total_seconds()):
            yield
