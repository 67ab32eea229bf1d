"""The part of the actions' world that stands on servers of one's own; `World` of `action_world.py` holds one.

Each server starts when a case first asks for it, so that a test pays only for what it touches.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import psutil

from activities.actions.ports import HttpCaller, ProgramRunner
from activities.actions.site import SitePorts
from activities.clients.postgres_clusters import PostgresClusters
from activities.clients.site import site_ports
from domain.action_targets import Database
from domain.configuration import ActionSettings
from domain.errors import Transient
from tests.support.little_cluster import LittleCluster
from tests.support.little_flagd import LittleFlagd
from tests.support.little_servers import LittleFlags, LittleHaproxy, LittlePrometheus, LittleRedis, LittleServer

S = TypeVar("S", bound=LittleServer)

# `nginx` as far as the laws see it: the test refuses what says `broken`, and each reload is noted.
NGINX_TEST = "import sys; text = open(sys.argv[1]).read(); sys.exit('broken' in text and '[emerg] it is broken')"
NGINX_RELOAD = "import sys; open(sys.argv[1], 'a').write('reloaded\\n')"

# A supervisor's two commands, as far as the laws see them: they note what they do and return when it is done.
START = """
import pathlib, subprocess, sys
child = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True, stdin=-3, stdout=-3, stderr=-3)
open(sys.argv[2], "a").write("started\\n")
pathlib.Path(sys.argv[1] + ".new").write_text(str(child.pid))
pathlib.Path(sys.argv[1] + ".new").rename(sys.argv[1])
"""
STOP = """
import os, pathlib, sys
os.kill(int(pathlib.Path(sys.argv[1]).read_text()), 15)
open(sys.argv[2], "a").write("ended\\n")
"""


class Rows:
    """A database whose answer is known; `tests/activities/test_a_value_is_read_from_a_database.py` has a real one."""

    def __init__(self) -> None:
        self.answer: list[list[Any]] | None = [[7]]

    async def rows(self, database: Database, password: str | None, query: str, *rest: Any) -> list[list[Any]]:
        """The answer; None is a database that is away."""
        del query, rest
        if self.answer is None:
            message = f"{database.host} cannot be reached"
            raise Transient(message)
        assert password
        return self.answer


class Site:
    """Little servers, and what hotwash.yaml says of them."""

    def __init__(self, folder: Path, token: str) -> None:
        self._folder = folder
        self._token = token
        self._running: list[LittleServer] = []
        self.rows = Rows()
        self.cluster = LittleCluster()
        self.reloads = folder / "reloads"
        self.include = folder / "upstream.conf"
        self.pid_file = folder / "daemon.pid"
        self.deeds = folder / "deeds"

    def ports(self, programs: ProgramRunner, http: HttpCaller) -> SitePorts:
        """The real clients, but for the databases."""
        clusters = PostgresClusters(self.cluster.nodes_of, programs)
        return replace(site_ports(programs, http), sql=self.rows, clusters=clusters)

    @cached_property
    def haproxy(self) -> LittleHaproxy:
        """Started when first asked for."""
        return self._started(LittleHaproxy(self._folder / "haproxy.sock"))

    @cached_property
    def redis(self) -> tuple[LittleRedis, LittleRedis]:
        """A primary and its replica."""
        primary, replica = (self._started(LittleRedis(self._token)) for _ in range(2))
        replica.primary = ("127.0.0.1", primary.port)
        return primary, replica

    @cached_property
    def flags(self) -> LittleFlags:
        """Started when first asked for."""
        return self._started(LittleFlags(self._token))

    @cached_property
    def flagd(self) -> LittleFlagd:
        """Started when first asked for."""
        return self._started(LittleFlagd(self._folder / "flags.json", self._token))

    @cached_property
    def prometheus(self) -> LittlePrometheus:
        """Started when first asked for."""
        return self._started(LittlePrometheus())

    def settings(self, kind: str) -> dict[str, Any]:
        """What `actions.<kind>` says; starts what it names."""
        return {
            "haproxy": self._haproxy_settings,
            "nginx": self._nginx_settings,
            "redis": self._redis_settings,
            "prometheus": lambda: {"main": {"url": self.prometheus.url, "token": "env:TOKEN"}},
            "postgres": self._postgres_settings,
            "endpoints": lambda: {"redis": {"host": "127.0.0.1", "port": self.redis[0].port}},
            "databases": lambda: {
                "orders": {"host": "127.0.0.1", "database": "orders", "user": "reader", "password": "env:TOKEN"}
            },
            "daemons": self._daemon_settings,
            "flags": lambda: {
                "shop": {"url": self.flags.url, "token": "env:TOKEN", "flags": ["new-checkout"]},
                "flagd": {
                    "file": str(self.flagd.file),
                    "ofrep": self.flagd.url,
                    "token": "env:TOKEN",
                    "flags": ["new-checkout", "theme"],
                },
            },
        }[kind]()

    def case(self, name: str) -> tuple[dict[str, Any], Callable[[], list[Any]], Callable[[], Any], str] | None:
        """What to ask of an action, how to count its effects, what an undo brings back, and the settings it needs."""
        kind = name.split(".", maxsplit=1)[0]
        if kind == "haproxy":
            server = {"target": "edge", "backend": "shop", "server": "web1"}
            if name == "haproxy.weight":
                return server | {"weight": 10}, lambda: self.haproxy.changes, lambda: dict(self.haproxy.weights), kind
            if name == "haproxy.ready":
                self.haproxy.states["web1"] = "drain"
            return server, lambda: self.haproxy.changes, lambda: dict(self.haproxy.states), kind
        cases: dict[str, Callable[[], Any]] = {
            "process.start": lambda: ({"daemon": "shop"}, self._deeds, self.daemon_runs, "daemons"),
            "process.stop": lambda: ({"daemon": "shop"}, self._deeds_since_start(), self.daemon_runs, "daemons"),
            "process.restart": lambda: (
                {"daemon": "shop"},
                self._deeds_since_start("started"),
                self.daemon_runs,
                "daemons",
            ),
            "postgres.failover": lambda: (
                {"cluster": "orders"},
                lambda: list(self.cluster.promoted),
                self.cluster.roles,
                "postgres",
            ),
            "postgres.rejoin": self._rejoin_case,
            "check.flag": lambda: (
                {"provider": "flagd", "flag": "new-checkout", "value": True},
                list,
                list,
                "flags",
            ),
            "check.tcp": lambda: ({"endpoint": "redis"}, list, list, "endpoints"),
            "check.promql": lambda: (
                {"prometheus": "main", "query": "errors", "comparison": "<", "threshold": 0.5},
                list,
                list,
                "prometheus",
            ),
            "check.sql": lambda: ({"database": "orders", "query": "select 7", "value": 7}, list, list, "databases"),
            "nginx.upstream": lambda: (
                {"target": "shop", "pool": "green"},
                lambda: self.reloads.read_text().split() if self.reloads.exists() else [],
                self.include.read_text,
                kind,
            ),
            "redis.promote": lambda: (
                {"target": "b"},
                lambda: self.redis[1].changes,
                lambda: self.redis[1].primary,
                kind,
            ),
            "flag.set": lambda: (
                {"provider": "shop", "flag": "new-checkout", "value": False},
                lambda: self.flags.changes,
                lambda: self.flags.value,
                "flags",
            ),
        }
        return cases[name]() if name in cases else None

    def daemon_runs(self) -> bool:
        """Whether the daemon of the pid file lives."""
        try:
            return psutil.Process(int(self.pid_file.read_text())).status() != psutil.STATUS_ZOMBIE
        except (FileNotFoundError, psutil.NoSuchProcess):
            return False

    def close(self) -> None:
        """End what was started."""
        if self.daemon_runs():
            psutil.Process(int(self.pid_file.read_text())).kill()
        for server in self._running:
            server.close()

    def _started(self, server: S) -> S:
        self._running.append(server)
        return server

    def _deeds(self) -> list[str]:
        return self.deeds.read_text().split() if self.deeds.exists() else []

    def _deeds_since_start(self, *counted: str) -> Callable[[], list[str]]:
        """Start the daemon as somebody else would; what has been done to it since."""
        subprocess.run([sys.executable, "-c", START, str(self.pid_file), str(self.deeds)], check=True)
        return lambda: [deed for deed in self._deeds()[1:] if not counted or deed in counted]

    def _daemon_settings(self) -> dict[str, Any]:
        files = [str(self.pid_file), str(self.deeds)]
        return {
            "shop": {
                "pid_file": files[0],
                "start": [sys.executable, "-c", START, *files],
                "stop": [sys.executable, "-c", STOP, *files],
                "foreground": False,
                "settled_after": "50ms",
            }
        }

    def _rejoin_case(self) -> tuple[dict[str, Any], Callable[[], list[Any]], Callable[[], Any], str]:
        self.cluster.nodes["b"].role = "stopped primary"
        return {"cluster": "orders", "node": "b"}, lambda: list(self.cluster.rejoined), list, "postgres"

    def _postgres_settings(self) -> dict[str, Any]:
        nodes = {name: {"host": name, "data_directory": "/data"} for name in self.cluster.nodes}
        return {"orders": {"nodes": nodes, "address_file": str(self._folder / "primary"), "password": "env:TOKEN"}}

    def _haproxy_settings(self) -> dict[str, Any]:
        assert self.haproxy
        return {"edge": {"socket": str(self._folder / "haproxy.sock"), "backends": ["shop"]}}

    def _nginx_settings(self) -> dict[str, Any]:
        if not self.include.exists():
            self.include.write_text("upstream shop { server 127.0.0.1:8001; }\n")
        return {
            "shop": {
                "include_file": str(self.include),
                "upstream": "shop",
                "pools": {"blue": ["127.0.0.1:8001"], "green": ["127.0.0.1:8002 weight=2", "broken:1"][:1]},
                "test": [sys.executable, "-c", NGINX_TEST, str(self.include)],
                "reload": [sys.executable, "-c", NGINX_RELOAD, str(self.reloads)],
            }
        }

    def _redis_settings(self) -> dict[str, Any]:
        names = zip("ab", self.redis, strict=True)
        return {name: {"host": "127.0.0.1", "port": one.port, "password": "env:TOKEN"} for name, one in names}


def with_settings(actions: ActionSettings, site: Site, *kinds: str) -> ActionSettings:
    """The settings of a world, and what they say of those parts of its site."""
    more = {kind: site.settings(kind) for kind in kinds}
    return ActionSettings.model_validate(actions.model_dump() | more)
