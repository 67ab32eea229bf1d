"""Little servers that speak what HAProxy, Redis, a flag provider and Prometheus speak: enough for the laws of actions.

The real ones are in `tests/real/`; what these answer was copied from those. Each notes what changed it in `changes`.
"""

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

HEAD = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight"
FLAGS = {"ready": 0, "maint": 1, "drain": 8}


class LittleServer:
    """A server on a thread of its own, ended with `close`."""

    def __init__(self) -> None:
        self.changes: list[str] = []
        self._ending: list[Any] = []

    def serve(self, server: socketserver.BaseServer) -> None:
        """Answer until `close`."""
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self._ending.append((server, thread))

    def close(self) -> None:
        """End it."""
        for server, thread in self._ending:
            server.shutdown()
            server.server_close()
            thread.join()


class LittleHaproxy(LittleServer):
    """The backend `shop` with the servers `web1` and `web2`."""

    def __init__(self, socket: Path) -> None:
        super().__init__()
        self.weights = {"web1": 100, "web2": 100}
        self.states = {"web1": "ready", "web2": "ready"}
        haproxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(haproxy.answer(self.rfile.readline().decode().split()).encode())

        self.serve(socketserver.ThreadingUnixStreamServer(str(socket), Handler))

    def answer(self, words: list[str]) -> str:
        """What HAProxy 2.6 says."""
        if words[:3] == ["show", "servers", "state"]:
            if words[3:] not in ([], ["shop"]):
                return "Can't find backend.\n\n"
            rows = [
                f"3 shop {n} {name} 127.0.0.1 2 {FLAGS[self.states[name]]} {self.weights[name]} 100"
                for n, name in enumerate(self.weights, 1)
            ]
            return "\n".join(["1", HEAD, *rows, "", ""])
        if words[:3] == ["shutdown", "sessions", "server"]:
            return "\n"
        backend, name = words[2].split("/")
        if backend != "shop":
            return "No such backend.\n\n"
        if name not in self.weights:
            return "No such server.\n\n"
        self.changes.append(" ".join(words))
        if words[3] == "weight":
            self.weights[name] = int(words[4])
        else:
            self.states[name] = words[4]
        return "\n"


class LittleRedis(LittleServer):
    """A server that wants a password and knows INFO, REPLICAOF, AUTH, PING, PUBLISH and the pause of writes."""

    def __init__(self, password: str) -> None:
        super().__init__()
        self.primary: tuple[str, int] | None = None
        self.offset = 100
        self.paused_until = 0.0
        redis = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                known = False
                while words := self._words():
                    # A client that is kept waiting hears nothing until it hangs up.
                    if words[0] == "PUBLISH" and redis.is_paused:
                        self.rfile.readline()
                        return
                    known = known or words == ["AUTH", password]
                    self.wfile.write(
                        (redis.answer(words) if known else "-NOAUTH Authentication required.\r\n").encode()
                    )

            def _words(self) -> list[str]:
                line = self.rfile.readline()
                return [self._word() for _ in range(int(line[1:]))] if line else []

            def _word(self) -> str:
                size = int(self.rfile.readline()[1:])
                return self.rfile.read(size + 2)[:-2].decode()

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.port = server.server_address[1]
        self.serve(server)

    @property
    def is_paused(self) -> bool:
        """Whether writes wait."""
        return time.monotonic() < self.paused_until

    def answer(self, words: list[str]) -> str:
        """What Redis 7 says."""
        if words[:2] == ["CLIENT", "PAUSE"]:
            assert words[3] == "WRITE"
            self.paused_until = time.monotonic() + int(words[2]) / 1000
        if words[:2] == ["CLIENT", "UNPAUSE"]:
            self.paused_until = 0.0
        if words[0] == "PUBLISH":
            return ":0\r\n"
        if words[0] == "REPLICAOF":
            self.changes.append(" ".join(words))
            self.primary = None if words[1:] == ["NO", "ONE"] else (words[1], int(words[2]))
        if words[0] != "INFO":
            return "+OK\r\n"
        lines = ["# Server", "redis_version:7.0.15"] if words[1] == "server" else []
        lines += ["# Replication", f"role:{'slave' if self.primary else 'master'}", f"master_repl_offset:{self.offset}"]
        if self.primary:
            host, port = self.primary
            lines += [f"master_host:{host}", f"master_port:{port}", "master_link_status:up"]
            lines += [f"slave_repl_offset:{self.offset}"]
        text = "\r\n".join([*lines, ""])
        return f"${len(text)}\r\n{text}\r\n"


