"""Reviews in the console: the text with the lint's findings beside it, who takes part, how it was for them, the end.

The one thing to know: `/perspectives/…` is open to whoever holds a signed link, and lets them do one thing only.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.pages.forms import Verb, local_moment, longest_text, read_command, read_form, read_model
from api.pages.rendering import AtDesk, Desk, markdown, render
from api.routes.review_files import changes, revisions_of
from domain.action_item import ActionItemStatus
from domain.blameless import lint_text
from domain.calendar import written
from domain.contributing_factors import LEAST_FACTORS, factors_of
from domain.errors import HotwashError, Rejected, Transient
from domain.pattern import Taggable
from domain.policy import WorkingHours
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
    FindingKind,
    GivePerspective,
    InviteToReview,
    MeetingPlan,
    NameChangeAuthors,
    PlanMeeting,
    PublishReview,
    RecordMeeting,
    RedrawReview,
    ResolveComment,
    ReturnReview,
    ReviewCommand,
    ReviewStatus,
    SignOffReview,
    SubmitReview,
    WaiveReview,
    WithdrawFinding,
)
from domain.review_comments import places_of
from domain.review_completeness import lacks
from domain.review_guide import calibration_document, interview_guide
from domain.review_meeting_date import is_draft_late
from domain.review_merge import blanks_in
from domain.severity import Severity
from domain.timeline import person
from runtime.perspective_links import PerspectiveLinks
from store.interface import Document

router = APIRouter(include_in_schema=False)

_OPEN = {ReviewStatus.DRAFT, ReviewStatus.IN_REVIEW}
# A day of a busy incident.
_MOST_LINES = 500
# The findings that a reader mends in one sitting.
_MOST_FINDINGS = 30
# Whether there is one at all is asked.
_MOST_ITEMS = 100


@router.get("/reviews")
async def reviews(desk: AtDesk) -> HTMLResponse:
    """Soonest due first, with what each waits for."""
    found = await desk.listing(ProjectionKind.REVIEW, limit=100)
    hours = desk.configuration.policy.calendar
    plans = {each["id"]: _meeting_plan(each, hours) for each in found if each["state"] in _OPEN}
    return await desk.page("reviews.html", reviews=found, plans=plans)


@router.get("/reviews/{incident_id}")
async def review(desk: AtDesk, incident_id: str) -> HTMLResponse:
    """One review: the text, what was learned, what can be done."""
    return await _review_page(desk, incident_id)


async def _review_page(desk: Desk, incident_id: str, unsaved: str | None = None) -> HTMLResponse:
    """The page; with a text that could not be saved standing in the form, where it can be saved again."""
    document = (await desk.reader.review(incident_id)).document
    findings = await asyncio.to_thread(lint_text, document["markdown"])
    given = [each for each in document["findings"] if each["kind"] == FindingKind.CONTRIBUTING_FACTOR.value]
    return await desk.page(
        "review.html",
        status=200 if unsaved is None else 409,
        review=document,
        html=markdown(document["markdown"]),
        unsaved=unsaved,
        is_open=document["state"] in _OPEN,
        people=desk.people,
        me=desk.principal.name,
        lint=findings[:_MOST_FINDINGS],
        lint_count=len(findings),
        blanks=blanks_in(document["markdown"]) if document["state"] in _OPEN else {},
        lacks=await _lacks(desk, incident_id, document),
        factors=factors_of(desk.configuration.contributing_factors),
        lacks_factors=len(given) < LEAST_FACTORS,
        # Reviews that are older than these fields have none of them.
        participants=document.get("participants") or [],
        perspectives=document.get("perspectives") or [],
        tags=await _tags(desk, incident_id),
        meeting_plan=_meeting_plan(document, desk.configuration.policy.calendar),
        places=places_of(document["markdown"]),
        time_zone=desk.configuration.policy.calendar.time_zone,
    )


async def _lacks(desk: Desk, incident_id: str, document: Document) -> tuple[str, ...]:
    """What whoever signs should have seen; nothing unless it waits for that."""
    if document["state"] != ReviewStatus.IN_REVIEW:
        return ()
    severity = Severity(document["severity"]) if document.get("severity") else None
    views = len(document.get("perspectives") or ())
    found = await desk.listing(ProjectionKind.ACTION_ITEM, incident_id=incident_id, limit=_MOST_ITEMS)
    kept = [each for each in found if each["state"] != ActionItemStatus.DROPPED]
    items = None if desk.store_problem else len(kept)
    return lacks(document["markdown"], severity, facilitator=document.get("facilitator"), views=views, items=items)


def _meeting_plan(document: Document, hours: WorkingHours) -> dict[str, Any] | None:
    """The meeting's date as people of the office read it and fill it in; None when there is none."""
    found = document.get("meeting_plan")
    if found is None or document.get("meeting") is not None:
        return None
    plan = MeetingPlan.model_validate(found)
    return {
        "at": written(plan.at, hours),
        "latest": written(plan.latest, hours) if plan.latest and plan.is_late else "",
        "draft_by": written(plan.draft_by, hours),
        "is_draft_late": is_draft_late(plan, ReviewStatus(document["state"]), datetime.now(UTC)),
        "is_fixed": plan.fixed_by is not None,
        "moved": plan.moved,
        "invited": plan.invited,
        "field": plan.at.astimezone(ZoneInfo(hours.time_zone)).strftime("%Y-%m-%dT%H:%M"),
    }


