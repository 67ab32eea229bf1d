"""Insights by mail `insight-mail/<id>`: counted once, mailed to each once, and kept.

Started by a Temporal Schedule (`workers/schedules.py`) or by a person. The one thing to know: every key is made of the
workflow's id, which a Schedule gives a time and a person's request its mark, so that neither is ever mailed twice.
"""

import asyncio

from temporalio import workflow

from domain import insight_mail as rules
from domain.ids import insight_mail_of
from domain.insight_mail import InsightMailStart, InsightMailState, InsightMailStatus
from domain.message import Message, MessageReceipt, Template
from domain.record import ProjectionKind
from domain.timeline import Entry, EntryKind, automation
from workflows.courier import Courier
from workflows.mailed_report import copies, delivered_in_time
from workflows.options import BOOKKEEPING_TIMEOUT, KEEP_TRYING
from workflows.recorder import Recorder

with workflow.unsafe.imports_passed_through():
    from activities.insight_mail import InsightMailActivities, InsightRequest

_ME = automation("insights")


@workflow.defn
class InsightMail:
    """See the module."""

    @workflow.init
    def __init__(self, start: InsightMailStart) -> None:
        self._start = start
        id_ = start.id or insight_mail_of(workflow.info().workflow_id)
        self._state = rules.begin(start, id_, workflow.now())
        self._recorder = Recorder(start.recorder)
        self._courier = Courier(self._on_receipt, start.courier)

    @workflow.query
    def view(self) -> InsightMailState:
        """All that it knows."""
        return self._state

    @workflow.run
    async def run(self, start: InsightMailStart) -> InsightMailState:
        """Lives until it is mailed, a day at most."""
        recording = asyncio.create_task(self._recorder.run())
        self._courier.start()
        self._adopt(self._state)
        # The record may be away for days; the numbers are counted when it is back.
        made = await workflow.execute_activity_method(
            InsightMailActivities.prepare,
            InsightRequest(since=self._state.since, until=self._state.until, names=self._state.names),
            start_to_close_timeout=BOOKKEEPING_TIMEOUT,
            retry_policy=KEEP_TRYING,
        )
        update = {"markdown": made.markdown, "headlines": made.headlines, "state": InsightMailStatus.SENDING}
        self._adopt(self._state.model_copy(update=update))
        context = {"title": self._state.title, "headlines": list(made.headlines), "markdown": made.markdown}
        base = Message(key=workflow.info().workflow_id, template=Template.INSIGHTS, context=context)
        for message in copies(base, start.people, start.destinations):
            self._courier.send(message)
        if not await delivered_in_time(self._courier):
            self._note("The mail with the insights could not be delivered in time.")
        self._adopt(rules.ended(self._state))
        await self._recorder.drain()
        recording.cancel()
        return self._state

    def _adopt(self, state: InsightMailState) -> None:
        self._state = state
        self._recorder.picture(ProjectionKind.INSIGHT_MAIL, state.id, state, None)

    def _on_receipt(self, message: Message, receipt: MessageReceipt | None, error: str) -> None:
        if receipt is None:
            self._note(f"{message.key} could not be sent: {error}")
            return
        self._adopt(rules.delivered(self._state, receipt.deliveries))

    def _note(self, sentence: str) -> None:
        self._recorder.note(Entry(at=workflow.now(), kind=EntryKind.TROUBLE, actor=_ME, summary=sentence), None)
