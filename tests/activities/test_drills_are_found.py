"""Running game days, and those who wait for them, are found in the real engine."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from activities.clients.drill_finder import TemporalDrillFinder
from activities.drills import DrillActivities, DrillOutcome, FindDrillRequest
from domain.action_item import ObserveDrill
from domain.game_day import ActiveDrill
from domain.ids import action_item_workflow_id
from domain.search_attributes import REQUIRES_DRILL
from tests.support.engine import TEMPORAL, search_attribute_keys, working

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUEUE = "drills"


@workflow.defn(name="GameDay")
class StandInGameDay:
    """Explains alerts of a service while its fault is in effect."""

    @workflow.init
    def __init__(self, service: str | None) -> None:
        self._service = service

    @workflow.run
    async def run(self, service: str | None) -> None:  # noqa: ARG002 - the same input as above
        """Wait for ever."""
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def active_drill(self) -> ActiveDrill | None:
        """None before the fault."""
        if self._service is None:
            return None
        return ActiveDrill(workflow_id=workflow.info().workflow_id, name="kill", service=self._service)


@workflow.defn(name="ActionItem")
class StandInItem:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self._told: list[ObserveDrill] = []

    @workflow.run
    async def run(self) -> ObserveDrill:
        """End with the first news."""
        await workflow.wait_condition(lambda: bool(self._told))
        return self._told[0]

    @workflow.signal
    def observe_drill(self, news: ObserveDrill) -> None:
        """A drill has ended."""
        self._told.append(news)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Client]:
    """A real engine with our search attributes."""
    async with await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(TEMPORAL),
        search_attributes=search_attribute_keys(),
    ) as environment:
        yield environment.client


async def test_the_drill_that_explains_an_alert_is_found_and_no_other(engine: Client):
    """A game day before its fault, one of another service, and the right one."""
    drills = DrillActivities(TemporalDrillFinder(engine))
    request = FindDrillRequest(service="shop", labels={"alertname": "ShopDown"})
    async with working(engine, QUEUE, workflows=[StandInGameDay], activities=[]):
        assert await drills.find(request) is None
        ids = [f"game-day/kill/{uuid4().hex[:6]}" for _ in range(3)]
        for id_, service in zip(ids, (None, "mail", "shop"), strict=True):
            await engine.start_workflow(StandInGameDay.run, service, id=id_, task_queue=QUEUE)
        # The engine lists a workflow some milliseconds after it has started it.
        for _ in range(1500):
            found = await drills.find(request)
            if found is not None:
                break
            await asyncio.sleep(0.02)
    assert found is not None
    assert (found.workflow_id, found.service) == (ids[2], "shop")


async def test_items_that_wait_for_a_game_day_hear_how_it_ended(engine: Client):
    """Only those that require this one; an item that has ended is no error."""
    drills = DrillActivities(TemporalDrillFinder(engine))
    key = SearchAttributeKey.for_keyword(REQUIRES_DRILL)
    async with working(engine, QUEUE, workflows=[StandInItem], activities=[]):
        handles = [
            await engine.start_workflow(
                StandInItem.run,
                id=action_item_workflow_id(f"act-{name}"),
                task_queue=QUEUE,
                search_attributes=TypedSearchAttributes([SearchAttributePair(key, name)]),
            )
            for name in ("kill", "other")
        ]
        outcome = DrillOutcome(game_day="kill", game_day_id="kill~1", passed=True)
        told: list[str] = []
        for _ in range(1500):
            told = told or await drills.tell_waiting_items(outcome)
            if told:
                break
            await asyncio.sleep(0.02)
        news = await handles[0].result()
        assert (await handles[1].describe()).close_time is None
    assert told == ["act-kill"]
    assert news.passed
