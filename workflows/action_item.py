"""An action item: reminds its owner, then the manager too, until it is shown to be done or dropped with a reason.

Started by the API; `action-item/<id>`. It outlives its incident by months, so it continues as new, and word to an
incident that has ended is simply not heard.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import SearchAttributeKey

from domain.action_item import ACTION_ITEM_COMMANDS, ActionItemCommand, ActionItemStart, ActionItemState
from domain.action_item_decisions import FINISHED, ME, ItemOutcome, decide, open_item, take_step
from domain.deadlines import LadderStep
from domain.incident import ActionItemSummary, ObserveActionItem
from domain.record import ProjectionKind
from domain.search_attributes import REQUIRES_DRILL
from workflows.follow_up import FollowUp


@workflow.defn
class ActionItem(FollowUp[ActionItemCommand, ActionItemState]):
    """See the module."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = ACTION_ITEM_COMMANDS

    @workflow.init
    def __init__(self, start: ActionItemStart) -> None:
        self._start = start
        self._set_up(ProjectionKind.ACTION_ITEM, ME, start)
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
        """Lives until the item is done or dropped; returns how it ended."""
        if start.requires_drill is not None:
            # This is how a game day finds the items that wait for it.
            key = SearchAttributeKey.for_keyword(REQUIRES_DRILL)
            workflow.upsert_search_attributes([key.value_set(start.requires_drill)])
        if not await self._follow():
            workflow.continue_as_new(
                start.model_copy(
                    update={"state": self._state, "recorder": self._recorder.carry(), "courier": self._courier.carry()}
                )
            )
        return self._state

    # --- what FollowUp asks ---

    def _decide(self, command: ActionItemCommand) -> ItemOutcome:
        return decide(self._state, command, workflow.now(), self._start)

    def _take_step(self, step: LadderStep) -> ItemOutcome:
        return take_step(self._state, step, workflow.now(), self._start)

    def _is_finished(self) -> bool:
        return self._state.state in FINISHED

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
