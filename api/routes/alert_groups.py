"""`/api/v1/alert-groups`: what alert senders sent, grouped; below the threshold a person declares or declines."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from api.acting import Actions
from api.alike import Alike, look_for_group
from api.bodies import Body
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
from api.learning import LearningDep
from api.routes.verbs import Verb, add_verbs
from domain.alert import AlertGroupState, DeclareGroup, DeclineGroup
from domain.record import ProjectionKind
from domain.severity import Severity
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


class DeclareGroupBody(Body):
    """Who makes an incident of it, and how bad it is."""

    title: str | None = Field(default=None, description="Left out: that of the group.")
    severity: Severity | None = Field(default=None, description="Left out: that of the route.")
    reason: str = ""


class DeclaredGroup(AlertGroupState):
    """The group as it then stands, with what is known of incidents like it."""

    alike: Alike


@router.post(
    "/{id}/declare",
    summary="Make an incident of it",
    operation_id="alert_groups_declare",
    response_model=None,
    responses=shows(DeclaredGroup) | problems(400, 403, 404, 409, 422),
)
async def declare(
    id: str,  # noqa: A002 - the path's word
    speaker: SpeakerDep,
    actions: ActionsDep,
    learning: LearningDep,
    body: DeclareGroupBody | None = None,
) -> JSONResponse:
    """Tells of incidents like it, as declaring does; a record that is away or slow is a sentence in `alike.problem`."""
    given = body or DeclareGroupBody()
    command = DeclareGroup(by=speaker.actor(given.by), title=given.title, severity=given.severity, reason=given.reason)
    group = await actions.alert_group(id, "declare", command, speaker.mark)
    alike = await look_for_group(learning.learning.alike, group, given.title)
    return document(group | {"alike": alike.model_dump(mode="json")})


VERBS = (Verb("decline", "decline", DeclineGroup, "It is no incident, and why"),)


async def _send(actions: Actions, id_: str, name: str, command: Any, mark: str | None) -> Document:
    return await actions.alert_group(id_, name, command, mark)


add_verbs(router, VERBS, _send, AlertGroupState)
