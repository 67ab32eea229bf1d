"""How long after a stop something still begins: asked of the target, not of Hotwash. Called by `python -m benchmarks`.

A run asks a server of ours for a thousand things, fifty at a time; in the midst of it the run is stopped over REST, and
the server has the last word on what came when.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from benchmarks.house import House

ITEMS, AT_ONCE, BEFORE_THE_STOP = 1_000, 50, 200
# Longer than anything that is on its way could take to arrive.
_SEEN_OUT_SECONDS = 5.0
_RUNBOOK = """\
schema_version: 1
name: thousand-questions
title: A thousand questions to somebody else
owner: sre
steps:
  - id: each
    foreach:
      items: {items}
      as: item
      max_concurrency: {at_once}
      steps:
        - {{id: ask, action: http.request, with: {{url: "{url}/{{{{ item }}}}"}}}}
"""
_ANSWER = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def _target(arrivals: list[float]) -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrivals.append(time.perf_counter())
        writer.write(_ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def last_begun_after_stop(house: House, http: httpx.AsyncClient, incident: str) -> float:
    """Seconds from sending the stop until the last question arrived; SystemExit when the run was over before."""
    arrivals: list[float] = []
    async with _target(arrivals) as url:
        file = house.home / "runbooks" / "thousand-questions.yaml"
        file.write_text(_RUNBOOK.format(items=list(range(ITEMS)), at_once=AT_ONCE, url=url))
        body = {"incident_id": incident, "runbook": "thousand-questions"}
        run = (await http.post("/api/v1/runs", json=body)).raise_for_status().json()["id"]
        deadline = time.monotonic() + 60
        while len(arrivals) < BEFORE_THE_STOP and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        stop = {"reason": "enough was seen", "undo": False}
        sent = time.perf_counter()
        (await http.post(f"/api/v1/runs/{run}/stop", json=stop)).raise_for_status()
        await asyncio.sleep(_SEEN_OUT_SECONDS)
    if not BEFORE_THE_STOP <= len(arrivals) < ITEMS:
        raise SystemExit(f"{len(arrivals)} of {ITEMS} questions were asked; there was nothing to stop")
    return max(0.0, max(arrivals) - sent)
