"""`/api/v1/game-days`: exercises with real faults: what is defined, start one, watch it, stop it now."""

from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import AwareDatetime, Field

from api.acting import Actions
from api.auth import CurrentPrincipal
from api.bodies import Body, Strict, body_of
from api.calendar_links import CalendarLink, calendar_link
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
from api.export.calendar import as_icalendar
from api.game_day_coverage import CoverageDesk
from api.game_day_reports import FindingItem, ReportDesk
from api.game_day_schedules import ScheduleDesk
from api.game_days import GameDayDesk
from api.pages.rendering import markdown, render
from api.routes.verbs import Verb, add_verbs
from api.standing_approvals import Standing, StandingDesk
from domain.action_item import ActionItemState, ActionItemStatus
from domain.chaos_journal import journal_of
from domain.errors import HotwashError, Transient
from domain.game_day import GameDayState, HaltGameDay
from domain.game_day_calendar import GameDayCalendar
from domain.game_day_coverage import Coverage
from domain.game_day_report_text import AgedReport, as_markdown
from domain.model import Model
from domain.record import ProjectionKind
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
from store.interface import Document

router = APIRouter(prefix="/game-days", tags=["game days"])
# What was held lately, and much of what the engine knows of its schedules; within the longest span of a calendar.
FEED_BEFORE, FEED_AHEAD = timedelta(days=31), timedelta(days=61)


def _desk(request: Request) -> GameDayDesk:
    return cast("GameDayDesk", request.app.state.game_day_desk)


def _schedules(request: Request) -> ScheduleDesk:
    return cast("ScheduleDesk", request.app.state.game_day_schedules)


def _reports(request: Request) -> ReportDesk:
    return cast("ReportDesk", request.app.state.game_day_reports)


def _coverage(request: Request) -> CoverageDesk:
    return cast("CoverageDesk", request.app.state.game_day_coverage)


def _standing(request: Request) -> StandingDesk:
    return cast("StandingDesk", request.app.state.standing_approvals)


DeskDep = Annotated[GameDayDesk, Depends(_desk)]
SchedulesDep = Annotated[ScheduleDesk, Depends(_schedules)]
StandingDep = Annotated[StandingDesk, Depends(_standing)]
ReportsDep = Annotated[ReportDesk, Depends(_reports)]
CoverageDep = Annotated[CoverageDesk, Depends(_coverage)]


@router.get("", summary="Game days, newest first", response_model=None, responses=problems(422))
async def list_game_days(reader: ReaderDep, query: Things) -> JSONResponse:
    """A page of game days; `state` filters by their phase."""
    return page(
        await reader.things(
            ProjectionKind.GAME_DAY,
            incident_id=query.incident_id,
            state=several(query.state),
            cursor=query.cursor,
            limit=query.limit,
        )
    )


@router.get("/definitions", summary="Game days that may be held", response_model=None, responses=problems())
async def list_definitions(desk: DeskDep) -> JSONResponse:
    """With their schedule, and when the next one is due."""
    definitions = await desk.definitions()
    return JSONResponse({"items": [each.model_dump(mode="json") for each in definitions], "next_cursor": None})


class CalendarQuery(Strict):
    """Which span of time."""

    since: AwareDatetime | None = Field(default=None, description="Left out: now.")
    until: AwareDatetime | None = Field(default=None, description="Left out: 31 days later; at most 92 days.")


@router.get(
    "/calendar",
    summary="What is due, and what was held",
    response_model=None,
    responses=shows(GameDayCalendar) | problems(422),
)
async def calendar(schedules: SchedulesDep, query: Annotated[CalendarQuery, Query()]) -> JSONResponse:
    """The engine tells the next ten times of each schedule; freezes and windows say which of them would be refused."""
    since = query.since or datetime.now(UTC)
    found = await schedules.calendar(since, query.until or since + timedelta(days=31))
    return JSONResponse(found.model_dump(mode="json"))


_FEED: dict[int | str, dict[str, Any]] = {
    200: {"description": "iCalendar (RFC 5545).", "content": {"text/calendar": {}}}
}


@router.get(
    "/calendar.ics",
    summary="The same for calendar programs",
    response_model=None,
    responses=_FEED | problems(503),
)
async def calendar_feed(request: Request, schedules: SchedulesDep, link: str | None = None) -> Response:
    """Game days of a month ago and two months ahead, freezes and windows; instead of a token a signed `link` will do.

    Refused with 503 while something does not answer: a calendar program would take what is missing for called off.
    """
    del link  # The guard has read it.
    configuration = request.app.state.configuration.current()
    now = datetime.now(UTC)
    found = await schedules.calendar(now - FEED_BEFORE, now + FEED_AHEAD)
    if found.is_partial:
        raise Transient("; ".join(found.problems))
    text = as_icalendar(
        found,
        configuration.game_day_policy.windows,
        organization=configuration.organization,
        base_url=(configuration.base_url or str(request.base_url)).rstrip("/"),
        now=now,
    )
    return Response(text, media_type="text/calendar; charset=utf-8")


