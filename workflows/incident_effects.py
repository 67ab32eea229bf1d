"""Carries out what was decided about an incident: children, signals, messages. Used by `workflows/incident.py` alone.

Everything here may be tried again: children have ids of their own that refuse a second start, signals say what is so,
messages have keys. Nothing here raises because another workflow has ended.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ChildWorkflowError, FailureError, WorkflowAlreadyStartedError

from domain import ids
from domain.comms import CloseComms, RefreshIncident, UpdateRequest
from domain.game_day import Milestone
from domain.incident import RESPONDING, IncidentState, Role
from domain.incident_decisions import found_alike
from domain.incident_effects import (
    Effect,
    FindAlike,
    FinishComms,
    LaunchRun,
    Outcome,
    PageAnswered,
    PublishUpdate,
    RedirectAlerts,
    RefreshComms,
    StartComms,
    StartPage,
    StartReview,
    StopPage,
    TellGameDay,
    TellIncident,
    TellPeople,
    TellReview,
    TellRunDrillEnd,
    TellTabletop,
    brief,
)
from domain.message import Message
from domain.page import AcknowledgePage, StopEscalation
from domain.response_decisions import run_failed
from domain.review import REVIEW_COMMANDS, ObserveNews
from domain.run import ObserveDrillEnd as RunHearsDrillEnd
from runbooks.schema import PinnedRunbook, RunStart
from workflows.courier import Courier
from workflows.escalation import Escalation
from workflows.options import ASK_BRIEFLY, BOOKKEEPING_TIMEOUT, QUESTION_TIMEOUT, TRY_A_WHILE

with workflow.unsafe.imports_passed_through():
    from activities.alike import AlikeActivities, AlikeRequest
    from activities.runbook_pinning import PinRequest, RunbookActivities

# The plan of a resolved incident ends when its closing notices are out; a reopened one asks again this often.
_COMMS_PAUSE = timedelta(seconds=10)


class IncidentEffects:
    """One method per sort of effect; `state` is always the newest."""

    def __init__(
        self,
        courier: Courier,
        state: Callable[[], IncidentState],
        adopt: Callable[[Outcome], None],
        note_trouble: Callable[[str], None],
    ) -> None:
        self._courier = courier
        self._state = state
        self._adopt = adopt
        self._note_trouble = note_trouble
        self._watching: set[asyncio.Task[None]] = set()

        self._ways: dict[type[Effect], Callable[[Any], Awaitable[None]]] = {
            StartPage: self._start_page,
            PageAnswered: self._answer_page,
            StopPage: self._stop_page,
            LaunchRun: self._launch,
            StartComms: self._start_comms,
            RefreshComms: self._refresh_comms,
            PublishUpdate: self._publish,
            FinishComms: self._finish_comms,
            StartReview: self._start_review,
            FindAlike: self._find_alike,
            TellReview: self._tell_review,
            TellPeople: self._tell_people,
            TellGameDay: self._tell_game_day,
            TellIncident: self._tell_incident,
            TellRunDrillEnd: self._tell_run_drill_end,
            TellTabletop: self._tell_tabletop,
            RedirectAlerts: self._redirect_alerts,
        }

    async def carry_out(self, effect: Effect) -> None:
        """Do it; returns when the engine has taken it."""
        await self._ways[type(effect)](effect)

    async def _start_page(self, effect: StartPage) -> None:
        await _start_child(Escalation.__name__, effect.start, ids.page_workflow_id(self._id, effect.number))

    async def _answer_page(self, effect: PageAnswered) -> None:
        page = ids.page_workflow_id(self._id, effect.number)
        await _signal(page, "acknowledge", AcknowledgePage(by=effect.by, is_counted=True))

    async def _stop_page(self, effect: StopPage) -> None:
        page = ids.page_workflow_id(self._id, effect.number)
        await _signal(page, "stop", StopEscalation(by=effect.by, reason=effect.reason))

    async def _refresh_comms(self, effect: RefreshComms) -> None:
        await _signal(ids.comms_workflow_id(self._id), "refresh", RefreshIncident(incident=effect.brief))

    async def _finish_comms(self, effect: FinishComms) -> None:
        ending = CloseComms(by=effect.by, summary=effect.summary, outcome=effect.outcome)
        await _signal(ids.comms_workflow_id(self._id), "finish", ending)

    async def _start_review(self, effect: StartReview) -> None:
        await _start_child("Review", effect.start, ids.review_workflow_id(self._id))

    async def _find_alike(self, effect: FindAlike) -> None:
        try:
            answer = await workflow.execute_activity_method(
                AlikeActivities.find,
                AlikeRequest(incident_id=self._id, title=effect.title, services=effect.services, rules=effect.rules),
                start_to_close_timeout=QUESTION_TIMEOUT,
                retry_policy=ASK_BRIEFLY,
            )
        except ActivityError:
            # The record is away. Whoever opens the room later sees them there.
            return
        self._adopt(found_alike(self._state(), answer.incidents, workflow.now()))

    async def _tell_review(self, effect: TellReview) -> None:
        # Histories that are older than this news go on without it.
        if isinstance(effect.news, ObserveNews) and not workflow.patched("the-review-hears-of-news"):
            return
        name = next(name for name, kind in REVIEW_COMMANDS.items() if isinstance(effect.news, kind))
        await _signal(ids.review_workflow_id(self._id), name, effect.news)

    async def _tell_game_day(self, effect: TellGameDay) -> None:
        news = Milestone(
            kind=effect.kind, at=effect.at, incident_id=self._id, evidence=effect.evidence, people=effect.people
        )
        await _signal(effect.workflow_id, "observe_milestone", news)

    async def _tell_tabletop(self, effect: TellTabletop) -> None:
        await _signal(effect.workflow_id, "observe_deed", effect.deed)

    async def _tell_incident(self, effect: TellIncident) -> None:
        if not await _signal(ids.incident_workflow_id(effect.incident_id), "add_note", effect.note):
            self._note_trouble(f"{effect.incident_id} could not be told: it has ended or never was")

    async def _tell_run_drill_end(self, effect: TellRunDrillEnd) -> None:
        news = RunHearsDrillEnd(by=effect.by)
        await _signal(ids.run_workflow_id(effect.run_id), "observe_drill_end", news)

    async def _redirect_alerts(self, effect: RedirectAlerts) -> None:
        # A group that has ended meanwhile begins anew with its next alert; there is nothing to redirect then.
        await _signal(ids.alert_group_workflow_id(effect.group_id), "follow", effect.follow)

    @property
    def _id(self) -> str:
        return self._state().id

    async def _publish(self, effect: PublishUpdate) -> None:
        update = effect.update
        request = UpdateRequest(
            by=update.by,
            audience=update.audience,
            text=update.text,
            next_update_within=update.next_update_within,
            key=update.key,
        )
        if not await _signal(ids.comms_workflow_id(self._id), "publish", request):
            self._note_trouble(f"the update for {update.audience} was not published: the communication plan has ended")

    async def _start_comms(self, effect: StartComms) -> None:
        # After a reopening the former plan may still deliver its closing notice: it resumes when it hears of it. One
        # that has just ended hears nothing any more, and a new one can be started a moment later.
        while not await _start_child(
            "CommsPlan",
            effect.start,
            ids.comms_workflow_id(self._id),
            reuse=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        ):
            state = self._state()
            if state.status not in RESPONDING or await _signal(
                ids.comms_workflow_id(self._id), "refresh", RefreshIncident(incident=brief(state))
            ):
                return
            await asyncio.sleep(_COMMS_PAUSE.total_seconds())

    async def _launch(self, effect: LaunchRun) -> None:
        try:
            pinned = await workflow.execute_activity_method(
                RunbookActivities.pin,
                PinRequest(name=effect.runbook),
                start_to_close_timeout=BOOKKEEPING_TIMEOUT,
                retry_policy=TRY_A_WHILE,
            )
        except ActivityError as error:
            self._fail_run(effect, _cause(error))
            return
        run = await workflow.start_child_workflow(
            "RunbookRun",
            self._run_start(effect, pinned),
            id=ids.run_workflow_id(effect.run_id),
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )
        # Not awaited here, so that the lane is free and the incident can be continued as new.
        watching = asyncio.create_task(self._watch(run, effect))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)

    async def _watch(self, run: "workflow.ChildWorkflowHandle[Any, Any]", effect: LaunchRun) -> None:
        # A run reports by itself how it stands; only one that breaks or is terminated cannot. A run that is older than
        # the last continue-as-new is not watched any more.
        try:
            await run
        except ChildWorkflowError as error:
            self._fail_run(effect, _cause(error))

    def _run_start(self, effect: LaunchRun, pinned: PinnedRunbook) -> RunStart:
        state = self._state()
        about = state.model_dump(mode="json", include={"id", "title", "severity", "type", "services", "summary"})
        return RunStart(
            id=effect.run_id,
            incident_id=state.id,
            runbook=pinned,
            parameters=effect.parameters,
            requested_by=effect.requested_by,
            drill=state.drill,
            incident=about,
            groups=state.context.groups,
            commander=state.roles.get(Role.COMMANDER),
            freezes=state.context.policy.freezes,
            override_freeze=effect.override_freeze,
            absence=state.absence,
        )

    def _fail_run(self, effect: LaunchRun, sentence: str) -> None:
        self._adopt(run_failed(self._state(), effect, sentence, workflow.now()))

    async def _tell_people(self, effect: TellPeople) -> None:
        state = self._state()
        about = state.model_dump(mode="json", include={"id", "title", "severity", "status"})
        self._courier.send(
            Message(
                key=f"{workflow.info().workflow_id}/{effect.about}",
                template=effect.template,
                context={"incident": about, **effect.context},
                people=effect.people,
                incident_id=state.id,
                drill=state.drill,
            )
        )


async def _start_child(
    name: str,
    start: BaseModel,
    workflow_id: str,
    reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.REJECT_DUPLICATE,
) -> bool:
    # Children outlive their incident: a page that nobody answered, a review, a closing notice.
    try:
        await workflow.start_child_workflow(
            name,
            start,
            id=workflow_id,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            id_reuse_policy=reuse,
        )
    except WorkflowAlreadyStartedError:
        return False
    return True


async def _signal(workflow_id: str, signal: str, news: BaseModel) -> bool:
    # Whoever has ended need not know; the answer says whether it was there.
    try:
        await workflow.get_external_workflow_handle(workflow_id).signal(signal, news)
    except FailureError:
        return False
    return True


def _cause(error: FailureError) -> str:
    return str(getattr(error.cause, "message", None) or error.cause or error)
