"""The incident: takes commands, decides through the domain, carries out what follows. Id `incident/<incident id>`.

Started by alert groups and by the API; `domain/incident_decisions.py` says what each command does. The one thing to
know: handlers only change the state and queue effects; the main loop starts each effect as a task, in order within its
lane, so that a store, a mail server or a runbook catalogue that is away delays nothing else.
"""

import asyncio
from collections import deque
from datetime import timedelta
from typing import Any, ClassVar

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from domain.incident import COMMANDS, FINISHED, Command, IncidentStart, IncidentState, IncidentStatus
from domain.incident_decisions import begin, decide
from domain.incident_effects import Effect, Outcome
from domain.incident_paging import page_if_silent, silent_at
from domain.message import DeliveryStatus, Message, MessageReceipt
from domain.record import ProjectionKind
from domain.search_attributes import INCIDENT, IS_DRILL, SERVICE, STATUS
from domain.timeline import Entry, EntryKind, automation
from workflows.commands import CommandHandlers
from workflows.courier import Courier
from workflows.incident_effects import IncidentEffects
from workflows.recorder import Recorder

_ME = automation("incident")
# A finished incident waits this long for its last messages (role offers); the record is always waited for.
_LAST_MESSAGES = timedelta(minutes=1)


@workflow.defn
class Incident(CommandHandlers[Command]):
    """See the module."""

    commands: ClassVar = COMMANDS

    @workflow.init
    def __init__(self, start: IncidentStart) -> None:
        self._start = start
        self._recorder = Recorder(start.recorder)
        self._courier = Courier(self._on_receipt, start.courier)
        self._waiting_effects: deque[Effect] = deque()
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._effects = IncidentEffects(self._courier, lambda: self._state, self.adopt, self.note_trouble)
        self._indexed: IncidentStatus | None = None
        if start.state is None:
            self.adopt(begin(start, workflow.now()))
        else:
            self._state = start.state

    @workflow.run
    async def run(self, start: IncidentStart) -> IncidentState:  # noqa: ARG002 - __init__ has read it
        """Live until closed, merged or cancelled; the last state is the result."""
        self._courier.start()
        # Kept in names: the event loop itself holds tasks only weakly.
        recording = asyncio.create_task(self._recorder.run())
        watching = asyncio.create_task(self._watch_for_silence())
        while not self._is_over():
            self._index()
            self._start_effects()
            # Commands, receipts and reports of effects arrive while this waits and change the state.
            await workflow.wait_condition(
                lambda: bool(self._waiting_effects) or self._is_over() or self._is_long() or self._index_is_stale()
            )
            if self._is_long() and not self._is_over():
                await self._continue_as_new()
        self._index()
        watching.cancel()
        await self._end(recording)
        return self._state

    @workflow.query
    def view(self) -> IncidentState:
        """All that is known of the incident."""
        return self._state

    def refuse(self, command: Command) -> None:
        """Ask the rules, keep nothing."""
        decide(self._state, command, workflow.now())

    def obey(self, command: Command) -> IncidentState:
        """Follow the rules; the answer is the new state."""
        self.adopt(decide(self._state, command, workflow.now()))
        return self._state

    def note_refused_signal(self, name: str, sentence: str) -> None:
        """The sender of a signal hears nothing, the timeline does."""
        self.note_trouble(f"signal {name!r} was refused: {sentence}")

    def adopt(self, outcome: Outcome) -> None:
        """Take over what was decided: state, lines, picture, and effects for the main loop."""
        self._state = outcome.state
        for entry in outcome.entries:
            self._recorder.note(entry, self._start.id)
        self._waiting_effects.extend(outcome.effects)
        self._recorder.picture(ProjectionKind.INCIDENT, self._start.id, self._state, self._start.id)

    def note_trouble(self, sentence: str) -> None:
        """A line about something that did not work."""
        line = Entry(at=workflow.now(), kind=EntryKind.TROUBLE, actor=_ME, summary=sentence)
        self._recorder.note(line, self._start.id)

    def _start_effects(self) -> None:
        self._lanes = {lane: task for lane, task in self._lanes.items() if not task.done()}
        while self._waiting_effects:
            effect = self._waiting_effects.popleft()
            before = self._lanes.get(effect.lane)
            self._lanes[effect.lane] = asyncio.create_task(self._carry_out(effect, before))

    async def _carry_out(self, effect: Effect, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await before
        try:
            await self._effects.carry_out(effect)
        except Exception as error:  # noqa: BLE001 - whatever one effect runs into, the incident goes on and says so
            self.note_trouble(f"{type(effect).__name__} did not work: {error}")

    async def _watch_for_silence(self) -> None:
        # One timer at a time: commands push the moment back, which is only looked at when the timer fires.
        while True:
            await workflow.wait_condition(lambda: silent_at(self._state) is not None)
            at = silent_at(self._state)
            if at is not None and at > workflow.now():
                await asyncio.sleep((at - workflow.now()).total_seconds())
            outcome = page_if_silent(self._state, workflow.now())
            if outcome.state is not self._state:
                self.adopt(outcome)

    def _is_idle(self) -> bool:
        return not self._waiting_effects and all(task.done() for task in self._lanes.values())

    def _is_over(self) -> bool:
        return self._state.status in FINISHED and self._is_idle()

    def _is_long(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() and self._is_idle()

    async def _continue_as_new(self) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self._is_idle():
            # A handler that ran meanwhile left something to do; the next round tries again.
            return
        carried = {
            "alerts": (),
            "state": self._state,
            "recorder": self._recorder.carry(),
            "courier": self._courier.carry(),
        }
        workflow.continue_as_new(self._start.model_copy(update=carried))

    async def _end(self, recording: "asyncio.Task[None]") -> None:
        try:
            await asyncio.wait_for(self._courier.drain(), _LAST_MESSAGES.total_seconds())
        except TimeoutError:
            self.note_trouble("some messages were not delivered before the incident ended")
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._recorder.drain()
        recording.cancel()

    def _index_is_stale(self) -> bool:
        return self._indexed is not self._state.status

    def _index(self) -> None:
        # What the engine's own lists can be searched by; the store has the real lists.
        if not self._index_is_stale():
            return
        self._indexed = self._state.status
        updates: list[SearchAttributeUpdate[Any]] = [
            SearchAttributeKey.for_keyword(INCIDENT).value_set(self._state.id),
            SearchAttributeKey.for_keyword(STATUS).value_set(self._state.status.value),
            SearchAttributeKey.for_bool(IS_DRILL).value_set(self._state.drill),
        ]
        if self._state.services:
            updates.append(SearchAttributeKey.for_keyword(SERVICE).value_set(self._state.services[0]))
        workflow.upsert_search_attributes(updates)

    def _on_receipt(self, message: Message, receipt: MessageReceipt | None, error: str) -> None:
        if receipt is None:
            self.note_trouble(f"{message.template.value} for {', '.join(message.people)} cannot be delivered: {error}")
            return
        for delivery in receipt.deliveries:
            if delivery.status is not DeliveryStatus.DELIVERED:
                why = f": {delivery.detail}" if delivery.detail else ""
                status = delivery.status.value.replace("_", " ")
                self.note_trouble(f"{message.template.value} for {delivery.to} is {status}{why}")
