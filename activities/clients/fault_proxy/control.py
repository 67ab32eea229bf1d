"""What the proxy is told, over a Unix socket that only its own user may open: one line of JSON, one line back.

`{"do": "put", "key", "kind", "lease_seconds", "duration_seconds", …}`, `{"do": "renew", "key", "lease_seconds"}`,
`{"do": "remove", "key"}`, `{"do": "look", "key"?}`. An answer has `error`, a sentence, or says what is so now.
"""

import asyncio
import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from activities.clients.fault_proxy.toxics import Mistake, Toxic, key_of, lease_of
from activities.clients.fault_proxy.traffic import Door

# A wish is a few hundred bytes; who sends nothing within this is not ours.
_ASK_SECONDS = 5.0
_ONLY_OURS = 0o177


async def serve_control(path: Path, door: Door) -> asyncio.Server:
    """Listen. Mistake when another proxy does so already."""
    _make_room(path)
    before = os.umask(_ONLY_OURS)
    try:
        return await asyncio.start_unix_server(lambda reader, writer: _answer(door, reader, writer), path)
    finally:
        os.umask(before)


async def _answer(door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, TimeoutError):
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                line = await reader.readline()
            answer = obey(door, json.loads(line))
        except Mistake as mistake:
            answer = {"error": str(mistake)}
        except ValueError:
            answer = {"error": "say what to do as one line of JSON"}
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
    writer.close()


def obey(door: Door, wish: object) -> dict[str, Any]:
    """Do what is asked and say what is so now."""
    if not isinstance(wish, Mapping):
        raise Mistake("say what to do as a JSON object")
    toxics = door.toxics
    match wish.get("do"):
        case "put":
            return _told(door, [toxics.put(wish)])
        case "renew":
            return _told(door, [toxics.renew(*lease_of(wish))])
        case "remove":
            return _told(door, [toxics.remove(key_of(wish))])
        case "look" if "key" in wish:
            found = toxics.find(key_of(wish))
            return _told(door, [] if found is None else [found])
        case "look":
            return _told(door, toxics.active())
        case other:
            raise Mistake(f"{other!r} is nothing to do; there are put, renew, remove and look")


def _told(door: Door, toxics: list[Toxic]) -> dict[str, Any]:
    now = asyncio.get_running_loop().time()
    return {
        "toxics": [toxic.told(now) for toxic in toxics],
        "connections": door.open_connections,
        "accepted": door.accepted,
    }


def _make_room(path: Path) -> None:
    """Remove what a proxy that was killed has left; one that lives is left alone."""
    if _is_alive(path):
        raise Mistake(f"another fault proxy listens on {path}; stop it first, or give this one a socket of its own")
    path.unlink(missing_ok=True)


def _is_alive(path: Path) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        probe.connect(str(path))
        return True
    return False
