"""Stop conditions: checks that are asked while the run goes forward; one that holds stops the run, with undo.

They are asked once before the first step, so that a run whose condition holds already touches nothing, and then again
and again. Used by `RunbookRun` for the run and by `nested.py` for a nested runbook.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import workflow

from domain.errors import Rejected
from domain.run import RunStatus
from domain.timeline import EntryKind
from runbooks.schema import Runbook, StopCondition
from workflows.steps.calls import ask, call_rendered
from workflows.steps.desk import RunDesk


@asynccontextmanager
async def watched(desk: RunDesk, document: Runbook, prefix: str) -> AsyncIterator[None]:
    """Ask all conditions of a runbook before the block, and go on asking during it."""
    for condition in document.stop_conditions:
        await _look(desk, condition, document, prefix)
    over = asyncio.Event()
    watching = [asyncio.create_task(_watch(desk, each, document, prefix, over)) for each in document.stop_conditions]
    try:
        yield
    finally:
        # A question under way may be answered in spite of its cancellation; the event ends the loop all the same.
        over.set()
        for task in watching:
            task.cancel()
        if watching:
            await workflow.wait_condition(lambda: all(task.done() for task in watching))


async def _watch(desk: RunDesk, condition: StopCondition, document: Runbook, prefix: str, over: asyncio.Event) -> None:
    while not over.is_set() and desk.ending is None:
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(over.is_set, timeout=condition.every)
        if over.is_set():
            return
        await desk.parked()
        await _look(desk, condition, document, prefix)


async def _look(desk: RunDesk, condition: StopCondition, document: Runbook, prefix: str) -> None:
    if desk.ending is not None:
        return
    # Rendered as at the first step: a condition knows parameters and the incident, and no step.
    first = f"{prefix}.{document.steps[0].id}" if prefix else document.steps[0].id
    try:
        found = await ask(desk, await call_rendered(desk, condition, first), f"{prefix}.{condition.id}".lstrip("."))
    except Rejected as error:
        desk.end(RunStatus.FAILED, f"stop condition {condition.id!r} cannot be asked: {error.sentence}", undo=True)
        return
    what = condition.title or condition.id
    if found.holds:
        desk.end(RunStatus.STOPPED, f"stop condition {what!r} is met: {found.detail}", undo=True)
    elif found.holds is None and condition.on_missing == "stop":
        reason = f"stop condition {what!r} cannot be told, which stops the run: {found.detail}"
        desk.end(RunStatus.STOPPED, reason, undo=True)
    elif found.holds is None:
        desk.note(EntryKind.TROUBLE, f"Stop condition {what!r} cannot be told: {found.detail}", condition=condition.id)
