"""Game days on pages: what is planned and held, one in all its detail, the calendar, the map, and the safety levers.

The one thing to know: wherever a game day is shown while it runs, the button that stops it is in reach.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse

from api.calendar_links import calendar_link
from api.engine import key_mark
from api.game_day_coverage import CoverageDesk
from api.game_day_reports import FindingItem, ReportDesk, state_of
from api.game_day_schedules import ScheduleDesk
from api.game_days import GameDayDesk
from api.pages.forms import Verb, longest_text, read_command, read_form
from api.pages.rendering import AtDesk, Desk, attempt
from api.safety_levers import LeverDesk
from api.standing_approvals import StandingDesk
from domain.errors import Rejected, Transient
from domain.game_day import GameDayPhase, GameDayState, HaltGameDay
from domain.game_day_calendar import CalendarEntry, GameDayCalendar
from domain.game_day_decisions import UNDOING
from domain.game_day_faults import FaultStage, is_doubtful
from domain.game_day_report_text import aged_report
from domain.ids import game_day_id
from domain.record import ProjectionKind
from domain.safety_lever import LeverState
from domain.tabletop import (
    AddInject,
    AnswerQuestion,
    EndTabletop,
    MarkWish,
    NextInject,
    StartClock,
    StopClock,
    TabletopCommand,
)
from domain.tabletop_decisions import due_at, next_inject

router = APIRouter(include_in_schema=False)

RUNNING = [phase.value for phase in GameDayPhase if phase is not GameDayPhase.FINISHED]
# Whatever a form says, one goes back to a page about game days, or to the room of a drill's incident.
_BACK = re.compile(r"/(safety-levers|(game-days|incidents)(/[A-Za-z0-9~:._-]+)?)?")
_MONTH = re.compile(r"\d{4}-\d{2}")
Reason = Annotated[str, Form()]
Back = Annotated[str, Form()]


async def levers_of(desk: Desk) -> list[LeverState]:
    """How they stand; none, with a banner, while that cannot be told."""
    if desk.engine_problem:
        return []
    levers: LeverDesk = desk.request.app.state.levers
    try:
        return await levers.levers()
    except Transient as error:
        desk.engine_problem = error.sentence
        return []


class DrillBehind(NamedTuple):
    """The game day that a drill's incident belongs to."""

    id: str
    # The button that stops it has something to stop, or nobody knows.
    can_halt: bool


async def drill_behind(desk: Desk, incident: dict[str, Any]) -> DrillBehind | None:
    """The game day or tabletop of an incident; None for a real one, and for a drill that was declared by hand."""
    workflow_id = incident.get("game_day_workflow") or incident.get("tabletop_workflow")
    if not incident["drill"] or not workflow_id:
        return None
    id_ = game_day_id(workflow_id)
    try:
        state = state_of((await desk.reader.game_day(id_)).document)
    except (Rejected, Transient):
        # While the record is away people can stop it all the same; one that is over says so.
        return DrillBehind(id_, can_halt=not incident.get("tabletop_workflow"))
    # A tabletop breaks nothing; its game master ends it.
    return DrillBehind(id_, can_halt=state.tabletop is None and _can_halt(state))


def _can_halt(state: GameDayState) -> bool:
    return state.phase is not GameDayPhase.FINISHED and state.phase not in UNDOING and state.halted is None


@router.get("/game-days")
async def game_days(desk: AtDesk) -> HTMLResponse:
    """What is defined and scheduled, and what was held."""
    planner: GameDayDesk = desk.request.app.state.game_day_desk
    definitions = await planner.definitions()
    standing: StandingDesk = desk.request.app.state.standing_approvals
    return await desk.page(
        "game_days.html",
        definitions=definitions,
        standing=await standing.all(each.name for each in definitions if each.schedule),
        held=await desk.listing(ProjectionKind.GAME_DAY, limit=20),
        levers=await levers_of(desk),
        key=desk.new_key(),
    )


@router.get("/game-days/coverage")
async def coverage(desk: AtDesk) -> HTMLResponse:
    """Services by kinds of fault."""
    maps: CoverageDesk = desk.request.app.state.game_day_coverage
    try:
        found = await maps.coverage()
    except Transient as error:
        desk.store_problem, found = error.sentence, None
    return await desk.page("game_day_coverage.html", coverage=found)


class Day(NamedTuple):
    """One day of the month."""

    date: date
    entries: list[CalendarEntry]
    freezes: list[str]
    is_today: bool


