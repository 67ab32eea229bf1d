"""The demo's outside world: a real SMTP server and a webhook endpoint that checks signatures. Both only remember."""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from standardwebhooks import Webhook


@dataclass(frozen=True)
class Mail:
    """A mail as it arrived."""

    at: datetime
    to: tuple[str, ...]
    subject: str
    text: str
    message_id: str


@dataclass(frozen=True)
class Post:
    """A webhook delivery whose signature was right."""

    at: datetime
    id: str
    body: dict[str, Any]


@dataclass
class Mailbox:
    """Everything that was delivered, in order of arrival."""

    mails: list[Mail] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    refused_posts: int = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail in."""
        parsed = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        body = parsed.get_body(("plain",))
        self.mails.append(
            Mail(
                at=datetime.now(UTC),
                to=tuple(envelope.rcpt_tos),
                subject=str(parsed["Subject"]),
                text=body.get_content() if body else "",
                message_id=str(parsed["Message-ID"]),
            )
        )
        return "250 Message accepted"


class OutsideWorld:
    """Starts both servers on the given ports of the loopback interface; stops them on `close`."""

    def __init__(self, smtp_port: int, webhook_port: int, webhook_secret: str) -> None:
        self.mailbox = Mailbox()
        self._smtp = Controller(self.mailbox, hostname="127.0.0.1", port=smtp_port, server_hostname="mail.shop.example")
        self._http = ThreadingHTTPServer(("127.0.0.1", webhook_port), _receiver(self.mailbox, webhook_secret))
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    def open(self) -> None:
        """Begin to listen."""
        self._smtp.start()
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._smtp.stop()
        self._http.shutdown()
        self._http.server_close()


def _receiver(mailbox: Mailbox, secret: str) -> type[BaseHTTPRequestHandler]:
    verifier = Webhook(secret)

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            try:
                verifier.verify(data.decode(), {k.lower(): v for k, v in self.headers.items()})
            except Exception:  # noqa: BLE001 - any flaw in the signature is refused alike
                mailbox.refused_posts += 1
                self.send_response(401)
            else:
                mailbox.posts.append(Post(datetime.now(UTC), str(self.headers["webhook-id"]), json.loads(data)))
                self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            """Say nothing."""

    return Receiver
