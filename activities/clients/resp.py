"""The Redis protocol, as much of it as a promotion needs: one connection, a command, its answer.

Used by `redis.py` only. Passwords go into the connection and nowhere else.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.action_targets import RedisServer
from domain.errors import Rejected, RejectionKind, Transient

# Redis answers from memory; one that takes longer is stuck or busy with somebody's KEYS *.
_ANSWER_SECONDS = 5.0
_MOST_BYTES = 1024 * 1024
_NO_RIGHT = ("NOAUTH", "WRONGPASS", "NOPERM")
_COMES_BACK = ("LOADING", "BUSY", "TRYAGAIN")


class RespConnection:
    """An open, authenticated connection."""

    def __init__(self, where: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._where = where
        self._reader = reader
        self._writer = writer

    async def ask(self, *words: str) -> str:
        """Send a command whose answer is a single text; Rejected or Transient for an error by its kind."""
        parts = [word.encode() for word in words]
        self._writer.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        await self._writer.drain()
        line = (await self._reader.readuntil(b"\r\n"))[:-2].decode(errors="replace")
        kind, rest = line[:1], line[1:]
        if kind == "-":
            raise self._refused(words[0], rest)
        if kind == "$" and rest.isdigit() and int(rest) <= _MOST_BYTES:
            return (await self._reader.readexactly(int(rest) + 2))[:-2].decode(errors="replace")
        if kind in {"+", ":"}:
            return rest
        raise Rejected(f"{self._where} does not speak the Redis protocol")

    def _refused(self, command: str, error: str) -> Rejected | Transient:
        sentence = f"Redis at {self._where} refused {command}: {error[:200]}"
        code = error.split(" ", 1)[0]
        if code in _COMES_BACK:
            return Transient(sentence)
        return Rejected(sentence, RejectionKind.FORBIDDEN if code in _NO_RIGHT else RejectionKind.INVALID)


@asynccontextmanager
async def redis_connection(server: RedisServer, password: str | None) -> AsyncIterator[RespConnection]:
    """Connect and log in; everything that goes wrong with the connection is Transient. One block, one time limit."""
    where = f"{server.host}:{server.port}"
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            context = ssl.create_default_context() if server.tls else None
            reader, writer = await asyncio.open_connection(server.host, server.port, ssl=context)
            try:
                connection = RespConnection(where, reader, writer)
                if password is not None:
                    await connection.ask("AUTH", *([server.user] if server.user else []), password)
                yield connection
            finally:
                writer.close()
    except TimeoutError:
        raise Transient(f"Redis at {where} does not answer within {_ANSWER_SECONDS:g} s") from None
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise Transient(f"Redis at {where} cannot be reached ({type(error).__name__})") from None