async def _tags(desk: Desk, incident_id: str) -> tuple[str, ...] | None:
    """None while the record is away: a form without them would take them all off."""
    try:
        patterns = desk.request.app.state.learning.learning.patterns
        found: tuple[str, ...] = await patterns.tags_of(Taggable.REVIEW, incident_id)
    except Transient as error:
        desk.store_problem = error.sentence
        return None
    return found


@router.get("/reviews/{incident_id}/changes")
async def review_changes(desk: AtDesk, incident_id: str, old: int = 0, new: int = 0) -> HTMLResponse:
    """What changed between two versions; the last two unless others are named."""
    found = await revisions_of(desk.reader, incident_id)
    newest = max((each["revision"] for each in found), default=0)
    before, after = old or max(newest - 1, 0), new or newest
    text = changes(found, incident_id, before, after) if found else ""
    return await desk.page(
        "review_changes.html", incident_id=incident_id, revisions=found, old=before, new=after, lines=text.splitlines()
    )


@router.get("/reviews/{incident_id}/guide")
async def guide(desk: AtDesk, incident_id: str) -> HTMLResponse:
    """The interview guide, to print."""
    return await _made_text(desk, incident_id, interview_guide)


@router.get("/reviews/{incident_id}/calibration")
async def calibration(desk: AtDesk, incident_id: str) -> HTMLResponse:
    """The calibration document, to send around."""
    return await _made_text(desk, incident_id, calibration_document)


async def _made_text(desk: Desk, incident_id: str, make: Any) -> HTMLResponse:
    document = (await desk.reader.review(incident_id)).document
    timeline = await desk.reader.timeline(incident_id, limit=_MOST_LINES)
    text = make(document, timeline, desk.configuration.policy.calendar)
    return await desk.page("review_text.html", incident_id=incident_id, html=markdown(text))


