"""Alerts that belong together, from the first delivery until all is quiet: counts, waits out transients, declares.

Started and fed by `api/webhooks/intake.py` (Signal-with-Start, signal `receive`), so nothing is lost while no worker is
up. What alerts amount to is decided in `domain/triage.py`; this file waits and carries out.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError

from domain import declaration, triage
from domain.alert import ALERT_GROUP_COMMANDS, AlertBatch, AlertGroupStart, AlertGroupState, DeclareGroup, DeclineGroup
from domain.declaration import Declaring, News
from domain.errors import HotwashError, Rejected, RejectionKind
from domain.game_day import ActiveDrill, Milestone, MilestoneKind
from domain.ids import game_day_id, incident_workflow_id, new_incident_id
from domain.incident import IncidentContext
from domain.record import ProjectionKind
from domain.timeline import Actor, Entry, EntryKind, automation
from domain.triage import Decision, Judgement, Reason
from workflows.commands import CommandHandlers
from workflows.options import ASK_BRIEFLY, QUESTION_TIMEOUT
from workflows.recorder import Recorder

with workflow.unsafe.imports_passed_through():
    from activities.directory import DirectoryActivities, IncidentContextRequest
    from activities.drills import DrillActivities, FindDrillRequest
    from activities.errors import to_application_error

_ME = automation("triage")
# A million ids a day with four characters; each collision makes the next try one character longer.
_ID_CHARACTERS = 4
# Reasons for which a group waits in triage; only then is a drill looked for before the threshold is met.
_IN_TRIAGE = {
    Reason.NOT_FIRING_LONG_ENOUGH,
    Reason.BELOW_COUNT,
    Reason.BELOW_MINIMUM_SEVERITY,
    Reason.THRESHOLD_MET_ASK,
}


@workflow.defn
class AlertGroup(CommandHandlers[BaseModel]):
    """See the module."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = ALERT_GROUP_COMMANDS

    @workflow.init
    def __init__(self, start: AlertGroupStart) -> None:
        self._start = start
        self._state = start.state or AlertGroupState(id=start.group_id)
        self._inbox: list[AlertBatch] = []
        self._asked: DeclareGroup | None = None
        # A command has changed the state since the last turn.
        self._is_changed = False
        self._look_again_at: datetime | None = None
        self._is_declaring = False
        # The firing for which a drill was already looked for.
        self._looked_for_drill: datetime | None = None
        self._recorder = Recorder(start.recorder)

    # --- what senders and people say and ask ---

    @workflow.signal
    async def receive(self, batch: AlertBatch) -> None:
        """Alerts of this group have arrived."""
        self._inbox.append(declaration.clamp(batch, workflow.now()))

    @workflow.update(name="declare")
    async def declare(self, command: DeclareGroup) -> AlertGroupState:
        """A person makes an incident of it; answers once the incident exists, with its id."""
        self.obey(command)
        await workflow.wait_condition(lambda: self._state.incident_id is not None)
        return self.view()

    @declare.validator
    def validate_declare(self, command: DeclareGroup) -> None:
        """Refuse before anything is written to history."""
        try:
            self.refuse(command)
        except HotwashError as error:
            raise to_application_error(error) from error

    @workflow.query
    def view(self) -> AlertGroupState:
        """All that this group knows."""
        return triage.shown(self._state)

    def refuse(self, command: BaseModel) -> None:
        """The rules are in `domain/declaration.py`."""
        if self._is_declaring and isinstance(command, DeclineGroup):
            raise Rejected("an incident is just being declared; cancel it if it is none", RejectionKind.CONFLICT)
        declaration.refuse(self._state, command)  # type: ignore[arg-type]  # the table holds domain models only

    def obey(self, command: BaseModel) -> AlertGroupState:
        """Remember what a person wants; the main loop carries it out."""
        if isinstance(command, DeclareGroup):
            self._asked = self._asked or command
        else:
            self._state = declaration.obey(self._state, command)  # type: ignore[arg-type]  # as in `refuse`
            self._is_changed = True
        if isinstance(command, DeclineGroup):
            summary = f"{command.by.name} declined {self._state.title}: {command.reason.strip()}"
            self._note(EntryKind.DECISION, summary, by=command.by)
        return self.view()

    def note_refused_signal(self, name: str, sentence: str) -> None:
        """Nobody hears the refusal of a signal, so the record does."""
        self._note(EntryKind.TROUBLE, f"{name} was refused: {sentence}")

    # --- the way through ---

    @workflow.run
    async def run(self, start: AlertGroupStart) -> AlertGroupState:
        """Turn after turn until all is quiet and the reopen window has passed."""
        recording = asyncio.create_task(self._recorder.run())
        while True:
            await self._until_something_is_due()
            await self._take_turn()
            if self._is_over():
                await workflow.wait_condition(workflow.all_handlers_finished)
                await self._recorder.drain()
                # An alert may have come while the record was saved; then the group lives on.
                if not self._has_news():
                    break
            elif workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._has_news():
                    workflow.continue_as_new(
                        start.model_copy(update={"state": self._state, "recorder": self._recorder.carry()})
                    )
        recording.cancel()
        return self.view()

    async def _until_something_is_due(self) -> None:
        times = [self._look_again_at, triage.ends_at(self._state, self._start.policy.alert_reopen_window)]
        due_at = min((time for time in times if time is not None), default=None)
        if due_at is None:
            await workflow.wait_condition(self._has_news)
        elif due_at > workflow.now():
            # The engine counts in milliseconds; one more makes sure that the time has come when the timer fires.
            pause = due_at - workflow.now() + timedelta(milliseconds=1)
            with suppress(TimeoutError):
                await workflow.wait_condition(self._has_news, timeout=pause)

    async def _take_turn(self) -> None:
        """Fold everything that came, judge it once, act on it. New deliveries wait for the next turn."""
        before, self._is_changed = self._state, False
        for batch in self._inbox:
            self._state = triage.fold(self._state, batch)
        self._inbox.clear()
        news = declaration.news_between(before, self._state)
        await self._leave_an_incident_of_another_kind(news)
        if self._state.incident_id is not None and news.is_any:
            await self._forward(news)
        self._note_comings_and_goings(news)
        judgement = triage.judge(self._state, workflow.now())
        self._show(judgement)
        if self._state.incident_id is not None:
            # A person's wish that was overtaken is fulfilled too.
            self._asked = None
        elif self._asked is not None or judgement.decision is Decision.DECLARE:
            await self._declare(judgement)
        elif judgement.reason in _IN_TRIAGE:
            await self._look_for_drill_once()
        self._look_again_at = judgement.look_again_at if self._state.incident_id is None else None
        if self._state != before:
            self._show(triage.judge(self._state, workflow.now()))
            self._recorder.picture(ProjectionKind.ALERT_GROUP, self._state.id, self.view(), self._state.incident_id)

    def _has_news(self) -> bool:
        return bool(self._inbox or self._asked or self._is_changed)

    def _is_over(self) -> bool:
        end = triage.ends_at(self._state, self._start.policy.alert_reopen_window)
        return end is not None and workflow.now() >= end and not self._has_news()

    # --- becoming an incident ---

    async def _declare(self, judgement: Judgement) -> None:
        # Whoever asks while this waits gets the incident that comes of it.
        asked, self._is_declaring = self._asked, True
        by = asked.by if asked else _ME
        context, drill = await asyncio.gather(self._context(), self._find_drill())
        incident_id = await self._start_incident(by, asked, context, drill)
        is_detection_told = drill is not None and drill.workflow_id == self._state.game_day_workflow
        self._state = self._state.model_copy(
            update={"incident_id": incident_id, "declined_by": None, "declined_because": "", **_drill_fields(drill)}
        )
        self._asked, self._is_declaring = None, False
        self._note(EntryKind.TRIAGE, _why(asked) or f"{self._state.title}: {judgement.explanation}", by=by)
        if trouble := declaration.runbook_of(self._state).trouble:
            self._note(EntryKind.TROUBLE, trouble)
        if drill is not None:
            if not is_detection_told:
                await self._tell_detected(drill)
            await self._tell_game_day(drill, MilestoneKind.DECLARED, workflow.now())

    async def _start_incident(
        self, by: Actor, asked: DeclareGroup | None, context: IncidentContext, drill: ActiveDrill | None
    ) -> str:
        length = _ID_CHARACTERS
        while True:
            # Chance comes from the workflow, so that a replay draws the same id and never a second incident.
            incident_id = new_incident_id(workflow.now(), workflow.random().getrandbits(64), length)
            declaring = Declaring(incident_id=incident_id, by=by, command=asked, context=context, drill=drill)
            try:
                await workflow.start_child_workflow(
                    "Incident",
                    declaration.incident_start(self._state, declaring),
                    id=incident_workflow_id(incident_id),
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                )
            except WorkflowAlreadyStartedError:
                length += 1
            else:
                return incident_id

    async def _context(self) -> IncidentContext:
        routed_as = self._state.routed_as
        services = (routed_as.service,) if routed_as and routed_as.service else ()
        try:
            return await workflow.execute_activity_method(
                DirectoryActivities.incident_context,
                IncidentContextRequest(services=services),
                start_to_close_timeout=QUESTION_TIMEOUT,
                retry_policy=ASK_BRIEFLY,
            )
        except ActivityError as error:
            # Declared without its people is bad; not declared is worse.
            self._note(EntryKind.TROUBLE, f"hotwash.yaml could not be asked, so nobody is on call: {error.cause}")
            return IncidentContext(policy=self._start.policy)

    # --- belonging to one ---

    async def _forward(self, news: News) -> None:
        incident_id = self._state.incident_id
        if incident_id is None:
            return
        handle = workflow.get_external_workflow_handle(incident_workflow_id(incident_id))
        try:
            await handle.signal("attach_alerts", declaration.attachment(self._state, news))
        except ApplicationError:
            # The incident has ended. What fires now is not its business any more; what has cleared needs nobody.
            if self._state.firing:
                self._state = triage.new_episode(self._state)

    async def _leave_an_incident_of_another_kind(self, news: News) -> None:
        """What fires again in the reopen window belongs to its incident, unless only one is a drill's doing."""
        if self._state.incident_id is None or not news.starts_firing:
            return
        drill = await self._find_drill()
        if (drill.workflow_id if drill else None) != self._state.game_day_workflow:
            self._state = triage.new_episode(self._state)

    # --- drills ---

    async def _find_drill(self) -> ActiveDrill | None:
        state = self._state
        try:
            return await workflow.execute_activity_method(
                DrillActivities.find,
                FindDrillRequest(
                    service=state.routed_as.service if state.routed_as else None, labels=declaration.labels_of(state)
                ),
                start_to_close_timeout=QUESTION_TIMEOUT,
                retry_policy=ASK_BRIEFLY,
            )
        except ActivityError:
            # Not knowing means that it is real.
            return None

    async def _look_for_drill_once(self) -> None:
        if self._looked_for_drill == self._state.firing_since:
            return
        self._looked_for_drill = self._state.firing_since
        drill = await self._find_drill()
        if drill is not None:
            self._state = self._state.model_copy(update=_drill_fields(drill))
            await self._tell_detected(drill)

    async def _tell_detected(self, drill: ActiveDrill) -> None:
        at = declaration.detected_at(self._state) or workflow.now()
        await self._tell_game_day(drill, MilestoneKind.DETECTED, at)

    async def _tell_game_day(self, drill: ActiveDrill, kind: MilestoneKind, at: datetime) -> None:
        milestone = Milestone(
            kind=kind,
            at=at,
            incident_id=self._state.incident_id,
            evidence=self._state.title,
            labels=declaration.labels_of(self._state),
            alert_started_at=declaration.started_at(self._state),
            alert_received_at=declaration.detected_at(self._state),
        )
        # A game day that has ended needs no milestone.
        with suppress(ApplicationError):
            await workflow.get_external_workflow_handle(drill.workflow_id).signal("observe_milestone", milestone)

    # --- the record ---

    def _note_comings_and_goings(self, news: News) -> None:
        if self._state.incident_id is not None:
            # The incident writes its own timeline about what it is told.
            return
        if news.starts_firing:
            self._note(EntryKind.ALERT, f"{self._state.title} fires", by=declaration.sender_of(self._state))
        if news.has_cleared:
            # Near misses are part of the record.
            summary = f"{self._state.title} has cleared without an incident"
            self._note(EntryKind.ALERT, summary, by=declaration.sender_of(self._state))

    def _show(self, judgement: Judgement) -> None:
        is_new = judgement.reason.value != self._state.reason
        self._state = triage.judged(self._state, judgement)
        if is_new and judgement.decision is Decision.PROPOSE:
            self._note(EntryKind.TRIAGE, f"{self._state.title}: {judgement.explanation}")

    def _note(self, kind: EntryKind, summary: str, by: Actor = _ME) -> None:
        details = {"group_id": self._state.id}
        entry = Entry(at=workflow.now(), kind=kind, actor=by, summary=summary, details=details)
        self._recorder.note(entry, self._state.incident_id)


def _why(asked: DeclareGroup | None) -> str:
    if asked is None:
        return ""
    return f"Declared by {asked.by.name}" + (f": {asked.reason}" if asked.reason else "")


def _drill_fields(drill: ActiveDrill | None) -> dict[str, Any]:
    if drill is None:
        return {"game_day_id": None, "game_day_workflow": None}
    return {"game_day_id": game_day_id(drill.workflow_id), "game_day_workflow": drill.workflow_id}
