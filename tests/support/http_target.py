"""A real HTTP server on a free port that counts what it was asked and answers as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass
class Target:
    """What to answer, and what was asked. `echo` answers with the request's own headers, as debug endpoints do."""

    url: str = ""
    status: int = 200
    body: bytes = b'{"ok": true}'
    content_type: str = "application/json"
    location: str | None = None
    echo: bool = False
    # Read the request and hang up instead of answering.
    hang_up: bool = False
    # Wait before the answer until this is set.
    hold: threading.Event | None = None
    seen: list[Seen] = field(default_factory=list)

    def asked(self, method: str) -> list[Seen]:
        """The requests of one method."""
        return [one for one in self.seen if one.method == method]


@contextmanager
def http_target() -> Iterator[Target]:
    """A target that lives as long as the block."""
    target = Target()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            target.seen.append(Seen(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if target.hold is not None:
                target.hold.wait(10)
            if target.hang_up:
                self.close_connection = True
                return
            answer = str(dict(self.headers.items())).encode() if target.echo else target.body
            self.send_response(target.status)
            self.send_header("content-type", target.content_type)
            self.send_header("content-length", str(len(answer)))
            if target.location:
                self.send_header("location", target.location)
            self.end_headers()
            if self.command != "HEAD":
                self._write(answer)

        def _write(self, answer: bytes) -> None:
            try:
                self.wfile.write(answer)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    target.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield target
    finally:
        if target.hold is not None:
            target.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()
