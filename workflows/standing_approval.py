"""The standing approval of one game day: kept for as long as it counts, and afterwards, so that a run can say why not.

One workflow per game day (`standing-approval/<name>`), begun by the first run whose approval shall stand
(`workflows/game_days/standing.py`). The one thing to know: it decides nothing about a run; each run asks, and rules.
"""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel
from temporalio import workflow

from domain import standing_approval_decisions as decisions
from domain.standing_approval import STANDING_COMMANDS, StandingCommand, StandingStart, StandingState
from workflows.commands import CommandHandlers


@workflow.defn
class StandingApproval(CommandHandlers[StandingCommand]):
    """See the module."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = STANDING_COMMANDS

    @workflow.init
    def __init__(self, start: StandingStart) -> None:
        self._state = start.state or StandingState(name=start.name)

    def refuse(self, command: StandingCommand) -> None:
        """Ask the domain and forget its answer; only a refusal comes through."""
        decisions.decide_standing(self._state, command, workflow.now())

    def obey(self, command: StandingCommand) -> StandingState:
        """Take it over."""
        self._state = decisions.decide_standing(self._state, command, workflow.now())
        return self._state

    def note_refused_signal(self, name: str, sentence: str) -> None:
        """It has no timeline of its own."""
        workflow.logger.warning("standing approval %s refused the signal %r: %s", self._state.name, name, sentence)

    @workflow.query
    def view(self) -> StandingState:
        """What stands."""
        return self._state

    @workflow.run
    async def run(self, start: StandingStart) -> None:
        """For ever, as a safety lever; its history begins anew when it has grown long."""
        await workflow.wait_condition(lambda: workflow.info().is_continue_as_new_suggested())
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(start.model_copy(update={"state": self._state}))
