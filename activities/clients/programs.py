"""Starts programs for `process.run` and for the restart after a release: argv only, clean environment, no survivors.

The one thing to know: each program leads its own process group, so that its children end with it when time is up.
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress

from activities.actions.ports import Ended, Program
from activities.output import CUT_MARKER
from domain.errors import Rejected
from runbooks.schema import MAX_OUTPUT_BYTES

# The worker's own environment holds credentials that are none of the program's business.
_CLEAN_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
# Per stream; see `activities/clients/http.py` for the quarter.
_MOST_BYTES = MAX_OUTPUT_BYTES + MAX_OUTPUT_BYTES // 4
# A daemon that a restart leaves behind may hold the pipes open; what was written before the end is there by then.
_LAST_WORDS_SECONDS = 0.5
# Between SIGTERM and SIGKILL. A worker drains within 10 s, so a program may not take long.
_FAREWELL_SECONDS = 1.0
_POLL_SECONDS = 0.02


class Programs:
    """Implements `ProgramRunner` with subprocesses."""

    async def run(self, program: Program) -> Ended:
        """Run to the end, as `ProgramRunner` promises."""
        process = await _started(program)
        out, err = bytearray(), bytearray()
        reading = asyncio.gather(*(_collect(pipe, kept) for pipe, kept in _pipes(process, out, err)))
        try:
            in_time = await _ends_within(process, program.timeout_seconds)
            await asyncio.wait([reading], timeout=_LAST_WORDS_SECONDS)
            return Ended(process.returncode if in_time else None, _text(out), _text(err))
        finally:
            reading.cancel()
            # Cancelled, or worse: the program must not outlive the one who would have told of it.
            if process.returncode is None:
                await asyncio.shield(asyncio.create_task(_end(process)))
            await asyncio.gather(reading, return_exceptions=True)
            # Nothing public closes the pipes that a daemon left behind holds open.
            process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001


def _pipes(process: Process, out: bytearray, err: bytearray) -> list[tuple[asyncio.StreamReader, bytearray]]:
    pairs = ((process.stdout, out), (process.stderr, err))
    return [(pipe, kept) for pipe, kept in pairs if pipe is not None]


async def _ends_within(process: Process, seconds: float) -> bool:
    """Whether it ends by itself in time; otherwise it is ended."""
    try:
        async with asyncio.timeout(seconds):
            await _exit_of(process)
    except TimeoutError:
        await _end(process)
        return False
    return True


async def _started(program: Program) -> Process:
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(
            *program.argv,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            cwd=program.directory,
            env=_CLEAN_ENVIRONMENT | dict(program.environment),
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await _end(await starting)
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Rejected(f"{program.argv[0]!r} cannot be started: {reason}; mend it in hotwash.yaml") from None


async def _exit_of(process: Process) -> None:
    # `Process.wait` also waits for the pipes, which a daemon left behind may hold for ever.
    while process.returncode is None:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_SECONDS)


async def _end(process: Process) -> None:
    """Ask the group to end, then make it. Returns when the leader is gone."""
    _signal_group(process, signal.SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL_SECONDS):
            await _exit_of(process)
    # Always: the leader may have gone and left children that did not listen.
    _signal_group(process, signal.SIGKILL)
    await _exit_of(process)


def _signal_group(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


async def _collect(pipe: asyncio.StreamReader, kept: bytearray) -> None:
    """Read to the end so that the program never blocks; keep only the beginning, and one byte that tells of more."""
    while piece := await pipe.read(64 * 1024):
        kept += piece[: _MOST_BYTES + 1 - len(kept)]


def _text(kept: bytearray) -> str:
    text = bytes(kept[:_MOST_BYTES]).decode(errors="replace")
    return text + CUT_MARKER if len(kept) > _MOST_BYTES else text
