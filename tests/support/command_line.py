"""The command line as people run it: a process of its own that talks to a world's API."""

import asyncio
import sys

from tests.support.api_world import World


async def hotwash(world: World, *arguments: str, stdin: str | None = None) -> tuple[int, str]:
    """Run `hotwash`; the exit code, and what it wrote to standard output and error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", "--url", world.url, "--home", str(world.home.folder), *arguments,
        stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate(None if stdin is None else stdin.encode())
    return process.returncode or 0, out.decode()
