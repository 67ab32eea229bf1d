"""A heartbeat in the background of an activity, so that a vanished worker is noticed within seconds.

Used by activities that may take longer than a bookkeeping call. Its answer is also how an activity hears that it was
cancelled, so it is sent more often than the engine demands.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

# A third of HEARTBEAT_TIMEOUT (`workflows/options.py`): two may get lost.
HEARTBEAT_EVERY_SECONDS = 3.0


@asynccontextmanager
async def heartbeating() -> AsyncIterator[None]:
    """Send heartbeats until the block ends, however it ends."""
    beating = asyncio.create_task(_beat())
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(HEARTBEAT_EVERY_SECONDS)
