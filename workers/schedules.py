"""Keeps the engine's Schedules of game days as `hotwash.yaml` says. Called when a worker starts.

The one thing to know: the definition is pinned into the Schedule when it is written, so an edited file counts from the
next start of a worker on, and a schedule that a person paused stays paused.
"""

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from domain.configuration import Configuration, GameDaySettings
from domain.errors import Rejected
from domain.ids import game_day_schedule_id, game_day_workflow_id
from domain.timeline import automation
from runbooks.game_day_catalog import GameDayCatalog
from workflows.game_day import GameDay
from workflows.options import CATCH_UP_WINDOW, CONTROL_QUEUE

log = structlog.get_logger(__name__)


async def keep_schedules(client: Client, configuration: Configuration, catalog: GameDayCatalog) -> None:
    """Create, update and delete until the engine has what the configuration says; may be repeated."""
    wanted = {
        game_day_schedule_id(name): _schedule(name, settings, configuration, catalog)
        for name, settings in configuration.game_days.items()
        if settings.cron or settings.every
    }
    prefix = game_day_schedule_id("")
    async for each in await client.list_schedules():
        if each.id.startswith(prefix) and each.id not in wanted:
            await client.get_schedule_handle(each.id).delete()
            log.info("game day is no longer scheduled", schedule=each.id)
    for id_, schedule in wanted.items():
        if schedule is not None:
            await _put(client, id_, schedule)


def _schedule(
    name: str, settings: GameDaySettings, configuration: Configuration, catalog: GameDayCatalog
) -> Schedule | None:
    try:
        start = catalog.start(name, settings.parameters, automation("schedule"), settings.audience)
    except Rejected as error:
        # A schedule that stood before stays as it was: a typing mistake must not end the exercises in silence.
        log.warning("game day cannot be scheduled", name=name, problem=error.sentence)
        return None
    action = ScheduleActionStartWorkflow(GameDay.run, start, id=game_day_workflow_id(name), task_queue=CONTROL_QUEUE)
    spec = ScheduleSpec(
        cron_expressions=[settings.cron] if settings.cron else [],
        intervals=[ScheduleIntervalSpec(every=settings.every)] if settings.every else [],
        time_zone_name=configuration.policy.calendar.time_zone,
    )
    # Never two at once, and no burst of those that were missed while the engine was down.
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP_WINDOW)
    return Schedule(action=action, spec=spec, policy=policy, state=ScheduleState(paused=settings.paused))


async def _put(client: Client, id_: str, schedule: Schedule) -> None:
    try:
        await client.create_schedule(id_, schedule)
    except ScheduleAlreadyRunningError:

        def updated(seen: ScheduleUpdateInput) -> ScheduleUpdate:
            schedule.state.paused = schedule.state.paused or seen.description.schedule.state.paused
            schedule.state.note = seen.description.schedule.state.note
            return ScheduleUpdate(schedule=schedule)

        await client.get_schedule_handle(id_).update(updated)
    log.info("game day is scheduled", schedule=id_)