_VERBS: dict[str, Verb[ReviewCommand]] = {
    "submit": Verb("submit", SubmitReview, "It is up for review."),
    "sign-off": Verb("sign_off", SignOffReview, "Signed off."),
    "return": Verb("return_to_draft", ReturnReview, "Back to the draft."),
    "extend": Verb("extend", ExtendReview, "Said; another person approves it where the policy asks for one."),
    "approve-extension": Verb("approve_extension", ApproveReviewExtension, "The deadline was moved."),
    "decline-extension": Verb("decline_extension", DeclineReviewExtension, "It is due as before."),
    "assign": Verb("assign", AssignReview, "Handed over."),
    "waive": Verb("waive", WaiveReview, "Said. It needs two people, of whom the second does not own it."),
    "close": Verb("close", CloseReview, "Closed."),
    "withdraw-finding": Verb("withdraw_finding", WithdrawFinding, "Withdrawn; it stays in the history."),
    "redraw": Verb("redraw", RedrawReview, "The draft is written anew; look again in a moment."),
    "finding": Verb("add_finding", AddFinding, "Added."),
    "edit": Verb("edit", EditReview, "Saved."),
    "facilitator": Verb("appoint_facilitator", AppointFacilitator, "Appointed, and told."),
    "change-authors": Verb("name_change_authors", NameChangeAuthors, "Noted; they need not facilitate."),
    "invite": Verb("invite", InviteToReview, "Asked for their view."),
    "perspective": Verb("give_perspective", GivePerspective, "Thank you."),
    "comment": Verb("comment", CommentOnReview, "Said; its owner answers."),
    "resolve-comment": Verb("resolve_comment", ResolveComment, "Answered."),
    "meeting-date": Verb("plan_meeting", PlanMeeting, "Fixed; everybody who takes part is invited."),
    "meeting": Verb("record_meeting", RecordMeeting, "Recorded; those who were there are asked two questions."),
    "poll": Verb("answer_poll", AnswerPoll, "Thank you. Only the counts are kept."),
    "publish": Verb("publish", PublishReview, "Sent to be read."),
    "read": Verb("confirm_read", ConfirmRead, "Noted that you have read it."),
}


@router.post("/reviews/{incident_id}/{verb}")
async def change_review(desk: AtDesk, incident_id: str, verb: str) -> Response:
    """Edit, submit, sign off, return, extend, assign, waive, close, add a finding, appoint, invite, meet, answer."""
    path = f"/reviews/{incident_id}"
    fields = await read_form(desk.request)
    for names in ("people", "attended"):
        if names in fields:
            fields[names] = tuple(name.strip() for name in fields[names].split(",") if name.strip())
    try:
        if "at" in fields:
            fields["at"] = local_moment(fields["at"], desk.configuration.policy.calendar.time_zone)
        known, command = read_command(_VERBS, verb, desk.actor, fields)
        await desk.done(desk.actions.review(incident_id, known.name, command))
    except (Rejected, Transient) as error:
        if verb != "edit":
            return desk.back(path, refusal=error.sentence, unsent=longest_text(fields))
        # An hour's writing fits into no cookie; the page itself is the answer, with the text in its form.
        desk.refusal = error.sentence
        return await _review_page(desk, incident_id, unsaved=fields.get("markdown", ""))
    return desk.back(path, notice=known.done)


@router.get("/perspectives/{token}")
async def ask_perspective(request: Request, token: str, done: int = 0) -> HTMLResponse:
    """The four questions, for the holder of a signed link."""
    try:
        link = _links(request).read(token)
    except Rejected as error:
        return render("perspective.html", status=401, link=None, refusal=error.sentence, done=False, given={})
    return render("perspective.html", link=link, refusal="", done=bool(done), given={})


@router.post("/perspectives/{token}")
async def take_perspective(request: Request, token: str) -> Response:
    """Keep the answers; nothing is lost when they are refused."""
    fields = await read_form(request)
    link = None
    try:
        link = _links(request).read(token)
        command = read_model(GivePerspective, {**fields, "by": person(link.person)})
        await request.app.state.actions.review(link.incident_id, "give_perspective", command)
    except HotwashError as error:
        status = 401 if link is None else 409
        return render("perspective.html", status=status, link=link, refusal=error.sentence, done=False, given=fields)
    return RedirectResponse(f"/perspectives/{token}?done=1", status_code=303)


def _links(request: Request) -> PerspectiveLinks:
    return PerspectiveLinks(request.app.state.secret_key)
