"""What `actions:` of `hotwash.yaml` may name beside releases and programs: servers, switches and where they are.

Used by `domain/configuration.py`. A runbook says a name; how it is reached, and with whose password, stands here only.
"""

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from domain.durations import Duration
from domain.model import Model
from domain.names import Name, SecretReference

Port = Annotated[int, Field(ge=1, le=65535)]
# What is written into other programs' files and commands is plain enough to need no quoting anywhere.
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,253}$")]
PlainWord = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]
Argv = tuple[str, ...]


class Daemon(Model):
    """A program that runs until it is stopped, and the file that holds its process id."""

    pid_file: str
    # argv. Empty: a supervisor starts it whenever it has ended, so it can be restarted and nothing else.
    start: Argv = ()
    # True: `start` is the daemon itself, and Hotwash writes the pid file. False: `start` returns once the daemon runs
    # and has written the file, as `supervisorctl start shop` does.
    foreground: bool = True
    # argv that stops it; empty: the signal.
    stop: Argv = ()
    stop_signal: Literal["TERM", "INT", "QUIT"] = "TERM"
    # As long as Docker waits before it kills.
    stop_within: Duration = timedelta(seconds=10)
    # A daemon that cannot start mostly says so within a second; one that lives this long counts as started.
    settled_after: Duration = timedelta(seconds=1)
    # What a supervisor (or a slow `start`) may take until the new process is there.
    start_within: Duration = timedelta(seconds=30)
    directory: str | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    # Where a foreground daemon writes to; nothing is kept without it.
    log_file: str | None = None


class Endpoint(Model):
    """Something that listens on a TCP port."""

    host: Host
    port: Port


class PrometheusServer(Model):
    """A Prometheus, or what speaks its HTTP API (Thanos, Mimir, VictoriaMetrics)."""

    # What stands before `/api/v1/query`.
    url: str
    # Sent as a bearer token.
    token: SecretReference | None = None


class Database(Model):
    """A PostgreSQL database that checks may read. Give its user no more than that."""

    host: Host
    port: Port = 5432
    database: PlainWord
    user: PlainWord
    password: SecretReference | None = None
    tls: Literal["disable", "prefer", "require", "verify-full"] = "prefer"


class PostgresNode(Model):
    """One server of a cluster."""

    host: Host
    port: Port = 5432
    data_directory: str
    # Put before each command that runs on the node: `[runuser, -u, postgres, --]`, or `[ssh, db1]`.
    via: Argv = ()
    # argv instead of `pg_ctl start` and `pg_ctl stop`, where something else looks after the server:
    # `[pg_ctlcluster, "15", main, start]`. Both return when it is done.
    start: Argv = ()
    stop: Argv = ()

    @field_validator("data_directory")
    @classmethod
    def _plain_path(cls, path: str) -> str:
        # ssh joins its arguments with spaces and lets a shell take them apart again.
        if not re.fullmatch(r"/[A-Za-z0-9._/-]+", path):
            message = "write an absolute path of letters, digits, '.', '_', '-' and '/'"
            raise ValueError(message)
        return path.rstrip("/")


class PostgresCluster(Model):
    """A primary and its streaming standbys; which is which is asked of them, never written down."""

    nodes: dict[Name, PostgresNode] = Field(min_length=2)
    # A superuser: promoting, checkpoints and pg_rewind need one, and replication may use it too.
    user: PlainWord = "postgres"
    password: SecretReference | None = None
    database: PlainWord = "postgres"
    tls: Literal["disable", "prefer", "require", "verify-full"] = "prefer"
    # Where pg_ctl, pg_rewind, pg_waldump and pg_basebackup are; the same on all nodes.
    bin_directory: str = "/usr/lib/postgresql/15/bin"
    # The recovery point objective: what a failover may lose, in bytes of WAL. Nothing, unless somebody writes it down.
    rpo_bytes: int = Field(default=0, ge=0)
    # `HOST:PORT` of the primary, for whoever connects; written at once and whole.
    address_file: str | None = None
    # Tables that a drill may lock; `schema.table` outside of the search path.
    lockable: tuple[PlainWord, ...] = ()
    # argv that runs after the file was written, with HOTWASH_PRIMARY_HOST and HOTWASH_PRIMARY_PORT.
    repoint: Argv = ()

    @model_validator(mode="after")
    def _somebody_is_told(self) -> Self:
        if self.address_file is None and not self.repoint:
            message = "name an 'address_file' or a 'repoint' command, or nobody will find the new primary"
            raise ValueError(message)
        return self


class HaproxyServer(Model):
    """A HAProxy by its runtime API socket, which needs `level admin`."""

    # An absolute path, or `HOST:PORT`.
    socket: Annotated[str, StringConstraints(pattern=r"^(/.+|[A-Za-z0-9._-]+:[0-9]{1,5})$")]
    # The backends whose servers may be changed.
    backends: tuple[PlainWord, ...] = Field(min_length=1)
    # Its `server-state-file`, written after each change. Without it a reload forgets the change.
    state_file: str | None = None


