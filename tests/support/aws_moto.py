"""moto's server on a free port, for the services that it plays honestly, with a record of what changed there.

The one thing to know: which services those are is written down where they are used, in `tests/support/cloud_world.py`;
the others are played by `tests/support/aws_contract.py`.
"""

import io
import re
import socket
import threading
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import boto3
import httpx
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

REGION = "eu-west-1"
_READING = ("Describe", "Get", "List")

Environment = dict[str, Any]
StartResponse = Callable[..., Any]


class Moto:
    """One server for the process; `reset` forgets everything, in the server and here."""

    def __init__(self) -> None:
        # Names of operations that may have changed something, in order; REST ones as `POST /path`.
        self.changes: list[str] = []
        # Operation to the answer that stands in for moto's, once.
        self._instead: dict[str, tuple[int, str]] = {}
        self._hang_up_after: set[str] = set()
        self._application = DomainDispatcherApplication(create_backend_app)
        server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=MotoRequestHandler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def reset(self) -> None:
        """As if it had just started."""
        httpx.post(f"{self.url}/moto-api/reset", timeout=30).raise_for_status()
        self.changes.clear()
        self._instead.clear()
        self._hang_up_after.clear()

    def client(self, service: str) -> Any:
        """A client of the tests' own: the second, independent way to look."""
        return _client(self.url, service)

    def answer_next(self, operation: str, status: int, body: str) -> None:
        """The next call of an operation is answered like this and does not reach moto."""
        self._instead[operation] = (status, body)

    def reading(self, path: str, body: str) -> None:
        """The next GET below a path is answered like this."""
        self._instead[f"GET {path}"] = (200, body)

    def pending_answers(self) -> int:
        """How many answers nobody has asked for yet."""
        return len(self._instead)

    def hang_up_after(self, operation: str) -> None:
        """The next call of an operation is carried out, and its answer is lost."""
        self._hang_up_after.add(operation)

    def _answer(self, environ: Environment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        operation = _operation(environ, body)
        instead = next((name for name in self._instead if operation.startswith(name)), None)
        if instead is not None:
            status, text = self._instead.pop(instead)
            start_response(f"{status} x", [("Content-Type", "text/xml")])
            return [text.encode()]
        answer = list(self._application(environ, start_response))
        if not operation.startswith((*_READING, "GET ")):
            self.changes.append(operation)
        if operation in self._hang_up_after:
            self._hang_up_after.discard(operation)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return answer


def _operation(environ: Environment, body: bytes) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return str(target).rpartition(".")[2]
    action = re.search(rb"(?:^|&)Action=", body) and parse_qs(body.decode())["Action"][0]
    return action or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


@cache
def _client(url: str, service: str) -> Any:
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id="tests", aws_secret_access_key="tests"
    )


@cache
def moto() -> Moto:
    """The one server of this process."""
    return Moto()
