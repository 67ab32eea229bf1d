"""Runs steps one after another: what is common to all kinds.

`parallel`, `foreach`, `switch` and nested runbooks will be kinds that call `run_steps` for their branches, with a
prefix to the path.
"""

from collections.abc import Awaitable, Callable, Sequence

from temporalio import workflow

from domain.errors import Rejected
from domain.run import CompleteManualStep, RetryStep, RunCommand, RunStatus, StepKind, StepStatus
from domain.run_decisions import ENDED, RunNext, after_step
from domain.timeline import EntryKind
from runbooks.schema import Step
from workflows.steps.action import run_action
from workflows.steps.approval import CONDITION_FALSE, run_approval
from workflows.steps.calls import rendered
from workflows.steps.desk import RunDesk, StepEnd
from workflows.steps.manual import run_manual
from workflows.steps.orders import ordered
from workflows.steps.wait import run_wait

Kind = Callable[[RunDesk, Step, str], Awaitable[StepEnd]]
KINDS: dict[StepKind, Kind] = {
    StepKind.ACTION: run_action,
    StepKind.APPROVAL: run_approval,
    StepKind.MANUAL: run_manual,
    StepKind.WAIT: run_wait,
}


class RunEnds(Exception):
    """No error: it carries the end of the forward work out of any nesting. `RunDesk.ending` says why."""


async def run_steps(desk: RunDesk, steps: Sequence[Step], prefix: str = "") -> None:
    """Run the steps in order; those that have ended in an earlier life of the run are passed over."""
    for step in steps:
        await run_step(desk, step, f"{prefix}{step.id}")


async def run_finals(desk: RunDesk, steps: Sequence[Step]) -> None:
    """Run every final step; one that fails keeps no other from running."""
    for step in steps:
        try:
            await run_step(desk, step, step.id)
        except RunEnds:
            continue


async def run_step(desk: RunDesk, step: Step, path: str) -> None:
    """Run one step until it has ended and nobody has to decide about it any more; RunEnds when it ends the run."""
    state = desk.open(step, path)
    if state.status in ENDED and path not in desk.asks:
        return
    await _gate(desk)
    end = await _before(desk, step, path)
    while True:
        if end is None:
            end = await KINDS[step.kind](desk, step, path)
        if path not in desk.asks:
            desk.settle(path, end)
        if not await _again(desk, step, path, end):
            return
        await _gate(desk)
        end = None


async def _gate(desk: RunDesk) -> None:
    """Between two pieces of work: stopping, pausing and continuing as new happen here."""
    if desk.is_stopping:
        raise RunEnds
    if desk.is_paused:
        await workflow.wait_condition(lambda: not desk.is_paused)
    await desk.parked()


async def _before(desk: RunDesk, step: Step, path: str) -> StepEnd | None:
    """How the step ends before it begins: by order, by its condition, or (None) not yet."""
    state = desk.states[path]
    if path in desk.asks:
        # A continued run takes up the question where it was.
        return StepEnd(status=state.status, reason=state.reason or "", sentence=state.error or "", key=desk.key(path))
    if state.status is not StepStatus.PENDING:
        return None
    if path in desk.instructions:
        return ordered(desk, path, desk.take(path))
    return None if step.if_ is None else await _unwanted(desk, step.if_)


async def _unwanted(desk: RunDesk, condition: str) -> StepEnd | None:
    try:
        wanted = await rendered(desk, condition)
    except Rejected as error:
        return StepEnd(status=StepStatus.FAILED, reason="not_rendered", sentence=error.sentence)
    if wanted is True:
        return None
    if wanted is False:
        return StepEnd(
            status=StepStatus.SKIPPED, reason=CONDITION_FALSE, sentence=f"its condition is false: {condition}"
        )
    sentence = f"its condition {condition!r} gives {str(wanted)[:60]!r}, which is neither true nor false"
    return StepEnd(status=StepStatus.FAILED, reason="not_rendered", sentence=sentence)


async def _again(desk: RunDesk, step: Step, path: str, end: StepEnd) -> bool:
    """What the end of a step means for the run: whether the step is to be run again."""
    while True:
        verdict = after_step(end.status, step.on_failure, step.on_unknown)
        if desk.ending is not None and end.status is not StepStatus.SUCCEEDED:
            raise RunEnds
        if verdict is RunNext.GO_ON:
            return False
        if verdict is not RunNext.ASK:
            reason = f"step {path!r} {_words(end.status)}: {end.sentence}"
            desk.end(RunStatus.FAILED, reason, undo=verdict is RunNext.END_AND_UNDO)
            raise RunEnds
        command = await _asked(desk, path, end)
        if isinstance(command, RetryStep):
            _reopen(desk, path, command, end)
            return True
        end = _told(desk, path, command, end)
        desk.settle(path, end)


async def _asked(desk: RunDesk, path: str, end: StepEnd) -> RunCommand | None:
    who = desk.start.commander or "a person"
    in_doubt = end.status is StepStatus.UNKNOWN
    what = "say what became of it (complete), retry" if in_doubt else "retry"
    desk.ask(path, f"{who}: step {path!r} {_words(end.status)} ({end.sentence}); {what}, skip, override or stop")
    await workflow.wait_condition(lambda: path in desk.instructions)
    desk.answered(path)
    return desk.take(path)


def _reopen(desk: RunDesk, path: str, command: RetryStep, end: StepEnd) -> None:
    desk.note(EntryKind.STEP, f"{command.by.name} retries step {path}: {command.reason}", command.by, path=path)
    if end.status is StepStatus.UNKNOWN:
        desk.confirmed_not_done.add(path)
        desk.forget(end.key or "")
    elif end.may_have_happened:
        # The old key stands for the effect that is there; the new attempt is another effect.
        desk.set(path, again=desk.states[path].again + 1)
    desk.set(path, status=StepStatus.PENDING, started_at=None, finished_at=None)


def _told(desk: RunDesk, path: str, command: RunCommand | None, end: StepEnd) -> StepEnd:
    """How a step ends that a person has decided about."""
    if not isinstance(command, CompleteManualStep):
        return ordered(desk, path, command)
    desk.note(
        EntryKind.STEP, f"{command.by.name} says of step {path}: {command.note or 'decided'}", command.by, path=path
    )
    if command.succeeded:
        return StepEnd(
            status=StepStatus.SUCCEEDED, reason="confirmed_by_person", output=command.output, sentence=command.note,
            key=end.key,
        )  # fmt: skip
    desk.forget(end.key or "")
    sentence = command.note or f"{command.by.name} says that it did not happen"
    return StepEnd(status=StepStatus.FAILED, reason="denied_by_person", sentence=sentence)


def _words(status: StepStatus) -> str:
    return {StepStatus.UNKNOWN: "has an unknown outcome", StepStatus.TIMED_OUT: "timed out"}.get(status, status.value)
