"""The safety lever on the real engine: engaged it tells every game day, and it stands as it was left."""

from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from activities.drill_surroundings import HaltAll
from domain.safety_lever import EngageLever, LeverStart, LeverState, ReleaseLever
from domain.timeline import person
from tests.support.engine import replayer, until, working
from workflows.safety_lever import SafetyLever

OLGA = person("olga")


async def test_a_pulled_lever_tells_game_days_until_all_have_heard(env: WorkflowEnvironment, task_queue: str) -> None:
    """More than once, because lists lag behind; released it tells nobody, and a release without a pull is refused."""
    asked: list[HaltAll] = []

    @activity.defn(name="drills.halt_all")
    async def halt_all(request: HaltAll) -> list[str]:
        asked.append(request)
        # The second one began in the very moment of the pull.
        return ["one"] if len(asked) == 1 else ["one", "two"]

    async with working(env.client, task_queue, workflows=[SafetyLever], activities=[halt_all]):
        handle = await env.client.start_workflow(
            SafetyLever.run, LeverStart(scope="staging"), id=f"safety-lever/{uuid4().hex}", task_queue=task_queue
        )
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("release", ReleaseLever(by=OLGA, reason="over"))
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("engage", EngageLever(by=OLGA, reason=" "))
        engage = EngageLever(by=OLGA, reason="the sale begins")
        pulled: LeverState = await handle.execute_update("engage", engage, result_type=LeverState)
        assert pulled.engaged
        await until(lambda: len(asked) == 4, "game days were told four times")
        assert {(each.news.scope, each.news.reason) for each in asked} == {("staging", "the sale begins")}
        state = await handle.query("view", result_type=LeverState)
        assert (state.engaged, state.stopped) == (True, ("one", "two"))
        await handle.execute_update("release", ReleaseLever(by=OLGA, reason="the sale is over"))
        state = await handle.query("view", result_type=LeverState)
        assert (state.engaged, [each.engaged for each in state.changes]) == (False, [True, False])
        await replayer([SafetyLever]).replay_workflow(await handle.fetch_history())
        await handle.terminate()
