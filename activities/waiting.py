"""Asking a target again and again until it is where it should be, more and more rarely.

Used by actions whose effect takes its time on the other side.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from domain.errors import TimedOut

# What nobody limited: a rolling deployment of a large service or a database failover has ended by then.
LONGEST_WAIT_SECONDS = 900.0
# Targets are asked at once, then ever more rarely, up to what their API limits bear without noticing.
_FIRST_PAUSE_SECONDS = 0.05
_LAST_PAUSE_SECONDS = 5.0


async def until(look: Callable[[], Awaitable[str | None]], what: str, seconds: float | None) -> None:
    """Ask `look` until it says None; TimedOut, with what it said last, when that takes more than so many seconds."""
    limit = LONGEST_WAIT_SECONDS if seconds is None else min(LONGEST_WAIT_SECONDS, seconds)
    end, pause = time.monotonic() + limit, _FIRST_PAUSE_SECONDS
    while (waiting := await look()) is not None:
        if time.monotonic() + pause > end:
            raise TimedOut(f"{what} did not get there within {max(limit, 0):.3g} s: {waiting}")
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LAST_PAUSE_SECONDS)
