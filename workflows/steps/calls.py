"""The calls that steps make: perform, check, undo, render; and how their failures read.

Each perform is one activity on the queue of the step's site, tried once by the engine: whether there is another attempt
is decided in `domain/run_decisions.py`.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TimeoutType, is_cancelled_exception
from temporalio.exceptions import TimeoutError as EngineTimeout

from domain.errors import Rejected
from domain.run_decisions import Attempt, Ending
from runbooks.expressions import has_expression
from runbooks.schema import ActionCall, Step
from workflows.options import HEARTBEAT_TIMEOUT, ONCE, steps_queue
from workflows.rendering import evaluated
from workflows.steps.desk import RunDesk

with workflow.unsafe.imports_passed_through():
    from activities.steps import CheckResult, StepActivities, StepRequest, StepResult, UndoRequest

# A step that says nothing of its time. The field's restarts, rollbacks and drains end within minutes; an attempt that
# hangs for longer than this costs more than the next one.
DEFAULT_TIMEOUT = timedelta(minutes=5)
# A check looks and does not act; the slowest health probes of the field wait 30 s.
CHECK_TIMEOUT = timedelta(seconds=30)
# A check changes nothing, so one whose worker died under it is asked again. Under a fifth worker it is no accident.
_ASKED_AT_MOST = 5
# After this long in the queue the run says that there is no worker, and goes on waiting.
_NO_WORKER_AFTER = timedelta(seconds=30)
_NO_WORKER_AGAIN = timedelta(minutes=10)


async def rendered(desk: RunDesk, value: Any, path: str, own_output: Any = None) -> Any:
    """The value without expressions as they stand in a step, evaluated once and recorded; free when there are none."""
    if not has_expression(value):
        return value
    with desk.busy():
        return await _evaluated(value, desk.scope(path, own_output))


async def _evaluated(template: Any, scope: dict[str, Any]) -> Any:
    try:
        return await evaluated(template, scope)
    except FailureError as error:
        _let_go(error)
        raise Rejected(_sentence(error)) from error


def request_for(desk: RunDesk, path: str, call: ActionCall, key: str, timeout: timedelta) -> StepRequest:
    """One attempt at an action, in the words of the activity."""
    return StepRequest(
        key=key,
        action=call.action,
        parameters=call.with_,
        incident_id=desk.start.incident_id,
        run_id=desk.start.id,
        drill=desk.start.drill,
        attempt=desk.states[path].attempts,
        timeout_seconds=timeout.total_seconds(),
        fencing=desk.locks.held,
        confirmed_not_done=path in desk.confirmed_not_done,
    )


async def perform(desk: RunDesk, path: str, request: StepRequest) -> tuple[Attempt, StepResult | None]:
    """One attempt, and how it ended. Waits for a worker of the site for as long as it takes, and says so."""
    step = desk.step(path)
    patience = _NO_WORKER_AFTER
    while True:
        # The two differ in their request, which has chosen between them.
        method: Any = StepActivities.undo if isinstance(request, UndoRequest) else StepActivities.perform
        try:
            result: StepResult = await workflow.execute_activity_method(
                method,
                request,
                task_queue=steps_queue(step.site),
                start_to_close_timeout=timedelta(seconds=request.timeout_seconds or 0),
                schedule_to_start_timeout=patience,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=ONCE,
                # What is still running must have ended before anything is undone.
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            )
        except ActivityError as error:
            if not _never_started(error):
                return _attempt(error), None
            desk.set(path, waiting_for=f"a worker on the queue {steps_queue(step.site)!r}; none has taken it")
            patience = _NO_WORKER_AGAIN
            continue
        desk.set(path, waiting_for=None)
        return Attempt(ending=Ending.SUCCEEDED, sentence=result.detail), result


async def check(desk: RunDesk, path: str, call: ActionCall) -> CheckResult:
    """Ask whether something holds; whatever goes wrong with asking is an answer that cannot be told."""
    request = request_for(desk, path, call, desk.key(path), CHECK_TIMEOUT)
    return await _checked(desk, request, steps_queue(desk.step(path).site))


async def ask(desk: RunDesk, call: ActionCall, name: str) -> CheckResult:
    """The same for a question that belongs to no step."""
    request = StepRequest(
        key=f"{desk.workflow_id}/{name}",
        action=call.action,
        parameters=call.with_,
        incident_id=desk.start.incident_id,
        run_id=desk.start.id,
        drill=desk.start.drill,
        timeout_seconds=CHECK_TIMEOUT.total_seconds(),
    )
    return await _checked(desk, request, steps_queue(None))


async def _checked(desk: RunDesk, request: StepRequest, task_queue: str) -> CheckResult:
    with desk.busy():
        for _ in range(_ASKED_AT_MOST - 1):
            try:
                return await _asked(request, task_queue)
            except ActivityError as error:
                if not _vanished(error):
                    return _untold(error)
        try:
            return await _asked(request, task_queue)
        except ActivityError as error:
            return _untold(error)


async def _asked(request: StepRequest, task_queue: str) -> CheckResult:
    return await workflow.execute_activity_method(
        StepActivities.check,
        request,
        task_queue=task_queue,
        start_to_close_timeout=CHECK_TIMEOUT,
        schedule_to_start_timeout=_NO_WORKER_AFTER,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=ONCE,
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


def _untold(error: ActivityError) -> CheckResult:
    _let_go(error)
    return CheckResult(holds=None, detail=_sentence(error), output={})


async def call_rendered(desk: RunDesk, call: ActionCall, path: str, own_output: Any = None) -> ActionCall:
    """An action call of a step without expressions."""
    return ActionCall(action=call.action, with_=await rendered(desk, call.with_, path, own_output))


def timeout_of(step: Step, deadline_at: datetime | None) -> timedelta:
    """What one attempt may take: the step's own timeout, cut at its deadline."""
    limit = step.timeout or DEFAULT_TIMEOUT
    if deadline_at is None:
        return limit
    # An attempt of no time at all would not be one.
    return max(min(limit, deadline_at - workflow.now()), timedelta(seconds=1))


