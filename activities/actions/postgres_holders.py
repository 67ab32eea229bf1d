"""Faults inside a PostgreSQL primary: no connection left, slow queries, a locked table; in drills only.

Each is a process on the worker's machine that holds what it holds. The one thing to know: when that process ends, by
its lease, by its duration or with its machine, the server lets go.
"""

import asyncio
import time
from abc import abstractmethod
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.postgres_faults import (
    ClusterFault,
    ClusterFaultParameters,
    HarmedCluster,
    Holding,
    SessionsSeen,
    mark_of,
)
from activities.fault import Plan
from activities.leases import End
from domain.action_targets import PlainWord
from domain.errors import Rejected, RejectionKind, Transient

# A server notices that a client is gone at its next look, once a second while it calculates.
_GONE_WITHIN_SECONDS = 5.0
_POLL_SECONDS = 0.1

P = TypeVar("P", bound=ClusterFaultParameters)


class Holder(ClusterFault[P], Generic[P]):
    """Derive and say what is held, and how it is seen."""

    @abstractmethod
    def holding(self, parameters: P) -> Holding:
        """What is held; mark and seconds are filled in."""

    @abstractmethod
    def told(self, parameters: P, node: str) -> str:
        """The same, as people read it."""

    @abstractmethod
    def shows(self, parameters: P, seen: SessionsSeen) -> Finding:
        """Whether the server shows it."""

    @override
    async def capability(self, parameters: P, call: Call) -> Finding:
        primary = await self.primary(parameters, call)
        await self._clusters.sessions(self.place(parameters, call), primary, mark_of(call))
        return Finding(holds=True, detail=f"{primary} is the primary and lets us in")

    @override
    async def plan(self, parameters: P, call: Call) -> Plan[HarmedCluster]:
        primary = await self.primary(parameters, call)
        harmed = HarmedCluster(
            what=self.told(parameters, primary), cluster=parameters.cluster, nodes=(primary,), mark=mark_of(call)
        )
        return Plan(harmed, (End(identity_file=self.leases.identity_file(call.performed_key)),))

    @override
    async def inject(self, parameters: P, result: HarmedCluster, call: Call) -> None:
        wish = self.holding(parameters).model_copy(
            update={"mark": result.mark, "seconds": parameters.duration.total_seconds()}
        )
        if not await self.leases.started(call.performed_key):
            await self._clusters.hold(self.place(parameters, call), result.nodes[0], call.performed_key, wish)

    @override
    async def observe(self, parameters: P, result: HarmedCluster, call: Call) -> Finding:
        seen = await self._clusters.sessions(self.place(parameters, call), result.nodes[0], result.mark)
        return self.shows(parameters, seen)

    @override
    async def residue(self, parameters: P, result: HarmedCluster, call: Call) -> Finding:
        pids = await self.leases.started(call.performed_key)
        if pids:
            return Finding(holds=False, detail=f"the process that holds it runs still as {pids[0]}")
        until = time.monotonic() + _GONE_WITHIN_SECONDS
        while True:
            try:
                seen = await self._clusters.sessions(self.place(parameters, call), result.nodes[0], result.mark)
            except Transient as away:
                return Finding(holds=None, detail=f"its process is gone; {away.sentence}")
            if not seen.sessions:
                return Finding(holds=True, detail=f"no session of it is left on {result.nodes[0]}")
            if time.monotonic() >= until:
                return Finding(holds=False, detail=f"{seen.sessions} sessions of it are left on {result.nodes[0]}")
            await asyncio.sleep(_POLL_SECONDS)


class ExhaustParameters(ClusterFaultParameters):
    """How full."""

    # So many connections are left for ordinary clients. Those reserved for superusers are never taken.
    leave: int = Field(default=0, ge=0, le=10_000)


