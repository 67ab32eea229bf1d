"""`/api/v1/runs`: runs of runbooks, and what operators may do with them."""

from typing import Any

from fastapi import APIRouter
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
from api.routes.verbs import Verb, add_verbs
from domain.record import ProjectionKind
from domain.run import (
    CompleteManualStep,
    OverrideOutput,
    PauseRun,
    ResumeRun,
    RetryStep,
    RunCommand,
    RunState,
    SkipStep,
    StopRun,
)
from store.interface import Document

router = APIRouter(prefix="/runs", tags=["runs"])


@router.get("", summary="Runs, newest first", response_model=None, responses=problems(422))
async def list_runs(reader: ReaderDep, query: Things) -> JSONResponse:
    """A page of runs; `state` filters by their status."""
    return page(
        await reader.things(
            ProjectionKind.RUN,
            incident_id=query.incident_id,
            state=several(query.state),
            cursor=query.cursor,
            limit=query.limit,
        )
    )


class StartRunBody(Body):
    """A run to start."""

    incident_id: str
    runbook: str = Field(description="Its name; `GET /api/v1/runbooks` lists them.")
    parameters: dict[str, Any] = Field(default_factory=dict)
    override_freeze: str = Field(
        default="", max_length=2000, description="Why something is changed although a freeze is on; by a person only."
    )


@router.post(
    "",
    summary="Run a runbook for an incident",
    status_code=201,
    response_model=None,
    responses=shows(RunState, 201, "Started now.")
    | shows(RunState, 200, "Started before with the same Idempotency-Key.")
    | shows(RunState, 202, "Accepted; it has not shown itself yet, look at Location.")
    | problems(400, 403, 404, 409, 422),
)
async def start_run(body: StartRunBody, speaker: SpeakerDep, actions: ActionsDep) -> JSONResponse:
    """The runbook is pinned as it is now; later edits do not touch the run."""
    made = await actions.start_run(
        body.incident_id,
        body.runbook,
        body.parameters,
        speaker.actor(body.by),
        speaker.mark,
        override_freeze=body.override_freeze,
    )
    location = f"/api/v1/runs/{made.id}"
    run = await actions.run_appears(made.id)
    if run is None:
        return document({"id": made.id, "incident_id": body.incident_id, "status": "accepted"}, 202, location)
    return document(run, 201 if made.is_new else 200, location)


@router.get("/{id}", summary="One run with its steps", response_model=None, responses=shows(RunState) | problems(404))
async def get_run(id: str, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """From the run itself; from the record once the engine has forgotten it."""
    return picture(await reader.run(id))


VERBS = (
    Verb("pause", "pause", PauseRun, "No new step starts until resumed"),
    Verb("resume", "resume", ResumeRun, "Go on"),
    Verb("skip", "skip", SkipStep, "Leave a step out"),
    Verb("retry", "retry", RetryStep, "Try a failed or unknown step again"),
    Verb("override", "override", OverrideOutput, "Take this as the step's output and go on"),
    Verb("complete", "complete", CompleteManualStep, "A manual step is done, or could not be done"),
    Verb("stop", "stop", StopRun, "Start no new work, then undo if asked to"),
)


async def _send(actions: Actions, id_: str, name: str, command: RunCommand, mark: str | None) -> Document:
    return await actions.run(id_, name, command, mark)


add_verbs(router, VERBS, _send, RunState)
