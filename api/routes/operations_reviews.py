"""`/api/v1/operations-reviews`: the weekly document, and what its meeting decided."""

from datetime import UTC, datetime

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.acting import Actions
from api.bodies import Strict
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
from api.routes.verbs import Verb, add_verbs
from domain.operations_review import (
    CloseMeeting,
    OperationsReviewCommand,
    OperationsReviewState,
    RecordMeetingDecision,
)
from domain.record import ProjectionKind
from store.interface import Document

router = APIRouter(prefix="/operations-reviews", tags=["operations reviews"])


class StartBody(Strict):
    """Who asks for it."""

    by: str | None = None


@router.get("", summary="Operations reviews, the newest first", response_model=None, responses=problems(422))
async def list_operations_reviews(reader: ReaderDep, query: Things) -> JSONResponse:
    """A page of weeks."""
    found = await reader.things(
        ProjectionKind.OPERATIONS_REVIEW, state=several(query.state), cursor=query.cursor, limit=query.limit
    )
    return page(found)


@router.post("", summary="Prepare this week's review now", status_code=202, response_model=None,
             responses=problems(403))  # fmt: skip
async def start_operations_review(
    speaker: SpeakerDep, actions: ActionsDep, body: StartBody | None = None
) -> JSONResponse:
    """A week has one; asking again finds it."""
    by = speaker.actor(body.by if body else None)
    made = await actions.start_operations_review(by, datetime.now(UTC))
    return document({"id": made.id, "is_new": made.is_new}, 202, f"/api/v1/operations-reviews/{made.id}")


@router.get("/{id}", summary="One week", response_model=None, responses=shows(OperationsReviewState) | problems(404))
async def get_operations_review(id: str, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """With its document and decisions; the id is the ISO week, such as 2026-W48."""
    return picture(await reader.operations_review(id))


VERBS = (
    Verb("decisions", "decide", RecordMeetingDecision, "Something the meeting decided"),
    Verb("close", "close", CloseMeeting, "The meeting was held"),
)


async def _send(actions: Actions, id_: str, name: str, command: OperationsReviewCommand, mark: str | None) -> Document:
    return await actions.operations_review(id_, name, command, mark)


add_verbs(router, VERBS, _send, OperationsReviewState)
