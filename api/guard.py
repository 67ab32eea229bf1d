"""The gate around every request: who speaks, may it, what is logged and counted, what never leaves the process.

Installed once by `api/app.py`, outside of routing. The one thing to know: it is closed by default. A path that is not
in PUBLIC needs a principal, so that a new route cannot be left open by forgetting something.
"""

import re
import time
import uuid
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import SESSION_COOKIE, Authenticator, Principal
from api.errors import respond_to, respond_to_unexpected, to_domain_error
from api.metrics import Metrics
from api.problems import ProblemResponse, as_seen, wants_page
from api.webhooks.senders import SENDERS
from domain.errors import Rejected, RejectionKind

log = structlog.get_logger("api.access")

# Paths that need no principal. Webhooks present the secret of their integration instead (api/webhooks).
PUBLIC = frozenset({"/healthz", "/readyz", "/status", "/login", "/favicon.ico"})
# A view of an incident is given with a signed link (api/pages/reviews.py).
PUBLIC_FOLDERS = ("/webhooks/", "/v2/", "/static/", "/status/", "/perspectives/")
# Calendar programs send no header: they may show a signed link instead (`Authenticator.issue_calendar_link`).
FEEDS = frozenset({"/api/v1/game-days/calendar.ics"})
# Open only while the API is bound to this machine and nobody forwards: Prometheus next door needs no token then.
LOCAL_ONLY = frozenset({"/metrics"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# A review of a long incident is some tens of kilobytes; a MiB leaves room and cannot fill the memory.
LONGEST_BODY = 1024 * 1024

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with it browsers send `Origin: null` with our own forms, which the check below would refuse.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """The ASGI middleware; holds no state of a request."""

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator, metrics: Metrics, host: str) -> None:
        self._app = app
        self._authenticator = authenticator
        self._metrics = metrics
        self._is_local = host in _LOOPBACK

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        try:
            await self._answer(scope, _capped(scope, receive), exchange)
        except ClientDisconnect:
            exchange.status = exchange.status or 499
        finally:
            self._tell(scope, exchange)

    async def _answer(self, scope: Scope, receive: Receive, exchange: "_Exchange") -> None:
        path = scope["path"]
        try:
            refusal = self._admit(Request(scope))
            await (refusal or self._app)(scope, receive, exchange.send)
        except ClientDisconnect:
            raise
        except Exception as error:
            response = as_seen(Request(scope), self._respond(error, path, exchange.request_id))
            if exchange.status is not None:
                # The answer is under way and cannot be taken back; cutting it off tells the caller that it is broken.
                raise
            await response(scope, receive, exchange.send)

    def _respond(self, error: Exception, path: str, request_id: str) -> ProblemResponse:
        meaning = to_domain_error(error)
        if meaning is None:
            return respond_to_unexpected(error, path, request_id)
        return respond_to(meaning, path, request_id)

    def _admit(self, request: Request) -> Response | None:
        path = request.url.path
        if self._is_open(request):
            return None
        try:
            principal = self._identify(request)
            if principal.by_cookie and request.method not in _SAFE:
                _demand_own_origin(request)
        except Rejected as error:
            if error.kind is RejectionKind.UNAUTHENTICATED and request.method == "GET" and wants_page(request):
                return RedirectResponse("/login", status_code=303)
            return as_seen(request, respond_to(error, path, request.scope["state"]["request_id"]))
        request.scope["state"]["principal"] = principal
        return None

    def _is_open(self, request: Request) -> bool:
        path = request.url.path
        if path in PUBLIC or path.startswith(PUBLIC_FOLDERS):
            return True
        is_forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
        return path in LOCAL_ONLY and self._is_local and not is_forwarded

    def _identify(self, request: Request) -> Principal:
        header = request.headers.get("authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer" or not token.strip():
                raise Rejected("the Authorization header must read: Bearer TOKEN", RejectionKind.UNAUTHENTICATED)
            return self._authenticator.from_bearer(token.strip())
        link = request.query_params.get("link")
        if link and request.method in _SAFE and request.url.path in FEEDS:
            return self._authenticator.from_calendar_link(link)
        cookie = request.cookies.get(SESSION_COOKIE)
        if cookie:
            return self._authenticator.from_session(cookie)
        raise Rejected(
            "say who you are: Authorization: Bearer TOKEN, or log in at /login", RejectionKind.UNAUTHENTICATED
        )

    def _tell(self, scope: Scope, exchange: "_Exchange") -> None:
        # The query string stays out of the log: a login link is in it.
        seconds = time.perf_counter() - exchange.began
        status = exchange.status or 500
        route = _template_of(scope)
        method = scope["method"] if scope["method"] in _METHODS else "(other)"
        self._metrics.count(method, route, status, exchange.seconds_to_headers or seconds)
        sender = _sender_of(scope["path"])
        if sender is not None:
            self._metrics.count_delivery(sender, status)
        principal = scope["state"].get("principal")
        # Probes and pictures come by the thousand and say nothing when all is well.
        is_routine = status < HTTPStatus.BAD_REQUEST and scope["path"].startswith(_ROUTINE)
        say = log.debug if is_routine else log.info
        say(
            "request",
            method=scope["method"],
            path=_loggable(scope["path"]),
            status=status,
            milliseconds=round(seconds * 1000, 1),
            request_id=exchange.request_id,
            principal=principal.name if isinstance(principal, Principal) else None,
        )


_ROUTINE = ("/static/", "/healthz", "/readyz", "/metrics")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Exchange:
    """One request and its answer: adds the headers every answer carries, remembers what was said."""

    def __init__(self, scope: Scope, send: Send) -> None:
        offered = Headers(scope=scope).get("x-request-id", "")
        self.request_id = offered if _REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex
        self.began = time.perf_counter()
        self.status: int | None = None
        self.seconds_to_headers: float | None = None
        self._keeps = scope["path"].startswith("/static/")
        self._send = send

    async def send(self, message: Message) -> None:
        """Pass on what the app says."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.seconds_to_headers = time.perf_counter() - self.began
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-ID"] = self.request_id
            if not self._keeps:
                headers.setdefault("Cache-Control", "no-store")
        await self._send(message)


def _capped(scope: Scope, receive: Receive) -> Receive:
    """Refuse a body over the limit as it comes in; webhooks have limits of their own."""
    if scope["path"].startswith(("/webhooks/", "/v2/")):
        return receive
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > LONGEST_BODY:
            # FastAPI lets its own HTTPException through from where it reads a body, and nothing else.
            raise HTTPException(413, f"the body is larger than {LONGEST_BODY} bytes; send less")
        return message

    return counted


def comes_from_elsewhere(request: Request) -> bool:
    """Whether a browser says that a page of another site sent this; programs say nothing about it."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return True
    origin = request.headers.get("origin") or request.headers.get("referer")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


def _demand_own_origin(request: Request) -> None:
    """Rejected (403) unless one of our own pages sent this: no other site may use the cookie."""
    says_where = "origin" in request.headers or "referer" in request.headers
    if not says_where or comes_from_elsewhere(request):
        raise Rejected(
            "a change with the session cookie must come from a page of this console (its Origin did not match); "
            "programs use a bearer token",
            RejectionKind.FORBIDDEN,
        )


def _template_of(scope: Scope) -> str:
    """The path with its parameters' names in place of their values, so that ids make no new series."""
    if "route" not in scope:
        return "(none)"
    template: str = scope["path"]
    for name, value in scope.get("path_params", {}).items():
        template = template.replace(f"/{value}", f"/{{{name}}}", 1)
    return template


def _loggable(path: str) -> str:
    """A signed link lets its holder speak, so it is in no log."""
    return "/perspectives/…" if path.startswith("/perspectives/") else path


def _sender_of(path: str) -> str | None:
    if path == "/v2/enqueue":
        return "pagerduty"
    folder, _, sender = path.removeprefix("/").partition("/")
    # Only what looks like a sender's name makes a series; a scanner's inventions do not.
    return sender if folder == "webhooks" and sender in SENDERS else None
