"""The kind `parallel`: branches at the same time, joined when all, any or so many have succeeded.

Once it is decided, the branches that are left have lost: nothing new begins in them, the step in flight is cancelled
where it can be, and when the block has succeeded without them, what they have done is put back at once.
"""

from domain.fan_out import Join, joined
from domain.run import StepStatus
from runbooks.schema import Step
from workflows.steps.desk import RunDesk
from workflows.steps.lines import Lines, RunLine, deadline_of, failures, too_late
from workflows.steps.state import StepEnd
from workflows.steps.undo import put_back


async def run_parallel(desk: RunDesk, step: Step, path: str, run_line: RunLine) -> StepEnd:
    """Run the branches until they have joined or cannot join any more."""
    parallel = step.parallel
    if parallel is None:
        message = f"step {step.id!r} is no parallel"
        raise ValueError(message)
    desk.begin(path)
    join = Join(total=len(parallel.branches), join=parallel.join)
    deadline = deadline_of(desk, step, path)
    async with Lines(desk, path, run_line) as lines:
        for name, steps in parallel.branches.items():
            if name not in lines.state.lines and _decided(join, lines) is None:
                lines.start(name, steps)
        while _decided(join, lines) is None:
            if not await lines.one_more_ends(deadline):
                end = too_late(lines)
                await lines.stop("deadline_passed")
                return end
        cut_off = [name for name in parallel.branches if name not in lines.state.lines]
        await lines.stop("branch_lost")
    if not _decided(join, lines):
        sentence = f"{join.needed} of {join.total} branches must succeed: {failures(lines)}"
        return StepEnd(status=StepStatus.FAILED, reason="not_joined", sentence=sentence)
    winners = [name for name in parallel.branches if lines.state.lines.get(name) is StepStatus.SUCCEEDED]
    for name in cut_off:
        # Closed here as well: an earlier life of the run may have stopped them.
        desk.close_under(f"{path}.{name}.", "branch_lost")
        await put_back(desk, f"{path}.{name}.")
    lost = [name for name in parallel.branches if name not in winners]
    sentence = f"{', '.join(winners)} succeeded" + (f"; {', '.join(lost)} did not count" if lost else "")
    return StepEnd(
        status=StepStatus.SUCCEEDED, reason="joined", output={"succeeded": winners, "lost": lost}, sentence=sentence
    )


def _decided(join: Join, lines: Lines) -> bool | None:
    succeeded = lines.state.count(StepStatus.SUCCEEDED)
    return joined(join, succeeded, len(lines.state.lines) - succeeded)
