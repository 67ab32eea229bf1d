"""The one table from errors to HTTP; every refusal of the API passes through here.

`create_app` installs the handlers; `api/guard.py` uses `respond_to` for refusals before routing; `api/acting.py` and
`api/reading.py` use `to_domain_error`, so that routes and pages see domain errors only. The one thing to know: an error
that is in no table is a 500 with a reference, and its text goes to the log, not to the caller.
"""

import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from temporalio.client import (
    RPCTimeoutOrCancelledError,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.problems import FieldProblem, ProblemResponse, as_seen, problem
from domain.errors import HotwashError, NeedsHuman, Rejected, RejectionKind, Transient

log = structlog.get_logger(__name__)

# Seconds after which a caller may come again: about what the embedded engine needs to start (0.3 s), with room for
# a supervisor's restart; short enough for an alert sender, which retries in its own rhythm anyway.
RETRY_AFTER_SECONDS = 5

# --- the table -------------------------------------------------------------------------------------------------------
REJECTIONS: dict[RejectionKind, tuple[int, str]] = {
    RejectionKind.INVALID: (422, "The request does not fit"),
    RejectionKind.UNAUTHENTICATED: (401, "Who are you?"),
    RejectionKind.FORBIDDEN: (403, "Not allowed"),
    RejectionKind.NOT_FOUND: (404, "Not found"),
    RejectionKind.CONFLICT: (409, "Not possible now"),
    RejectionKind.TOO_LARGE: (413, "Too large"),
}
TRANSIENT = (503, "Not available now")
NEEDS_HUMAN = (409, "A person must decide")

# Alert senders know 400 for "this is not my format"; our own clients get 422, which says that the JSON was read.
_SENDER_PATHS = ("/webhooks/", "/v2/")

# The engine's words for "come again later".
_AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.FAILED_PRECONDITION,
    }
)
# How the SDK's transport reads when the engine dies under a call; a defect has the same two codes with other words.
_CUT_OFF = ("transport error", "h2 protocol error", "broken pipe", "connection reset")
ENGINE_AWAY = (
    "the engine (Temporal) does not answer now; try again in a few seconds, and where something was to be changed, "
    "look first or repeat it with the same Idempotency-Key"
)
NO_WORKER = (
    "no worker has answered in time, so it is not known whether this took effect; "
    "look before you repeat it, or repeat it with the same Idempotency-Key"
)


# --- engine → domain -------------------------------------------------------------------------------------------------
def to_domain_error(  # noqa: PLR0911 - a table: one return per meaning
    error: BaseException, subject: str = "this"
) -> HotwashError | None:
    """What an error of the engine means to us; None when it means nothing that anybody foresaw.

    `subject` names what was asked for: `incident inc-20261122-k7qd`.
    """
    match error:
        case HotwashError():
            return error
        case WorkflowUpdateFailedError():
            return _from_failure(error.cause, subject)
        case WorkflowUpdateRPCTimeoutOrCancelledError():
            return Transient(NO_WORKER)
        case WorkflowQueryFailedError() | RPCTimeoutOrCancelledError() | TimeoutError():
            return Transient(f"no worker has answered about {subject} in time; try again in a few seconds")
        case WorkflowQueryRejectedError():
            return Rejected(f"{subject} has ended and cannot be asked any more", RejectionKind.CONFLICT)
        case WorkflowAlreadyStartedError():
            return Rejected(f"{subject} exists already", RejectionKind.CONFLICT)
        case RPCError(status=RPCStatusCode.NOT_FOUND):
            return Rejected(f"there is no {subject}", RejectionKind.NOT_FOUND)
        case RPCError(status=RPCStatusCode.INVALID_ARGUMENT):
            return Rejected(f"the engine does not take this for {subject}; check ids and sizes")
        case RPCError() if error.status in _AWAY:
            return Transient(ENGINE_AWAY)
        case RPCError(status=RPCStatusCode.UNKNOWN | RPCStatusCode.INTERNAL) if _is_cut_off(error):
            return Transient(ENGINE_AWAY)
        case RuntimeError() if str(error).startswith("Failed client connect"):
            # What a lazy client of the SDK says when nobody listens at the engine's address.
            return Transient(ENGINE_AWAY)
        case _:
            return None


def _is_cut_off(error: RPCError) -> bool:
    return any(words in error.message.lower() for words in _CUT_OFF)


@contextmanager
def engine_errors(subject: str) -> Iterator[None]:
    """Let only domain errors out of a block that talks to the engine; the unforeseen passes as it is."""
    try:
        yield
    except Exception as error:
        meaning = to_domain_error(error, subject)
        if meaning is None or meaning is error:
            raise
        raise meaning from error


def _from_failure(cause: BaseException | None, subject: str) -> HotwashError | None:
    # `activities/errors.py` writes the class name into `type` and the kind of a rejection into the details.
    if not isinstance(cause, ApplicationError):
        return None
    match cause.type:
        case "Rejected":
            kind = RejectionKind(cause.details[0]) if cause.details else RejectionKind.INVALID
            return Rejected(cause.message, kind)
        case "Transient":
            return Transient(cause.message)
        case "NeedsHuman" | "UnknownOutcome":
            return NeedsHuman(cause.message)
        case "AcceptedUpdateCompletedWorkflow":
            return Rejected(f"{subject} ended while it was asked", RejectionKind.CONFLICT)
        case _:
            return None


