"""`/api/v1/alert-groups`: what alert senders sent, grouped; below the threshold a person declares or declines."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.acting import Actions
from api.dependencies import ReaderDep, Things, page, picture, problems, several, shows
from api.routes.verbs import Verb, add_verbs
from domain.alert import AlertGroupState, DeclareGroup, DeclineGroup
from domain.record import ProjectionKind
from store.interface import Document

router = APIRouter(prefix="/alert-groups", tags=["alert groups"])


@router.get("", summary="Alert groups, newest first", response_model=None, responses=problems(422))
async def list_alert_groups(reader: ReaderDep, query: Things) -> JSONResponse:
    """A page of groups; `state=triage,proposed` are those that wait for somebody."""
    return page(
        await reader.things(
            ProjectionKind.ALERT_GROUP,
            incident_id=query.incident_id,
            state=several(query.state),
            cursor=query.cursor,
            limit=query.limit,
        )
    )


@router.get("/{id}", summary="One alert group", response_model=None, responses=shows(AlertGroupState) | problems(404))
async def get_alert_group(id: str, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """With its alerts, and why it is or is not an incident."""
    return picture(await reader.alert_group(id))


VERBS = (
    Verb("declare", "declare", DeclareGroup, "Make an incident of it"),
    Verb("decline", "decline", DeclineGroup, "It is no incident, and why"),
)


async def _send(actions: Actions, id_: str, name: str, command: Any, mark: str | None) -> Document:
    return await actions.alert_group(id_, name, command, mark)


add_verbs(router, VERBS, _send, AlertGroupState)
