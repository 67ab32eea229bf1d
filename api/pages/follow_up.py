"""After the incident: reviews. Action items are in `api/pages/action_items.py`."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from api.pages.forms import Verb, longest_text, read_command, read_form
from api.pages.rendering import AtDesk, Desk, markdown
from domain.errors import Rejected, Transient
from domain.record import ProjectionKind
from domain.review import (
    AddFinding,
    AssignReview,
    EditReview,
    ExtendReview,
    ReturnReview,
    ReviewCommand,
    ReviewStatus,
    SignOffReview,
    SubmitReview,
    WaiveReview,
)

router = APIRouter(include_in_schema=False)


@router.get("/reviews")
async def reviews(desk: AtDesk) -> HTMLResponse:
    """Soonest due first."""
    return await desk.page("reviews.html", reviews=await desk.listing(ProjectionKind.REVIEW, limit=100))


@router.get("/reviews/{incident_id}")
async def review(desk: AtDesk, incident_id: str) -> HTMLResponse:
    """One review: the text, what was learned, what can be done."""
    return await _review_page(desk, incident_id)


async def _review_page(desk: Desk, incident_id: str, unsaved: str | None = None) -> HTMLResponse:
    """The page; with a text that could not be saved standing in the form, where it can be saved again."""
    document = (await desk.reader.review(incident_id)).document
    return await desk.page(
        "review.html",
        status=200 if unsaved is None else 409,
        review=document,
        html=markdown(document["markdown"]),
        unsaved=unsaved,
        is_open=document["state"] in {ReviewStatus.DRAFT, ReviewStatus.IN_REVIEW},
        people=desk.people,
    )


_REVIEW_VERBS: dict[str, Verb[ReviewCommand]] = {
    "submit": Verb("submit", SubmitReview, "It is up for review."),
    "sign-off": Verb("sign_off", SignOffReview, "Signed off."),
    "return": Verb("return_to_draft", ReturnReview, "Back to the draft."),
    "extend": Verb("extend", ExtendReview, "The deadline was moved."),
    "assign": Verb("assign", AssignReview, "Handed over."),
    "waive": Verb("waive", WaiveReview, "Waived."),
    "finding": Verb("add_finding", AddFinding, "Added."),
    "edit": Verb("edit", EditReview, "Saved."),
}


@router.post("/reviews/{incident_id}/{verb}")
async def change_review(desk: AtDesk, incident_id: str, verb: str) -> Response:
    """Edit, submit, sign off, return, extend, assign, waive, add a finding."""
    path = f"/reviews/{incident_id}"
    fields = await read_form(desk.request)
    try:
        known, command = read_command(_REVIEW_VERBS, verb, desk.actor, fields)
        await desk.done(desk.actions.review(incident_id, known.name, command))
    except (Rejected, Transient) as error:
        if verb != "edit":
            return desk.back(path, refusal=error.sentence, unsent=longest_text(fields))
        # An hour's writing fits into no cookie; the page itself is the answer, with the text in its form.
        desk.refusal = error.sentence
        return await _review_page(desk, incident_id, unsaved=fields.get("markdown", ""))
    return desk.back(path, notice=known.done)
