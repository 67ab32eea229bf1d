"""Workflows that stand for others and keep what they are told. The id is the test's to choose."""

from temporalio import workflow

from domain.game_day import Milestone


@workflow.defn(name="GameDay")
class StandInGameDay:
    """Keeps the milestones that it is told."""

    def __init__(self) -> None:
        self._milestones: list[Milestone] = []

    @workflow.run
    async def run(self) -> None:
        """Wait for ever."""
        await workflow.wait_condition(lambda: False)

    @workflow.signal
    def observe_milestone(self, milestone: Milestone) -> None:
        """Something was seen."""
        self._milestones.append(milestone)

    @workflow.query
    def milestones(self) -> list[Milestone]:
        """What was seen."""
        return self._milestones
