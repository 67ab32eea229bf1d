"""`/healthz`, `/readyz` and `/metrics`: for supervisors, load balancers and Prometheus."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from api.health import Health
from api.metrics import Metrics

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="The process lives", response_model=None)
async def healthz() -> JSONResponse:
    """Says nothing about engine, workers or store: restarting this process would not mend those."""
    return JSONResponse({"status": "alive"})


@router.get(
    "/readyz",
    summary="Engine, workers and store answer",
    response_model=None,
    responses={503: {"description": "Some part does not answer; the body says which."}},
)
async def readyz(request: Request) -> JSONResponse:
    """200 when all of it is there, else 503; names each part either way."""
    health: Health = request.app.state.health
    parts = await health.parts()
    is_ready = all(part.is_ready for part in parts)
    body = {
        "status": "ready" if is_ready else "not ready",
        "parts": {part.name: {"ready": part.is_ready, "detail": part.detail} for part in parts},
    }
    return JSONResponse(body, status_code=200 if is_ready else 503)


@router.get("/metrics", summary="Numbers for Prometheus", response_model=None)
async def metrics(request: Request) -> Response:
    """Open while the API is bound to this machine and nobody forwards; otherwise it needs a token like the rest."""
    counted: Metrics = request.app.state.metrics
    body, content_type = counted.text()
    return Response(body, media_type=content_type)
