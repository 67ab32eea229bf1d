"""`/api/v1/safety-levers`: stop all game days, or all of one environment, and let none begin."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.bodies import Body
from api.dependencies import SpeakerDep, problems, shows
from api.safety_levers import LeverDesk
from domain.safety_lever import LeverState

router = APIRouter(prefix="/safety-levers", tags=["game days"])


def _desk(request: Request) -> LeverDesk:
    return cast("LeverDesk", request.app.state.levers)


DeskDep = Annotated[LeverDesk, Depends(_desk)]


class PullBody(Body):
    """Why."""

    reason: str


@router.get("", summary="All safety levers", response_model=None, responses=problems())
async def list_levers(desk: DeskDep) -> JSONResponse:
    """The global one first, then one per environment."""
    levers = [each.model_dump(mode="json") for each in await desk.levers()]
    return JSONResponse({"items": levers, "next_cursor": None})


@router.get("/{scope}", summary="One safety lever", response_model=None, responses=shows(LeverState) | problems(404))
async def get_lever(scope: str, desk: DeskDep) -> JSONResponse:
    """Who pulled it, why, and which game days it stopped."""
    return JSONResponse((await desk.lever(scope)).model_dump(mode="json"))


@router.post(
    "/{scope}/engage",
    summary="Stop all game days of the scope; none begins",
    response_model=None,
    responses=shows(LeverState) | problems(400, 403, 404, 422),
)
async def engage(scope: str, body: PullBody, desk: DeskDep, speaker: SpeakerDep) -> JSONResponse:
    """Every fault is undone at once. Engaging twice is engaging once."""
    lever = await desk.engage(scope, body.reason, speaker.actor(body.by))
    return JSONResponse(lever.model_dump(mode="json"))


@router.post(
    "/{scope}/release",
    summary="Game days may begin again",
    response_model=None,
    responses=shows(LeverState) | problems(400, 403, 404, 409, 422),
)
async def release(scope: str, body: PullBody, desk: DeskDep, speaker: SpeakerDep) -> JSONResponse:
    """What was stopped stays stopped."""
    lever = await desk.release(scope, body.reason, speaker.actor(body.by), speaker.mark)
    return JSONResponse(lever.model_dump(mode="json"))
