"""AWAITING_APPROVAL: people say yes to the exact targets, by digest, or nothing is touched.

The rules of votes are those of runbooks (`domain/approval.py`). The one thing to know: a yes leads back to the
preflight, which chooses the targets anew and refuses when they are not the ones that were approved.
"""

from datetime import timedelta
from typing import Any

from temporalio import workflow

from domain import game_day_decisions as decisions
from domain.approval import expire, people_asked, supersede, vote
from domain.errors import Rejected, RejectionKind
from domain.game_day_faults import in_words
from domain.ids import game_day_approval_id
from domain.message import Template
from domain.record import ProjectionKind
from domain.run import ApprovalState, ApprovalStatus, DecideApproval
from domain.timeline import EntryKind
from workflows.game_days import preparing
from workflows.game_days.desk import DrillDesk


async def await_approval(desk: DrillDesk) -> None:
    """Ask, remind, and take the decision; a halt and the expiry decide, too."""
    approval = desk.state.approval
    if approval is None:
        prepared = await preparing.prepare(desk)
        approval = wanted(desk, prepared).model_copy(
            update={"expires_at": workflow.now() + desk.start.document.approval.expires_after}
        )
        _adopt(desk, approval)
        who = ", ".join(approval.approvers) or "any person"
        desk.note(EntryKind.APPROVAL, f"Approval wanted for {_targets(desk)} from {who}")
        _ask(desk, approval, reminder=0)
    while not desk.is_handing_over and (approval := _pending(desk)) is not None:
        await _wait_and_remind(desk, approval)


def count_vote(desk: DrillDesk, command: DecideApproval) -> ApprovalState:
    """Count a vote; Rejected when it is late, for something else, or not this person's to give."""
    approval = desk.state.approval
    if approval is None or approval.id != command.approval_id:
        raise Rejected(f"game day {desk.state.id!r} has no approval {command.approval_id!r}", RejectionKind.NOT_FOUND)
    return vote(approval, command, workflow.now())


def adopt_vote(desk: DrillDesk, counted: ApprovalState) -> None:
    """Take a counted vote over."""
    _adopt(desk, counted)


def adopt_standing(desk: DrillDesk, approval: ApprovalState) -> None:
    """Take over an approval that people gave before, for every run that is exactly the same."""
    desk.adopt(decisions.Outcome(decisions.changed(desk.state, approval=approval)))
    desk.recorder.picture(ProjectionKind.APPROVAL, approval.id, approval, None)


def wanted(desk: DrillDesk, prepared: preparing.Prepared) -> ApprovalState:
    """The approval of exactly what is prepared, with nobody's word yet and no end."""
    asked, policy = desk.start.document.approval, desk.start.policy
    at_most = policy.standing_approval_at_most
    return ApprovalState(
        id=game_day_approval_id(desk.state.id),
        run_id=desk.state.id,
        step_id="targets",
        incident_id="",
        state=ApprovalStatus.PENDING,
        # Shown is what is chosen now; the preflight after the decision compares.
        digest=prepared.digest,
        shown=prepared.shown,
        message=decisions.headline(desk.start.document.title, prepared.faults),
        min_approvals=max(asked.min_approvals, policy.min_approvals),
        approvers=asked.approvers or policy.approvers,
        requested_by=desk.start.requested_by,
        requested_at=workflow.now(),
        expires_at=None,
        standing_at_most_seconds=at_most.total_seconds() if at_most else 0,
        asked_because=desk.asked_because,
    )


def _pending(desk: DrillDesk) -> ApprovalState | None:
    approval = desk.state.approval
    return approval if approval is not None and approval.state is ApprovalStatus.PENDING else None


async def _wait_and_remind(desk: DrillDesk, approval: ApprovalState) -> None:
    every = desk.start.document.approval.remind_every
    now = workflow.now()
    reminder = int((now - approval.requested_at) / every) + 1
    remind_at = approval.requested_at + reminder * every
    expires_at = approval.expires_at or remind_at
    await desk.wait_until(
        min(remind_at, expires_at),
        lambda: _pending(desk) is None or desk.state.halted is not None or desk.is_handing_over,
    )
    still = _pending(desk)
    if still is None or desk.is_handing_over:
        return
    now = workflow.now()
    if desk.state.halted is not None:
        _adopt(desk, supersede(still, f"halted by {desk.state.halted.by.name}", now))
    elif now >= expires_at - timedelta(milliseconds=1):
        _adopt(desk, expire(still, max(now, expires_at)))
    else:
        _ask(desk, still, reminder)


def _adopt(desk: DrillDesk, approval: ApprovalState) -> None:
    desk.adopt(decisions.after_approval(desk.state, approval, workflow.now()))
    desk.recorder.picture(ProjectionKind.APPROVAL, approval.id, approval, None)


def _ask(desk: DrillDesk, approval: ApprovalState, reminder: int) -> None:
    people = people_asked(approval.approvers, desk.start.groups, approval.requested_by, None)
    voted = {each.by.name for each in approval.votes}
    about: dict[str, Any] = {"approval": approval.model_dump(mode="json"), "title": approval.message}
    names = tuple(name for name in people if name not in voted)
    if names:
        desk.tell(Template.APPROVAL_REQUEST, f"approval/{reminder}", names, about, drill=True)


def _targets(desk: DrillDesk) -> str:
    return ", ".join(in_words(run) for run in desk.state.faults) or "nothing"
