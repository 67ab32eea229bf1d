"""Starts and ends real servers for the tests of `tests/real/`, and waits for them without guessing how long."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

# A machine with nothing else to do starts each of them within a second; a starved one is not what a test is about.
_UP_WITHIN_SECONDS = 60.0


@contextlib.contextmanager
def a_folder(user: Sequence[str]) -> Iterator[Path]:
    """A folder that the servers' user may write to; its path is short, for a Unix socket's is limited."""
    with tempfile.TemporaryDirectory(prefix="hw-real-") as name:
        Path(name).chmod(0o755)
        if user:
            shutil.chown(name, "postgres")
        yield Path(name)


class Children:
    """Programs that end with the test."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []
        self._on_close: list[Callable[[], object]] = []

    def start(self, argv: Sequence[str | Path], log: Path) -> subprocess.Popen[bytes]:
        """Start it; its output goes to the log."""
        with log.open("ab") as out:
            child = subprocess.Popen([str(word) for word in argv], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        self._running.append(child)
        return child

    def finally_(self, do: Callable[[], object]) -> None:
        """Do it when the test ends."""
        self._on_close.append(do)

    def close(self) -> None:
        """End everything, newest first."""
        for do in reversed(self._on_close):
            do()
        for child in reversed(self._running):
            child.kill()
            child.wait()


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until it holds; fail with what was waited for."""
    end = time.monotonic() + _UP_WITHIN_SECONDS
    while not holds():
        assert time.monotonic() < end, f"{what} did not happen within {_UP_WITHIN_SECONDS} s"
        time.sleep(0.02)


def listens(port: int) -> bool:
    """Whether something answers on a local port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def listens_at(path: Path) -> bool:
    """Whether something answers on a Unix socket: HAProxy opens its own only after its ports."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        return True
    return False
