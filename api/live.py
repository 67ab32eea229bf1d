"""The live events of an incident: what the store adds to its timeline, and its picture whenever that changes.

Used by `GET /api/v1/incidents/{id}/events`; read by the incident room. The one thing to know: it follows the store by
looking, so it works with any number of API processes, and a client that comes back with Last-Event-ID misses nothing.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

from sse_starlette import ServerSentEvent

from api.reading import Reader
from domain.errors import Transient
from store.interface import Document

# Two small queries a look; people do not see less than half a second, and a hundred open rooms stay cheap.
LOOK_EVERY = timedelta(milliseconds=300)
# Proxies drop a silent connection after 30 to 60 s.
HEARTBEAT_SECONDS = 15
# Entries per look, so that a long timeline arrives in pieces.
_PAGE = 200


async def incident_events(
    reader: Reader, incident_id: str, after_seq: int, look_every: timedelta = LOOK_EVERY
) -> AsyncIterator[ServerSentEvent]:
    """Events `entry` (id: its `seq`), `incident` (its newest picture), `trouble` (the store is away), for ever."""
    last: Document | None = None
    is_away = False
    while True:
        try:
            entries = await reader.timeline_after(incident_id, after_seq, _PAGE)
            current = await reader.recorded_incident(incident_id)
        except Transient as error:
            if not is_away:
                yield _event("trouble", {"detail": error.sentence})
            is_away = True
        else:
            is_away = False
            for entry in entries:
                after_seq = entry["seq"]
                yield _event("entry", entry, str(after_seq))
            if current is not None and current != last:
                last = current
                yield _event("incident", current)
            if len(entries) == _PAGE:
                continue
        await asyncio.sleep(look_every.total_seconds())


def _event(name: str, body: Document, id_: str | None = None) -> ServerSentEvent:
    return ServerSentEvent(data=json.dumps(body, ensure_ascii=False), event=name, id=id_)
