"""Pauses a Redis server and asks whether it is paused. Implements `PausableRedis`.

The one thing to know: Redis has no answer to "are you paused"; a command that is kept waiting is the answer.
"""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from activities.clients.resp import redis_connection
from domain.action_targets import RedisServer
from domain.errors import Rejected

# Redis answers from memory within a millisecond, but on a starved machine neither it nor we get a turn for a while;
# what is not there after this waits.
_WAITS_AFTER_SECONDS = 1.0
# A pause of everything may be a second long, and is to be seen.
_ALL_WAITS_AFTER_SECONDS = 0.5
# Who hears it does not matter: PUBLISH changes nothing and waits with the writes.
_HARMLESS_WRITE = ("PUBLISH", "hotwash:probe", "is this paused")


class ControlledRedis:
    """One connection per question."""

    async def version(self, server: RedisServer, password: str | None) -> tuple[int, ...]:
        """Read it, as `PausableRedis` promises."""
        async with redis_connection(server, password) as connection:
            text = await connection.ask("INFO", "server")
        for line in text.splitlines():
            name, _, value = line.partition(":")
            if name == "redis_version":
                return tuple(int(part) for part in value.strip().split(".") if part.isdigit())
        raise Rejected(f"{server.host}:{server.port} does not say which Redis it is")

    async def pause(self, server: RedisServer, password: str | None, pause: timedelta, commands: str) -> None:
        """Tell it, as `PausableRedis` promises."""
        milliseconds = str(max(1, round(pause / timedelta(milliseconds=1))))
        async with redis_connection(server, password) as connection:
            await connection.ask("CLIENT", "PAUSE", milliseconds, "ALL" if commands == "all" else "WRITE")

    async def go_on(self, server: RedisServer, password: str | None) -> None:
        """Tell it, as `PausableRedis` promises. A pause of everything lets this wait, and is over then anyway."""
        async with redis_connection(server, password) as connection:
            await connection.ask("CLIENT", "UNPAUSE")

    async def is_paused(self, server: RedisServer, password: str | None, commands: str) -> bool:
        """Try, as `PausableRedis` promises."""
        if commands == "all":
            # Logging in is a command as well.
            return await _waits(_publish(server, password), _ALL_WAITS_AFTER_SECONDS)
        async with redis_connection(server, password) as connection:
            # Answered: who is silent now waits, and is not just busy.
            await connection.ask("PING")
            return await _waits(connection.ask(*_HARMLESS_WRITE), _WAITS_AFTER_SECONDS)


async def _publish(server: RedisServer, password: str | None) -> str:
    async with redis_connection(server, password) as connection:
        return await connection.ask(*_HARMLESS_WRITE)


async def _waits(asking: Coroutine[Any, Any, str], seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await asking
    except TimeoutError:
        return True
    return False
