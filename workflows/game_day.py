"""One exercise: steady state → fault → the ordinary response is watched → always restored → judged.

Started by a Temporal Schedule or by hand. The alert, the incident, the page and the runbook are those of real life;
they tell this workflow what happened by the signal `observe_milestone`. The one thing to know: one loop goes from phase
to phase in a task of its own, which nothing cancels. Halting it, or cancelling the workflow, only sets a mark that the
loop reads, so that whatever was broken is put right before it ends.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Any, ClassVar, TypedDict

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey, SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TimeoutType
from temporalio.exceptions import TimeoutError as EngineTimeout

from domain import game_day_decisions as decisions
from domain.errors import Rejected
from domain.freeze import active_freeze
from domain.game_day import (
    GAME_DAY_COMMANDS,
    ActiveDrill,
    GameDayPhase,
    GameDayState,
    GameDayVerdict,
    HaltGameDay,
    Milestone,
    Seen,
)
from domain.ids import game_day_id
from domain.message import DeliveryStatus, Message, MessageReceipt, Template
from domain.record import ProjectionKind
from domain.search_attributes import IS_DRILL, SERVICE
from domain.timeline import Entry, EntryKind
from runbooks.game_day_schema import GameDayStart
from runbooks.schema import ActionCall
from workflows.commands import CommandHandlers
from workflows.courier import Courier
from workflows.options import BOOKKEEPING_TIMEOUT, HEARTBEAT_TIMEOUT, KEEP_TRYING, ONCE, STEPS_QUEUE
from workflows.recorder import Recorder

with workflow.unsafe.imports_passed_through():
    from activities.drills import DrillActivities, DrillOutcome
    from activities.rendering import RenderActivities, RenderRequest
    from activities.steps import StepActivities, StepRequest

# A probe, a fault or a restore that takes longer than this is stuck; it is cut off and counts as failed.
_CALL_TIMEOUT = timedelta(seconds=30)
# No worker took it for so long: a fault must not be made later than it was asked for, and a probe is asked again.
_TAKEN_WITHIN = timedelta(seconds=30)
# A mail server may be away for longer, but the next game day of this name waits until this one has ended.
_REPORT_WITHIN = timedelta(hours=1)


class _StepOptions(TypedDict):
    task_queue: str
    schedule_to_start_timeout: timedelta
    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: workflow.ActivityCancellationType


_ON_STEPS: _StepOptions = {
    "task_queue": STEPS_QUEUE,
    "schedule_to_start_timeout": _TAKEN_WITHIN,
    "start_to_close_timeout": _CALL_TIMEOUT,
    "heartbeat_timeout": HEARTBEAT_TIMEOUT,
    "retry_policy": ONCE,
    # A fault that is halted in the middle has to stop before it is undone.
    "cancellation_type": workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
}


@workflow.defn
class GameDay(CommandHandlers[HaltGameDay]):
    """See the module."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = GAME_DAY_COMMANDS

    @workflow.init
    def __init__(self, start: GameDayStart) -> None:
        self._start = start
        self._state = start.state or _first_state(start)
        self._calls: dict[str, ActionCall] = dict(start.calls)
        self._probes = start.probes
        self._unplaced = list(start.unplaced)
        self._recorder = Recorder(start.recorder)
        self._courier = Courier(self._on_receipt, start.courier)

    # --- what others say and ask ---

    def refuse(self, command: HaltGameDay) -> None:
        """Ask the domain and forget its answer; only a refusal comes through."""
        decisions.halt(self._state, command, workflow.now())

    def obey(self, command: HaltGameDay) -> GameDayState:
        """Remember to stop; the main loop undoes the fault."""
        self._adopt(decisions.halt(self._state, command, workflow.now()))
        return self._state

    def note_refused_signal(self, name: str, sentence: str) -> None:
        """Nobody waits for the answer to a signal, so it goes into the timeline."""
        self._note_trouble(f"The signal {name!r} was refused: {sentence}")

    @workflow.signal
    async def observe_milestone(self, milestone: Milestone) -> None:
        """An alert group or an incident of this drill got somewhere."""
        self._adopt(decisions.Outcome(decisions.observe_milestone(self._state, milestone)))

    @workflow.query
    def view(self) -> GameDayState:
        """All that this game day knows."""
        return self._state

    @workflow.query
    def active_drill(self) -> ActiveDrill | None:
        """Which alerts are this game day's doing; None before the fault and after the end."""
        if self._state.injected_at is None or self._is_finished():
            return None
        return ActiveDrill(
            workflow_id=workflow.info().workflow_id,
            name=self._state.name,
            service=self._state.service,
            match=self._start.document.match,
        )

    # --- the way through ---

    @workflow.run
    async def run(self, start: GameDayStart) -> GameDayState:
        """Always restores; a cancelled game day restores too, and ends as one that was halted."""
        recording = asyncio.create_task(self._recorder.run())
        self._courier.start()
        if start.state is None:
            workflow.upsert_search_attributes(_search_attributes(start.document.service))
            hypothesis = f": {start.document.hypothesis}" if start.document.hypothesis else ""
            self._note(EntryKind.GAME_DAY, f"Game day {start.document.title!r} begins{hypothesis}")
        holding = asyncio.create_task(self._hold())
        if not await self._outlast(holding):
            workflow.continue_as_new(self._carried())
        recording.cancel()
        return self._state

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
        phases = {
            GameDayPhase.CHECKING: self._check,
            GameDayPhase.INJECTING: self._inject,
            GameDayPhase.WATCHING: self._watch,
            GameDayPhase.RESTORING: self._restore,
        }
        while not self._is_finished():
            if workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                return False
            await phases[self._state.phase]()
        await self._tell()
        return True

    async def _check(self) -> None:
        asked_at = workflow.info().workflow_start_time
        services = (self._state.service,) if self._state.service else ()
        freeze = active_freeze(self._start.freezes, services, workflow.now())
        if freeze is not None:
            self._adopt(decisions.refuse(self._state, f"the freeze {freeze.name!r} is on", workflow.now()))
            return
        try:
            self._calls = await self._rendered_calls()
        except FailureError as error:
            # A local activity that fails raises its own error, without the engine's around it.
            self._adopt(decisions.refuse(self._state, f"its parameters do not fit: {error.message}", workflow.now()))
            return
        seen = await self._unless_halted(self._probe())
        self._adopt(decisions.decide_fault(self._state, seen, workflow.now(), asked_at))

    async def _inject(self) -> None:
        self._note(EntryKind.GAME_DAY, f"The fault is made: {_in_words(self._calls['fault'])}")
        making = asyncio.create_task(self._perform("fault"))
        await workflow.wait_condition(lambda: making.done() or self._state.halted is not None)
        if not making.done():
            making.cancel()
        failure = await making
        problem = None if failure is None else _sentence(failure)
        nothing_done = failure is not None and _is_sure_that_nothing_was_done(failure)
        terms = self._start.document.terms()
        self._adopt(decisions.after_fault(self._state, problem, workflow.now(), terms, nothing_done=nothing_done))

    async def _watch(self) -> None:
        seen = await self._unless_halted(self._probe())
        self._adopt(decisions.watch(self._state, seen, workflow.now(), self._start.document.terms()))
        if self._state.phase is GameDayPhase.WATCHING:
            await self._pause()

    async def _restore(self) -> None:
        seen = await self._probe()
        if decisions.must_restore(self._state, seen):
            failure = await self._perform("restore")
            problem = None if failure is None else _sentence(failure)
            self._adopt(decisions.after_restore(self._state, problem, workflow.now()))
            seen = await self._probe()
        self._adopt(decisions.judge_restore(self._state, seen, workflow.now()))
        if not self._is_finished():
            await self._pause()

    async def _tell(self) -> None:
        """The report, the action items that wait, and the record; nothing of it is waited for by anybody."""
        self._place_entries()
        report = self._report()
        if report is not None:
            self._courier.send(report)
        elif self._state.restored is False:
            self._note_trouble("Nobody could be told: add an audience to this game day in hotwash.yaml")
        if self._state.verdict in decisions.CONCLUSIVE:
            await self._tell_waiting_items()
        try:
            await asyncio.wait_for(self._courier.drain(), _REPORT_WITHIN.total_seconds())
        except TimeoutError:
            self._note_trouble("The report could not be delivered and is given up")
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._recorder.drain()

    async def _tell_waiting_items(self) -> None:
        passed = self._state.verdict is GameDayVerdict.PASSED
        try:
            informed = await workflow.execute_activity_method(
                DrillActivities.tell_waiting_items,
                DrillOutcome(game_day=self._state.name, game_day_id=self._state.id, passed=passed),
                start_to_close_timeout=BOOKKEEPING_TIMEOUT,
                retry_policy=KEEP_TRYING,
            )
        except ActivityError as error:
            self._note_trouble(f"Action items that wait for this game day could not be told: {_sentence(error)}")
            return
        self._adopt(decisions.Outcome(self._state.model_copy(update={"informs": tuple(informed)})))

    # --- one call at a time ---

    async def _rendered_calls(self) -> dict[str, ActionCall]:
        document = self._start.document
        calls = {"fault": document.fault, "restore": document.restore}
        calls |= {f"probe-{number}": probe for number, probe in enumerate(document.steady_state)}
        rendered = await workflow.execute_local_activity_method(
            RenderActivities.render,
            RenderRequest(
                template={key: call.with_ for key, call in calls.items()}, scope={"params": self._start.parameters}
            ),
            start_to_close_timeout=BOOKKEEPING_TIMEOUT,
        )
        return {key: ActionCall(action=call.action, with_=rendered.value[key]) for key, call in calls.items()}

    async def _probe(self) -> Seen:
        """Ask whether the steady state holds: every probe must say so, and a doubt is neither yes nor no."""
        self._probes += 1
        last = Seen(holds=None)
        for number in range(len(self._start.document.steady_state)):
            request = self._request(f"probe-{number}", f"probe-{number}/{self._probes}")
            try:
                answer = await workflow.execute_activity_method(
                    StepActivities.check, request, summary=f"probe: {request.action}", **_ON_STEPS
                )
            except ActivityError as error:
                return Seen(holds=None, detail=_sentence(error))
            last = Seen(holds=answer.holds, detail=answer.detail)
            if last.holds is not True:
                break
        return last

    async def _unless_halted(self, asking: Coroutine[Any, Any, Seen]) -> Seen:
        """What the probes say; a halt does not wait for a probe that hangs."""
        task = asyncio.create_task(asking)
        await workflow.wait_condition(lambda: task.done() or self._state.halted is not None)
        if task.done():
            return task.result()
        task.cancel()
        return Seen(holds=None, detail="not waited for, because the game day was halted")

    async def _perform(self, which: str) -> ActivityError | None:
        """Perform the fault or the restore; None when it went well."""
        # A restore of unknown outcome is done anew, whatever the ledger knows: twice is better than never.
        key = f"restore/{self._state.restore_rounds + 1}" if which == "restore" else which
        request = self._request(which, key)
        try:
            await workflow.execute_activity_method(
                StepActivities.perform, request, summary=f"{which}: {request.action}", **_ON_STEPS
            )
        except ActivityError as error:
            return error
        return None

    def _request(self, which: str, key: str) -> StepRequest:
        call = self._calls[which]
        return StepRequest(
            key=f"{workflow.info().workflow_id}/{key}",
            action=call.action,
            parameters=call.with_,
            incident_id=self._state.incident_id,
            drill=True,
            timeout_seconds=_CALL_TIMEOUT.total_seconds(),
        )

    async def _pause(self) -> None:
        # Any news ends the pause early; the next round of the loop says what it means.
        before = self._state
        try:
            await workflow.wait_condition(lambda: self._state is not before, timeout=self._start.document.probe_every)
        except TimeoutError:
            return

    # --- what is told ---

    def _is_finished(self) -> bool:
        return self._state.phase is GameDayPhase.FINISHED

    def _halt_myself(self) -> None:
        command = HaltGameDay(by=decisions.ME, reason="its workflow was cancelled in the engine")
        try:
            self._adopt(decisions.halt(self._state, command, workflow.now()))
        except Rejected as refusal:
            self._note(EntryKind.GAME_DAY, f"Cancelled in the engine, which changes nothing: {refusal.sentence}")

    def _adopt(self, outcome: decisions.Outcome) -> None:
        if outcome.state != self._state:
            self._state = outcome.state
            self._recorder.picture(ProjectionKind.GAME_DAY, self._state.id, self._state, self._state.incident_id)
        self._write(*outcome.entries)

    def _note(self, kind: EntryKind, summary: str) -> None:
        details = {"game_day_id": self._state.id}
        self._write(Entry(at=workflow.now(), kind=kind, actor=decisions.ME, summary=summary, details=details))

    def _note_trouble(self, summary: str) -> None:
        self._note(EntryKind.TROUBLE, summary)

    def _write(self, *entries: Entry) -> None:
        """Lines belong to the drill's incident, also those from before it was declared."""
        self._unplaced.extend(entries)
        if self._state.incident_id is not None or self._is_finished():
            self._place_entries()

    def _place_entries(self) -> None:
        for entry in self._unplaced:
            self._recorder.note(entry, self._state.incident_id)
        self._unplaced.clear()

    def _report(self) -> Message | None:
        people = decisions.listeners(self._state, self._start.audience, self._start.answerable)
        if not people:
            return None
        return Message(
            key=f"{workflow.info().workflow_id}/report",
            template=Template.GAME_DAY_REPORT,
            context={
                "game_day": self._state.model_dump(mode="json"),
                "verdict": self._state.verdict,
                "reason": self._state.reason,
            },
            people=people,
            incident_id=self._state.incident_id,
            # A target that is still broken is no exercise any more.
            drill=self._state.restored is not False,
        )

    def _on_receipt(self, message: Message, receipt: MessageReceipt | None, problem: str) -> None:
        if receipt is None:
            self._note_trouble(f"The report {message.key} could not be sent: {problem}")
            return
        lost = [each for each in receipt.deliveries if each.status in _LOST]
        for each in lost:
            self._note_trouble(f"The report did not reach {each.to}: {each.detail or each.status.value}")

    def _carried(self) -> GameDayStart:
        return self._start.model_copy(
            update={
                "state": self._state,
                "calls": self._calls,
                "probes": self._probes,
                "unplaced": tuple(self._unplaced),
                "recorder": self._recorder.carry(),
                "courier": self._courier.carry(),
            }
        )


