"""The demo shop: a web server that sells with the `checkout.py` of the release it was started from.

Run as `python shop.py --release DIR --port PORT`; serves `GET /checkout?items=N` and `GET /healthz`.
"""

import argparse
import importlib.util
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

Checkout = Callable[[int], int]


def load_checkout(release: Path) -> Checkout:
    """The release's `total_cents(items)`."""
    spec = importlib.util.spec_from_file_location("checkout", release / "checkout.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{release} holds no checkout.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("Checkout", module.total_cents)


def handler(release: Path) -> type[BaseHTTPRequestHandler]:
    """The request handler of one release; a bug in it answers 500, as a real shop would."""
    total_cents = load_checkout(release)

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            body: dict[str, object] = {"release": release.name}
            status = 200
            try:
                if url.path == "/checkout":
                    items = int(parse_qs(url.query).get("items", ["1"])[0])
                    body |= {"items": items, "total_cents": total_cents(items)}
                elif url.path != "/healthz":
                    status, body = 404, {"error": "there is only /checkout and /healthz"}
            except Exception as error:  # noqa: BLE001 - the edge of a shop: whatever broke, the customer sees a 500
                status, body = 500, body | {"error": type(error).__name__}
            self._answer(status, body)

        def _answer(self, status: int, body: dict[str, object]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            """Say nothing; the prober tells what it sees."""

    return Shop


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--release", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    ThreadingHTTPServer(("127.0.0.1", options.port), handler(options.release)).serve_forever()
