"""One table row per command: path, the domain's command, a sentence. From it come route, request model and OpenAPI.

Used by the files of this folder for their POST verbs. The one thing to know: a new command of the domain needs one new
row here, and nothing else.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.acting import Actions
from api.bodies import Body, body_of, takes_nothing
from api.dependencies import ActionsDep, SpeakerDep, document, problems, shows
from store.interface import Document

# Carries a command out: actions, the id from the path, the command's name, the command, the idempotency mark.
Send = Callable[[Actions, str, str, Any, str | None], Awaitable[Document]]


@dataclass(frozen=True, slots=True)
class Verb:
    """One row."""

    # The last part of the path, and the name of the Update.
    path: str
    command: str
    kind: type[BaseModel]
    summary: str
    # Fields that do not come from the caller.
    without: tuple[str, ...] = ()


def add_verbs(router: APIRouter, verbs: Sequence[Verb], send: Send, answers: type[BaseModel]) -> None:
    """Add `POST /{id}/<verb>` for each row."""
    for verb in verbs:
        router.add_api_route(
            f"/{{id}}/{verb.path}",
            _endpoint(verb, send),
            methods=["POST"],
            name=verb.command,
            operation_id=f"{router.prefix.strip('/').replace('-', '_')}_{verb.path.replace('-', '_')}",
            summary=verb.summary,
            response_model=None,
            responses=shows(answers) | problems(400, 403, 404, 409, 422),
        )


def _endpoint(verb: Verb, send: Send) -> Callable[..., Awaitable[JSONResponse]]:
    model = body_of(verb.kind, without=verb.without)

    async def act(id: str, body: Body | None, speaker: Any, actions: Any) -> JSONResponse:  # noqa: A002 - the path's word
        given = body if body is not None else model()
        fields = {name: getattr(given, name) for name in type(given).model_fields if name != "by"}
        command = verb.kind(by=speaker.actor(given.by), **fields)
        return document(await send(actions, id, verb.command, command, speaker.mark))

    async def with_body(id: str, speaker: SpeakerDep, actions: ActionsDep, body: Body) -> JSONResponse:  # noqa: A002
        return await act(id, body, speaker, actions)

    async def without_body(
        id: str,  # noqa: A002 - the path's word
        speaker: SpeakerDep,
        actions: ActionsDep,
        body: Body | None = None,
    ) -> JSONResponse:
        return await act(id, body, speaker, actions)

    # A body may be left out where nothing in it is required. FastAPI reads the annotations, so they are the contract.
    may_be_bare = takes_nothing(model)
    endpoint: Callable[..., Awaitable[JSONResponse]] = without_body if may_be_bare else with_body
    endpoint.__annotations__["body"] = model | None if may_be_bare else model
    endpoint.__annotations__["id"] = Annotated[str, Path(max_length=300)]
    endpoint.__doc__ = verb.kind.__doc__
    return endpoint
