"""A feature flag behind its provider's admin endpoint, or in flagd's file. Called through `Switches`.

The one thing to know: where the provider speaks OFREP, a flag counts as set when its clients are told so.
"""

import asyncio
import json
import time
from typing import Any

from typing_extensions import override

from activities.actions.ofrep import NO_VALUE, evaluate
from activities.actions.ports import HttpAnswer, HttpCall, HttpCaller
from activities.actions.switches import Change, FlagPlace, same_json
from activities.actions.urls import parse_http_url, shown
from activities.clients.flagd_file import FlagFileSetting
from activities.clients.switchboard import Setting, Written
from domain.errors import Rejected, RejectionKind, Transient, UnknownOutcome

# An admin endpoint that takes longer is down for its users.
_ANSWER_SECONDS = 10.0
_POLL_SECONDS = 0.2
_NO_RIGHT = frozenset({401, 403})
_NOT_FOUND = 404
_SOMEBODY_WAS_FASTER = 412
_TOO_MANY = 429
_THEIR_FAULT = 500


class FlagSetting(Setting):
    """The value of a flag: set where hotwash.yaml says, and told to clients."""

    def __init__(self, place: FlagPlace, http: HttpCaller) -> None:
        self._place = place
        self._http = http
        self._source = FlagEndpointSetting(place, http) if place.provider.file is None else FlagFileSetting(place)

    @override
    async def read(self) -> Any:
        return await self._source.read()

    @override
    async def write(self, value: Any, undone: Change[Any] | None) -> Written:
        return await self._source.write(value, undone)

    @override
    async def confirm(self, value: Any) -> None:
        """Transient when clients are still told something else after a while; it stays set."""
        place = self._place
        if place.provider.ofrep is None:
            return
        while True:
            seen = await evaluate(self._http, place.provider, place.flag, place.token)
            if seen.value is not NO_VALUE and same_json(seen.value, value):
                return
            if time.monotonic() >= place.told_by:
                raise Transient(
                    f"the flag {place.flag} is set to {value!r}, and clients are still told {seen.told()}; "
                    "look at its rules and at what the provider logs"
                )
            await asyncio.sleep(_POLL_SECONDS)


class FlagEndpointSetting(Setting):
    """The value of a flag behind an admin endpoint."""

    def __init__(self, place: FlagPlace, http: HttpCaller) -> None:
        self._place = place
        self._http = http
        self._url = (place.provider.url or "").replace("{flag}", place.flag)
        parse_http_url(self._url)
        self._etag: str | None = None

    @override
    async def read(self) -> Any:
        answer = await self._call("GET")
        self._etag = answer.etag
        try:
            document = json.loads(answer.body)
            return document["value"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise Rejected(f"{shown(self._url)} does not answer {{'value': …}}") from None

    @override
    async def write(self, value: Any, undone: Change[Any] | None) -> Written:
        headers = {"Content-Type": "application/json", "Idempotency-Key": self._place.key}
        if self._etag is not None:
            headers["If-Match"] = self._etag
        await self._call("PUT", headers, json.dumps({"value": value}).encode())
        return Written()

    async def _call(self, method: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> HttpAnswer:
        sent = {"User-Agent": "hotwash", "Accept": "application/json"} | (headers or {})
        if self._place.token is not None:
            sent["Authorization"] = f"Bearer {self._place.token}"
        try:
            answer = await self._http.call(HttpCall(method, self._url, sent, body, _ANSWER_SECONDS))
        except UnknownOutcome as error:
            # Our key and the value itself tell on the next attempt what became of this one.
            raise Transient(error.sentence) from None
        self._demand_done(method, answer)
        return answer

    def _demand_done(self, method: str, answer: HttpAnswer) -> None:
        status, where = answer.status, f"{method} {shown(self._url)}"
        if status in range(200, 300):
            return
        if status == _SOMEBODY_WAS_FASTER:
            raise Transient(f"somebody else has set the flag {self._place.flag} in this moment; nothing was changed")
        if status >= _THEIR_FAULT or status == _TOO_MANY:
            raise Transient(f"{where} answered {status}")
        if status == _NOT_FOUND:
            raise Rejected(f"{where} answered 404: there is no such flag", RejectionKind.NOT_FOUND)
        kind = RejectionKind.FORBIDDEN if status in _NO_RIGHT else RejectionKind.INVALID
        raise Rejected(f"{where} answered {status}", kind)
