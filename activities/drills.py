"""Game days and the rest of the house: is this alert a drill's doing, and who waits for a drill to pass?

Called by the workflows `alert_group`, `escalation` and `game_day`. A doubt about an alert means that it is real.
"""

from collections.abc import Sequence
from typing import Protocol

from pydantic import Field
from temporalio import activity

from activities.errors import translated
from domain.action_item import ObserveDrill
from domain.game_day import ActiveDrill
from domain.model import Model
from domain.timeline import automation
from domain.triage import explains


class FindDrillRequest(Model):
    """What stands for an alert group."""

    service: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)


class DrillOutcome(Model):
    """How a game day ended."""

    # Its name in the library, and the id of this one execution.
    game_day: str
    game_day_id: str
    passed: bool


class DrillQuestion(Model):
    """Which game day is asked, by the id of its workflow."""

    workflow_id: str


class DrillFinder(Protocol):
    """Where game days, and those who wait for them, are found; `activities/clients/drill_finder.py` is the real one."""

    async def active(self) -> Sequence[ActiveDrill]:
        """The game days whose fault is in effect now. Raises Transient when the engine does not say."""

    async def unavailable(self, workflow_id: str) -> Sequence[str]:
        """Who is declared away in this game day now; nobody when it has ended. Transient when it does not say."""

    async def waiting_items(self, game_day: str) -> Sequence[str]:
        """The ids of open action items that require this game day. Raises Transient when the engine does not say."""

    async def tell_item(self, item: str, news: ObserveDrill) -> bool:
        """Signal an action item; False when it has ended. Raises Transient when the engine is away."""


class DrillActivities:
    """Game days, seen from outside."""

    def __init__(self, finder: DrillFinder) -> None:
        self._finder = finder

    @activity.defn(name="drills.find")
    @translated
    async def find(self, request: FindDrillRequest) -> ActiveDrill | None:
        """The game day that would explain these alerts, if there is one. Reads only; may be repeated."""
        drills = await self._finder.active()
        return next((each for each in drills if explains(each, request.service, request.labels)), None)

    @activity.defn(name="drills.unavailable")
    @translated
    async def unavailable(self, question: DrillQuestion) -> list[str]:
        """Who is declared away in a drill at this moment. Reads only; may be repeated."""
        return list(await self._finder.unavailable(question.workflow_id))

    @activity.defn(name="drills.tell_waiting_items")
    @translated
    async def tell_waiting_items(self, outcome: DrillOutcome) -> list[str]:
        """Tell every action item that requires this game day; returns their ids. An item that hears twice minds not."""
        news = ObserveDrill(
            by=automation("game-day"),
            game_day=outcome.game_day,
            game_day_id=outcome.game_day_id,
            passed=outcome.passed,
        )
        items = await self._finder.waiting_items(outcome.game_day)
        return [item for item in items if await self._finder.tell_item(item, news)]
