"""`POST /webhooks/trackers/{github|gitlab|jira|linear}`: who speaks, and whose issue was changed.

Mounted by `api/app.py`. The one thing to know: a webhook is only a knock. The item looks at its issue itself, so a body
that lies, comes late or comes twice changes nothing; without a valid signature nobody even knocks.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.ports import SecretSource
from api.webhooks.routes import bounded_body
from domain.action_item import HearFromTracker
from domain.configuration import Configuration
from domain.errors import Rejected, RejectionKind, Transient
from domain.ids import action_item_workflow_id, tracker_sync_workflow_id
from domain.timeline import automation
from domain.tracker import TrackerSyncStart
from workflows.options import CONTROL_QUEUE
from workflows.tracker_sync import TrackerSync

VENDORS = ("github", "gitlab", "jira", "linear")
# Linear recommends one minute for its timestamp, Standard Webhooks five; clocks of ours may be off as well.
_FRESH_SECONDS = 300.0
_ITEM = re.compile(r"hotwash-item:(act-[0-9a-z]{4,12})\b|-item-(act-[0-9a-z]{4,12})\b")

Headers = Mapping[str, str]


class Heard(BaseModel):
    """What was understood."""

    tracker: str = Field(description="Whose signature it was.")
    items: list[str] = Field(description="The action items that look at their issues now.")


def tracker_router() -> APIRouter:
    """The route; it finds engine, configuration and secrets in `app.state`."""
    router = APIRouter(tags=["webhooks"])

    @router.post("/webhooks/trackers/{vendor}", status_code=202, summary="News from an issue tracker")
    async def receive(vendor: str, request: Request) -> Heard:
        """Let the item look at its issue. Safe to repeat."""
        if vendor not in VENDORS:
            raise Rejected(f"no tracker {vendor[:40]!r} is known; there are: {', '.join(VENDORS)}",
                           RejectionKind.NOT_FOUND)  # fmt: skip
        state = request.app.state
        body = await bounded_body(request)
        name = signed_by(vendor, request.headers, body, state.configuration.current(), state.secrets)
        document = _document(body)
        _demand_fresh(vendor, document)
        items = items_in(document)
        if items:
            for item in items:
                await _knock(state.engine, item, _version(vendor, document))
        else:
            # News of a comment may come without the issue's text; the poll finds out whose it is.
            await _poll_now(state.engine, name)
        return Heard(tracker=name, items=items)

    return router


def signed_by(vendor: str, headers: Headers, body: bytes, configuration: Configuration, secrets: SecretSource) -> str:
    """Which tracker's secret the request was signed with; Rejected (401) when it is none, or none is configured."""
    candidates = [(name, each) for name, each in configuration.trackers.items() if each.kind == vendor]
    known = [(name, each.webhook_secret) for name, each in candidates if each.webhook_secret]
    if not known:
        raise _refusal(f"no tracker of kind {vendor} has a webhook_secret in hotwash.yaml")
    for name, reference in known:
        try:
            secret = secrets.resolve(reference)
        except Rejected:
            # The reference is nobody's business outside; `hotwash doctor` names it.
            continue
        if secret and _SIGNED[vendor](headers, body, secret.encode()):
            return name
    raise _refusal(f"the request is not signed with the secret of any {vendor} tracker here")


def items_in(document: Any) -> list[str]:
    """The action items whose marker the issue of a webhook carries: in its text, or in Jira as a label."""
    found = (match.group(1) or match.group(2) for text in _issue_texts(document) for match in _ITEM.finditer(text))
    return list(dict.fromkeys(found))


def _issue_texts(document: Any) -> Iterator[str]:
    """Texts of the issue itself; a comment that quotes a marker is a person's word about another issue."""
    if not isinstance(document, dict):
        return
    attributes = document.get("object_attributes") if document.get("object_kind") == "issue" else None
    data = document.get("data") if document.get("type") == "Issue" else None
    for part in (document.get("issue"), attributes, data):
        if not isinstance(part, dict):
            continue
        fields = part.get("fields")
        labels = fields.get("labels") if isinstance(fields, dict) else None
        candidates = [part.get("body"), part.get("description"), *(labels if isinstance(labels, list) else [])]
        yield from (text for text in candidates if isinstance(text, str))


