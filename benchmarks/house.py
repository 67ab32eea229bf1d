"""A real Hotwash for measuring: `hotwash up` and the bare worker as processes on free ports, gone at the end."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

import httpx
import psutil

ROOT = Path(__file__).parent.parent
_CONFIGURATION = """\
organization: Benchmark
people:
  ana: {name: Ana, groups: [sre]}
services:
  shop: {name: Shop}
integrations:
  alertmanager: {secret: "file:secrets/alertmanager"}
routes:
  - {name: bench-incident, match: {kind: incident}, service: shop, severity: SEV-3, runbook: one-step}
  - {name: bench-triage, match: {kind: triage}, service: shop, severity: SEV-3, threshold: {for: 1h}}
"""
_ONE_STEP = """\
schema_version: 1
name: one-step
title: One step that does nothing
owner: sre
steps:
  - {id: first, action: noop}
"""

# What makes a step cost one more activity: something that is only known while it runs (decision 19).
_READS = '{echo: {of: "{{ incident.id }}"}}'
_THOUSAND_ITEMS = """\
schema_version: 1
name: thousand-items
title: A thousand items that ask for nothing
owner: sre
steps:
  - id: each
    foreach:
      items: ITEMS
      as: item
      max_concurrency: 50
      steps:
        - {id: touch, action: noop}
"""


class House:
    """Started on entering, ended on leaving; `more` is added to its hotwash.yaml."""

    def __init__(self, more: str = "") -> None:
        self._more = more
        self._folder = Path(tempfile.mkdtemp(prefix="hotwash-bench-"))
        self.home = self._folder / "home"
        self._processes: list[subprocess.Popen[bytes]] = []
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
        api, engine, ui = (each.getsockname()[1] for each in sockets)
        for each in sockets:
            each.close()
        self._ports = ["--port", str(api), "--temporal-port", str(engine), "--temporal-ui-port", str(ui)]
        self.url, self.engine = f"http://127.0.0.1:{api}", f"127.0.0.1:{engine}"

    def __enter__(self) -> Self:
        (self.home / "runbooks").mkdir(parents=True)
        (self.home / "hotwash.yaml").write_text(_CONFIGURATION + self._more)
        (self.home / "runbooks" / "one-step.yaml").write_text(_ONE_STEP)
        steps = "".join(f"  - {{id: s{number}, action: noop}}\n" for number in range(50))
        fifty = _ONE_STEP.replace("one-step", "fifty-steps").replace("  - {id: first, action: noop}\n", steps)
        (self.home / "runbooks" / "fifty-steps.yaml").write_text(fifty)
        reading = fifty.replace("fifty-steps", "fifty-expressions").replace("noop}", f"noop, with: {_READS}}}")
        (self.home / "runbooks" / "fifty-expressions.yaml").write_text(reading)
        (self.home / "runbooks" / "thousand-items.yaml").write_text(
            _THOUSAND_ITEMS.replace("ITEMS", str(list(range(1000))))
        )
        self._start(["-m", "cli.main", "up", "--home", str(self.home), "--log-level", "error", *self._ports])
        deadline = time.monotonic() + 60
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise SystemExit("Hotwash did not get ready within 60 s")
            time.sleep(0.2)
        self._start(["-m", "benchmarks.bare", self.engine])
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.wait(15)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def webhook_secret(self) -> str:
        """What the alert sender presents."""
        return (self.home / "secrets" / "alertmanager").read_text().strip()

    @property
    def admin_token(self) -> str:
        """For the REST API."""
        return (self.home / "admin-token").read_text().strip()

    def processes(self) -> list[psutil.Process]:
        """Everything that was started, children included."""
        found: list[psutil.Process] = []
        for each in self._processes:
            mother = psutil.Process(each.pid)
            found += [mother, *mother.children(recursive=True)]
        return found

    def _start(self, arguments: list[str]) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("HOTWASH_", "TEMPORAL_"))}
        self._processes.append(
            subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=clean, stdout=subprocess.DEVNULL)
        )

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).is_success
        except httpx.HTTPError:
            return False
