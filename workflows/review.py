"""The review of an incident: drafted from the timeline, owned, reminded of, and signed off by another or waived.

Started by the incident when it is mitigated; `review/<incident id>`. The one thing to know: the draft is made in the
background and never stands in the way. While the store is away there is a marked placeholder, and a person's edit wins.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from domain.deadlines import LadderStep
from domain.incident import ObserveReview
from domain.record import ProjectionKind
from domain.review import REVIEW_COMMANDS, ReviewCommand, ReviewRevision, ReviewStart, ReviewState
from domain.review_close import next_close_step, take_close_step
from domain.review_decisions import accept_draft, decide, give_up_draft, open_review, take_step
from domain.review_meeting_date import next_meeting_step, take_meeting_step
from domain.review_news import renew_draft
from domain.review_outcomes import FINISHED, ME, ReviewOutcome
from workflows.follow_up import FollowUp
from workflows.options import BOOKKEEPING_TIMEOUT, KEEP_TRYING

with workflow.unsafe.imports_passed_through():
    from activities.review_draft import DraftRequest, ReviewDraftActivities


@workflow.defn
class Review(FollowUp[ReviewCommand, ReviewState]):
    """See the module."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = REVIEW_COMMANDS

    @workflow.init
    def __init__(self, start: ReviewStart) -> None:
        self._start = start
        self._set_up(ProjectionKind.REVIEW, ME, start)
        if start.state is not None:
            self._state = start.state
        else:
            self._apply(open_review(start, workflow.now()))

    @workflow.query
    def view(self) -> ReviewState:
        """All that this review knows."""
        return self._state

    @workflow.run
    async def run(self, start: ReviewStart) -> ReviewState:
        """Lives until the review is signed off or waived; returns how it ended."""
        background = [asyncio.create_task(each) for each in (self._keep_draft(), self._renew_draft())]
        if not await self._follow():
            workflow.continue_as_new(
                start.model_copy(
                    update={"state": self._state, "recorder": self._recorder.carry(), "courier": self._courier.carry()}
                )
            )
        for task in background:
            task.cancel()
        return self._state

    async def _keep_draft(self) -> None:
        """Write the draft whenever the facts have changed and no person has edited it."""
        while True:
            await workflow.wait_condition(lambda: self._state.draft_wanted)
            request = self._draft_request()
            try:
                # Edits, findings and even the sign-off may come in while the store is away.
                result = await workflow.execute_activity_method(
                    ReviewDraftActivities.draft,
                    request,
                    start_to_close_timeout=BOOKKEEPING_TIMEOUT,
                    retry_policy=KEEP_TRYING,
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    # The review has ended without its draft.
                    return
                self._apply(give_up_draft(self._state, str(error.cause), workflow.now()))
                continue
            if request == self._draft_request():
                self._apply(
                    accept_draft(self._state, result.markdown, workflow.now(), self._start, result.participants)
                )

    async def _renew_draft(self) -> None:
        while True:
            await workflow.wait_condition(lambda: self._state.renew_at is not None)
            await self._sleep_until(self._state.renew_at)
            self._apply(renew_draft(self._state, workflow.now()))

    async def _sleep_until(self, moment: datetime | None) -> None:
        # A command may move the moment meanwhile; the decision then says that it is not time yet.
        if moment is not None and moment > workflow.now():
            await asyncio.sleep((moment - workflow.now()).total_seconds())

    def _apply(self, outcome: ReviewOutcome) -> None:
        before = self._state.revision if hasattr(self, "_state") else 0
        super()._apply(outcome)
        state = self._state
        if state.revision != before:
            by = outcome.entries[-1].actor if outcome.entries else ME
            text = ReviewRevision(
                review_id=state.id, revision=state.revision, at=workflow.now(), by=by, markdown=state.markdown
            )
            self._recorder.picture(ProjectionKind.REVIEW_REVISION, text.id, text, state.incident_id)

    def _draft_request(self) -> DraftRequest:
        state, start = self._state, self._start
        return DraftRequest(
            incident_id=state.incident_id,
            title=state.title,
            owner=state.owner,
            due_at=state.due_at,
            findings=state.findings,
            perspectives=state.perspectives,
            calendar=start.policy.calendar,
        )

    # --- what FollowUp asks ---

    def _decide(self, command: ReviewCommand) -> ReviewOutcome:
        return decide(self._state, command, workflow.now(), self._start)

    def _take_step(self, step: LadderStep) -> ReviewOutcome:
        return take_step(self._state, step, workflow.now(), self._start)

    def _next_at(self, now: datetime) -> datetime | None:
        meeting = next_meeting_step(self._state, now, self._start)
        closing = next_close_step(self._state, self._start)
        moments = (super()._next_at(now), meeting.at if meeting else None, closing)
        return min((at for at in moments if at is not None), default=None)

    def _take_due(self, now: datetime) -> ReviewOutcome:
        meeting = next_meeting_step(self._state, now, self._start)
        if meeting is not None and meeting.at <= now:
            return take_meeting_step(self._state, meeting, now, self._start)
        closing = next_close_step(self._state, self._start)
        if closing is not None and closing <= now:
            return take_close_step(self._state, now, self._start)
        return super()._take_due(now)

    def _is_finished(self) -> bool:
        return self._state.state in FINISHED

    def _context(self) -> dict[str, Any]:
        state = self._state
        return {
            "incident": {"id": state.incident_id, "title": state.title, "severity": self._start.severity.value},
            "review": {"id": state.id, "title": state.title, "owner": state.owner, "state": state.state.value},
            "due_at": state.due_at.isoformat() if state.due_at else None,
        }

    def _observation(self) -> tuple[str, BaseModel]:
        state = self._state
        return "observe_review", ObserveReview(by=ME, review_id=state.id, state=state.state.value)
