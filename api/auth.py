"""Who speaks: the admin token, signed person tokens, one-time login links, session cookies.

Called by `api/guard.py` for every request that is not public, and by `api/routes/access.py`. The one thing to know:
nothing here needs a database. Everything is signed with the key of the home folder and carries its own end; what must
happen only once (a login link, a logout) leaves an empty file in the home folder, so that it also holds across
restarts and across several API processes.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from itsdangerous import BadData, URLSafeSerializer

from api.bodies import nearest
from api.ports import ConfigurationSource
from domain.configuration import Configuration
from domain.errors import Rejected, RejectionKind
from domain.model import Model
from domain.timeline import Actor, person

SESSION_COOKIE = "hotwash_session"
# One on-call shift; after it the person logs in again.
SESSION_LIFE = timedelta(hours=12)
# Long enough to walk over to another screen; a new link is one command away.
LOGIN_LINK_LIFE = timedelta(hours=1)
# A quarter, as most token policies have it; the issuer may say less or more, up to a year.
TOKEN_LIFE = timedelta(days=90)
LONGEST_TOKEN_LIFE = timedelta(days=366)
# The name under which the admin token acts when it names nobody.
ADMIN = "admin"
# People in this group of `hotwash.yaml` are shown as administrators. Only the admin token speaks for others.
ADMIN_GROUP = "admin"


class Principal(Model):
    """Who is behind a request."""

    # A person's id in `hotwash.yaml`, or `admin`.
    name: str
    groups: tuple[str, ...] = ()
    is_admin: bool = False
    # Came with the admin token (or a session that began with it): may name others in `by`, may issue tokens.
    speaks_for_others: bool = False
    # Came with a cookie, which browsers send by themselves: changes need the page's own origin.
    by_cookie: bool = False


class Claims(Model):
    """What a signed text says of itself."""

    # None: the admin.
    person: str | None
    # Unix seconds.
    issued_at: int
    expires_at: int
    id: str
    # Ties what the admin token began to that token: a new admin token ends it.
    admin_mark: str | None = None


@dataclass(frozen=True)
class Issued:
    """A signed text and its end."""

    text: str
    expires_at: datetime


class SpentOnce:
    """Remembers ids for as long as they matter: one empty file each, named by id, made atomically."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def spend(self, id_: str, expires_at: int, now: float) -> bool:
        """Whether this was the first time; also of two processes at once only one hears True."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._forget_expired(now)
        try:
            (self._folder / f"{id_}.{expires_at}").touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            return False
        return True

    def is_spent(self, id_: str, expires_at: int) -> bool:
        """Whether it was spent before."""
        return (self._folder / f"{id_}.{expires_at}").exists()

    def _forget_expired(self, now: float) -> None:
        for file in self._folder.iterdir():
            end = file.name.rpartition(".")[2]
            if end.isdigit() and int(end) < now:
                file.unlink(missing_ok=True)


class Authenticator:
    """Issues and reads what callers present. Reading never writes; every refusal is a sentence that holds no secret."""

    def __init__(
        self,
        *,
        secret_key: str,
        admin_token: str,
        configuration: ConfigurationSource,
        spent_folder: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._admin_token = admin_token
        self._configuration = configuration
        self._spent = SpentOnce(spent_folder)
        self._clock = clock
        self._tokens = _serializer(secret_key, "hotwash.token")
        self._links = _serializer(secret_key, "hotwash.login-link")
        self._sessions = _serializer(secret_key, "hotwash.session")
        self._calendars = _serializer(secret_key, "hotwash.calendar")
        self._admin_mark = hmac.new(secret_key.encode(), admin_token.encode(), hashlib.sha256).hexdigest()[:32]

    # --- reading ---

    def from_bearer(self, token: str) -> Principal:
        """Who holds this token; Rejected (401) when it is none of ours, has expired or its person is gone."""
        if hmac.compare_digest(token.encode(), self._admin_token.encode()):
            return _admin()
        return self._principal(self._read(self._tokens, token, "token"))

    def from_session(self, cookie: str) -> Principal:
        """Who logged in with this browser; Rejected (401) when the session is over."""
        claims = self._read(self._sessions, cookie, "session")
        if self._spent.is_spent(claims.id, claims.expires_at):
            raise _unauthenticated("this session was logged out; log in again")
        return self._principal(claims).model_copy(update={"by_cookie": True})

    def from_calendar_link(self, link: str) -> Principal:
        """Who subscribed to a calendar; Rejected (401) like a token. It opens calendars and nothing else."""
        return self._principal(self._read(self._calendars, link, "calendar link"))

    # --- issuing ---

    def issue_token(self, name: str, life: timedelta = TOKEN_LIFE) -> Issued:
        """A bearer token for a person; Rejected when nobody is called that."""
        known_person(self._configuration.current(), name)
        return self._issue(self._tokens, name, min(life, LONGEST_TOKEN_LIFE))

    def issue_login_link(self, name: str | None = None) -> Issued:
        """What `/login?link=` takes, once; for a person, or (None) for the admin."""
        if name is not None:
            known_person(self._configuration.current(), name)
        return self._issue(self._links, name, LOGIN_LINK_LIFE)

    def issue_calendar_link(self, principal: Principal) -> Issued:
        """What a calendar program shows instead of a header, which it cannot send; it ends with the person's tokens."""
        name = None if principal.speaks_for_others else principal.name
        return self._issue(self._calendars, name, LONGEST_TOKEN_LIFE)

    def open_session_by_link(self, link: str) -> Issued:
        """Spend a login link and begin a session; Rejected (401) the second time."""
        claims = self._read(self._links, link, "login link")
        self._principal(claims)
        if not self._spent.spend(claims.id, claims.expires_at, self._clock()):
            raise _unauthenticated("this login link was used before; the holder of the admin token can make another")
        return self._issue(self._sessions, claims.person, SESSION_LIFE)

    def open_session_by_token(self, token: str) -> Issued:
        """Begin a session with a token that was pasted into the login form."""
        principal = self.from_bearer(token.strip())
        return self._issue(self._sessions, None if principal.speaks_for_others else principal.name, SESSION_LIFE)

    def close_session(self, cookie: str) -> None:
        """End a session for good, also for somebody who kept the cookie; an invalid one is ended already."""
        try:
            claims = self._read(self._sessions, cookie, "session")
        except Rejected:
            return
        self._spent.spend(claims.id, claims.expires_at, self._clock())

    # --- inside ---

    def _issue(self, serializer: URLSafeSerializer, name: str | None, life: timedelta) -> Issued:
        now = int(self._clock())
        claims = Claims(
            person=name,
            issued_at=now,
            expires_at=now + int(life.total_seconds()),
            id=secrets.token_hex(16),
            admin_mark=self._admin_mark if name is None else None,
        )
        text = serializer.dumps(claims.model_dump())
        return Issued(
            text if isinstance(text, str) else text.decode(), datetime.fromtimestamp(claims.expires_at, tz=UTC)
        )

    def _read(self, serializer: URLSafeSerializer, text: str, what: str) -> Claims:
        try:
            claims = Claims.model_validate(serializer.loads(text))
        except (BadData, ValueError) as error:
            raise _unauthenticated(f"this {what} is not one of ours") from error
        if claims.expires_at <= self._clock():
            raise _unauthenticated(f"this {what} has expired")
        return claims

    def _principal(self, claims: Claims) -> Principal:
        if claims.person is None:
            if not hmac.compare_digest(claims.admin_mark or "", self._admin_mark):
                raise _unauthenticated("the admin token was renewed since; log in again")
            return _admin()
        human = self._configuration.current().people.get(claims.person)
        if human is None:
            raise _unauthenticated(f"{claims.person!r} is no longer a person of hotwash.yaml")
        if claims.issued_at < human.tokens_valid_after:
            raise _unauthenticated(f"what {claims.person!r} got earlier was revoked; ask for a new token")
        return Principal(name=claims.person, groups=human.groups, is_admin=ADMIN_GROUP in human.groups)


