"""`/api/v1/reviews/import`: postmortems from before Hotwash, by an administrator."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from api.bodies import Body
from api.dependencies import SpeakerDep, problems, shows
from api.postmortems import PostmortemDesk
from domain.errors import Rejected, RejectionKind
from domain.postmortem import ImportReport, PastPostmortem

router = APIRouter(prefix="/reviews", tags=["reviews"])

# Each is a transaction of its own; so many take a second or two, and the command line sends as many requests as needed.
MOST_AT_ONCE = 100


def _desk(request: Request) -> PostmortemDesk:
    return cast("PostmortemDesk", request.app.state.postmortems)


DeskDep = Annotated[PostmortemDesk, Depends(_desk)]


class ImportBody(Body):
    """Postmortems, and what to do with them."""

    postmortems: tuple[PastPostmortem, ...] = Field(min_length=1, max_length=MOST_AT_ONCE)
    dry_run: bool = Field(default=False, description="Only say what would become of them.")
    start_open_items: bool = Field(default=False, description="Follow their open action items from now on.")


@router.post(
    "/import",
    summary="Take in postmortems from before Hotwash",
    response_model=None,
    responses=shows(ImportReport) | problems(400, 403, 413, 422),
)
async def import_postmortems(body: ImportBody, desk: DeskDep, speaker: SpeakerDep) -> JSONResponse:
    """Closed incidents, closed reviews and action items of the past; the same source and key are the same incident."""
    if not speaker.principal.is_admin:
        sentence = f"only an administrator may import postmortems; you are {speaker.principal.name!r}"
        raise Rejected(sentence, RejectionKind.FORBIDDEN)
    report = await desk.take(
        body.postmortems, speaker.actor(body.by), dry_run=body.dry_run, start_open_items=body.start_open_items
    )
    return JSONResponse(report.model_dump(mode="json"))
