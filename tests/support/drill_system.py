"""The demo's shop with all that a shop depends on, as real processes: what the library's game days are held against.

PostgreSQL with a standby behind a fault proxy, Redis, a payment provider behind a fault proxy, HAProxy before two
servers, the demo's supervisor and its monitoring. The one thing to know: the shop's release really uses them, so that
a fault of theirs becomes errors that the monitoring sees, or does not.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from domain.configuration import ActionSettings
from domain.fault_targets import MEBIBYTE
from tests.support.house import Shop
from tests.support.http_target import http_target
from tests.support.ports import a_free_port
from tests.support.postgres_pair import PASSWORD, Pair, newest_bin
from tests.support.proxied import a_proxy
from tests.support.real_servers import Children, listens, listens_at, until
from tests.support.world import ROOT

# What Debian's packages have to bring.
PROGRAMS = ("redis-server", "haproxy", "stress-ng")
_DEMO = ROOT / "cli" / "demo"
# Each purchase writes an order, remembers it in the cache if that is there, and is paid for. A database that answers
# late is an error within the second that the monitoring waits.
_CHECKOUT = """
import asyncio
import contextlib
import random
import socket
import urllib.request

import asyncpg


async def order():
    async with asyncio.timeout(0.7):
        connection = await asyncpg.connect(
            host="127.0.0.1", port={database}, user="clerk", password={password!r}, database="postgres", ssl=False
        )
        try:
            number = random.randrange(2**31)
            await connection.execute("insert into orders values ($1) on conflict do nothing", number)
        finally:
            connection.terminate()


def remember(items):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", {redis}), 0.1) as cache:
        cache.settimeout(0.1)
        cache.sendall(b"SET last " + str(items).encode() + b"\\r\\n")
        cache.recv(100)


def total_cents(items):
    asyncio.run(order())
    remember(items)
    urllib.request.urlopen("http://127.0.0.1:{payments}/pay", timeout=0.7).close()
    return items * 100
"""
HAPROXY = """
global
  stats socket {folder}/admin.sock mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend web
  bind 127.0.0.1:{port}
  default_backend shop
backend shop
  server web1 {blue}
  server web2 {green}
"""


def _almost_all(folder: Path) -> int:
    """What has to stay free: others use the same memory."""
    return shutil.disk_usage(folder).free - 64 * MEBIBYTE


class DrillSystem:
    """Use it through its `settings`, `target` and `watch`."""

    def __init__(self, folder: Path, user: Sequence[str], children: Children, running: ExitStack) -> None:
        self._folder = folder
        self._children = children
        self._running = running
        self._settings: dict[str, Any] = {"lease_folder": str(folder / "leases")}
        self.pair = self._database(user)
        database = self._proxy("db", self.pair.ports["a"], "tcp")
        provider = running.enter_context(http_target())
        payments = self._proxy("payments", int(provider.url.rpartition(":")[2]), "http")
        redis = self._redis()
        self.front = self._haproxy()
        self.shop = Shop(folder / "shop", a_free_port())
        running.callback(self.shop.close)
        text = _CHECKOUT.format(database=database, redis=redis, payments=payments, password=PASSWORD)
        (self.shop.folder / "releases" / "v2" / "checkout.py").write_text(text)
        # Memory and not the machine's disk, on which others write at the same time and change what is free.
        scratch = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="hw-real-", dir="/dev/shm")))
        self._settings |= {
            "releases": {
                "shop": {"directory": str(self.shop.folder), "pid_file": f"{self.shop.folder}/supervisor.pid"}
            },
            "processes": {"shop": f"{self.shop.folder}/shop.pid"},
            "disks": {"scratch": {"folder": str(scratch), "keep_free_bytes": _almost_all(scratch)}},
        }

    def settings(self, hostname: str) -> ActionSettings:
        """`actions` of hotwash.yaml."""
        hosts = {"here": {"hostname": hostname, "most_cpus": 1, "keep_free_memory_bytes": 0}}
        return ActionSettings.model_validate(self._settings | {"hosts": hosts})

    def target(self) -> dict[str, str]:
        """What the drill target says of itself: enough for every game day of the library."""
        return {
            "process": "shop", "release_target": "shop", "health_url": f"{self.shop.url}/healthz",
            "url": f"{self.shop.url}/checkout", "cluster": "orders", "table": "orders", "redis": "cache",
            "haproxy": "edge", "backend": "shop", "server": "web1", "proxy": "db", "http_proxy": "payments",
            "disk": "scratch", "host": "here",
        }  # fmt: skip

    async def sells(self) -> bool:
        """Whether a purchase goes well."""
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                return (await client.get(f"{self.shop.url}/checkout")).is_success
        except httpx.HTTPError:
            return False

    def watch(self, webhook: str, token_file: Path) -> None:
        """Start the demo's monitoring."""
        argv = [sys.executable, _DEMO / "prober.py", "--shop", self.shop.url, "--webhook", webhook]
        self._children.start([*argv, "--token-file", token_file], self._folder / "prober.log")

    def _database(self, user: Sequence[str]) -> Pair:
        binaries = newest_bin()
        assert binaries is not None
        template, pair = (Pair(self._below(name), user, (a_free_port(), a_free_port()), binaries) for name in "tp")
        self._give(user)
        template.make()
        pair.copy_of(template)
        self._running.callback(pair.close)
        pair.sql("a", "grant all on orders to clerk")
        self._settings["postgres"] = {"orders": pair.cluster(lockable=["orders"]).model_dump(mode="json")}
        return pair

    def _below(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder

    def _give(self, user: Sequence[str]) -> None:
        """PostgreSQL refuses root, so that its folders belong to somebody else."""
        if user:
            for name in "tp":
                shutil.chown(self._folder / name, "postgres")

    def _proxy(self, name: str, upstream: int, protocol: Any) -> int:
        proxied = self._running.enter_context(a_proxy(self._below(name), upstream, protocol))
        self._settings.setdefault("fault_proxies", {})[name] = proxied.proxy.model_dump()
        return proxied.address[1]

    def _redis(self) -> int:
        port = a_free_port()
        argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", self._below("redis"), "--save", ""]
        self._children.start(argv, self._folder / "redis.log")
        until(lambda: listens(port), "the start of Redis")
        self._settings["redis"] = {"cache": {"host": "127.0.0.1", "port": port}}
        return port

    def _haproxy(self) -> str:
        blue, green = (self._running.enter_context(http_target()) for _ in range(2))
        folder, port = self._below("haproxy"), a_free_port()
        servers = {name: each.url.removeprefix("http://") for name, each in (("blue", blue), ("green", green))}
        (folder / "haproxy.cfg").write_text(HAPROXY.format(folder=folder, port=port, **servers))
        self._children.start(["haproxy", "-f", folder / "haproxy.cfg"], folder / "log")
        until(lambda: listens_at(folder / "admin.sock"), "the start of HAProxy")
        self._settings["haproxy"] = {"edge": {"socket": str(folder / "admin.sock"), "backends": ["shop"]}}
        return f"http://127.0.0.1:{port}/"