def _github_signed(headers: Headers, body: bytes, secret: bytes) -> bool:
    return _equal(headers.get("x-hub-signature-256"), f"sha256={_hex(secret, body)}")


def _jira_signed(headers: Headers, body: bytes, secret: bytes) -> bool:
    return _equal(headers.get("x-hub-signature"), f"sha256={_hex(secret, body)}")


def _linear_signed(headers: Headers, body: bytes, secret: bytes) -> bool:
    return _equal(headers.get("linear-signature"), _hex(secret, body))


def _gitlab_signed(headers: Headers, body: bytes, secret: bytes) -> bool:
    """By GitLab's signing token (Standard Webhooks) when it signs, else by the secret token that it sends along."""
    signatures = headers.get("webhook-signature")
    if signatures is None:
        return _equal(headers.get("x-gitlab-token"), secret.decode())
    key, at = _signing_key(secret), headers.get("webhook-timestamp", "")
    if key is None or not at.isdigit() or abs(datetime.now(UTC).timestamp() - int(at)) > _FRESH_SECONDS:
        return False
    content = f"{headers.get('webhook-id', '')}.{at}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return any(_equal(each, f"v1,{wanted}") for each in signatures.split(" "))


_SIGNED: Mapping[str, Callable[[Headers, bytes, bytes], bool]] = {
    "github": _github_signed,
    "gitlab": _gitlab_signed,
    "jira": _jira_signed,
    "linear": _linear_signed,
}


def _signing_key(secret: bytes) -> bytes | None:
    if not secret.startswith(b"whsec_"):
        return secret
    try:
        return base64.b64decode(secret.removeprefix(b"whsec_"), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _hex(secret: bytes, body: bytes) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def _equal(given: str | None, wanted: str) -> bool:
    # In constant time; header values arrive as Latin-1.
    return given is not None and hmac.compare_digest(given.encode("latin-1", "replace"), wanted.encode())


def _demand_fresh(vendor: str, document: Any) -> None:
    """Linear signs its time with the body; a request that was recorded and sent again later is refused."""
    if vendor != "linear":
        return
    at = document.get("webhookTimestamp") if isinstance(document, dict) else None
    if not isinstance(at, int | float) or abs(datetime.now(UTC).timestamp() - at / 1000) > _FRESH_SECONDS:
        raise _refusal("the request's webhookTimestamp is missing or too old")


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise Rejected("the body is not JSON; choose application/json as the webhook's content type") from error


def _version(vendor: str, document: dict[str, Any]) -> datetime | None:
    """The issue's version as the webhook saw it, where it says so; an echo of our own change is then no knock."""
    part = {"github": document.get("issue"), "linear": document.get("data")}.get(vendor)
    at = part.get("updated_at") or part.get("updatedAt") if isinstance(part, dict) else None
    # Time stamps of whole seconds (GitHub) cannot tell two changes of one second apart.
    if not isinstance(at, str) or vendor != "linear":
        return None
    try:
        return datetime.fromisoformat(at).astimezone(UTC)
    except ValueError:
        return None


async def _knock(engine: Client, item: str, version: datetime | None) -> None:
    news = HearFromTracker(by=automation("tracker"), updated_at=version)
    try:
        await engine.get_workflow_handle(action_item_workflow_id(item)).signal("hear_from_tracker", news)
    except RPCError as error:
        # An item that has ended hears nothing any more, and sending it again would not change that.
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise Transient("the engine (Temporal) does not take news now; send it again") from error


async def _poll_now(engine: Client, tracker: str) -> None:
    try:
        await engine.start_workflow(
            TrackerSync.run,
            TrackerSyncStart(tracker=tracker),
            id=tracker_sync_workflow_id(tracker),
            task_queue=CONTROL_QUEUE,
            start_signal="look",
        )
    except RPCError as error:
        raise Transient("the engine (Temporal) does not take news now; send it again") from error


def _refusal(sentence: str) -> Rejected:
    return Rejected(sentence, RejectionKind.UNAUTHENTICATED)
