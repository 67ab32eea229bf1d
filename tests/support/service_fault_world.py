"""The part of the actions' world whose network and services are broken; `World` of `action_world.py` has one.

The fault proxy is a real one with traffic through it; the servers are those of `little_servers.py`, and real ones are
in `tests/real/`. Each starts when a case first asks for it.
"""

import contextlib
import json
import os
import signal
import socket
import threading
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from activities.actions.faults import FaultPorts
from activities.actions.postgres import ClusterPlace
from activities.actions.postgres_faults import Holding, ServerSeen, SessionsSeen
from activities.clients import kernel
from activities.clients.machine import LinuxMachine
from activities.clients.postgres_clusters import PostgresClusters
from activities.leases import Leases, Reversal, Write
from domain.action_targets import FaultProxy
from domain.configuration import ActionSettings
from tests.support.cloud_world import Cloud, aws_client
from tests.support.fault_world import FaultCase
from tests.support.little_cluster import LittleCluster
from tests.support.little_servers import LittleAlertmanager, LittleHaproxy, LittleRedis
from tests.support.proxied import Proxied, a_proxy, an_echo
from tests.support.real_servers import until

Case = tuple[FaultCase, dict[str, Any]]
# The target ends these by itself, with their lease: what a law waits for.
_SOON = {"duration": "1m", "lease": "8s"}
# Traffic that gets no answer tries anew after this.
_IMPATIENCE_SECONDS = 1.0
PROXIED = {
    "dependency.outage": {},
    "http.error": {"status": 503},
    "http.latency": {"latency": "20ms"},
    "tcp.bandwidth": {"bytes_per_second": 1000},
    "tcp.blackhole": {},
    "tcp.latency": {"latency": "20ms"},
    "tcp.reset": {},
}


@dataclass
class LittleHarmedCluster:
    """`a` is the primary of `b`, as two files that a watchdog can write; implements `FaultyClusters`."""

    folder: Path
    leases: Leases

    def make(self) -> None:
        """Both run."""
        self.file("a").write_text("primary")
        self.file("b").write_text("streaming")

    def file(self, node: str) -> Path:
        """What a server is."""
        return self.folder / f"{node}.server"

    async def look(self, place: ClusterPlace) -> dict[str, ServerSeen]:
        """What they are."""
        assert place.password
        a, b = self.file("a").read_text(), self.file("b").read_text()
        return {
            "a": ServerSeen.model_validate({"role": a}),
            "b": ServerSeen(role="standby", streaming=b == "streaming"),
        }

    async def hindrance(self, place: ClusterPlace, node: str) -> str | None:
        """None."""
        del place, node

    async def kill(self, place: ClusterPlace, node: str, seconds: float) -> None:
        """Stop it."""
        assert seconds > 0
        assert place.name == "orders"
        self.file(node).write_text("stopped primary")

    async def cut(self, place: ClusterPlace, standby: str, mark: str) -> None:
        """Cut it off."""
        assert place.name == "orders"
        self.file(standby).write_text(mark)

    async def is_cut(self, place: ClusterPlace, standby: str, mark: str) -> bool:
        """Whether it is cut off."""
        del place
        return self.file(standby).read_text() == mark

    async def sessions(self, place: ClusterPlace, node: str, mark: str) -> SessionsSeen:
        """What is held."""
        assert place.password
        assert (node, mark[:8]) == ("a", "hotwash_")
        held = bool(self.holders())
        return SessionsSeen(sessions=held, active=2 * held, locked=("orders",) * held, free=0 if held else 90)

    def holders(self) -> list[int]:
        """The processes that hold something."""
        found = [kernel.read_identity(file) for file in (self.folder / "leases").glob("*.process")]
        return [identity[0] for identity in found if identity and kernel.is_the_same(*identity)]

    async def has_table(self, place: ClusterPlace, node: str, table: str) -> bool:
        """There is one."""
        del place, node
        return table == "orders"

    async def hold(self, place: ClusterPlace, node: str, key: str, wish: Holding) -> None:
        """A process that sleeps."""
        assert (place.name, node) == ("orders", "a")
        assert wish.seconds > 0
        await self.leases.start(key, ("/bin/sleep", "60"))

    def way_back(self, place: ClusterPlace, node: str, what: str, mark: str = "") -> Reversal:
        """Write down what it was."""
        del place, mark
        return Write(path=str(self.file(node)), text={"start": "primary", "stream": "streaming"}[what])


