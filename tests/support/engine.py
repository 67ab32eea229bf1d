"""A real Temporal server that skips time, and workers on it. Used by tests/workflows/conftest.py and acceptance tests.

The one thing to know: a workflow that waits for a person with a deadline must be started under
`env.with_time_skipping_disabled()` and driven with `env.fast_forward(handle, timedelta(...))`; started with skipping
on, it runs straight into its deadline. Every test uses a task queue of its own, so that what an earlier test left open
does not wake up in a later one.
"""

import asyncio
import sysconfig
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment
from temporalio.worker import Replayer, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from domain.search_attributes import SEARCH_ATTRIBUTES
from workers.patience import patient

TEMPORAL = Path(sysconfig.get_path("scripts")) / "temporal"
# Without these a skipped timer costs a second instead of 13 ms.
DYNAMIC_CONFIG = (
    "frontend.WorkflowTimeSkippingEnabled=true",
    'history.timerProcessorMaxTimeShift="1ms"',
    "history.transferProcessorMaxPollRPS=100000",
    "history.timerProcessorMaxPollRPS=100000",
    "history.visibilityProcessorMaxPollRPS=100000",
    "history.outboundProcessorMaxPollRPS=100000",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
)
# The default budget of 200 skips a session ends the skipping, and with it the test, in the middle of a long ladder.
MAX_SKIPS = 10_000
PASSED_THROUGH = ("domain", "runbooks", "activities", "pydantic", "pydantic_core", "annotated_types")


def search_attribute_keys() -> list[SearchAttributeKey[Any]]:
    """The custom search attributes, as the engine wants them at its start."""
    kinds = {"Keyword": SearchAttributeKey.for_keyword, "Bool": SearchAttributeKey.for_bool}
    return [kinds[kind](name) for name, kind in SEARCH_ATTRIBUTES.items()]


@asynccontextmanager
async def time_skipping_engine(*more_settings: str) -> AsyncIterator[WorkflowEnvironment]:
    """A server in memory, on a free port, for the duration of the block; takes further dynamic configuration."""
    arguments = [part for setting in (*DYNAMIC_CONFIG, *more_settings) for part in ("--dynamic-config-value", setting)]
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(max_session_skip_count=MAX_SKIPS),
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(TEMPORAL),
        dev_server_extra_args=arguments,
        search_attributes=search_attribute_keys(),
    )
    async with environment:
        yield environment


@asynccontextmanager
async def real_time_engine() -> AsyncIterator[WorkflowEnvironment]:
    """The same server without skipping, for what the engine itself begins: Schedules know no other time than ours."""
    environment = await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(TEMPORAL),
        dev_server_extra_args=[part for each in DYNAMIC_CONFIG for part in ("--dynamic-config-value", each)],
        search_attributes=search_attribute_keys(),
    )
    async with environment:
        yield environment


@asynccontextmanager
async def working(
    client: Client,
    task_queue: str,
    *,
    workflows: Sequence[type],
    activities: Sequence[Callable[..., Any]],
    max_cached_workflows: int = 1000,
) -> AsyncIterator[Worker]:
    """A worker for the duration of the block; 0 cached workflows replays each from its history at every step."""
    worker = Worker(
        client,
        task_queue=task_queue,
        workflows=workflows,
        activities=activities,
        max_cached_workflows=max_cached_workflows,
        # An activity hears of its cancellation with its next heartbeat, and by default those are held back for seconds.
        max_heartbeat_throttle_interval=timedelta(milliseconds=100),
        # A sticky task of a worker that the test has stopped goes back to the queue at once.
        sticky_queue_schedule_to_start_timeout=timedelta(milliseconds=200),
        workflow_runner=sandbox(),
    )
    async with patient(worker):
        yield worker


def replayer(workflows: Sequence[type]) -> Replayer:
    """Replays histories with the code of today; raises where it would decide otherwise."""
    return Replayer(workflows=workflows, data_converter=pydantic_data_converter, workflow_runner=sandbox())


def sandbox() -> SandboxedWorkflowRunner:
    """The sandbox of workers and replayers."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


async def until(holds: Callable[[], bool], what: str = "the condition", seconds: float = 60) -> None:
    """Wait in real time, for things that happen in the background; fails by name when they do not."""
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    message = f"{what} did not come to hold within {seconds:.0f} s"
    raise AssertionError(message)
