"""Harms PostgreSQL clusters for drills: by SQL, by PostgreSQL's own programs behind `via`, and by holder processes.

Implements `FaultyClusters`. The one thing to know: a holder gets its password over a socket in the leases' folder, so
that no argv, no environment and no file ever holds it.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Literal

from activities.actions.ports import Ended, Program, ProgramRunner
from activities.actions.postgres import ClusterPlace
from activities.actions.postgres_faults import Holding, ServerSeen, SessionsSeen
from activities.clients.postgres_node import PostgresServer
from activities.clients.sql import postgres_connection
from activities.clients.wishes import told
from activities.leases import Leases, Run
from domain.action_targets import Database
from domain.errors import HotwashError, Rejected, RejectionKind, Transient

_RETURN = str(Path(__file__).with_name("postgres_return.py"))
_HOLDER = str(Path(__file__).with_name("postgres_holder.py"))
_SQL_SECONDS = 5.0
_COMMAND_SECONDS = 10.0
# An immediate stop waits for nothing.
_STOP_SECONDS = 30.0
# What the way back may take: PostgreSQL's own recovery is the longest part.
_RETURN_SECONDS = 90.0
_POLL_SECONDS = 0.05
# `pg_ctl status`: https://www.postgresql.org/docs/current/app-pg-ctl.html
_RUNS, _STOPPED = 0, 3
# primary_conninfo can be changed without a restart from here on.
_RELOADABLE_SINCE = 130_000
# Settings that later versions have brought; a server that does not know them does without.
_EXTRAS = {"client_connection_check_interval": "1s", "idle_session_timeout": ""}

_SESSIONS = """
select (select count(*) from pg_stat_activity where application_name = $1),
       (select count(*) from pg_stat_activity where application_name = $1 and state = 'active'
          and query like 'select count(*) from (select generate_series%'),
       array(select distinct relation.relname::text from pg_locks as lock join pg_stat_activity using (pid)
          join pg_class as relation on relation.oid = lock.relation
          where application_name = $1 and lock.granted
            and lock.mode in ('AccessExclusiveLock', 'ExclusiveLock', 'ShareLock')),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true), '0')::int
         - (select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid())
