"""A real HTTP server that receives signed webhooks as Standard Webhooks has it: verified, each id once."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


class Receiver:
    """`accepted` bodies in order, each `webhook-id` once; `replays` and `forgeries` are refused and counted.

    Set `status` to the answer it shall give without looking, and `headers` to what goes with it.
    """

    def __init__(self, secret: str) -> None:
        self.accepted: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.requests: list[dict[str, str]] = []
        self.replays = 0
        self.forgeries = 0
        self.status = 200
        self.headers: dict[str, str] = {}
        self.before: Callable[[], None] = lambda: None
        # Called when a body was taken and its sender has not heard so yet.
        self.on_accepted: Callable[[dict[str, Any]], None] = lambda _: None
        self._verifier = Webhook(secret)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks/path-that-is-a-secret"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def receive(self, headers: dict[str, str], body: bytes) -> int:
        """Judge one request; the status of the answer."""
        self.before()
        self.requests.append(headers)
        if self.status >= 300:
            return self.status
        try:
            document = self._verifier.verify(body, headers)
        except WebhookVerificationError:
            self.forgeries += 1
            return 401
        if headers["webhook-id"] in self.ids:
            self.replays += 1
            return 200
        self.ids.append(headers["webhook-id"])
        self.accepted.append(document)
        self.on_accepted(document)
        return self.status


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status = receiver.receive({key.lower(): value for key, value in self.headers.items()}, body)
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler
