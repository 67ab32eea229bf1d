"""The communication plan of one incident, `comms/<incident id>`: every audience hears in time, or somebody is reminded.

Started by the `Incident` workflow at declaration, told by its signals `publish`, `refresh` and `finish`. The one thing
to know: what is said and when is decided in `domain/comms_decisions.py`; here the clocks are waited for, texts handed
to the courier, and everything recorded. It ends when the closing notice has left the house.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import FailureError

from domain.cadence import next_wake
from domain.comms import (
    COMMS_COMMANDS,
    CloseComms,
    CommsStart,
    CommsState,
    PublishedUpdate,
    RefreshIncident,
    UpdateRequest,
)
from domain.comms_decisions import (
    ME,
    CommsOutcome,
    begin,
    delivered,
    finish,
    message_key,
    publish,
    receipt_entry,
    refresh,
    tick,
)
from domain.errors import Rejected
from domain.game_day import Milestone, MilestoneKind
from domain.ids import incident_workflow_id
from domain.incident import ObserveComms
from domain.message import DeliveryStatus, Message, MessageReceipt
from domain.policy import Audience
from domain.record import ProjectionKind
from domain.timeline import Entry, EntryKind
from workflows.commands import CommandHandlers
from workflows.courier import Courier
from workflows.recorder import Recorder

CommsCommand = UpdateRequest | RefreshIncident | CloseComms


@workflow.defn(name="CommsPlan")
class CommsPlan(CommandHandlers[BaseModel]):
    """Keeps the cadence of the written policy from declaration to the closing notice."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = COMMS_COMMANDS

    @workflow.init
    def __init__(self, start: CommsStart) -> None:
        self._start = start
        self._recorder = Recorder(start.recorder)
        self._courier = Courier(self._on_receipt, start.courier)
        # Updates whose deliveries are not all known yet, by message key.
        self._open = {message_key(update): update for update in start.open_updates}
        self._outbox: list[Message] = []
        self._told: dict[Audience, datetime] | None = None
        # Internal updates of which the game day has not heard yet.
        self._milestones: list[Milestone] = []
        # Rises with every change, so that the main loop notices what handlers did.
        self._changes = 0
        if start.state is not None:
            self._state = start.state
        else:
            # At once, so that a message that comes with the start finds the clocks running.
            self._apply(begin(start, workflow.now()))

    @workflow.run
    async def run(self, start: CommsStart) -> CommsState:
        """Until the closing notice is delivered; the answer is the last state."""
        background = [asyncio.create_task(self._recorder.run()), asyncio.create_task(self._keep_telling())]
        self._courier.start()
        while not self._is_over():
            self._hand_over()
            if workflow.info().is_continue_as_new_suggested():
                await self._continue(start, background)
            await self._wait_for_the_clocks()
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._recorder.drain()
        _cancel(background)
        return self._state

    @workflow.query
    def view(self) -> CommsState:
        """How the plan stands."""
        return self._state

    # --- commands ---

    def refuse(self, command: BaseModel) -> None:
        """Ask the domain and forget its answer; only a refusal comes through."""
        self._decide(command)

    def obey(self, command: BaseModel) -> CommsState:
        """Do what the domain says; the main loop notices."""
        self._apply(self._decide(command))
        return self._state

    def note_refused_signal(self, name: str, sentence: str) -> None:
        """Nobody waits for the answer to a signal, so it goes into the timeline."""
        said = f"The communication plan refused {name!r}: {sentence}"
        entry = Entry(at=workflow.now(), kind=EntryKind.TROUBLE, actor=ME, summary=said)
        self._recorder.note(entry, self._state.incident_id)

    def _decide(self, command: BaseModel) -> CommsOutcome:
        now = workflow.now()
        match command:
            case UpdateRequest():
                return publish(self._start, self._state, command, now)
            case RefreshIncident():
                return refresh(self._start, self._state, command, now)
            case CloseComms():
                return finish(self._start, self._state, command, now)
            case _:
                raise Rejected(f"the communication plan has no rule for {type(command).__name__}")

    def _apply(self, outcome: CommsOutcome) -> None:
        incident_id = outcome.state.incident_id
        self._state = outcome.state
        self._changes += 1
        for entry in outcome.entries:
            self._recorder.note(entry, incident_id)
        for update in outcome.updates:
            self._recorder.picture(ProjectionKind.UPDATE, update.id, update, incident_id)
        # Sent from the main loop: the courier starts tasks, which `__init__` must not.
        self._outbox += outcome.messages
        if self._start.game_day_workflow is not None:
            self._milestones += [_milestone(each) for each in outcome.updates if each.audience is Audience.INTERNAL]
        keys = {message.key for message in outcome.messages}
        self._open |= {message_key(update): update for update in outcome.updates if message_key(update) in keys}
        self._recorder.picture(ProjectionKind.COMMS, incident_id, self._state, incident_id)

    # --- the way through ---

    def _is_over(self) -> bool:
        """Whether the closing notice and all else have left the house."""
        return self._is_delivered() and self._is_told()

    def _is_delivered(self) -> bool:
        return self._state.closing_at is not None and not self._outbox and self._courier.is_idle

    def _hand_over(self) -> None:
        while self._outbox:
            self._courier.send(self._outbox.pop(0))

    async def _wait_for_the_clocks(self) -> None:
        """Until the next clock rings, a message changes something, or a closed plan has got its last mail out."""
        now, seen = workflow.now(), self._changes
        wake = next_wake(self._start.policy, self._state.incident, self._state.clocks)
        if wake is not None and wake <= now:
            self._apply(tick(self._start, self._state, now))
            return
        try:
            # Handlers may move the clocks while this waits; the next turn of the loop reads them anew.
            await workflow.wait_condition(
                lambda: self._changes != seen or self._is_over(), timeout=wake - now if wake else None
            )
        except TimeoutError:
            return

    def _on_receipt(self, message: Message, receipt: MessageReceipt | None, error: str) -> None:
        update = self._open.get(message.key)
        incident_id = self._state.incident_id
        self._recorder.note(receipt_entry(message, update, receipt, error, workflow.now()), incident_id)
        if update is None:
            return
        if receipt is not None:
            update = self._open[message.key] = delivered(update, receipt)
            self._recorder.picture(ProjectionKind.UPDATE, update.id, update, incident_id)
        if receipt is None or all(each.status is not DeliveryStatus.PENDING for each in receipt.deliveries):
            del self._open[message.key]

    def _next_update_by(self) -> dict[Audience, datetime]:
        clocks = self._state.clocks.items()
        return {audience: clock.next_update_by for audience, clock in clocks if clock.next_update_by is not None}

    def _is_told(self) -> bool:
        return self._told == self._next_update_by() and not self._milestones

    async def _keep_telling(self) -> None:
        """The incident room shows by when each audience must hear again; the clocks do not wait for its ear."""
        incident = workflow.get_external_workflow_handle(incident_workflow_id(self._state.incident_id))
        while True:
            await workflow.wait_condition(lambda: not self._is_told())
            await self._tell_game_day()
            news = self._next_update_by()
            if news == self._told:
                continue
            try:
                # The clocks may change while this waits; the next turn tells the newer ones.
                await incident.signal("observe_comms", ObserveComms(by=ME, next_update_by=news))
            except FailureError:
                # An incident that has ended need not know.
                workflow.logger.info("incident %s is not listening", self._state.incident_id)
            self._told = news

    async def _tell_game_day(self) -> None:
        while self._milestones and self._start.game_day_workflow is not None:
            handle = workflow.get_external_workflow_handle(self._start.game_day_workflow)
            try:
                await handle.signal("observe_milestone", self._milestones[0])
            except FailureError:
                workflow.logger.info("game day %s is not listening", self._start.game_day_workflow)
            del self._milestones[0]

    async def _continue(self, start: CommsStart, background: "list[asyncio.Task[None]]") -> None:
        """Continue as new, with nothing half done: a delivery under way would be left in doubt."""
        await workflow.wait_condition(
            lambda: workflow.all_handlers_finished() and self._courier.is_resting and not self._milestones
        )
        _cancel(background)
        courier = self._courier.carry()
        workflow.continue_as_new(
            start.model_copy(
                update={
                    "state": self._state,
                    "open_updates": tuple(self._open.values()),
                    "recorder": self._recorder.carry(),
                    "courier": courier.model_copy(update={"pending": (*courier.pending, *self._outbox)}),
                }
            )
        )


def _milestone(update: PublishedUpdate) -> Milestone:
    evidence = f"internal update {update.number} was published by {update.by.name}"
    return Milestone(
        kind=MilestoneKind.COMMUNICATED, at=update.at, incident_id=update.incident_id, evidence=evidence,
        people=(update.by.name,),
    )  # fmt: skip


def _cancel(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
