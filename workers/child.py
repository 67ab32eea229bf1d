"""One child process of `hotwash up`: started, watched, started again with a growing pause when it ends by itself."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from workers.instance import Process, process_of

log = structlog.get_logger("workers.supervisor")

# The first restart is nearly at once, because most crashes are singular; one that repeats must not spin.
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 10.0
# A child that has lived this long was well: its next crash is a first one.
_WELL_AFTER_SECONDS = 30.0
_TETHER = Path(__file__).with_name("tether.py")


class Child:
    """A program that is kept running until it is stopped."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        on_start: Callable[[], None],
        log_file: Path | None = None,
    ) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._on_start = on_start
        # Output goes there; None: to the terminal of `hotwash up`.
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None
        self._is_stopping = False

    @property
    def process(self) -> Process | None:
        """The process as it is now; None while there is none."""
        running = self._process
        return process_of(running.pid) if running is not None and running.returncode is None else None

    async def start(self) -> None:
        """Start the program; `keep_running` sees to the rest."""
        output = self._log_file.open("ab") if self._log_file else None
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_TETHER), str(os.getpid())),
                *self._command,
                env=dict(self._environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Control-C in the terminal goes to the supervisor alone, which stops the others in order.
                start_new_session=True,
            )
        finally:
            if output is not None:
                output.close()
        self._on_start()

    async def keep_running(self) -> None:
        """Start the program again whenever it ends by itself; returns after `stop`."""
        pause = _FIRST_PAUSE_SECONDS
        while self._process is not None:
            began = time.monotonic()
            status = await self._process.wait()
            if self._asked_to_stop():
                return
            lived = time.monotonic() - began
            pause = _FIRST_PAUSE_SECONDS if lived > _WELL_AFTER_SECONDS else pause
            log.error(
                "a child ended by itself and is started again",
                child=self.name,
                ended_with=describe_exit(status),
                pid=self._process.pid,
                again_in_seconds=pause,
                **({"its_log": str(self._log_file)} if self._log_file else {}),
            )
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            if self._asked_to_stop():
                return
            await self.start()

    def _asked_to_stop(self) -> bool:
        # A method, because `stop` may be called at every await.
        return self._is_stopping

    async def stop(self, grace_seconds: float) -> None:
        """Ask the program to end, make it end after the grace; safe when it is gone already."""
        self._is_stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(grace_seconds):
                await process.wait()
        except TimeoutError:
            log.warning("a child did not end in time and is killed", child=self.name, seconds=grace_seconds)
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def describe_exit(status: int) -> str:
    """`exit status 1`, or the signal that ended it by name."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"