class NginxUpstream(Model):
    """An upstream of nginx in a file of its own, which the configuration includes."""

    include_file: str
    # The upstream's name.
    upstream: PlainWord
    # Name to what may stand behind `server`: `10.0.0.5:8080 weight=2`.
    pools: dict[Name, tuple[str, ...]] = Field(min_length=1)
    test: Argv = ("nginx", "-t")
    reload: Argv = ("nginx", "-s", "reload")

    @field_validator("pools")
    @classmethod
    def _plain_servers(cls, pools: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for servers in pools.values():
            for server in servers:
                # A semicolon or a brace would be configuration, not a server.
                if not re.fullmatch(r"[A-Za-z0-9._:/\[\]-]+( [a-z_]+(=[A-Za-z0-9._]+)?)*", server):
                    message = f"{server!r} is no server of an nginx upstream"
                    raise ValueError(message)
            if not servers:
                message = "a pool has at least one server"
                raise ValueError(message)
        return pools


class RedisServer(Model):
    """A Redis or Valkey server. Name the primary as well as its replicas, so that lag can be measured."""

    host: Host
    port: Port = 6379
    user: str | None = None
    password: SecretReference | None = None
    tls: bool = False
    # What a promotion may lose, in bytes of the replication stream.
    rpo_bytes: int = Field(default=0, ge=0)


FlagContext = str | int | float | bool


def _as_hotwash() -> dict[str, FlagContext]:
    return {"targetingKey": "hotwash"}


class FlagProvider(Model):
    """A feature flag provider: how its flags are set, and where one can ask what its clients are told."""

    # An admin endpoint: GET and PUT of `{"value": …}`, with ETags. `{flag}` is replaced:
    # `https://flags.example/admin/flags/{flag}`.
    url: str | None = None
    # Or the file of flag definitions that a flagd watches. Mount its folder, not the file: it is replaced whole.
    file: str | None = None
    # Where OFREP is spoken (flagd, Flipt, GO Feature Flag …), without `/ofrep/v1`: `http://flagd.example:8016`.
    # A flag counts as set when it is answered there, too; `check.flag` asks there.
    ofrep: str | None = None
    # Sent along when a flag is evaluated; rules may decide by it.
    context: dict[str, FlagContext] = Field(default_factory=_as_hotwash)
    # Sent as a bearer token.
    token: SecretReference | None = None
    # The flags that runbooks may set.
    flags: tuple[PlainWord, ...] = Field(min_length=1)

    @field_validator("url")
    @classmethod
    def _has_a_place(cls, url: str | None) -> str | None:
        if url is not None and url.count("{flag}") != 1:
            message = "the URL holds {flag} once, where the flag's name goes"
            raise ValueError(message)
        return url

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url is None) == (self.file is None):
            message = "give 'url' or 'file', one of them: how the flags are set"
            raise ValueError(message)
        return self


class AlertmanagerServer(Model):
    """An Alertmanager by its API v2, for drills in which nobody is told."""

    # What stands before `/api/v2/silences`.
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$")]
    # Sent as a bearer token.
    token: SecretReference | None = None


class FaultProxy(Model):
    """A fault proxy before a service or a database, for drills. Clients reach the real one through it at all times."""

    # `HOST:PORT`, loopback unless `beyond_loopback` says that others may come in.
    listen: Annotated[str, StringConstraints(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$")]
    # `HOST:PORT` of the real one.
    upstream: Annotated[str, StringConstraints(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$")]
    # The Unix socket where it is told what to do. The kernel allows no longer paths than about this.
    control: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]{1,100}$")]
    # `http`: each request is looked at, so that it can be answered with an error; HTTP/1 without TLS.
    protocol: Literal["tcp", "http"] = "tcp"
    beyond_loopback: bool = False

    @model_validator(mode="after")
    def _stays_at_home(self) -> Self:
        host = self.listen.rpartition(":")[0].strip("[]")
        if not (self.beyond_loopback or host in {"localhost", "::1"} or re.fullmatch(r"127(\.[0-9]+){3}", host)):
            message = f"{host} is no loopback address, so others could reach {self.upstream}; set beyond_loopback if so"
            raise ValueError(message)
        return self


class ChaosExperiment(Model):
    """An experiment of the Chaos Toolkit, and the toolkit that runs it."""

    # The file, absolute or inside `directory`.
    experiment: str
    # The toolkit's `chaos`, in an environment of its own with the extensions that the experiment needs.
    program: str = "chaos"
    # Where it runs, so that modules beside the experiment are found.
    directory: str | None = None
    # What its rollbacks may take before it is killed, and a person must look.
    rollbacks_within: Duration = timedelta(seconds=30)