_LOST = frozenset({DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN, DeliveryStatus.NO_ADDRESS})


def _first_state(start: GameDayStart) -> GameDayState:
    document = start.document
    return GameDayState(
        id=game_day_id(workflow.info().workflow_id),
        name=document.name,
        title=document.title,
        hypothesis=document.hypothesis,
        service=document.service,
        phase=GameDayPhase.CHECKING,
        started_at=workflow.now(),
        expectations=decisions.results_of([(each.expect, each.within) for each in document.expectations]),
        requested_by=start.requested_by,
    )


def _search_attributes(service: str | None) -> list[SearchAttributeUpdate[Any]]:
    updates: list[SearchAttributeUpdate[Any]] = [SearchAttributeKey.for_bool(IS_DRILL).value_set(True)]
    if service:
        updates.append(SearchAttributeKey.for_keyword(SERVICE).value_set(service))
    return updates


def _in_words(call: ActionCall) -> str:
    return " ".join([call.action, *(f"{name}={value}" for name, value in call.with_.items())])


def _sentence(error: ActivityError) -> str:
    return getattr(error.cause, "message", "") or str(error.cause or error)


def _is_sure_that_nothing_was_done(error: ActivityError) -> bool:
    """Refused by the action, or never taken by a worker; everything else leaves a doubt."""
    cause = error.cause
    if isinstance(cause, EngineTimeout):
        return cause.type is TimeoutType.SCHEDULE_TO_START
    return isinstance(cause, ApplicationError) and cause.type == Rejected.__name__