class PostgresExhaustConnections(Holder[ExhaustParameters]):
    """`remaining connection slots are reserved`: nobody new gets in, and what others give back is taken."""

    name = "postgres.exhaust_connections"
    summary = "Take all connections of a PostgreSQL primary that ordinary clients may have, in a drill only."
    parameters_model = ExhaustParameters
    example: ClassVar = {"cluster": "orders", "leave": 1, "duration": "1m"}

    @override
    def holding(self, parameters: ExhaustParameters) -> Holding:
        return Holding(do="fill", mark="", seconds=0, leave=parameters.leave)

    @override
    def told(self, parameters: ExhaustParameters, node: str) -> str:
        return f"{node} of {parameters.cluster} has {parameters.leave or 'no'} connections left"

    @override
    def shows(self, parameters: ExhaustParameters, seen: SessionsSeen) -> Finding:
        detail = f"{seen.sessions} sessions are held, {max(0, seen.free)} connections are left"
        return Finding(holds=seen.sessions > 0 and seen.free <= parameters.leave, detail=detail)


class SlowQueryParameters(ClusterFaultParameters):
    """How many at once."""

    # Each keeps one processor of the server busy.
    sessions: int = Field(default=2, ge=1, le=64)


class PostgresSlowQuery(Holder[SlowQueryParameters]):
    """Queries that come to no end and take the server's processors."""

    name = "postgres.slow_query"
    summary = "Run queries without end on a PostgreSQL primary, in a drill only."
    parameters_model = SlowQueryParameters
    example: ClassVar = {"cluster": "orders", "sessions": 4, "duration": "2m"}

    @override
    def holding(self, parameters: SlowQueryParameters) -> Holding:
        return Holding(do="burn", mark="", seconds=0, sessions=parameters.sessions)

    @override
    def told(self, parameters: SlowQueryParameters, node: str) -> str:
        return f"{parameters.sessions} endless queries run on {node} of {parameters.cluster}"

    @override
    def shows(self, parameters: SlowQueryParameters, seen: SessionsSeen) -> Finding:
        return Finding(holds=seen.active == parameters.sessions, detail=f"{seen.active} of its queries run now")


class LockParameters(ClusterFaultParameters):
    """Which table, and how firmly."""

    # One of the cluster's `lockable`.
    table: PlainWord
    # `access exclusive` keeps out readers as well, `exclusive` writers.
    mode: Literal["access exclusive", "exclusive", "share"] = "access exclusive"


class PostgresLock(Holder[LockParameters]):
    """A transaction that holds a lock and does not end, as a forgotten migration does."""

    name = "postgres.lock"
    summary = "Lock a table of a PostgreSQL primary that hotwash.yaml allows, in a drill only."
    parameters_model = LockParameters
    example: ClassVar = {"cluster": "orders", "table": "orders", "duration": "1m"}

    @override
    async def capability(self, parameters: LockParameters, call: Call) -> Finding:
        place = self.place(parameters, call)
        if parameters.table not in place.cluster.lockable:
            raise Rejected(
                f"{parameters.table} of {place.name} may not be locked; name it under "
                f"actions.postgres.{place.name}.lockable in hotwash.yaml",
                RejectionKind.FORBIDDEN,
            )
        primary = await self.primary(parameters, call)
        if not await self._clusters.has_table(place, primary, parameters.table):
            return Finding(holds=False, detail=f"{primary} of {place.name} has no table {parameters.table}")
        return await super().capability(parameters, call)

    @override
    def holding(self, parameters: LockParameters) -> Holding:
        quoted = ".".join(f'"{part}"' for part in parameters.table.split("."))
        return Holding(do="lock", mark="", seconds=0, table=quoted, mode=parameters.mode)

    @override
    def told(self, parameters: LockParameters, node: str) -> str:
        return f"{parameters.table} on {node} of {parameters.cluster} is locked ({parameters.mode})"

    @override
    def shows(self, parameters: LockParameters, seen: SessionsSeen) -> Finding:
        here = parameters.table.rpartition(".")[2] in seen.locked
        return Finding(holds=here, detail=f"{parameters.table} is {'locked by' if here else 'not locked by'} the drill")
