"""`ResourceLock`: one change of a target at a time, with a lease and a fencing number. Id `lock/<resource>`.

Started by the first run or game day that wants the resource (`workflows/locks.py`); ends a while after nobody wants it
any more. `domain/lock_decisions.py` says who gets it. Holders are told by the signal `observe_lock`; one that cannot be
told has ended, and what it held is free.
"""

from collections import deque
from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import FailureError

from domain.lock import LOCK_COMMANDS, LockCommand, LockStart, LockState
from domain.lock_decisions import Outcome, Told, decide, expire, first_fencing, is_over, wakes_at, without
from workflows.commands import CommandHandlers


@workflow.defn
class ResourceLock(CommandHandlers[LockCommand]):
    """See the module."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = LOCK_COMMANDS

    @workflow.init
    def __init__(self, start: LockStart) -> None:
        self._resource = start.resource
        self._state = start.state or LockState(
            resource=start.resource,
            fencing=first_fencing(workflow.info().workflow_start_time),
            idle_since=workflow.now(),
        )
        self._untold: deque[Told] = deque()

    @workflow.run
    async def run(self, start: LockStart) -> LockState:  # noqa: ARG002 - __init__ has read it
        """Live while somebody has or wants the resource, and a little longer; the last state is the result."""
        while not (is_over(self._state, workflow.now()) and not self._untold):
            if workflow.info().is_continue_as_new_suggested() and not self._untold:
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(LockStart(resource=self._resource, state=self._state))
            await self._tell()
            await self._wait()
            self._adopt(expire(self._state, workflow.now()))
        return self._state

    @workflow.query
    def view(self) -> LockState:
        """Who has it, and who waits."""
        return self._state

    def refuse(self, command: LockCommand) -> None:
        """Ask the rules, keep nothing."""
        decide(self._state, command, workflow.now())

    def obey(self, command: LockCommand) -> LockState:
        """Follow the rules; the main loop tells everybody."""
        self._adopt(decide(self._state, command, workflow.now()))
        return self._state

    def note_refused_signal(self, name: str, sentence: str) -> None:
        """A lock has no timeline of its own."""
        workflow.logger.warning("lock %s refused the signal %r: %s", self._resource, name, sentence)

    def _adopt(self, outcome: Outcome) -> None:
        self._state = outcome.state
        self._untold.extend(outcome.told)

    async def _tell(self) -> None:
        while self._untold:
            told = self._untold.popleft()
            try:
                await workflow.get_external_workflow_handle(told.holder).signal("observe_lock", told.news)
            except FailureError:
                # It has ended: whatever it had or wanted is free.
                self._adopt(without(self._state, told.holder, workflow.now()))

    async def _wait(self) -> None:
        before = self._state
        at = wakes_at(before)
        rest = None if at is None else at - workflow.now()
        if self._untold or (rest is not None and rest.total_seconds() <= 0):
            return
        try:
            await workflow.wait_condition(lambda: bool(self._untold) or self._state != before, timeout=rest)
        except TimeoutError:
            return
