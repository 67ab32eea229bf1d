"""HTTP/1 in front of a service: each request may be answered with an error, or made to wait.

The one thing to know: every connection carries one request here (`Connection: close` goes both ways), so that a
connection kept alive from before cannot slip past a fault. Upgrades (WebSocket) go straight through once they are let.
"""

import asyncio
from http import HTTPStatus

from activities.clients.fault_proxy.toxics import Kind, Toxic, Toxics
from activities.clients.fault_proxy.traffic import Door, Side, delay_of, linger, meets

# As nginx and Apache have it, generously.
_MOST_HEAD_BYTES = 64 * 1024
_HOP_BY_HOP = (b"connection:", b"keep-alive:", b"proxy-connection:")
# A client that still sends gets this long to read our answer before the connection ends under its feet.
_FAREWELL_SECONDS = 1.0
_FAREWELL_BYTES = 1024 * 1024


async def one_request(door: Door, client: Side, sides: list[Side]) -> None:
    """Take a request, do to it what the faults in force say, and carry the answer back."""
    head = await _head(client)
    if head is None:
        return
    line, _, headers = head.partition(b"\r\n")
    words = line.split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):  # noqa: PLR2004 - method, target, version
        await _answer(client, HTTPStatus.BAD_REQUEST, "this proxy speaks HTTP/1 without TLS")
        return
    status = await _suffered(door.toxics, words[1].decode(errors="replace"))
    if status is not None:
        await _answer(client, status, "a fault of a game day, made by the fault proxy")
        return
    upstream = await door.upstream(sides)
    upgrade = b"\r\nupgrade:" in b"\r\n" + headers.lower()
    upstream.writer.write(head if upgrade else line + b"\r\n" + _closing(headers))
    upward = asyncio.create_task(door.pump(client, upstream, answers=False))
    try:
        await door.pump(upstream, client, answers=True)
    finally:
        # The answer is whole: what the client would still send, nobody reads.
        upward.cancel()
        await asyncio.gather(upward, return_exceptions=True)


async def _head(client: Side) -> bytes | None:
    """Everything up to the empty line; None when the client has nothing to ask."""
    try:
        return await client.reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as nothing:
        if nothing.partial:
            await _answer(client, HTTPStatus.BAD_REQUEST, "the request ended in its head")
        return None
    except asyncio.LimitOverrunError:
        await _answer(client, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request's head is too long")
        return None


async def _suffered(toxics: Toxics, target: str) -> int | None:
    """Wait as long as the faults say; the status to answer with, None to let it through."""
    slow = [toxic for toxic in _about(toxics, Kind.HTTP_LATENCY, target) if meets(toxic)]
    if slow:
        await linger(toxics, Kind.HTTP_LATENCY, asyncio.get_running_loop().time(), delay_of(slow))
    for toxic in _about(toxics, Kind.HTTP_ERROR, target):
        if meets(toxic):
            return int(toxic.numbers["status"])
    return None


def _about(toxics: Toxics, kind: Kind, target: str) -> list[Toxic]:
    return [toxic for toxic in toxics.active(kind) if target.startswith(toxic.path)]


def _closing(headers: bytes) -> bytes:
    kept = [one for one in headers.split(b"\r\n") if one and not one.lower().startswith(_HOP_BY_HOP)]
    return b"\r\n".join([*kept, b"Connection: close", b"", b""])


async def _answer(client: Side, status: int, text: str) -> None:
    body = f"{text}\n".encode()
    known = {one.value: one.phrase for one in HTTPStatus}
    head = (
        f"HTTP/1.1 {int(status)} {known.get(int(status), 'Fault')}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    client.writer.write(head.encode() + body)
    await client.writer.drain()
    client.writer.write_eof()
    try:
        async with asyncio.timeout(_FAREWELL_SECONDS):
            left = _FAREWELL_BYTES
            while left > 0 and (piece := await client.reader.read(64 * 1024)):
                left -= len(piece)
    except TimeoutError:
        return
