"""`/api/v1/approvals`: what waits for a yes, and the vote. A vote counts for exactly what was shown (the digest)."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime

from api.bodies import Body
from api.dependencies import (
    ActionsDep,
    ReaderDep,
    SpeakerDep,
    Things,
    document,
    page,
    picture,
    problems,
    several,
    shows,
)
from domain.record import ProjectionKind
from domain.run import ApprovalState, DecideApproval, Verdict

router = APIRouter(prefix="/approvals", tags=["approvals"])


@router.get("", summary="Approvals, newest first", response_model=None, responses=problems(422))
async def list_approvals(reader: ReaderDep, query: Things) -> JSONResponse:
    """A page of approvals; `state=pending` are those that wait."""
    return page(
        await reader.things(
            ProjectionKind.APPROVAL,
            incident_id=query.incident_id,
            state=several(query.state),
            cursor=query.cursor,
            limit=query.limit,
        )
    )


@router.get("/{id}", summary="One approval", response_model=None, responses=shows(ApprovalState) | problems(404))
async def get_approval(id: Annotated[str, Path(max_length=300)], reader: ReaderDep) -> JSONResponse:  # noqa: A002
    """With what exactly will run once approved, and its digest."""
    return picture(await reader.approval(id))


class DecisionBody(Body):
    """A vote."""

    decision: Verdict
    digest: str
    comment: str = ""
    # Of a scheduled game day: until when the same may run again without being asked about, as its policy allows.
    standing_until: AwareDatetime | None = None


@router.post(
    "/{id}/decision",
    summary="Approve or reject",
    response_model=None,
    responses=shows(ApprovalState) | problems(400, 403, 404, 409, 422),
)
async def decide(
    id: Annotated[str, Path(max_length=300)],  # noqa: A002 - the path's word
    body: DecisionBody,
    speaker: SpeakerDep,
    actions: ActionsDep,
) -> JSONResponse:
    """Refused late, twice, for another digest, by somebody who may not, and by the one who asked."""
    command = DecideApproval(
        by=speaker.actor(body.by), approval_id=id, decision=body.decision, digest=body.digest, comment=body.comment,
        standing_until=body.standing_until,
    )  # fmt: skip
    return document(await actions.decide(command, speaker.mark))
