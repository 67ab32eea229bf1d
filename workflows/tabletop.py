"""A tabletop: a drill incident, injects at their times, and a game master who may skip, add, answer, mark and end.

Started by hand (API, CLI, page) under the id of a game day, and shows itself as one. The incident is that of real life,
marked as a drill; it tells this workflow by the signal `observe_deed` what people do. The one thing to know: nothing is
broken, nobody outside is told, and no page goes out; all of its waiting is one timer to the next inject.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

from domain import tabletop_decisions as decisions
from domain.game_day import GameDayPhase, GameDayState, HaltGameDay
from domain.game_day_decisions import Outcome
from domain.ids import game_day_id, incident_workflow_id
from domain.incident import Cancel, IncidentStart
from domain.message import Message, MessageReceipt, Template
from domain.practice import Deed
from domain.record import ProjectionKind
from domain.tabletop import TABLETOP_COMMANDS, InjectRun, TabletopPart
from domain.timeline import Entry, EntryKind, automation
from runbooks.tabletop_schema import TabletopStart
from workflows.commands import CommandHandlers
from workflows.courier import Courier
from workflows.options import BOOKKEEPING_TIMEOUT, TRY_A_WHILE
from workflows.recorder import Recorder

with workflow.unsafe.imports_passed_through():
    from activities.tabletops import TabletopActivities

# The report and the last injects; whoever was not reached by then is in the timeline.
_LAST_MESSAGES = timedelta(minutes=10)


@workflow.defn
class Tabletop(CommandHandlers[BaseModel]):
    """See the module."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = {**TABLETOP_COMMANDS, "halt": HaltGameDay}

    @workflow.init
    def __init__(self, start: TabletopStart) -> None:
        self._start = start
        self._recorder = Recorder(start.recorder)
        self._courier = Courier(self._on_receipt, start.courier)
        self._state = start.state or _first_state(start)
        self._sent = {each.id for each in self._part.injects if each.delivered_at is not None}

    # --- what others say and ask ---

    def refuse(self, command: BaseModel) -> None:
        """Ask the rules, keep nothing."""
        decisions.decide(self._state, command, workflow.now())

    def obey(self, command: BaseModel) -> GameDayState:
        """Follow the rules; the answer is the new state."""
        self._adopt(decisions.decide(self._state, command, workflow.now()))
        return self._state

    def note_refused_signal(self, name: str, sentence: str) -> None:
        """The sender of a signal hears nothing, the timeline does."""
        self._note(f"The signal {name!r} was refused: {sentence}", EntryKind.TROUBLE)

    @workflow.signal
    async def observe_deed(self, deed: Deed) -> None:
        """Somebody did something in the incident; its time is that of this clock, which measures everything."""
        heard = deed.model_copy(update={"at": workflow.now()})
        self._adopt(decisions.observe_deed(self._state, heard))

    @workflow.query
    def view(self) -> GameDayState:
        """All that this tabletop knows."""
        return self._state

    # --- the way through ---

    @workflow.run
    async def run(self, start: TabletopStart) -> GameDayState:
        """Played until the game master ends it, or its time is over."""
        recording = asyncio.create_task(self._recorder.run())
        self._courier.start()
        if start.state is None:
            await self._declare()
        while self._state.phase is not GameDayPhase.FINISHED:
            if workflow.info().is_continue_as_new_suggested() and self._courier.is_resting:
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self._carried())
            await self._until_something_is_due()
        await self._finish()
        recording.cancel()
        return self._state

    async def _declare(self) -> None:
        document, state = self._start.document, self._state
        incident = IncidentStart(
            id=self._start.incident_id,
            title=document.incident_title,
            severity=document.severity,
            type=document.type,
            services=(document.service,) if document.service else (),
            summary=document.summary,
            declared_by=state.requested_by,
            drill=True,
            tabletop_workflow=workflow.info().workflow_id,
        )
        try:
            await workflow.execute_activity_method(
                TabletopActivities.declare,
                incident,
                start_to_close_timeout=BOOKKEEPING_TIMEOUT,
                retry_policy=TRY_A_WHILE,
            )
        except ActivityError as error:
            reason = f"its incident could not be declared: {error.cause}"
            self._adopt(decisions.refuse(state, reason, workflow.now()))
            return
        begun = {"incident_id": incident.id, "injected_at": workflow.now(), "phase": GameDayPhase.WATCHING}
        said = f"Tabletop {document.title!r} begins: an exercise, nothing is broken and nobody is paged"
        self._adopt(Outcome(self._state.model_copy(update=begun), (self._line(said),)))

    async def _until_something_is_due(self) -> None:
        inject = decisions.next_inject(self._part)
        due = decisions.due_at(self._state, inject) if inject is not None else None
        end = None if self._part.paused_at is not None else self._ends_at()
        wake = min([each for each in (due, end) if each is not None], default=None)
        before = self._state
        if wake is None or wake > workflow.now():
            timeout = None if wake is None else wake - workflow.now()
            try:
                await workflow.wait_condition(lambda: self._state is not before, timeout=timeout)
            except TimeoutError:
                pass
            else:
                return
        if inject is not None and due is not None and due <= workflow.now():
            self._adopt(decisions.deliver(self._state, inject, workflow.now()))
        elif end is not None and end <= workflow.now():
            self._adopt(decisions.conclude(self._state, workflow.now()))

    def _ends_at(self) -> datetime:
        return self._state.started_at + self._start.document.duration - timedelta(seconds=self._part.ahead_seconds)

    async def _finish(self) -> None:
        """The report goes out, the drill's incident is put away, the record is complete."""
        part = self._part
        people = tuple(dict.fromkeys(filter(None, (part.game_master, *part.players, *part.observers))))
        people = tuple(dict.fromkeys((*people, *self._start.audience)))
        if people:
            context = {
                "game_day": self._state.model_dump(mode="json", exclude={"tabletop"}),
                "verdict": self._state.verdict,
                "reason": self._state.reason,
            }
            self._send(Template.GAME_DAY_REPORT, "report", people, context)
        if self._state.incident_id is not None:
            leaving = Cancel(by=automation("tabletop"), reason="the exercise is over")
            handle = workflow.get_external_workflow_handle(incident_workflow_id(self._state.incident_id))
            try:
                await handle.signal("cancel", leaving)
            except FailureError as error:
                # It may have ended by itself, which is as good.
                workflow.logger.info("the incident has ended already: %s", error)
        try:
            await asyncio.wait_for(self._courier.drain(), _LAST_MESSAGES.total_seconds())
        except TimeoutError:
            self._note("Some messages were not delivered before the end", EntryKind.TROUBLE)
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._recorder.drain()

    # --- keeping ---

    @property
    def _part(self) -> TabletopPart:
        return decisions.part_of(self._state)

    def _adopt(self, outcome: Outcome) -> None:
        changed = outcome.state != self._state
        self._state = outcome.state
        for entry in outcome.entries:
            self._recorder.note(entry, self._state.incident_id)
        if changed:
            self._recorder.picture(ProjectionKind.GAME_DAY, self._state.id, self._state, self._state.incident_id)
        for inject in self._part.injects:
            if inject.delivered_at is not None and inject.id not in self._sent:
                self._sent.add(inject.id)
                self._tell(inject)

    def _tell(self, inject: InjectRun) -> None:
        deeds = self._part.deeds
        people = decisions.people_for(self._part, inject, deeds[-1].roles if deeds else {})
        if not people:
            return
        said = {"title": self._state.title, "sender": inject.sender, "text": inject.text, "question": inject.question}
        self._send(Template.TABLETOP_INJECT, f"inject/{inject.id}", people, said)

    def _send(self, template: Template, key: str, people: tuple[str, ...], context: dict[str, Any]) -> None:
        self._courier.send(
            Message(
                key=f"{workflow.info().workflow_id}/{key}",
                template=template,
                context=context,
                people=people,
                incident_id=self._state.incident_id,
                drill=True,
            )
        )

    def _line(self, summary: str, kind: EntryKind = EntryKind.GAME_DAY) -> Entry:
        return Entry(at=workflow.now(), kind=kind, actor=decisions.ME, summary=summary)

    def _note(self, summary: str, kind: EntryKind = EntryKind.GAME_DAY) -> None:
        self._recorder.note(self._line(summary, kind), self._state.incident_id)

    def _on_receipt(self, message: Message, receipt: MessageReceipt | None, problem: str) -> None:
        if receipt is None:
            self._note(f"{message.template.value} could not be sent: {problem}", EntryKind.TROUBLE)

    def _carried(self) -> TabletopStart:
        return self._start.model_copy(
            update={"state": self._state, "recorder": self._recorder.carry(), "courier": self._courier.carry()}
        )


def _first_state(start: TabletopStart) -> GameDayState:
    document = start.document
    return GameDayState(
        id=game_day_id(workflow.info().workflow_id),
        name=document.name,
        title=document.title,
        version=document.version,
        definition=start.digest,
        kind=document.kind,
        hypothesis=document.hypothesis,
        service=document.service,
        roles={
            name: people
            for name, people in (
                ("owner", (document.owner,)),
                ("game_master", tuple(filter(None, (document.roles.game_master,)))),
                ("players", document.players),
                ("observers", document.roles.observers),
            )
            if people
        },
        phase=GameDayPhase.CHECKING,
        started_at=workflow.info().workflow_start_time,
        requested_by=start.requested_by,
        tabletop=TabletopPart(
            game_master=document.roles.game_master,
            players=document.players,
            observers=document.roles.observers,
            injects=tuple(each.run() for each in document.injects),
            severity=document.severity,
            deserved=document.deserved_severity,
            hurts_customers=document.hurts_customers,
            solution=document.solution,
        ),
    )
