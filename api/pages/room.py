"""The incident room: what is waited for, what happened, and everything that people do about it.

The one thing to know: a refused form comes back here with the refusal's sentence as a banner; nothing is lost silently.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse

from api.alike import Alike, look, rules_of
from api.pages.forms import Verb, longest_text, read_command, read_form
from api.pages.game_days import drill_behind
from api.pages.rendering import AtDesk, Desk, attempt
from api.pages.runs import to_decide
from api.pages.timeline import telling
from api.pages.waiting import waiting_for
from domain.errors import Rejected, Transient
from domain.incident import (
    FINISHED,
    RESPONDING,
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
    IncidentStatus,
    Merge,
    OfferRole,
    PostUpdate,
    RecordDecision,
    Reopen,
    Resolve,
    Role,
)
from domain.pattern import Taggable
from domain.record import ProjectionKind
from domain.severity import Severity

router = APIRouter(include_in_schema=False)

# The room shows this many of the newest lines; a longer story is read through the API or the review.
_LINES = 400
# Alert groups shown; an incident with more has merged others, and its alerts are in the record.
_GROUPS = 10


@router.get("/incidents/{incident_id}")
async def room(desk: AtDesk, incident_id: str, everything: Annotated[bool, Query(alias="all")] = False) -> HTMLResponse:
    """The incident room; `?all=1` shows the bookkeeping too."""
    incident = (await desk.reader.incident(incident_id)).document
    newest, entries = await _newest_lines(desk, incident_id)
    pending = await desk.listing(ProjectionKind.APPROVAL, incident_id=incident_id, state="pending")
    groups = await desk.listing(ProjectionKind.ALERT_GROUP, incident_id=incident_id, limit=_GROUPS)
    status = IncidentStatus(incident["status"])
    is_open = status in RESPONDING or status is IncidentStatus.TRIAGE
    return await desk.page(
        "incident.html",
        incident=incident,
        drill_behind=await drill_behind(desk, incident),
        telling=telling(entries, everything=everything),
        everything=everything,
        last_seq=newest,
        waiting=waiting_for(incident, desk.principal.name, datetime.now(UTC)),
        to_decide=[to_decide(desk, each) for each in pending],
        groups=groups,
        alike=await _alike(desk, incident, groups),
        tags=await _tags(desk, incident_id),
        is_open=is_open,
        is_finished=status in FINISHED,
        next_statuses=[s.value for s in RESPONDING if s is not status],
        severities=[s.value for s in Severity],
        roles=[r.value for r in Role],
        people=desk.people,
        runbooks=desk.runbooks(),
        key=desk.new_key(),
    )


async def _alike(desk: Desk, incident: dict[str, Any], groups: list[dict[str, Any]]) -> Alike:
    finder = desk.request.app.state.learning.learning.alike
    return await look(finder, incident["id"], incident["title"], incident["services"], rules_of(groups))


async def _tags(desk: Desk, incident_id: str) -> tuple[str, ...] | None:
    """None while the record is away: a form that stands there empty would take all tags off."""
    try:
        found: tuple[str, ...] = await desk.request.app.state.learning.learning.patterns.tags_of(
            Taggable.INCIDENT, incident_id
        )
    except Transient as error:
        desk.store_problem = error.sentence
        return None
    return found


async def _newest_lines(desk: Desk, incident_id: str) -> tuple[int, list[dict[str, Any]]]:
    try:
        newest = await desk.reader.latest_seq(incident_id)
        return newest, await desk.reader.timeline(incident_id, after_seq=max(0, newest - _LINES), limit=_LINES)
    except Transient as error:
        desk.store_problem = error.sentence
        return 0, []


# The verbs of the room's forms. Publishing takes the form's key, so that a second press publishes nothing.
_VERBS: Mapping[str, Verb[Command]] = {
    "acknowledge": Verb("acknowledge", Acknowledge, "Acknowledged: paging has stopped."),
    "note": Verb("add_note", AddNote, "Added."),
    "update": Verb("post_update", PostUpdate, "Published."),
    "status": Verb("change_status", ChangeStatus, "Status changed."),
    "severity": Verb("change_severity", ChangeSeverity, "Severity changed."),
    "impact": Verb("change_impact", ChangeImpact, "Impact changed."),
    "offer-role": Verb("offer_role", OfferRole, "Offered; it is theirs once they accept."),
    "accept-role": Verb("accept_role", AcceptRole, "The role is yours."),
    "decline-role": Verb("decline_role", DeclineRole, "Declined."),
    "page": Verb("escalate", Escalate, "The on-call is being paged, from the first level."),
    "decision": Verb("record_decision", RecordDecision, "Recorded."),
    "task": Verb("add_task", AddTask, "Task given."),
    "task-done": Verb("complete_task", CompleteTask, "Done."),
    "resolve": Verb("resolve", Resolve, "Resolved. The review has begun."),
    "merge": Verb("merge", Merge, "Merged; the other incident goes on."),
    "cancel": Verb("cancel", Cancel, "Cancelled: it was no incident."),
    "reopen": Verb("reopen", Reopen, "Reopened."),
    "close": Verb("close", Close, "Closed."),
}


@router.post("/incidents/{incident_id}/run")
async def start_run(
    desk: AtDesk,
    incident_id: str,
    runbook: Annotated[str, Form()],
    parameters: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Run a runbook for this incident; a second press finds the run of the first."""
    path = f"/incidents/{incident_id}"
    try:
        given = read_pairs(parameters)
        made = await desk.done(desk.actions.start_run(incident_id, runbook, given, desk.actor, key or None))
    except (Rejected, Transient) as error:
        return desk.back(path, refusal=error.sentence)
    await desk.actions.run_appears(made.id)
    return desk.back(f"/runs/{made.id}", notice="Started.")


def read_pairs(text: str) -> dict[str, Any]:
    """`name=value`, one a line; Rejected when a line is not."""
    given: dict[str, Any] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if line.strip() and not equals:
            raise Rejected(f"{line!r} is not name=value")
        if line.strip():
            given[name.strip()] = value.strip()
    return given


@router.post("/incidents/{incident_id}/{verb}")
async def act(desk: AtDesk, incident_id: str, verb: str) -> RedirectResponse:
    """Everything else that the room's forms ask for."""
    path = f"/incidents/{incident_id}"
    fields = await read_form(desk.request)
    unsent = longest_text(fields)
    try:
        known, command = read_command(_VERBS, verb, desk.actor, fields)
    except Rejected as error:
        return desk.back(path, refusal=error.sentence, unsent=unsent)
    return await attempt(desk, path, desk.actions.incident(incident_id, known.name, command), known.done, unsent)
