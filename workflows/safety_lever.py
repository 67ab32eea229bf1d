"""The safety lever: pulled, it stops every running game day of its scope; while it is pulled, none begins.

One workflow per scope (`safety-lever/global`, `safety-lever/<environment>`), started by the first pull with an
Update-with-Start or a Signal-with-Start. The one thing to know: game days that began in the very moment of the pull may
not be listed yet, so they are told several times, and each looks at the lever by itself while it runs.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain import safety_lever_decisions as decisions
from domain.safety_lever import LEVER_COMMANDS, LeverCommand, LeverEngaged, LeverStart, LeverState
from domain.timeline import automation
from workflows.commands import CommandHandlers
from workflows.options import KEEP_TRYING, QUESTION_TIMEOUT

with workflow.unsafe.imports_passed_through():
    from activities.drill_surroundings import HaltAll, SurroundingsActivities

_ME = automation("safety-lever")
# After the pull: at once, and again until the engine's lists have surely caught up.
_TOLD_AFTER = (timedelta(), timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=5))


@workflow.defn
class SafetyLever(CommandHandlers[LeverCommand]):
    """See the module."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = LEVER_COMMANDS

    @workflow.init
    def __init__(self, start: LeverStart) -> None:
        self._start = start
        self._state = start.state or LeverState(scope=start.scope)
        # Pulls of which the game days have to hear.
        self._pulls = 1 if start.state is not None and start.state.engaged else 0

    def refuse(self, command: LeverCommand) -> None:
        """Ask the domain and forget its answer; only a refusal comes through."""
        decisions.decide_lever(self._state, command, workflow.now())

    def obey(self, command: LeverCommand) -> LeverState:
        """Pull it; the main loop tells the game days."""
        outcome = decisions.decide_lever(self._state, command, workflow.now())
        self._state = outcome.state
        self._pulls += outcome.has_to_tell
        return self._state

    @workflow.query
    def view(self) -> LeverState:
        """How it stands."""
        return self._state

    @workflow.run
    async def run(self, start: LeverStart) -> None:
        """For ever: a lever does not end, and its history begins anew when it has grown long."""
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.wait_condition(lambda: self._pulls > 0)
            self._pulls = 0
            await self._tell()
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(start.model_copy(update={"state": self._state}))

    async def _tell(self) -> None:
        for pause in _TOLD_AFTER:
            if pause:
                await asyncio.sleep(pause.total_seconds())
            if not self._state.engaged:
                return
            news = LeverEngaged(scope=self._state.scope, by=self._state.by or _ME, reason=self._state.reason)
            try:
                heard = await workflow.execute_activity_method(
                    SurroundingsActivities.halt_all,
                    HaltAll(news=news),
                    start_to_close_timeout=QUESTION_TIMEOUT,
                    retry_policy=KEEP_TRYING,
                )
            except ActivityError:
                # Only a cancelled lever comes here; game days look at it by themselves.
                continue
            self._state = decisions.told(self._state, tuple(heard))
