"""The supervisor of the demo shop: runs the shop from `current`, starts it anew on SIGHUP, and does not mend a crash.

Run as `python supervise.py --directory DIR --port PORT`; writes `supervisor.pid` and `shop.pid` into DIR. A crash stays
until somebody says SIGHUP, so that there is something to detect, to page about and to mitigate.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType

_SHOP = Path(__file__).with_name("shop.py")


class Supervisor:
    """One child, started from whatever `current` points at."""

    def __init__(self, directory: Path, port: int) -> None:
        self._directory = directory
        self._port = port
        self._child: subprocess.Popen[bytes] | None = None
        self._wake = threading.Event()
        self._restart = True
        self._stop = False

    def run(self) -> None:
        """Until SIGTERM."""
        signal.signal(signal.SIGHUP, self._on_hangup)
        signal.signal(signal.SIGTERM, self._on_terminate)
        (self._directory / "supervisor.pid").write_text(str(os.getpid()))
        while not self._stop:
            if self._restart:
                self._restart = False
                self._end_child()
                self._start_child()
            # A second is how long a dead child may stay a zombie; signals wake at once.
            self._wake.wait(timeout=1)
            self._wake.clear()
            if self._child is not None:
                self._child.poll()
        self._end_child()

    def _start_child(self) -> None:
        release = (self._directory / "current").resolve()
        argv = [sys.executable, str(_SHOP), "--release", str(release), "--port", str(self._port)]
        self._child = subprocess.Popen(argv)  # noqa: S603 - our own program and paths
        pid_file = self._directory / "shop.pid"
        pid_file.with_suffix(".new").write_text(str(self._child.pid))
        pid_file.with_suffix(".new").replace(pid_file)

    def _end_child(self) -> None:
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _on_hangup(self, _signal: int, _frame: FrameType | None) -> None:
        self._restart = True
        self._wake.set()

    def _on_terminate(self, _signal: int, _frame: FrameType | None) -> None:
        self._stop = True
        self._wake.set()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    Supervisor(options.directory, options.port).run()
