"""Declares the drill incident of a tabletop. Called by `workflows/tabletop.py`.

The one thing to know: the incident is a workflow of its own and no child, so it outlives nothing and is outlived by
nothing; asking twice is one incident, for its id is given.
"""

import asyncio
from typing import Protocol

from temporalio import activity

from activities.errors import translated
from activities.ports import ConfigurationSource
from domain.incident import IncidentStart
from domain.incident_context import incident_context


class IncidentStarter(Protocol):
    """Where incidents are started; `activities/clients/tabletops.py` is the real one."""

    async def start(self, start: IncidentStart) -> None:
        """Start it, or find it started. Raises Transient when the engine is away."""


class TabletopActivities:
    """What a tabletop needs of the house."""

    def __init__(self, configuration: ConfigurationSource, starter: IncidentStarter) -> None:
        self._configuration = configuration
        self._starter = starter

    @activity.defn(name="tabletops.declare")
    @translated
    async def declare(self, start: IncidentStart) -> None:
        """Start the drill incident with the people and the policy of now; may be repeated.

        No runbook begins by itself, so the context has no triggers; that nobody is paged decides the incident.
        """
        context = await asyncio.to_thread(incident_context, self._configuration.current(), start.services)
        quiet = context.model_copy(update={"triggers": ()})
        await self._starter.start(start.model_copy(update={"drill": True, "context": quiet}))
