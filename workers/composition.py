"""Where everything is put together: clients into activities, activities and workflows into workers.

The only place that knows which class stands behind which port. Adding an activity or a workflow means adding it here,
and `tests/workers` compares these lists with what the packages define.
"""

import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.actions import builtin_actions, registry, specs
from activities.alike import AlikeActivities
from activities.clients.channels import ConfiguredChannels
from activities.clients.cloud import cloud_ports
from activities.clients.drill_finder import TemporalDrillFinder
from activities.clients.drill_surroundings import StoredGameDays, TemporalSurroundings
from activities.clients.fault_ports import fault_ports
from activities.clients.http import HttpClient
from activities.clients.leases import FileLeases
from activities.clients.programs import Programs
from activities.clients.releases import ReleaseDirectories
from activities.clients.review_template import ReviewTemplate
from activities.clients.site import site_ports
from activities.clients.tabletops import TemporalIncidentStarter
from activities.clients.templates import TemplateRenderer
from activities.clients.trackers.configured import ConfiguredTrackers
from activities.clients.trackers.teller import TemporalItemTeller
from activities.directory import DirectoryActivities
from activities.drill_surroundings import SurroundingsActivities
from activities.drills import DrillActivities
from activities.faults import FaultActivities, FaultSweeper
from activities.heartbeat import HEARTBEAT_EVERY_SECONDS
from activities.insight_mail import InsightMailActivities
from activities.messages import MessageActivities
from activities.operations_review import OperationsReviewActivities
from activities.record import RecordActivities
from activities.rendering import RenderActivities
from activities.review_draft import ReviewDraftActivities
from activities.runbook_pinning import RunbookActivities
from activities.steps import StepActivities
from activities.tabletops import TabletopActivities
from activities.trackers.sync import TrackerActivities
from domain.fault_sweep import FaultSweepStart
from domain.ids import fault_sweep_workflow_id, tracker_sync_workflow_id
from domain.tracker import TrackerSyncStart
from runbooks.catalog import Catalog
from runbooks.game_day_catalog import GameDayCatalog
from runbooks.render import render
from runbooks.triggers import triggers_of
from runtime.configuration import ConfigurationFile
from runtime.perspective_links import PerspectiveLinks
from runtime.schedule_times import is_due
from runtime.secrets import Secrets
from store import Store
from workers.patience import patient
from workers.schedules import keep_insight_mail, keep_operations_review, keep_schedules
from workflows.action_item import ActionItem
from workflows.alert_group import AlertGroup
from workflows.comms_plan import CommsPlan
from workflows.escalation import Escalation
from workflows.fault_sweep import FaultSweep
from workflows.game_day import GameDay
from workflows.incident import Incident
from workflows.insight_mail import InsightMail
from workflows.operations_review import OperationsReview
from workflows.options import CONTROL_QUEUE, machine_queue, steps_queue
from workflows.resource_lock import ResourceLock
from workflows.review import Review
from workflows.runbook_run import RunbookRun
from workflows.safety_lever import SafetyLever
from workflows.standing_approval import StandingApproval
from workflows.tabletop import Tabletop
from workflows.tracker_sync import TrackerSync

WORKFLOWS: Sequence[type] = (
    ActionItem,
    AlertGroup,
    CommsPlan,
    Escalation,
    FaultSweep,
    GameDay,
    Incident,
    InsightMail,
    OperationsReview,
    ResourceLock,
    Review,
    RunbookRun,
    SafetyLever,
    StandingApproval,
    Tabletop,
    TrackerSync,
)
# Our own packages and pydantic are free of side effects; passing them through saves 40 MB and half the start.
PASSED_THROUGH = (
    "domain",
    "runbooks",
    "activities",
    "workflows.options",
    # Models only; made anew for every run they took a twentieth of a worker's time.
    "workflows.steps.state",
    "pydantic",
    "pydantic_core",
    "annotated_types",
)
# SIGTERM to exit takes 10 s at most and the engine's own stop is part of it: running activities get this much.
GRACE = timedelta(seconds=4)
# An open workflow costs about 61 KB in the cache; 1,000 of them are more incidents than a team has open.
_CACHED_WORKFLOWS = 1000

