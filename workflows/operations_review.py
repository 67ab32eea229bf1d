"""The weekly operations review `operations-review/<week>`: prepared from the record, mailed, held by people.

Started by a Temporal Schedule (`workers/schedules.py`) or by a person. The one thing to know: a scheduled start has the
time in its workflow id, so it only starts the week's own workflow and ends; however often a week is started, it is one.
"""

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain import operations_review_decisions as decisions
from domain.ids import operations_review_workflow_id
from domain.message import DeliveryStatus, Message, MessageReceipt, Template
from domain.operations_review import (
    OPERATIONS_REVIEW_COMMANDS,
    OperationsReviewCommand,
    OperationsReviewStart,
    OperationsReviewState,
)
from domain.record import ProjectionKind
from domain.timeline import Entry, EntryKind, automation
from workflows.commands import CommandHandlers
from workflows.courier import Courier
from workflows.mailed_report import copies, delivered_in_time
from workflows.options import BOOKKEEPING_TIMEOUT, KEEP_TRYING
from workflows.recorder import Recorder

with workflow.unsafe.imports_passed_through():
    from activities.operations_review import OperationsReviewActivities, WeekRequest

_ME = automation("operations-review")


@workflow.defn
class OperationsReview(CommandHandlers[OperationsReviewCommand]):
    """See the module."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = OPERATIONS_REVIEW_COMMANDS

    @workflow.init
    def __init__(self, start: OperationsReviewStart) -> None:
        self._start = start
        self._state = start.state or decisions.begin(start, workflow.now())
        self._recorder = Recorder(start.recorder)
        self._courier = Courier(self._on_receipt, start.courier)

    @workflow.query
    def view(self) -> OperationsReviewState:
        """All that it knows."""
        return self._state

    @workflow.run
    async def run(self, start: OperationsReviewStart) -> OperationsReviewState:
        """Lives until it was held, or two weeks."""
        if start.week is None:
            await self._hand_over()
            return self._state
        recording = asyncio.create_task(self._recorder.run())
        self._courier.start()
        self._adopt(self._state)
        await self._prepare()
        try:
            await workflow.wait_condition(lambda: decisions.is_over(self._state), timeout=decisions.LAPSES_AFTER)
        except TimeoutError:
            self._adopt(decisions.lapse(self._state))
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._end(recording)
        return self._state

    def refuse(self, command: OperationsReviewCommand) -> None:
        """Ask the rules, keep nothing."""
        decisions.decide(self._state, command, workflow.now())

    def obey(self, command: OperationsReviewCommand) -> OperationsReviewState:
        """Follow the rules; the answer is the new state."""
        self._adopt(decisions.decide(self._state, command, workflow.now()))
        return self._state

    def note_refused_signal(self, name: str, sentence: str) -> None:
        """Nobody waits for the answer to a signal."""
        self._note(f"The signal {name!r} was refused: {sentence}")

    async def _hand_over(self) -> None:
        week = self._start.model_copy(update={"week": self._state.id, "until": self._state.until})
        try:
            await workflow.start_child_workflow(
                OperationsReview.run,
                week,
                id=operations_review_workflow_id(self._state.id),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("this week's operations review was started before")

    async def _prepare(self) -> None:
        if self._state.prepared_at is not None:
            return
        state = self._state
        # The record may be away for days; the review is made when it is back.
        made = await workflow.execute_activity_method(
            OperationsReviewActivities.prepare,
            WeekRequest(week=state.id, since=state.since, until=state.until),
            start_to_close_timeout=BOOKKEEPING_TIMEOUT,
            retry_policy=KEEP_TRYING,
        )
        self._adopt(decisions.prepared(self._state, made.markdown, made.headlines, workflow.now()))
        self._tell()

    def _tell(self) -> None:
        start, state = self._start, self._state
        context = {
            "title": state.title,
            "week": state.id,
            "headlines": list(state.headlines),
            "markdown": state.markdown,
        }
        base = Message(
            key=operations_review_workflow_id(state.id), template=Template.OPERATIONS_REVIEW, context=context
        )
        for message in copies(base, start.people, start.destinations):
            self._send(message)

    def _send(self, message: Message) -> None:
        self._courier.send(message)
        self._adopt(self._state.model_copy(update={"messages": self._state.messages + 1}))

    def _adopt(self, state: OperationsReviewState) -> None:
        self._state = state
        self._recorder.picture(ProjectionKind.OPERATIONS_REVIEW, state.id, state, None)

    async def _end(self, recording: "asyncio.Task[None]") -> None:
        if not await delivered_in_time(self._courier):
            self._note("The mail could not be delivered in time.")
        await self._recorder.drain()
        recording.cancel()

    def _note(self, sentence: str) -> None:
        self._recorder.note(Entry(at=workflow.now(), kind=EntryKind.TROUBLE, actor=_ME, summary=sentence), None)

    def _on_receipt(self, message: Message, receipt: MessageReceipt | None, error: str) -> None:
        if receipt is None:
            self._note(f"The operations review could not be sent: {error}")
            return
        for delivery in receipt.deliveries:
            if delivery.status is not DeliveryStatus.DELIVERED:
                self._note(f"{message.key} for {delivery.to} is {delivery.status.value.replace('_', ' ')}")