class ServiceFaults:
    """Targets for faults of networks and services, below one folder."""

    def __init__(self, folder: Path, token: str, cloud: Cloud | None = None) -> None:
        self._folder = folder
        self._token = token
        self.cloud = cloud or Cloud(token)
        self._running = ExitStack()
        self._stopping = threading.Event()
        self.cluster: LittleHarmedCluster

    def ports(self, real: FaultPorts) -> FaultPorts:
        """The real clients, but for the clusters."""
        self.cluster = LittleHarmedCluster(self._folder, real.leases)
        return with_stand_ins(real, str(self._folder / "leases"))

    def case(self, name: str) -> Case | None:
        """What to ask of a fault, and the settings it needs; makes its target."""
        if name in PROXIED:
            return self._proxy_case(name)
        if name.startswith("postgres."):
            return self._postgres(name)
        cases = {
            "aws.fis.start_experiment": self._fis,
            "alerting.mute": self._alerting,
            "haproxy.server_down": self._haproxy,
            "redis.pause": self._redis,
        }
        return cases[name]() if name in cases else None

    def _proxy_case(self, name: str) -> Case:
        proxied = self.proxied("http" if name.startswith("http") else "tcp")

        def toxics() -> list[str]:
            return [one["key"] for one in ask(proxied.proxy, {"do": "look"})["toxics"]]

        def heal() -> None:
            for key in toxics():
                ask(proxied.proxy, {"do": "remove", "key": key})

        parameters = {"proxy": "shop-db", "duration": "1m", **PROXIED[name]}
        settings = {"fault_proxies": {"shop-db": proxied.proxy.model_dump()}}
        return FaultCase(parameters, toxics, toxics, heal), settings

    def _alerting(self) -> Case:
        main = {"url": self.alertmanager.url, "token": "env:TOKEN"}
        wish = {"alertmanager": "main", "match": {"service": "shop"}, **_SOON}
        little = self.alertmanager
        return FaultCase(wish, little.in_force, little.in_force, little.silences.clear), {
            "alertmanagers": {"main": main}
        }

    def _fis(self) -> Case:
        contract = self.cloud.contract
        wish = {"target": "contract", "template": contract.fis.TEMPLATE, "duration": "1m"}
        heal = partial(contract.fis.end, "stopped")
        settings = self.cloud.settings(ActionSettings()).model_dump(include={"aws"})
        return FaultCase(wish, lambda: list(contract.changes), contract.fis.running, heal), settings

    def _haproxy(self) -> Case:
        states = self.haproxy.states

        def down() -> list[str]:
            return [name for name, state in states.items() if state == "maint"]

        def heal() -> None:
            states["web1"] = "ready"

        edge = {"socket": str(self._folder / "drill.sock"), "backends": ["shop"]}
        wish = {"target": "edge", "backend": "shop", "server": "web1", "duration": "1m"}
        return FaultCase(wish, down, down, heal), {"haproxy": {"edge": edge}}

    def _redis(self) -> Case:
        redis = self.redis

        def paused() -> list[bool]:
            return [True] * redis.is_paused

        def heal() -> None:
            redis.paused_until = 0.0

        cache = {"host": "127.0.0.1", "port": redis.port, "password": "env:TOKEN"}
        return FaultCase({"target": "cache", **_SOON}, paused, paused, heal), {"redis": {"cache": cache}}

    @cached_property
    def alertmanager(self) -> LittleAlertmanager:
        """Started when first asked for."""
        return self._running.enter_context(contextlib.closing(LittleAlertmanager(self._token)))

    @cached_property
    def haproxy(self) -> LittleHaproxy:
        """Started when first asked for."""
        return self._running.enter_context(contextlib.closing(LittleHaproxy(self._folder / "drill.sock")))

    @cached_property
    def redis(self) -> LittleRedis:
        """Started when first asked for."""
        return self._running.enter_context(contextlib.closing(LittleRedis(self._token)))

    def proxied(self, protocol: str) -> Proxied:
        """A proxy with traffic through it."""
        port = self._running.enter_context(an_echo())
        proxied = self._running.enter_context(a_proxy(self._folder, port, protocol))  # type: ignore[arg-type]
        thread = threading.Thread(target=self._use, args=(proxied,))
        thread.start()
        self._running.callback(thread.join)
        return proxied

    def close(self) -> None:
        """End what was started."""
        self._stopping.set()
        self._running.close()

    def _postgres(self, name: str) -> Case:
        self.cluster.make()
        nodes = {each: {"host": "127.0.0.1", "data_directory": f"/data/{each}"} for each in "ab"}
        cluster = {"nodes": nodes, "password": "env:TOKEN", "address_file": "primary", "lockable": ["orders"]}
        parameters = {"cluster": "orders", "duration": "1m"}
        if name == "postgres.lock":
            parameters["table"] = "orders"

        def state() -> list[Any]:
            return [self.cluster.file("a").read_text(), self.cluster.file("b").read_text(), *self.cluster.holders()]

        def effects() -> list[Any]:
            return [one for one in state() if one not in {"primary", "streaming"}]

        def heal() -> None:
            self.cluster.make()
            for pid in self.cluster.holders():
                os.kill(pid, signal.SIGKILL)
                until(lambda: not self.cluster.holders(), "the end of a holder")

        return FaultCase(parameters, effects, state, heal), {"postgres": {"orders": cluster}}

    def _use(self, proxied: Proxied) -> None:
        """Be a client, again and again: HTTP and TCP alike, for an echo minds neither."""
        while not self._stopping.wait(0.02):
            with contextlib.suppress(OSError), socket.create_connection(proxied.address, 1) as client:
                client.settimeout(_IMPATIENCE_SECONDS)
                client.sendall(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
                client.recv(1024)


class MachineWithStandIns(LinuxMachine):
    """Finds programs in a folder of the test first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def program(self, name: str) -> str | None:
        """Where it is."""
        mine = self._folder / name
        return str(mine) if mine.exists() else super().program(name)


def with_stand_ins(real: FaultPorts, lease_folder: str) -> FaultPorts:
    """The real clients, but for the clusters and what this kernel lacks."""
    cluster = LittleHarmedCluster(Path(lease_folder).parent, real.leases)
    rejoining = PostgresClusters(LittleCluster().nodes_of, None)  # type: ignore[arg-type]
    services = replace(real.services, aws=aws_client(), clusters=cluster, rejoining=rejoining)
    machine = MachineWithStandIns(Path(lease_folder).parent / "stand-ins")
    return replace(real, machine=machine, services=services)


def ask(proxy: FaultProxy, wish: dict[str, Any]) -> Any:
    """Speak to a proxy's control socket."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(5)
        control.connect(proxy.control)
        control.sendall(json.dumps(wish).encode() + b"\n")
        return json.loads(control.makefile("rb").readline())
