"""Everything the demo needs, as real processes on free ports of this machine: the shop, its monitoring, mail, Hotwash.

Used by `cli/demo/story.py`. The one thing to know: `close` ends only what was started here, and the folder is a
temporary one unless the demo is kept.
"""

import base64
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from cli.demo.mailbox import OutsideWorld

_HERE = Path(__file__).parent
# A cold start of three processes on a busy machine; a warm one takes two to four seconds.
_READY_SECONDS = 60.0
_STOP_SECONDS = 12.0


class StageFailed(Exception):
    """The demo could not show what it is there to show; says which stage, and what was seen instead."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses right now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class World:
    """The demo's processes and folders."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hotwash-demo-"))
        self.home = self.folder / "home"
        self.target = self.folder / "shop"
        api, engine, engine_ui, shop, smtp, hook = free_ports(6)
        self.url, self.shop_url = f"http://127.0.0.1:{api}", f"http://127.0.0.1:{shop}"
        self.engine_ui = f"http://127.0.0.1:{engine_ui}"
        self.engine_port = engine
        self._ports = {"--port": api, "--temporal-port": engine, "--temporal-ui-port": engine_ui}
        self._shop_port = shop
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        self.outside = OutsideWorld(smtp, hook, secret)
        self._replacements = {
            "SMTP_PORT": str(smtp),
            "HOOK_PORT": str(hook),
            "SHOP_URL": self.shop_url,
            "BASE_URL": self.url,
            "SHOP_FOLDER": str(self.target),
        }
        self._secret = secret
        self._processes: list[subprocess.Popen[bytes]] = []
        self.client = httpx.Client(base_url=f"{self.url}/api/v1", timeout=30)

    # --- up and down ---

    def open(self) -> None:
        """Start everything; returns once Hotwash says that it is ready."""
        self._lay_out()
        self.outside.open()
        self._start("shop", [sys.executable, str(_HERE / "supervise.py"), "--directory", str(self.target),
                             "--port", str(self._shop_port)])  # fmt: skip
        ports = [text for name, port in self._ports.items() for text in (name, str(port))]
        self._start("hotwash", [sys.executable, "-m", "cli.main", "up", "--home", str(self.home),
                               "--log-level", "warning", *ports])  # fmt: skip
        self.until("Hotwash is ready", _READY_SECONDS, self._is_ready)
        token = (self.home / "admin-token").read_text().strip()
        self.client.headers["Authorization"] = f"Bearer {token}"
        webhook = f"{self.url}/webhooks/alertmanager"
        self._start("prober", [sys.executable, str(_HERE / "prober.py"), "--shop", self.shop_url, "--webhook", webhook,
                               "--token-file", str(self.home / "secrets" / "alertmanager")])  # fmt: skip

    def close(self, *, keep_folder: bool = False) -> None:
        """End what was started here, the last one first."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(self._processes):
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        self.client.close()
        self.outside.close()
        if not keep_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def wait(self) -> None:
        """Until Hotwash ends or Ctrl-C."""
        self._processes[1].wait()

    def _lay_out(self) -> None:
        shutil.copytree(_HERE / "releases", self.target / "releases", ignore=shutil.ignore_patterns("__pycache__"))
        (self.target / "current").symlink_to("releases/v1")
        (self.target / "history").write_text("v1\n")
        (self.home / "secrets").mkdir(parents=True, mode=0o700)
        (self.home / "secrets" / "updates-webhook").write_text(self._secret + "\n")
        (self.home / "runbooks").mkdir()
        for name in ("hotwash.yaml", "runbooks/restart-shop.yaml", "runbooks/roll-back-shop.yaml"):
            text = (_HERE / name).read_text()
            for word, value in self._replacements.items():
                text = text.replace(f"${{{word}}}", value)
            (self.home / name).write_text(text)

    def _start(self, name: str, argv: list[str]) -> None:
        log = (self.folder / f"{name}.log").open("wb")
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(_HERE.parent.parent)}
        # What the person's own shell says of other Hotwashes and engines must not lead the demo there.
        environment = {k: v for k, v in environment.items() if not k.startswith(("HOTWASH_", "TEMPORAL_"))}
        self._processes.append(
            subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, env=environment)  # noqa: S603 - our own
        )

    def _is_ready(self) -> bool:
        hotwash = self._processes[1]
        if hotwash.poll() is not None:
            raise StageFailed(f"'hotwash up' ended with {hotwash.returncode}:\n{self.log('hotwash')[-2000:]}")
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def log(self, name: str) -> str:
        """What a process has said so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    # --- asking and doing ---

    def until(self, what: str, seconds: float, holds: Callable[[], Any]) -> Any:
        """Wait until something holds and return it; StageFailed when it does not in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := holds():
                return found
            time.sleep(0.1)
        raise StageFailed(f"after {seconds:g} s this was still not so: {what}")

    def get(self, path: str, **params: Any) -> Any:
        """Read from the API."""
        return self._answer(self.client.get(path, params=params))

    def post(self, path: str, **body: Any) -> Any:
        """Do something through the API; `by` names who does it."""
        return self._answer(self.client.post(path, json=body))

    def refused(self, path: str, **body: Any) -> str:
        """Do something that must be refused; returns the sentence."""
        response = self.client.post(path, json=body)
        if response.is_success:
            raise StageFailed(f"POST {path} should have been refused and was not")
        return str(response.json()["detail"])

    def _answer(self, response: httpx.Response) -> Any:
        if response.is_success:
            return response.json()
        raise StageFailed(
            f"{response.request.method} {response.request.url.path}: {response.status_code} {response.text}"
        )

    # --- the shop ---

    def release(self, name: str) -> None:
        """Deploy a release as a deploy tool would: move the symlink, note it, tell the supervisor."""
        draft = self.target / "current.new"
        draft.symlink_to(f"releases/{name}")
        draft.replace(self.target / "current")
        with (self.target / "history").open("a") as history:
            history.write(f"{name}\n")
        os.kill(int((self.target / "supervisor.pid").read_text()), signal.SIGHUP)

    def buy(self, items: int) -> tuple[int, dict[str, Any]]:
        """One real purchase: the status and what the shop said; status 0 when nobody answered."""
        try:
            response = httpx.get(f"{self.shop_url}/checkout", params={"items": items}, timeout=2)
        except httpx.HTTPError:
            return 0, {}
        return response.status_code, json.loads(response.text)
