"""What is open now, the list of incidents, and the incident room where people do things."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel

from api.acting import Declaration
from api.pages.forms import Verb, read_command, read_form, read_model
from api.pages.rendering import AtDesk, Desk, attempt
from domain.alert import DeclareGroup, DeclineGroup, GroupStatus
from domain.errors import Rejected, Transient
from domain.incident import (
    FINISHED,
    RESPONDING,
    AcceptRole,
    Acknowledge,
    AddNote,
    AddTask,
    ChangeImpact,
    ChangeSeverity,
    ChangeStatus,
    Close,
    Command,
    CompleteTask,
    DeclineRole,
    IncidentStatus,
    OfferRole,
    PostUpdate,
    RecordDecision,
    Reopen,
    Resolve,
    Role,
)
from domain.record import ProjectionKind
from domain.severity import Severity

router = APIRouter(include_in_schema=False)

# The room shows this many of the newest lines; a longer story is read through the API or the review.
_LINES = 400
_OPEN = [status.value for status in IncidentStatus if status not in FINISHED]
_LEARNING = (IncidentStatus.RESOLVED, IncidentStatus.REVIEWING)
_SEVERITY_TEXTS = [
    ("SEV-1", "complete outage"),
    ("SEV-2", "major, with a workaround or for many customers"),
    ("SEV-3", "moderate"),
    ("SEV-4", "cosmetic"),
    ("SEV-5", "informational"),
]


async def _incidents(desk: Desk, **filters: Any) -> tuple[list[dict[str, Any]], str | None]:
    try:
        page = await desk.reader.incidents(**filters)
    except Transient as error:
        desk.store_problem = error.sentence
        return [], None
    return list(page.items), page.next_cursor


@router.get("/")
async def console(desk: AtDesk) -> HTMLResponse:
    """What needs a person now."""
    incidents, _ = await _incidents(desk, status=_OPEN, limit=100)
    return await desk.page(
        "console.html",
        incidents=[each for each in incidents if each["status"] not in _LEARNING],
        learning=[each for each in incidents if each["status"] in _LEARNING],
        approvals=await desk.listing(ProjectionKind.APPROVAL, state="pending"),
        groups=await desk.listing(ProjectionKind.ALERT_GROUP, state=[GroupStatus.TRIAGE, GroupStatus.PROPOSED]),
        overdue=await desk.listing(ProjectionKind.ACTION_ITEM, overdue=True, limit=20),
    )


class Filters(BaseModel):
    """The search form; an empty field does not filter."""

    q: str = ""
    status: str = ""
    severity: str = ""
    service: str = ""
    cursor: str = ""


@router.get("/incidents")
async def incidents(desk: AtDesk, filters: Annotated[Filters, Query()]) -> HTMLResponse:
    """All of them, by filter."""
    chosen = {name: value for name, value in filters.model_dump().items() if value}
    items, next_cursor = await _incidents(desk, **chosen)
    return await desk.page(
        "incidents.html",
        incidents=items,
        filters=filters,
        next_page="?" + urlencode(chosen | {"cursor": next_cursor}) if next_cursor else None,
        statuses=[s.value for s in IncidentStatus],
        severities=[s.value for s in Severity],
        services=sorted(desk.configuration.services),
    )


@router.get("/declare")
async def declare_form(desk: AtDesk) -> HTMLResponse:
    """The form; its hidden key makes a second press of the button the same incident."""
    services = [(key, service.name) for key, service in desk.configuration.services.items()]
    return await desk.page("declare.html", key=desk.new_key(), services=services, severity_texts=_SEVERITY_TEXTS)


@router.post("/declare")
async def declare(desk: AtDesk) -> RedirectResponse:
    """Declare, page, and go to the room."""
    fields = await read_form(desk.request)
    key = fields.pop("key", None)
    service = fields.pop("service", None)
    try:
        declaration = read_model(Declaration, fields | {"services": (service,) if service else ()})
        made = await desk.actions.declare(declaration, desk.actor, key)
    except (Rejected, Transient) as error:
        return desk.back("/declare", refusal=error.sentence)
    return desk.back(f"/incidents/{made.id}", notice="Declared. The on-call is being paged.")


@router.get("/incidents/{incident_id}")
async def room(desk: AtDesk, incident_id: str) -> HTMLResponse:
    """The incident room."""
    picture = await desk.reader.incident(incident_id)
    incident = picture.document
    try:
        newest = await desk.reader.latest_seq(incident_id)
        timeline = await desk.reader.timeline(incident_id, after_seq=max(0, newest - _LINES), limit=_LINES)
    except Transient as error:
        desk.store_problem = error.sentence
        newest, timeline = 0, []
    status = IncidentStatus(incident["status"])
    return await desk.page(
        "incident.html",
        incident=incident,
        timeline=sorted(timeline, key=lambda line: (line["at"], line["seq"])),
        last_seq=newest,
        approvals=await desk.listing(ProjectionKind.APPROVAL, incident_id=incident_id, state="pending"),
        is_open=status in RESPONDING or status is IncidentStatus.TRIAGE,
        next_statuses=[s.value for s in RESPONDING if s is not status],
        severities=[s.value for s in Severity],
        roles=[r.value for r in Role],
        people=desk.people,
        runbooks=desk.runbooks(),
        key=desk.new_key(),
    )


# The verbs of the room's forms. Publishing takes the form's key, so that a second press publishes nothing.
_VERBS: dict[str, Verb[Command]] = {
    "acknowledge": Verb("acknowledge", Acknowledge, "Acknowledged: paging has stopped."),
    "note": Verb("add_note", AddNote, "Added."),
    "update": Verb("post_update", PostUpdate, "Published."),
    "status": Verb("change_status", ChangeStatus, "Status changed."),
    "severity": Verb("change_severity", ChangeSeverity, "Severity changed."),
    "impact": Verb("change_impact", ChangeImpact, "Impact changed."),
    "offer-role": Verb("offer_role", OfferRole, "Offered; it is theirs once they accept."),
    "accept-role": Verb("accept_role", AcceptRole, "The role is yours."),
    "decline-role": Verb("decline_role", DeclineRole, "Declined."),
    "decision": Verb("record_decision", RecordDecision, "Recorded."),
    "task": Verb("add_task", AddTask, "Task given."),
    "task-done": Verb("complete_task", CompleteTask, "Done."),
    "resolve": Verb("resolve", Resolve, "Resolved. The review has begun."),
    "reopen": Verb("reopen", Reopen, "Reopened."),
    "close": Verb("close", Close, "Closed."),
}


@router.post("/incidents/{incident_id}/run")
async def start_run(
    desk: AtDesk,
    incident_id: str,
    runbook: Annotated[str, Form()],
    parameters: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Run a runbook for this incident."""
    path = f"/incidents/{incident_id}"
    given: dict[str, Any] = {}
    for line in parameters.splitlines():
        name, equals, value = line.partition("=")
        if line.strip() and not equals:
            return desk.back(path, refusal=f"{line!r} is not name=value")
        if line.strip():
            given[name.strip()] = value.strip()
    try:
        made = await desk.actions.start_run(incident_id, runbook, given, desk.actor, None)
    except (Rejected, Transient) as error:
        return desk.back(path, refusal=error.sentence)
    return desk.back(f"/runs/{made.id}", notice="Started.")


