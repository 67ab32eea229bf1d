"""Standing approvals as one run sees them: is there one that holds, and tell it when people gave one.

The one thing to know: it is asked only where `game_day_policy` allows standing approvals, and what cannot be asked
counts as none, so that people are asked.
"""

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, FailureError, WorkflowAlreadyStartedError

from domain import game_day_decisions as decisions
from domain import standing_approval_decisions as standing
from domain.ids import game_day_approval_id, standing_approval_workflow_id
from domain.run import ApprovalState, ApprovalStatus
from domain.standing_approval import GrantStanding, StandingGrant, StandingStart
from domain.timeline import EntryKind, automation
from workflows.game_days.desk import DrillDesk, sentence_of
from workflows.game_days.preparing import Prepared
from workflows.options import ASK_BRIEFLY, QUESTION_TIMEOUT

with workflow.unsafe.imports_passed_through():
    from activities.drill_surroundings import AskStanding, SurroundingsActivities

# Who starts what is scheduled (`workers/schedules.py`).
_SCHEDULE = automation("schedule")


async def approved_before(desk: DrillDesk, prepared: Prepared) -> ApprovalState | None:
    """The approval that stands for this run; None: people have to be asked, and `desk.asked_because` says why."""
    if desk.start.policy.standing_approval_at_most is None:
        return None
    request = AskStanding(name=desk.state.name, environments=prepared.targets.environments())
    try:
        answer = await workflow.execute_activity_method(
            SurroundingsActivities.standing, request, start_to_close_timeout=QUESTION_TIMEOUT, retry_policy=ASK_BRIEFLY
        )
    except ActivityError as error:
        desk.asked_because = f"it cannot be told whether a standing approval holds: {sentence_of(error)}"
        return None
    grant = answer.state.grant if answer.state is not None else None
    ruling = standing.rule(answer, _question(desk, prepared), desk.start.policy, workflow.now())
    if grant is None or not ruling.holds:
        desk.asked_because = ruling.sentence
        return None
    desk.note(EntryKind.APPROVAL, f"Nobody is asked: {ruling.sentence}")
    return _approval(desk, prepared, grant, ruling.sentence)


async def grant(desk: DrillDesk) -> None:
    """Keep what people said of the schedule when they approved this run; telling it twice is telling it once."""
    approval = desk.state.approval
    command = standing.granted(approval, decisions.ME) if approval is not None else None
    if approval is None or desk.state.standing_told:
        return
    if command is not None:
        await _tell(desk.state.name, command)
        who = " and ".join(each.by.name for each in command.votes)
        until = f"{command.until:%Y-%m-%d %H:%M} UTC"
        desk.note(EntryKind.APPROVAL, f"Approved for the schedule, too, until {until}, by {who}")
    elif approval.state is ApprovalStatus.APPROVED and any(each.standing_until for each in approval.votes):
        said = sum(each.standing_until is not None for each in approval.votes)
        what = f"{said} of {approval.min_approvals} who had to say so said it"
        desk.note(EntryKind.APPROVAL, f"Approved for this run only, not for the schedule: {what}")
    desk.state = decisions.changed(desk.state, standing_told=True)


def _question(desk: DrillDesk, prepared: Prepared) -> standing.RunInQuestion:
    asked, policy = desk.start.document.approval, desk.start.policy
    return standing.RunInQuestion(
        digest=prepared.digest,
        shown=prepared.shown,
        is_scheduled=desk.start.requested_by == _SCHEDULE,
        min_approvals=max(asked.min_approvals, policy.min_approvals),
        approvers=asked.approvers or policy.approvers,
        groups=desk.start.groups,
    )


def _approval(desk: DrillDesk, prepared: Prepared, held: StandingGrant, why: str) -> ApprovalState:
    """As if it had been given for this run, with the votes of then."""
    asked, policy = desk.start.document.approval, desk.start.policy
    return ApprovalState(
        id=game_day_approval_id(desk.state.id),
        run_id=desk.state.id,
        step_id="targets",
        incident_id="",
        state=ApprovalStatus.APPROVED,
        digest=prepared.digest,
        shown=prepared.shown,
        message=decisions.headline(desk.start.document.title, prepared.faults),
        min_approvals=max(asked.min_approvals, policy.min_approvals),
        approvers=asked.approvers or policy.approvers,
        requested_by=desk.start.requested_by,
        votes=held.votes,
        requested_at=workflow.now(),
        expires_at=None,
        decided_at=workflow.now(),
        reason=why,
    )


async def _tell(name: str, command: GrantStanding) -> None:
    """Reach it, which may not be there yet."""
    id_ = standing_approval_workflow_id(name)
    while True:
        try:
            await workflow.get_external_workflow_handle(id_).signal("grant", command)
        except FailureError:
            try:
                await workflow.start_child_workflow(
                    "StandingApproval",
                    StandingStart(name=name),
                    id=id_,
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                )
            except WorkflowAlreadyStartedError:
                continue
        else:
            return
