"""Keeps the engine's Schedules as `hotwash.yaml` says: game days, operations review, insights. Called by each worker.

The one thing to know: the definition is pinned into the Schedule when it is written, so an edited file counts from the
next start of a worker on. What a person paused stays paused, and a time that a person left out stays left out.
"""

from datetime import UTC, datetime, timedelta

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
from temporalio.service import RPCError, RPCStatusCode

from domain.configuration import Configuration, GameDaySettings, MailedReport
from domain.errors import Rejected
from domain.ids import (
    game_day_schedule_id,
    game_day_workflow_id,
    insight_mail_schedule_id,
    insight_mail_workflow_id,
    operations_review_schedule_id,
    operations_review_workflow_id,
)
from domain.insight_mail import InsightMailStart
from domain.operations_review import OperationsReviewStart
from domain.timeline import automation
from runbooks.game_day_catalog import GameDayCatalog
from runtime.schedule_times import left_out, without
from workflows.game_day import GameDay
from workflows.insight_mail import InsightMail
from workflows.operations_review import OperationsReview
from workflows.options import CATCH_UP_WINDOW, CONTROL_QUEUE

_REVIEW_CATCH_UP = timedelta(days=1)

log = structlog.get_logger(__name__)

# The note of a schedule says who paused it; with this one it goes on when the file says so, with any other it does not.
PAUSED_BY_FILE = "paused in hotwash.yaml"


async def keep_schedules(client: Client, configuration: Configuration, catalog: GameDayCatalog) -> None:
    """Create, update and delete until the engine has what the configuration says; may be repeated.

    What is wrong with one game day keeps no other from its schedule. Raises RPCError while the engine is away.
    """
    wanted = {name: settings for name, settings in configuration.game_days.items() if settings.cron or settings.every}
    await _delete_others(client, {game_day_schedule_id(name) for name in wanted})
    for name, settings in wanted.items():
        schedule = _schedule(name, settings, configuration, catalog)
        if schedule is not None:
            await _put(client, game_day_schedule_id(name), schedule)


async def keep_operations_review(client: Client, configuration: Configuration) -> None:
    """The weekly review's schedule, where somebody is named to hear of it; may be repeated. RPCError as above."""
    settings = configuration.operations_review
    start = OperationsReviewStart(people=settings.audience, destinations=settings.destinations)
    action = ScheduleActionStartWorkflow(
        OperationsReview.run, start, id=operations_review_workflow_id("scheduled"), task_queue=CONTROL_QUEUE
    )
    await _keep_report(client, operations_review_schedule_id(), settings, action, configuration)


async def keep_insight_mail(client: Client, configuration: Configuration) -> None:
    """The schedule of insights by mail; as above."""
    settings = configuration.insight_mail
    start = InsightMailStart(
        days=settings.days, names=settings.insights, people=settings.audience, destinations=settings.destinations
    )
    action = ScheduleActionStartWorkflow(
        InsightMail.run, start, id=insight_mail_workflow_id("scheduled"), task_queue=CONTROL_QUEUE
    )
    await _keep_report(client, insight_mail_schedule_id(), settings, action, configuration)


async def _keep_report(
    client: Client,
    id_: str,
    settings: MailedReport,
    action: ScheduleActionStartWorkflow,
    configuration: Configuration,
) -> None:
    if not settings.audience and not settings.destinations:
        try:
            await client.get_schedule_handle(id_).delete()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        return
    spec = ScheduleSpec(cron_expressions=[settings.cron], time_zone_name=configuration.policy.calendar.time_zone)
    # A Monday that was missed because the engine was down is made up for within the day.
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_REVIEW_CATCH_UP)
    state = ScheduleState(paused=settings.paused, note=PAUSED_BY_FILE if settings.paused else None)
    await _put(client, id_, Schedule(action=action, spec=spec, policy=policy, state=state))


async def _delete_others(client: Client, wanted: set[str]) -> None:
    prefix = game_day_schedule_id("")
    async for each in await client.list_schedules():
        if not each.id.startswith(prefix) or each.id in wanted:
            continue
        try:
            await client.get_schedule_handle(each.id).delete()
        except RPCError as error:
            # The list lags behind; another worker may have deleted it.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        log.info("game day is no longer scheduled", schedule=each.id)


def _schedule(
    name: str, settings: GameDaySettings, configuration: Configuration, catalog: GameDayCatalog
) -> Schedule | None:
    try:
        start = catalog.start(name, automation("schedule"), configuration)
    except Rejected as error:
        # A schedule that stood before stays as it was: a typing mistake must not end the exercises in silence.
        log.warning("game day cannot be scheduled", name=name, problem=error.sentence)
        return None
    action = ScheduleActionStartWorkflow(GameDay.run, start, id=game_day_workflow_id(name), task_queue=CONTROL_QUEUE)
    spec = ScheduleSpec(
        cron_expressions=[settings.cron] if settings.cron else [],
        intervals=[ScheduleIntervalSpec(every=settings.every)] if settings.every else [],
        jitter=settings.jitter,
        time_zone_name=settings.time_zone or configuration.policy.calendar.time_zone,
    )
    # Never two at once, and no burst of those that were missed while the engine was down.
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP_WINDOW)
    state = ScheduleState(paused=settings.paused, note=PAUSED_BY_FILE if settings.paused else None)
    return Schedule(action=action, spec=spec, policy=policy, state=state)


async def _put(client: Client, id_: str, schedule: Schedule) -> None:
    try:
        try:
            await client.create_schedule(id_, schedule)
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(id_).update(lambda seen: ScheduleUpdate(schedule=_merged(seen, schedule)))
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        log.warning("the engine does not take the schedule of a game day", schedule=id_, problem=error.message)
        return
    log.info("game day is scheduled", schedule=id_)


def _merged(seen: ScheduleUpdateInput, schedule: Schedule) -> Schedule:
    """The wanted schedule, with a person's word about pausing and about times that are left out kept."""
    now = datetime.now(UTC)
    for each in left_out(seen.description.schedule.spec, now):
        without(schedule.spec, each.at, each.note, now)
    stood = seen.description.schedule.state
    if stood.note == PAUSED_BY_FILE or schedule.state.paused:
        return schedule
    schedule.state.paused, schedule.state.note = stood.paused, stood.note
    return schedule
