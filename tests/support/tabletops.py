"""One tabletop on the real engine with its real incident; used by tests/workflows.

The one thing to know: it starts with time skipping off, as everything that waits for people does, and is driven by
`pass_time`, which moves the clock of the tabletop only; deeds are measured by that one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.clients.tabletops import TemporalIncidentStarter
from activities.tabletops import TabletopActivities
from domain.configuration import Configuration
from domain.game_day import GameDayState
from domain.ids import incident_workflow_id
from domain.incident import IncidentStart, IncidentState
from domain.timeline import person
from runbooks.tabletop_schema import Tabletop as Document
from runbooks.tabletop_schema import TabletopStart
from tests.support.engine import working
from tests.support.recording import Post, Record
from tests.support.stand_ins import StandInCommsPlan, StandInReview
from workflows.escalation import Escalation
from workflows.incident import Incident
from workflows.tabletop import Tabletop

PEOPLE = ("alice", "bob", "carla", "olga")
SCRIPT: dict[str, Any] = {
    "schema_version": 1, "name": "story", "title": "A story", "owner": "sre", "kind": "tabletop",
    "incident_title": "Checkout fails", "severity": "SEV-3", "deserved_severity": "SEV-2", "service": "shop",
    "players": ["alice", "bob"], "roles": {"game_master": "olga"}, "duration": "1h", "solution": "it was the release",
    "injects": [
        {
            "id": "page", "at": "0m", "from": "Alertmanager", "text": "4 % errors", "question": "What now?",
            "clue": "it is worse than it says",
            "expected": [
                {"expect": "commanded", "within": "5m", "rule": "R01"},
                {"expect": "update", "audience": "internal", "within": "10m"},
            ],
        },
        {
            "id": "boss", "at": "20m", "to": ["commander"], "text": "The boss joins",
            "expected": [{"expect": "judged", "text": "The boss got a place"},
                         {"expect": "decision", "within": "5m", "rule": "R11"}],
        },
    ],
}  # fmt: skip


WORKFLOWS: list[type] = [Tabletop, Incident, Escalation, StandInCommsPlan, StandInReview]


class House:
    """`hotwash.yaml`, and the start of an incident that waits for people."""

    def __init__(self, env: WorkflowEnvironment, task_queue: str) -> None:
        self._env = env
        self._task_queue = task_queue

    def current(self) -> Configuration:
        """The people, an on-call that must not be woken, and the service."""
        return Configuration.model_validate(
            {
                "people": {name: {"name": name.title(), "email": f"{name}@example.org"} for name in PEOPLE},
                "on_call": {"shop": {"levels": [{"people": ["carla"]}]}},
                "services": {"shop": {"name": "Shop", "on_call": "shop"}},
            }
        )

    async def start(self, start: IncidentStart) -> None:
        """As the real one does, but its time goes on by hand only."""
        with self._env.with_time_skipping_disabled():
            await TemporalIncidentStarter(self._env.client, self._task_queue).start(start)


class Table:
    """The tabletop and its incident, and what people say to them."""

    def __init__(self, env: WorkflowEnvironment, handle: "WorkflowHandle[Any, GameDayState]", incident_id: str) -> None:
        self.env = env
        self.handle = handle
        self.incident_id = incident_id
        self.incident: WorkflowHandle[Any, IncidentState] = env.client.get_workflow_handle_for(
            Incident.run, incident_workflow_id(incident_id)
        )

    async def state(self) -> GameDayState:
        """As it stands now."""
        return await self.handle.query(Tabletop.view)

    async def until(self, holds: Callable[[GameDayState], bool], what: str) -> GameDayState:
        """Wait in real time for what comes from the incident; fails by name when it does not."""
        for _ in range(1000):
            state = await self.state()
            if holds(state):
                return state
            await asyncio.sleep(0.02)
        message = f"{what} did not come to hold"
        raise AssertionError(message)

    async def deeds(self, count: int) -> GameDayState:
        """The state once the incident has told so many deeds."""
        return await self.until(lambda s: s.tabletop is not None and len(s.tabletop.deeds) >= count, f"{count} deeds")

    async def pass_time(self, span: timedelta) -> None:
        """The clock of the tabletop goes on, by which everything is measured."""
        await self.env.fast_forward(self.handle, span)

    async def do(self, by: str, command: str, **body: Any) -> None:
        """A player does something in the incident."""
        await self.incident.execute_update(command, {"by": person(by).model_dump(mode="json"), **body})

    async def say(self, command: str, by: str = "olga", **body: Any) -> GameDayState:
        """The game master says something to the tabletop."""
        state: GameDayState = await self.handle.execute_update(
            command, {"by": person(by).model_dump(mode="json"), **body}, result_type=GameDayState
        )
        return state

    async def refusal(self, command: str, by: str = "olga", **body: Any) -> str:
        """The sentence with which it is refused."""
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await self.say(command, by, **body)
        cause = refused.value.cause
        assert isinstance(cause, ApplicationError)
        return cause.message


@asynccontextmanager
async def a_table(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post, *, cached: int = 1000, **changes: Any
) -> AsyncIterator[Table]:
    """A tabletop that has begun."""
    house = House(env, task_queue)
    number = uuid4().hex[:8]
    start = TabletopStart(
        document=Document.model_validate({**SCRIPT, **changes}),
        digest="d1",
        requested_by=person("olga"),
        incident_id=f"inc-20261122-{number}",
    )
    async with working(
        env.client,
        task_queue,
        workflows=WORKFLOWS,
        activities=[record.save, post.send, TabletopActivities(house, house).declare],
        max_cached_workflows=cached,
    ):
        with env.with_time_skipping_disabled():
            handle = await env.client.start_workflow(
                Tabletop.run, start, id=f"game-day/story-{number}", task_queue=task_queue
            )
        yield Table(env, handle, start.incident_id)
