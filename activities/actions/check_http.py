"""`check.http`: ask a URL and compare the answer with what is wanted; the everyday check after a mitigation."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from activities.action import Action, Call, Finding, document
from activities.actions.ports import HttpAnswer, HttpCall, HttpCaller
from activities.actions.urls import parse_http_url, shown
from domain.errors import Transient, UnknownOutcome
from domain.model import Model
from domain.run import Effect, Idempotency


class CheckHttpParameters(Model):
    """What is asked and what is wanted; all that is given must hold."""

    url: str = Field(max_length=2048)
    method: Literal["GET", "HEAD"] = "GET"
    status: int = Field(default=200, ge=100, le=599)
    # A text that the body must hold, or must not.
    contains: str | None = None
    lacks: str | None = None
    # The whole answer must be there after this many milliseconds.
    within_ms: int | None = Field(default=None, gt=0)
    # An endpoint that takes longer than 5 s is down for its users.
    timeout_seconds: float = Field(default=5.0, gt=0, le=60)


class CheckHttpResult(Model):
    """What was seen. `status` None: there was no answer."""

    holds: bool
    reason: str
    status: int | None
    latency_ms: int | None


class CheckHttp(Action[CheckHttpParameters, CheckHttpResult]):
    """A GET whose answer must be as wanted. A redirect is an answer and is not followed."""

    name = "check.http"
    summary = "Ask a URL and fail unless status, text and speed are as wanted."
    effect = Effect.READ_ONLY
    idempotency = Idempotency.IDEMPOTENT
    parameters_model = CheckHttpParameters
    result_model = CheckHttpResult
    example: ClassVar = {"url": "https://shop.example/health", "status": 200, "contains": "ok", "within_ms": 500}

    def __init__(self, http: HttpCaller) -> None:
        self._http = http

    @override
    async def perform(self, parameters: CheckHttpParameters, call: Call) -> CheckHttpResult:
        result = await self._look(parameters)
        if not result.holds:
            raise Transient(result.reason)
        return result

    @override
    async def check(self, parameters: CheckHttpParameters, call: Call) -> Finding:
        result = await self._look(parameters)
        return Finding(holds=result.holds, detail=result.reason, output=document(result))

    @override
    def sentence(self, result: CheckHttpResult) -> str:
        return result.reason

    async def _look(self, parameters: CheckHttpParameters) -> CheckHttpResult:
        parse_http_url(parameters.url)
        request = HttpCall(parameters.method, parameters.url, timeout_seconds=parameters.timeout_seconds)
        try:
            answer = await self._http.call(request)
        except (Transient, UnknownOutcome) as error:
            return CheckHttpResult(holds=False, reason=error.sentence, status=None, latency_ms=None)
        wrong = what_is_wrong(parameters, answer)
        where = shown(parameters.url)
        reason = f"{where}: {wrong}" if wrong else f"{where} answered {answer.status} in {answer.latency_ms} ms"
        return CheckHttpResult(holds=not wrong, reason=reason, status=answer.status, latency_ms=answer.latency_ms)


def what_is_wrong(wanted: CheckHttpParameters, answer: HttpAnswer) -> str | None:
    """The first thing that is not as wanted; None when all is."""
    if answer.status != wanted.status:
        return f"status {answer.status}, wanted {wanted.status}"
    if wanted.contains is not None and wanted.contains not in answer.body:
        return f"the answer does not contain {wanted.contains!r}"
    if wanted.lacks is not None and wanted.lacks in answer.body:
        return f"the answer contains {wanted.lacks!r}"
    if wanted.within_ms is not None and answer.latency_ms > wanted.within_ms:
        return f"it took {answer.latency_ms} ms, wanted {wanted.within_ms} ms at most"
    return None
