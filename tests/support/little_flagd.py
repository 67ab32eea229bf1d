"""A flagd as far as Hotwash sees one: a watched file of definitions, and OFREP, refusing what the protocol refuses.

Written from the published protocol (OFREP 0.1 to 0.3) and the published schema of definitions; the OpenFeature
project's own OFREP client and its own evaluator of such files agree with what it answers.
"""

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.support.little_servers import LittleServer

DEFINITIONS = {
    "$schema": "https://flagd.dev/schema/v0/flags.json",
    "flags": {
        "new-checkout": {
            "state": "ENABLED",
            "variants": {"on": True, "off": False},
            "defaultVariant": "on",
            "metadata": {"owner": "shop"},
        },
        "theme": {
            "state": "ENABLED",
            "variants": {"plain": "plain", "loud": "loud", "also-loud": "loud"},
            "defaultVariant": "plain",
            "targeting": {"if": [{"==": [{"var": "team"}, "design"]}, "loud", None]},
        },
        "old": {"state": "DISABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"},
    },
}
_PATH = "/ofrep/v1/evaluate/flags/"


class LittleFlagd(LittleServer):
    """`file` is what it watches; `stuck`: it has stopped watching and tells what it knew."""

    def __init__(self, file: Path, token: str) -> None:
        super().__init__()
        self.file = file
        file.write_text(json.dumps(DEFINITIONS, indent=2))
        self.stuck: dict[str, Any] | None = None
        # Answer with this instead.
        self.status: int | None = None
        flagd = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"] or 0))
                status, answer = flagd.answer(self.path, body, self.headers["content-type"])
                if self.headers["authorization"] != f"Bearer {token}":
                    status, answer = 401, {}
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.serve(server)

    def definition(self, flag: str) -> dict[str, Any]:
        """What the file says of a flag now."""
        found: dict[str, Any] = json.loads(self.file.read_text())["flags"][flag]
        return found

    def answer(self, path: str, body: bytes, content_type: str | None) -> tuple[int, dict[str, Any]]:
        """Status and document, as the protocol has them."""
        if self.status is not None:
            return self.status, {"errorDetails": "as the test wants it"}
        if not path.startswith(_PATH) or not content_type or not content_type.startswith("application/json"):
            return HTTPStatus.NOT_FOUND, {}
        key = unquote(path.removeprefix(_PATH))
        context = _context(body)
        if isinstance(context, str):
            return HTTPStatus.BAD_REQUEST, {"key": key, "errorCode": context}
        flags = self.stuck or json.loads(self.file.read_text())["flags"]
        if key not in flags or flags[key]["state"] != "ENABLED":
            return HTTPStatus.NOT_FOUND, {"key": key, "errorCode": "FLAG_NOT_FOUND"}
        return HTTPStatus.OK, _evaluated(key, flags[key], context)


def _context(body: bytes) -> dict[str, Any] | str:
    """The context of a question, or the error code for one that has none."""
    try:
        context = json.loads(body)["context"]
    except (ValueError, KeyError, TypeError):
        return "PARSE_ERROR"
    if not isinstance(context, dict):
        return "INVALID_CONTEXT"
    return context if isinstance(context.get("targetingKey"), str) else "TARGETING_KEY_MISSING"


def _evaluated(key: str, flag: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    variant, reason = flag["defaultVariant"], "STATIC"
    if flag.get("targeting"):
        # The one rule that the definitions have.
        is_named = context.get("team") == "design"
        variant, reason = ("loud", "TARGETING_MATCH") if is_named else (variant, "DEFAULT")
    return {"key": key, "value": flag["variants"][variant], "variant": variant, "reason": reason, "metadata": {}}
