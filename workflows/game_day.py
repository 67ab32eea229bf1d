"""One exercise: checked → approved → announced → faults, watched by everybody → always undone → judged.

Started by a Temporal Schedule or by hand. The alert, the incident, the page and the runbook are those of real life;
they tell this workflow what happened by the signal `observe_milestone`. The one thing to know: one loop goes from phase
to phase (`workflows/game_days/`) in a task of its own, which nothing cancels. Halting it, or cancelling the workflow,
only sets a mark that the loop reads, so that whatever was broken is put right before it ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from domain import game_day_decisions as decisions
from domain import game_day_judgement as judgement
from domain.errors import Rejected
from domain.game_day import (
    GAME_DAY_COMMANDS,
    ActiveDrill,
    ExpectationResult,
    GameDayCommand,
    GameDayPhase,
    GameDayState,
    HaltGameDay,
    Milestone,
)
from domain.ids import game_day_id
from domain.message import Message, MessageReceipt
from domain.run import ApprovalState, DecideApproval, ObserveLock
from domain.safety_lever import LeverEngaged
from domain.search_attributes import IS_DRILL, SERVICE
from domain.timeline import EntryKind
from runbooks.game_day_schema import GameDay as Document
from runbooks.game_day_schema import GameDayStart
from workflows.commands import CommandHandlers
from workflows.courier import Courier
from workflows.game_days import approving, ending, locking, preflight, watching
from workflows.game_days.desk import DrillDesk
from workflows.recorder import Recorder


@workflow.defn
class GameDay(CommandHandlers[GameDayCommand]):
    """See the module."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = GAME_DAY_COMMANDS

    @workflow.init
    def __init__(self, start: GameDayStart) -> None:
        self._start = start
        recorder = Recorder(start.recorder)
        courier = Courier(self._on_receipt, start.courier)
        self._desk = DrillDesk(start, start.state or _first_state(start), recorder, courier)

    # --- what others say and ask ---

    def refuse(self, command: GameDayCommand) -> None:
        """Ask the domain and forget its answer; only a refusal comes through."""
        if isinstance(command, DecideApproval):
            approving.count_vote(self._desk, command)
        elif isinstance(command, HaltGameDay):
            decisions.halt(self._desk.state, command, workflow.now())

    def obey(self, command: GameDayCommand) -> BaseModel:
        """Remember it; the main loop acts on it."""
        desk = self._desk
        if isinstance(command, DecideApproval):
            counted = approving.count_vote(desk, command)
            approving.adopt_vote(desk, counted)
            return counted
        if isinstance(command, LeverEngaged):
            desk.adopt(decisions.lever_engaged(desk.state, command, workflow.now()))
        else:
            desk.adopt(decisions.halt(desk.state, command, workflow.now()))
        return desk.state

    def note_refused_signal(self, name: str, sentence: str) -> None:
        """Nobody waits for the answer to a signal, so it goes into the timeline."""
        self._desk.note(EntryKind.TROUBLE, f"The signal {name!r} was refused: {sentence}")

    @workflow.signal
    async def observe_milestone(self, milestone: Milestone) -> None:
        """An alert group or an incident of this drill got somewhere."""
        self._desk.adopt(decisions.Outcome(judgement.observe_milestone(self._desk.state, milestone)))

    @workflow.signal
    async def observe_lock(self, news: ObserveLock) -> None:
        """The lock of a target tells how it stands."""
        locking.observe(self._desk, news)

    @workflow.query
    def view(self) -> GameDayState:
        """All that this game day knows."""
        return self._desk.state

    @workflow.query
    def approval(self, approval_id: str) -> ApprovalState | None:
        """The approval of its targets, as a run answers for its own."""
        known = self._desk.state.approval
        return known if known is not None and known.id == approval_id else None

    @workflow.query
    def active_drill(self) -> ActiveDrill | None:
        """Which alerts are this game day's doing; None before the fault and after the end."""
        state, document = self._desk.state, self._start.document
        if state.injected_at is None or self._desk.is_finished:
            return None
        return ActiveDrill(
            workflow_id=workflow.info().workflow_id,
            name=state.name,
            service=state.service,
            match=document.match,
            unavailable=document.roles.unavailable,
            over_by=(state.restore_by or state.injected_at + document.duration + document.restored_within),
        )

    # --- the way through ---

    @workflow.run
    async def run(self, start: GameDayStart) -> GameDayState:
        """Always undoes; a cancelled game day undoes too, and ends as one that was halted."""
        chores = (self._desk.recorder.run(), self._desk.locks.keep_renewing())
        background = [asyncio.create_task(each) for each in chores]
        self._desk.courier.start()
        if start.state is None:
            workflow.upsert_search_attributes(_search_attributes(start.document.service))
            hypothesis = f": {start.document.hypothesis}" if start.document.hypothesis else ""
            self._desk.note(EntryKind.GAME_DAY, f"Game day {start.document.title!r} begins{hypothesis}")
        holding = asyncio.create_task(self._hold())
        if not await self._outlast(holding):
            workflow.continue_as_new(self._carried())
        for task in background:
            task.cancel()
        return self._desk.state

    async def _outlast(self, holding: "asyncio.Task[bool]") -> bool:
        while True:
            try:
                return await asyncio.shield(holding)
            except asyncio.CancelledError:
                # Not by somebody in the engine: the worker forgets this workflow and will replay it elsewhere.
                if holding.cancelled():
                    raise
                self._halt_myself()

    async def _hold(self) -> bool:
        """Go from phase to phase; False when history has grown so long that the next run should go on."""
        desk = self._desk
        phases: dict[GameDayPhase, Callable[[DrillDesk], Awaitable[None]]] = {
            GameDayPhase.CHECKING: preflight.check,
            GameDayPhase.AWAITING_APPROVAL: approving.await_approval,
            GameDayPhase.ANNOUNCING: ending.announce,
            GameDayPhase.INJECTING: watching.hold,
            GameDayPhase.PROVING: watching.hold,
            GameDayPhase.WATCHING: watching.hold,
            GameDayPhase.RESTORING: watching.restore,
            GameDayPhase.VERIFYING: ending.verify,
        }
        while not desk.is_finished:
            if desk.is_handing_over or workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                return False
            await phases[desk.state.phase](desk)
        await desk.locks.give_back()
        await ending.tell(desk)
        await workflow.wait_condition(workflow.all_handlers_finished)
        await desk.recorder.drain()
        return True

    def _halt_myself(self) -> None:
        command = HaltGameDay(by=decisions.ME, reason="its workflow was cancelled in the engine")
        try:
            self._desk.adopt(decisions.halt(self._desk.state, command, workflow.now()))
        except Rejected as refusal:
            said = f"Cancelled in the engine, which changes nothing: {refusal.sentence}"
            self._desk.note(EntryKind.GAME_DAY, said)

    def _on_receipt(self, message: Message, receipt: MessageReceipt | None, problem: str) -> None:
        ending.note_receipt(self._desk, message, receipt, problem)

    def _carried(self) -> GameDayStart:
        desk = self._desk
        return self._desk.start.model_copy(
            update={
                "state": desk.state,
                "calls": desk.calls,
                "probes": desk.questions,
                "unplaced": tuple(desk.unplaced),
                "locks": desk.locks.carry(),
                "recorder": desk.recorder.carry(),
                "courier": desk.courier.carry(),
            }
        )


