"""Word to action items that are under way, by signal. Built by `workers/composition.py`."""

from datetime import datetime

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.action_item import HearFromTracker
from domain.errors import Transient
from domain.ids import action_item_workflow_id
from domain.timeline import automation


class TemporalItemTeller:
    """Implements `ItemTeller`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tell_issue_changed(self, item_id: str, updated_at: datetime) -> bool:
        """Signal the item; False when it has ended or was never here."""
        news = HearFromTracker(by=automation("tracker"), updated_at=updated_at)
        try:
            await self._client.get_workflow_handle(action_item_workflow_id(item_id)).signal("hear_from_tracker", news)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise Transient(f"the engine did not take the news for {item_id}: {error.status.name}") from error
        return True
