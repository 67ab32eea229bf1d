"""Runs the real `hotwash up` as a person does, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.support.ports import a_free_port

ROOT = Path(__file__).resolve().parents[2]
_WITHIN_SECONDS = 60.0


class Up:
    """One `hotwash up`."""

    def __init__(self, home: Path, ports: tuple[int, int, int], *options: str) -> None:
        self.home = home
        self.ports = ports
        self.url = f"http://127.0.0.1:{ports[0]}"
        self._file = home.with_name(f"{home.name}.{time.monotonic_ns()}.out")
        names = ("--port", "--temporal-port", "--temporal-ui-port")
        arguments = [part for name, port in zip(names, ports, strict=True) for part in (name, str(port))]
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("TEMPORAL_", "HOTWASH_"))
        }
        with self._file.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "up", "--home", str(home), *arguments, *options],
                cwd=ROOT,
                env=inherited,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """Everything said so far."""
        return self._file.read_text(errors="replace")

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        """Wait until it holds and return what it said; fails with the output."""
        end = time.monotonic() + _WITHIN_SECONDS
        while time.monotonic() < end:
            answer = holds()
            if answer:
                return answer
            time.sleep(0.05)
        raise AssertionError(f"{what} did not happen; the output:\n{self.output}")

    def ready(self) -> "Up":
        """Wait for the line that says so."""
        self.until(lambda: "Admin token:" in self.output or self.process.poll() is not None, "readiness")
        assert self.process.poll() is None, self.output
        return self

    def is_ready(self) -> bool:
        """What /readyz says now."""
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/readyz", trust_env=False, timeout=30).status_code == httpx.codes.OK
        return False

    def children(self) -> dict[str, int]:
        """Names and pids of the children, as `hotwash up` itself tells."""
        with suppress(OSError, ValueError):
            return {
                name: child["pid"]
                for name, child in json.loads((self.home / "up.json").read_text())["children"].items()
            }
        return {}

    def end(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self) -> None:
        """Kill -9 of the supervisor alone."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Whatever the test did, nothing is left."""
        children = []
        for pid in self.children().values():
            with suppress(psutil.NoSuchProcess):
                children.append(psutil.Process(pid))
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        _, alive = psutil.wait_procs(children, timeout=5)
        for child in alive:
            with suppress(psutil.Error):
                child.kill()


StartUp = Callable[..., Up]


@pytest.fixture
def start_up(tmp_path: Path) -> Iterator[StartUp]:
    """Call it to run `hotwash up` on the test's home; the ports stay the same from call to call."""
    ports = (a_free_port(), a_free_port(), a_free_port())
    started: list[Up] = []

    def start(*options: str, home: Path | None = None, other_ports: tuple[int, int, int] | None = None) -> Up:
        up = Up(home or tmp_path / "home", other_ports or ports, *options)
        started.append(up)
        return up

    yield start
    for up in started:
        up.close()
