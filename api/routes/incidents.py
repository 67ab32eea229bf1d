"""`/api/v1/incidents`: list, declare, look, act, follow live."""

import asyncio
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sse_starlette import EventSourceResponse

from api.acting import Actions, Declaration
from api.alike import Alike, look
from api.bodies import Body, body_of
from api.dependencies import (
    ActionsDep,
    PageQuery,
    ReaderDep,
    SpeakerDep,
    document,
    page,
    picture,
    problems,
    several,
    shows,
)
from api.drill_proposals import DrillProposals, ProposedDrill
from api.learning import LearningDep
from api.live import HEARTBEAT_SECONDS, incident_events
from api.routes.verbs import Verb, add_verbs
from domain.errors import Rejected
from domain.incident import (
    AcceptRole,
    Acknowledge,
    AddNote,
    AddTask,
    Cancel,
    ChangeImpact,
    ChangeSeverity,
    ChangeStatus,
    Close,
    Command,
    CompleteTask,
    DeclineRole,
    Escalate,
    IncidentState,
    IncidentStatus,
    Merge,
    OfferRole,
    PostUpdate,
    RecordDecision,
    Reopen,
    Resolve,
    Role,
)
from domain.severity import Severity
from store.interface import Document

router = APIRouter(prefix="/incidents", tags=["incidents"])


class IncidentsQuery(PageQuery):
    """Filters of the list; several values with commas in between."""

    status: str | None = Field(default=None, description="`declared`, `investigating,mitigating`, …")
    severity: str | None = Field(default=None, description="`SEV-1`, `SEV-1,SEV-2`, …")
    service: str | None = Field(default=None, description="Ids of services.")
    q: str | None = Field(default=None, max_length=200, description="Plain text in title, summary, services, people.")
    since: datetime | None = Field(default=None, description="Declared at this time (ISO 8601) or later.")
    drill: bool | None = Field(default=None, description="Only drills, or no drills.")


@router.get("", summary="Incidents, newest first", response_model=None, responses=problems(422))
async def list_incidents(reader: ReaderDep, query: Annotated[IncidentsQuery, Query()]) -> JSONResponse:
    """A page of incidents that meet every filter given."""
    return page(
        await reader.incidents(
            status=_known(IncidentStatus, "status", query.status),
            severity=_known(Severity, "severity", query.severity),
            service=several(query.service),
            q=query.q,
            since=query.since,
            drill=query.drill,
            cursor=query.cursor,
            limit=query.limit,
        )
    )


class DeclareBody(Body, Declaration):
    """An incident to declare."""


class DeclaredIncident(IncidentState):
    """The incident that was declared, with what is known of incidents like it."""

    alike: Alike


@router.post(
    "",
    summary="Declare an incident",
    status_code=201,
    response_model=None,
    responses=shows(DeclaredIncident, 201, "Declared now.")
    | shows(DeclaredIncident, 200, "Declared before with the same Idempotency-Key.")
    | problems(400, 403, 422),
)
async def declare(body: DeclareBody, speaker: SpeakerDep, actions: ActionsDep, learning: LearningDep) -> JSONResponse:
    """The same Idempotency-Key finds the incident that the first request declared, whatever the body says.

    The answer tells of incidents like it: why, what helped then, and their action items that are still open. When the
    record does not answer within a second, the incident is declared all the same and `alike.problem` says so.
    """
    by = speaker.actor(body.by)
    declaration = Declaration.model_validate(body.model_dump(exclude={"by"}))
    made = await actions.declare(declaration, by, speaker.mark)
    declared, alike = await asyncio.gather(
        actions.declared(made.id, declaration, by),
        look(learning.learning.alike, made.id, declaration.title, declaration.services),
    )
    return document(
        declared | {"alike": alike.model_dump(mode="json")},
        201 if made.is_new else 200,
        location=f"/api/v1/incidents/{made.id}",
    )


