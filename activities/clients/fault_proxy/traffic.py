"""Lets connections through to the upstream, as far as the faults in force allow.

One `Door` a process. The one thing to know: a port that refuses connections is shut down and not closed, so that
nobody else can take it while it refuses.
"""

import asyncio
import logging
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from activities.clients.fault_proxy.toxics import Kind, Toxic, Toxics

log = logging.getLogger(__name__)

_CHUNK_BYTES = 32 * 1024
# What may be under way in one direction of one connection: half a MiB, after which the sender feels the back-pressure.
_CHUNKS_UNDER_WAY = 16
# Linux caps it at net.core.somaxconn, 4096 by default.
_BACKLOG = 4096
_CONNECT_SECONDS = 10.0
# Pace of a throttled connection: often enough that it flows, rarely enough that it costs nothing.
_SLICES_PER_SECOND = 20
# Out of file descriptors: connections that end give some back.
_BREATH_SECONDS = 0.1
# Closing with this linger sends a reset (RST) and no end (FIN).
_AT_ONCE = struct.pack("ii", 1, 0)
_MILLI = 1000.0


@dataclass(frozen=True)
class Side:
    """One end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def reset(self) -> None:
        """End it with a reset; harmless when it has ended."""
        ours = self.writer.get_extra_info("socket")
        with suppress(OSError, AttributeError):
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.writer.transport.abort()


Converse = Callable[["Door", Side, list[Side]], Awaitable[None]]


class Door:
    """Where clients come in."""

    def __init__(self, listen: tuple[str, int], upstream: tuple[str, int], toxics: Toxics, converse: Converse) -> None:
        self.toxics = toxics
        self._listen = listen
        self._upstream = upstream
        self._converse = converse
        self._socket = _bound(listen)
        self._guests: dict[asyncio.Task[None], list[Side]] = {}
        self._hit: set[str] = set()
        self._accepting: asyncio.Task[None] | None = None
        self.accepted = 0

    @property
    def open_connections(self) -> int:
        """How many clients are inside."""
        return len(self._guests)

    async def serve(self) -> None:
        """Let clients in until cancelled, unless a fault shuts the door."""
        self.toxics.tell(self._obey)
        self._obey()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            if self._accepting is not None:
                self._accepting.cancel()
            self._socket.close()

    async def upstream(self, sides: list[Side]) -> Side:
        """Connect to the real one; whoever asked is responsible for what follows."""
        async with asyncio.timeout(_CONNECT_SECONDS):
            side = Side(*await asyncio.open_connection(*self._upstream))
        sides.append(side)
        return side

    async def let_pass(self) -> None:
        """Return once no black hole is in force."""
        began = _now()
        holes = self.toxics.active(Kind.BLACKHOLE)
        for hole in holes:
            hole.feel()
        while self.toxics.active(Kind.BLACKHOLE):
            await self.toxics.changed()
        for hole in holes:
            hole.longest_milliseconds = max(hole.longest_milliseconds, (_now() - began) * _MILLI)

    async def pump(self, source: Side, sink: Side, *, answers: bool) -> None:
        """Carry bytes one way until the source says it has no more; then say so to the sink, and to it alone."""
        under_way: asyncio.Queue[tuple[float, float, bytes]] = asyncio.Queue(_CHUNKS_UNDER_WAY)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take(source, under_way, answers=answers))
            both.create_task(self._give(sink, under_way))

    async def _take(
        self, source: Side, under_way: "asyncio.Queue[tuple[float, float, bytes]]", *, answers: bool
    ) -> None:
        while True:
            chunk = await source.reader.read(_CHUNK_BYTES)
            delay = delay_of(self.toxics.active(Kind.LATENCY)) if answers and chunk else 0.0
            await under_way.put((_now(), delay, chunk))
            if not chunk:
                return

    async def _give(self, sink: Side, under_way: "asyncio.Queue[tuple[float, float, bytes]]") -> None:
        while True:
            came_at, delay, chunk = await under_way.get()
            if delay:
                await linger(self.toxics, Kind.LATENCY, came_at, delay)
            await self.let_pass()
            if not chunk:
                with suppress(OSError):
                    sink.writer.write_eof()
                return
            await self._write(sink, chunk)

    async def _write(self, sink: Side, chunk: bytes) -> None:
        while chunk:
            limits = self.toxics.active(Kind.BANDWIDTH)
            rate = min((limit.numbers["bytes_per_second"] for limit in limits), default=0.0)
            size = max(1, int(rate / _SLICES_PER_SECOND)) if rate else len(chunk)
            piece, chunk = chunk[:size], chunk[size:]
            sink.writer.write(piece)
            await sink.writer.drain()
            if rate:
                began = _now()
                await self.toxics.changed(len(piece) / rate)
                for limit in limits:
                    limit.feel((_now() - began) * _MILLI)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(self._socket)
            except OSError as error:
                log.warning("no connection can be taken: %s", error)
                await asyncio.sleep(_BREATH_SECONDS)
                continue
            self.accepted += 1
            sides: list[Side] = []
            guest = asyncio.create_task(self._serve(client, sides))
            self._guests[guest] = sides
            guest.add_done_callback(self._guests.pop)

    async def _serve(self, client: socket.socket, sides: list[Side]) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        side = Side(*await asyncio.open_connection(sock=client))
        sides.append(side)
        try:
            for toxic in self.toxics.active(Kind.RESET):
                if meets(toxic):
                    side.reset()
                    return
            await self.let_pass()
            await self._converse(self, side, sides)
        except (OSError, TimeoutError, ExceptionGroup, asyncio.IncompleteReadError):
            # One side is gone: the other hears of it as it would without us.
            for each in sides:
                each.reset()
        except asyncio.CancelledError:
            for each in sides:
                each.reset()
        else:
            for each in sides:
                each.writer.close()

    def _obey(self) -> None:
        """What a change of the faults means for the door and for those inside; done before its answer goes out."""
        refusals = self.toxics.active(Kind.REFUSE)
        if refusals and self._accepting is not None:
            self._accepting.cancel()
            # The port stays ours, and says no.
            self._socket.shutdown(socket.SHUT_RDWR)
            self._accepting = None
        elif not refusals and self._accepting is None:
            self._socket.listen(_BACKLOG)
            self._accepting = asyncio.create_task(self._accept())
        # Resets and refusals end what is open when they begin; each does so once.
        for toxic in self.toxics.active(Kind.RESET, Kind.REFUSE):
            if toxic.key in self._hit:
                continue
            self._hit.add(toxic.key)
            for guest in list(self._guests):
                if meets(toxic):
                    guest.cancel()


async def straight_through(door: Door, client: Side, sides: list[Side]) -> None:
    """TCP as it is: both ways at once, each with an end of its own."""
    upstream = await door.upstream(sides)
    async with asyncio.TaskGroup() as both:
        both.create_task(door.pump(client, upstream, answers=False))
        both.create_task(door.pump(upstream, client, answers=True))


async def linger(toxics: Toxics, kind: Kind, since: float, seconds: float) -> None:
    """Wait until so long after `since`, but not past the end of the faults that ask for it."""
    held_by = toxics.active(kind)
    while (left := since + seconds - _now()) > 0 and any(toxic.is_active for toxic in held_by):
        await toxics.changed(left)
    for toxic in held_by:
        toxic.feel((_now() - since) * _MILLI)


def delay_of(toxics: list[Toxic]) -> float:
    """What these latencies come to now, in seconds."""
    return sum(max(0.0, _jittered(toxic.numbers)) for toxic in toxics) / _MILLI


def meets(toxic: Toxic) -> bool:
    """Whether this one is among the share that the fault hits; counted when it is."""
    hit = random.random() < toxic.numbers.get("share", 1.0)  # noqa: S311 - no secret hangs on it
    if hit:
        toxic.feel()
    return hit


def _jittered(numbers: dict[str, float]) -> float:
    jitter = numbers["jitter_milliseconds"]
    return numbers["milliseconds"] + random.uniform(-jitter, jitter)  # noqa: S311 - no secret hangs on it


def _bound(address: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setblocking(False)
    listening.bind(address)
    return listening


def _now() -> float:
    return asyncio.get_running_loop().time()