@router.post(
    "/calendar/links",
    summary="Make a link for a calendar program",
    status_code=201,
    response_model=None,
    responses=shows(CalendarLink, 201) | problems(403),
)
async def make_calendar_link(request: Request, principal: CurrentPrincipal) -> JSONResponse:
    """For whoever asks: it shows the calendar and nothing else, for a year; `tokens_valid_after` ends it earlier."""
    return JSONResponse(calendar_link(request, principal).model_dump(mode="json"), status_code=201)


@router.get(
    "/coverage", summary="Services by kinds of fault", response_model=None, responses=shows(Coverage) | problems()
)
async def coverage(desk: CoverageDep) -> JSONResponse:
    """When each service last withstood each kind of fault, and what that is worth now."""
    return JSONResponse((await desk.coverage()).model_dump(mode="json"))


class LintedGameDay(Model):
    """What can be said about a game day before it is held."""

    name: str
    problems: tuple[str, ...]


@router.get(
    "/definitions/{name}/lint",
    summary="What is wrong with one",
    response_model=None,
    responses=shows(LintedGameDay) | problems(404),
)
async def lint(name: str, desk: DeskDep) -> JSONResponse:
    """Its file, and what `hotwash.yaml` says of its targets and people."""
    found = LintedGameDay(name=name, problems=await desk.lint(name))
    return JSONResponse(found.model_dump(mode="json"))


_AS_WISHED: dict[int | str, dict[str, Any]] = {
    200: {
        "model": AgedReport,
        "description": "As JSON, as Markdown or as a page of its own.",
        "content": {"text/markdown": {}, "text/html": {}},
    }
}


@router.get(
    "/{id}/report",
    summary="The report",
    response_model=None,
    responses=_AS_WISHED | problems(404, 409, 422),
)
async def report(
    id: str,  # noqa: A002 - the path's word
    desk: ReportsDep,
    format: Literal["json", "markdown", "html"] = "json",  # noqa: A002 - the query's word
) -> Response:
    """Each expectation with its evidence, the scores, the findings, and the difference to the last run."""
    found = await desk.report(id)
    if format == "json":
        return JSONResponse(found.model_dump(mode="json"))
    text = as_markdown(found)
    if format == "markdown":
        return PlainTextResponse(text, media_type="text/markdown; charset=utf-8")
    return render("game_day_report.html", title=f"{found.title}: {found.id}", html=markdown(text))


class FindingItemBody(body_of(FindingItem)):  # type: ignore[misc]  # made from the model, so that the two cannot drift
    """A finding becomes an action item."""


@router.post(
    "/{id}/action-items",
    summary="Make a finding an action item",
    status_code=201,
    response_model=None,
    responses=shows(ActionItemState, 201, "Made now.")
    | shows(ActionItemState, 200, "Made before: a finding has one action item.")
    | problems(400, 403, 404, 409, 422),
)
async def create_item(
    id: str,  # noqa: A002 - the path's word
    body: FindingItemBody,
    desk: ReportsDep,
    reader: ReaderDep,
    speaker: SpeakerDep,
) -> JSONResponse:
    """It is done once the game day has passed; the same finding is the same item, whoever asks."""
    wish = FindingItem(finding=body.finding, owner=body.owner, priority=body.priority)
    made = await desk.create_item(id, wish, speaker.actor(body.by))
    try:
        item = (await reader.action_item(made.id)).document
    except HotwashError:
        # No worker has taken it up yet.
        item = {"id": made.id, "state": ActionItemStatus.OPEN.value}
    return document(item, 201 if made.is_new else 200, location=f"/api/v1/action-items/{made.id}")


