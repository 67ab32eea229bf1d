"""Action items: the list with its filters and wishes for many, the form with its hints, the page of one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse

from api.action_items import MOST_AT_ONCE, BulkChange, NewActionItem
from api.pages.forms import Verb, end_of_day, json_object, longest_text, read_command, read_form, read_model
from api.pages.rendering import AtDesk, Desk, attempt
from api.routes.action_items import owners
from domain.action_item import (
    AcceptItem,
    AcceptOffer,
    ActionItemCommand,
    ActionItemStatus,
    ActionItemType,
    AddEvidence,
    ApproveExtension,
    CommentOnItem,
    CreateIssueAgain,
    DeclineExtension,
    DeclineOffer,
    DropItem,
    ExtendItem,
    FinishItem,
    KeepItem,
    LinkIssue,
    OfferItem,
    ReassignItem,
    ReopenItem,
    RunCheck,
    StartWork,
)
from domain.action_item_quality import Wording, hints_on
from domain.durations import parse_duration
from domain.errors import Rejected, Transient
from domain.record import ProjectionKind

router = APIRouter(include_in_schema=False)

_AGES = (("14d", "over two weeks"), ("30d", "over a month"), ("60d", "over two months"), ("180d", "over half a year"))
_TYPES = {
    ActionItemType.PREVENT: "prevent it: it cannot happen again",
    ActionItemType.DETECT: "detect it: we hear sooner",
    ActionItemType.MITIGATE: "mitigate it: it hurts less",
    ActionItemType.PROCESS: "change a process",
    ActionItemType.DOCUMENT: "write something down",
}
_FILTERS = ("state", "team", "owner", "older_than", "incident", "overdue")


@router.get("/action-items")
async def action_items(desk: AtDesk, cursor: str = "") -> HTMLResponse:
    """Soonest due first."""
    given = desk.request.query_params
    filters = {name: given.get(name, "") for name in _FILTERS}
    page = None
    try:
        page = await desk.reader.things(
            ProjectionKind.ACTION_ITEM,
            state=filters["state"] or None,
            owner=owners(desk.configuration, [filters["owner"]] if filters["owner"] else None, filters["team"] or None),
            incident_id=filters["incident"].strip() or None,
            overdue=True if filters["overdue"] == "true" else None,
            created_before=_created_before(filters["older_than"]),
            cursor=cursor or None,
        )
    except Transient as error:
        desk.store_problem = error.sentence
    except Rejected as error:
        desk.refusal = error.sentence
    query = "&".join(f"{name}={value}" for name, value in filters.items() if value)
    next_page = f"?{query}&cursor={page.next_cursor}" if page and page.next_cursor else None
    return await desk.page(
        "action_items.html",
        items=page.items if page else [],
        filters=filters,
        states=[s.value for s in ActionItemStatus],
        ages=_AGES,
        teams=sorted(desk.configuration.teams),
        people=desk.people,
        back=f"/action-items?{query}" if query else "/action-items",
        next_page=next_page,
    )


def _created_before(text: str) -> datetime | None:
    return datetime.now(UTC) - parse_duration(text) if text in {value for value, _ in _AGES} else None


@router.get("/action-items/new")
async def new_action_item(desk: AtDesk, incident: str = "") -> HTMLResponse:
    """The form."""
    return await _form(desk, incident, None, None)


async def _form(
    desk: Desk, incident: str, written: Mapping[str, Any] | None, hints: list[dict[str, Any]] | None
) -> HTMLResponse:
    return await desk.page(
        "action_item_new.html",
        key=desk.new_key(),
        incident_id=incident,
        people=desk.people,
        drills=[each.name for each in desk.request.app.state.game_days.summaries()],
        types=[(each.value, words) for each, words in _TYPES.items()],
        trackers=sorted(desk.configuration.trackers),
        written=written,
        hints=hints,
    )


@router.post("/action-items/hints")
async def hints(desk: AtDesk) -> HTMLResponse:
    """The form again, with what could be said better; nothing is created."""
    fields = await read_form(desk.request)
    wording = Wording(
        title=str(fields.get("title", "")),
        done_when=str(fields.get("done_when", "")),
        type=fields.get("type"),
        is_urgent=fields.get("priority") == "urgent",
        is_verified=bool(fields.get("requires_drill") or fields.get("check_action")),
    )
    found = [hint.model_dump(mode="json") for hint in hints_on(wording)]
    return await _form(desk, str(fields.get("incident_id", "")), fields, found)


@router.post("/action-items")
async def create_action_item(desk: AtDesk) -> RedirectResponse:
    """Start it; it outlives the incident."""
    fields = await read_form(desk.request)
    key = fields.pop("key", None)
    try:
        action, parameters = fields.pop("check_action", None), fields.pop("check_parameters", "{}")
        if action:
            fields["check"] = {"action": action, "parameters": json_object(parameters)}
        made = await desk.done(desk.actions.create_action_item(read_model(NewActionItem, fields), desk.actor, key))
    except (Rejected, Transient) as error:
        return desk.back(f"/action-items/new?incident={fields.get('incident_id', '')}", refusal=error.sentence)
    return desk.back(f"/action-items/{made.id}", notice="Added. It is chased until it is done with evidence.")


@router.post("/action-items/bulk")
async def change_many(desk: AtDesk) -> RedirectResponse:
    """One wish and one reason for all that were chosen."""
    form = await desk.request.form()
    asked = str(form.get("back", ""))
    # Only back to where the form stood.
    path = asked if asked.startswith("/action-items?") else "/action-items"
    ids = [str(each) for each in form.getlist("ids")][:MOST_AT_ONCE]
    if not ids:
        return desk.back(path, refusal="nothing was chosen; tick the items first")
    wish: dict[str, Any] = {"ids": ids, "reason": str(form.get("reason", "")).strip()}
    try:
        if form.get("wish") == "offer":
            wish["offer_to"] = str(form.get("offer_to", ""))
        else:
            wish["due_at"] = end_of_day(str(form.get("due_at", "")))
        answer = await desk.done(desk.actions.change_items(read_model(BulkChange, wish), desk.actor))
    except (Rejected, Transient) as error:
        return desk.back(path, refusal=error.sentence)
    is_asked = "due_at" in wish and desk.configuration.policy.extension_needs_approver
    waits = "; another person approves each later date" if is_asked else ""
    refused = "; ".join(f"{each['id']}: {each['detail']}" for each in answer["refused"])
    return desk.back(path, notice=f"{len(answer['done'])} of {len(ids)} were taken{waits}.", refusal=refused or None)


@router.get("/action-items/{item_id}")
async def action_item(desk: AtDesk, item_id: str) -> HTMLResponse:
    """One item."""
    return await desk.page(
        "action_item.html", item=(await desk.reader.action_item(item_id)).document, people=desk.people
    )


_ITEM_VERBS: dict[str, Verb[ActionItemCommand]] = {
    "start": Verb("start", StartWork, "Begun."),
    "evidence": Verb("add_evidence", AddEvidence, "Kept."),
    "done": Verb("done", FinishItem, "Done."),
    "extend": Verb("extend", ExtendItem, "Said; another person approves it where the policy asks for one."),
    "approve-extension": Verb("approve_extension", ApproveExtension, "The due date was moved."),
    "decline-extension": Verb("decline_extension", DeclineExtension, "It is due as before."),
    "offer": Verb("offer", OfferItem, "Offered; it stays here until it is accepted."),
    "accept-offer": Verb("accept_offer", AcceptOffer, "It is yours now."),
    "decline-offer": Verb("decline_offer", DeclineOffer, "It stays where it is."),
    "reassign": Verb("reassign", ReassignItem, "Handed over."),
    "accept": Verb("accept", AcceptItem, "Accepted; its clocks run."),
    "check": Verb("run_check", RunCheck, "The check is being run; look again in some seconds."),
    "drop": Verb("drop", DropItem, "Noted."),
    "keep": Verb("keep", KeepItem, "It is kept."),
    "reopen": Verb("reopen", ReopenItem, "Open again."),
    "comment": Verb("comment", CommentOnItem, "Said."),
    "link-issue": Verb("link_issue", LinkIssue, "Linked."),
    "create-issue": Verb("create_issue_again", CreateIssueAgain, "It is being created."),
}


@router.post("/action-items/{item_id}/{verb}")
async def change_action_item(desk: AtDesk, item_id: str, verb: str) -> RedirectResponse:
    """Whatever can be done with one item."""
    path = f"/action-items/{item_id}"
    fields = await read_form(desk.request)
    unsent = longest_text(fields)
    try:
        known, command = read_command(_ITEM_VERBS, verb, desk.actor, fields)
    except Rejected as error:
        return desk.back(path, refusal=error.sentence, unsent=unsent)
    return await attempt(desk, path, desk.actions.action_item(item_id, known.name, command), known.done, unsent)
