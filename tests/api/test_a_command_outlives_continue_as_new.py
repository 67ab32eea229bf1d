"""A command that meets its workflow in the very moment of continue-as-new is sent again, as the same Update."""

from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.engine import Engine
from domain.errors import Transient
from domain.incident import AddNote
from domain.timeline import person

NOTE = AddNote(by=person("ana"), text="hello")


class Turnstile:
    """Stands for the engine: turns the first few updates away untouched, and remembers under which id each came."""

    def __init__(self, times: int, status: RPCStatusCode = RPCStatusCode.FAILED_PRECONDITION) -> None:
        self.times = times
        self.status = status
        self.ids: list[str] = []

    def get_workflow_handle(self, _: str) -> "Turnstile":
        """It is its own handle."""
        return self

    async def execute_update(self, _name: str, _command: Any, **options: Any) -> str:
        """What the engine says to a workflow that is just continuing as new."""
        self.ids.append(options["id"])
        if len(self.ids) <= self.times:
            raise RPCError("workflow operation can not be applied because workflow is closing", self.status, b"")
        return "taken"


def engine(turnstile: Turnstile) -> Engine:
    """The API's engine in front of it."""
    return Engine(cast("Client", turnstile))


async def test_a_command_that_was_turned_away_is_taken_by_the_next_run() -> None:
    """Turned away three times, it is the same Update each time, and the caller hears the answer only."""
    turnstile = Turnstile(3)
    assert await engine(turnstile).command("incident/x", "add_note", NOTE, "incident x", None) == "taken"
    assert len(turnstile.ids) == 4
    assert len(set(turnstile.ids)) == 1


async def test_a_command_is_not_sent_for_ever() -> None:
    """An engine that turns everything away is away, and the caller hears so."""
    turnstile = Turnstile(1000)
    with pytest.raises(Transient):
        await engine(turnstile).command("incident/x", "add_note", NOTE, "incident x", None)
    assert len(turnstile.ids) < 10


async def test_any_other_failure_is_not_repeated() -> None:
    """Of those nobody knows whether the workflow was touched."""
    turnstile = Turnstile(1, RPCStatusCode.UNAVAILABLE)
    with pytest.raises(Transient):
        await engine(turnstile).command("incident/x", "add_note", NOTE, "incident x", None)
    assert len(turnstile.ids) == 1