# A worker that was killed leaves tasks in a queue of its own, where the SDK's default lets them wait for 10 s. Measured
# with 2 s, an open incident answers 2.1 to 3.4 s after a kill -9 and restart. Under heavy load a task that has waited
# this long is only replayed, by whichever worker is free.
_STICKY_TIMEOUT = timedelta(seconds=2)

Activity = Callable[..., Any]


def build_workers(
    client: Client,
    store: Store,
    configuration: ConfigurationFile,
    closing: AsyncExitStack,
    *,
    site: str | None = None,
    secret_key: str | None = None,
) -> list[Worker]:
    """The workers of one process: control and steps, or only the steps of an execution site.

    `closing` takes what must be closed once the workers have ended.
    """
    secrets = Secrets(configuration.folder)
    channels = ConfiguredChannels(configuration, secrets)
    closing.push_async_callback(channels.close)
    doing = step_activities(store, configuration, secrets, channels, closing)
    steps = _steps_worker(client, steps_queue(site), doing)
    # What has begun on this machine and can only go on here: faults, whose leases are files, and the sweep for them.
    sweeping = sweep_activities(configuration)
    here = _steps_worker(client, machine_queue(socket.gethostname(), site), [*doing, *sweeping])
    if site is not None:
        return [steps, here]
    activities = control_activities(client, store, configuration, channels, closing, secret_key=secret_key)
    return [_control_worker(client, activities), steps, here]


def control_activities(
    client: Client,
    store: Store,
    configuration: ConfigurationFile,
    channels: ConfiguredChannels,
    closing: AsyncExitStack,
    *,
    secret_key: str | None = None,
) -> list[Activity]:
    """Bookkeeping and word to people: what the control queue runs beside the workflows."""
    current = configuration.current()
    catalog = Catalog([configuration.folder / name for name in current.runbook_folders], specs())
    drills = DrillActivities(TemporalDrillFinder(client))
    http = HttpClient()
    closing.push_async_callback(http.close)
    around = SurroundingsActivities(
        configuration, TemporalSurroundings(client, is_due), StoredGameDays(store.reader.list), http
    )
    messages = MessageActivities(
        # Without the key of the home folder invitations lead to the page behind the login.
        TemplateRenderer(configuration, configuration.folder, PerspectiveLinks(secret_key) if secret_key else None),
        channels,
        store.ledger,
        configuration,
    )
    configured = ConfiguredTrackers(configuration, Secrets(configuration.folder), http)
    trackers = TrackerActivities(configured, store.ledger, configuration, TemporalItemTeller(client))
    return [
        RecordActivities(store.record).save,
        messages.send,
        DirectoryActivities(configuration, lambda: triggers_of(catalog)).incident_context,
        AlikeActivities(store.alike).find,
        OperationsReviewActivities(store, configuration).prepare,
        InsightMailActivities(store, configuration).prepare,
        drills.find,
        drills.tell_waiting_items,
        drills.unavailable,
        around.choose,
        around.rules,
        around.look_around,
        around.standing,
        around.alert_paths,
        around.last_run,
        around.halt_all,
        TabletopActivities(configuration, TemporalIncidentStarter(client)).declare,
        trackers.sync,
        trackers.poll,
        RunbookActivities(catalog).pin,
        RenderActivities(render).render,
        ReviewDraftActivities(store.timelines, ReviewTemplate(_template_folder(configuration))).draft,
    ]


