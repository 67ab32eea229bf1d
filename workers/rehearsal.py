"""Plays runbooks on a real engine that skips time: three days in seconds, and nothing outside is touched.

The composition root of `hotwash runbook rehearse`: the engine, the production workflows, and in place of the world the
stage (`workers/rehearsal_stage.py`) and the people (`workers/rehearsal_people.py`) of a scenario. The one thing to
know: the run's clock goes from timer to timer, and stops whenever a person of the scenario acts.
"""

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.rendering import RenderActivities
from domain.durations import format_duration
from domain.errors import Transient
from domain.ids import run_id, run_workflow_id
from domain.policy import Freeze
from domain.run import ActionSpec, RunStatus
from domain.timeline import person
from runbooks.render import render
from runbooks.scenario import Rehearsal, Scenario, found_in
from runbooks.schema import PinnedRunbook, Runbook, RunStart, Step
from runbooks.verdict import Played, Verdict, judge
from runtime.engine_binary import find_engine_binary
from workers.composition import WORKFLOWS
from workers.patience import patient
from workers.rehearsal_people import People
from workers.rehearsal_stage import Stage, Stages
from workers.virtual_time import VirtualTime
from workflows.options import CONTROL_QUEUE, steps_queue
from workflows.runbook_run import RunbookRun

_TETHER = Path(__file__).with_name("tether.py")
# Without the first nothing skips; without the others a skipped timer costs a second instead of 13 ms.
_DYNAMIC_CONFIG = (
    "frontend.WorkflowTimeSkippingEnabled=true",
    'history.timerProcessorMaxTimeShift="1ms"',
    "history.transferProcessorMaxPollRPS=100000",
    "history.timerProcessorMaxPollRPS=100000",
    "history.visibilityProcessorMaxPollRPS=100000",
    "history.outboundProcessorMaxPollRPS=100000",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
)
# It serves 0.1 to 0.3 s after its start; a machine with better things to do gets this long.
_SERVING_WITHIN_SECONDS = 30.0
_POLL_SECONDS = 0.02
# A scenario takes a second or two. One that takes this long in real time does not move any more.
_STUCK_AFTER_SECONDS = 120.0
# A run ends by its timeout, but not while it puts things back and asks people; a day more shows that it never will.
_BEYOND_TIMEOUT = timedelta(days=1)
# One play in some hundreds is overrun on a loaded machine; three in a row have another cause, and are shown.
_MOST_PLAYS = 3
# A run waits for the engine half of its time: more at once than the machine has cores, up to what the engine carries.
_AT_ONCE = min(16, 3 * (os.cpu_count() or 1))


async def rehearse(rehearsals: Sequence[Rehearsal], specs: Mapping[str, ActionSpec]) -> AsyncIterator[Verdict]:
    """Play every scenario and judge it, in the order given; several are played at once."""
    async with AsyncExitStack() as closing:
        client = await closing.enter_async_context(skipping_engine())
        stages = Stages()
        for worker in _workers(client, stages, rehearsals):
            await closing.enter_async_context(worker)
        turns = asyncio.Semaphore(_AT_ONCE)
        numbers = count(1)

        async def one(runbook: PinnedRunbook, scenario: Scenario) -> Verdict:
            async with turns:
                for _ in range(_MOST_PLAYS):
                    incident_id = f"rehearsal-{next(numbers)}"
                    stage = Stage(scenario, runbook, specs)
                    stages.add(incident_id, stage)
                    played, was_overrun = await _play(client, stage, _start(runbook, scenario, incident_id), scenario)
                    if not was_overrun:
                        break
            return judge(runbook.reference.name, scenario, played)

        playing = [asyncio.create_task(one(each.runbook, s)) for each in rehearsals for s in each.scenarios]
        try:
            for each in playing:
                yield await each
        finally:
            for each in playing:
                each.cancel()
            await asyncio.gather(*playing, return_exceptions=True)


async def _play(client: Client, stage: Stage, start: RunStart, scenario: Scenario) -> tuple[Played, bool]:
    """What was played, and whether the engine may have overrun somebody, so that it does not count yet."""
    began = time.monotonic()
    limit = scenario.play_for or start.runbook.document.timeout + _BEYOND_TIMEOUT
    workflow_id = run_workflow_id(start.id)
    clock = VirtualTime(client, workflow_id)
    people = People(scenario, stage, client.get_workflow_handle_for(RunbookRun.run, workflow_id), clock, limit)
    stage.attend = people.attend
    handle = await clock.starting(limit).start_workflow(RunbookRun.run, start, id=workflow_id, task_queue=CONTROL_QUEUE)
    try:
        async with asyncio.timeout(_STUCK_AFTER_SECONDS):
            while (await handle.describe()).close_time is None and not people.is_over:
                await people.go_on()
    except TimeoutError:
        people.troubles.append(f"the run has not moved on for {_STUCK_AFTER_SECONDS:.0f} s of real time")
    stage.attend = None
    before = len(people.troubles)
    people.leave()
    # Somebody was never asked: the scenario is wrong, or the run's clock passed over the moment.
    is_doubtful = len(people.troubles) > before
    run = await handle.query(RunbookRun.view)
    if run.finished_at is None:
        await handle.terminate("the rehearsal is over")
        if scenario.play_for is None:
            since = format_duration(limit)
            people.troubles.append(f"the run has not ended after {since}; if that is meant, say 'play_for'")
    played = Played(
        run=run,
        lines=stage.lines(run.started_at),
        performed=tuple(stage.performed),
        undone=tuple(stage.undone),
        approvals={path: approval.state for path, approval in stage.approvals.items()},
        messages=stage.letters(run.started_at),
        troubles=tuple(people.troubles),
        lasted=run.finished_at - run.started_at if run.finished_at else limit,
        took=timedelta(seconds=time.monotonic() - began),
    )
    return played, people.was_overrun or is_doubtful or _ran_into_its_timeout(played, start, scenario)


