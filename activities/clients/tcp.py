"""Outbound TCP connections for `check.tcp`."""

import asyncio
import time
from typing import Literal

from domain.action_targets import Endpoint


class TcpDoors:
    """Implements `Doors`."""

    async def knock(self, endpoint: Endpoint, seconds: float) -> tuple[Literal["open", "closed", "silent"], int]:
        """Connect and hang up, as `Doors` promises."""
        started = time.monotonic()
        state: Literal["open", "closed", "silent"] = "open"
        try:
            async with asyncio.timeout(seconds):
                _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
            writer.close()
        except ConnectionRefusedError:
            state = "closed"
        except (OSError, TimeoutError):
            # Timed out, unreachable, reset, no such name: nobody can tell from here whether it lives.
            state = "silent"
        return state, round((time.monotonic() - started) * 1000)
