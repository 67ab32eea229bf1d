"""The kind `wait`: for a time, or until a check holds."""

from datetime import datetime

from temporalio import workflow

from domain.errors import Rejected
from domain.run import StepStatus
from runbooks.schema import Step, Wait
from workflows.steps.calls import call_rendered, check
from workflows.steps.desk import RunDesk
from workflows.steps.orders import ordered
from workflows.steps.state import StepEnd


async def run_wait(desk: RunDesk, step: Step, path: str) -> StepEnd:
    """Wait out the duration, or until the check holds; then `duration` is the longest that is waited."""
    wait = step.wait
    if wait is None:
        message = f"step {step.id!r} is no wait"
        raise ValueError(message)
    began = desk.states[path].started_at or workflow.now()
    until = began + wait.duration
    if wait.until is None:
        desk.wait(path, f"the clock: {until:%H:%M:%S} UTC")
        if await _order_or(desk, path, until):
            return ordered(desk, path, desk.take(path))
        return StepEnd(status=StepStatus.SUCCEEDED, reason="waited")
    return await _until_it_holds(desk, wait, path, until)


async def _until_it_holds(desk: RunDesk, wait: Wait, path: str, until: datetime) -> StepEnd:
    try:
        call = await call_rendered(desk, wait.until, path) if wait.until else None
    except Rejected as error:
        return StepEnd(status=StepStatus.FAILED, reason="not_rendered", sentence=error.sentence)
    if call is None:
        message = f"step {path!r} waits for no check"
        raise ValueError(message)
    desk.wait(path, f"{call.action} to hold, until {until:%H:%M:%S} UTC at most")
    while True:
        await desk.parked()
        desk.set(path, attempts=desk.states[path].attempts + 1)
        found = await check(desk, path, call)
        if found.holds:
            return StepEnd(status=StepStatus.SUCCEEDED, reason="holds", output=found.output, sentence=found.detail)
        if workflow.now() >= until:
            return StepEnd(status=StepStatus.TIMED_OUT, reason="does_not_hold", sentence=found.detail)
        if desk.is_stopping(path):
            return StepEnd(status=StepStatus.CANCELLED, reason="stopped", sentence=found.detail)
        desk.set(path, error=found.detail)
        if await _order_or(desk, path, min(workflow.now() + wait.every, until)):
            return ordered(desk, path, desk.take(path))


async def _order_or(desk: RunDesk, path: str, until: datetime) -> bool:
    """Whether a person's order came before the time."""
    rest = until - workflow.now()
    if rest.total_seconds() <= 0:
        return path in desk.instructions
    try:
        await workflow.wait_condition(lambda: path in desk.instructions, timeout=rest)
    except TimeoutError:
        return False
    return True
