"""What the faults of game days may break on a machine, by name; used by `domain/configuration.py`.

Nothing is breakable unless it stands here. The one thing to know: a game day says a name, and where it is and how far
it may go is decided by whoever may edit hotwash.yaml.
"""

from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from domain.action_targets import Argv, Host, Port
from domain.model import Model

MEBIBYTE = 1024 * 1024


def _an_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        message = f"{text!r} is no IP address; names may move while the fault is there"
        raise ValueError(message) from None


class Disk(Model):
    """A file system that may be filled."""

    # A folder on it, which belongs to nobody else: the filling stands there.
    folder: str
    # Never filled any further than this, whatever a game day says.
    keep_free_bytes: int = Field(default=256 * MEBIBYTE, ge=0)


class PressedHost(Model):
    """A machine whose processors and memory may be used up."""

    # As `hostname` says it there: a worker elsewhere refuses.
    hostname: Host
    # At most so many processors; None: all of them.
    most_cpus: int | None = Field(default=None, ge=1)
    # Never left with less memory than this.
    keep_free_memory_bytes: int = Field(default=512 * MEBIBYTE, ge=0)


class NetworkPath(Model):
    """Something on a TCP port that may be cut off, as seen from the worker's machine."""

    address: Annotated[str, AfterValidator(_an_address)]
    port: Port
    # out: this machine no longer reaches it. in: it runs here, and nobody reaches it.
    direction: Literal["in", "out"] = "out"
    # By which its packets leave this machine; `network.delay` needs it.
    interface: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,14}$")] | None = None


class ShiftableClock(Model):
    """A process that runs under libfaketime with FAKETIME_TIMESTAMP_FILE and FAKETIME_NO_CACHE=1."""

    # A name of `actions.processes`.
    process: str
    timestamp_file: str
    # Answers with a `Date` header of the process's own clock; without it the shift cannot be proved.
    url: str | None = None


class ServedCertificate(Model):
    """A certificate file of a server, which may be replaced by one that has expired."""

    certificate_file: str
    key_file: str
    # argv that makes the server read the files again.
    reload: Argv = Field(min_length=1)
    # Where it serves the certificate.
    host: Host = "127.0.0.1"
    port: Port
    server_name: Host = "localhost"


class Resolver(Model):
    """The name server of a process, which it may lose."""

    # A name of `actions.processes`.
    process: str
    address: Annotated[str, AfterValidator(_an_address)] = "127.0.0.53"
    port: Port = 53
    # Asked for to prove it.
    name: Host = "localhost"
