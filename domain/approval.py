"""Approvals: whose word counts, and what it does. Called by `workflows/runbook_run.py` and its approval step.

An approval binds to the digest of exactly what was shown. Every refusal is a sentence that says what to do instead.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.durations import format_duration
from domain.errors import Rejected, RejectionKind
from domain.run import ApprovalState, ApprovalStatus, DecideApproval, Verdict, Vote
from domain.standing_approval_decisions import demand_standing
from domain.timeline import Actor, ActorKind

# Members may approve whatever needs approval, except what they asked for themselves.
ADMIN_GROUP = "admin"


def vote(approval: ApprovalState, command: DecideApproval, now: datetime) -> ApprovalState:
    """Count a vote; Rejected when it is late, for something else, or not this person's to give."""
    _demand_open(approval, now)
    _demand_right(approval, command)
    if command.digest != approval.digest:
        raise Rejected(
            f"what you {_did(command.decision)} ({_short(command.digest)}) is not what would run"
            f" ({_short(approval.digest)}); look at it again and decide on what is shown now",
            RejectionKind.CONFLICT,
        )
    demand_standing(approval, command.decision, command.standing_until, now)
    word = Vote(
        by=command.by, verdict=command.decision, digest=command.digest, comment=command.comment, at=now,
        standing_until=command.standing_until,
    )  # fmt: skip
    counted = approval.model_copy(update={"votes": (*approval.votes, word)})
    if command.decision is Verdict.REJECT:
        reason = f"rejected by {command.by.name}" + (f": {command.comment}" if command.comment else "")
        return _decided(counted, ApprovalStatus.REJECTED, reason, now)
    names = [each.by.name for each in counted.votes]
    if len(names) >= approval.min_approvals:
        return _decided(counted, ApprovalStatus.APPROVED, f"approved by {' and '.join(names)}", now)
    return counted


def escalate(approval: ApprovalState, to: Sequence[str]) -> ApprovalState:
    """Let others vote as well, because nobody has decided in time; the digest and the votes stay."""
    if approval.state is not ApprovalStatus.PENDING or approval.escalated:
        return approval
    # Where nobody is named, everybody may vote already.
    approvers = tuple(dict.fromkeys((*approval.approvers, *to))) if approval.approvers else ()
    return approval.model_copy(update={"escalated": True, "approvers": approvers})


def expire(approval: ApprovalState, now: datetime) -> ApprovalState:
    """Close an approval that nobody decided in time; anything but a pending one stays as it is."""
    if approval.state is not ApprovalStatus.PENDING:
        return approval
    have = f"{len(approval.votes)} of {approval.min_approvals} approvals"
    # The limit that was written, not the milliseconds by which the timer came later.
    after = format_duration((approval.expires_at or now) - approval.requested_at)
    return _decided(approval, ApprovalStatus.EXPIRED, f"expired after {after} with {have}", now)


def supersede(approval: ApprovalState, reason: str, now: datetime) -> ApprovalState:
    """Close a pending approval whose question is gone: the run stopped, or asks anew."""
    if approval.state is not ApprovalStatus.PENDING:
        return approval
    return _decided(approval, ApprovalStatus.SUPERSEDED, reason, now)


def people_asked(
    approvers: Sequence[str], groups: Mapping[str, Sequence[str]], requested_by: Actor, commander: str | None
) -> tuple[str, ...]:
    """Who is told that an approval is wanted: the approvers, each once, without the one who may not vote.

    A name that is no group is a person. Nobody named: the commander, or else everybody of every group.
    """
    if approvers:
        names = [person for name in approvers for person in groups.get(name, (name,))]
    elif commander and not _is(requested_by, commander):
        names = [commander]
    else:
        names = [person for group in sorted(groups) for person in groups[group]]
    return tuple(dict.fromkeys(name for name in names if not _is(requested_by, name)))


def _demand_open(approval: ApprovalState, now: datetime) -> None:
    if approval.state is not ApprovalStatus.PENDING:
        raise Rejected(
            f"too late: this approval is {approval.state.value} ({approval.reason}); nothing more can be decided here",
            RejectionKind.CONFLICT,
        )
    # The timer that closes it may not have fired yet; the limit counts, not the timer.
    if approval.expires_at is not None and now >= approval.expires_at:
        raise Rejected(
            f"too late: this approval expired at {approval.expires_at:%Y-%m-%d %H:%M:%S} UTC; ask for a new run",
            RejectionKind.CONFLICT,
        )


def _demand_right(approval: ApprovalState, command: DecideApproval) -> None:
    voter = command.by
    if voter.kind is not ActorKind.PERSON:
        raise Rejected(f"{voter.name} is no person; only people approve", RejectionKind.FORBIDDEN)
    if _is(approval.requested_by, voter.name):
        raise Rejected(
            f"{voter.name} asked for this run and cannot approve it; somebody else has to", RejectionKind.FORBIDDEN
        )
    allowed = {*approval.approvers, ADMIN_GROUP}
    if approval.approvers and not allowed & {voter.name, *command.groups}:
        raise Rejected(
            f"{voter.name} is not among the approvers of this step; ask {', '.join(approval.approvers)}",
            RejectionKind.FORBIDDEN,
        )
    if any(each.by.name == voter.name for each in approval.votes):
        raise Rejected(f"{voter.name} has already voted; somebody else has to", RejectionKind.CONFLICT)


def _is(actor: Actor, name: str) -> bool:
    return actor.kind is ActorKind.PERSON and actor.name == name


def _did(verdict: Verdict) -> str:
    return "approved" if verdict is Verdict.APPROVE else "rejected"


def _short(digest: str) -> str:
    # Enough to compare by eye; the whole digest is in the approval.
    return digest[:19] + "…" if len(digest) > 20 else digest or "no digest"  # noqa: PLR2004 - see the line above


def _decided(approval: ApprovalState, state: ApprovalStatus, reason: str, now: datetime) -> ApprovalState:
    return approval.model_copy(update={"state": state, "reason": reason, "decided_at": now})
