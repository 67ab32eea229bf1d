"""`/api/v1/reviews`: the blameless reviews; a review has the id of its incident."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.acting import Actions
from api.dependencies import Owned, ReaderDep, page, picture, problems, several, shows
from api.routes.verbs import Verb, add_verbs
from domain.record import ProjectionKind
from domain.review import (
    AddFinding,
    AnswerPoll,
    AppointFacilitator,
    ApproveReviewExtension,
    AssignReview,
    CloseReview,
    CommentOnReview,
    ConfirmRead,
    DeclineReviewExtension,
    EditReview,
    ExtendReview,
    GivePerspective,
    InviteToReview,
    NameChangeAuthors,
    PlanMeeting,
    PublishReview,
    RecordMeeting,
    RedrawReview,
    ResolveComment,
    ReturnReview,
    ReviewCommand,
    ReviewState,
    SignOffReview,
    SubmitReview,
    WaiveReview,
    WithdrawFinding,
)
from store.interface import Document

router = APIRouter(prefix="/reviews", tags=["reviews"])


@router.get("", summary="Reviews, the soonest due first", response_model=None, responses=problems(422))
async def list_reviews(reader: ReaderDep, query: Owned) -> JSONResponse:
    """A page of reviews that meet every filter given."""
    return page(
        await reader.things(
            ProjectionKind.REVIEW,
            incident_id=query.incident_id,
            state=several(query.state),
            owner=several(query.owner),
            overdue=query.overdue,
            cursor=query.cursor,
            limit=query.limit,
        )
    )


@router.get("/{id}", summary="One review", response_model=None, responses=shows(ReviewState) | problems(404))
async def get_review(id: str, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """With its Markdown and findings."""
    return picture(await reader.review(id))


VERBS = (
    Verb("assign", "assign", AssignReview, "Another owner"),
    Verb("edit", "edit", EditReview, "New text, for the revision that was edited"),
    Verb("redraw", "redraw", RedrawReview, "Write the draft anew from the record, now; what people wrote is kept"),
    Verb("findings", "add_finding", AddFinding, "Something learned"),
    Verb("withdraw-finding", "withdraw_finding", WithdrawFinding, "A finding proved wrong, and why"),
    Verb("submit", "submit", SubmitReview, "Ready to be reviewed"),
    Verb("sign-off", "sign_off", SignOffReview, "Reviewed and accepted, in one role; not by its owner"),
    Verb("return", "return_to_draft", ReturnReview, "Not yet: back to the draft"),
    Verb(
        "waive", "waive", WaiveReview, "No review, and why: the first asks, another agrees; where the policy allows it"
    ),
    Verb(
        "extend",
        "extend",
        ExtendReview,
        "A later deadline, and why; where the policy says so another person approves it",
    ),
    Verb("approve-extension", "approve_extension", ApproveReviewExtension, "The later deadline; not by who asked"),
    Verb("decline-extension", "decline_extension", DeclineReviewExtension, "No more time, and why; or take it back"),
    Verb("close", "close", CloseReview, "Published and done; it also closes by itself after its soak time"),
    Verb("facilitator", "appoint_facilitator", AppointFacilitator, "Who leads the meeting; somebody neutral"),
    Verb("change-authors", "name_change_authors", NameChangeAuthors, "Who is kept from having to facilitate"),
    Verb("invite", "invite", InviteToReview, "Ask somebody for their view"),
    Verb("perspective", "give_perspective", GivePerspective, "How it was for the one who speaks"),
    Verb("comments", "comment", CommentOnReview, "Say what is wrong, missing or was different in the draft"),
    Verb("resolve-comment", "resolve_comment", ResolveComment, "Answer a comment, or carry it on and say why"),
    Verb("meeting-date", "plan_meeting", PlanMeeting, "When the meeting is; fixes the proposed date, or moves it"),
    Verb("meeting", "record_meeting", RecordMeeting, "Who was at the meeting, and what was seen differently"),
    Verb("poll", "answer_poll", AnswerPoll, "Two questions after the meeting; answers are only counted"),
    Verb("publish", "publish", PublishReview, "Send the signed review to be read; again: chase who has not read it"),
    Verb("read", "confirm_read", ConfirmRead, "The one who speaks has read it"),
)


async def _send(actions: Actions, id_: str, name: str, command: ReviewCommand, mark: str | None) -> Document:
    return await actions.review(id_, name, command, mark)


add_verbs(router, VERBS, _send, ReviewState)
