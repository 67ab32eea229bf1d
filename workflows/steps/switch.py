"""The kind `switch`: the first case whose condition is true, else the default, else nothing."""

from domain.errors import Rejected
from domain.run import StepStatus
from runbooks.schema import Step, Switch
from runbooks.walk import case_name, lines_of
from workflows.steps.calls import rendered
from workflows.steps.desk import RunDesk
from workflows.steps.lines import Lines, RunLine, deadline_of, failures, too_late
from workflows.steps.state import StepEnd

_DEFAULT = "default"
# No case holds and there is no default.
_NONE = ""


async def run_switch(desk: RunDesk, step: Step, path: str, run_line: RunLine) -> StepEnd:
    """Choose once, then run what was chosen; the other cases are skipped."""
    switch = step.switch
    if switch is None:
        message = f"step {step.id!r} is no switch"
        raise ValueError(message)
    desk.begin(path)
    state = desk.block(path)
    if state.chosen is None:
        try:
            state.chosen = await _chosen(desk, switch, path)
        except Rejected as error:
            return StepEnd(status=StepStatus.FAILED, reason="not_rendered", sentence=error.sentence)
    deadline = deadline_of(desk, step, path)
    for line in lines_of(step):
        if line.name != state.chosen:
            desk.close_under(f"{path}.{line.name}.", "case_not_taken")
    chosen = next((line for line in lines_of(step) if line.name == state.chosen), None)
    if chosen is None:
        return StepEnd(status=StepStatus.SKIPPED, reason="no_case", sentence="no case holds and there is no default")
    async with Lines(desk, path, run_line) as lines:
        if chosen.name not in state.lines:
            lines.start(chosen.name, chosen.steps)
            if not await lines.one_more_ends(deadline):
                end = too_late(lines)
                await lines.stop("deadline_passed")
                return end
    if state.lines[chosen.name] is StepStatus.SUCCEEDED:
        return StepEnd(status=StepStatus.SUCCEEDED, reason="done", output={"case": chosen.name}, sentence=chosen.name)
    return StepEnd(status=StepStatus.FAILED, reason="case_failed", sentence=failures(lines))


async def _chosen(desk: RunDesk, switch: Switch, path: str) -> str:
    for index, case in enumerate(switch.cases):
        holds = await rendered(desk, case.if_, path)
        if not isinstance(holds, bool):
            raise Rejected(f"the condition {case.if_!r} gives {str(holds)[:60]!r}, which is neither true nor false")
        if holds:
            return case_name(index)
    return _DEFAULT if switch.default else _NONE
