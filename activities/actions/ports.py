"""What the built-in actions need from the outside, as Protocols; the clients are in `activities/clients/`.

They are kept apart so that the API can show the catalogue of actions without loading a single client.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from domain.configuration import ReleaseTarget
from domain.model import Model


@dataclass(frozen=True)
class HttpCall:
    """One request, exactly as it is sent. No redirect is followed."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout_seconds: float = 10.0
    # How much of the answer is read; None: the 80 KiB that a step may keep.
    most_bytes: int | None = None


@dataclass(frozen=True)
class HttpAnswer:
    """What came back, at most 80 KiB of it unless the call asked for more."""

    status: int
    content_type: str
    body: str
    truncated: bool
    latency_ms: int
    # The version of what was read, as an `If-Match` names it.
    etag: str | None = None
    # By lower-case name.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class HttpCaller(Protocol):
    """Outbound HTTP."""

    async def call(self, call: HttpCall) -> HttpAnswer:
        """Send once. Transient: it surely was not sent; UnknownOutcome: it was, and no whole answer came back."""


@dataclass(frozen=True)
class Program:
    """A program to run: argv, never a shell string."""

    argv: tuple[str, ...]
    directory: str | None
    timeout_seconds: float
    # Added to the clean environment.
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How a program ended. `exit_code` is negative when a signal ended it, None when its time was up."""

    exit_code: int | None
    stdout: str
    stderr: str


class ProgramRunner(Protocol):
    """Starts programs and sees to their end."""

    async def run(self, program: Program) -> Ended:
        """Run it to its end; out of time or cancelled, its whole process group is ended. Rejected: it cannot start."""


class ReleaseMove(Model):
    """What `current` pointed to before and after. None: there was no `current`."""

    previous: str | None
    current: str | None
    # Whether a process was told to pick the release up.
    restarted: bool = False


class Releases(Protocol):
    """Directories of releases with a `current` symlink. Each key moves the symlink once; one mover at a time."""

    async def activate(self, target: ReleaseTarget, release: str, key: str, seconds: float) -> ReleaseMove:
        """Point `current` at a release and restart; Rejected when there is no such release."""

    async def roll_back(self, target: ReleaseTarget, key: str, seconds: float) -> ReleaseMove:
        """Go back to the release before the current one; Rejected when none is on record."""

    async def restart(self, target: ReleaseTarget, key: str, seconds: float) -> ReleaseMove:
        """Start the current release again without moving; Rejected when none is current."""

    async def undo(self, target: ReleaseTarget, key: str, performed: ReleaseMove | None, seconds: float) -> ReleaseMove:
        """Go back to before the move `key`; NeedsHuman when somebody has moved on since."""

    async def moved(self, target: ReleaseTarget, key: str) -> ReleaseMove | None:
        """The finished move of that key; None when it did not happen, or not to its end."""


class KilledProcess(Model):
    """A process that was ended on purpose."""

    pid: int
    signal: Literal["KILL", "TERM"]


class Processes(Protocol):
    """Processes that write their pid into a file. Each key ends at most one process."""

    async def running(self, pid_file: str) -> int:
        """The process that runs; Rejected when the file names none, or one that cannot have written it."""

    async def kill(self, pid_file: str, signal: Literal["KILL", "TERM"], key: str, pid: int) -> KilledProcess:
        """End that process of the file and see it gone; Rejected when another one runs there by now."""

    async def killed(self, pid_file: str, key: str) -> KilledProcess | None:
        """The process that this key ended; None when it ended none."""
