"""Outbound HTTP for `http.request` and `check.http`: one request, no redirect, an answer of bounded size.

The one thing to know: it says apart what surely was not sent from what was sent and not answered.
"""

import time
from typing import Self

import httpx

from activities.actions.ports import HttpAnswer, HttpCall
from domain.errors import Rejected, Transient, UnknownOutcome
from runbooks.schema import MAX_OUTPUT_BYTES

# A quarter more than what is kept of an output: what is cut later was redacted before.
_MOST_BYTES = MAX_OUTPUT_BYTES + MAX_OUTPUT_BYTES // 4
# How far a target may be away before a connection counts as refused; no more than the call itself may take.
_CONNECT_SECONDS = 5.0


class HttpClient:
    """Implements `HttpCaller` with httpx."""

    def __init__(self) -> None:
        # No connection is kept: on a kept one nobody can tell a refused request from a lost answer.
        # No proxy or netrc of the environment: where a request goes is written in the runbook and nowhere else.
        self._client = httpx.AsyncClient(
            follow_redirects=False, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def call(self, call: HttpCall) -> HttpAnswer:
        """Send once, as `HttpCaller` promises."""
        where = _without_query(call.url)
        timeout = httpx.Timeout(call.timeout_seconds, connect=min(_CONNECT_SECONDS, call.timeout_seconds))
        started = time.monotonic()
        try:
            async with self._client.stream(
                call.method, call.url, headers=dict(call.headers), content=call.body, timeout=timeout
            ) as response:
                body, truncated = await _read(response, call.most_bytes or _MOST_BYTES)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise Rejected(f"{call.method} {where} is no request that can be sent: {type(error).__name__}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Transient(f"{where} cannot be reached ({type(error).__name__}); nothing was sent") from None
        except httpx.HTTPError as error:
            raise UnknownOutcome(
                f"{where} took the {call.method} and did not answer ({type(error).__name__})"
            ) from None
        return HttpAnswer(
            status=response.status_code,
            content_type=response.headers.get("content-type", ""),
            body=body.decode(response.encoding or "utf-8", errors="replace"),
            truncated=truncated,
            latency_ms=round((time.monotonic() - started) * 1000),
            etag=response.headers.get("etag"),
            headers={name.lower(): value for name, value in response.headers.items()},
        )


async def _read(response: httpx.Response, most_bytes: int) -> tuple[bytes, bool]:
    """At most `most_bytes` of the body as it was sent; what is more is not even fetched."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > most_bytes:
            return bytes(body[:most_bytes]), True
    return bytes(body), False


def _without_query(url: str) -> str:
    # A query may carry a token; the path says enough.
    return url.split("?", 1)[0].split("#", 1)[0]