@router.get("/game-days/calendar")
async def calendar(desk: AtDesk, month: str = "") -> HTMLResponse:
    """A month: a list on a phone, a grid on a wide screen."""
    zone = ZoneInfo(desk.configuration.policy.calendar.time_zone)
    today = datetime.now(zone).date()
    first = _first_of(month) or today.replace(day=1)
    after = first + timedelta(days=monthrange(first.year, first.month)[1])
    schedules: ScheduleDesk = desk.request.app.state.game_day_schedules
    since, until = (datetime.combine(each, time(), zone) for each in (first, after))
    found = await schedules.calendar(since.astimezone(UTC), until.astimezone(UTC))
    feed = calendar_link(desk.request, desk.principal)
    return await desk.page(
        "game_day_calendar.html",
        calendar=found,
        feed=feed,
        # What calendar programs listen to on a desktop and a phone.
        feed_webcal=re.sub(r"^https?:", "webcal:", feed.url),
        first=first,
        before=(first - timedelta(days=1)).strftime("%Y-%m"),
        after=after.strftime("%Y-%m"),
        days=[_day(first + timedelta(days=each), found, zone, today) for each in range((after - first).days)],
        zone=zone,
    )


@router.get("/game-days/{game_day_id}")
async def game_day(desk: AtDesk, game_day_id: str) -> HTMLResponse:
    """One: while it runs with the button that stops it, afterwards with its report."""
    reports: ReportDesk = desk.request.app.state.game_day_reports
    state = state_of((await desk.reader.game_day(game_day_id)).document)
    report = aged_report(state, datetime.now(UTC), desk.configuration.game_day_policy.fresh_for)
    if state.tabletop is not None:
        coming = next_inject(state.tabletop)
        return await desk.page(
            "tabletop.html",
            state=state,
            report=report,
            items=await reports.items(report),
            coming=coming,
            coming_at=due_at(state, coming) if coming is not None else None,
            now=datetime.now(UTC),
        )
    return await desk.page(
        "game_day.html",
        state=state,
        report=report,
        items=await reports.items(report),
        can_halt=_can_halt(state),
        doubts=[fault for fault in state.faults if fault.state is FaultStage.UNDONE and is_doubtful(fault)],
        levers=await levers_of(desk) if state.phase is not GameDayPhase.FINISHED else [],
    )


@router.post("/game-days/{name}/start")
async def start_game_day(desk: AtDesk, name: str, key: Annotated[str, Form()] = "") -> RedirectResponse:
    """Hold one now; pressed twice it is one."""
    planner: GameDayDesk = desk.request.app.state.game_day_desk
    mark = key_mark(desk.principal.name, f"{name}/{key}") if key else None
    try:
        made = await desk.done(planner.start(name, {}, desk.actor, mark))
    except (Rejected, Transient) as error:
        return desk.back("/game-days", refusal=error.sentence)
    return desk.back(f"/game-days/{made.id}", notice="Begun. It is asked about first; nothing is touched before that.")


@router.post("/game-days/{game_day_id}/halt")
async def halt_game_day(desk: AtDesk, game_day_id: str, reason: Reason, back: Back = "") -> RedirectResponse:
    """Stop and undo."""
    doing = desk.actions.halt_game_day(game_day_id, HaltGameDay(by=desk.actor, reason=reason))
    where = _back(back or f"/game-days/{game_day_id}")
    return await attempt(desk, where, doing, "Halting: the fault is being undone.", reason)


_TABLETOP: dict[str, Verb[TabletopCommand]] = {
    "next": Verb("next", NextInject, "It is out."),
    "inject": Verb("inject", AddInject, "It is out."),
    "answer": Verb("answer", AnswerQuestion, "Said in the room."),
    "mark": Verb("mark", MarkWish, "Marked."),
    "stop-clock": Verb("stop_clock", StopClock, "The clock stands still."),
    "start-clock": Verb("start_clock", StartClock, "The clock runs."),
    "end": Verb("end", EndTabletop, "It is over. Now talk about it."),
}


@router.post("/game-days/{game_day_id}/tabletop/{verb}")
async def say(desk: AtDesk, game_day_id: str, verb: str) -> RedirectResponse:
    """What the game master says to a tabletop."""
    fields, where = await read_form(desk.request), f"/game-days/{game_day_id}"
    try:
        known, command = read_command(_TABLETOP, verb, desk.actor, fields)
    except Rejected as error:
        return desk.back(where, refusal=error.sentence, unsent=longest_text(fields))
    doing = desk.actions.tabletop(game_day_id, known.name, command)
    return await attempt(desk, where, doing, known.done, longest_text(fields))


