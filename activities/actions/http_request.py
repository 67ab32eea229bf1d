"""`http.request`: call an HTTP API. Reading is free; changing is allowed below `actions.http_allow` only.

The one thing to know: a POST that was sent and not answered is an unknown outcome, and nobody but a person (or the
step's own `check`) can say what became of it.
"""

import json
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator
from typing_extensions import override

from activities.action import Action, Call, Finding
from activities.actions.ports import HttpAnswer, HttpCall, HttpCaller
from activities.actions.urls import is_allowed, parse_http_url, shown
from activities.output import CUT_MARKER
from activities.ports import ConfigurationSource
from domain.errors import Rejected, RejectionKind, Transient, UnknownOutcome
from domain.model import Model
from domain.names import SecretReference
from domain.run import Effect, Idempotency

# Parameters live in the run's history, where the engine allows 2 MB for everything together.
_MOST_BODY_CHARACTERS = 256 * 1024
_READING = frozenset({"GET", "HEAD"})
# A gateway that says these has lost sight of the request, which may well have arrived behind it.
_GATEWAY_LOST_IT = frozenset({502, 504})
_SHOWN_OF_A_WRONG_ANSWER = 300
# Ours to set, or able to smuggle a second request into the first.
_RESERVED_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "idempotency-key"})
_SENDABLE = range(0x20, 0x7F)


class SecretHeader(Model):
    """A header whose value is read where it is sent, and shown nowhere."""

    secret: SecretReference
    # Goes in front of the value: `Bearer `.
    prefix: str = ""