class LittleFlags(LittleServer):
    """A provider's admin endpoint with the flag `new-checkout`, and what was asked with which token."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.value: Any = True
        self.version = 1
        self.keys: list[str] = []
        # Somebody else sets the flag between our reading and our writing.
        self.somebody_is_faster = False
        flags = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200 if self._known() else 404)
                if flags.somebody_is_faster:
                    flags.version += 1

            def do_PUT(self) -> None:
                document = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.headers["if-match"] != f'"{flags.version}"':
                    self._answer(412)
                    return
                flags.keys.append(self.headers["idempotency-key"])
                flags.changes.append(json.dumps(document["value"]))
                flags.value, flags.version = document["value"], flags.version + 1
                self._answer(200)

            def _known(self) -> bool:
                return self.path == "/flags/new-checkout"

            def _answer(self, status: int) -> None:
                if self.headers["authorization"] != f"Bearer {token}":
                    status = 401
                body = json.dumps({"key": "new-checkout", "value": flags.value}).encode()
                self.send_response(status)
                self.send_header("etag", f'"{flags.version}"')
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}/flags/{{flag}}"
        self.serve(server)


class LittlePrometheus(LittleServer):
    """Answers every query with `result`, as Prometheus 2 does."""

    def __init__(self) -> None:
        super().__init__()
        self.result: Any = {"resultType": "vector", "result": [{"metric": {"job": "shop"}, "value": [1.5, "0.02"]}]}
        self.queries: list[str] = []
        self.status = 200
        prometheus = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                prometheus.queries.append(parse_qs(body)["query"][0])
                answer = {"status": "success", "data": prometheus.result}
                if prometheus.status != 200:
                    answer = {"status": "error", "errorType": "bad_data", "error": "parse error: unexpected end"}
                content = json.dumps(answer).encode()
                self.send_response(prometheus.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.serve(server)


class LittleAlertmanager(LittleServer):
    """Silences as Alertmanager 0.25 keeps them, for who has the token; no alert ever fires here."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.silences: dict[str, dict[str, Any]] = {}
        alertmanager = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0].removeprefix("/api/v2/")
                answers = {
                    "status": lambda: {"versionInfo": {"version": "0.25.0"}},
                    "silences": alertmanager.told,
                    "alerts": list,
                }
                self._answer(200, answers[path]())

            def do_POST(self) -> None:
                wish = json.loads(self.rfile.read(int(self.headers["content-length"])))
                known = alertmanager.silences.get(wish.get("id", ""))
                if known is not None and known["startsAt"] != wish["startsAt"]:
                    self._answer(400, "only an end may be moved")
                    return
                name = wish.setdefault("id", f"silence-{len(alertmanager.silences)}")
                alertmanager.silences[name] = wish
                self._answer(200, {"silenceID": name})

            def do_DELETE(self) -> None:
                name = self.path.rpartition("/")[2]
                alertmanager.silences[name]["endsAt"] = datetime.now(UTC).isoformat()
                self._answer(200, None)

            def _answer(self, status: int, document: object) -> None:
                if self.headers["authorization"] != f"Bearer {token}":
                    status, document = 401, "no"
                body = b"" if document is None else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.serve(server)

    def told(self) -> list[dict[str, Any]]:
        """All silences with their states."""
        now = datetime.now(UTC)
        return [
            one | {"status": {"state": "active" if datetime.fromisoformat(one["endsAt"]) > now else "expired"}}
            for one in self.silences.values()
        ]

    def in_force(self) -> list[str]:
        """The silences that keep alerts from people now."""
        return [one["id"] for one in self.told() if one["status"]["state"] == "active"]


@contextmanager
def closing(server: Any) -> Iterator[Any]:
    """A little server that lives as long as the block."""
    try:
        yield server
    finally:
        server.close()
