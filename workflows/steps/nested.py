"""The kind `runbook`: another runbook as one step, as it was when the run was pinned.

Its steps are steps of this run with a prefix to their paths, so that pausing, stopping, approving and undoing mean the
same inside. It knows its own parameters and nothing of who nests it. Its final steps run at the end of the whole run,
after any undo.
"""

from datetime import datetime
from typing import Any

from temporalio import workflow

from domain.errors import Rejected
from domain.run import StepStatus
from runbooks.parameters import bind_parameters
from runbooks.schema import Runbook, Step
from runbooks.walk import ANY_ITEM, walk
from workflows.steps.calls import rendered
from workflows.steps.desk import RunDesk
from workflows.steps.lines import Lines, RunLine, deadline_of, failures, too_late
from workflows.steps.state import StepEnd
from workflows.steps.stops import watched

# The one line of a nested runbook has no name of its own in paths.
_LINE = ""


async def run_nested(desk: RunDesk, step: Step, path: str, run_line: RunLine) -> StepEnd:
    """Bind the parameters, then run the steps; what it gives are the runbook's outputs."""
    call = step.runbook
    if call is None:
        message = f"step {step.id!r} is no runbook"
        raise ValueError(message)
    document = desk.nested[call.name]
    desk.begin(path)
    state = desk.block(path)
    if state.parameters is None:
        try:
            given = await rendered(desk, call.parameters, path)
            state.parameters = bind_parameters(document, given)
        except Rejected as error:
            return StepEnd(status=StepStatus.FAILED, reason="bad_parameters", sentence=error.sentence)
    for found in walk(document):
        if ANY_ITEM not in found.pattern.split("."):
            desk.open(found.step, f"{path}.{found.pattern}")
    async with watched(desk, document, path), Lines(desk, path, run_line) as lines:
        if _LINE not in state.lines:
            lines.start(_LINE, document.steps)
            if not await lines.one_more_ends(_deadline(desk, step, path, document)):
                end = too_late(lines)
                await lines.stop("deadline_passed")
                return end
    if state.lines[_LINE] is not StepStatus.SUCCEEDED:
        return StepEnd(status=StepStatus.FAILED, reason="runbook_failed", sentence=failures(lines))
    try:
        output = await _output(desk, document, path)
    except Rejected as error:
        return StepEnd(status=StepStatus.FAILED, reason="not_rendered", sentence=error.sentence)
    return StepEnd(status=StepStatus.SUCCEEDED, reason="done", output=output, sentence=document.title)


def _deadline(desk: RunDesk, step: Step, path: str, document: Runbook) -> datetime:
    # The runbook's own limit, and that of the step, whichever is earlier.
    own = (desk.states[path].started_at or workflow.now()) + document.timeout
    return min(own, deadline_of(desk, step, path) or own)


async def _output(desk: RunDesk, document: Runbook, path: str) -> Any:
    if not document.outputs:
        return None
    return await rendered(desk, document.outputs, f"{path}.{document.steps[-1].id}")