class HttpRequestParameters(Model):
    """What is sent, and what must come back."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: str = Field(max_length=2048)
    headers: dict[str, str | SecretHeader] = Field(default_factory=dict)
    # A text as it is, or a JSON value; not both.
    body: str | None = Field(default=None, max_length=_MOST_BODY_CHARACTERS)
    json_: Any = Field(default=None, alias="json")
    # Empty: any 2xx.
    expect_status: tuple[int, ...] = ()
    timeout_seconds: float = Field(default=10.0, gt=0, le=300)

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @field_validator("headers")
    @classmethod
    def _headers_are_plain(cls, headers: dict[str, str | SecretHeader]) -> dict[str, str | SecretHeader]:
        for name, value in headers.items():
            if name.lower() in _RESERVED_HEADERS:
                message = f"the header {name!r} is set by Hotwash itself"
                raise ValueError(message)
            _demand_plain(name, value.prefix if isinstance(value, SecretHeader) else value)
        return headers

    @model_validator(mode="after")
    def _one_body(self) -> "HttpRequestParameters":
        if self.body is not None and self.json_ is not None:
            message = "give 'body' or 'json', not both"
            raise ValueError(message)
        return self


class HttpRequestResult(Model):
    """What came back."""

    status: int
    content_type: str
    body: str
    # The body read as JSON, when it is JSON and whole.
    json_: Any = Field(default=None, alias="json")
    latency_ms: int

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class HttpRequest(Action[HttpRequestParameters, HttpRequestResult]):
    """One request; no redirect is followed, because an allowed address may point to a forbidden one."""

    name = "http.request"
    summary = "Call an HTTP API; anything but GET and HEAD needs its URL to be allowed in actions.http_allow."
    effect = Effect.MUTATING
    # `Idempotency-Key` is sent, but most targets do not look at it.
    idempotency = Idempotency.AT_MOST_ONCE
    parameters_model = HttpRequestParameters
    result_model = HttpRequestResult
    example: ClassVar = {
        "method": "POST",
        "url": "https://flags.example/api/flags/new-checkout",
        "headers": {"Authorization": {"secret": "env:FLAGS_TOKEN", "prefix": "Bearer "}},
        "json": {"enabled": False},
        "expect_status": [200, 204],
    }

    def __init__(self, configuration: ConfigurationSource, http: HttpCaller) -> None:
        self._configuration = configuration
        self._http = http

    @override
    def reads_only(self, parameters: HttpRequestParameters) -> bool:
        return parameters.method in _READING

    @override
    def idempotency_of(self, parameters: HttpRequestParameters) -> Idempotency:
        return Idempotency.IDEMPOTENT if self.reads_only(parameters) else self.idempotency

    @override
    async def perform(self, parameters: HttpRequestParameters, call: Call) -> HttpRequestResult:
        self._demand_allowed(parameters)
        try:
            answer = await self._http.call(_request(parameters, call))
        except UnknownOutcome as error:
            if self.reads_only(parameters):
                raise Transient(error.sentence) from None
            raise
        self._demand_expected(parameters, answer)
        return HttpRequestResult(
            status=answer.status,
            content_type=answer.content_type,
            body=answer.body + CUT_MARKER if answer.truncated else answer.body,
            json_=_as_json(answer),
            latency_ms=answer.latency_ms,
        )

    @override
    async def check(self, parameters: HttpRequestParameters, call: Call) -> Finding:
        if self.reads_only(parameters):
            return await super().check(parameters, call)
        return Finding(
            holds=None, detail=f"nobody can ask what became of a {parameters.method} {shown(parameters.url)}"
        )

    @override
    def sentence(self, result: HttpRequestResult) -> str:
        return f"answered {result.status} in {result.latency_ms} ms"

    def _demand_allowed(self, parameters: HttpRequestParameters) -> None:
        parse_http_url(parameters.url)
        sends_secret = any(isinstance(value, SecretHeader) for value in parameters.headers.values())
        if self.reads_only(parameters) and not sends_secret:
            return
        if not is_allowed(parameters.url, self._configuration.current().actions.http_allow):
            what = "a secret" if sends_secret else parameters.method
            raise Rejected(
                f"{what} may not be sent to {shown(parameters.url)}; allow it under actions.http_allow in hotwash.yaml",
                RejectionKind.FORBIDDEN,
            )

    def _demand_expected(self, parameters: HttpRequestParameters, answer: HttpAnswer) -> None:
        expected = parameters.expect_status or range(200, 300)
        if answer.status in expected:
            return
        wanted = " or ".join(str(status) for status in parameters.expect_status) or "2xx"
        begin = answer.body[:_SHOWN_OF_A_WRONG_ANSWER].strip()
        begin += CUT_MARKER if len(answer.body) > _SHOWN_OF_A_WRONG_ANSWER else ""
        sentence = f"{parameters.method} {shown(parameters.url)} answered {answer.status}, expected {wanted}: {begin}"
        if answer.status in _GATEWAY_LOST_IT and not self.reads_only(parameters):
            raise UnknownOutcome(sentence)
        raise Transient(sentence)


def _request(parameters: HttpRequestParameters, call: Call) -> HttpCall:
    headers = {"Idempotency-Key": call.key, "User-Agent": "hotwash"}
    body = None if parameters.body is None else parameters.body.encode()
    if parameters.json_ is not None:
        body = json.dumps(parameters.json_).encode()
        headers["Content-Type"] = "application/json"
    for name, value in parameters.headers.items():
        headers[name] = _resolved(name, value, call) if isinstance(value, SecretHeader) else value
    limit = call.timeout_seconds
    seconds = parameters.timeout_seconds if limit is None else min(parameters.timeout_seconds, limit)
    return HttpCall(parameters.method, parameters.url, headers, body, seconds)


def _resolved(name: str, value: SecretHeader, call: Call) -> str:
    secret = call.secret(value.secret)
    if any(ord(character) not in _SENDABLE for character in secret):
        raise Rejected(f"the secret {value.secret} cannot be sent as the header {name}: it holds odd characters")
    return value.prefix + secret


def _demand_plain(name: str, value: str) -> None:
    token = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    if not token or any(ord(character) not in _SENDABLE for character in value):
        message = f"the header {name!r} must be written in plain ASCII on one line"
        raise ValueError(message)


def _as_json(answer: HttpAnswer) -> Any:
    if answer.truncated or "json" not in answer.content_type:
        return None
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
