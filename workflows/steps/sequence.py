"""Runs steps one after another: what is common to all kinds.

A kind that holds other steps (`BLOCKS`) runs each line of them through `run_line`, with a prefix to the paths. The one
thing to know: a failure that ends a sequence ends the line in which it stands, and the block around decides what that
means; where there is no block, it is the run that ends.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

from temporalio import workflow

from domain.errors import Rejected
from domain.freeze import active_freeze, refusal
from domain.run import CompleteManualStep, RetryStep, RunCommand, RunStatus, StepKind, StepStatus
from domain.run_decisions import ENDED, RunNext, after_step
from domain.timeline import EntryKind
from runbooks.schema import Step
from workflows.steps.action import run_action
from workflows.steps.approval import CONDITION_FALSE, run_approval
from workflows.steps.calls import rendered
from workflows.steps.desk import RunDesk
from workflows.steps.foreach import run_foreach
from workflows.steps.lines import RunLine
from workflows.steps.locking import locked, needs_locks
from workflows.steps.manual import run_manual
from workflows.steps.nested import run_nested
from workflows.steps.orders import ordered
from workflows.steps.parallel import run_parallel
from workflows.steps.reopening import reopen_under
from workflows.steps.state import LineEnd, Phase, StepEnd
from workflows.steps.switch import run_switch
from workflows.steps.undo import put_back
from workflows.steps.wait import run_wait

# A step that was held up by a freeze.
FROZEN = "frozen"
Kind = Callable[[RunDesk, Step, str], Awaitable[StepEnd]]
Block = Callable[[RunDesk, Step, str, RunLine], Awaitable[StepEnd]]
KINDS: dict[StepKind, Kind] = {
    StepKind.ACTION: run_action,
    StepKind.APPROVAL: run_approval,
    StepKind.MANUAL: run_manual,
    StepKind.WAIT: run_wait,
}
BLOCK_KINDS: dict[StepKind, Block] = {
    StepKind.PARALLEL: run_parallel,
    StepKind.FOREACH: run_foreach,
    StepKind.SWITCH: run_switch,
    StepKind.RUNBOOK: run_nested,
}


class RunEnds(Exception):
    """No error: it carries the end of the forward work out of any nesting. `RunDesk.ending` says why."""


class LineEnds(Exception):
    """No error either: it ends the line of a block."""

    def __init__(self, end: LineEnd) -> None:
        super().__init__(end.sentence)
        self.end = end


async def run_steps(desk: RunDesk, steps: Sequence[Step], prefix: str = "") -> None:
    """Run the steps in order; those that have ended in an earlier life of the run are passed over."""
    for step in steps:
        await run_step(desk, step, f"{prefix}{step.id}")


async def run_line(desk: RunDesk, steps: Sequence[Step], prefix: str) -> LineEnd:
    """Run one line of a block to its end; what it has done is put back when the step that failed says so."""
    end = desk.line_ends.get(prefix)
    if end is None:
        try:
            await run_steps(desk, steps, prefix)
        except LineEnds as ends:
            end = desk.line_ends[prefix] = ends.end
            desk.close_under(prefix, "line_ended")
        else:
            return LineEnd(status=StepStatus.SUCCEEDED, reason="done", sentence="", undo=False)
    if end.undo:
        await put_back(desk, prefix)
    return end


async def run_finals(desk: RunDesk, steps: Sequence[Step], prefix: str = "") -> None:
    """Run every final step; one that fails keeps no other from running."""
    for step in steps:
        try:
            await run_step(desk, step, f"{prefix}{step.id}")
        except (RunEnds, LineEnds):
            continue


async def run_all_finals(desk: RunDesk) -> None:
    """The final steps of every nested runbook that was begun, the last one first, and then those of the run."""
    for path in reversed([path for path, block in desk.blocks.items() if block.parameters is not None]):
        call = desk.step(path).runbook
        if call is not None:
            await run_finals(desk, desk.nested[call.name].finally_, f"{path}.")
    await run_finals(desk, desk.document.finally_)


async def run_step(desk: RunDesk, step: Step, path: str) -> None:
    """Run one step until it has ended and nobody has to decide about it any more.

    Raises RunEnds when it ends the run, LineEnds when it ends the line of the block in which it stands.
    """
    state = desk.open(step, path)
    if state.status in ENDED and path not in desk.asks:
        return
    await _gate(desk, path)
    end = await _before(desk, step, path)
    while True:
        if end is None:
            end = await _carried_out(desk, step, path)
        if path not in desk.asks:
            desk.settle(path, end)
        if not await _again(desk, step, path, end):
            return
        await _gate(desk, path)
        end = None


async def _carried_out(desk: RunDesk, step: Step, path: str) -> StepEnd:
    if needs_locks(desk, step):
        frozen = _frozen(desk, step, path)
        if frozen is not None:
            return frozen
        unlocked = await locked(desk, path)
        if unlocked is not None:
            return unlocked
    if step.kind in BLOCK_KINDS:
        end = await BLOCK_KINDS[step.kind](desk, step, path, run_line)
    else:
        end = await KINDS[step.kind](desk, step, path)
    if not step.outputs or end.status is not StepStatus.SUCCEEDED:
        return end
    try:
        return end.model_copy(update={"output": await rendered(desk, step.outputs, path, end.output)})
    except Rejected as error:
        sentence = f"it was done, but its outputs cannot be given: {error.sentence}"
        update = {"status": StepStatus.FAILED, "reason": "not_rendered", "sentence": sentence}
        return end.model_copy(update={**update, "may_have_happened": True})


def _frozen(desk: RunDesk, step: Step, path: str) -> StepEnd | None:
    """A window that began while the run waited holds up its first change; whoever retries the step overrides it."""
    if (
        not desk.start.freezes
        or desk.start.override_freeze
        or step.kind is not StepKind.ACTION
        or _has_changed_something(desk)
    ):
        return None
    freeze = active_freeze(desk.start.freezes, desk.start.incident.get("services", ()), workflow.now())
    if freeze is None or desk.states[path].reason == FROZEN:
        return None
    return StepEnd(status=StepStatus.FAILED, reason=FROZEN, sentence=refusal(freeze))


def _has_changed_something(desk: RunDesk) -> bool:
    done = (desk.step(each.path) for each in desk.happened.values())
    return any(each.kind is StepKind.ACTION and needs_locks(desk, each) for each in done)


async def _gate(desk: RunDesk, path: str) -> None:
    """Between two pieces of work: stopping, pausing and continuing as new happen here."""
    if desk.is_stopping(path):
        raise _stopped(desk)
    if desk.is_paused:
        await workflow.wait_condition(lambda: not desk.is_paused)
    await desk.parked()


def _stopped(desk: RunDesk) -> Exception:
    if desk.is_stopping():
        return RunEnds()
    return LineEnds(LineEnd(status=StepStatus.CANCELLED, reason="lost", sentence="it was not needed", undo=False))


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
    return None if step.if_ is None else await _unwanted(desk, step.if_, path)


async def _unwanted(desk: RunDesk, condition: str, path: str) -> StepEnd | None:
    try:
        wanted = await rendered(desk, condition, path)
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
        if desk.is_stopping(path) and end.status is not StepStatus.SUCCEEDED:
            raise _stopped(desk)
        if verdict is RunNext.GO_ON:
            return False
        if verdict is not RunNext.ASK:
            _end_sequence(desk, path, end, undo=verdict is RunNext.END_AND_UNDO)
        command = await _asked(desk, path, end)
        if isinstance(command, RetryStep):
            _reopen(desk, path, command, end)
            return True
        end = _told(desk, path, command, end)
        desk.settle(path, end)


def _end_sequence(desk: RunDesk, path: str, end: StepEnd, *, undo: bool) -> NoReturn:
    """A step has failed for good: the line in which it stands ends, or the run where it stands in none."""
    reason = f"step {path!r} {_words(end.status)}: {end.sentence}"
    if "." in path and desk.phase is Phase.FORWARD:
        raise LineEnds(LineEnd(status=StepStatus.FAILED, reason=end.reason, sentence=reason, undo=undo))
    desk.end(RunStatus.FAILED, reason, undo=undo)
    raise RunEnds


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
    if desk.step(path).kind in BLOCK_KINDS:
        reopen_under(desk, f"{path}.")
        block = desk.block(path)
        block.lines = {name: status for name, status in block.lines.items() if status is StepStatus.SUCCEEDED}
        block.failures = {}


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
