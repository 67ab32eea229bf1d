"""Holds connections, a lock or a processor of a PostgreSQL server for a drill: a program of its own, and the fault.

`python postgres_holder.py SOCKET`; started and ended by a lease. The one thing to know: what it needs, the password
with it, comes over that socket and stays in its memory; its argv, its environment and its files say nothing. When it
ends, however it ends, the server lets go of everything, and a moment after the duration it would do so by itself.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from activities.clients import wishes

Wish = wishes.Wish
_CONNECT_SECONDS = 10.0
# Somebody else's lock may be in the way of ours; then the fault cannot be.
_LOCK_WAIT = "5s"
# How soon connections that others give back are taken.
_TOP_UP_SECONDS = 0.5
_AT_ONCE = 20
# The server's own limits come in after ours.
_SERVER_WAITS_LONGER_SECONDS = 5.0
# PostgreSQL calculates it row by row, keeps nothing, and comes to no end.
_BURN = "select count(*) from (select generate_series(1, 1000000000000000::bigint)) as numbers"
_FREE = """
select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true), '0')::int
       - (select count(*) from pg_stat_activity where backend_type = 'client backend')
"""


async def main(where: str) -> None:
    """Take one wish, fulfil it, say so, and hold on until the duration is over."""
    taken = await wishes.taken(where)
    wish = taken.wish
    holding = {"lock": _lock, "burn": _burn, "fill": _fill}[wish["do"]]

    async def ready() -> None:
        await taken.answer({"held": True})

    try:
        async with asyncio.timeout(wish["seconds"]):
            await holding(wish, ready)
    except TimeoutError:
        return
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        await taken.answer({"error": " ".join(str(error).split())[:300]})
        sys.exit(1)


async def _lock(wish: Wish, ready: Callable[[], Awaitable[None]]) -> None:
    connection = await _connect(wish)
    async with connection.transaction():
        await connection.execute(f"set local lock_timeout = '{_LOCK_WAIT}'")
        # Quoted by whoever wished: a name of hotwash.yaml.
        await connection.execute(f"lock table {wish['table']} in {wish['mode']} mode")
        await ready()
        await asyncio.get_running_loop().create_future()


async def _burn(wish: Wish, ready: Callable[[], Awaitable[None]]) -> None:
    connections = [await _connect(wish) for _ in range(wish["sessions"])]
    queries = [asyncio.create_task(connection.execute(_BURN)) for connection in connections]
    # A task begins at its turn: what is said to be held has been asked of the server.
    await asyncio.sleep(0)
    await ready()
    await asyncio.gather(*queries)


async def _fill(wish: Wish, ready: Callable[[], Awaitable[None]]) -> None:
    held: list[Any] = [await _connect(wish)]
    is_told = False
    while True:
        held = [one for one in held if not one.is_closed()] or [await _connect(wish)]
        free = await held[0].fetchval(_FREE) - wish["leave"]
        while free > 0:
            more = await asyncio.gather(*(_connect(wish) for _ in range(min(free, _AT_ONCE))), return_exceptions=True)
            taken = [one for one in more if not isinstance(one, BaseException)]
            held += taken
            free = 0 if not taken else free - len(taken)
        if not is_told:
            is_told = True
            await ready()
        await asyncio.sleep(_TOP_UP_SECONDS)


async def _connect(wish: Wish) -> Any:
    server_limit = str(round((wish["seconds"] + _SERVER_WAITS_LONGER_SECONDS) * 1000))
    settings = {
        "application_name": wish["mark"],
        "statement_timeout": server_limit,
        "idle_in_transaction_session_timeout": server_limit,
        # Else a server that calculates does not see that its client is gone.
        **wish["settings"],
    }
    if "idle_session_timeout" in settings:
        settings["idle_session_timeout"] = server_limit
    return await asyncpg.connect(**wish["server"], server_settings=settings, timeout=_CONNECT_SECONDS)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