"""


class HarmedPostgres:
    """Implements `FaultyClusters`."""

    def __init__(self, programs: ProgramRunner, leases: Leases) -> None:
        self._programs = programs
        self._leases = leases

    async def look(self, place: ClusterPlace) -> dict[str, ServerSeen]:
        """Ask them all at once, as `FaultyClusters` promises."""
        names = list(place.cluster.nodes)
        states = await asyncio.gather(*(PostgresServer(place, name, self._programs).look() for name in names))
        return {
            name: ServerSeen(role=state.role, streaming=state.streaming, why=state.why)
            for name, state in zip(names, states, strict=True)
        }

    async def hindrance(self, place: ClusterPlace, node: str) -> str | None:
        """Try, as `FaultyClusters` promises."""
        try:
            status = await self._run(place, node, self._bin(place, "pg_ctl"), "-D", _data(place, node), "status")
            control = await self._run(place, node, self._bin(place, "pg_controldata"), "-D", _data(place, node))
        except HotwashError as error:
            return error.sentence
        if status.exit_code not in (_RUNS, _STOPPED):
            return f"pg_ctl status says {_said(status)}"
        return None if control.exit_code == 0 else f"pg_controldata says {_said(control)}"

    async def kill(self, place: ClusterPlace, node: str, seconds: float) -> None:
        """Stop it hard, as `FaultyClusters` promises."""
        pg_ctl = (self._bin(place, "pg_ctl"), "-D", _data(place, node))
        if (await self._run(place, node, *pg_ctl, "status")).exit_code == _STOPPED:
            return
        limit = min(seconds, _STOP_SECONDS)
        ended = await self._run(
            place, node, *pg_ctl, "stop", "-w", "-m", "immediate", "-t", str(max(1, int(limit))), seconds=limit + 1
        )
        if ended.exit_code != 0:
            raise Transient(f"{node} of {place.name} cannot be stopped: {_said(ended)}")

    async def cut(self, place: ClusterPlace, standby: str, mark: str) -> None:
        """Give it a wrong primary, as `FaultyClusters` promises."""
        if await self.is_cut(place, standby, mark):
            return
        (version,) = await self._row(place, standby, "select current_setting('server_version_num')::int")
        if version < _RELOADABLE_SINCE:
            raise Rejected(f"{standby} is older than PostgreSQL 13 and cannot be cut off while it runs")
        settings = f"{_data(place, standby)}/postgresql.auto.conf"
        ended = await self._run(place, standby, "cp", "-p", settings, f"{settings}.{mark}")
        if ended.exit_code != 0:
            raise Rejected(f"{settings} of {standby} cannot be kept: {_said(ended)}", RejectionKind.CONFLICT)
        # Port 1 of this very machine: refused at once, and nobody else hears of it.
        wrong = f"host=127.0.0.1 port=1 application_name={mark}"
        await self._execute(place, standby, f"alter system set primary_conninfo = '{wrong}'")
        await self._execute(place, standby, "select pg_reload_conf()")
        await self._until_cut(place, standby)

    async def is_cut(self, place: ClusterPlace, standby: str, mark: str) -> bool:
        """Read its settings, as `FaultyClusters` promises."""
        (found,) = await self._row(
            place, standby, "select exists (select from pg_file_settings where setting like '%' || $1 || '%')", mark
        )
        return bool(found)

    async def sessions(self, place: ClusterPlace, node: str, mark: str) -> SessionsSeen:
        """Ask the server, as `FaultyClusters` promises."""
        sessions, active, locked, free = await self._row(place, node, _SESSIONS, mark)
        return SessionsSeen(sessions=sessions, active=active, locked=tuple(locked), free=free)

    async def has_table(self, place: ClusterPlace, node: str, table: str) -> bool:
        """Look it up, as `FaultyClusters` promises."""
        (found,) = await self._row(place, node, "select to_regclass($1) is not null", table)
        return bool(found)

    async def hold(self, place: ClusterPlace, node: str, key: str, wish: Holding) -> None:
        """Start a holder and tell it what to hold, as `FaultyClusters` promises."""
        known = await self._row(
            place, node, "select array(select name from pg_settings where name = any($1))", list(_EXTRAS)
        )
        server = _database(place, node)
        whole = wish.model_dump() | {
            "settings": {name: _EXTRAS[name] for name in known[0]},
            "server": {
                "host": server.host,
                "port": server.port,
                "user": server.user,
                "database": server.database,
                "password": place.password or "",
                "ssl": False if server.tls == "disable" else server.tls,
            },
        }
        name = Path(self._leases.identity_file(key)).with_suffix(".tell")
        name.unlink(missing_ok=True)
        await self._leases.start(key, (sys.executable, "-I", _HOLDER, str(name)))
        answer = await told(name, whole)
        if "error" in answer:
            raise Rejected(f"{node} of {place.name} does not let it be held: {answer['error']}", RejectionKind.CONFLICT)

    def way_back(self, place: ClusterPlace, node: str, what: Literal["start", "stream"], mark: str = "") -> Run:
        """A program for the watchdog, as `FaultyClusters` promises."""
        nodes = {
            name: {"via": one.via, "data": one.data_directory, "start": one.start}
            for name, one in place.cluster.nodes.items()
        }
        cluster = {"node": node, "nodes": nodes, "bin": place.cluster.bin_directory, "mark": mark}
        argv = (sys.executable, "-I", "-S", _RETURN, what, json.dumps(cluster))
        return Run(argv=argv, seconds=_RETURN_SECONDS)

    async def _until_cut(self, place: ClusterPlace, standby: str) -> None:
        server, until = PostgresServer(place, standby, self._programs), time.monotonic() + _COMMAND_SECONDS
        while (await server.look()).streaming:
            if time.monotonic() >= until:
                raise Transient(f"{standby} was told another primary and streams from the old one still")
            await asyncio.sleep(_POLL_SECONDS)

    async def _run(self, place: ClusterPlace, node: str, *command: str, seconds: float = _COMMAND_SECONDS) -> Ended:
        return await self._programs.run(Program((*place.cluster.nodes[node].via, *command), "/", seconds))

    async def _row(self, place: ClusterPlace, node: str, query: str, *arguments: object) -> tuple[Any, ...]:
        async with postgres_connection(_database(place, node), place.password, _SQL_SECONDS) as connection:
            row = await connection.fetchrow(query, *arguments)
        return tuple(row)

    async def _execute(self, place: ClusterPlace, node: str, statement: str) -> None:
        async with postgres_connection(_database(place, node), place.password, _SQL_SECONDS) as connection:
            await connection.execute(statement)

    @staticmethod
    def _bin(place: ClusterPlace, program: str) -> str:
        return f"{place.cluster.bin_directory}/{program}"


def _database(place: ClusterPlace, node: str) -> Database:
    cluster, server = place.cluster, place.cluster.nodes[node]
    return Database(host=server.host, port=server.port, database=cluster.database, user=cluster.user, tls=cluster.tls)


def _data(place: ClusterPlace, node: str) -> str:
    return place.cluster.nodes[node].data_directory


def _said(ended: Ended) -> str:
    words = " ".join((ended.stderr or ended.stdout).split())
    return words[-300:] or f"exit code {ended.exit_code}"
