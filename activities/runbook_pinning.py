"""Pinning a runbook for a run. Called by the `Incident` workflow before it starts a `RunbookRun`."""

import asyncio

from temporalio import activity

from activities.errors import translated
from activities.ports import RunbookCatalog
from domain.model import Model
from runbooks.schema import PinnedRunbook


class PinRequest(Model):
    """Which runbook."""

    name: str


class RunbookActivities:
    """The catalogue, as workflows reach it."""

    def __init__(self, catalog: RunbookCatalog) -> None:
        self._catalog = catalog

    @activity.defn(name="runbooks.pin")
    @translated
    async def pin(self, request: PinRequest) -> PinnedRunbook:
        """The runbook as it is now; changes nothing. Rejected when it is not there or has findings."""
        # Reading and linting take tens of milliseconds of Python; the event loop has heartbeats to send.
        return await asyncio.to_thread(self._catalog.pin, request.name)
