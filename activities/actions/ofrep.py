"""What a client is told about a feature flag, asked by the OpenFeature Remote Evaluation Protocol (OFREP).

Used by `check.flag` and, after a flag was set, by `flag.set`. Shapes: https://openfeature.dev/docs/reference/other-technologies/ofrep
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from activities.actions.ports import HttpCall, HttpCaller
from activities.actions.urls import parse_http_url, shown
from domain.action_targets import FlagProvider
from domain.errors import Rejected, RejectionKind, Transient, UnknownOutcome

# An evaluation happens on every request of an application; one that takes longer is down for its users.
_ANSWER_SECONDS = 5.0
_OK, _NOT_FOUND = 200, 404
_NO_RIGHT = frozenset({401, 403})
_TOO_MANY, _THEIR_FAULT = 429, 500
# The protocol leaves the value out when the application's own default is to be taken.
NO_VALUE: object = object()


@dataclass(frozen=True)
class Evaluation:
    """One answer. `value` is `NO_VALUE` when clients are told to take their own default."""

    value: Any
    # `on`, and why: STATIC, TARGETING_MATCH, DISABLED …
    variant: str
    reason: str

    def told(self) -> str:
        """As people read it."""
        value = "no value (clients take their own default)" if self.value is NO_VALUE else repr(self.value)
        about = ", ".join(word for word in (self.variant and f"variant {self.variant}", self.reason) if word)
        return f"{value} ({about})" if about else value


async def evaluate(http: HttpCaller, provider: FlagProvider, flag: str, token: str | None) -> Evaluation:
    """Ask once. Transient: nobody answers for now; Rejected: there is no such flag, no right, or no OFREP there."""
    if provider.ofrep is None:
        raise Rejected("this provider has no 'ofrep' in hotwash.yaml, so nobody can be asked what clients are told")
    url = f"{provider.ofrep.rstrip('/')}/ofrep/v1/evaluate/flags/{quote(flag, safe='')}"
    parse_http_url(url)
    headers = {"User-Agent": "hotwash", "Accept": "application/json", "Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    body = json.dumps({"context": provider.context}).encode()
    try:
        answer = await http.call(HttpCall("POST", url, headers, body, _ANSWER_SECONDS))
    except UnknownOutcome as error:
        # An evaluation changes nothing.
        raise Transient(error.sentence) from None
    document = _document(answer.body)
    if answer.status != _OK:
        raise _refusal(answer.status, shown(url), flag, document)
    if document.get("key") != flag:
        raise Rejected(f"{shown(url)} does not speak OFREP: the answer is about {document.get('key')!r}")
    value = document.get("value", NO_VALUE)
    return Evaluation(value, str(document.get("variant") or ""), str(document.get("reason") or ""))


def _refusal(status: int, where: str, flag: str, document: dict[str, Any]) -> Rejected | Transient:
    said = ": ".join(str(document[key]) for key in ("errorCode", "errorDetails") if document.get(key))[:300]
    sentence = f"{where} answered {status}{f' ({said})' if said else ''}"
    if status in _NO_RIGHT:
        return Rejected(f"{sentence}; see 'token' under actions.flags", RejectionKind.FORBIDDEN)
    if status == _NOT_FOUND and document.get("errorCode") == "FLAG_NOT_FOUND":
        return Rejected(f"{sentence}: it knows no flag {flag!r}", RejectionKind.NOT_FOUND)
    if status == _TOO_MANY or status >= _THEIR_FAULT:
        return Transient(sentence)
    return Rejected(sentence)


def _document(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
