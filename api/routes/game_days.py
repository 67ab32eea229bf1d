"""`/api/v1/game-days`: exercises with real faults, past and under way, and the way to stop one now."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.acting import Actions
from api.dependencies import ReaderDep, Things, page, picture, problems, several, shows
from api.routes.verbs import Verb, add_verbs
from domain.game_day import GameDayState, HaltGameDay
from domain.record import ProjectionKind
from store.interface import Document

router = APIRouter(prefix="/game-days", tags=["game days"])


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


@router.get("/{id}", summary="One game day", response_model=None, responses=shows(GameDayState) | problems(404))
async def get_game_day(id: str, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """With the judgement of each expectation."""
    return picture(await reader.game_day(id))


async def _send(actions: Actions, id_: str, _: str, command: HaltGameDay, mark: str | None) -> Document:
    return await actions.halt_game_day(id_, command, mark)


add_verbs(router, (Verb("halt", "halt", HaltGameDay, "Stop now and undo the fault"),), _send, GameDayState)
