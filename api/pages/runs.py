"""Runs of runbooks and the approvals they wait for: what exactly will run, and one tap to say yes or no."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse

from api.pages.forms import Verb, read_command, read_form
from api.pages.rendering import AtDesk, attempt
from domain.errors import Rejected
from domain.record import ProjectionKind
from domain.run import (
    ApprovalStatus,
    CompleteManualStep,
    DecideApproval,
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
_DECIDED = [s for s in ApprovalStatus if s is not ApprovalStatus.PENDING]


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
    return await desk.page("approval.html", approval=(await desk.reader.approval(approval_id)).document)


@router.post("/approvals/{approval_id}")
async def decide(
    desk: AtDesk,
    approval_id: str,
    decision: Annotated[Verdict, Form()],
    digest: Annotated[str, Form()],
    comment: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Vote on what was shown: the digest in the form is that of the page that was looked at."""
    vote = DecideApproval(by=desk.actor, approval_id=approval_id, decision=decision, digest=digest, comment=comment)
    said = "Approved." if decision is Verdict.APPROVE else "Rejected: nothing will run."
    return await attempt(desk, f"/approvals/{approval_id}", desk.actions.decide(vote), said)


@router.get("/runs/{run_id}")
async def run(desk: AtDesk, run_id: str) -> HTMLResponse:
    """One run, step by step."""
    document = (await desk.reader.run(run_id)).document
    return await desk.page("run.html", run=document, is_active=RunStatus(document["status"]) in _ACTIVE)


# Each needs a reason, which goes into the timeline.
_VERBS: dict[str, Verb[RunCommand]] = {
    "pause": Verb("pause", PauseRun, "Paused: no new step starts."),
    "resume": Verb("resume", ResumeRun, "Resumed."),
    "stop": Verb("stop", StopRun, "Stopping: no new work starts; what was done is undone."),
    "skip": Verb("skip", SkipStep, "Skipped."),
    "retry": Verb("retry", RetryStep, "Trying again."),
    "complete": Verb("complete", CompleteManualStep, "Noted."),
}


@router.post("/runs/{run_id}/{verb}")
async def operate(desk: AtDesk, run_id: str, verb: str) -> RedirectResponse:
    """Take over."""
    path = f"/runs/{run_id}"
    try:
        known, command = read_command(_VERBS, verb, desk.actor, await read_form(desk.request))
    except Rejected as error:
        return desk.back(path, refusal=error.sentence)
    return await attempt(desk, path, desk.actions.run(run_id, known.name, command), known.done)
