"""What goes on around a game day, asked of the engine and of the store. Built by `workers/composition.py`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel
from temporalio.client import Client, Schedule, WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.common import QueryRejectCondition
from temporalio.service import RPCError, RPCStatusCode

from domain.alert import AlertGroupState
from domain.declaration import labels_of
from domain.errors import Transient
from domain.game_day import GameDayPhase, GameDayState
from domain.game_day_surroundings import FiringGroup, OpenIncident, RunningGameDay
from domain.ids import game_day_id, game_day_schedule_id, safety_lever_workflow_id, standing_approval_workflow_id
from domain.incident import RESPONDING, IncidentState
from domain.record import ProjectionKind
from domain.safety_lever import LeverEngaged, LeverState
from domain.search_attributes import IS_DRILL, STATUS
from domain.standing_approval import StandingState

# What does not answer in this time counts as not known. A query takes about 10 ms.
_ANSWER_WITHIN = timedelta(seconds=3)
# More open incidents or firing groups than this is a night in which nobody should be drilling.
_ASKED_AT_MOST = 50
# Pictures that are looked through for the last run of a name.
_LOOKED_THROUGH = 200
_RUNNING_DRILLS = 'WorkflowType = "GameDay" AND ExecutionStatus = "Running"'

M = TypeVar("M", bound=BaseModel)


class TemporalSurroundings:
    """Finds by visibility, asks by query."""

    def __init__(self, client: Client, is_due: Callable[[Schedule, datetime, datetime], bool]) -> None:
        self._client = client
        # `runtime.schedule_times.is_due`.
        self._is_due = is_due

    async def incidents(self) -> list[OpenIncident]:
        """Real incidents that people are responding to."""
        words = ", ".join(f'"{status.value}"' for status in RESPONDING)
        real = f"{IS_DRILL} = false AND {STATUS} IN ({words})"
        query = f'WorkflowType = "Incident" AND ExecutionStatus = "Running" AND {real}'
        states = await self._views(query, "incidents", IncidentState)
        return [
            OpenIncident(
                id=each.id, title=each.title, severity=each.severity, services=each.services,
                declared_at=each.declared_at, near_miss=each.near_miss,
            )
            for each in states if each.status in RESPONDING and not each.drill
        ]  # fmt: skip

    async def alert_groups(self) -> list[FiringGroup]:
        """Alert groups in which something fires, and that are not suppressed."""
        states = await self._views(
            'WorkflowType = "AlertGroup" AND ExecutionStatus = "Running"', "alert groups", AlertGroupState
        )
        return [
            FiringGroup(
                id=each.id, title=each.title, labels=labels_of(each), firing_since=each.firing_since,
                service=each.routed_as.service if each.routed_as else None, game_day_workflow=each.game_day_workflow,
            )
            for each in states if each.firing and not (each.routed_as and each.routed_as.route.suppress)
        ]  # fmt: skip

    async def game_days(self, besides: str) -> list[RunningGameDay]:
        """Game days that have not ended, but for the one of this workflow."""
        ids = [each for each in await self._ids(_RUNNING_DRILLS, "running game days") if each != besides]
        answers = await asyncio.gather(*(self._view(each, GameDayState) for each in ids))
        return [
            RunningGameDay(
                id=each.id, title=each.title, phase=each.phase, started_at=each.started_at,
                targets=tuple(target.name for target in each.targets.all()),
            )
            for each in answers if each is not None and each.phase is not GameDayPhase.FINISHED
        ]  # fmt: skip

    async def lever(self, scope: str) -> LeverState | None:
        """How a safety lever stands; None when nobody ever touched it."""
        # One that somebody terminated in the engine goes on saying what it said last: better engaged than forgotten.
        return await self._view(safety_lever_workflow_id(scope), LeverState, f"the safety lever ({scope})")

    async def standing(self, name: str) -> StandingState | None:
        """The standing approval of a game day; None when there never was one."""
        # One that somebody terminated in the engine stands no more, though it would still answer.
        return await self._view(
            standing_approval_workflow_id(name),
            StandingState,
            f"the standing approval of game day {name!r}",
            only_open=True,
        )

    async def begun_by_schedule(self, name: str, at: datetime, begun_at: datetime) -> bool:
        """Whether the schedule of a game day began it then by itself; False when somebody triggered it, or it is gone.

        The engine notes of whatever a schedule starts for which time that was; also of what a person starts with it.
        """
        handle = self._client.get_schedule_handle(game_day_schedule_id(name))
        try:
            seen = await handle.describe(rpc_timeout=_ANSWER_WITHIN)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise Transient(f"the schedule of game day {name!r} does not answer: {error.status.name}") from error
        return self._is_due(seen.schedule, at, begun_at)

    async def halt_all(self, news: LeverEngaged) -> list[str]:
        """Tell every running game day; returns the ids of those that heard it."""
        ids = await self._ids(_RUNNING_DRILLS, "running game days")
        heard = await asyncio.gather(*(self._tell(each, news) for each in ids))
        return [str(game_day_id(id_)) for id_, is_told in zip(ids, heard, strict=True) if is_told]

    async def _tell(self, workflow_id: str, news: LeverEngaged) -> bool:
        try:
            await self._client.get_workflow_handle(workflow_id).signal("lever_engaged", news)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise Transient(f"{workflow_id} did not hear of the safety lever: {error.status.name}") from error
        return True

    async def _ids(self, query: str, what: str) -> list[str]:
        try:
            return [each.id async for each in self._client.list_workflows(query)]
        except RPCError as error:
            raise Transient(f"the engine does not list {what}: {error.status.name}") from error

    async def _views(self, query: str, what: str, model: type[M]) -> list[M]:
        ids = await self._ids(query, what)
        if len(ids) > _ASKED_AT_MOST:
            raise Transient(f"there are {len(ids)} {what}; this is no time for a game day")
        answers = await asyncio.gather(*(self._view(each, model) for each in ids))
        return [answer for answer in answers if answer is not None]

    async def _view(
        self, workflow_id: str, model: type[M], subject: str | None = None, *, only_open: bool = False
    ) -> M | None:
        """What a workflow says of itself; None when there is none of that id, or none that still runs (`only_open`)."""
        condition = QueryRejectCondition.NOT_OPEN if only_open else None
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            return model.model_validate(
                await handle.query("view", reject_condition=condition, rpc_timeout=_ANSWER_WITHIN)
            )
        except WorkflowQueryRejectedError:
            return None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise Transient(f"{subject or workflow_id} does not answer: {error.status.name}") from error
        except WorkflowQueryFailedError as error:
            raise Transient(f"{subject or workflow_id} does not answer: {error}") from error


class _Listing(Protocol):
    @property
    def items(self) -> list[dict[str, Any]]: ...

    @property
    def next_cursor(self) -> str | None: ...


class StoredGameDays:
    """The record's pictures of game days; `listing` is the store's own list."""

    def __init__(self, listing: Callable[..., Awaitable[_Listing]]) -> None:
        self._listing = listing

    async def last(self, name: str, besides: str) -> dict[str, Any] | None:
        """The newest picture of a game day of that name that has ended."""
        cursor, seen = None, 0
        while seen < _LOOKED_THROUGH:
            page = await self._listing(ProjectionKind.GAME_DAY, state="finished", cursor=cursor, limit=50)
            for each in page.items:
                if each.get("name") == name and each.get("id") != besides and each.get("verdict") in _SAYS_SOMETHING:
                    return each
            seen, cursor = seen + len(page.items), page.next_cursor
            if cursor is None:
                break
        return None


# A refused or previewed one measured nothing to compare with.
_SAYS_SOMETHING = frozenset({"passed", "failed", "inconclusive", "aborted"})
