"""Game days from the outside: what is defined, when the next one is due, start one now, pause its schedule.

Used by `api/routes/game_days.py` and the page. Schedules live in the engine (`workers/schedules.py` keeps them as
`hotwash.yaml` says); pausing one by hand stays until it is resumed by hand.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client, ScheduleDescription, ScheduleHandle

from api.errors import engine_errors
from api.ports import ConfigurationSource
from domain.configuration import GameDaySettings
from domain.durations import format_duration
from domain.errors import Rejected, Transient
from domain.ids import game_day_schedule_id, game_day_workflow_id
from domain.model import Model
from domain.timeline import Actor
from runbooks.game_day_catalog import GameDayCatalog
from workflows.game_day import GameDay
from workflows.options import CONTROL_QUEUE


class GameDayDefinition(Model):
    """One game day that may be held."""

    name: str
    title: str
    hypothesis: str
    service: str | None
    # What is wrong with the file; it cannot be held while there is something.
    problems: tuple[str, ...] = ()
    # The schedule in words; None: only by hand.
    schedule: str | None = None
    is_paused: bool = False
    next_at: datetime | None = None


class GameDayDesk:
    """Starts game days and looks after their schedules."""

    def __init__(self, engine: Client, catalog: GameDayCatalog, configuration: ConfigurationSource) -> None:
        self._engine = engine
        self._catalog = catalog
        self._configuration = configuration

    async def definitions(self) -> list[GameDayDefinition]:
        """Everything that may be held; the times are missing while the engine is away."""
        settings = self._configuration.current().game_days
        return [
            await self._with_schedule(
                GameDayDefinition(
                    name=each.name,
                    title=each.title,
                    hypothesis=each.hypothesis,
                    service=each.service,
                    problems=tuple(str(finding) for finding in each.findings),
                ),
                settings.get(each.name),
            )
            for each in self._catalog.summaries()
        ]

    async def start(self, name: str, parameters: Mapping[str, Any], by: Actor) -> str:
        """Hold one now; returns its id. Rejected when the file or the parameters are not fit."""
        settings = self._configuration.current().game_days.get(name, GameDaySettings())
        start = self._catalog.start(name, settings.parameters | dict(parameters), by, settings.audience)
        # The same form as a Schedule gives: name and time.
        id_ = f"{name}-{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        with engine_errors(f"game day {id_}"):
            await self._engine.start_workflow(
                GameDay.run, start, id=game_day_workflow_id(id_), task_queue=CONTROL_QUEUE
            )
        return id_

    async def pause(self, name: str, reason: str, by: Actor) -> None:
        """No further one starts by itself."""
        with engine_errors(f"the schedule of game day {name}"):
            await self._handle(name).pause(note=f"{by.name}: {reason}")

    async def resume(self, name: str, reason: str, by: Actor) -> None:
        """The schedule goes on; what was missed is not made up for."""
        with engine_errors(f"the schedule of game day {name}"):
            await self._handle(name).unpause(note=f"{by.name}: {reason}")

    def _handle(self, name: str) -> ScheduleHandle:
        return self._engine.get_schedule_handle(game_day_schedule_id(name))

    async def _with_schedule(self, one: GameDayDefinition, settings: GameDaySettings | None) -> GameDayDefinition:
        words = _in_words(settings) if settings else None
        if words is None:
            return one
        try:
            with engine_errors(f"the schedule of game day {one.name}"):
                seen: ScheduleDescription = await self._handle(one.name).describe()
        except (Rejected, Transient):
            return one.model_copy(update={"schedule": words})
        times = seen.info.next_action_times
        return one.model_copy(
            update={
                "schedule": words,
                "is_paused": seen.schedule.state.paused,
                "next_at": times[0] if times and not seen.schedule.state.paused else None,
            }
        )


def _in_words(settings: GameDaySettings) -> str | None:
    if settings.cron:
        return settings.cron
    return f"every {format_duration(settings.every)}" if settings.every else None
