"""What is kept of a block's lines: as little as possible of those that went well, what can be run again of the others.

Used by the block kinds and by `sequence.py` when a person retries a block.
"""

from domain.run import StepStatus
from runbooks.expressions import has_expression
from runbooks.schema import ActionCall, Step
from runbooks.walk import lines_of
from workflows.steps.desk import RunDesk

# Reasons of steps that were left out only because their line ended before them.
_CLOSED = frozenset({"line_ended", "branch_lost", "deadline_passed"})


def can_be_pruned(desk: RunDesk, step: Step) -> bool:
    """Whether the undo of everything inside needs nothing but parameters and outputs of the steps themselves."""
    if isinstance(step.undo, ActionCall) and has_expression(step.undo.with_):
        return False
    inner = [each for line in lines_of(step) for each in line.steps]
    if step.runbook is not None:
        document = desk.nested[step.runbook.name]
        if document.finally_:
            return False
        inner = list(document.steps)
    return all(can_be_pruned(desk, each) for each in inner)


def prune(desk: RunDesk, prefix: str) -> None:
    """Keep of a line that went well only what its undo needs."""
    for key, each in desk.happened.items():
        if each.path.startswith(prefix) and each.path in desk.states:
            given = desk.states[each.path].rendered
            desk.happened[key] = each.model_copy(update={"parameters": given})
    for path in [each for each in desk.states if each.startswith(prefix)]:
        desk.drop(path)
    for path in [each for each in desk.blocks if each.startswith(prefix)]:
        del desk.blocks[path]


def reopen_under(desk: RunDesk, prefix: str) -> None:
    """What has not succeeded in these lines can be run again; what was undone, under a new key."""
    for path, state in list(desk.states.items()):
        if not path.startswith(prefix) or state.status in {StepStatus.SUCCEEDED, StepStatus.PENDING}:
            continue
        if state.status is StepStatus.SKIPPED and state.reason not in _CLOSED:
            # A person or a condition has left it out, and that holds.
            continue
        # The old key stands for the effect that was done before, whatever became of it.
        is_done_before = state.status is StepStatus.UNDONE or state.reason == "verify_failed"
        desk.set(
            path, status=StepStatus.PENDING, started_at=None, finished_at=None, error=None, reason=None,
            again=state.again + is_done_before,
        )  # fmt: skip
    for path, block in desk.blocks.items():
        if f"{path}.".startswith(prefix):
            block.lines = {
                name: status
                for name, status in block.lines.items()
                if status is StepStatus.SUCCEEDED and not _has_reopened(desk, f"{path}.{name}.")
            }
            block.failures = {}
    desk.line_ends = {each: end for each, end in desk.line_ends.items() if not each.startswith(prefix)}


def _has_reopened(desk: RunDesk, prefix: str) -> bool:
    return any(path.startswith(prefix) and state.status is StepStatus.PENDING for path, state in desk.states.items())
