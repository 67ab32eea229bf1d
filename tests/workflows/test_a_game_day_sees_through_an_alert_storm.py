"""What a game day sees of the engine in an alert storm: real incidents always, alerts as far as they can be asked."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from activities.clients.drill_surroundings import TemporalSurroundings
from activities.drill_surroundings import LookAround, SurroundingsActivities
from domain.alert import AlertGroupState, RoutedAs
from domain.configuration import Route
from domain.game_day_surroundings import Surroundings
from domain.incident import IncidentState, IncidentStatus
from domain.search_attributes import IS_DRILL, STATUS
from domain.severity import IncidentType, Severity
from domain.timeline import person
from runtime.schedule_times import is_due
from tests.support.engine import real_time_engine, working

NOW = datetime.now(UTC)
# More than the fifty that once made every look fail.
STORM = 60
QUEUE = "storm"


@workflow.defn(name="AlertGroup", sandboxed=False)
class OneGroup:
    """Stands for an alert group: says what it was started with."""

    @workflow.init
    def __init__(self, state: AlertGroupState) -> None:
        self._state = state

    @workflow.run
    async def run(self, state: AlertGroupState) -> None:
        """Stay open."""
        del state
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def view(self) -> AlertGroupState:
        """As the real one."""
        return self._state


@workflow.defn(name="Incident", sandboxed=False)
class OneIncident:
    """Stands for an incident."""

    @workflow.init
    def __init__(self, state: IncidentState) -> None:
        self._state = state

    @workflow.run
    async def run(self, state: IncidentState) -> None:
        """Stay open."""
        del state
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def view(self) -> IncidentState:
        """As the real one."""
        return self._state


class Storm:
    """An engine in which alert groups and incidents are open."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def group(self, number: int, *, firing: int, suppressed: bool = False, queue: str = QUEUE) -> None:
        """One alert group; it stays open when nothing fires any more."""
        route = Route(name="shop", suppress=suppressed)
        routed = RoutedAs(route=route, service="shop", severity=Severity.SEV3, type=IncidentType.OUTAGE)
        state = AlertGroupState(id=f"g{number}", title=f"Alert {number}", firing=firing, routed_as=routed)
        await self.client.start_workflow(OneGroup.run, state, id=f"alerts/{number}", task_queue=queue)

    async def incident(self) -> None:
        """A real one, declared on the shop."""
        state = IncidentState(
            id="inc-1", title="Down", status=IncidentStatus.DECLARED, severity=Severity.SEV1, services=("shop",),
            type=IncidentType.OUTAGE, declared_by=person("dana"), declared_at=NOW,
        )  # fmt: skip
        attributes = TypedSearchAttributes(
            [
                SearchAttributePair(SearchAttributeKey.for_bool(IS_DRILL), value=False),
                SearchAttributePair(SearchAttributeKey.for_keyword(STATUS), value="declared"),
            ]
        )
        await self.client.start_workflow(
            OneIncident.run, state, id="incident/inc-1", task_queue=QUEUE, search_attributes=attributes
        )

    async def listed(self, count: int) -> None:
        """The engine's lists lag."""
        for _ in range(500):
            if (await self.client.count_workflows('ExecutionStatus = "Running"')).count == count:
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the engine does not list them all")

    async def seen(self, asked_at_most: int = 200, *, alerts: bool = True) -> Surroundings:
        """One look."""
        nobody: Any = None
        engine = TemporalSurroundings(self.client, is_due, asked_at_most)
        looking = SurroundingsActivities(nobody, engine, nobody, nobody)
        return await looking.look_around(LookAround(game_day="game-day/process-dies-1", alerts=alerts))


async def test_a_storm_hides_no_real_incident_and_no_alert() -> None:
    """Sixty groups are open, of which one fires and one is suppressed: both the alert and the incident are seen."""
    async with real_time_engine() as env, working(env.client, QUEUE, workflows=[OneGroup, OneIncident], activities=[]):
        storm = Storm(env.client)
        await storm.incident()
        for number in range(STORM):
            await storm.group(number, firing=int(number < 2), suppressed=number == 1)
        await storm.listed(STORM + 1)
        seen = await storm.seen()
        assert [each.id for each in seen.incidents] == ["inc-1"]
        assert ([each.id for each in seen.alerts], seen.alerts_untold) == (["g0"], "")
        # More of them than may be asked: told, with what to do, and the incident is seen all the same.
        seen = await storm.seen(asked_at_most=50)
        assert [each.id for each in seen.incidents] == ["inc-1"]
        assert seen.alerts_untold.startswith("more than 50 alert groups are open, and only the newest were asked; wait")
        # Nobody wants to know: no group is asked, and nothing is said of them.
        assert (await storm.seen(alerts=False)).alerts_untold == "nobody asked"


async def test_alerts_that_do_not_answer_hide_no_real_incident() -> None:
    """Nobody is there for the groups: what fires cannot be told, and the incident is seen all the same."""
    async with real_time_engine() as env, working(env.client, QUEUE, workflows=[OneIncident], activities=[]):
        storm = Storm(env.client)
        await storm.incident()
        await storm.group(1, firing=1, queue="nobody serves it")
        await storm.listed(2)
        seen = await storm.seen()
        assert [each.id for each in seen.incidents] == ["inc-1"]
        # Either the query is given up first, or the whole look.
        assert (seen.alerts, "not answer" in seen.alerts_untold) == ((), True), seen.alerts_untold
