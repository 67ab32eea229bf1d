"""Little servers that speak what HAProxy, Redis, a flag provider and Prometheus speak: enough for the laws of actions.

The real ones are in `tests/real/`; what these answer was copied from those. Each notes what changed it in `changes`.
"""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
    """A server that wants a password and knows INFO, REPLICAOF and AUTH."""

    def __init__(self, password: str) -> None:
        super().__init__()
        self.primary: tuple[str, int] | None = None
        self.offset = 100
        redis = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                known = False
                while words := self._words():
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

    def answer(self, words: list[str]) -> str:
        """What Redis 7 says."""
        if words[0] == "REPLICAOF":
            self.changes.append(" ".join(words))
            self.primary = None if words[1:] == ["NO", "ONE"] else (words[1], int(words[2]))
        if words[0] != "INFO":
            return "+OK\r\n"
        lines = ["# Replication", f"role:{'slave' if self.primary else 'master'}", f"master_repl_offset:{self.offset}"]
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


@contextmanager
def closing(server: Any) -> Iterator[Any]:
    """A little server that lives as long as the block."""
    try:
        yield server
    finally:
        server.close()
