"""Standing approvals as one run sees them: is there one that holds, and tell it when people gave one.

The one thing to know: it is asked only where `game_day_policy` allows standing approvals, and what cannot be asked
counts as none, so that people are asked.
"""

from temporalio import workflow
from temporalio.common import SearchAttributeKey, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, FailureError, WorkflowAlreadyStartedError

from domain import game_day_decisions as decisions
from domain import standing_approval_decisions as standing
from domain.ids import standing_approval_workflow_id
from domain.run import ApprovalState, ApprovalStatus
from domain.standing_approval import GrantStanding, StandingStart
from domain.timeline import EntryKind, automation
from workflows.game_days import approving
from workflows.game_days.desk import DrillDesk, sentence_of
from workflows.game_days.preparing import Prepared
from workflows.options import ASK_BRIEFLY, QUESTION_TIMEOUT

with workflow.unsafe.imports_passed_through():
    from activities.drill_surroundings import AskStanding, SurroundingsActivities

# Who starts what is scheduled (`workers/schedules.py`).
_SCHEDULE = automation("schedule")
# The engine's own word for the time, without jitter, for which a schedule started a workflow.
_SCHEDULED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


async def approved_before(desk: DrillDesk, prepared: Prepared) -> ApprovalState | None:
    """The approval that stands for this run; None: people have to be asked, and `desk.asked_because` says why."""
    if desk.start.policy.standing_approval_at_most is None:
        return None
    request = AskStanding(
        name=desk.state.name,
        environments=prepared.targets.environments(),
        scheduled_at=workflow.info().typed_search_attributes.get(_SCHEDULED_AT),
        begun_at=desk.state.started_at,
    )
    try:
        answer = await workflow.execute_activity_method(
            SurroundingsActivities.standing, request, start_to_close_timeout=QUESTION_TIMEOUT, retry_policy=ASK_BRIEFLY
        )
    except ActivityError as error:
        desk.asked_because = f"it cannot be told whether a standing approval holds: {sentence_of(error)}"
        return None
    grant = answer.state.grant if answer.state is not None else None
    approval = approving.wanted(desk, prepared)
    ruling = standing.rule(answer, _question(desk, approval), desk.start.policy, workflow.now())
    if grant is None or not ruling.holds:
        desk.asked_because = ruling.sentence
        return None
    desk.note(EntryKind.APPROVAL, f"Nobody is asked: {ruling.sentence}")
    # As if it had been given for this run, with the votes of then.
    now = workflow.now()
    given = {"state": ApprovalStatus.APPROVED, "votes": grant.votes, "decided_at": now, "reason": ruling.sentence}
    return approval.model_copy(update={**given, "standing_at_most_seconds": 0})


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


def _question(desk: DrillDesk, approval: ApprovalState) -> standing.RunInQuestion:
    return standing.RunInQuestion(
        digest=approval.digest,
        shown=approval.shown,
        is_scheduled=desk.start.requested_by == _SCHEDULE,
        min_approvals=approval.min_approvals,
        approvers=approval.approvers,
        groups=desk.start.groups,
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
