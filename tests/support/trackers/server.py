"""What the contract servers share: issues in memory, people who edit them, faults on demand, a real HTTP server.

The one thing to know: `creations` and `Held.comments` count what was really done, so that a doubled effect is seen even
when its answer was lost.
"""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass
class Said:
    """A comment."""

    id: int
    author: str
    text: str
    at: datetime


@dataclass
class Held:
    """An issue as its tracker keeps it."""

    number: int
    title: str
    text: str
    labels: list[str]
    user: str | None
    due: date | None
    created_at: datetime
    updated_at: datetime
    id: str = ""
    # open, in_progress, done, not_planned
    state: str = "open"
    comments: list[Said] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class Refused(Exception):
    """An answer other than yes."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


# Status, document (None: no body), headers.
Answer = tuple[int, Any, dict[str, str]]


class TrackerServer(ABC):
    """Started on entering; subclasses answer like their vendor."""

    kind: ClassVar[str]
    token: ClassVar[str] = "a-token-of-the-contract"
    webhook_secret: ClassVar[str] = "a-secret-of-the-contract"
    # Their names of two people, and our own account.
    alice: ClassVar[str]
    bob: ClassVar[str]
    page_length: ClassVar[int] = 2

    def __init__(self) -> None:
        self.issues: list[Held] = []
        self.creations = 0
        self.requests: list[Asked] = []
        self.is_down = False
        # So many requests are told to wait first.
        self.limited = 0
        # A creation (of an issue, a comment) is done and its answer lost; counts down.
        self.lost_answers = 0
        # Called when an issue or a comment was created and nobody knows yet; kills the worker in some tests.
        self.on_created: Callable[[], None] = lambda: None
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    # --- the vendor's part ---

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Its entry under `trackers:`."""

    @abstractmethod
    def authenticate(self, asked: Asked) -> None:
        """Refused without the right token and the headers that the vendor wants."""

    @abstractmethod
    def answer(self, asked: Asked) -> Answer:
        """Like the vendor."""

    @abstractmethod
    def limit(self) -> Refused:
        """How the vendor says that it wants a pause."""

    @abstractmethod
    def webhook(self, issue: Held) -> tuple[dict[str, str], bytes]:
        """The signed news that an issue was changed."""

    # --- people ---

    def edit(self, issue: Held, **fields: Any) -> None:
        """A person changes an issue."""
        with self._lock:
            for name, value in fields.items():
                setattr(issue, name, value)
            self.touch(issue)

    def remark(self, issue: Held, text: str, author: str = "Carol") -> None:
        """A person comments."""
        with self._lock:
            self.add_comment(issue, text, author)

    # --- the keeping ---

    def now(self) -> datetime:
        """The vendor's clock, in the steps in which it tells the time."""
        return datetime.now(UTC)

    def touch(self, issue: Held) -> None:
        """It was changed now."""
        issue.updated_at = self.now()

    def add_issue(self, title: str, text: str, **fields: Any) -> Held:
        """Create one."""
        now = self.now()
        number = len(self.issues) + 1
        given: dict[str, Any] = {"labels": [], "user": None, "due": None, "id": str(1000 + number)} | fields
        issue = Held(number=number, title=title, text=text, created_at=now, updated_at=now, **given)
        self.issues.append(issue)
        self.creations += 1
        return issue

    def add_comment(self, issue: Held, text: str, author: str) -> Said:
        """Add one."""
        said = Said(id=len(issue.comments) + 1 + issue.number * 1000, author=author, text=text, at=self.now())
        issue.comments.append(said)
        self.touch(issue)
        return said

    def serve(self, asked: Asked) -> Answer | None:
        """One request; None: hang up."""
        with self._lock:
            self.requests.append(asked)
            if self.is_down:
                return 503, {"message": "unavailable"}, {}
            try:
                self.authenticate(asked)
                if self.limited:
                    self.limited -= 1
                    raise self.limit()
                before = self._effects()
                answer = self.answer(asked)
            except Refused as refusal:
                return refusal.status, refusal.body, refusal.headers
            created = self._effects() > before
        if created:
            self.on_created()
            if self.lost_answers:
                self.lost_answers -= 1
                return None
        return answer

    def _effects(self) -> int:
        return self.creations + sum(len(each.comments) for each in self.issues)


def numbered(path: str, prefix: str) -> str:
    """What follows the prefix in a path."""
    return path.removeprefix(prefix).strip("/")


def _handler(server: TrackerServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            parts = urlsplit(self.path)
            asked = Asked(
                self.command,
                unquote(parts.path) if server.kind != "gitlab" else parts.path,
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                json.loads(raw) if raw else None,
            )
            answer = server.serve(asked)
            if answer is None:
                self.close_connection = True
                return
            status, document, headers = answer
            body = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler
