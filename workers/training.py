"""Plays a tabletop with one new commander on a real engine that skips time; everybody else is scripted.

The composition root of `hotwash train`: the production workflows `Tabletop` and `Incident`, and in place of the house a
record and a post in memory. The one thing to know: the tabletop's clock is the only one that counts and moves by hand,
and everything that is said costs a minute of it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from temporalio import activity
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.alike import AlikeAnswer, AlikeRequest
from activities.clients.tabletops import TemporalIncidentStarter
from activities.tabletops import TabletopActivities
from domain.configuration import Configuration
from domain.errors import Transient
from domain.game_day import GameDayPhase, GameDayState
from domain.ids import game_day_workflow_id, incident_workflow_id
from domain.incident import COMMANDS, IncidentState, Role
from domain.message import Message, MessageReceipt
from domain.model import Model
from domain.record import RecordBatch
from domain.search_attributes import SEARCH_ATTRIBUTES
from domain.tabletop import TabletopPart
from domain.timeline import Entry, automation, person
from domain.training import Doing, Leaving, Waiting, read_line
from runbooks.schema import digest_of
from runbooks.tabletop_schema import Responder, TabletopStart
from runbooks.tabletop_schema import Tabletop as Document
from workers.composition import WORKFLOWS
from workers.patience import patient
from workers.rehearsal import skipping_engine
from workers.virtual_time import VirtualTime
from workflows.incident import Incident
from workflows.options import CONTROL_QUEUE
from workflows.tabletop import Tabletop

TRAINER = automation("trainer")
_INCIDENT = "inc-20260101-train"
# Saying something, or writing it, takes about this long in a real room.
SAYING_TAKES = timedelta(minutes=1)
# Whoever is offered a role answers after this long.
_ANSWERS_AFTER = timedelta(minutes=1)
# What a real command or signal takes is milliseconds; whatever takes this long does not come any more.
_SETTLES_WITHIN_SECONDS = 20.0
_LOOK_SECONDS = 0.02


class Heard(Model):
    """A line that the trainee hears."""

    minute: float
    who: str
    what: str


class Reaction(NamedTuple):
    """What a responder will do, and when by the scenario's clock."""

    at: datetime
    by: str
    doing: Doing


class _House:
    """Everything outside the engine, in memory."""

    def __init__(self, people: Sequence[str]) -> None:
        self.entries: dict[tuple[str, int], Entry] = {}
        self._configuration = Configuration.model_validate(
            {"people": {name: {"name": name.title(), "email": f"{name}@example.org"} for name in people}}
        )

    def current(self) -> Configuration:
        return self._configuration

    @activity.defn(name="record.save")
    async def save(self, batch: RecordBatch) -> None:
        for each in batch.entries:
            self.entries.setdefault((batch.origin, each.number), each.entry)

    @activity.defn(name="messages.send")
    async def send(self, message: Message) -> MessageReceipt:
        return MessageReceipt(subject=message.template.value, text="")

    @activity.defn(name="alike.find")
    async def find(self, request: AlikeRequest) -> AlikeAnswer:  # noqa: ARG002 - the shape of the real one
        """Nothing has ever happened here before."""
        return AlikeAnswer()

    @activity.defn(dynamic=True)
    async def without_stand_in(self, _: Sequence[RawValue]) -> None:
        name = activity.info().activity_type
        raise ApplicationError(f"the trainer has no stand-in for {name!r}", type="Rejected", non_retryable=True)


class Session:
    """One scenario with one trainee."""

    def __init__(self, client: Client, document: Document, me: str, house: _House) -> None:
        self.document = document
        self.me = me
        self.refused: list[str] = []
        self._house = house
        self._responders = {each.name: each for each in document.responders}
        self._workflow_id = game_day_workflow_id(f"{document.name}-train")
        self._clock = VirtualTime(client, self._workflow_id)
        self._table: WorkflowHandle[Any, GameDayState] = client.get_workflow_handle_for(Tabletop.run, self._workflow_id)
        self._incident: WorkflowHandle[Any, IncidentState] = client.get_workflow_handle_for(
            Incident.run, incident_workflow_id(_INCIDENT)
        )
        self._reactions: list[Reaction] = []
        self._told: set[str] = set()
        self._deeds = 0
        self._news: list[Heard] = []
        # In whose name the trainee speaks after a hand-over: they play the one who took over.
        self._speaker = ""

    async def begin(self) -> None:
        """Declare, and hear the first inject."""
        start = TabletopStart(
            document=self.document,
            digest=digest_of(self.document.model_dump(mode="json")),
            requested_by=TRAINER,
            incident_id=_INCIDENT,
        )
        await self._clock.starting(timedelta(milliseconds=1)).start_workflow(
            Tabletop.run, start, id=self._workflow_id, task_queue=CONTROL_QUEUE
        )
        await self._until(lambda state: state.phase is not GameDayPhase.CHECKING)
        await self._hear()

    async def state(self) -> GameDayState:
        """The tabletop as it stands."""
        return await self._table.query(Tabletop.view)

    @property
    def speaker(self) -> str:
        """In whose name the trainee speaks."""
        return self._speaker or self.me

    def news(self) -> list[Heard]:
        """What was heard since the last time."""
        heard, self._news = self._news, []
        return heard

    async def say(self, line: str) -> bool:
        """Do what a line says; False: it is over. Raises Rejected with a sentence when it cannot be read."""
        before = await self.state()
        if before.phase is GameDayPhase.FINISHED:
            return False
        wish = read_line(line, self.speaker, _proposal(before))
        if isinstance(wish, Leaving):
            return False
        if isinstance(wish, Waiting):
            await self._pass(wish.span if wish.span is not None else await self._until_next(before))
        else:
            refusal = await self._do(self.speaker, wish)
            # What one has said oneself is not heard again.
            self._told.add(f"deed/{self._deeds - 1}")
            if refusal is not None:
                self.refused.append(refusal)
                self._news.append(Heard(minute=await self._minute(), who="room", what=f"Refused: {refusal}"))
            await self._pass(SAYING_TAKES)
        return (await self.state()).phase is not GameDayPhase.FINISHED

    async def end(self) -> GameDayState:
        """Judge and give the debrief."""
        state = await self.state()
        if state.phase is not GameDayPhase.FINISHED:
            body = {"by": TRAINER.model_dump(mode="json"), "debrief": "alone with the trainer: compare yourself"}
            await self._table.execute_update("end", body)
        return await self.state()

    async def _do(self, by: str, doing: Doing) -> str | None:
        """The sentence of a refusal; None when it was done and the tabletop has heard of it."""
        command = COMMANDS[doing.command].model_validate({"by": person(by), **doing.body})
        try:
            state = await self._incident.execute_update(doing.command, command, result_type=IncidentState)
        except WorkflowUpdateFailedError as error:
            return error.cause.message if isinstance(error.cause, ApplicationError) else str(error.cause)
        self._deeds += 1
        await self._until(lambda seen: len(_part(seen).deeds) >= self._deeds)
        commander = state.roles.get(Role.COMMANDER)
        if commander in self._responders and self.me not in state.roles.values():
            self._speaker = commander or ""
        await self._react(doing, state)
        return None

    async def _react(self, doing: Doing, state: IncidentState) -> None:
        now = await self._clock.now()
        if doing.command == "offer_role" and (who := self._responders.get(doing.body["person"])):
            role = doing.body["role"]
            if any(each.to == who.name and each.role.value == role for each in state.offers):
                self._plan(now + _ANSWERS_AFTER, who.name, _answer(who, role))
        if doing.command == "add_task" and (who := self._responders.get(doing.body.get("assignee") or "")):
            found = _finding(who, doing.body["title"])
            done = now + who.takes
            self._plan(done, who.name, Doing("add_note", {"text": f"{doing.body['title']}: {found}"}))
            self._plan(done, who.name, Doing("complete_task", {"task_id": state.tasks[-1].id}))

    def _plan(self, at: datetime, by: str, doing: Doing) -> None:
        self._reactions.append(Reaction(at, by, doing))

    async def _pass(self, span: timedelta) -> None:
        """The clock goes on; on the way people do what they had in mind."""
        end = await self._clock.now() + span
        while True:
            due = min((each for each in self._reactions if each.at <= end), key=lambda each: each.at, default=None)
            await self._go_to(due.at if due else end)
            if due is None:
                return
            self._reactions.remove(due)
            refusal = await self._do(due.by, due.doing)
            if refusal is not None:
                self._news.append(Heard(minute=await self._minute(), who=due.by, what=f"could not: {refusal}"))

    async def _go_to(self, moment: datetime) -> None:
        if moment > await self._clock.now() and (await self.state()).phase is not GameDayPhase.FINISHED:
            await self._clock.run_until(moment)
            await self._clock.reached()
        await self._hear()

    async def _until_next(self, state: GameDayState) -> timedelta:
        """Until the next inject or the next answer, whichever comes first."""
        now = await self._clock.now()
        moments = [each.at for each in self._reactions]
        moments += [
            state.started_at + timedelta(seconds=each.at_seconds)
            for each in _part(state).injects
            if each.delivered_at is None
        ]
        # A second more, so that what is due then has happened.
        return max(min(moments, default=now + SAYING_TAKES) - now, timedelta()) + timedelta(seconds=1)

    async def _hear(self) -> None:
        """Put what happened since the last time into words: injects first, then what others did."""
        state = await self.state()
        due = (await self._clock.now() - state.started_at).total_seconds()
        wanted = {each.id for each in _part(state).injects if each.at_seconds <= due}
        state = await self._until(
            lambda seen: (
                seen.phase is GameDayPhase.FINISHED
                or wanted <= {each.id for each in _part(seen).injects if each.delivered_at is not None}
            )
        )
        for inject in _part(state).injects:
            if inject.delivered_at is not None and inject.id not in self._told:
                self._told.add(inject.id)
                asked = f" ({inject.question})" if inject.question else ""
                minute = (inject.delivered_at - state.started_at).total_seconds() / 60
                self._news.append(
                    Heard(minute=round(minute, 1), who=inject.sender or "room", what=f"{inject.text.strip()}{asked}")
                )
        for number, deed in enumerate(_part(state).deeds):
            key = f"deed/{number}"
            if key in self._told or deed.by.name not in self._responders:
                continue
            self._told.add(key)
            minute = (deed.at - state.started_at).total_seconds() / 60
            if said := _words(deed.command, deed.body):
                self._news.append(Heard(minute=round(minute, 1), who=deed.by.name, what=said))

    async def _minute(self) -> float:
        state = await self.state()
        return round((await self._clock.now() - state.started_at).total_seconds() / 60, 1)

    async def _until(self, holds: Callable[[GameDayState], bool]) -> GameDayState:
        try:
            async with asyncio.timeout(_SETTLES_WITHIN_SECONDS):
                # A workflow cannot tell its asker, so it is asked again.
                while not holds(state := await self.state()):  # noqa: ASYNC110 - there is no event to wait for
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError as error:
            raise Transient("the trainer's engine does not move any more; try again") from error
        return state


