"""Pages the on-call of an incident, level by level, until somebody answers. Id `page/<incident>/<n>`.

A child of `Incident`. `domain/escalation.py` says whom and when; messages go through the Courier, so a mail server that
is away delays no level. An acknowledgement that arrives here first is handed to the incident, which decides who takes
command.
"""

import asyncio
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

from domain import escalation
from domain.game_day import Milestone, MilestoneKind
from domain.ids import incident_workflow_id
from domain.incident import Acknowledge
from domain.message import DeliveryStatus, Message, MessageReceipt, Template
from domain.page import PAGE_COMMANDS, EscalationStart, EscalationState, EscalationStatus, PageCommand
from domain.record import ProjectionKind
from domain.timeline import Entry, EntryKind
from workflows.commands import CommandHandlers
from workflows.courier import Courier
from workflows.options import ASK_BRIEFLY, QUESTION_TIMEOUT
from workflows.recorder import Recorder

with workflow.unsafe.imports_passed_through():
    from activities.drills import DrillActivities, DrillQuestion

# Messages under way when the answer comes get this long to report; those that wait for a mail server are dropped,
# because a page that arrives after its answer wakes somebody for nothing.
_LAST_REPORTS = timedelta(seconds=5)


@workflow.defn
class Escalation(CommandHandlers[PageCommand]):
    """See the module."""

    commands: ClassVar = PAGE_COMMANDS

    @workflow.init
    def __init__(self, start: EscalationStart) -> None:
        self._start = start
        self._state = start.state or escalation.begin(start, workflow.now())
        self._recorder = Recorder(start.recorder)
        self._courier = Courier(self._on_receipt, start.courier)
        # The incident or the game day must hear of something: workflow id, signal, what.
        self._to_tell: list[tuple[str, str, BaseModel]] = []
        self._draw()

    @workflow.run
    async def run(self, start: EscalationStart) -> EscalationState:  # noqa: ARG002 - __init__ has read it
        """Page until answered; the last state is the result."""
        self._courier.start()
        # Kept in a name: the event loop itself holds tasks only weakly.
        recording = asyncio.create_task(self._recorder.run())
        while self._is_paging():
            away = await self._ask_who_is_away()
            # An answer may have come meanwhile; then no level is due any more.
            self._page_due_level(away)
            await self._wait_for_something()
            await self._tell()
            if workflow.info().is_continue_as_new_suggested() and self._is_paging():
                await self._continue_as_new()
        await self._end(recording)
        return self._state

    @workflow.query
    def view(self) -> EscalationState:
        """Where the page stands."""
        return self._state

    def refuse(self, command: PageCommand) -> None:
        """Only people of `hotwash.yaml` answer."""
        escalation.answer(self._start, self._state, command, workflow.now())

    def obey(self, command: PageCommand) -> EscalationState:
        """Answering again changes nothing."""
        was_paging = self._is_paging()
        answered = escalation.answer(self._start, self._state, command, workflow.now())
        self._adopt(answered.state, *answered.entries)
        if was_paging and self._state.status is EscalationStatus.ACKNOWLEDGED:
            incident = incident_workflow_id(self._start.incident_id)
            self._to_tell.append((incident, "acknowledge", Acknowledge(by=command.by)))
        return self._state

    def note_refused_signal(self, name: str, sentence: str) -> None:
        """The sender of a signal hears nothing, the timeline does."""
        summary = f"signal {name!r} to {self._state.id} was refused: {sentence}"
        self._note(Entry(at=workflow.now(), kind=EntryKind.TROUBLE, actor=escalation.ESCALATION, summary=summary))

    async def _ask_who_is_away(self) -> tuple[str, ...]:
        game_day = self._start.game_day_workflow
        if (
            not self._start.asks_who_is_away
            or game_day is None
            or not escalation.is_level_due(self._state, workflow.now())
        ):
            return ()
        try:
            away: list[str] = await workflow.execute_activity_method(
                DrillActivities.unavailable,
                DrillQuestion(workflow_id=game_day),
                start_to_close_timeout=QUESTION_TIMEOUT,
                retry_policy=ASK_BRIEFLY,
            )
        except ActivityError as error:
            # A page too many wakes somebody in a drill; one too few could leave everybody asleep.
            summary = f"the game day does not say who is unavailable, so everybody is paged: {error.cause}"
            self._note(Entry(at=workflow.now(), kind=EntryKind.TROUBLE, actor=escalation.ESCALATION, summary=summary))
            return ()
        return tuple(away)

    def _page_due_level(self, away: tuple[str, ...]) -> None:
        paged = escalation.page_next_level(self._start, self._state, workflow.now(), away)
        if paged is None:
            return
        self._adopt(paged.state, *paged.entries)
        for person in paged.people:
            self._courier.send(self._page(person))

    def _page(self, person: str) -> Message:
        return Message(
            key=f"{workflow.info().workflow_id}/{self._state.round}/{self._state.level}/{person}",
            template=Template.PAGE,
            context=escalation.page_text(self._start, self._state),
            people=(person,),
            incident_id=self._start.incident_id,
            drill=self._start.drill,
        )

    async def _wait_for_something(self) -> None:
        # Answers and receipts arrive while this waits; each of them ends it, or else the next level's time does.
        due_at = self._state.next_level_at
        left = due_at - workflow.now() if due_at else timedelta()
        if left <= timedelta():
            return
        try:
            await workflow.wait_condition(lambda: not self._is_paging() or bool(self._to_tell), timeout=left)
        except TimeoutError:
            return

    async def _tell(self) -> None:
        while self._to_tell:
            workflow_id, signal, news = self._to_tell.pop(0)
            try:
                await workflow.get_external_workflow_handle(workflow_id).signal(signal, news)
            except FailureError:
                # It has ended meanwhile and need not know.
                workflow.logger.info("%s could not be told: it has ended", workflow_id)

    async def _end(self, recording: "asyncio.Task[None]") -> None:
        await self._tell()
        try:
            await asyncio.wait_for(self._courier.drain(), _LAST_REPORTS.total_seconds())
        except TimeoutError:
            workflow.logger.info("pages that were never delivered are dropped, because the page was answered")
        await workflow.wait_condition(workflow.all_handlers_finished)
        # A page may be answered before the mail server has said that it took it; whom it reached counts all the same.
        await self._tell()
        await self._recorder.drain()
        recording.cancel()

    def _on_receipt(self, message: Message, receipt: MessageReceipt | None, error: str) -> None:
        now, round_, level = workflow.now(), message.context["round"], message.context["level"]
        if receipt is None:
            summary = f"page to {', '.join(message.people)} cannot be delivered: {error}"
            self._note(Entry(at=now, kind=EntryKind.TROUBLE, actor=escalation.ESCALATION, summary=summary))
            return
        for delivery in receipt.deliveries:
            before = self._state
            after, line = escalation.note_delivery(before, delivery, level, round_, now)
            self._adopt(after, line)
            if delivery.status is DeliveryStatus.DELIVERED:
                # Whom a page reached matters, too, so each one is told.
                at = after.paged_at if before.paged_at is None and after.paged_at is not None else now
                self._tell_game_day(at, line.summary, delivery.to)

    def _tell_game_day(self, at: datetime, evidence: str, person: str) -> None:
        if self._start.game_day_workflow is None:
            return
        news = Milestone(
            kind=MilestoneKind.PAGED, at=at, incident_id=self._start.incident_id, evidence=evidence, people=(person,)
        )
        self._to_tell.append((self._start.game_day_workflow, "observe_milestone", news))

    def _is_paging(self) -> bool:
        return self._state.status is EscalationStatus.PAGING

    def _adopt(self, state: EscalationState, *entries: Entry) -> None:
        self._state = state
        for entry in entries:
            self._note(entry)
        self._draw()

    def _note(self, entry: Entry) -> None:
        self._recorder.note(entry, self._start.incident_id)

    def _draw(self) -> None:
        self._recorder.picture(ProjectionKind.PAGE, self._state.id, self._state, self._start.incident_id)

    async def _continue_as_new(self) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._to_tell:
            # A receipt or an answer came meanwhile; the next round tries again.
            return
        carried = {"state": self._state, "recorder": self._recorder.carry(), "courier": self._courier.carry()}
        workflow.continue_as_new(self._start.model_copy(update=carried))
