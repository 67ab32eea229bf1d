"""The lines of one block: started, waited for and stopped together. Used by every kind that holds other steps.

A line is a sequence of steps with a prefix to its paths: a branch, an item, a case, a nested runbook. The one thing to
know: when the run continues as new, lines are only cancelled, nothing is closed; the block begins again with what it
remembers, and steps that have ended are passed over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from temporalio import workflow

from domain.run import StepStatus
from runbooks.schema import Step
from workflows.steps.desk import RunDesk
from workflows.steps.state import LineEnd, StepEnd

RunLine = Callable[[RunDesk, Sequence[Step], str], Awaitable[LineEnd]]
# Reasons of lines that are kept and shown; more of them say the same.
_KEPT_FAILURES = 20


class Lines:
    """Use it as a context: what is still under way at its end is cancelled and waited for."""

    def __init__(self, desk: RunDesk, path: str, run_line: RunLine) -> None:
        self._desk = desk
        self._path = path
        self._run_line = run_line
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.state = desk.block(path)
        # Lines that ended when it was last waited for one.
        self.just_ended: list[str] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end_all()

    @property
    def under_way(self) -> int:
        """How many lines are."""
        return len(self._tasks)

    def start(self, name: str, steps: Sequence[Step]) -> None:
        """Begin a line, or go on with it; its end is kept in the block's state."""
        self._desk.lines_under_way += 1
        self._tasks[name] = asyncio.create_task(self._run(name, steps))

    async def one_more_ends(self, deadline: datetime | None) -> bool:
        """Wait until a line has ended; False when the deadline passes before. What a line raises comes out here."""
        try:
            await workflow.wait_condition(
                lambda: any(task.done() for task in self._tasks.values()),
                timeout=None if deadline is None else deadline - workflow.now(),
            )
        except TimeoutError:
            return False
        self.just_ended = [name for name, task in self._tasks.items() if task.done()]
        for task in [self._tasks.pop(name) for name in self.just_ended]:
            task.result()
        return True

    async def stop(self, reason: str) -> None:
        """Nothing new begins in the lines that are left, and what is in flight is cancelled where it can be."""
        prefixes = {self._prefix(name) for name in self._tasks}
        self._desk.stopped |= prefixes
        try:
            await self._end_all()
        finally:
            self._desk.stopped -= prefixes
        for prefix in sorted(prefixes):
            self._desk.close_under(prefix, reason)
            self._desk.line_ends.pop(prefix, None)

    async def _run(self, name: str, steps: Sequence[Step]) -> None:
        prefix = self._prefix(name)
        try:
            end = await self._run_line(self._desk, steps, prefix)
        finally:
            self._desk.lines_under_way -= 1
        self.state.lines[name] = end.status
        self._desk.line_ends.pop(prefix, None)
        if end.status is not StepStatus.SUCCEEDED and len(self.state.failures) < _KEPT_FAILURES:
            self.state.failures[name] = end.sentence

    def _prefix(self, name: str) -> str:
        # The one line of a nested runbook has no name.
        return f"{self._path}.{name}." if name else f"{self._path}."

    async def _end_all(self) -> None:
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await workflow.wait_condition(lambda: all(task.done() for task in tasks))
        for task in tasks:
            # Whatever it was, the block has ended; asked for, so that nothing complains that nobody did.
            if not task.cancelled():
                task.exception()


def deadline_of(desk: RunDesk, step: Step, path: str) -> datetime | None:
    """When a block must have ended."""
    began = desk.states[path].started_at or workflow.now()
    return began + step.deadline if step.deadline is not None else None


def too_late(lines: Lines) -> StepEnd:
    """How a block ends whose deadline has passed."""
    left = lines.under_way
    sentence = (
        f"it did not end before its deadline; {left} of its lines were under way" if left else "it ended too late"
    )
    return StepEnd(status=StepStatus.TIMED_OUT, reason="deadline_passed", sentence=sentence)


def failures(lines: Lines) -> str:
    """Why lines failed, as a sentence; the first ones."""
    said = list(lines.state.failures.values())
    return "; ".join(said[:3]) + (f"; and {len(said) - 3} more" if len(said) > 3 else "")  # noqa: PLR2004 - as shown
