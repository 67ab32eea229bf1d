"""`/api/v1/action-items`: what an incident taught us to do; ends only with evidence or with a reason why not."""

from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from api.acting import Actions, NewActionItem
from api.bodies import Body
from api.dependencies import ActionsDep, Owned, ReaderDep, SpeakerDep, document, page, picture, problems, several, shows
from api.routes.verbs import Verb, add_verbs
from domain.action_item import (
    ActionItemCommand,
    ActionItemState,
    ActionItemStatus,
    AddEvidence,
    DropItem,
    ExtendItem,
    FinishItem,
    ReassignItem,
    StartWork,
)
from domain.errors import Rejected
from domain.record import ProjectionKind
from domain.timeline import Actor
from store.interface import Document

router = APIRouter(prefix="/action-items", tags=["action items"])


@router.get("", summary="Action items, the soonest due first", response_model=None, responses=problems(422))
async def list_action_items(reader: ReaderDep, query: Owned) -> JSONResponse:
    """A page of action items that meet every filter given."""
    return page(
        await reader.things(
            ProjectionKind.ACTION_ITEM,
            incident_id=query.incident_id,
            state=several(query.state),
            owner=several(query.owner),
            overdue=query.overdue,
            cursor=query.cursor,
            limit=query.limit,
        )
    )


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
    Verb("done", "done", FinishItem, "Done; refused without evidence"),
    Verb("drop", "drop", DropItem, "Not done, and why"),
    Verb("extend", "extend", ExtendItem, "A later due date, and why"),
    Verb("reassign", "reassign", ReassignItem, "Another owner"),
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