def _ran_into_its_timeout(played: Played, start: RunStart, scenario: Scenario) -> bool:
    """The engine may pass over a timer that is just being fired, with nobody there to notice (seen under load).

    The run then stands still until its own timeout. Where that is not what the scenario expects, it is played again.
    """
    is_expected = scenario.expect.status is RunStatus.FAILED or scenario.play_for is not None
    return played.lasted >= start.runbook.document.timeout and not is_expected


def _start(runbook: PinnedRunbook, scenario: Scenario, incident_id: str) -> RunStart:
    # The run's clock begins with that of the machine.
    now = datetime.now(UTC)
    return RunStart(
        id=run_id(incident_id, runbook.reference.name, 1),
        incident_id=incident_id,
        runbook=_without_locks(runbook),
        parameters=scenario.parameters,
        requested_by=person(scenario.requested_by),
        drill=scenario.drill,
        incident=scenario.incident,
        groups=scenario.groups,
        commander=scenario.commander,
        freezes=tuple(
            Freeze(name=f.name, from_=now + f.from_, until=now + f.until, applies_to=f.applies_to)
            for f in scenario.freezes
        ),
        override_freeze=scenario.override_freeze,
    )


def _without_locks(runbook: PinnedRunbook) -> PinnedRunbook:
    """Nobody else is there to take turns with; and a lock has a clock of its own, which would not go with the run's."""
    nested = {
        name: each.model_copy(update={"document": _unlocked(each.document)}) for name, each in runbook.nested.items()
    }
    return runbook.model_copy(update={"document": _unlocked(runbook.document), "nested": nested})


def _unlocked(document: Runbook) -> Runbook:
    return document.model_copy(update={"locks": None})


def _workers(client: Client, stages: Stages, rehearsals: Sequence[Rehearsal]) -> list[Worker]:
    sites = {step.site for each in rehearsals for step in found_in(each.runbook, Step)}
    control = Worker(
        client,
        task_queue=CONTROL_QUEUE,
        workflows=WORKFLOWS,
        activities=[*stages.bookkeeping(), RenderActivities(render).render],
        # The sandbox guards against mistakes in workflows, which are found elsewhere; here it costs half of the time.
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    steps = [Worker(client, task_queue=steps_queue(site), activities=stages.steps()) for site in {None, *sites}]
    return [patient(control), *steps]


@asynccontextmanager
async def skipping_engine(search_attributes: Sequence[str] = ()) -> AsyncIterator[Client]:
    """A server in memory on a free port of this machine; it ends with the block, and with this process."""
    try:
        client, server = await _served(search_attributes)
    except _EndedAtOnce:
        # Somebody may have taken its port before it could; the next one is another.
        client, server = await _served(search_attributes)
    try:
        yield client
    finally:
        await _end(server)


class _EndedAtOnce(Transient):
    """The engine did not come up."""


async def _served(search_attributes: Sequence[str]) -> tuple[Client, asyncio.subprocess.Process]:
    port = _free_port()
    command = [str(find_engine_binary()), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)]
    command += ["--log-level", "never"]
    command += [part for each in search_attributes for part in ("--search-attribute", each)]
    command += [part for setting in _DYNAMIC_CONFIG for part in ("--dynamic-config-value", setting)]
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(_TETHER), str(os.getpid())),
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        # Control-C is for whoever plays; the engine ends when the block does.
        start_new_session=True,
    )
    try:
        return await _connected(f"127.0.0.1:{port}", server), server
    except BaseException:
        await _end(server)
        raise


async def _end(server: asyncio.subprocess.Process) -> None:
    if server.returncode is None:
        # Everything it knows is in memory: there is nothing to close in order.
        server.kill()
    await server.wait()


async def _connected(address: str, server: asyncio.subprocess.Process) -> Client:
    end = time.monotonic() + _SERVING_WITHIN_SECONDS
    while True:
        try:
            return await Client.connect(address, data_converter=pydantic_data_converter)
        except RuntimeError as error:
            if server.returncode is not None:
                raise _EndedAtOnce(f"the rehearsal's engine ended at once (exit code {server.returncode})") from error
            if time.monotonic() > end:
                raise Transient("the rehearsal's engine does not answer; try again") from error
        await asyncio.sleep(_POLL_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