@router.get("/{id}", summary="One incident", response_model=None, responses=shows(IncidentState) | problems(404))
async def get_incident(id: str, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """From the workflow itself; from the record once the engine has forgotten it."""
    return picture(await reader.incident(id))


class ProposalBody(Body):
    """Which fault, where the choice is not to be left to what is written."""

    fault: str | None = Field(default=None, description="`process.kill`, `disk.fill`, … Left out: what fits best.")


def _proposals(request: Request) -> DrillProposals:
    return cast("DrillProposals", request.app.state.drill_proposals)


@router.post(
    "/{id}/drill-proposal",
    summary="Propose a game day that recreates it",
    response_model=None,
    responses=shows(ProposedDrill) | problems(403, 404, 409, 422),
)
async def propose_drill(
    id: str,  # noqa: A002 - the path's word
    speaker: SpeakerDep,
    desk: Annotated[DrillProposals, Depends(_proposals)],
    body: ProposalBody | None = None,
) -> JSONResponse:
    """From a reviewed incident; changes nothing. Save `written.text` among your game days, and plan it."""
    given = body or ProposalBody()
    speaker.actor(given.by)
    return document((await desk.propose(id, given.fault)).model_dump(mode="json", by_alias=True))


class TimelineQuery(PageQuery):
    """Which part of the timeline."""

    cursor: None = None
    after: int = Field(default=0, ge=0, description="Only entries with a higher `seq`.")
    limit: int = Field(default=500, ge=1, le=1000, description="Entries at most.")


@router.get("/{id}/timeline", summary="What happened, by whom", response_model=None, responses=problems(404, 422))
async def get_timeline(id: str, reader: ReaderDep, query: Annotated[TimelineQuery, Query()]) -> JSONResponse:  # noqa: A002
    """Entries in order of `seq`; `next_after` continues where this page ends."""
    entries = await reader.timeline(id, query.after, query.limit)
    return JSONResponse({"items": entries, "next_after": entries[-1]["seq"] if len(entries) == query.limit else None})


@router.get("/{id}/events", summary="Follow an incident live (SSE)", response_model=None, responses=problems(404, 422))
async def follow(
    id: str,  # noqa: A002 - the path's word
    request: Request,
    reader: ReaderDep,
    after: Annotated[int, Query(ge=0, description="Only entries with a higher `seq`.")] = 0,
    last_event_id: Annotated[str | None, Header(description="Where an earlier connection ended; wins.")] = None,
) -> EventSourceResponse:
    """Events `entry` (its id is the `seq`), `incident` (its newest picture), `trouble`; comments are the heartbeat."""
    await reader.incident(id)
    begin = int(last_event_id) if last_event_id and last_event_id.isdecimal() else after
    events = incident_events(reader, id, begin, request.app.state.look_every)
    return EventSourceResponse(events, ping=HEARTBEAT_SECONDS, headers={"Cache-Control": "no-store"})


class RoleAction(StrEnum):
    """What is done about a role: it is offered, and taken by the one it was offered to."""

    OFFER = "offer"
    ACCEPT = "accept"
    DECLINE = "decline"


class RoleBody(Body):
    """A role, and what is done about it."""

    role: Role
    action: RoleAction = RoleAction.OFFER
    person: str | None = Field(default=None, description="To whom it is offered; needed for an offer only.")
    reason: str = ""


@router.post(
    "/{id}/roles",
    summary="Offer, accept or decline a role",
    response_model=None,
    responses=shows(IncidentState) | problems(400, 403, 404, 409, 422),
)
async def change_role(id: str, body: RoleBody, speaker: SpeakerDep, actions: ActionsDep) -> JSONResponse:  # noqa: A002
    """Command moves by offer and acceptance; there is exactly one commander."""
    by = speaker.actor(body.by)
    command: Command
    if body.action is RoleAction.OFFER:
        if body.person is None:
            raise Rejected("'person' is missing: say to whom the role is offered")
        command = OfferRole(by=by, role=body.role, person=body.person, reason=body.reason)
    elif body.action is RoleAction.ACCEPT:
        command = AcceptRole(by=by, role=body.role)
    else:
        command = DeclineRole(by=by, role=body.role, reason=body.reason)
    return document(await actions.incident(id, f"{body.action.value}_role", command, speaker.mark))


UpdateBody = body_of(PostUpdate, without=("key",))


@router.post(
    "/{id}/updates",
    summary="Tell an audience what is known",
    response_model=None,
    responses=shows(IncidentState) | problems(400, 403, 404, 409, 422),
)
async def post_update(id: str, body: UpdateBody, speaker: SpeakerDep, actions: ActionsDep) -> JSONResponse:  # type: ignore[valid-type]  # noqa: A002 - a model made from the command
    """Resets the audience's clock. With an Idempotency-Key it is published once however often it is sent."""
    fields: dict[str, Any] = dict(body)
    command = PostUpdate(**fields | {"by": speaker.actor(fields["by"]), "key": speaker.mark or ""})
    return document(await actions.incident(id, "post_update", command, speaker.mark))


@router.post(
    "/{id}/tasks/{task_id}/complete",
    summary="A task is done",
    response_model=None,
    responses=shows(IncidentState) | problems(403, 404, 409),
)
async def complete_task(
    id: str,  # noqa: A002 - the path's word
    task_id: str,
    speaker: SpeakerDep,
    actions: ActionsDep,
    body: Body | None = None,
) -> JSONResponse:
    """Saying it twice is saying it once."""
    command = CompleteTask(by=speaker.actor(body.by if body else None), task_id=task_id)
    return document(await actions.incident(id, "complete_task", command, speaker.mark))


VERBS = (
    Verb("acknowledge", "acknowledge", Acknowledge, "Somebody has it: paging stops"),
    Verb("severity", "change_severity", ChangeSeverity, "Change the severity, with a reason"),
    Verb("impact", "change_impact", ChangeImpact, "Say who is hurt, and how much"),
    Verb("status", "change_status", ChangeStatus, "Move along the lifecycle"),
    Verb("tasks", "add_task", AddTask, "Give one named person something to do"),
    Verb("decisions", "record_decision", RecordDecision, "Record a decision and its rationale"),
    Verb("timeline", "add_note", AddNote, "Add a line to the timeline"),
    Verb("resolve", "resolve", Resolve, "Normal service is back"),
    Verb("reopen", "reopen", Reopen, "It was not over"),
    Verb("merge", "merge", Merge, "The same as another incident; that one goes on"),
    Verb("close", "close", Close, "The learning is done"),
    Verb("cancel", "cancel", Cancel, "It was none"),
    Verb("escalate", "escalate", Escalate, "Page the on-call again, from the first level"),
)


async def _send(actions: Actions, id_: str, name: str, command: Command, mark: str | None) -> Document:
    return await actions.incident(id_, name, command, mark)


add_verbs(router, VERBS, _send, IncidentState)


def _known(words: type[StrEnum], name: str, text: str | None) -> list[str] | None:
    """Several words of a fixed set; Rejected, so that a typo is not an empty list."""
    wanted = several(text)
    for word in wanted or []:
        if word not in set(words):
            raise Rejected(f"query.{name}: there is no {name} {word!r}; there are {', '.join(words)}")
    return wanted
