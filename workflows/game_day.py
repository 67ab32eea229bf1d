"""One exercise: steady state → fault → the ordinary response is watched → always restored → judged.

Started by a Temporal Schedule or by hand. The alert, the incident, the page and the runbook are those of real life;
they tell this workflow what happened by the signal `observe_milestone`.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, TypedDict

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey, SearchAttributeUpdate
from temporalio.exceptions import ActivityError, is_cancelled_exception

from domain.errors import Rejected, RejectionKind
from domain.game_day import (
    ActiveDrill,
    Expectation,
    GameDayPhase,
    GameDayState,
    GameDayVerdict,
    HaltGameDay,
    Milestone,
)
from domain.game_day_decisions import give_up, is_watching_over, observe, observe_milestone, results_of, verdict
from domain.message import Message, MessageReceipt, Template
from domain.record import ProjectionKind
from domain.search_attributes import IS_DRILL, SERVICE
from domain.timeline import Actor, Entry, EntryKind, automation
from runbooks.game_day_schema import GameDayStart
from runbooks.schema import ActionCall
from workflows.commands import CommandHandlers
from workflows.courier import Courier
from workflows.options import (
    BOOKKEEPING_TIMEOUT,
    HEARTBEAT_TIMEOUT,
    KEEP_TRYING,
    ONCE,
    STEPS_QUEUE,
)
from workflows.recorder import Recorder

with workflow.unsafe.imports_passed_through():
    from activities.drills import DrillActivities, DrillOutcome
    from activities.rendering import RenderActivities, RenderRequest
    from activities.steps import StepActivities, StepRequest

# A probe, a fault or a restore that takes longer than this is stuck; it is cut off and counts as failed.
_CALL_TIMEOUT = timedelta(seconds=30)


class _StepOptions(TypedDict):
    task_queue: str
    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy


_ON_STEPS: _StepOptions = {
    "task_queue": STEPS_QUEUE,
    "start_to_close_timeout": _CALL_TIMEOUT,
    "heartbeat_timeout": HEARTBEAT_TIMEOUT,
    "retry_policy": ONCE,
}
_ME = automation("game-day")


@workflow.defn
class GameDay(CommandHandlers[HaltGameDay]):
    """See the module."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = {"halt": HaltGameDay}

    @workflow.init
    def __init__(self, start: GameDayStart) -> None:
        self._start = start
        document = start.document
        self._state = start.state or GameDayState(
            id=workflow.info().workflow_id.removeprefix("game-day/").replace("/", "~"),
            name=document.name,
            title=document.title,
            hypothesis=document.hypothesis,
            service=document.service,
            phase=GameDayPhase.CHECKING,
            started_at=workflow.now(),
            expectations=results_of([(e.expect, e.within) for e in document.expectations]),
            requested_by=start.requested_by,
        )
        self._halted: HaltGameDay | None = None
        self._took_effect = False
        self._probes = 0
        self._calls: dict[str, ActionCall] = {}
        self._recorder = Recorder(start.recorder)
        self._courier = Courier(self._on_receipt, start.courier)

    # --- what others say and ask ---

    def refuse(self, command: HaltGameDay) -> None:
        """A finished game day cannot be halted."""
        if self._state.phase is GameDayPhase.FINISHED:
            raise Rejected(f"game day {self._state.id!r} has already ended", RejectionKind.CONFLICT)
        if not command.by.name:
            raise Rejected("say who halts the game day")

    def obey(self, command: HaltGameDay) -> GameDayState:
        """Remember to stop; the main loop undoes the fault."""
        self._halted = command
        self._note(EntryKind.GAME_DAY, f"Game day halted by {command.by.name}: {command.reason}", by=command.by)
        return self._state

    @workflow.signal
    async def observe_milestone(self, milestone: Milestone) -> None:
        """An alert group or an incident of this drill got somewhere."""
        self._change(observe_milestone(self._state, milestone))

    @workflow.query
    def view(self) -> GameDayState:
        """All that this game day knows."""
        return self._state

    @workflow.query
    def active_drill(self) -> ActiveDrill | None:
        """Which alerts are this game day's doing; None before the fault and after the end."""
        if self._state.injected_at is None or self._state.phase is GameDayPhase.FINISHED:
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
        """Always restores, whatever happens in between; a cancelled game day restores too."""
        recording = asyncio.create_task(self._recorder.run())
        workflow.upsert_search_attributes(_search_attributes(start.document.service))
        self._note(EntryKind.GAME_DAY, f"Game day {start.document.title!r} begins: {start.document.hypothesis}")
        await self._render_calls()
        if await self._steady_state_holds():
            try:
                await self._inject_and_watch()
            except asyncio.CancelledError:
                self._halted = HaltGameDay(by=_ME, reason="the workflow was cancelled")
            await asyncio.shield(asyncio.create_task(self._restore()))
            self._change(give_up(self._state, took_effect=self._took_effect))
            word, reason = verdict(self._state, took_effect=self._took_effect, halted=self._halted is not None)
        else:
            word, reason = GameDayVerdict.REFUSED, "the steady state does not hold; nothing was touched"
        await self._finish(word, reason)
        recording.cancel()
        return self._state

    async def _render_calls(self) -> None:
        document = self._start.document
        defaults = {name: parameter.default for name, parameter in document.parameters.items()}
        calls = {"fault": document.fault, "restore": document.restore}
        calls |= {f"probe-{number}": probe for number, probe in enumerate(document.steady_state)}
        rendered = await workflow.execute_local_activity_method(
            RenderActivities.render,
            RenderRequest(
                template={key: call.with_ for key, call in calls.items()},
                scope={"params": defaults | self._start.parameters},
            ),
            start_to_close_timeout=BOOKKEEPING_TIMEOUT,
        )
        self._calls = {key: ActionCall(action=call.action, with_=rendered.value[key]) for key, call in calls.items()}

    async def _inject_and_watch(self) -> None:
        self._change(self._state.model_copy(update={"phase": GameDayPhase.INJECTING, "injected_at": workflow.now()}))
        self._note(EntryKind.GAME_DAY, f"Fault injected: {self._calls['fault'].action} {self._calls['fault'].with_}")
        problem = await self._perform("fault")
        if problem is not None:
            self._note(EntryKind.TROUBLE, f"The fault could not be injected: {problem}")
            return
        await self._wait_for_effect()
        if not self._took_effect:
            return
        self._change(self._state.model_copy(update={"phase": GameDayPhase.WATCHING}))
        await self._watch()

    async def _wait_for_effect(self) -> None:
        deadline = workflow.now() + self._start.document.takes_effect_within
        while not self._took_effect and self._halted is None and workflow.now() < deadline:
            self._took_effect = not await self._steady_state_holds()
            if not self._took_effect:
                await self._pause()
        said = "The fault has taken effect" if self._took_effect else "The fault did not take effect"
        self._note(EntryKind.GAME_DAY, said)

    async def _watch(self) -> None:
        duration = self._start.document.duration
        while self._halted is None and not is_watching_over(self._state, workflow.now(), duration):
            await self._pause()
            if await self._steady_state_holds():
                self._change(observe(self._state, Expectation.RECOVER, workflow.now(), "the steady state holds again"))

    async def _restore(self) -> None:
        self._change(self._state.model_copy(update={"phase": GameDayPhase.RESTORING}))
        by_response = await self._steady_state_holds()
        deadline = workflow.now() + self._start.document.restored_within
        problem = None if by_response else await self._perform("restore")
        restored = by_response
        while not restored and workflow.now() < deadline:
            restored = await self._steady_state_holds()
            if not restored:
                await self._pause()
        self._change(self._state.model_copy(update={"restored": restored, "restored_at": workflow.now()}))
        who = "by the response itself" if by_response else "by the game day"
        sentence = f"Target restored {who}" if restored else f"Target NOT restored: {problem or 'probes still fail'}"
        self._note(EntryKind.GAME_DAY if restored else EntryKind.TROUBLE, sentence)

    async def _finish(self, word: GameDayVerdict, reason: str) -> None:
        self._change(
            self._state.model_copy(
                update={
                    "phase": GameDayPhase.FINISHED,
                    "verdict": word,
                    "reason": reason,
                    "finished_at": workflow.now(),
                }
            )
        )
        self._note(EntryKind.GAME_DAY, f"Game day {word.value}: {reason}")
        informed = await workflow.execute_activity_method(
            DrillActivities.tell_waiting_items,
            DrillOutcome(game_day=self._state.name, game_day_id=self._state.id, passed=word is GameDayVerdict.PASSED),
            start_to_close_timeout=BOOKKEEPING_TIMEOUT,
            retry_policy=KEEP_TRYING,
        )
        self._change(self._state.model_copy(update={"informs": tuple(informed)}))
        if self._start.audience:
            self._courier.send(self._report(word, reason))
        await self._courier.drain()
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._recorder.drain()

    # --- one call at a time ---

    async def _steady_state_holds(self) -> bool:
        self._probes += 1
        for number in range(len(self._start.document.steady_state)):
            request = self._request(f"probe-{number}", f"probe-{number}/{self._probes}")
            try:
                seen = await workflow.execute_activity_method(
                    StepActivities.check, request, summary=f"probe: {request.action}", **_ON_STEPS
                )
            except ActivityError as error:
                _raise_if_cancelled(error)
                return False
            if not seen.holds:
                return False
        return True

    async def _perform(self, which: str) -> str | None:
        """Perform the fault or the restore; None when it went well, else what went wrong."""
        request = self._request(which, which)
        try:
            await workflow.execute_activity_method(
                StepActivities.perform, request, summary=f"{which}: {request.action}", **_ON_STEPS
            )
        except ActivityError as error:
            _raise_if_cancelled(error)
            return str(error.cause or error)
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
        # A halt or the last milestone ends the pause early.
        before = self._state

        def is_news() -> bool:
            return self._halted is not None or self._state is not before

        try:
            await workflow.wait_condition(is_news, timeout=self._start.document.probe_every)
        except TimeoutError:
            return

    # --- what is told ---

    def _change(self, state: GameDayState) -> None:
        self._state = state
        self._recorder.picture(ProjectionKind.GAME_DAY, state.id, state, state.incident_id)

    def _note(self, kind: EntryKind, summary: str, by: Actor = _ME) -> None:
        entry = Entry(at=workflow.now(), kind=kind, actor=by, summary=summary, details={"game_day_id": self._state.id})
        self._recorder.note(entry, self._state.incident_id)

    def _report(self, word: GameDayVerdict, reason: str) -> Message:
        context: dict[str, Any] = {
            "game_day": self._state.model_dump(mode="json"),
            "verdict": word.value,
            "reason": reason,
        }
        return Message(
            key=f"{workflow.info().workflow_id}/report",
            template=Template.GAME_DAY_REPORT,
            context=context,
            people=self._start.audience,
            incident_id=self._state.incident_id,
            drill=True,
        )

    def _on_receipt(self, message: Message, receipt: MessageReceipt | None, problem: str) -> None:
        if receipt is None:
            self._note(EntryKind.TROUBLE, f"The report {message.key} could not be sent: {problem}")


def _search_attributes(service: str | None) -> list[SearchAttributeUpdate[Any]]:
    updates: list[SearchAttributeUpdate[Any]] = [SearchAttributeKey.for_bool(IS_DRILL).value_set(True)]
    if service:
        updates.append(SearchAttributeKey.for_keyword(SERVICE).value_set(service))
    return updates


def _raise_if_cancelled(error: ActivityError) -> None:
    if is_cancelled_exception(error):
        raise asyncio.CancelledError from error
