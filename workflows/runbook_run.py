"""`RunbookRun`: one execution of a pinned runbook. Started by the `Incident` workflow (and by game days).

Its main line supervises: forward through the steps, back through the undos when that is called for, then the final
steps. What may be asked of it, and when, is in `domain/run_decisions.py`; votes are counted in `domain/approval.py`;
how steps are carried out is in `workflows/steps/`. The one thing to know: handlers only put things on the desk.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import FailureError

from domain.absence import demand_present, demand_said_by_the_game_day
from domain.approval import vote
from domain.durations import format_duration
from domain.errors import Rejected, RejectionKind
from domain.freeze import active_freeze, refusal
from domain.ids import incident_workflow_id, is_incident_id, split_approval_id
from domain.incident import ObserveRun, RunSummary
from domain.record import ProjectionKind
from domain.run import (
    RUN_COMMANDS,
    ApprovalState,
    DecideApproval,
    ObserveDrillEnd,
    ObserveLock,
    PauseRun,
    ResumeRun,
    RunCommand,
    RunState,
    RunStatus,
    StopRun,
)
from domain.run_decisions import demand_possible
from domain.timeline import ActorKind, EntryKind
from runbooks.parameters import bind_parameters
from runbooks.schema import RunStart
from runbooks.walk import changes_something
from workflows.commands import CommandHandlers
from workflows.steps.desk import RunDesk
from workflows.steps.sequence import RunEnds, run_all_finals, run_steps
from workflows.steps.state import Phase
from workflows.steps.stops import watched
from workflows.steps.undo import undo_all

# Messages that are still under way when the run ends; a mail server that is away for longer has no run to keep open.
_LAST_MESSAGES = timedelta(seconds=30)


@workflow.defn
class RunbookRun(CommandHandlers[RunCommand]):
    """Interprets a pinned runbook; idempotent by its workflow id."""

    commands = RUN_COMMANDS

    @workflow.init
    def __init__(self, start: RunStart) -> None:
        self._desk = RunDesk(start)

    @workflow.run
    async def run(self, start: RunStart) -> RunState:
        """Run to the end; the answer is what `view` says then."""
        desk = self._desk
        chores = (
            desk.recorder.run(),
            self._paint(),
            self._report(),
            desk.keep_parking_short(),
            desk.locks.keep_renewing(),
        )
        background = [asyncio.create_task(each) for each in chores]
        desk.courier.start()
        if start.carried is None:
            self._begin()
        if desk.phase is Phase.FORWARD:
            await self._supervised(self._forward(), is_forward=True)
            self._turn_back()
        if desk.phase is Phase.UNDOING:
            await self._supervised(undo_all(desk))
            desk.phase = Phase.FINAL
        if desk.phase is Phase.FINAL:
            await self._supervised(run_all_finals(desk))
            desk.phase = Phase.OVER
        if desk.locks.claimed:
            await self._supervised(desk.locks.give_back())
        self._finish()
        with desk.busy():
            # Too late to continue as new.
            await self._supervised(self._drained())
        for task in background:
            task.cancel()
        return desk.view()

    @workflow.query
    def view(self) -> RunState:
        """The run as it stands."""
        return self._desk.view()

    @workflow.query
    def approval(self, approval_id: str) -> ApprovalState | None:
        """One approval of this run, by its id; None when it was not asked for (yet)."""
        return self._desk.approvals.get(split_approval_id(approval_id)[1])

    # --- commands ---

    def refuse(self, command: RunCommand) -> None:
        """Raise Rejected when the command is not possible now; changes nothing."""
        if not isinstance(command, PauseRun | StopRun):
            # Holding a run up is everybody's right; moving it on is for those who take part.
            demand_present(self._desk.start.absence, command.by, workflow.now())
        if isinstance(command, DecideApproval):
            self._voted(command)
        elif isinstance(command, ObserveDrillEnd):
            demand_said_by_the_game_day(command.by)
        elif not isinstance(command, ObserveLock):
            demand_possible(self._desk.view(), command, self._desk.decisions())

    def obey(self, command: RunCommand) -> BaseModel:
        """Put the command on the desk; the main line acts on it."""
        self.refuse(command)
        desk = self._desk
        match command:
            case DecideApproval():
                return self._count(command)
            case ObserveLock():
                self._observe_lock(command)
            case ObserveDrillEnd():
                desk.start = desk.start.model_copy(update={"absence": None})
            case PauseRun():
                desk.is_paused = True
                desk.note(EntryKind.RUN, f"{command.by.name} pauses the run: {command.reason}", command.by)
            case ResumeRun():
                desk.is_paused = False
                said = f": {command.reason}" if command.reason else ""
                desk.note(EntryKind.RUN, f"{command.by.name} resumes the run{said}", command.by)
            case StopRun():
                desk.is_paused = False
                desk.note(EntryKind.RUN, f"{command.by.name} stops the run: {command.reason}", command.by)
                desk.end(RunStatus.STOPPED, f"stopped by {command.by.name}: {command.reason}", undo=command.undo)
            case _:
                # All that is left names a step.
                desk.instructions[str(getattr(command, "path"))] = command  # noqa: B009 - the union has no common type
                desk.is_dirty = True
        return desk.view()

    def _observe_lock(self, news: ObserveLock) -> None:
        self._desk.locks.observe(news)
        self._desk.is_dirty = True
        if news.lost and news.resource in self._desk.locks.claimed:
            sentence = f"The lock {news.resource!r} was lost: {news.why}; it is taken again before anything is changed"
            self._desk.note(EntryKind.TROUBLE, sentence, news.by, resource=news.resource)

    def note_refused_signal(self, name: str, sentence: str) -> None:
        """A signal can be answered in the timeline only."""
        self._desk.note(EntryKind.TROUBLE, f"The signal {name!r} was refused: {sentence}")

    def _voted(self, command: DecideApproval) -> tuple[str, ApprovalState]:
        _, path = split_approval_id(command.approval_id)
        approval = self._desk.approvals.get(path)
        if approval is None or approval.id != command.approval_id:
            raise Rejected(f"nobody asks for an approval {command.approval_id!r} here", RejectionKind.NOT_FOUND)
        return path, vote(approval, command, workflow.now())

    def _count(self, command: DecideApproval) -> ApprovalState:
        path, approval = self._voted(command)
        self._desk.set_approval(path, approval)
        comment = f": {command.comment}" if command.comment else ""
        self._desk.note(
            EntryKind.APPROVAL, f"{command.by.name} {command.decision.value}s step {path}{comment}", command.by,
            path=path, approval_id=approval.id, digest=command.digest,
        )  # fmt: skip
        return approval

    # --- the main line ---

    async def _forward(self) -> None:
        desk = self._desk
        async with watched(desk, desk.document, ""):
            await run_steps(desk, desk.document.steps)

    def _begin(self) -> None:
        desk = self._desk
        desk.note(
            EntryKind.RUN, f"Runbook {desk.document.title!r} started by {desk.start.requested_by.name}",
            digest=desk.start.runbook.reference.digest, runbook=desk.document.name,
        )  # fmt: skip
        try:
            desk.parameters = bind_parameters(desk.document, desk.start.parameters)
            self._demand_no_freeze()
        except Rejected as error:
            desk.end(RunStatus.FAILED, error.sentence, undo=False)

    def _demand_no_freeze(self) -> None:
        """Rejected when the run would change something within a freeze and no person has said why."""
        desk = self._desk
        services = desk.start.incident.get("services", ())
        freeze = active_freeze(desk.start.freezes, services, workflow.now())
        if freeze is None or not changes_something(desk.document, desk.specs, desk.nested):
            return
        reason, by = desk.start.override_freeze.strip(), desk.start.requested_by
        if not reason or by.kind is not ActorKind.PERSON:
            raise Rejected(refusal(freeze))
        desk.note(EntryKind.RUN, f"{by.name} overrides the freeze {freeze.name!r}: {reason}", by, freeze=freeze.name)

    def _turn_back(self) -> None:
        """From forward to whatever comes next; nothing is under way any more."""
        desk = self._desk
        if desk.ending is None:
            desk.phase = Phase.FINAL
            return
        desk.close_forward()
        desk.phase = Phase.UNDOING if desk.ending.undo else Phase.FINAL
        if desk.phase is Phase.UNDOING and desk.happened:
            desk.note(EntryKind.RUN, f"Putting back what was done, newest first, because {desk.ending.reason}")

    def _finish(self) -> None:
        desk = self._desk
        desk.close_forward()
        desk.is_paused = False
        desk.final_status = desk.ending.status if desk.ending else RunStatus.SUCCEEDED
        desk.finished_at = workflow.now()
        why = f": {desk.ending.reason}" if desk.ending else ""
        desk.note(EntryKind.RUN, f"Runbook {desk.document.title!r} {desk.final_status.value}{why}")
        desk.paint()

    async def _supervised(self, work: Coroutine[Any, Any, None], *, is_forward: bool = False) -> None:
        """Do the work, shielded from cancellation; forward work is stopped by an ending, a timeout or cancellation."""
        desk = self._desk
        task = asyncio.create_task(work)

        def wakes() -> bool:
            return task.done() or (is_forward and desk.ending is not None) or desk.may_hand_over()

        while not task.done():
            await self._until(wakes, is_forward=is_forward)
            if task.done():
                break
            await self._cancelled(task)
            if desk.ending is None or not is_forward:
                await self._continue_as_new()
        if not task.cancelled() and task.exception() is not None and not isinstance(task.exception(), RunEnds):
            task.result()

    async def _cancelled(self, task: "asyncio.Task[None]") -> None:
        """Cancel it and wait for its end; steps in flight end first, because a cancelled activity is waited for."""
        desk = self._desk
        while not task.done():
            # A cancellation gets lost when what is waited for happens in the same moment (asyncio.wait_for until Python
            # 3.12); the work then goes on to its next gate, and is cancelled again there.
            task.cancel()
            await self._until(self._ended_or_parked(task, desk.parkings), is_forward=False)

    def _ended_or_parked(self, task: "asyncio.Task[None]", parkings: int) -> Callable[[], bool]:
        return lambda: task.done() or (self._desk.parkings > parkings and self._desk.working == 0)

    async def _until(self, holds: Callable[[], bool], *, is_forward: bool) -> None:
        """Wait for it; forward work also ends by the run's timeout and by the engine's own cancellation."""
        desk = self._desk
        while not holds():
            try:
                await workflow.wait_condition(holds, timeout=desk.remaining() if is_forward else None)
            except TimeoutError:
                limit = format_duration(desk.document.timeout)
                desk.end(RunStatus.FAILED, f"the run took longer than its timeout of {limit}", undo=True)
            except asyncio.CancelledError:
                # Only the first cancellation is delivered; putting things back goes on undisturbed.
                if is_forward:
                    desk.end(RunStatus.STOPPED, "cancelled through the engine", undo=True)

    async def _continue_as_new(self) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self._desk.carry())

    async def _drained(self) -> None:
        await self._desk.recorder.drain()
        await workflow.wait_condition(lambda: self._desk.reported == self._desk.status())
        try:
            await asyncio.wait_for(self._desk.courier.drain(), _LAST_MESSAGES.total_seconds())
        except TimeoutError:
            workflow.logger.warning("messages of %s were still under way when it ended", self._desk.start.id)
        await self._desk.recorder.drain()

    # --- in the background ---

    async def _paint(self) -> None:
        """Queue a picture when the one before is saved: painting costs, and a run of many steps changes fast."""
        desk = self._desk
        while True:
            await workflow.wait_condition(
                lambda: desk.is_dirty and not desk.recorder.holds(ProjectionKind.RUN, desk.start.id)
            )
            desk.paint()

    async def _report(self) -> None:
        """Tell the incident how the run stands, each time that changes; never per step."""
        desk = self._desk
        while True:
            await workflow.wait_condition(lambda: desk.reported != desk.status())
            status = desk.status()
            if is_incident_id(desk.start.incident_id):
                await self._tell_incident(status)
            desk.reported = status

    async def _tell_incident(self, status: RunStatus) -> None:
        desk = self._desk
        view = desk.view()
        summary = RunSummary(id=view.id, runbook=view.runbook.name, status=status.value, waiting_for=view.waiting_for)
        mitigated = status is RunStatus.SUCCEEDED and desk.document.mitigates
        incident = workflow.get_external_workflow_handle(incident_workflow_id(desk.start.incident_id))
        try:
            await incident.signal("observe_run", ObserveRun(by=desk.me, run=summary, mitigated=mitigated))
        except FailureError as error:
            # An incident that is gone cannot be told; the run goes on, because the target still has to be mended.
            desk.note(EntryKind.TROUBLE, f"The incident could not be told that the run is {status.value}: {error}")
