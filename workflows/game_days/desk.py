"""What all phases of a game day share: its state, its record, and the calls that touch the world.

The one thing to know: every call ends with an answer. What failed, was never taken by a worker or never heard of again
is an answer, too, for a game day may not break off while something is broken.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypedDict, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TimeoutType
from temporalio.exceptions import TimeoutError as EngineTimeout

from domain import game_day_decisions as decisions
from domain.errors import Rejected
from domain.game_day import GameDayPhase, GameDayState, Seen
from domain.game_day_faults import FaultRun, LeaseAnswer
from domain.game_day_probes import ProbeRun, fold, read_answer, steady
from domain.message import Message, Template
from domain.record import ProjectionKind
from domain.timeline import Entry, EntryKind, automation
from domain.tolerance import Tolerance
from runbooks.game_day_parts import Fault, Probe
from runbooks.game_day_schema import GameDayStart
from runbooks.schema import ActionCall
from workflows.courier import Courier
from workflows.locks import LockDesk
from workflows.options import HEARTBEAT_TIMEOUT, ONCE, machine_queue, steps_queue
from workflows.recorder import Recorder

with workflow.unsafe.imports_passed_through():
    from activities.steps import CheckResult, StepActivities, StepRequest, StepResult, UndoRequest

# A probe, a fault or an undo that takes longer than this is stuck; it is cut off and counts as failed.
_CALL_TIMEOUT = timedelta(seconds=30)
# No worker took it for so long: a fault must not be made later than it was asked for, and a probe is asked again.
_TAKEN_WITHIN = timedelta(seconds=30)
# A renewal is of use only before its lease is over; the next one comes soon.
_RENEWED_WITHIN = timedelta(seconds=10)
_RENEWAL_TAKEN_WITHIN = timedelta(seconds=10)

R = TypeVar("R")


class _StepOptions(TypedDict):
    schedule_to_start_timeout: timedelta
    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: workflow.ActivityCancellationType


_ON_STEPS: _StepOptions = {
    "schedule_to_start_timeout": _TAKEN_WITHIN,
    "start_to_close_timeout": _CALL_TIMEOUT,
    "heartbeat_timeout": HEARTBEAT_TIMEOUT,
    "retry_policy": ONCE,
    # A fault that is halted in the middle has to stop before it is undone.
    "cancellation_type": workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
}


class Answer(NamedTuple):
    """What a check said; `holds` None: it cannot be told."""

    holds: bool | None
    detail: str
    output: dict[str, Any]
    # The step's worker does not know such a thing; asking again is of no use.
    is_refused: bool = False
    # Nobody answered: no worker took it, or it failed.
    is_missing: bool = False
    # Whose worker has answered; of an injector's capability only.
    machine: str = ""


class Performed(NamedTuple):
    """How an action ended; `problem` None: well."""

    problem: str | None
    output: dict[str, Any]
    # It is sure that nothing was done.
    nothing_done: bool = False


class DrillDesk:
    """One game day's state and means."""

    def __init__(self, start: GameDayStart, state: GameDayState, recorder: Recorder, courier: Courier) -> None:
        self.start = start
        self.state = state
        self.recorder = recorder
        self.courier = courier
        self.locks = LockDesk(automation(f"game day {state.id}"), start.locks)
        # The document's calls without expressions; see `GameDayStart.calls`.
        self.calls: dict[str, ActionCall] = dict(start.calls)
        self.unplaced: list[Entry] = list(start.unplaced)
        # How many questions were asked: each has a key of its own.
        self.questions = start.probes
        # Why the standing approval that there was does not do; told to the people who are asked.
        self.asked_because = ""
        # History has grown so long that the next run goes on; nothing new begins here.
        self.is_handing_over = False
        # ... and nothing is under way any more.
        self.is_at_rest = False

    # --- state ---

    @property
    def is_finished(self) -> bool:
        """Nothing happens any more."""
        return self.state.phase is GameDayPhase.FINISHED

    @property
    def is_ending(self) -> bool:
        """Whatever is there has to be undone."""
        return self.state.phase not in decisions.RUNNING

    def is_running(self) -> bool:
        """The faults are there and this run looks after them; changes while one waits."""
        return not self.is_ending and not self.is_handing_over

    def is_watching(self) -> bool:
        """As long as this run has something under way, somebody has to look whether all is well."""
        return not self.is_ending and not self.is_at_rest

    def adopt(self, outcome: decisions.Outcome) -> None:
        """Take over what was decided."""
        if outcome.state != self.state:
            self.state = outcome.state
            self.recorder.picture(ProjectionKind.GAME_DAY, self.state.id, self.state, self.state.incident_id)
        self.write(*outcome.entries)

    def adopt_fault(self, run: FaultRun) -> FaultRun:
        """Take over what became of a fault."""
        self.adopt(decisions.with_fault(self.state, run, workflow.now()))
        return run

    def fault(self, key: str) -> FaultRun:
        """One fault as it stands."""
        return next(each for each in self.state.faults if each.key == key)

    def written(self, run: FaultRun) -> Fault:
        """What the document says of a fault."""
        return next(each for each in self.start.document.faults if each.id == run.id)

    def probe(self, key: str) -> ProbeRun:
        """One probe as it stands."""
        return next(each for each in self.state.probes if each.key == key)

    def written_probe(self, run: ProbeRun) -> Probe:
        """What the document says of a probe."""
        return next(each for each in self.start.document.steady_state if each.id == run.id)

    # --- the record ---

    def note(self, kind: EntryKind, summary: str) -> None:
        """A line for the timeline."""
        self.write(decisions.entry(self.state, workflow.now(), summary, kind=kind))

    def write(self, *entries: Entry) -> None:
        """Lines belong to the drill's incident, also those from before it was declared."""
        self.unplaced.extend(entries)
        if self.state.incident_id is not None or self.is_finished:
            self.place_entries()

    def place_entries(self) -> None:
        """Hand over the lines that waited for an incident."""
        for entry in self.unplaced:
            self.recorder.note(entry, self.state.incident_id)
        self.unplaced.clear()

    def tell(
        self, template: Template, key: str, people: tuple[str, ...], context: dict[str, Any], *, drill: bool
    ) -> None:
        """Send a message in the background; nothing waits for it."""
        self.courier.send(
            Message(
                key=f"{workflow.info().workflow_id}/{key}",
                template=template,
                context=context,
                people=people,
                incident_id=self.state.incident_id,
                drill=drill,
            )
        )

    # --- the world ---

    async def check(self, call: str, key: str) -> Answer:
        """Ask an action's check."""
        return await self._asked("steps.check", call, key)

    async def capability(self, call: str, key: str) -> Answer:
        """Ask whether an injector works on its target."""
        return await self._asked("faults.capability", call, key)

    async def is_clean(self, call: str, key: str) -> Answer:
        """Ask whether the target shows nothing of a fault."""
        return await self._asked("faults.is_clean", call, key)

    async def renew(self, call: str, key: str) -> LeaseAnswer | None:
        """Hold a lease for another while; None when nobody answered in time."""
        options: _StepOptions = {
            **_ON_STEPS,
            "schedule_to_start_timeout": _RENEWAL_TAKEN_WITHIN,
            "start_to_close_timeout": _RENEWED_WITHIN,
        }
        request = self._request(call, key, _RENEWED_WITHIN)
        try:
            answer: LeaseAnswer = await workflow.execute_activity(
                "faults.renew",
                request,
                result_type=LeaseAnswer,
                task_queue=self._queue(call),
                summary=f"renew: {request.action}",
                **options,
            )
        except ActivityError:
            return None
        return answer

    async def perform(self, call: str, key: str) -> Performed:
        """Do an action, once per key."""
        request = self._request(call, key, _CALL_TIMEOUT)
        try:
            result: StepResult = await workflow.execute_activity_method(
                StepActivities.perform,
                request,
                task_queue=self._queue(call),
                summary=f"{call}: {request.action}",
                **_ON_STEPS,
            )
        except ActivityError as error:
            problem = self._problem(call, error)
            return Performed(problem, {}, nothing_done=_is_sure_that_nothing_was_done(error))
        return Performed(None, result.output)

    async def undo(self, call: str, key: str, performed: dict[str, Any] | None) -> Performed:
        """Bring back what was before an action."""
        request = self._request(call, key, _CALL_TIMEOUT)
        fields = request.model_dump() | {"key": f"{request.key}/undo", "output": performed}
        try:
            result: StepResult = await workflow.execute_activity_method(
                StepActivities.undo,
                UndoRequest(**fields),
                task_queue=self._queue(call),
                summary=f"undo: {request.action}",
                **_ON_STEPS,
            )
        except ActivityError as error:
            return Performed(self._problem(call, error), {})
        return Performed(None, result.output)

    async def ask_probe(self, run: ProbeRun) -> Seen:
        """Ask a probe once."""
        self.questions += 1
        answer = await self.check(f"probe/{run.key}", f"probe/{run.key}/{self.questions}")
        return self.read(self.written_probe(run).tolerance, answer)

    async def ask_probes(self, *modes: str) -> Seen:
        """Ask all probes of these modes, at once, and fold what they say."""
        runs = [each for each in self.state.probes if each.mode in modes]
        seen = await asyncio.gather(*(self.ask_probe(each) for each in runs))
        for run, answer in zip(runs, seen, strict=True):
            # A probe that is asked once decides at once.
            now = fold(self.probe(run.key), answer, workflow.now(), counts=False)
            told = now.model_copy(update={"holds": answer.holds})
            self.adopt(decisions.with_probe(self.state, told, workflow.now()))
        return steady(
            ProbeRun(id=r.id, mode=r.mode, holds=s.holds, detail=s.detail) for r, s in zip(runs, seen, strict=True)
        )

    @staticmethod
    def read(tolerance: Tolerance | None, answer: Answer) -> Seen:
        """What a check's answer means."""
        return read_answer(tolerance, answer.holds, answer.detail, answer.output)

    async def wait_until(self, at: datetime | None, over: Callable[[], bool]) -> None:
        """Until then, or until it is over; at once when the time has come."""
        if at is None:
            await workflow.wait_condition(over)
            return
        left = at - workflow.now()
        if left <= timedelta():
            return
        try:
            await workflow.wait_condition(over, timeout=left)
        except TimeoutError:
            return

    async def _asked(self, activity: str, call: str, key: str) -> Answer:
        request = self._request(call, key, _CALL_TIMEOUT)
        try:
            answer: CheckResult = await workflow.execute_activity(
                activity,
                request,
                result_type=CheckResult,
                task_queue=self._queue(call),
                summary=f"{call}: {request.action}",
                **_ON_STEPS,
            )
        except ActivityError as error:
            refused = _is_refused(error)
            return Answer(None, self._problem(call, error), {}, is_refused=refused, is_missing=not refused)
        return Answer(answer.holds, answer.detail, answer.output, machine=answer.machine)

    def _problem(self, call: str, error: ActivityError) -> str:
        """What went wrong; where nobody is there to do it, who has to be."""
        if _was_taken(error):
            return sentence_of(error)
        return f"no worker took it; one has to serve the queue {self._queue(call)!r}"

    def _queue(self, call: str) -> str:
        """Who carries it out: the machine that has the fault, else the site of the target, else whoever is free."""
        kind, _, key = call.partition("/")
        name = key.partition("/")[2]
        site = next((each.site for each in self.state.targets.all() if each.name == name), None)
        run = next((each for each in self.state.faults if each.key == key), None) if kind in {"fault", "undo"} else None
        return machine_queue(run.machine, site) if run is not None and run.machine else steps_queue(site)

    def _request(self, call: str, key: str, timeout: timedelta) -> StepRequest:
        action = self.calls[call]
        return StepRequest(
            key=f"{workflow.info().workflow_id}/{key}",
            action=action.action,
            parameters=action.with_,
            incident_id=self.state.incident_id,
            drill=True,
            timeout_seconds=timeout.total_seconds(),
        )


def sentence_of(error: FailureError) -> str:
    """What an activity said, or why it did not."""
    cause = error.cause
    if isinstance(error, ActivityError):
        if isinstance(cause, EngineTimeout):
            return "no worker took it" if cause.type is TimeoutType.SCHEDULE_TO_START else "it was not heard of again"
        return getattr(cause, "message", "") or str(cause or error)
    return error.message


def _is_refused(error: ActivityError) -> bool:
    return isinstance(error.cause, ApplicationError) and error.cause.type == Rejected.__name__


def _is_sure_that_nothing_was_done(error: ActivityError) -> bool:
    """Refused by the action, or never taken by a worker; everything else leaves a doubt."""
    return not _was_taken(error) or _is_refused(error)


def _was_taken(error: ActivityError) -> bool:
    cause = error.cause
    return not (isinstance(cause, EngineTimeout) and cause.type is TimeoutType.SCHEDULE_TO_START)
