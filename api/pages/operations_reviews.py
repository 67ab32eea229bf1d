"""The weekly operations review: the document, and the meeting that is run from it."""

from datetime import UTC, datetime

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse

from api.pages.forms import Verb, longest_text, read_command, read_form
from api.pages.rendering import AtDesk, attempt, markdown
from domain.errors import Rejected, Transient
from domain.operations_review import CloseMeeting, OperationsReviewCommand, RecordMeetingDecision
from domain.record import ProjectionKind

router = APIRouter(include_in_schema=False)


@router.get("/operations-reviews")
async def operations_reviews(desk: AtDesk) -> HTMLResponse:
    """Week by week."""
    found = await desk.listing(ProjectionKind.OPERATIONS_REVIEW, limit=60)
    return await desk.page("operations_reviews.html", reviews=found)


@router.post("/operations-reviews")
async def start_operations_review(desk: AtDesk) -> RedirectResponse:
    """Prepare this week's now."""
    try:
        made = await desk.done(desk.actions.start_operations_review(desk.actor, datetime.now(UTC)))
    except (Rejected, Transient) as error:
        return desk.back("/operations-reviews", refusal=error.sentence)
    return desk.back(f"/operations-reviews/{made.id}", notice="It is being prepared from the record.")


@router.get("/operations-reviews/{week}")
async def operations_review(desk: AtDesk, week: str) -> HTMLResponse:
    """One week, to run the meeting from."""
    review = (await desk.reader.operations_review(week)).document
    return await desk.page(
        "operations_review.html", review=review, html=markdown(review["markdown"]), people=desk.people
    )


_VERBS: dict[str, Verb[OperationsReviewCommand]] = {
    "decide": Verb("decide", RecordMeetingDecision, "Recorded."),
    "close": Verb("close", CloseMeeting, "The meeting was held."),
}


@router.post("/operations-reviews/{week}/{verb}")
async def act(desk: AtDesk, week: str, verb: str) -> RedirectResponse:
    """Record a decision; close."""
    path = f"/operations-reviews/{week}"
    fields = await read_form(desk.request)
    unsent = longest_text(fields)
    try:
        known, command = read_command(_VERBS, verb, desk.actor, fields)
    except Rejected as error:
        return desk.back(path, refusal=error.sentence, unsent=unsent)
    return await attempt(desk, path, desk.actions.operations_review(week, known.name, command), known.done, unsent)
