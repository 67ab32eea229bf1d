"""Tokens, login links and sessions on a clock that is set by hand: what they open, and from when on no longer."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.auth import LOGIN_LINK_LIFE, SESSION_LIFE, Authenticator, actor_for
from domain.configuration import Configuration, Person
from domain.errors import Rejected, RejectionKind


class _Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now

    def later(self, time: timedelta) -> None:
        """Let time pass."""
        self.now += time.total_seconds()


class _People:
    """A configuration that can be edited."""

    def __init__(self) -> None:
        self.configuration = Configuration(people={"ana": Person(name="Ana"), "ben": Person(name="Ben")})

    def current(self) -> Configuration:
        """What the file says now."""
        return self.configuration


def _authenticator(folder: Path, clock: _Clock, people: _People, **changed: str) -> Authenticator:
    keys = {"secret_key": "k" * 43, "admin_token": "a" * 43} | changed
    return Authenticator(**keys, configuration=people, spent_folder=folder, clock=clock)


def _refusal(call: object) -> Rejected:
    with pytest.raises(Rejected) as caught:
        call()  # type: ignore[operator]
    return caught.value


def test_a_token_ends_when_it_said_it_would(tmp_path: Path) -> None:
    """A second before its end it opens, at its end it does not."""
    clock, people = _Clock(), _People()
    doors = _authenticator(tmp_path, clock, people)
    issued = doors.issue_token("ana", timedelta(days=1))
    clock.later(timedelta(days=1, seconds=-1))
    assert doors.from_bearer(issued.text).name == "ana"
    clock.later(timedelta(seconds=1))
    assert _refusal(lambda: doors.from_bearer(issued.text)).kind is RejectionKind.UNAUTHENTICATED


def test_a_token_of_somebody_who_left_or_was_revoked_opens_nothing(tmp_path: Path) -> None:
    """Deleting a person, or raising `tokens_valid_after`, counts from the next request on."""
    clock, people = _Clock(), _People()
    doors = _authenticator(tmp_path, clock, people)
    ana, ben = doors.issue_token("ana"), doors.issue_token("ben")
    revoked = Person(name="Ben", tokens_valid_after=int(clock.now) + 1)
    people.configuration = Configuration(people={"ben": revoked})
    assert "no longer a person" in _refusal(lambda: doors.from_bearer(ana.text)).sentence
    assert "revoked" in _refusal(lambda: doors.from_bearer(ben.text)).sentence


def test_a_login_link_stays_used_across_restarts_and_runs_out(tmp_path: Path) -> None:
    """Another process with the same home folder knows what was used; an unused link ends after its hour."""
    clock, people = _Clock(), _People()
    doors = _authenticator(tmp_path, clock, people)
    used, late = doors.issue_login_link("ana"), doors.issue_login_link()
    doors.open_session_by_link(used.text)
    restarted = _authenticator(tmp_path, clock, people)
    assert "used before" in _refusal(lambda: restarted.open_session_by_link(used.text)).sentence
    clock.later(LOGIN_LINK_LIFE)
    assert "expired" in _refusal(lambda: restarted.open_session_by_link(late.text)).sentence


def test_what_was_spent_is_forgotten_once_it_no_longer_matters(tmp_path: Path) -> None:
    """The folder of spent ids does not grow for ever."""
    clock, people = _Clock(), _People()
    doors = _authenticator(tmp_path, clock, people)
    doors.close_session(doors.open_session_by_link(doors.issue_login_link().text).text)
    assert len(list(tmp_path.iterdir())) == 2
    clock.later(SESSION_LIFE + timedelta(seconds=1))
    doors.open_session_by_link(doors.issue_login_link().text)
    assert len(list(tmp_path.iterdir())) == 1


def test_one_kind_of_credential_is_no_other(tmp_path: Path) -> None:
    """A login link is no token, a token no session, and a new admin token ends what the old one began."""
    clock, people = _Clock(), _People()
    doors = _authenticator(tmp_path, clock, people)
    link, token = doors.issue_login_link("ana").text, doors.issue_token("ana").text
    for refused in (lambda: doors.from_bearer(link), lambda: doors.from_session(token)):
        assert _refusal(refused).kind is RejectionKind.UNAUTHENTICATED
    session = doors.open_session_by_token("a" * 43).text
    assert doors.from_session(session).speaks_for_others
    renewed = _authenticator(tmp_path, clock, people, admin_token="b" * 43)
    assert "renewed" in _refusal(lambda: renewed.from_session(session)).sentence
    other_key = _authenticator(tmp_path, clock, people, secret_key="x" * 43)
    assert "not one of ours" in _refusal(lambda: other_key.from_bearer(token)).sentence


def test_the_admin_token_speaks_for_people_that_exist(tmp_path: Path) -> None:
    """`by` is allowed to the admin token alone, and must name somebody."""
    people = _People()
    doors = _authenticator(tmp_path, _Clock(), people)
    admin, ana = doors.from_bearer("a" * 43), doors.from_bearer(doors.issue_token("ana").text)
    configuration = people.current()
    assert actor_for(admin, "ben", configuration).name == "ben"
    assert actor_for(admin, None, configuration).name == "admin"
    assert actor_for(ana, "ana", configuration).name == "ana"
    assert _refusal(lambda: actor_for(ana, "ben", configuration)).kind is RejectionKind.FORBIDDEN
    assert _refusal(lambda: actor_for(admin, "bob", configuration)).kind is RejectionKind.INVALID