def actor_for(principal: Principal, by: str | None, configuration: Configuration) -> Actor:
    """Who acts: the one who speaks, or the person whom the admin token names in `by`.

    Rejected: 403 when anybody else names somebody else, 422 when nobody is called that.
    """
    if by is None or by == principal.name:
        return person(principal.name)
    if not principal.speaks_for_others:
        raise Rejected(
            f"you are {principal.name!r} and may not act for {by!r}; leave 'by' out", RejectionKind.FORBIDDEN
        )
    known_person(configuration, by)
    return person(by)


def groups_of(name: str, configuration: Configuration) -> tuple[str, ...]:
    """The groups in which somebody votes; the holder of the admin token needs no entry in `hotwash.yaml`."""
    human = configuration.people.get(name)
    if human is not None:
        return human.groups
    return (ADMIN_GROUP,) if name == ADMIN else ()


def known_person(configuration: Configuration, name: str) -> None:
    """Rejected (422), naming the nearest, when `hotwash.yaml` knows nobody of that name."""
    if name not in configuration.people:
        raise Rejected(f"there is no person {name!r} in hotwash.yaml{nearest(name, configuration.people)}")


def current_principal(request: Request) -> Principal:
    """The FastAPI dependency: who the guard found to be speaking; Rejected (401) on a public path without one."""
    principal = request.scope.get("state", {}).get("principal")
    if not isinstance(principal, Principal):
        raise _unauthenticated("say who you are: Authorization: Bearer TOKEN, or log in at /login")
    return principal


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


def require_admin_token(principal: CurrentPrincipal) -> Principal:
    """The FastAPI dependency of what only the admin token may do."""
    if not principal.speaks_for_others:
        raise Rejected(f"only the admin token may do this; you are {principal.name!r}", RejectionKind.FORBIDDEN)
    return principal


def _admin() -> Principal:
    return Principal(name=ADMIN, groups=(ADMIN_GROUP,), is_admin=True, speaks_for_others=True)


def _serializer(secret_key: str, purpose: str) -> URLSafeSerializer:
    # The purpose is the salt, so that a login link is no token and a token no session.
    return URLSafeSerializer(secret_key, salt=purpose, signer_kwargs={"digest_method": hashlib.sha256})


def _unauthenticated(sentence: str) -> Rejected:
    return Rejected(sentence, RejectionKind.UNAUTHENTICATED)
