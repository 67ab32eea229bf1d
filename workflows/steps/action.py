"""The kind `action`: render, see that it was approved, perform with retries, find out what is in doubt, verify."""

import asyncio
from datetime import timedelta

from temporalio import workflow

from domain.errors import Rejected
from domain.run import OnUnknown, StepStatus
from domain.run_decisions import (
    MAX_VANISHED,
    AfterAttempt,
    Attempt,
    Ending,
    Next,
    Rules,
    Tried,
    Verdict,
    after_attempt,
    after_check,
)
from runbooks.schema import ActionCall, Step
from workflows.steps.approval import demand_approved
from workflows.steps.calls import call_rendered, check, perform, rendered, request_for, timeout_of
from workflows.steps.desk import RunDesk
from workflows.steps.state import StepEnd

_STATUS = {Next.FAIL: StepStatus.FAILED, Next.TIME_OUT: StepStatus.TIMED_OUT, Next.CANCEL: StepStatus.CANCELLED}


async def run_action(desk: RunDesk, step: Step, path: str) -> StepEnd:
    """Carry out an action step to its end."""
    with desk.busy():
        desk.begin(path)
        try:
            parameters = await rendered(desk, step.with_, path)
        except Rejected as error:
            return StepEnd(status=StepStatus.FAILED, reason="not_rendered", sentence=error.sentence)
        desk.set(path, rendered=parameters)
        call = ActionCall(action=step.action or "", with_=parameters)
        try:
            await demand_approved(desk, step, path, call)
        except Rejected as error:
            return StepEnd(status=StepStatus.FAILED, reason="not_approved", sentence=error.sentence)
        end = await _attempts(desk, step, path, call)
        if end.status is StepStatus.SUCCEEDED:
            desk.confirmed_not_done.discard(path)
            end = await _verified(desk, step, path, end)
        return end


async def _attempts(desk: RunDesk, step: Step, path: str, call: ActionCall) -> StepEnd:
    key = desk.key(path)
    spec = desk.specs[call.action]
    began = desk.states[path].started_at or workflow.now()
    deadline_at = began + step.deadline if step.deadline else None
    rules = Rules(retry=step.retry, idempotency=spec.idempotency, deadline_at=deadline_at)
    tried = Tried()
    while True:
        if desk.is_stopping(path):
            return StepEnd(
                status=StepStatus.CANCELLED, reason="stopped", sentence="the run was stopped before it began"
            )
        desk.set(path, attempts=desk.states[path].attempts + 1)
        # Before it is done: whatever interrupts this from now on, the undo knows that the effect may be there.
        desk.remember(path, key, None)
        attempt, result = await perform(desk, path, request_for(desk, path, call, key, timeout_of(step, deadline_at)))
        if result is not None:
            desk.remember(path, key, result.output)
        elif attempt.ending is Ending.FAILED:
            desk.forget(key)
        tried = _count(tried, attempt)
        decision = after_attempt(attempt, tried, rules, workflow.now())
        if decision.next is Next.FIND_OUT:
            end = await _found_out(desk, path, call, _in_doubt(attempt, decision.reason, key))
            if end is not None:
                return end
            if attempt.ending is not Ending.VANISHED:
                # Counted as failed so far; that it is tried again after its check is bounded as for a dead worker.
                tried = tried.model_copy(update={"vanished": tried.vanished + 1})
            if tried.vanished >= MAX_VANISHED:
                return _in_doubt(attempt, "workers_keep_vanishing", key)
        elif decision.next is Next.SUCCEED and result is not None:
            sentence = result.detail
            return StepEnd(
                status=StepStatus.SUCCEEDED, reason=decision.reason, output=result.output, sentence=sentence, key=key
            )
        elif decision.next is not Next.RETRY:
            return _bad_end(attempt, decision, key)
        await _pause(desk, path, attempt, decision)


def _count(tried: Tried, attempt: Attempt) -> Tried:
    if attempt.ending is Ending.VANISHED:
        return tried.model_copy(update={"vanished": tried.vanished + 1})
    return tried.model_copy(update={"failed": tried.failed + 1})


async def _pause(desk: RunDesk, path: str, attempt: Attempt, decision: AfterAttempt) -> None:
    desk.set(path, reason=decision.reason, error=attempt.sentence, waiting_for="another attempt")
    if decision.pause and not desk.is_stopping(path):
        await asyncio.sleep(decision.pause.total_seconds())
    await workflow.wait_condition(lambda: not desk.is_paused)
    desk.set(path, error=None, waiting_for=None)


def _bad_end(attempt: Attempt, decision: AfterAttempt, key: str) -> StepEnd:
    # Stopped or overdue in the middle: nobody can say how far it got. A failure that was reported left nothing behind.
    in_the_middle = attempt.ending in {Ending.CANCELLED, Ending.TIMED_OUT, Ending.VANISHED}
    return StepEnd(
        status=_STATUS[decision.next],
        reason=decision.reason,
        sentence=attempt.sentence,
        may_have_happened=in_the_middle,
        key=key,
    )


def _in_doubt(attempt: Attempt, reason: str, key: str) -> StepEnd:
    return StepEnd(status=StepStatus.UNKNOWN, reason=reason, sentence=attempt.sentence, may_have_happened=True, key=key)


async def _found_out(desk: RunDesk, path: str, call: ActionCall, doubt: StepEnd) -> StepEnd | None:
    """What the check says of an outcome in doubt; None: it did not happen, so it can be done."""
    step = desk.step(path)
    asked = step.check or (call if desk.specs[call.action].has_check else None)
    if asked is None or step.on_unknown is not OnUnknown.CHECK or desk.is_stopping(path):
        return doubt
    try:
        found = await check(desk, path, await call_rendered(desk, asked, path))
    except Rejected as error:
        return doubt.model_copy(update={"sentence": f"{doubt.sentence}; its check: {error.sentence}"})
    verdict = after_check(found.holds)
    if verdict is Verdict.NOT_DONE:
        desk.confirmed_not_done.add(path)
        return None
    if verdict is Verdict.ASK:
        sentence = f"{doubt.sentence}; its check cannot tell: {found.detail}"
        return doubt.model_copy(update={"reason": verdict.value, "sentence": sentence})
    return StepEnd(
        status=StepStatus.SUCCEEDED, reason=verdict.value, output=found.output, sentence=found.detail, key=doubt.key
    )


async def _verified(desk: RunDesk, step: Step, path: str, end: StepEnd) -> StepEnd:
    """The step's own end, or a failure although its effect is there."""
    if step.verify is None:
        return end
    until = workflow.now() + step.verify.within
    try:
        call = await call_rendered(desk, step.verify, path, end.output)
    except Rejected as error:
        return _unverified(end, error.sentence)
    while True:
        desk.set(path, waiting_for=f"{call.action} to hold")
        found = await check(desk, path, call)
        if found.holds:
            return end
        rest = until - workflow.now()
        if desk.is_stopping(path) or rest <= timedelta():
            return _unverified(end, found.detail)
        await asyncio.sleep(min(step.verify.every, rest).total_seconds())


def _unverified(end: StepEnd, why: str) -> StepEnd:
    sentence = f"it was done, but does not hold: {why}"
    return end.model_copy(
        update={"status": StepStatus.FAILED, "reason": "verify_failed", "sentence": sentence, "may_have_happened": True}
    )
