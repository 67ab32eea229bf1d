"""Alertmanager's API v2: silences of ours, found again by a mark in their comment. Implements `Silencer`."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from activities.actions.alerting_mute import Silence
from activities.actions.ports import HttpCall, HttpCaller
from domain.action_targets import AlertmanagerServer
from domain.errors import Rejected, RejectionKind, Transient, UnknownOutcome

_ANSWER_SECONDS = 5.0
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_NO_RIGHT = frozenset({401, 403})


class AlertmanagerApi:
    """One request per question."""

    def __init__(self, http: HttpCaller) -> None:
        self._http = http

    async def status(self, server: AlertmanagerServer, token: str | None) -> str:
        """Ask, as `Silencer` promises."""
        status = await self._ask(server, token, "GET", "status")
        return str(status["versionInfo"]["version"])

    async def silence(
        self, server: AlertmanagerServer, token: str | None, match: dict[str, str], mark: str, ends_at: float
    ) -> None:
        """Post it, as `Silencer` promises."""
        existing = await self._in_force(server, token, match, mark)
        body: dict[str, Any] = {
            "matchers": [_matcher(label, value) for label, value in sorted(match.items())],
            "startsAt": existing["startsAt"] if existing else _written(datetime.now(UTC).timestamp()),
            "endsAt": _written(ends_at),
            "createdBy": "hotwash",
            "comment": f"a game day mutes these alerts on purpose ({mark})",
        }
        if existing is not None:
            # The same matchers and the same beginning: Alertmanager changes the silence in its place.
            body["id"] = existing["id"]
        await self._ask(server, token, "POST", "silences", body)

    async def find(
        self, server: AlertmanagerServer, token: str | None, match: dict[str, str], mark: str
    ) -> Silence | None:
        """Look, as `Silencer` promises."""
        silence = await self._in_force(server, token, match, mark)
        if silence is None:
            return None
        alerts = await self._ask(server, token, "GET", f"alerts?active=false&inhibited=false&{_filter(match)}")
        suppressed = sum(silence["id"] in alert["status"]["silencedBy"] for alert in alerts)
        return Silence(id=silence["id"], suppressed=suppressed)

    async def expire(self, server: AlertmanagerServer, token: str | None, match: dict[str, str], mark: str) -> None:
        """End it, as `Silencer` promises."""
        silence = await self._in_force(server, token, match, mark)
        if silence is not None:
            await self._ask(server, token, "DELETE", f"silence/{silence['id']}")

    async def _in_force(
        self, server: AlertmanagerServer, token: str | None, match: dict[str, str], mark: str
    ) -> dict[str, Any] | None:
        silences = await self._ask(server, token, "GET", f"silences?{_filter(match)}")
        for silence in silences:
            if mark in silence["comment"] and silence["status"]["state"] in {"active", "pending"}:
                return dict(silence)
        return None

    async def _ask(
        self, server: AlertmanagerServer, token: str | None, method: str, path: str, body: object = None
    ) -> Any:
        headers = {"content-type": "application/json", "accept": "application/json"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        content = None if body is None else json.dumps(body).encode()
        url = f"{server.url.rstrip('/')}/api/v2/{path}"
        try:
            answer = await self._http.call(HttpCall(method, url, headers, content, _ANSWER_SECONDS))
        except UnknownOutcome as error:
            # Whatever became of it: what we ask for may be asked for twice.
            raise Transient(error.sentence) from None
        if answer.status >= _SERVER_ERROR:
            raise Transient(f"Alertmanager at {server.url} answered {answer.status}")
        if answer.status >= _CLIENT_ERROR:
            kind = RejectionKind.FORBIDDEN if answer.status in _NO_RIGHT else RejectionKind.INVALID
            raise Rejected(f"Alertmanager at {server.url} answered {answer.status}: {answer.body[:200]}", kind)
        if answer.truncated:
            raise Transient(f"Alertmanager at {server.url} has more to say than is read here")
        try:
            return json.loads(answer.body) if answer.body else None
        except ValueError:
            raise Rejected(f"{server.url} is no Alertmanager: its answer is no JSON") from None


def _filter(match: dict[str, str]) -> str:
    """A company's silences of years are more than is read; those about the same labels are few."""
    plain = [f'{label}="{_escaped(value)}"' for label, value in match.items() if not value.startswith("~")]
    return "&".join(f"filter={quote(one, safe='')}" for one in plain)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _matcher(label: str, value: str) -> dict[str, Any]:
    is_regex = value.startswith("~")
    return {"name": label, "value": value.removeprefix("~"), "isRegex": is_regex, "isEqual": True}


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