@router.post("/game-days/{game_day_id}/action-items")
async def create_item(desk: AtDesk, game_day_id: str, finding: Annotated[str, Form()]) -> RedirectResponse:
    """A finding becomes an action item; pressed twice it is one."""
    reports: ReportDesk = desk.request.app.state.game_day_reports
    try:
        made = await desk.done(reports.create_item(game_day_id, FindingItem(finding=finding), desk.actor))
    except (Rejected, Transient) as error:
        return desk.back(f"/game-days/{game_day_id}", refusal=error.sentence)
    return desk.back(f"/action-items/{made.id}", notice="It is chased until the game day has passed.")


@router.post("/game-days/{name}/trigger")
async def trigger(desk: AtDesk, name: str) -> RedirectResponse:
    """Start what is scheduled, now."""
    schedules: ScheduleDesk = desk.request.app.state.game_day_schedules
    return await attempt(
        desk, "/game-days", schedules.trigger(name, desk.actor), "Started, as it is pinned in its schedule."
    )


@router.post("/game-days/{name}/skip-next")
async def skip_next(desk: AtDesk, name: str, reason: Reason, at: Annotated[datetime, Form()]) -> RedirectResponse:
    """Leave the next time out: the one that stood on the page."""
    schedules: ScheduleDesk = desk.request.app.state.game_day_schedules
    doing = schedules.skip_next(name, reason, desk.actor, at)
    return await attempt(desk, "/game-days", doing, "Skipped; the one after it stays.", reason)


@router.post("/game-days/{name}/pause")
async def pause(desk: AtDesk, name: str, reason: Reason) -> RedirectResponse:
    """No further one starts by itself."""
    planner: GameDayDesk = desk.request.app.state.game_day_desk
    return await attempt(desk, "/game-days", planner.pause(name, reason, desk.actor), "Paused.", reason)


@router.post("/game-days/{name}/revoke-standing-approval")
async def revoke(desk: AtDesk, name: str, reason: Reason) -> RedirectResponse:
    """Every run is asked about again."""
    standing: StandingDesk = desk.request.app.state.standing_approvals
    said = "Revoked: the next run is asked about."
    return await attempt(desk, "/game-days", standing.revoke(name, reason, desk.actor), said, reason)


@router.post("/game-days/{name}/resume")
async def resume(desk: AtDesk, name: str, reason: Reason) -> RedirectResponse:
    """The schedule goes on."""
    planner: GameDayDesk = desk.request.app.state.game_day_desk
    return await attempt(desk, "/game-days", planner.resume(name, reason, desk.actor), "Resumed.", reason)


@router.get("/safety-levers")
async def safety_levers(desk: AtDesk) -> HTMLResponse:
    """Each with its story, and the button that pulls it."""
    return await desk.page("safety_levers.html", levers=await levers_of(desk))


@router.post("/safety-levers/{scope}/engage")
async def engage(desk: AtDesk, scope: str, reason: Reason, back: Back = "/safety-levers") -> RedirectResponse:
    """Stop everything of the scope."""
    levers: LeverDesk = desk.request.app.state.levers
    done = f"The safety lever ({scope}) is engaged: running game days are being undone, and none begins."
    return await attempt(desk, _back(back), levers.engage(scope, reason, desk.actor), done, reason)


@router.post("/safety-levers/{scope}/release")
async def release(desk: AtDesk, scope: str, reason: Reason) -> RedirectResponse:
    """Game days may begin again."""
    levers: LeverDesk = desk.request.app.state.levers
    doing = levers.release(scope, reason, desk.actor)
    return await attempt(desk, "/safety-levers", doing, f"The safety lever ({scope}) is released.", reason)


def _back(path: str) -> str:
    return path if _BACK.fullmatch(path) else "/game-days"


def _first_of(month: str) -> date | None:
    try:
        return date.fromisoformat(f"{month}-01") if _MONTH.fullmatch(month) else None
    except ValueError:
        return None


def _day(day: date, found: GameDayCalendar, zone: ZoneInfo, today: date) -> Day:
    since, until = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    frozen: list[Any] = [each.name for each in found.freezes if each.since < until and each.until > since]
    return Day(day, [each for each in found.entries if since <= each.at < until], frozen, day == today)
