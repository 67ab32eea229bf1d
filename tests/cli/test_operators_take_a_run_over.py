"""`hotwash runbook pause|resume|stop|…`: each is one request with its reason; what does not fit is a usage error."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from typer.testing import CliRunner

from cli.main import app

RUN = {"id": "inc-20261122-k7qd.a.1", "status": "paused", "reason": None, "steps": []}
VERBS = [
    (["pause", "RUN", "-r", "look"], "pause", {"reason": "look"}),
    (["resume", "RUN", "-r", "fine"], "resume", {"reason": "fine"}),
    (["stop", "RUN", "-r", "wrong", "--no-undo"], "stop", {"reason": "wrong", "undo": False}),
    (["skip", "RUN", "a.0.b", "-r", "not here"], "skip", {"path": "a.0.b", "reason": "not here"}),
    (["retry", "RUN", "a", "-r", "again"], "retry", {"path": "a", "reason": "again"}),
    (
        ["override", "RUN", "a", "--output", '{"x": 1}', "-r", "seen"],
        "override",
        {"path": "a", "output": {"x": 1}, "reason": "seen"},
    ),
    (["complete", "RUN", "a", "--failed", "--note", "no"], "complete", {"path": "a", "succeeded": False, "note": "no"}),
]


class Api:
    """A real HTTP server that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict]] = []
        remembered = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                remembered.append((self.path, body))
                data = json.dumps(RUN).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def api():
    """The server of one test."""
    server = Api()
    yield server
    server.close()


@pytest.mark.parametrize(("arguments", "verb", "body"), VERBS, ids=[verb for _, verb, _ in VERBS])
def test_each_verb_is_one_request_with_its_reason(api: Api, arguments: list[str], verb: str, body: dict):
    """The path names the run and the verb, the body what was said."""
    command = ["--url", api.url, "--token", "t", "runbook", *[a.replace("RUN", RUN["id"]) for a in arguments]]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert api.asked == [(f"/api/v1/runs/{RUN['id']}/{verb}", body)]


def test_an_output_that_is_no_object_is_a_usage_error(api: Api):
    """Nothing is asked of the server."""
    command = ["--url", api.url, "--token", "t", "runbook", "override", "r", "a", "--output", "[1]", "-r", "x"]
    assert CliRunner().invoke(app, command).exit_code == 2
    assert api.asked == []
