"""JSON over HTTP as all trackers speak it: one request, pages, rate limits, and errors by who must act.

Used by the clients beside it. The one thing to know: a request that creates is in doubt after every answer that does
not say for sure that nothing happened; one that reads or sets may be repeated.
"""

import json
import random
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from activities.actions.ports import HttpAnswer, HttpCall, HttpCaller
from domain.errors import Rejected, RejectionKind, Transient, UnknownOutcome

# A hundred issues with long descriptions are some two MiB; more than eight is no page of a tracker.
_MOST_BYTES = 8 * 1024 * 1024
_SECONDS = 20.0
# Longer pauses are asked for again: a reset an hour ahead is the longest that any of them names.
_LONGEST_PAUSE_SECONDS = 3600.0
# GitHub: without a header wait at least a minute.
_USUAL_PAUSE_SECONDS = 60.0
# A poll after a long outage; what is left over is found by the next one.
_MOST_PAGES = 50
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that says yes."""

    body: Any
    headers: Mapping[str, str]


class Rest:
    """One tracker's API; `headers` is asked for every request, so that a renewed secret is taken up."""

    def __init__(self, http: HttpCaller, base: str, headers: Callable[[], Mapping[str, str]], name: str) -> None:
        self._http = http
        self._base = base.rstrip("/")
        self._headers = headers
        self._name = name

    async def get(self, path: str, **query: Any) -> Reply:
        """Read."""
        return await self.send("GET", path, query=query)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        creates: bool = False,
    ) -> Reply:
        """One request. Transient, Rejected or (only when it creates) UnknownOutcome."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = self._url(path) + (f"?{urlencode(given)}" if given else "")
        headers = {"Accept": "application/json", "User-Agent": "Hotwash", **self._headers()}
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = json.dumps(body).encode() if body is not None else None
        call = HttpCall(method, url, headers, content, timeout_seconds=_SECONDS, most_bytes=_MOST_BYTES)
        try:
            answer = await self._http.call(call)
        except UnknownOutcome as error:
            if creates:
                raise
            raise Transient(f"{self._name}: {error.sentence}") from None
        return self._judge(answer, creates=creates)

    async def pages(self, path: str, **query: Any) -> AsyncIterator[Any]:
        """The bodies of all pages, by the `Link` header."""
        reply = await self.get(path, **query)
        for _ in range(_MOST_PAGES):
            yield reply.body
            following = _NEXT.search(reply.headers.get("link", ""))
            if following is None:
                return
            reply = await self.get(following.group(1))

    def _url(self, path: str) -> str:
        if not path.startswith(("http://", "https://")):
            return f"{self._base}{path}"
        # A page's link must not carry the token to another host.
        ours, theirs = urlsplit(self._base), urlsplit(path)
        if (ours.scheme, ours.netloc) != (theirs.scheme, theirs.netloc):
            raise Rejected(f"{self._name} names a next page on another host; it is not followed")
        return urljoin(self._base, path)

    def _judge(self, answer: HttpAnswer, *, creates: bool) -> Reply:
        status = answer.status
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Reply(self._body(answer, creates=creates), answer.headers)
        is_limited = status == HTTPStatus.TOO_MANY_REQUESTS or (
            status == HTTPStatus.FORBIDDEN
            and ("retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0")
        )
        if is_limited:
            raise Transient(f"{self._name} asks for a pause ({status})", pause_of(answer.headers))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
            if creates:
                raise UnknownOutcome(f"{self._name} answered {status}")
            after = pause_of(answer.headers) if "retry-after" in answer.headers else None
            raise Transient(f"{self._name} answered {status}", after)
        raise self._refusal(answer)

    def _refusal(self, answer: HttpAnswer) -> Rejected:
        match answer.status:
            case HTTPStatus.UNAUTHORIZED:
                sentence = f"{self._name} does not accept the token; renew the secret that its `token` names"
                return Rejected(sentence, RejectionKind.UNAUTHENTICATED)
            case HTTPStatus.FORBIDDEN:
                return Rejected(f"{self._name} does not allow this to the token's account", RejectionKind.FORBIDDEN)
            case HTTPStatus.NOT_FOUND | HTTPStatus.GONE:
                return Rejected(
                    f"{self._name} has none such, or hides it from the token's account", RejectionKind.NOT_FOUND
                )
            case status if status < HTTPStatus.BAD_REQUEST:
                return Rejected(f"{self._name} points elsewhere ({status}); mend its address in hotwash.yaml",
                                RejectionKind.CONFLICT)  # fmt: skip
            case status:
                return Rejected(f"{self._name} refused it ({status}): {said(answer.body)}")

    def _body(self, answer: HttpAnswer, *, creates: bool) -> Any:
        if not answer.body.strip():
            return None
        try:
            return json.loads(answer.body)
        except ValueError:
            sentence = f"{self._name} answered with something that is not JSON"
            if creates:
                raise UnknownOutcome(sentence) from None
            raise Transient(sentence) from None


def pause_of(headers: Mapping[str, str]) -> float:
    """How long the tracker asks to be left alone, in seconds, and up to a fifth more, because many wait for it."""
    seconds = _after(headers.get("retry-after"))
    if seconds is None and headers.get("x-ratelimit-remaining", headers.get("ratelimit-remaining", "0")) == "0":
        reset = headers.get("x-ratelimit-reset", headers.get("ratelimit-reset"))
        seconds = float(reset) - datetime.now(UTC).timestamp() if reset and reset.isdigit() else None
    wanted = _USUAL_PAUSE_SECONDS if seconds is None else max(seconds, 1.0)
    return min(wanted, _LONGEST_PAUSE_SECONDS) * random.uniform(1.0, 1.2)  # noqa: S311 - scatter, no secret


def _after(value: str | None) -> float | None:
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None


def said(body: str) -> str:
    """The first words of a refusal; the tracker's own, which name the field."""
    try:
        document = json.loads(body)
    except ValueError:
        return body[:200]
    if isinstance(document, dict):
        for name in ("message", "errorMessages", "errors", "error"):
            if document.get(name):
                return json.dumps(document[name])[:300]
    return body[:200]


def moment(text: str) -> datetime:
    """A time as the trackers write it: `…Z`, `…+00:00`, Jira's `…+0000`."""
    return datetime.fromisoformat(re.sub(r"([+-]\d{2})(\d{2})$", r"\1:\2", text)).astimezone(UTC)