def schedules(client: Client, configuration: ConfigurationFile) -> Callable[[], Awaitable[None]]:
    """What brings the engine's game day schedules in line with `hotwash.yaml`; may be called again."""

    async def keep() -> None:
        current = configuration.current()
        catalog = GameDayCatalog([configuration.folder / name for name in current.game_day_folders], specs())
        await keep_schedules(client, current, catalog)
        await keep_operations_review(client, current)
        await keep_insight_mail(client, current)

    return keep


def tracker_polls(client: Client, configuration: ConfigurationFile) -> Callable[[], Awaitable[None]]:
    """What starts the poll of every tracker of `hotwash.yaml`; may be called again."""

    async def keep() -> None:
        for name in configuration.current().trackers:
            # One whose tracker is taken out of the file ends by itself.
            await client.start_workflow(
                TrackerSync.run,
                TrackerSyncStart(tracker=name),
                id=tracker_sync_workflow_id(name),
                task_queue=CONTROL_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            )

    return keep


def fault_sweep(configuration: ConfigurationFile) -> Callable[[], Awaitable[None]]:
    """What reverts the faults that an earlier worker of this machine has left behind; may be called again."""

    async def sweep() -> None:
        await FaultSweeper(FileLeases(configuration)).sweep_now()

    return sweep


def periodic_sweep(client: Client, site: str | None) -> Callable[[], Awaitable[None]]:
    """What starts the sweep of this machine, which goes on by itself; may be called again."""

    async def keep() -> None:
        machine = socket.gethostname()
        await client.start_workflow(
            FaultSweep.run,
            FaultSweepStart(machine=machine, site=site),
            id=fault_sweep_workflow_id(machine, site),
            task_queue=CONTROL_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )

    return keep


def step_activities(
    store: Store,
    configuration: ConfigurationFile,
    secrets: Secrets,
    channels: ConfiguredChannels,
    closing: AsyncExitStack,
) -> list[Activity]:
    """What touches the world for runbooks: the steps queues of all sites run the same."""
    http, programs = HttpClient(), Programs()
    faults = fault_ports(configuration, programs, http)
    closing.push_async_callback(http.close)
    actions = builtin_actions(
        configuration,
        channels=channels,
        http=http,
        programs=programs,
        releases=ReleaseDirectories(programs),
        faults=faults,
        site=site_ports(programs, http),
        cloud=cloud_ports(store.ledger),
    )
    known = registry(configuration, actions)
    steps = StepActivities(known, store.ledger, secrets)
    leased = FaultActivities(known, secrets, socket.gethostname())
    return [
        steps.perform,
        steps.check,
        steps.undo,
        leased.capability,
        leased.renew,
        leased.is_clean,
    ]


def sweep_activities(configuration: ConfigurationFile) -> list[Activity]:
    """What looks after the leases of this very machine."""
    return [FaultSweeper(FileLeases(configuration)).sweep]


def _steps_worker(client: Client, queue: str, activities: Sequence[Activity]) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        activities=activities,
        graceful_shutdown_timeout=GRACE,
        # A step learns of a stop with a heartbeat, so the SDK may not save heartbeats up for longer than they come.
        max_heartbeat_throttle_interval=timedelta(seconds=HEARTBEAT_EVERY_SECONDS),
        default_heartbeat_throttle_interval=timedelta(seconds=HEARTBEAT_EVERY_SECONDS),
    )


def _control_worker(client: Client, activities: Sequence[Activity]) -> Worker:
    worker = Worker(
        client,
        task_queue=CONTROL_QUEUE,
        workflows=WORKFLOWS,
        activities=activities,
        workflow_runner=SandboxedWorkflowRunner(
            restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
        ),
        max_cached_workflows=_CACHED_WORKFLOWS,
        sticky_queue_schedule_to_start_timeout=_STICKY_TIMEOUT,
        graceful_shutdown_timeout=GRACE,
    )
    return patient(worker)


def _template_folder(configuration: ConfigurationFile) -> Path | None:
    folder = configuration.folder / configuration.current().template_folder
    return folder if folder.is_dir() else None
