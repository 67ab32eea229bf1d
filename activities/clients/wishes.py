"""How a process that is a fault is told what it shall do: one line over a Unix socket in the leases' folder.

`told` is for the worker (`postgres_faults.py`, `fis.py`), `taken` for the process (`postgres_holder.py`,
`fis_stopper.py`). The one thing to know: what is told, passwords and keys with it, stays in the memory of the two; no
argv, no environment and no file has it.
"""

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from domain.errors import Transient

Wish = dict[str, Any]
# A Python with asyncpg or pydantic starts within a second; a machine under load takes longer.
_ANSWER_SECONDS = 20.0
# Whoever has started us has a wish at once.
_WISH_SECONDS = 20.0
_POLL_SECONDS = 0.05


async def told(name: Path, wish: Wish) -> Wish:
    """Hand the wish over and hear what became of it; Transient when nobody takes it."""
    # Through the folder's descriptor: a socket's path may not be long, and ours may be.
    folder = os.open(name.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await _connected(f"/proc/self/fd/{folder}/{name.name}")
            try:
                writer.write(json.dumps(wish).encode() + b"\n")
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        raise Transient(f"the process that should hold it does not answer ({type(error).__name__})") from None
    finally:
        os.close(folder)
    if not line:
        raise Transient("the process that should hold it has ended")
    return dict(json.loads(line))


class Taken:
    """A wish, and the way back to whoever has it."""

    def __init__(self, wish: Wish, writer: asyncio.StreamWriter) -> None:
        self.wish = wish
        self._writer = writer

    async def answer(self, answer: Wish) -> None:
        """Say what became of it, if anybody still listens."""
        with suppress(OSError):
            self._writer.write(json.dumps(answer).encode() + b"\n")
            await self._writer.drain()
        self._writer.close()


async def taken(where: str) -> Taken:
    """Take one wish and close the door; TimeoutError when there is none."""
    arrived: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        if not arrived.done():
            arrived.set_result(Taken(json.loads(line), writer))

    before = os.umask(0o177)
    # By its name alone: a socket's path may not be long, and the folder's may be.
    os.chdir(Path(where).parent)
    server = await asyncio.start_unix_server(take, Path(where).name)
    os.umask(before)
    found = await asyncio.wait_for(arrived, _WISH_SECONDS)
    server.close()
    Path(where).unlink(missing_ok=True)  # noqa: ASYNC240 - a socket's name
    os.chdir("/")
    return found


async def _connected(where: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        with suppress(FileNotFoundError, ConnectionRefusedError):
            return await asyncio.open_unix_connection(where)
        await asyncio.sleep(_POLL_SECONDS)