# Errors that may reach a handler and have a meaning above; the rest ends in the net of `api/guard.py`.
KNOWN: tuple[type[Exception], ...] = (
    HotwashError,
    RPCError,
    WorkflowUpdateFailedError,
    WorkflowAlreadyStartedError,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    RPCTimeoutOrCancelledError,
    TimeoutError,
    RuntimeError,
)


# --- domain → HTTP ---------------------------------------------------------------------------------------------------
def respond_to(error: HotwashError, path: str, request_id: str | None = None) -> ProblemResponse:
    """The problem document of a domain error."""
    headers: dict[str, str] = {}
    match error:
        case Rejected():
            status, title = REJECTIONS[error.kind]
            name = error.kind.value.replace("_", "-")
            if error.kind is RejectionKind.INVALID and path.startswith(_SENDER_PATHS):
                status = 400
            if error.kind is RejectionKind.UNAUTHENTICATED:
                headers["WWW-Authenticate"] = "Bearer"
        case NeedsHuman():
            (status, title), name = NEEDS_HUMAN, "needs-human"
        case _:
            (status, title), name = TRANSIENT, "transient"
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return problem(
        status, error.sentence, instance=path, name=name, title=title, request_id=request_id, headers=headers
    )


def respond_to_unexpected(error: BaseException, path: str, request_id: str | None) -> ProblemResponse:
    """A 500 with a reference; what happened goes to the log under the same reference."""
    reference = uuid.uuid4().hex[:12]
    log.error("unexpected error", reference=reference, path=path, request_id=request_id, exc_info=error)
    detail = f"something went wrong that nobody foresaw; the log has it under reference {reference}"
    return problem(500, detail, instance=path, name="unexpected", title="Unexpected error", request_id=request_id)


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""
    app.add_exception_handler(RequestValidationError, _seen(_on_invalid_request))
    app.add_exception_handler(HTTPException, _seen(_on_http_exception))
    for kind in KNOWN:
        app.add_exception_handler(kind, _seen(_on_known_error))


def request_id_of(request: Request) -> str | None:
    """The id that the guard gave to this request."""
    value = request.scope.get("state", {}).get("request_id")
    return value if isinstance(value, str) else None


Answer = Callable[[Request, Exception], ProblemResponse]


def _seen(answer: Answer) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handler(request: Request, error: Exception) -> Response:
        return as_seen(request, answer(request, error))

    return handler


def _on_known_error(request: Request, error: Exception) -> ProblemResponse:
    path, request_id = request.url.path, request_id_of(request)
    meaning = to_domain_error(error)
    if meaning is None:
        return respond_to_unexpected(error, path, request_id)
    if isinstance(meaning, Transient):
        log.warning("not available", path=path, request_id=request_id, sentence=meaning.sentence)
    return respond_to(meaning, path, request_id)


def _on_http_exception(request: Request, error: Exception) -> ProblemResponse:
    if not isinstance(error, HTTPException):
        return respond_to_unexpected(error, request.url.path, request_id_of(request))
    path, detail = request.url.path, str(error.detail)
    if error.status_code == 404:  # noqa: PLR2004 - the status itself
        detail = f"there is nothing at {path}; /api/v1/openapi.json lists what there is"
    elif error.status_code == 405:  # noqa: PLR2004 - the status itself
        allowed = (error.headers or {}).get("Allow", "")
        detail = f"{path} does not take {request.method}" + (f"; it takes {allowed}" if allowed else "")
    return problem(error.status_code, detail, instance=path, request_id=request_id_of(request), headers=error.headers)


def _on_invalid_request(request: Request, error: Exception) -> ProblemResponse:
    if not isinstance(error, RequestValidationError):
        return respond_to_unexpected(error, request.url.path, request_id_of(request))
    path, request_id = request.url.path, request_id_of(request)
    found = error.errors()
    for each in found:
        if each["type"] == "json_invalid":
            place = each["loc"][-1] if each["loc"] else 0
            reason = each.get("ctx", {}).get("error", "it does not parse")
            detail = f"the body is not JSON: {reason} (at character {place})"
            return problem(400, detail, instance=path, name="malformed", title="Not JSON", request_id=request_id)
    errors = [FieldProblem(field=_place(each["loc"]), message=_mend(each)) for each in found]
    detail = "; ".join(f"{each.field}: {each.message}" for each in errors)
    status, title = REJECTIONS[RejectionKind.INVALID]
    return problem(status, detail, instance=path, name="invalid", title=title, request_id=request_id, errors=errors)


def _place(location: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in location) or "request"


def _mend(found: dict[str, object]) -> str:
    kind, message = found["type"], str(found["msg"])
    if kind == "missing":
        return "is missing; add it"
    if kind in {"model_attributes_type", "dict_type", "model_type"}:
        return "must be a JSON object, sent with Content-Type: application/json"
    if str(kind).startswith(("datetime", "timezone")):
        return "is not a date and time; write for example 2026-12-01T10:00:00Z"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
