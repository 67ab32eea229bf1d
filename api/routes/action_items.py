"""`/api/v1/action-items`: what an incident taught us to do; ends only with evidence or with a reason why not."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from api.acting import Actions
from api.action_items import BulkChange, NewActionItem, members_of
from api.bodies import Body, Strict
from api.dependencies import (
    ActionsDep,
    ConfigurationDep,
    OwnedQuery,
    ReaderDep,
    SpeakerDep,
    document,
    page,
    picture,
    problems,
    several,
    shows,
)
from api.routes.verbs import Verb, add_verbs
from domain.action_item import (
    AcceptItem,
    AcceptOffer,
    ActionItemCommand,
    ActionItemState,
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
    ItemCheck,
    KeepItem,
    LinkIssue,
    OfferItem,
    Priority,
    ReassignItem,
    ReopenItem,
    RunCheck,
    StartWork,
)
from domain.action_item_quality import Wording, hints_on
from domain.configuration import Configuration
from domain.durations import Duration
from domain.errors import Rejected
from domain.record import ProjectionKind
from domain.timeline import Actor
from store.interface import Document

router = APIRouter(prefix="/action-items", tags=["action items"])


class ItemsQuery(OwnedQuery):
    """Filters of action items."""

    team: str | None = Field(default=None, description="Those whose owner is in this team.")
    older_than: Duration | None = Field(default=None, description="Created longer ago than this: `30d`.")


Items = Annotated[ItemsQuery, Query()]
# Nobody is called so: a team without members has no items.
_NOBODY = "-"


@router.get("", summary="Action items, the soonest due first", response_model=None, responses=problems(422))
async def list_action_items(reader: ReaderDep, query: Items, configuration: ConfigurationDep) -> JSONResponse:
    """A page of action items that meet every filter given."""
    return page(
        await reader.things(
            ProjectionKind.ACTION_ITEM,
            incident_id=query.incident_id,
            state=several(query.state),
            owner=owners(configuration, several(query.owner), query.team),
            overdue=query.overdue,
            created_before=datetime.now(UTC) - query.older_than if query.older_than else None,
            cursor=query.cursor,
            limit=query.limit,
        )
    )


def owners(configuration: Configuration, named: list[str] | None, team: str | None) -> list[str] | None:
    """The owners that fit both filters; None: everybody."""
    if team is None:
        return named
    members = members_of(configuration, team)
    return [name for name in members if named is None or name in named] or [_NOBODY]


class HintsBody(Strict):
    """An action item before it is created."""

    title: str = Field(max_length=300)
    done_when: str = Field(default="", max_length=2000)
    type: ActionItemType | None = None
    priority: Priority = Priority.NORMAL
    requires_drill: str | None = None
    check: ItemCheck | None = None


@router.post(
    "/hints", summary="How an action item could be worded better", response_model=None, responses=problems(422)
)
async def hints(body: HintsBody) -> JSONResponse:
    """Changes nothing and blocks nothing; each hint names its rule and proposes better words."""
    wording = Wording(
        title=body.title,
        done_when=body.done_when,
        type=body.type,
        is_urgent=body.priority is Priority.URGENT,
        is_verified=body.check is not None or body.requires_drill is not None,
    )
    return JSONResponse({"hints": [hint.model_dump(mode="json") for hint in hints_on(wording)]})


class BulkBody(Body, BulkChange):
    """One wish, one reason, many items."""


@router.post("/bulk", summary="Extend or offer many items at once", response_model=None, responses=problems(400, 422))
async def change_many(body: BulkBody, speaker: SpeakerDep, actions: ActionsDep) -> JSONResponse:
    """Each item is asked by itself: `done` names those that took it, `refused` the others with their sentence."""
    change = BulkChange.model_validate(body.model_dump(exclude={"by"}))
    return JSONResponse(await actions.change_items(change, speaker.actor(body.by)))


class NewActionItemBody(Body, NewActionItem):
    """An action item to create."""


@router.post(
    "",
    summary="Create an action item",
    status_code=201,
    response_model=None,
    responses=shows(ActionItemState, 201, "Created now.")
    | shows(ActionItemState, 200, "Created before with the same Idempotency-Key.")
    | problems(400, 403, 404, 422),
)
async def create_action_item(body: NewActionItemBody, speaker: SpeakerDep, actions: ActionsDep) -> JSONResponse:
    """For an incident that exists, open or closed; due by the policy unless it says when."""
    by = speaker.actor(body.by)
    item = NewActionItem.model_validate(body.model_dump(exclude={"by"}))
    made = await actions.create_action_item(item, by, speaker.mark)
    shown = await actions.created(made.id, item)
    return document(shown, 201 if made.is_new else 200, location=f"/api/v1/action-items/{made.id}")


@router.get("/{id}", summary="One action item", response_model=None, responses=shows(ActionItemState) | problems(404))
async def get_action_item(id: str, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """With its evidence."""
    return picture(await reader.action_item(id))


class ChangeBody(Body):
    """One change: a state, an owner or a due date."""

    state: ActionItemStatus | None = None
    owner: str | None = None
    due_at: datetime | None = None
    reason: str = Field(default="", description="Needed to drop an item and to extend it.")
    evidence: str | None = Field(default=None, description="What shows that it is done.")
    url: str | None = None


@router.patch(
    "/{id}",
    summary="Change the state, the owner or the due date",
    response_model=None,
    responses=shows(ActionItemState) | problems(400, 403, 404, 409, 422),
)
async def change_action_item(
    id: str,  # noqa: A002 - the path's word
    body: ChangeBody,
    speaker: SpeakerDep,
    actions: ActionsDep,
) -> JSONResponse:
    """The same as the POST verbs, for clients that think in fields; exactly one field at a time."""
    name, command = _command_of(body, speaker.actor(body.by))
    return document(await actions.action_item(id, name, command, speaker.mark))


VERBS = (
    Verb("start", "start", StartWork, "Somebody works on it"),
    Verb("evidence", "add_evidence", AddEvidence, "What shows that it is done"),
    Verb("done", "done", FinishItem, "Done; refused without evidence, and of an urgent item on its owner's bare word"),
    Verb("drop", "drop", DropItem, "It will not be done, and why; from its owner a wish that another person accepts"),
    Verb(
        "approve-extension",
        "approve_extension",
        ApproveExtension,
        "Yes to the later date; not by who asked",
    ),
    Verb("decline-extension", "decline_extension", DeclineExtension, "No more time, and why; or take the wish back"),
    Verb("keep", "keep", KeepItem, "It will be done after all"),
    Verb(
        "accept",
        "accept",
        AcceptItem,
        "Decide a proposal; before its soak time is over only with a reason",
        without=("meeting",),
    ),
    Verb("reopen", "reopen", ReopenItem, "It was not done after all"),
    Verb("check", "run_check", RunCheck, "Run its check now"),
    Verb("offer", "offer", OfferItem, "Ask somebody to take it over"),
    Verb("accept-offer", "accept_offer", AcceptOffer, "Take it over"),
    Verb("decline-offer", "decline_offer", DeclineOffer, "It stays where it is"),
    Verb("comment", "comment", CommentOnItem, "A comment, here and in the tracker"),
    Verb("link-issue", "link_issue", LinkIssue, "Which issue in the tracker it is"),
    Verb("create-issue", "create_issue_again", CreateIssueAgain, "There is no issue in the tracker: create one"),
    Verb(
        "extend", "extend", ExtendItem, "A later due date, and why; where the policy says so another person approves it"
    ),
    Verb("reassign", "reassign", ReassignItem, "Another owner, without asking them"),
)


async def _send(actions: Actions, id_: str, name: str, command: ActionItemCommand, mark: str | None) -> Document:
    return await actions.action_item(id_, name, command, mark)


add_verbs(router, VERBS, _send, ActionItemState)


def _command_of(body: ChangeBody, by: Actor) -> tuple[str, ActionItemCommand]:
    if [body.state, body.owner, body.due_at].count(None) != 2:  # noqa: PLR2004 - exactly one of three
        raise Rejected("change exactly one of 'state', 'owner' and 'due_at' at a time")
    if body.owner is not None:
        return "reassign", ReassignItem(by=by, owner=body.owner, reason=body.reason)
    if body.due_at is not None:
        return "extend", ExtendItem(by=by, due_at=body.due_at, reason=body.reason)
    match body.state:
        case ActionItemStatus.IN_PROGRESS:
            return "start", StartWork(by=by)
        case ActionItemStatus.DONE:
            return "done", FinishItem(by=by, evidence=body.evidence, url=body.url)
        case ActionItemStatus.DROPPED:
            return "drop", DropItem(by=by, reason=body.reason)
        case ActionItemStatus.VERIFYING if body.evidence:
            return "add_evidence", AddEvidence(by=by, text=body.evidence, url=body.url)
        case _:
            raise Rejected(
                f"an item becomes {body.state} by itself; set in_progress, verifying (with evidence), done or dropped"
            )
