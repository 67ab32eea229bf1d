"""Running game days and the action items that wait for them, asked of the engine itself.

Built by `workers/composition.py` for `activities/drills.py`.
"""

import asyncio
from datetime import timedelta

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from domain.action_item import ObserveDrill
from domain.errors import Transient
from domain.game_day import ActiveDrill
from domain.ids import action_item_workflow_id
from domain.search_attributes import REQUIRES_DRILL

_RUNNING = 'WorkflowType = "GameDay" AND ExecutionStatus = "Running"'
# A game day that does not answer a query in this time is passed over: then its alert counts as real. A query takes
# about 10 ms; this is what an incident can wait for.
_ANSWER_WITHIN = timedelta(seconds=2)
# More than a handful of drills at once is a mistake of somebody's; the newest are asked.
_ASKED_AT_MOST = 20


class TemporalDrillFinder:
    """Finds by visibility, asks by query, tells by signal."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def active(self) -> list[ActiveDrill]:
        """The game days whose fault is in effect now."""
        try:
            found = [each async for each in self._client.list_workflows(_RUNNING, limit=_ASKED_AT_MOST)]
        except RPCError as error:
            raise Transient(f"the engine does not list running game days: {error.status.name}") from error
        answers = await asyncio.gather(*(self._ask(each.id, each.run_id) for each in found))
        return [answer for answer in answers if answer is not None]

    async def unavailable(self, workflow_id: str) -> tuple[str, ...]:
        """Who is declared away in this game day now; nobody when it has ended."""
        try:
            handle = self._client.get_workflow_handle(workflow_id)
            answer = await handle.query("active_drill", rpc_timeout=_ANSWER_WITHIN)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return ()
            raise Transient(f"{workflow_id} does not answer: {error.status.name}") from error
        except WorkflowQueryFailedError as error:
            raise Transient(f"{workflow_id} cannot answer") from error
        return () if answer is None else ActiveDrill.model_validate(answer).unavailable

    async def waiting_items(self, game_day: str) -> list[str]:
        """The ids of open action items that require this game day."""
        # Names of game days have no quotes; one that had would find nothing rather than something else.
        name = game_day.replace("\\", "").replace('"', "")
        query = f'WorkflowType = "ActionItem" AND ExecutionStatus = "Running" AND {REQUIRES_DRILL} = "{name}"'
        prefix = action_item_workflow_id("")
        try:
            return [each.id.removeprefix(prefix) async for each in self._client.list_workflows(query)]
        except RPCError as error:
            raise Transient(f"the engine does not list action items: {error.status.name}") from error

    async def tell_item(self, item: str, news: ObserveDrill) -> bool:
        """Signal an action item; False when it has ended meanwhile."""
        try:
            await self._client.get_workflow_handle(action_item_workflow_id(item)).signal("observe_drill", news)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise Transient(f"the engine did not take the news for {item}: {error.status.name}") from error
        return True

    async def _ask(self, workflow_id: str, run_id: str | None) -> ActiveDrill | None:
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        try:
            answer = await handle.query("active_drill", rpc_timeout=_ANSWER_WITHIN)
        except (RPCError, WorkflowQueryFailedError):
            # It has just ended, or its worker is away. Not knowing means that the alert is treated as real.
            return None
        return None if answer is None else ActiveDrill.model_validate(answer)
