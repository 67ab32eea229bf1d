"""An action item: reminds its owner, then lead and manager too, until it is shown to be done, and reopens what was not.

Started by the API; `action-item/<id>`. It outlives its incident by months, so it continues as new, and word to an
incident that has ended is simply not heard. The one thing to know: it sleeps until the earliest of its clocks; its
check and its issue in a tracker are looked after in the background and never stand in the way.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from domain.action_item import ACTION_ITEM_COMMANDS, ActionItemCommand, ActionItemStart, ActionItemState, ItemCheck
from domain.action_item_clocks import next_ring, ring
from domain.action_item_decisions import ME, ItemOutcome, decide, is_over, open_item
from domain.action_item_verification import observe_check
from domain.deadlines import LadderStep
from domain.follow_up import Outcome
from domain.incident import ActionItemSummary, ObserveActionItem
from domain.record import ProjectionKind
from domain.search_attributes import REQUIRES_DRILL
from workflows.follow_up import FollowUp
from workflows.options import HEARTBEAT_TIMEOUT, TRY_A_WHILE, steps_queue
from workflows.tracking import Tracking

with workflow.unsafe.imports_passed_through():
    from activities.steps import StepActivities, StepRequest

# `check.http` gives an endpoint 60 s at most, and the answer has to be written down.
_CHECK_TIMEOUT = timedelta(seconds=90)
# No worker of the site for a day: the check could not be run, and is tried again when its time comes.
_CHECK_WAITS = timedelta(days=1)


@workflow.defn
class ActionItem(FollowUp[ActionItemCommand, ActionItemState]):
    """See the module."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = ACTION_ITEM_COMMANDS

    @workflow.init
    def __init__(self, start: ActionItemStart) -> None:
        self._start = start
        self._set_up(ProjectionKind.ACTION_ITEM, ME, start)
        self._tracking = Tracking(start, lambda: self._state, self._apply)
        if start.state is not None:
            self._state = start.state
        else:
            self._apply(open_item(start, workflow.now()))

    @workflow.query
    def view(self) -> ActionItemState:
        """All that this action item knows."""
        return self._state

    @workflow.run
    async def run(self, start: ActionItemStart) -> ActionItemState:
        """Lives until the item is dropped, or done and no longer watched; returns how it ended."""
        if start.requires_drill is not None:
            # This is how a game day finds the items that wait for it.
            key = SearchAttributeKey.for_keyword(REQUIRES_DRILL)
            workflow.upsert_search_attributes([key.value_set(start.requires_drill)])
        background = []
        if start.check is not None:
            background.append(asyncio.create_task(self._keep_checking(start.check)))
        if start.tracker is not None:
            background.append(asyncio.create_task(self._tracking.run()))
        if not await self._follow():
            workflow.continue_as_new(
                start.model_copy(
                    update={"state": self._state, "recorder": self._recorder.carry(), "courier": self._courier.carry()}
                )
            )
        for task in background:
            task.cancel()
        return self._state

    async def _keep_checking(self, check: ItemCheck) -> None:
        """Run the check whenever it is wanted."""
        while True:
            await workflow.wait_condition(lambda: self._state.check_wanted)
            try:
                # Commands may come in while this waits; the outcome is judged by how the item stands then.
                holds, detail = await self._run_check(check)
            except ActivityError as error:
                if is_cancelled_exception(error):
                    # The item has ended meanwhile.
                    return
                cause = error.cause
                holds, detail = None, cause.message if isinstance(cause, ApplicationError) else "nobody could run it"
            self._apply(observe_check(self._state, holds, detail, workflow.now(), self._start))

    async def _run_check(self, check: ItemCheck) -> tuple[bool | None, str]:
        request = StepRequest(
            key=f"{workflow.info().workflow_id}/check",
            action=check.action,
            parameters=check.parameters,
            incident_id=self._state.incident_id,
            drill=self._start.drill,
        )
        result = await workflow.execute_activity_method(
            StepActivities.check,
            request,
            task_queue=steps_queue(check.site),
            start_to_close_timeout=_CHECK_TIMEOUT,
            schedule_to_close_timeout=_CHECK_WAITS,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=TRY_A_WHILE,
        )
        return result.holds, result.detail

    # --- what FollowUp asks ---

    def _decide(self, command: ActionItemCommand) -> ItemOutcome:
        return decide(self._state, command, workflow.now(), self._start)

    def _next_at(self, now: datetime) -> datetime | None:
        found = next_ring(self._state, now, self._start)
        return found.at if found else None

    def _take_due(self, now: datetime) -> ItemOutcome:
        found = next_ring(self._state, now, self._start)
        return ring(self._state, found.clock, now, self._start) if found else Outcome(self._state)

    def _take_step(self, step: LadderStep) -> ItemOutcome:
        # An item has more clocks than its deadline's; `_take_due` takes all of them.
        raise NotImplementedError(step.reason)

    def _is_finished(self) -> bool:
        return is_over(self._state)

    def _is_drained(self) -> bool:
        return self._tracking.is_idle

    def _context(self) -> dict[str, Any]:
        state = self._state
        return {
            "incident": {"id": state.incident_id, "severity": self._start.severity.value},
            "item": {
                "id": state.id,
                "title": state.title,
                "owner": state.owner,
                "priority": state.priority.value,
                "done_when": state.done_when,
            },
            "due_at": state.due_at.isoformat() if state.due_at else None,
        }

    def _observation(self) -> tuple[str, BaseModel]:
        state = self._state
        summary = ActionItemSummary(id=state.id, title=state.title, state=state.state.value)
        return "observe_action_item", ObserveActionItem(by=ME, item=summary)
