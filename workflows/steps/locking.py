"""Taking the resources that a runbook locks. Used by `sequence.py`, `undo.py` and the run.

A run takes its locks before its first step that changes something, in the order of their names, and keeps them until
all is over, because an undo changes things, too. `workflows/locks.py` keeps them and gives them back.
"""

from collections.abc import Callable
from datetime import datetime

from temporalio import workflow

from domain.errors import Rejected
from domain.run import Effect, StepKind, StepStatus
from domain.timeline import EntryKind
from runbooks.schema import Locks, Step, WhenHeld
from workflows.steps.calls import rendered
from workflows.steps.desk import RunDesk
from workflows.steps.orders import ordered
from workflows.steps.state import StepEnd

# The engine takes ids of 1,000 bytes; a character has four at most.
_LONGEST_RESOURCE = 200


def needs_locks(desk: RunDesk, step: Step) -> bool:
    """Whether a step may change something: an action that does, or a person with their own hands."""
    if step.kind is StepKind.ACTION:
        return desk.specs[step.action or ""].effect is not Effect.READ_ONLY
    return step.kind is StepKind.MANUAL


async def locked(desk: RunDesk, path: str, *, undoing: bool = False) -> StepEnd | None:
    """Hold every lock that the runbooks around a step want; how the step ends without them otherwise.

    An undo waits for as long as it takes: there is no better time for it, and what it waits for is shown.
    """
    for locks, asked_at in _wanted(desk, path):
        try:
            resources = await rendered(desk, list(locks.resources), asked_at)
        except Rejected as error:
            return StepEnd(status=StepStatus.FAILED, reason="not_rendered", sentence=error.sentence)
        names = sorted({str(each) for each in resources})
        unfit = next((name for name in names if not 0 < len(name) <= _LONGEST_RESOURCE), None)
        if unfit is not None:
            sentence = (
                f"a lock's name has 1 to {_LONGEST_RESOURCE} characters; {list(locks.resources)} gave {len(unfit)}"
            )
            return StepEnd(status=StepStatus.FAILED, reason="not_rendered", sentence=sentence)
        if all(name in desk.locks.held for name in names):
            continue
        async with desk.locks.taking:
            for name in names:
                end = await _take(desk, path, name, locks, undoing=undoing)
                if end is not None:
                    return end
    return None


def _wanted(desk: RunDesk, path: str) -> list[tuple[Locks, str]]:
    """The locks of the run and of the nested runbooks around a step, and where their names are rendered."""
    way = desk.way(path)
    wanted = []
    for number, level in enumerate(way):
        is_first_of_document = number == 0 or level.document is not way[number - 1].document
        if is_first_of_document and level.document.locks is not None:
            wanted.append((level.document.locks, level.path))
    return wanted


async def _take(desk: RunDesk, path: str, name: str, locks: Locks, *, undoing: bool) -> StepEnd | None:
    if name in desk.locks.held:
        return None
    queues = undoing or locks.when_held is WhenHeld.QUEUE
    until = None if undoing else workflow.now() + locks.wait_at_most
    desk.set(path, waiting_for=f"the lock {name!r}")
    with desk.busy():
        await desk.locks.ask(name, locks.lease, queue=queues)
    await _answered(desk, name, until)
    desk.set(path, waiting_for=None)
    if name not in desk.locks.held and queues:
        end = await _queued(desk, path, name, until, undoing=undoing)
        if end is not None:
            return end
    if name in desk.locks.held:
        desk.note(EntryKind.RUN, f"Locked {name!r} (number {desk.locks.held[name]})", path=path, resource=name)
        return None
    await desk.locks.let_go(name)
    sentence = f"the lock {name!r} is held by {desk.locks.held_by.get(name, 'somebody else')}; nothing was touched"
    return StepEnd(status=StepStatus.FAILED, reason="locked", sentence=sentence)


async def _answered(desk: RunDesk, name: str, until: datetime | None) -> None:
    await _wait(lambda: desk.locks.is_answered(name), until)


async def _queued(desk: RunDesk, path: str, name: str, until: datetime | None, *, undoing: bool) -> StepEnd | None:
    """Wait in line, and say so; a person may skip the step meanwhile, or give its output."""
    before = desk.states[path]
    sentence = f"the lock {name!r}, which {desk.locks.held_by.get(name, 'somebody')} holds"
    if undoing:
        desk.set(path, waiting_for=sentence)
        await _wait(lambda: name in desk.locks.held, until)
    else:
        desk.wait(path, sentence)
        await _wait(lambda: name in desk.locks.held or path in desk.instructions, until)
    if not undoing and path in desk.instructions:
        await desk.locks.let_go(name)
        return ordered(desk, path, desk.take(path))
    desk.set(path, status=before.status, started_at=before.started_at, waiting_for=None)
    return None


async def _wait(holds: Callable[[], bool], until: datetime | None) -> None:
    try:
        await workflow.wait_condition(holds, timeout=None if until is None else until - workflow.now())
    except TimeoutError:
        return
