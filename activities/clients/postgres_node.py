"""One PostgreSQL server: asked by SQL, stopped and rejoined by PostgreSQL's own programs. Implements `Node`.

Every program runs behind the node's `via`, so it may be on this machine under another user or behind ssh. The one thing
to know: a password travels as PGPASSWORD, which ssh does not carry; there, let `~/.pgpass` know it.
"""

import asyncio
import re
import time
from typing import Any

from typing_extensions import override

from activities.actions.ports import Ended, Program, ProgramRunner
from activities.actions.postgres import ClusterPlace, Loss
from activities.clients.postgres_clusters import Node, NodeState
from activities.clients.sql import postgres_connection
from activities.output import CUT_MARKER
from domain.action_targets import Database
from domain.errors import Rejected, RejectionKind, Transient

# A server that lives answers at once; a frozen one must not hold up a failover.
_SQL_SECONDS = 5.0
# Small things: a file, a status.
_COMMAND_SECONDS = 10.0
# What a busy primary may take to stop in good order before it is stopped without.
_FAST_STOP_SECONDS = 30.0
_HARD_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.1
_SHOWN_OF_AN_ERROR = 400
# `pg_ctl status`: https://www.postgresql.org/docs/current/app-pg-ctl.html
_RUNNING, _NOT_RUNNING = 0, 3
_CONFIGURATION = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf")
_LOOK = """
select pg_is_in_recovery(),
       (case when pg_is_in_recovery() then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
             else pg_current_wal_lsn() end - '0/0'::pg_lsn)::bigint,
       exists (select from pg_stat_wal_receiver where status = 'streaming')
"""
_SLOT = """
select pg_create_physical_replication_slot('{name}', true)
where not exists (select from pg_replication_slots where slot_name = '{name}')
"""
_HOST_AND_PORT = re.compile(r"\b(host|hostaddr|port)\s*=\s*('(?:[^'\\]|\\.)*'|\S+)\s*")


