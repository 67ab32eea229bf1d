"""What `hotwash.yaml` says, for workflows. Called by `workflows/alert_group.py` at the moment of declaration."""

import asyncio
from collections.abc import Callable, Sequence

from temporalio import activity

from activities.errors import translated
from activities.ports import ConfigurationSource
from domain.incident import IncidentContext
from domain.incident_context import incident_context
from domain.model import Model
from domain.runbook_trigger import RunbookTrigger

# What starts or suggests runbooks by itself, as the catalogue has it now.
Triggers = Callable[[], Sequence[RunbookTrigger]]


class IncidentContextRequest(Model):
    """The services of the incident that is about to be declared."""

    services: tuple[str, ...] = ()


class DirectoryActivities:
    """The team, its people and its policy, as they are now."""

    def __init__(self, configuration: ConfigurationSource, triggers: Triggers = tuple) -> None:
        self._configuration = configuration
        self._triggers = triggers

    @activity.defn(name="directory.incident_context")
    @translated
    async def incident_context(self, request: IncidentContextRequest) -> IncidentContext:
        """What is to be pinned into an incident of these services. Reads only; may be repeated."""
        # Reading runbooks takes tens of milliseconds of Python; the event loop has heartbeats to send.
        triggers = await asyncio.to_thread(self._triggers)
        return incident_context(self._configuration.current(), request.services, triggers)
