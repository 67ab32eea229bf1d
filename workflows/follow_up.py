"""What the review and the action item share: one deadline ladder, numbered messages, and word to the incident.

Mixed into `review.py` and `action_item.py`. The one thing to know: handlers only change the state through `_apply`; the
loop in `_follow` is the only place that waits for time, tells the incident, and decides to continue as new.
"""

import asyncio
from abc import abstractmethod
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import FailureError

from domain.action_item import ActionItemStart, ActionItemState
from domain.deadlines import LadderStep, next_step
from domain.follow_up import Notice, Outcome, receipt_entry
from domain.ids import incident_workflow_id
from domain.message import Message, MessageReceipt
from domain.record import ProjectionKind
from domain.review import ReviewStart, ReviewState
from domain.timeline import Actor, Entry, EntryKind
from workflows.commands import CommandHandlers
from workflows.courier import Courier
from workflows.recorder import Recorder

C = TypeVar("C", bound=BaseModel)
S = TypeVar("S", ReviewState, ActionItemState)


class FollowUp(CommandHandlers[C], Generic[C, S]):
    """Something that somebody owes by a deadline, for weeks or months."""

    def _set_up(self, kind: ProjectionKind, me: Actor, start: ReviewStart | ActionItemStart) -> None:
        """Everything but the state; the first thing that a subclass's `__init__` does."""
        self._kind = kind
        self._me = me
        self._terms = start
        self._changes = 0
        # Tasks start with `run` and not in a constructor, so what is decided before then waits here.
        self._unsent: list[Notice] | None = []
        self._told: str | None = start.state.state.value if start.state else None
        self._recorder = Recorder(start.recorder)
        self._courier = Courier(self._on_receipt, start.courier)
        self._state: S

    # --- what the subclass says ---

    @abstractmethod
    def _decide(self, command: C) -> Outcome[S]:
        """The domain's word on a command."""

    @abstractmethod
    def _take_step(self, step: LadderStep) -> Outcome[S]:
        """The domain's word on a step of the ladder."""

    @abstractmethod
    def _is_finished(self) -> bool:
        """Whether nothing is owed any more."""

    @abstractmethod
    def _context(self) -> dict[str, Any]:
        """What every message says about the thing."""

    @abstractmethod
    def _observation(self) -> tuple[str, BaseModel]:
        """The signal by which the incident hears how it stands."""

    # --- commands ---

    def refuse(self, command: C) -> None:
        """Ask the domain and forget its answer; only a refusal comes through."""
        self._decide(command)

    def obey(self, command: C) -> S:
        """Do what the domain says; the main loop notices."""
        self._apply(self._decide(command))
        return self._state

    def note_refused_signal(self, name: str, sentence: str) -> None:
        """Nobody waits for the answer to a signal, so it goes into the timeline."""
        said = f"{workflow.info().workflow_id}: signal {name!r} was refused: {sentence}"
        entry = Entry(at=workflow.now(), kind=EntryKind.TROUBLE, actor=self._me, summary=said)
        self._recorder.note(entry, self._terms.incident_id)

    # --- the way through ---

    async def _follow(self) -> bool:
        """Remind until it is finished (True), or until history has grown long enough to continue as new (False)."""
        recording = asyncio.create_task(self._recorder.run())
        self._courier.start()
        unsent, self._unsent = self._unsent or [], None
        for notice in unsent:
            self._send(notice)
        while not (self._is_finished() and self._incident_is_told()):
            # Commands may come in while this waits for the engine; the loop then tells the newer state as well.
            await self._tell_incident()
            if _history_is_long():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if self._incident_is_told():
                    return False
                continue
            if not self._is_finished():
                await self._next_step()
        # A mail server may be away for weeks, and every attempt to reach it makes the history longer.
        await workflow.wait_condition(
            lambda: (not self._courier.carry().pending and self._is_drained()) or _history_is_long()
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
        is_drained = not self._courier.carry().pending and self._is_drained()
        if is_drained:
            await self._recorder.drain()
            recording.cancel()
        # Otherwise a save may be under way; continuing as new repeats it, which changes nothing.
        return is_drained

    async def _next_step(self) -> None:
        """Take the step that is due, or wait for the next one or for a command, whichever comes first."""
        now = workflow.now()
        at = self._next_at(now)
        if at is not None and at <= now:
            self._apply(self._take_due(now))
            return
        seen = self._changes
        timeout = at - now if at else None
        try:
            # Deliveries that are tried again and again wake nobody, but make the history longer.
            await workflow.wait_condition(lambda: self._changes != seen or _history_is_long(), timeout=timeout)
        except TimeoutError:
            # The next turn of the loop takes the step.
            return

    def _next_at(self, now: datetime) -> datetime | None:
        """When something is due by itself; past means at once, None means never. A room with more clocks says more."""
        step = next_step(self._state.ladder, now, self._terms.policy)
        return step.at if step else None

    def _take_due(self, now: datetime) -> Outcome[S]:
        """What is due now."""
        step = next_step(self._state.ladder, now, self._terms.policy)
        return self._take_step(step) if step else Outcome(self._state)

    def _is_drained(self) -> bool:
        """Whether nothing but messages and records is under way, once it is finished."""
        return True

    def _apply(self, outcome: Outcome[S]) -> None:
        self._state = outcome.state
        self._changes += 1
        for entry in outcome.entries:
            self._recorder.note(entry, self._terms.incident_id)
        for notice in outcome.notices:
            if self._unsent is None:
                self._send(notice)
            else:
                self._unsent.append(notice)
        self._recorder.picture(self._kind, self._state.id, self._state, self._terms.incident_id)

    def _send(self, notice: Notice) -> None:
        number = self._state.messages + 1
        self._state = self._state.model_copy(update={"messages": number})
        self._courier.send(
            Message(
                key=f"{workflow.info().workflow_id}/{notice.template.value}/{number}",
                template=notice.template,
                context={**self._context(), **_meeting(notice), "level": notice.why, "text": _sentence(notice.words)},
                people=notice.people,
                incident_id=self._terms.incident_id,
                drill=self._terms.drill,
                invitation=notice.invitation,
            )
        )

    def _on_receipt(self, message: Message, receipt: MessageReceipt | None, error: str) -> None:
        entry = receipt_entry(message, receipt, error, workflow.now(), self._me)
        if entry is not None:
            self._recorder.note(entry, self._terms.incident_id)

    def _incident_is_told(self) -> bool:
        return self._told == self._state.state.value

    async def _tell_incident(self) -> None:
        if self._incident_is_told():
            return
        self._told = self._state.state.value
        name, observation = self._observation()
        incident = workflow.get_external_workflow_handle(incident_workflow_id(self._terms.incident_id))
        try:
            await incident.signal(name, observation)
        except FailureError:
            # The incident has ended, or was never run by this engine: there is nobody to tell, and that is all right.
            workflow.logger.info("%s: incident %s is not listening", name, self._terms.incident_id)


def _history_is_long() -> bool:
    return workflow.info().is_continue_as_new_suggested()


def _meeting(notice: Notice) -> dict[str, Any]:
    invitation = notice.invitation
    if invitation is None:
        return {}
    return {
        "meeting": {
            "at": invitation.starts_at.isoformat(),
            "until": invitation.ends_at.isoformat(),
            "cancelled": invitation.cancelled,
        }
    }


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
