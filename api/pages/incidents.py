"""What is open now, the list of incidents, declaring one, and alert groups in triage."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel

from api.acting import Declaration
from api.alike import look, look_for_group
from api.pages.forms import longest_text, read_form, read_model
from api.pages.game_days import RUNNING, levers_of
from api.pages.rendering import AtDesk, Desk, attempt
from domain.alert import DeclareGroup, DeclineGroup, GroupStatus
from domain.alike import in_short
from domain.errors import Rejected, Transient
from domain.incident import FINISHED, IncidentStatus
from domain.record import ProjectionKind
from domain.severity import Severity

router = APIRouter(include_in_schema=False)

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
        drills=await desk.listing(ProjectionKind.GAME_DAY, state=RUNNING, limit=20),
        levers=await levers_of(desk),
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
        made = await desk.done(desk.actions.declare(declaration, desk.actor, key))
    except (Rejected, Transient) as error:
        return desk.back("/declare", refusal=error.sentence, unsent=longest_text(fields))
    finder = desk.request.app.state.learning.learning.alike
    alike = await look(finder, made.id, declaration.title, declaration.services)
    # A notice is short; the room shows all of it, or why it is not known, and whether anybody is being paged.
    said = in_short(alike.incidents)
    return desk.back(f"/incidents/{made.id}", notice=" ".join(["Declared.", *said]))


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
    path = f"/triage/{group_id}"
    try:
        declared = await desk.done(desk.actions.alert_group(group_id, "declare", command))
    except (Rejected, Transient) as error:
        return desk.back(path, refusal=error.sentence)
    alike = await look_for_group(desk.request.app.state.learning.learning.alike, declared, command.title)
    return desk.back(path, notice=" ".join(["Declared.", *in_short(alike.incidents)]))


@router.post("/triage/{group_id}/decline")
async def decline_group(desk: AtDesk, group_id: str, reason: Annotated[str, Form()]) -> RedirectResponse:
    """A person says that a group is no incident."""
    doing = desk.actions.alert_group(group_id, "decline", DeclineGroup(by=desk.actor, reason=reason))
    return await attempt(desk, f"/triage/{group_id}", doing, "Declined. It stays quiet until it clears.")