class PostgresServer(Node):
    """A server of hotwash.yaml."""

    def __init__(self, place: ClusterPlace, name: str, programs: ProgramRunner) -> None:
        self._name = name
        self._cluster = place.cluster
        self._node = place.cluster.nodes[name]
        self._password = place.password
        self._programs = programs
        self._data = self._node.data_directory

    @property
    @override
    def address(self) -> tuple[str, int]:
        return self._node.host, self._node.port

    @override
    async def look(self) -> NodeState:
        try:
            in_recovery, lsn, streaming = await self._row(_LOOK)
        except Transient as error:
            return await self._look_at_its_disk(error.sentence)
        return NodeState("standby" if in_recovery else "primary", lsn, streaming)

    @override
    async def fence(self, seconds: float) -> None:
        # First of all: from here on it comes back as a standby, whoever starts it.
        await self._demand("touch", f"{self._data}/standby.signal")
        try:
            await self._stop(seconds)
        except (Rejected, Transient):
            # It runs on as the primary that it is; its next start must not surprise anybody.
            await self._run("rm", "-f", f"{self._data}/standby.signal")
            raise

    @override
    async def unfence(self, seconds: float, *, start: bool) -> None:
        await self._demand("rm", "-f", f"{self._data}/standby.signal")
        if start:
            await self._start(seconds)

    @override
    async def lost_after(self, lsn: int) -> Loss:
        control = await self._run(self._bin("pg_controldata"), "-D", self._data)
        timeline = re.search(r"Latest checkpoint's TimeLineID:\s+(\d+)", control.stdout)
        redo = re.search(r"Latest checkpoint's REDO location:\s+([0-9A-F]+/[0-9A-F]+)", control.stdout)
        if control.exit_code != 0 or timeline is None or redo is None:
            return Loss(bytes=None, measured=f"the disk of {self._name} cannot be read")
        dump = (self._bin("pg_waldump"), "-p", f"{self._data}/pg_wal", "-t", timeline[1], "-s", _written(lsn))
        # It reads to the end of what is valid and always ends with an error that says where that is.
        seen = await self._run(*dump, "-r", "Transaction", seconds=_FAST_STOP_SECONDS)
        if "could not find file" in seen.stderr or "could not locate WAL" in seen.stderr:
            if lsn >= _bytes(redo[1]):
                return Loss(bytes=0, transactions=0, measured=f"{self._name} has written nothing more")
            return Loss(bytes=None, measured=f"{self._name} has removed WAL that was never received")
        if "could not find a valid record" in seen.stderr:
            return Loss(bytes=0, transactions=0, measured=f"{self._name} has written nothing more")
        ends = re.findall(r"at ([0-9A-F]+/[0-9A-F]+)", seen.stderr)
        if not ends:
            return Loss(bytes=None, measured=f"pg_waldump cannot read the WAL of {self._name}")
        commits = len(re.findall(r"desc: COMMIT", seen.stdout))
        more = "at least, " if CUT_MARKER in seen.stdout else ""
        return Loss(
            bytes=max(0, _bytes(ends[-1]) - lsn), transactions=commits, measured=f"{more}in the WAL of {self._name}"
        )

    @override
    async def promote(self, seconds: float) -> None:
        whole = max(1, int(seconds))
        (done,) = await self._row(f"select pg_promote(true, {whole})", seconds + _SQL_SECONDS)
        if not done:
            raise Transient(f"{self._name} was told to become the primary and is not after {whole} s")

    @override
    async def follow(self, primary: Node) -> bool:
        if not isinstance(primary, PostgresServer):
            raise TypeError(primary)
        host, port = primary.address
        try:
            conninfo, slot = await self._row(
                "select current_setting('primary_conninfo'), current_setting('primary_slot_name')"
            )
            if slot:
                # Slots do not replicate: the new primary has none of that name, and without it nobody may stream.
                await primary.execute(_SLOT.format(name=slot.replace("'", "''")))
            told = f"{_HOST_AND_PORT.sub('', conninfo).strip()} host={host} port={port}".strip()
            await self.execute(f"alter system set primary_conninfo = '{told.replace(chr(39), chr(39) * 2)}'")
            await self.execute("select pg_reload_conf()")
            await self._streams(_COMMAND_SECONDS)
        except (Rejected, Transient):
            return False
        return True

    @override
    async def rejoin(self, primary: Node, method: str, seconds: float) -> None:
        if not isinstance(primary, PostgresServer):
            raise TypeError(primary)
        until = time.monotonic() + seconds
        await self._stop(min(seconds, _FAST_STOP_SECONDS + _HARD_STOP_SECONDS))
        # A primary has no use for these, and both ways of copying would bring them along.
        for setting in ("primary_conninfo", "primary_slot_name"):
            await primary.execute(f"alter system reset {setting}")
        kept = await self._keep_configuration()
        if method == "rewind":
            await self._rewind(primary, until)
        else:
            await self._copy_all(primary, until)
        await self._put_configuration_back(kept)
        await self._start(until - time.monotonic())
        await self._streams(until - time.monotonic())

    async def execute(self, statement: str, seconds: float = _SQL_SECONDS) -> None:
        """Run a statement of ours on it; raises like `postgres_connection`."""
        async with postgres_connection(self._database(), self._password, max(1.0, seconds)) as connection:
            await connection.execute(statement)

    def source_uri(self, follower: str) -> str:
        """How a follower's programs reach it."""
        # Without spaces or quotes, which ssh would let a shell take apart.
        cluster, (host, port) = self._cluster, self.address
        return f"postgresql://{cluster.user}@{host}:{port}/{cluster.database}?application_name={follower}"

    async def _rewind(self, primary: "PostgresServer", until: float) -> None:
        # PostgreSQL 15 compares timelines as of the last checkpoint, which may be older than the promotion.
        await primary.execute("checkpoint", until - time.monotonic())
        control = await self._run(self._bin("pg_controldata"), "-D", self._data)
        if not re.search(r"Database cluster state:\s+shut down", control.stdout):
            # pg_rewind lets it recover from its crash first, which a standby cannot do by itself.
            await self._demand("rm", "-f", f"{self._data}/standby.signal")
        ended = await self._run(
            self._bin("pg_rewind"), "-D", self._data, f"--source-server={primary.source_uri(self._name)}", "-R",
            seconds=until - time.monotonic(),
        )  # fmt: skip
        if ended.exit_code != 0:
            await self._demand("touch", f"{self._data}/standby.signal")
            raise Rejected(
                f"pg_rewind cannot bring {self._name} back: {_said(ended)}; try the method basebackup",
                RejectionKind.CONFLICT,
            )

    async def _copy_all(self, primary: "PostgresServer", until: float) -> None:
        aside = f"{self._data}.before-{int(time.time())}"
        await self._demand("mv", self._data, aside)
        ended = await self._run(
            self._bin("pg_basebackup"), "-D", self._data, "-d", primary.source_uri(self._name), "-R", "-X", "stream",
            "-c", "fast", seconds=until - time.monotonic(),
        )  # fmt: skip
        if ended.exit_code != 0:
            await self._run("rm", "-rf", self._data)
            await self._demand("mv", aside, self._data)
            raise Transient(f"pg_basebackup cannot copy to {self._name}: {_said(ended)}")

    async def _keep_configuration(self) -> list[str]:
        """Copy the configuration out of reach, for a copy of the primary brings the primary's port along."""
        await self._demand("mkdir", "-p", f"{self._data}.kept")
        kept = []
        for name in _CONFIGURATION:
            copied = await self._run("cp", "-p", f"{self._data}/{name}", f"{self._data}.kept/{name}")
            if copied.exit_code == 0:
                kept.append(name)
        return kept

    async def _put_configuration_back(self, kept: list[str]) -> None:
        for name in kept:
            await self._demand("cp", "-p", f"{self._data}.kept/{name}", f"{self._data}/{name}")

    async def _look_at_its_disk(self, why: str) -> NodeState:
        status = await self._run(self._bin("pg_ctl"), "-D", self._data, "status")
        if status.exit_code != _NOT_RUNNING:
            running = "it runs and does not answer" if status.exit_code == _RUNNING else _said(status)
            return NodeState("lost", why=f"{why}; {running}")
        signal = await self._run("test", "-e", f"{self._data}/standby.signal")
        if signal.exit_code not in (0, 1):
            return NodeState("lost", why=f"{why}; {_said(signal)}")
        return NodeState("stopped standby" if signal.exit_code == 0 else "stopped primary", why=why)

    async def _stop(self, seconds: float) -> None:
        """See it stopped, in good order if it will."""
        fast = min(_FAST_STOP_SECONDS, max(1.0, seconds - _HARD_STOP_SECONDS))
        if await self._is_stopped():
            return
        if self._node.stop:
            await self._run(*self._node.stop, seconds=seconds)
        else:
            pg_ctl = (self._bin("pg_ctl"), "-D", self._data)
            stopped = await self._run(
                *pg_ctl, "stop", "-w", "-m", "fast", "-t", str(int(fast)), seconds=fast + _POLL_SECONDS
            )
            if stopped.exit_code != 0:
                hard = str(int(_HARD_STOP_SECONDS))
                await self._run(*pg_ctl, "stop", "-w", "-m", "immediate", "-t", hard, seconds=_HARD_STOP_SECONDS)
        if not await self._is_stopped():
            raise Rejected(f"{self._name} cannot be stopped", RejectionKind.CONFLICT)

    async def _is_stopped(self) -> bool:
        status = await self._run(self._bin("pg_ctl"), "-D", self._data, "status")
        if status.exit_code not in (_RUNNING, _NOT_RUNNING):
            raise Transient(f"{self._name} cannot be looked after: {_said(status)}")
        return status.exit_code == _NOT_RUNNING

    async def _start(self, seconds: float) -> None:
        if not await self._is_stopped():
            return
        limit = max(1.0, seconds)
        log = ("-l", f"{self._data}/hotwash-start.log")
        pg_ctl = (self._bin("pg_ctl"), "-D", self._data, "-w", "-t", str(int(limit)), *log, "start")
        await self._demand(*(self._node.start or pg_ctl), seconds=limit)

    async def _streams(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not (state := await self.look()).streaming:
            if time.monotonic() >= until:
                raise Transient(f"{self._name} is a {state.role} and does not stream; {state.why or 'see its log'}")
            await asyncio.sleep(_POLL_SECONDS)

    async def _run(self, *command: str, seconds: float = _COMMAND_SECONDS) -> Ended:
        environment = {"PGPASSWORD": self._password, "PGCONNECT_TIMEOUT": "5"} if self._password else {}
        return await self._programs.run(Program((*self._node.via, *command), "/", max(1.0, seconds), environment))

    async def _demand(self, *command: str, seconds: float = _COMMAND_SECONDS) -> None:
        ended = await self._run(*command, seconds=seconds)
        if ended.exit_code != 0:
            raise Transient(f"{command[0].rsplit('/', 1)[-1]} on {self._name} failed: {_said(ended)}")

    async def _row(self, query: str, seconds: float = _SQL_SECONDS) -> tuple[Any, ...]:
        async with postgres_connection(self._database(), self._password, seconds) as connection:
            row = await connection.fetchrow(query)
        return tuple(row)

    def _database(self) -> Database:
        cluster = self._cluster
        return Database(
            host=self._node.host,
            port=self._node.port,
            database=cluster.database,
            user=cluster.user,
            tls=cluster.tls,
        )

    def _bin(self, program: str) -> str:
        return f"{self._cluster.bin_directory}/{program}"


def _said(ended: Ended) -> str:
    if ended.exit_code is None:
        return "it did not end in time"
    words = " ".join((ended.stderr or ended.stdout).split())
    return words[-_SHOWN_OF_AN_ERROR:] or f"exit code {ended.exit_code}"


def _bytes(lsn: str) -> int:
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def _written(lsn: int) -> str:
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
