"""`/api/v1/game-days`: exercises with real faults: what is defined, start one, watch it, stop it now."""

from importlib.metadata import version
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from api.acting import Actions
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
from api.game_days import GameDayDesk
from api.routes.verbs import Verb, add_verbs
from domain.chaos_journal import journal_of
from domain.game_day import GameDayState, HaltGameDay
from domain.record import ProjectionKind
from store.interface import Document

router = APIRouter(prefix="/game-days", tags=["game days"])


def _desk(request: Request) -> GameDayDesk:
    return cast("GameDayDesk", request.app.state.game_day_desk)


DeskDep = Annotated[GameDayDesk, Depends(_desk)]


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


async def _send(actions: Actions, id_: str, _: str, command: HaltGameDay, mark: str | None) -> Document:
    return await actions.halt_game_day(id_, command, mark)


add_verbs(router, (Verb("halt", "halt", HaltGameDay, "Stop now and undo the fault"),), _send, GameDayState)
