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
async def heartbeating(every_seconds: float = HEARTBEAT_EVERY_SECONDS) -> AsyncIterator[None]:
    """Send heartbeats until the block ends, however it ends; a block that is shorter costs none."""
    beating = asyncio.create_task(_beat(every_seconds))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


async def _beat(every_seconds: float) -> None:
    while True:
        await asyncio.sleep(every_seconds)
        activity.heartbeat()
