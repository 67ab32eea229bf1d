"""Stand-ins for the workflows that an incident starts and talks to; each keeps the signals it was sent.

Registered under the real names, so that a test of the incident needs none of the other rooms.
"""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError


class _StandIn:
    """Keeps its input and its signals; ends when it hears one of `ends_with`."""

    ends_with: tuple[str, ...] = ("end",)

    def __init__(self) -> None:
        self.start: dict[str, Any] = {}
        self.heard: list[dict[str, Any]] = []

    async def live(self, start: dict[str, Any]) -> None:
        """Wait for the end."""
        self.start = start
        await workflow.wait_condition(lambda: any(each["signal"] in self.ends_with for each in self.heard))

    def hear(self, name: str, args: Sequence[RawValue]) -> None:
        """Keep a signal."""
        news = workflow.payload_converter().from_payload(args[0].payload, dict) if args else {}
        self.heard.append({"signal": name, **news})


@workflow.defn(name="CommsPlan")
class StandInCommsPlan(_StandIn):
    """Ends with `finish`, like the real one."""

    ends_with = ("finish",)

    @workflow.run
    async def run(self, start: dict[str, Any]) -> None:
        """Wait for the end."""
        await self.live(start)

    @workflow.signal(dynamic=True)
    async def on_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Keep it."""
        self.hear(name, args)

    @workflow.query
    def seen(self) -> dict[str, Any]:
        """The input and the signals."""
        return {"start": self.start, "heard": self.heard}


@workflow.defn(name="Review")
class StandInReview(_StandIn):
    """A review that nobody writes."""

    @workflow.run
    async def run(self, start: dict[str, Any]) -> None:
        """Wait for the end."""
        await self.live(start)

    @workflow.signal(dynamic=True)
    async def on_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Keep it."""
        self.hear(name, args)

    @workflow.query
    def seen(self) -> dict[str, Any]:
        """The input and the signals."""
        return {"start": self.start, "heard": self.heard}


@workflow.defn(name="RunbookRun")
class StandInRun(_StandIn):
    """A run that does nothing until it is told to `end` or to `break`."""

    ends_with = ("end", "break")

    @workflow.run
    async def run(self, start: dict[str, Any]) -> None:
        """Wait for the end; breaking is what a bug would do."""
        await self.live(start)
        if self.heard[-1]["signal"] == "break":
            message = "this run is broken"
            raise ApplicationError(message)

    @workflow.signal(dynamic=True)
    async def on_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Keep it."""
        self.hear(name, args)

    @workflow.query
    def seen(self) -> dict[str, Any]:
        """The input and the signals."""
        return {"start": self.start, "heard": self.heard}


@workflow.defn(name="GameDay")
class StandInGameDay(_StandIn):
    """Hears milestones."""

    @workflow.run
    async def run(self, start: dict[str, Any]) -> None:
        """Wait for the end."""
        await self.live(start)

    @workflow.signal(dynamic=True)
    async def on_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Keep it."""
        self.hear(name, args)

    @workflow.query
    def seen(self) -> dict[str, Any]:
        """The input and the signals."""
        return {"start": self.start, "heard": self.heard}
