"""The kind `foreach`: the same steps for each item, so many at once, until more have failed than are borne.

What `domain/fan_out.py` decides is carried out here. Items under way end when no new one may begin; of an item that
went well only what its undo needs is kept, so that a thousand items fit into a run.
"""

from typing import Any

from domain.errors import Rejected
from domain.fan_out import Fan, Progress, borne, has_failed, may_start
from domain.run import StepStatus
from runbooks.schema import Foreach, Step
from workflows.steps.calls import rendered
from workflows.steps.desk import RunDesk
from workflows.steps.lines import Lines, RunLine, deadline_of, failures, too_late
from workflows.steps.reopening import can_be_pruned, prune
from workflows.steps.showing import size
from workflows.steps.state import BlockState, StepEnd

# What the items gave, together; more belongs into a file.
_RESULT_BYTES = 32 * 1024
# Items take turns on the queue; a list that is longer than this is a job for the program behind an action.
MAX_ITEMS = 10_000


async def run_foreach(desk: RunDesk, step: Step, path: str, run_line: RunLine) -> StepEnd:
    """Run the steps for every item, or until too many have failed."""
    foreach = step.foreach
    if foreach is None:
        message = f"step {step.id!r} is no foreach"
        raise ValueError(message)
    desk.begin(path)
    state = desk.block(path)
    if state.items is None:
        try:
            state.items = await _items(desk, foreach, path)
        except Rejected as error:
            return StepEnd(status=StepStatus.FAILED, reason="not_rendered", sentence=error.sentence)
    if not state.items:
        status = StepStatus.FAILED if foreach.on_empty == "fail" else StepStatus.SKIPPED
        return StepEnd(status=status, reason="no_items", sentence="there are no items")
    fan = Fan(
        total=len(state.items),
        max_concurrency=foreach.max_concurrency,
        max_errors=foreach.max_errors,
        ramp=foreach.ramp,
    )
    deadline = deadline_of(desk, step, path)
    async with Lines(desk, path, run_line) as lines:
        items = _Items(lines, fan, foreach)
        items.resume(desk, path)
        _tidy(desk, foreach, path, list(state.lines))
        items.begin()
        while lines.under_way:
            if not await lines.one_more_ends(deadline):
                end = too_late(lines)
                await lines.stop("deadline_passed")
                return end
            _tidy(desk, foreach, path, lines.just_ended)
            desk.set(path, output=_counts(state))
            items.begin()
    return _end(fan, state, lines)


async def _items(desk: RunDesk, foreach: Foreach, path: str) -> list[Any]:
    given = foreach.items
    items = await rendered(desk, list(given) if isinstance(given, tuple) else given, path)
    if not isinstance(items, list):
        raise Rejected(f"its items are no list but {str(items)[:60]!r}")
    if len(items) > MAX_ITEMS:
        raise Rejected(f"{len(items)} items; at most {MAX_ITEMS} are taken")
    return items


class _Items:
    """Which items have begun in this life of the run, and which may."""

    def __init__(self, lines: Lines, fan: Fan, foreach: Foreach) -> None:
        self._lines = lines
        self._fan = fan
        self._foreach = foreach
        self._begun: set[str] = set()

    def resume(self, desk: RunDesk, path: str) -> None:
        """Go on with the items that an earlier life of the run has begun, whatever has become of others."""
        known = {state.removeprefix(f"{path}.").split(".")[0] for state in desk.states if state.startswith(f"{path}.")}
        for index in range(self._fan.total):
            if str(index) in known:
                self._begin(str(index))

    def begin(self) -> None:
        """Begin as many further items as may begin now, in their order."""
        succeeded = self._lines.state.count(StepStatus.SUCCEEDED)
        failed = len(self._lines.state.lines) - succeeded
        progress = Progress(succeeded=succeeded, failed=failed, running=self._lines.under_way)
        room = may_start(self._fan, progress)
        for index in range(self._fan.total):
            if not room:
                return
            room -= self._begin(str(index))

    def _begin(self, name: str) -> bool:
        if name in self._lines.state.lines or name in self._begun:
            return False
        self._begun.add(name)
        self._lines.start(name, self._foreach.steps)
        return True


def _tidy(desk: RunDesk, foreach: Foreach, path: str, ended: list[str]) -> None:
    """Take in what items gave, and keep of those that went well what is needed."""
    state = desk.block(path)
    is_prunable = all(can_be_pruned(desk, each) for each in foreach.steps)
    for name in ended:
        final = desk.states.get(f"{path}.{name}.{foreach.steps[-1].id}")
        if final is None or state.lines[name] is not StepStatus.SUCCEEDED:
            continue
        if state.results is not None and final.output is not None:
            state.results[name] = final.output
            if size(state.results) > _RESULT_BYTES:
                state.results = None
        if is_prunable:
            prune(desk, f"{path}.{name}.")


def _counts(state: BlockState) -> dict[str, int]:
    succeeded = state.count(StepStatus.SUCCEEDED)
    return {"total": len(state.items or ()), "succeeded": succeeded, "failed": len(state.lines) - succeeded}


def _end(fan: Fan, state: BlockState, lines: Lines) -> StepEnd:
    counts = _counts(state)
    progress = Progress(succeeded=counts["succeeded"], failed=counts["failed"])
    items = state.items or []
    output: dict[str, Any] = {
        **counts,
        "failures": [{"index": int(n), "item": items[int(n)], "error": why} for n, why in state.failures.items()],
    }
    if state.results is not None:
        output["results"] = [state.results.get(str(index)) for index in range(len(items))]
    said = f"{counts['succeeded']} of {counts['total']} items succeeded"
    if not has_failed(fan, progress):
        said += f"; {counts['failed']} failed, which is borne: {failures(lines)}" if counts["failed"] else ""
        return StepEnd(status=StepStatus.SUCCEEDED, reason="done", output=output, sentence=said)
    left = counts["total"] - counts["succeeded"] - counts["failed"]
    sentence = f"{said}, {counts['failed']} failed ({borne(fan)} are borne), {left} did not begin: {failures(lines)}"
    return StepEnd(status=StepStatus.FAILED, reason="too_many_errors", output=output, sentence=sentence)
