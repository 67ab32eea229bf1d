"""Takes back what happened, newest first. Called by `RunbookRun` when nothing of the run is under way any more.

An undo that fails stops the undoing: a person must decide before older steps are touched.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow

from domain.errors import Rejected
from domain.run import CompleteManualStep, Idempotency, Retry, RetryStep, StepStatus
from domain.run_decisions import Attempt, Ending, Next, Rules, Tried, after_attempt, undo_order
from domain.timeline import EntryKind
from runbooks.schema import ActionCall
from workflows.steps.calls import call_rendered, perform, request_for, timeout_of
from workflows.steps.desk import RunDesk
from workflows.steps.locking import locked
from workflows.steps.showing import is_iteration
from workflows.steps.state import Happened

with workflow.unsafe.imports_passed_through():
    from activities.steps import StepRequest, UndoRequest

# An undo may be repeated without harm, and giving up early means a person at 3 a.m.: three attempts in half a minute.
_RETRY = Retry(max_attempts=3, interval=timedelta(seconds=5))


async def undo_all(desk: RunDesk, prefix: str = "") -> None:
    """Undo every effect (of these lines) that is or may be there; what nothing takes back is passed over."""
    keys = [key for key, each in desk.happened.items() if each.path.startswith(prefix)]
    for key in undo_order(keys, ()):
        happened = desk.happened[key]
        if desk.can_undo(happened.path):
            await desk.parked()
            desk.open(desk.step(happened.path), happened.path)
            await locked(desk, happened.path, undoing=True)
            await _undo(desk, happened)
        desk.forget(key)


async def put_back(desk: RunDesk, prefix: str) -> None:
    """The same in the middle of a run, for lines of which nothing is under way any more; a stop waits for its end."""
    undoing = asyncio.create_task(undo_all(desk, prefix))
    is_cancelled = False
    while not undoing.done():
        try:
            await asyncio.shield(undoing)
        except asyncio.CancelledError:
            is_cancelled = True
            if not desk.is_stopping(prefix):
                # Nothing is under way, and the run continues as new: it begins here again.
                undoing.cancel()
    if is_cancelled:
        raise asyncio.CancelledError
    undoing.result()


async def _undo(desk: RunDesk, happened: Happened) -> None:
    path = happened.path
    while True:
        try:
            with desk.busy():
                attempt = await _attempts(desk, happened)
        except Rejected as error:
            attempt = Attempt(ending=Ending.FAILED, sentence=error.sentence)
        if attempt.ending is Ending.SUCCEEDED:
            said = f" - {attempt.sentence}" if attempt.sentence else ""
            desk.set(path, status=StepStatus.UNDONE, reason="undone", waiting_for=None)
            if is_iteration(path):
                return
            desk.note(EntryKind.STEP, f"Step {path}: undone{said}", path=path, reason="undone")
            return
        desk.set(path, status=StepStatus.UNDO_FAILED, reason="undo_failed", error=attempt.sentence)
        desk.note(EntryKind.STEP, f"Step {path}: undo failed - {attempt.sentence}", path=path, reason="undo_failed")
        if not await _try_again(desk, path, attempt.sentence):
            return


async def _attempts(desk: RunDesk, happened: Happened) -> Attempt:
    request = await _request(desk, happened)
    custom = not isinstance(request, UndoRequest)
    idempotency = desk.specs[request.action].idempotency if custom else Idempotency.IDEMPOTENT
    rules = Rules(retry=_RETRY, idempotency=idempotency)
    tried = Tried()
    while True:
        desk.set(happened.path, waiting_for="its undo")
        numbered = request.model_copy(update={"attempt": tried.failed + tried.vanished + 1})
        attempt, _ = await perform(desk, happened.path, numbered)
        vanished = attempt.ending is Ending.VANISHED
        tried = Tried(failed=tried.failed + (not vanished), vanished=tried.vanished + vanished)
        decision = after_attempt(attempt, tried, rules, workflow.now())
        if decision.next is not Next.RETRY:
            return attempt
        await asyncio.sleep(decision.pause.total_seconds())


async def _request(desk: RunDesk, happened: Happened) -> StepRequest:
    step = desk.step(happened.path)
    key = f"{happened.key}/undo"
    timeout = timeout_of(step, None)
    if isinstance(step.undo, ActionCall):
        call = await call_rendered(desk, step.undo, happened.path, happened.output)
        return request_for(desk, happened.path, call, key, timeout)
    given = desk.states[happened.path].rendered if happened.parameters is None else happened.parameters
    performed = ActionCall(action=step.action or "", with_=given or {})
    request = request_for(desk, happened.path, performed, key, timeout)
    return UndoRequest(**request.model_dump(), output=happened.output)


async def _try_again(desk: RunDesk, path: str, sentence: str) -> bool:
    """Ask a person; whether the undo is to be tried again. Otherwise the step stays as the person said."""
    who = desk.start.commander or "a person"
    desk.ask(path, f"{who}: the undo of step {path!r} failed ({sentence}); retry it, complete it by hand, or skip it")
    await workflow.wait_condition(lambda: path in desk.instructions)
    command = desk.take(path)
    desk.answered(path)
    if isinstance(command, RetryStep):
        desk.note(
            EntryKind.STEP, f"{command.by.name} retries the undo of {path}: {command.reason}", command.by, path=path
        )
        return True
    if isinstance(command, CompleteManualStep) and command.succeeded:
        desk.set(path, status=StepStatus.UNDONE, reason="undone_by_person")
        desk.note(
            EntryKind.STEP,
            f"{command.by.name} has undone step {path}: {command.note or 'by hand'}",
            command.by,
            path=path,
        )
        return False
    reason = getattr(command, "reason", "") or getattr(command, "note", "")
    by = command.by if command else desk.me
    desk.note(EntryKind.STEP, f"{by.name} leaves step {path} as it is: {reason}", by, path=path)
    return False