@router.post("/incidents/{incident_id}/{verb}")
async def act(desk: AtDesk, incident_id: str, verb: str) -> RedirectResponse:
    """Everything else that the room's forms ask for."""
    path = f"/incidents/{incident_id}"
    try:
        known, command = read_command(_VERBS, verb, desk.actor, await read_form(desk.request))
    except Rejected as error:
        return desk.back(path, refusal=error.sentence)
    return await attempt(desk, path, desk.actions.incident(incident_id, known.name, command), known.done)


@router.get("/triage/{group_id}")
async def group(desk: AtDesk, group_id: str) -> HTMLResponse:
    """One alert group, below its threshold or not."""
    picture = await desk.reader.alert_group(group_id)
    return await desk.page("group.html", group=picture.document, severities=[s.value for s in Severity])


@router.post("/triage/{group_id}/declare")
async def declare_group(
    desk: AtDesk,
    group_id: str,
    title: Annotated[str, Form()] = "",
    severity: Annotated[Severity | None, Form()] = None,
) -> RedirectResponse:
    """A person makes an incident of a group."""
    command = DeclareGroup(by=desk.actor, title=title or None, severity=severity, reason="declared from the console")
    doing = desk.actions.alert_group(group_id, "declare", command)
    return await attempt(desk, f"/triage/{group_id}", doing, "Declared.")


@router.post("/triage/{group_id}/decline")
async def decline_group(desk: AtDesk, group_id: str, reason: Annotated[str, Form()]) -> RedirectResponse:
    """A person says that a group is no incident."""
    doing = desk.actions.alert_group(group_id, "decline", DeclineGroup(by=desk.actor, reason=reason))
    return await attempt(desk, f"/triage/{group_id}", doing, "Declined. It stays quiet until it clears.")
