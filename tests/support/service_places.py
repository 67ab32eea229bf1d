"""Real services that a fault may break, and what their clients see of it; for the tests of `tests/real/`."""

import json
import socket
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.action_world import TOKEN
from tests.support.drill_system import HAPROXY
from tests.support.http_target import Target, http_target
from tests.support.proxied import Proxied, a_proxy, an_echo
from tests.support.real_servers import Children, listens, listens_at, until

ALERTMANAGER = """
route: {{receiver: hotwash, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: hotwash, webhook_configs: [{{url: "{url}", send_resolved: false}}]}}]
"""


class Place:
    """A service that can be broken: what hotwash.yaml says of it, which fault, and whether it shows."""

    def __init__(self, name: str, parameters: dict[str, Any], shows: Callable[[], bool], **settings: Any) -> None:
        self.name = name
        self.parameters = parameters
        self.shows = shows
        self.settings = settings


class Places:
    """Starts what a fault needs; each is a real server."""

    def __init__(self, folder: Path, children: Children, free_port: Callable[[], int], running: ExitStack) -> None:
        self.folder = folder
        self.children = children
        self.free_port = free_port
        self.running = running

    def redis(self, commands: str = "writes") -> Place:
        """A Redis with a password."""
        port = self.free_port()
        argv = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", ""]
        self.children.start([*argv, "--requirepass", TOKEN], self.folder / "redis.log")
        until(lambda: listens(port), "the start of Redis")

        def waits(*command: str) -> bool:
            with socket.create_connection(("127.0.0.1", port), 5) as client:
                client.settimeout(0.4)
                client.sendall(_command("AUTH", TOKEN))
                with suppress(TimeoutError):
                    client.recv(100)
                    client.sendall(_command(*command))
                    return client.recv(100) == b""
                return True

        cache = {"host": "127.0.0.1", "port": port, "password": "env:TOKEN"}
        parameters = {"target": "cache", "commands": commands}
        command = ("SET", "a", "1") if commands == "writes" else ("GET", "a")
        return Place("redis.pause", parameters, lambda: waits(*command), redis={"cache": cache})

    def haproxy(self) -> Place:
        """Two web servers behind HAProxy."""
        blue, green = (self.running.enter_context(http_target()) for _ in range(2))
        blue.body, green.body = b"blue", b"green"
        port = self.free_port()
        servers = {"blue": blue.url.removeprefix("http://"), "green": green.url.removeprefix("http://")}
        (self.folder / "haproxy.cfg").write_text(HAPROXY.format(folder=self.folder, port=port, **servers))
        self.children.start(["haproxy", "-f", self.folder / "haproxy.cfg"], self.folder / "haproxy.log")
        until(lambda: listens_at(self.folder / "admin.sock"), "the start of HAProxy")

        def shows() -> bool:
            url = f"http://127.0.0.1:{port}/"
            return {urllib.request.urlopen(url, timeout=5).read() for _ in range(10)} == {b"green"}

        edge = {"socket": str(self.folder / "admin.sock"), "backends": ["shop"]}
        parameters = {"target": "edge", "backend": "shop", "server": "web1"}
        return Place("haproxy.server_down", parameters, shows, haproxy={"edge": edge})

    def alertmanager(self) -> tuple[Place, Target, Callable[[str], None]]:
        """An Alertmanager with a receiver, and how to let an alert fire."""
        receiver = self.running.enter_context(http_target())
        port = self.free_port()
        (self.folder / "alertmanager.yml").write_text(ALERTMANAGER.format(url=f"{receiver.url}/hook"))
        argv = ["prometheus-alertmanager", f"--config.file={self.folder}/alertmanager.yml"]
        argv += [f"--storage.path={self.folder}/am", "--cluster.listen-address="]
        self.children.start([*argv, f"--web.listen-address=127.0.0.1:{port}"], self.folder / "alertmanager.log")
        until(lambda: listens(port), "the start of Alertmanager")
        url = f"http://127.0.0.1:{port}"

        def fire(name: str) -> None:
            ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
            alert = {"labels": {"alertname": name, "service": "shop"}, "endsAt": ends}
            request = urllib.request.Request(
                f"{url}/api/v2/alerts", json.dumps([alert]).encode(), {"content-type": "application/json"}
            )
            urllib.request.urlopen(request, timeout=5).close()

        def shows() -> bool:
            silences = json.loads(urllib.request.urlopen(f"{url}/api/v2/silences", timeout=5).read())
            return [one["status"]["state"] for one in silences].count("active") == 1

        parameters = {"alertmanager": "main", "match": {"service": "shop", "alertname": "~Shop.*"}}
        place = Place("alerting.mute", parameters, shows, alertmanagers={"main": {"url": url}})
        return place, receiver, fire

    def proxy(self, name: str, **more: Any) -> tuple[Place, Proxied]:
        """A proxy before an echo."""
        port = self.running.enter_context(an_echo())
        proxied = self.running.enter_context(a_proxy(self.folder, port))

        def shows() -> bool:
            with suppress(OSError), proxied.client() as client:
                client.settimeout(0.3)
                client.sendall(b"hello")
                return client.recv(5) != b"hello"
            return True

        place = Place(name, {"proxy": "db", **more}, shows, fault_proxies={"db": proxied.proxy.model_dump()})
        return place, proxied


def _command(*words: str) -> bytes:
    parts = b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
    return b"*%d\r\n%s" % (len(words), parts)


KINDS: dict[str, Callable[[Places], Place]] = {
    "alerting.mute": lambda places: places.alertmanager()[0],
    "dependency.outage": lambda places: places.proxy("dependency.outage")[0],
    "haproxy.server_down": lambda places: places.haproxy(),
    "redis.pause": lambda places: places.redis(),
    "tcp.blackhole": lambda places: places.proxy("tcp.blackhole")[0],
    "tcp.latency": lambda places: places.proxy("tcp.latency", latency="1s")[0],
    "tcp.reset": lambda places: places.proxy("tcp.reset")[0],
}