def _first_state(start: GameDayStart) -> GameDayState:
    document = start.document
    rto, rpo = document.recovery.rto, document.recovery.rpo
    return GameDayState(
        id=game_day_id(workflow.info().workflow_id),
        name=document.name,
        title=document.title,
        version=document.version,
        definition=start.digest,
        kind=document.kind,
        hypothesis=document.hypothesis,
        service=document.service,
        environment=document.environment,
        roles=_roles(document),
        phase=GameDayPhase.CHECKING,
        # Not the first task's time: nobody may have been there to take it up.
        started_at=workflow.info().workflow_start_time,
        expectations=_expectations(start),
        requested_by=start.requested_by,
        rto_limit_seconds=rto.total_seconds() if rto else None,
        rpo_limit=rpo.at_most if rpo else None,
        rpo_unit=rpo.unit if rpo else "",
    )


def _roles(document: Document) -> dict[str, tuple[str, ...]]:
    roles = document.roles
    named = {
        "owner": (document.owner,),
        "coordinator": tuple(filter(None, (roles.coordinator,))),
        "game_master": tuple(filter(None, (roles.game_master,))),
        "observers": roles.observers,
        "unavailable": roles.unavailable,
    }
    return {name: people for name, people in named.items() if people}


def _expectations(start: GameDayStart) -> tuple[ExpectationResult, ...]:
    """The empty score sheet; whom a page must reach is written out, person by person."""
    return tuple(
        ExpectationResult(
            expectation=each.expect,
            within_seconds=each.within.total_seconds() if each.within else 0,
            after=each.after,
            alert=each.alert,
            to=tuple(dict.fromkeys(person for name in each.to for person in start.groups.get(name, (name,)))),
        )
        for each in start.document.expectations
    )


def _search_attributes(service: str | None) -> list[SearchAttributeUpdate[Any]]:
    updates: list[SearchAttributeUpdate[Any]] = [SearchAttributeKey.for_bool(IS_DRILL).value_set(True)]
    if service:
        updates.append(SearchAttributeKey.for_keyword(SERVICE).value_set(service))
    return updates
