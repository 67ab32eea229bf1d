"""Runs of runbooks and the approvals they wait for: what exactly will run, and one tap to say yes or no."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel

from api.auth import groups_of
from api.pages.forms import Verb, read_command, read_form
from api.pages.rendering import AtDesk, Desk, attempt
from domain.approval import vote
from domain.errors import Rejected
from domain.ids import split_approval_id
from domain.record import ProjectionKind
from domain.run import (
    ApprovalState,
    ApprovalStatus,
    CompleteManualStep,
    DecideApproval,
    OverrideOutput,
    PauseRun,
    ResumeRun,
    RetryStep,
    RunCommand,
    RunStatus,
    SkipStep,
    StopRun,
    Verdict,
)

router = APIRouter(include_in_schema=False)

_ACTIVE = (RunStatus.RUNNING, RunStatus.WAITING, RunStatus.PAUSED, RunStatus.UNDOING, RunStatus.NEEDS_HUMAN)
# As `game_day_policy.standing_approval_at_most` has it.
_MOST_STANDING_DAYS = 92
_DECIDED = [s for s in ApprovalStatus if s is not ApprovalStatus.PENDING]


@dataclass(frozen=True, slots=True)
class ToDecide:
    """A pending approval as one person sees it."""

    approval: Mapping[str, Any]
    approvals: int
    # Why this person's word would not count; None: it does.
    closed_to_me: str | None


def to_decide(desk: Desk, approval: Mapping[str, Any]) -> ToDecide:
    """Ask the domain whether a vote would count, so that nobody is offered a button that is refused."""
    state = ApprovalState.model_validate(approval)
    trial = DecideApproval(
        by=desk.actor,
        approval_id=state.id,
        decision=Verdict.APPROVE,
        digest=state.digest,
        groups=groups_of(desk.principal.name, desk.configuration),
    )
    why = None
    try:
        vote(state, trial, datetime.now(UTC))
    except Rejected as error:
        why = error.sentence
    approvals = sum(each.verdict is Verdict.APPROVE for each in state.votes)
    return ToDecide(approval, approvals, why)


@router.get("/approvals")
async def approvals(desk: AtDesk) -> HTMLResponse:
    """Pending ones first."""
    return await desk.page(
        "approvals.html",
        pending=await desk.listing(ProjectionKind.APPROVAL, state=ApprovalStatus.PENDING),
        decided=await desk.listing(ProjectionKind.APPROVAL, state=_DECIDED, limit=20),
    )


@router.get("/approvals/{approval_id}")
async def approval(desk: AtDesk, approval_id: str) -> HTMLResponse:
    """One approval with exactly what will run."""
    document = (await desk.reader.approval(approval_id)).document
    last_seq = await desk.newest_line(document["incident_id"])
    return await desk.page("approval.html", approval=document, one=to_decide(desk, document), last_seq=last_seq)


class Ballot(BaseModel):
    """The form under an approval: the digest in it is that of the page that was looked at."""

    decision: Verdict
    digest: str
    comment: str = ""
    # Of a scheduled game day: for how many days the same may run again without being asked about; empty: not at all.
    standing_days: str = ""
    # `room`: the vote was given in the incident room, and that is where the person goes on.
    back: str = ""


@router.post("/approvals/{approval_id}")
async def decide(desk: AtDesk, approval_id: str, ballot: Annotated[Ballot, Form()]) -> RedirectResponse:
    """Vote on what was shown."""
    run_id, _ = split_approval_id(approval_id)
    path = _room_of(run_id) if ballot.back == "room" else f"/approvals/{approval_id}"
    days = ballot.standing_days.strip() if ballot.decision is Verdict.APPROVE else ""
    if days and not (days.isascii() and days.isdigit() and 0 < int(days[:6]) <= _MOST_STANDING_DAYS):
        return desk.back(path, refusal=f"Write the days as a number from 1 to {_MOST_STANDING_DAYS}, or nothing")
    word = DecideApproval(
        by=desk.actor,
        approval_id=approval_id,
        decision=ballot.decision,
        digest=ballot.digest,
        comment=ballot.comment,
        standing_until=datetime.now(UTC) + timedelta(days=int(days)) if days else None,
    )
    said = "Approved." if ballot.decision is Verdict.APPROVE else "Rejected: nothing will run."
    return await attempt(desk, path, desk.actions.decide(word), said)


@router.get("/runs/{run_id}")
async def run(desk: AtDesk, run_id: str) -> HTMLResponse:
    """One run, step by step."""
    document = (await desk.reader.run(run_id)).document
    last_seq = await desk.newest_line(document["incident_id"])
    is_active = RunStatus(document["status"]) in _ACTIVE
    return await desk.page("run.html", run=document, is_active=is_active, last_seq=last_seq)


def _room_of(run_id: str) -> str:
    return f"/incidents/{run_id.rsplit('.', 2)[0]}"


# Each needs a reason, which goes into the timeline.
_VERBS: dict[str, Verb[RunCommand]] = {
    "pause": Verb("pause", PauseRun, "Paused: no new step starts."),
    "resume": Verb("resume", ResumeRun, "Resumed."),
    "stop": Verb("stop", StopRun, "Stopping: no new work starts; what was done is undone."),
    "skip": Verb("skip", SkipStep, "Skipped."),
    "retry": Verb("retry", RetryStep, "Trying again."),
    "override": Verb("override", OverrideOutput, "Taken as its output; the run goes on."),
    "complete": Verb("complete", CompleteManualStep, "Noted."),
}


@router.post("/runs/{run_id}/{verb}")
async def operate(desk: AtDesk, run_id: str, verb: str) -> RedirectResponse:
    """Take over."""
    path = f"/runs/{run_id}"
    try:
        fields = await read_form(desk.request)
        path = _room_of(run_id) if fields.pop("back", "") == "room" else path
        known, command = read_command(_VERBS, verb, desk.actor, fields)
    except Rejected as error:
        return desk.back(path, refusal=error.sentence)
    return await attempt(desk, path, desk.actions.run(run_id, known.name, command), known.done)
