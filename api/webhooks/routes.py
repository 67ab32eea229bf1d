"""`POST /webhooks/{sender}`: who speaks, how much, what it says, and only then yes. Mounted by `api/app.py`.

The one thing to know: 202 means that Temporal holds every alert. Everything else means that it must be sent again.
"""

import asyncio
import logging
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from api.webhooks.credentials import check_secret
from api.webhooks.intake import SIGNALS_AT_ONCE, deliver
from api.webhooks.senders import parser_of
from domain.errors import Rejected, RejectionKind

log = logging.getLogger(__name__)

# 10,000 alerts of Alertmanager's usual size (some 500 bytes) fit; more in one request is a mistake or an attack.
LONGEST_BODY = 5 * 1024 * 1024
# Read and thrown away of a body that is too long, so that the sender hears the refusal instead of a broken pipe.
_DRAINED = 8 * LONGEST_BODY
# A body from this size on is read beside the event loop: parsing it takes more than a few milliseconds.
_LARGE = 128 * 1024


class Accepted(BaseModel):
    """What was taken in."""

    accepted: int = Field(description="How many alerts the request held; all of them are stored.")
    groups: list[str] = Field(description="The ids of the alert groups that they went to.")


def webhook_router() -> APIRouter:
    """The routes; they find engine, configuration and secrets in `app.state`."""
    router = APIRouter(tags=["webhooks"])
    slots = asyncio.Semaphore(SIGNALS_AT_ONCE)

    @router.post("/webhooks/{sender}", status_code=202, summary="Alerts from an alert sender")
    async def receive(sender: str, request: Request) -> Accepted:
        """Store alerts durably and answer; triage goes on in the background. Safe to repeat."""
        parse = parser_of(sender)
        state = request.app.state
        configuration = state.configuration.current()
        check_secret(configuration, state.secrets, sender, request.headers.get("authorization"))
        body = await bounded_body(request)
        received_at = datetime.now(UTC)
        if len(body) >= _LARGE:
            delivery = await asyncio.to_thread(parse, body, received_at)
        else:
            delivery = parse(body, received_at)
        groups = await deliver(state.engine, configuration, sender, delivery, received_at=received_at, slots=slots)
        log.info("%s: %d alerts for %d groups stored", sender, len(delivery.alerts), len(groups))
        return Accepted(accepted=len(delivery.alerts), groups=groups)

    return router


async def bounded_body(request: Request) -> bytes:
    """The body; Rejected (413) when it is too long, by its own word or by counting."""
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size <= LONGEST_BODY:
                parts.append(part)
            else:
                parts.clear()
            if size > _DRAINED:
                break
    except ClientDisconnect as error:
        raise Rejected("the sender hung up before the end of its body") from error
    if size > LONGEST_BODY:
        limit = LONGEST_BODY // (1024 * 1024)
        raise Rejected(f"the body is longer than {limit} MiB; send fewer alerts at once", RejectionKind.TOO_LARGE)
    return b"".join(parts)
