"""What goes on around a game day, asked of the engine and of the store. Built by `workers/composition.py`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
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
from domain.game_day_surroundings import AlertsSeen, FiringGroup, OpenIncident, RunningGameDay
from domain.ids import game_day_id, game_day_schedule_id, safety_lever_workflow_id, standing_approval_workflow_id
from domain.incident import RESPONDING, IncidentState
from domain.record import ProjectionKind
from domain.safety_lever import LeverEngaged, LeverState
from domain.search_attributes import IS_DRILL, STATUS
from domain.standing_approval import StandingState

# What does not answer in this time counts as not known. A query takes about 10 ms.
_ANSWER_WITHIN = timedelta(seconds=3)
# The newest are asked. Each query takes some 10 ms of a worker that has more to do in a storm, and a look comes every
# three seconds.
_ASKED_AT_MOST = 200
_ASKED_AT_ONCE = 20
# The look that this is a part of may take no longer than 8 s (`workflows/game_days/preflight.py`).
_GROUPS_ANSWER_WITHIN = timedelta(seconds=4)
# Pictures that are looked through for the last run of a name.
_LOOKED_THROUGH = 200
_RUNNING_DRILLS = 'WorkflowType = "GameDay" AND ExecutionStatus = "Running"'

M = TypeVar("M", bound=BaseModel)


class TemporalSurroundings:
    """Finds by visibility, asks by query."""

    def __init__(
        self,
        client: Client,
        is_due: Callable[[Schedule, datetime, datetime], bool],
        asked_at_most: int = _ASKED_AT_MOST,
    ) -> None:
        self._client = client
        # `runtime.schedule_times.is_due`.
        self._is_due = is_due
        self._asked_at_most = asked_at_most

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

    async def alert_groups(self) -> AlertsSeen:
        """Alert groups in which something fires, and that are not suppressed; a group stays open after its last alert.

        In a storm not all of them are asked, or not all answer in time: then what is known is told, and why it may not
        be everything.
        """
        open_ = 'WorkflowType = "AlertGroup" AND ExecutionStatus = "Running"'
        found: list[FiringGroup] = []
        most, untold = self._asked_at_most, ""
        try:
            async with asyncio.timeout(_GROUPS_ANSWER_WITHIN.total_seconds()):
                ids = await self._ids(open_, "alert groups", most + 1)
                async for states in self._answers(ids[:most], AlertGroupState):
                    found += [_firing(each) for each in states if _fires(each)]
        except Transient as error:
            untold = error.sentence
        except TimeoutError:
            untold = f"the open alert groups do not answer in time; {_CURE}"
        else:
            if len(ids) > most:
                untold = f"more than {most} alert groups are open, and only the newest were asked; {_CURE}"
        return AlertsSeen(groups=tuple(found), untold=untold)

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

    async def _ids(self, query: str, what: str, at_most: int | None = None) -> list[str]:
        """The newest first."""
        try:
            listed = self._client.list_workflows(query, limit=at_most, rpc_timeout=_ANSWER_WITHIN)
            return [each.id async for each in listed]
        except RPCError as error:
            raise Transient(f"the engine does not list {what}: {error.status.name}") from error

    async def _views(self, query: str, what: str, model: type[M]) -> list[M]:
        most = self._asked_at_most
        ids = await self._ids(query, what, most + 1)
        if len(ids) > most:
            raise Transient(f"more than {most} {what} are open; resolve or merge those that are over")
        return [each async for answers in self._answers(ids, model) for each in answers]

    async def _answers(self, ids: Sequence[str], model: type[M]) -> AsyncIterator[list[M]]:
        for start in range(0, len(ids), _ASKED_AT_ONCE):
            asked = ids[start : start + _ASKED_AT_ONCE]
            answers = await asyncio.gather(*(self._view(each, model) for each in asked))
            yield [each for each in answers if each is not None]

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


# For whoever is refused because of it.
_CURE = "wait until groups that are over have ended (policy.alert_reopen_window after their last alert)"


def _fires(state: AlertGroupState) -> bool:
    return bool(state.firing) and not (state.routed_as and state.routed_as.route.suppress)


def _firing(state: AlertGroupState) -> FiringGroup:
    return FiringGroup(
        id=state.id, title=state.title, labels=labels_of(state), firing_since=state.firing_since,
        service=state.routed_as.service if state.routed_as else None, game_day_workflow=state.game_day_workflow,
    )  # fmt: skip


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
