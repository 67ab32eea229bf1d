"""Logging in and out, and the credentials that the holder of the admin token gives to others."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import Field

from api.auth import (
    SESSION_COOKIE,
    SESSION_LIFE,
    Authenticator,
    CurrentPrincipal,
    Issued,
    Principal,
    require_admin_token,
)
from api.bodies import Strict
from api.dependencies import problems
from api.guard import comes_from_elsewhere
from api.pages.rendering import render
from domain.durations import Duration
from domain.errors import Rejected, RejectionKind

# Under /api/v1.
router = APIRouter(tags=["access"])
# At the root, for browsers.
pages = APIRouter(include_in_schema=False)

AdminToken = Annotated[Principal, Depends(require_admin_token)]


class TokenBody(Strict):
    """For whom, and for how long."""

    person: str = Field(description="A person's id in hotwash.yaml.")
    valid_for: Duration | None = Field(default=None, description="`30d`, `12h`; 90 days when left out, at most 366.")


@router.post("/tokens", summary="Issue a bearer token for a person", status_code=201, responses=problems(403, 422))
async def issue_token(body: TokenBody, request: Request, _: AdminToken) -> JSONResponse:
    """Shown once and kept nowhere; revoked by raising `tokens_valid_after` of the person in hotwash.yaml."""
    authenticator = _authenticator(request)
    if body.valid_for is not None and body.valid_for.total_seconds() <= 0:
        raise Rejected("body.valid_for: must be longer than nothing, for example 30d")
    issued = (
        authenticator.issue_token(body.person, body.valid_for)
        if body.valid_for
        else authenticator.issue_token(body.person)
    )
    shown = {"person": body.person, "token": issued.text, "expires_at": issued.expires_at.isoformat()}
    return JSONResponse(shown, status_code=201)


class LoginLinkBody(Strict):
    """For whom."""

    person: str | None = Field(default=None, description="A person's id; left out: the holder of the admin token.")


@router.post("/login-links", summary="Make a one-time login link", status_code=201, responses=problems(403, 422))
async def make_login_link(request: Request, _: AdminToken, body: LoginLinkBody | None = None) -> JSONResponse:
    """Works once, within an hour; put the console's address in front of `path`."""
    issued = _authenticator(request).issue_login_link(body.person if body else None)
    path = f"/login?link={issued.text}"
    base = request.app.state.configuration.current().base_url or str(request.base_url)
    shown = {"path": path, "url": base.rstrip("/") + path, "expires_at": issued.expires_at.isoformat()}
    return JSONResponse(shown, status_code=201)


@router.get("/me", summary="Who I am", responses=problems())
async def who_am_i(principal: CurrentPrincipal) -> JSONResponse:
    """The one behind the token or the session."""
    shown = principal.model_dump(mode="json", include={"name", "groups", "is_admin", "speaks_for_others"})
    return JSONResponse(shown)


@pages.get("/login")
async def show_login(request: Request, link: str | None = None) -> Response:
    """The form; with a one-time link, straight in. HEAD spends nothing, because mail scanners ask that way."""
    if link is None:
        return render("login.html", refusal=None)
    try:
        issued = _authenticator(request).open_session_by_link(link)
    except Rejected as error:
        return render("login.html", status=401, refusal=error.sentence)
    return _logged_in(request, issued)


@pages.post("/login")
async def log_in(request: Request, token: Annotated[str, Form(max_length=4096)]) -> Response:
    """A token pasted into the form becomes a session."""
    if comes_from_elsewhere(request):
        raise Rejected("log in on this console's own login page", RejectionKind.FORBIDDEN)
    try:
        issued = _authenticator(request).open_session_by_token(token)
    except Rejected as error:
        return render("login.html", status=401, refusal=error.sentence)
    return _logged_in(request, issued)


@pages.post("/logout")
async def log_out(request: Request, _: CurrentPrincipal) -> Response:
    """Ends the session for good, also for a copy of the cookie."""
    cookie = request.cookies.get(SESSION_COOKIE)
    if cookie:
        _authenticator(request).close_session(cookie)
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
    return response


def _logged_in(request: Request, issued: Issued) -> Response:
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(
        SESSION_COOKIE,
        issued.text,
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="strict",
        # Behind a TLS proxy the scheme comes from its X-Forwarded-Proto (uvicorn trusts loopback proxies).
        secure=request.url.scheme == "https",
    )
    return response


def _authenticator(request: Request) -> Authenticator:
    authenticator: Authenticator = request.app.state.authenticator
    return authenticator