def _let_go(error: FailureError) -> None:
    """A call that was cancelled ends its step like any other wait that is cancelled."""
    if is_cancelled_exception(error):
        raise asyncio.CancelledError from error


def _never_started(error: ActivityError) -> bool:
    return isinstance(error.cause, EngineTimeout) and error.cause.type is TimeoutType.SCHEDULE_TO_START


def _vanished(error: ActivityError) -> bool:
    """Whether the worker died under the call: one that is alive ends in time and says so."""
    cause = error.cause
    vanishing = {TimeoutType.HEARTBEAT, TimeoutType.START_TO_CLOSE}
    return isinstance(cause, EngineTimeout) and cause.type in vanishing


_BY_TYPE = {
    "UnknownOutcome": Ending.UNKNOWN,
    "NeedsHuman": Ending.UNKNOWN,
    "Interrupted": Ending.VANISHED,
    "TimedOut": Ending.TIMED_OUT,
}


def _attempt(error: ActivityError) -> Attempt:
    cause = error.cause
    if is_cancelled_exception(error):
        return Attempt(ending=Ending.CANCELLED, sentence="it was stopped")
    if isinstance(cause, EngineTimeout):
        if cause.type is TimeoutType.HEARTBEAT:
            return Attempt(ending=Ending.VANISHED, sentence="its worker vanished")
        # An action that is alive ends before its time is up and says so (`activities/steps.py`); with a timeout shorter
        # than three heartbeats, this is how a dead worker shows.
        return Attempt(ending=Ending.VANISHED, sentence="its worker vanished: its time was up and nothing was heard")
    sentence = _sentence(error)
    if isinstance(cause, ApplicationError):
        ending = _BY_TYPE.get(cause.type or "", Ending.FAILED)
        return Attempt(ending=ending, retryable=not cause.non_retryable, sentence=sentence)
    return Attempt(ending=Ending.FAILED, retryable=True, sentence=sentence)


def _sentence(error: FailureError) -> str:
    return error.cause.message if isinstance(error.cause, ApplicationError) else str(error.cause or error)