@asynccontextmanager
async def a_session(document: Document, me: str) -> AsyncIterator[Session]:
    """A session that has begun; the engine ends with the block."""
    people = dict.fromkeys((me, *(each.name for each in document.responders)))
    house = _House(tuple(people))
    arguments = [f"{name}={kind}" for name, kind in SEARCH_ATTRIBUTES.items()]
    async with skipping_engine(arguments) as client:
        declare = TabletopActivities(house, TemporalIncidentStarter(client)).declare
        worker = Worker(
            client,
            task_queue=CONTROL_QUEUE,
            workflows=WORKFLOWS,
            activities=[house.save, house.send, house.find, declare, house.without_stand_in],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with patient(worker):
            session = Session(client, document, me, house)
            await session.begin()
            yield session


def _part(state: GameDayState) -> TabletopPart:
    assert state.tabletop is not None  # noqa: S101 - this workflow is one
    return state.tabletop


def _proposal(state: GameDayState) -> str:
    """The last thing that somebody asked for: an inject with a question."""
    asked = [each for each in _part(state).injects if each.delivered_at is not None and each.question]
    return f"{asked[-1].sender or asked[-1].id}: {asked[-1].question}" if asked else ""


def _answer(who: Responder, role: str) -> Doing:
    if role in who.declines:
        return Doing("decline_role", {"role": role, "reason": who.declines[role]})
    return Doing("accept_role", {"role": role})


def _finding(who: Responder, title: str) -> str:
    """What comes of a task: the first word that is in its title, else what they always find."""
    lowered = title.lower()
    fitting = (found for word, found in who.finds.items() if word and word.lower() in lowered)
    return next(fitting, who.finds.get("", "nothing to report"))


def _words(command: str, body: dict[str, Any]) -> str:
    match command:
        case "accept_role":
            return f"I am {str(body['role']).replace('_', ' ')} now."
        case "decline_role":
            return f"I would rather not be {str(body['role']).replace('_', ' ')}. {body.get('reason', '')}".strip()
        case "add_note":
            return str(body["text"])
        case _:
            return ""