@router.get("/{id}", summary="One game day", response_model=None, responses=shows(GameDayState) | problems(404))
async def get_game_day(id: str, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """With the judgement of each expectation."""
    return picture(await reader.game_day(id))


@router.get(
    "/{id}/journal",
    summary="One game day as a journal of the Chaos Toolkit",
    response_model=None,
    responses=problems(404),
)
async def get_journal(id: str, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """For tools that read the toolkit's journals; what has no place there stands under `hotwash`."""
    found = await reader.game_day(id)
    return JSONResponse(journal_of(GameDayState.model_validate(found.document), version("hotwash")))


class StartGameDayBody(Body):
    """What the definition wants to know, besides what `hotwash.yaml` says."""

    parameters: dict[str, Any] = Field(default_factory=dict)


@router.post(
    "/{name}/start",
    summary="Hold one now",
    status_code=201,
    response_model=None,
    responses=shows(GameDayState, 201, "Started now.")
    | shows(GameDayState, 200, "Started before with the same Idempotency-Key.")
    | problems(400, 403, 404, 409, 422),
)
async def start_game_day(
    name: str, desk: DeskDep, speaker: SpeakerDep, actions: ActionsDep, body: StartGameDayBody | None = None
) -> JSONResponse:
    """A real fault, on purpose; it is always undone. Refused while one of this name is under way."""
    given = body or StartGameDayBody()
    made = await desk.start(name, given.parameters, speaker.actor(given.by), speaker.mark)
    begun = await actions.game_day_begun(made.id)
    return document(begun, 201 if made.is_new else 200, location=f"/api/v1/game-days/{made.id}")


class TriggeredGameDay(Model):
    """What was started."""

    id: str


class ScheduleBody(Body):
    """Why."""

    reason: str


@router.post(
    "/{name}/pause", summary="No further one starts by itself", status_code=204, responses=problems(400, 403, 404, 422)
)
async def pause_schedule(name: str, body: ScheduleBody, desk: DeskDep, speaker: SpeakerDep) -> None:
    """Stays until it is resumed by hand."""
    await desk.pause(name, body.reason, speaker.actor(body.by))


@router.post(
    "/{name}/resume", summary="The schedule goes on", status_code=204, responses=problems(400, 403, 404, 409, 422)
)
async def resume_schedule(name: str, body: ScheduleBody, desk: DeskDep, speaker: SpeakerDep) -> None:
    """What was missed is not made up for."""
    await desk.resume(name, body.reason, speaker.actor(body.by))


@router.get(
    "/{name}/standing-approval",
    summary="Whether people have approved further runs of it",
    response_model=None,
    responses=shows(Standing) | problems(404),
)
async def standing_approval(name: str, standing: StandingDep, desk: DeskDep) -> JSONResponse:
    """Given with a vote (`standing_until`), as game_day_policy allows; what has changed since is asked about anew."""
    await desk.lint(name)
    return JSONResponse((await standing.standing(name)).model_dump(mode="json"))


@router.post(
    "/{name}/standing-approval/revoke",
    summary="Every run is asked about again",
    response_model=None,
    responses=shows(Standing) | problems(400, 403, 409, 422),
)
async def revoke_standing_approval(
    name: str, body: ScheduleBody, standing: StandingDep, speaker: SpeakerDep
) -> JSONResponse:
    """From the next run on; one that is under way goes on."""
    found = await standing.revoke(name, body.reason, speaker.actor(body.by), speaker.mark)
    return JSONResponse(found.model_dump(mode="json"))


class SkipBody(ScheduleBody):
    """Why, and which time."""

    at: AwareDatetime | None = Field(default=None, description="The next time as it was seen: twice is once.")


class SkippedNext(Model):
    """What is left out."""

    name: str
    skipped: datetime


@router.post(
    "/{name}/skip-next",
    summary="The next one does not start",
    response_model=None,
    responses=shows(SkippedNext) | problems(400, 403, 404, 409, 422),
)
async def skip_next(name: str, body: SkipBody, schedules: SchedulesDep, speaker: SpeakerDep) -> JSONResponse:
    """Only that one; the schedule goes on after it, whatever is restarted meanwhile."""
    at = await schedules.skip_next(name, body.reason, speaker.actor(body.by), body.at)
    return JSONResponse(SkippedNext(name=name, skipped=at).model_dump(mode="json"))


@router.post(
    "/{name}/trigger",
    summary="Start what is scheduled, now",
    status_code=202,
    response_model=None,
    responses=shows(TriggeredGameDay, 202) | problems(403, 404, 409, 422),
)
async def trigger_schedule(
    name: str, schedules: SchedulesDep, speaker: SpeakerDep, body: Body | None = None
) -> JSONResponse:
    """With the definition that is pinned in the schedule. Refused while one of this name is held.

    It is started by a person: an approval that stands for the schedule does not count for it.
    """
    made = await schedules.trigger(name, speaker.actor((body or Body()).by), speaker.mark)
    return JSONResponse(TriggeredGameDay(id=made.id).model_dump(mode="json"), status_code=202)


async def _send(actions: Actions, id_: str, _: str, command: HaltGameDay, mark: str | None) -> Document:
    return await actions.halt_game_day(id_, command, mark)


add_verbs(router, (Verb("halt", "halt", HaltGameDay, "Stop now and undo the fault"),), _send, GameDayState)


async def _say(actions: Actions, id_: str, name: str, command: TabletopCommand, mark: str | None) -> Document:
    return await actions.tabletop(id_, name, command, mark)


TABLETOP_VERBS = (
    Verb("next", "next", NextInject, "Tabletop: the next inject now"),
    Verb("inject", "inject", AddInject, "Tabletop: an inject that is not in the script"),
    Verb("answer", "answer", AnswerQuestion, "Tabletop: the game master answers"),
    Verb("mark", "mark", MarkWish, "Tabletop: whether a judged expectation was met"),
    Verb("stop-clock", "stop_clock", StopClock, "Tabletop: the scenario stands still"),
    Verb("start-clock", "start_clock", StartClock, "Tabletop: the scenario goes on"),
    Verb("end", "end", EndTabletop, "Tabletop: end it and judge"),
)
add_verbs(router, TABLETOP_VERBS, _say, GameDayState)
