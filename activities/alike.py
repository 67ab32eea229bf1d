"""Earlier incidents like one that has just been declared. Called once by `workflows/incident.py`, in the background."""

from collections.abc import Sequence
from typing import Protocol

from temporalio import activity

from activities.errors import translated
from domain.alike import AlikeIncident
from domain.model import Model


class AlikeRequest(Model):
    """What is known at declaration; the record may not have it yet."""

    incident_id: str
    title: str
    services: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


class AlikeAnswer(Model):
    """The most alike, best first."""

    incidents: tuple[AlikeIncident, ...] = ()


class AlikeFinder(Protocol):
    """The store, as this activity asks it."""

    async def alike(
        self, incident_id: str, *, title: str = "", services: Sequence[str] = (), rules: Sequence[str] = ()
    ) -> list[AlikeIncident]:
        """The most alike, best first."""


class AlikeActivities:
    """Looking back."""

    def __init__(self, finder: AlikeFinder) -> None:
        self._finder = finder

    @activity.defn(name="alike.find")
    @translated
    async def find(self, request: AlikeRequest) -> AlikeAnswer:
        """Look; changes nothing. Transient while the record is away."""
        found = await self._finder.alike(
            request.incident_id, title=request.title, services=request.services, rules=request.rules
        )
        return AlikeAnswer(incidents=tuple(found))
