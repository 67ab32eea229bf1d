"""Faults of a PostgreSQL cluster as a whole: its primary is killed, or its replication cut; in drills only.

The one thing to know: the way back needs no password and never makes a second primary. A primary that was killed and
replaced meanwhile comes back as a standby, and the undo rejoins it to the new one.
"""

import hashlib
from typing import ClassVar, Generic, Literal, Protocol, TypeVar

from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.postgres import ClusterPlace, Clusters, RejoinParameters
from activities.actions.switches import named, seconds, secret_of
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, Reversal
from activities.ports import ConfigurationSource
from domain.errors import NeedsHuman, Rejected, RejectionKind
from domain.model import Model
from domain.names import Name

# pg_rewind copies what differs; a drill's cluster differs little.
_REJOIN_SECONDS = 600.0


class ServerSeen(Model):
    """What a server of a cluster is now."""

    role: Literal["primary", "standby", "stopped primary", "stopped standby", "lost"]
    streaming: bool = False
    why: str = ""


class SessionsSeen(Model):
    """What a server says of the sessions of one drill."""

    sessions: int
    # Those of them that calculate at this moment.
    active: int
    # Tables that they have locked.
    locked: tuple[str, ...] = ()
    # Connections that ordinary clients could still open.
    free: int = 0


class FaultyClusters(Protocol):
    """PostgreSQL clusters, to be harmed. Transient: a server does not answer; Rejected: it refuses."""

    async def look(self, place: ClusterPlace) -> dict[str, ServerSeen]:
        """Every server of a cluster."""

    async def hindrance(self, place: ClusterPlace, node: str) -> str | None:
        """Why PostgreSQL's own programs cannot be run on a node; None when they can."""

    async def kill(self, place: ClusterPlace, node: str, seconds: float) -> None:
        """Stop a server without a checkpoint, as a crash would; one that is stopped is left alone."""

    async def cut(self, place: ClusterPlace, standby: str, mark: str) -> None:
        """Let a standby lose its primary, and keep what it knew."""

    async def is_cut(self, place: ClusterPlace, standby: str, mark: str) -> bool:
        """Whether a standby has lost its primary by this mark."""

    async def sessions(self, place: ClusterPlace, node: str, mark: str) -> SessionsSeen:
        """What the sessions of a mark do."""

    async def has_table(self, place: ClusterPlace, node: str, table: str) -> bool:
        """Whether there is such a table."""

    async def hold(self, place: ClusterPlace, node: str, key: str, wish: "Holding") -> None:
        """Start the process that holds what is wished, under the lease of the key; returns once it is held."""

    def way_back(self, place: ClusterPlace, node: str, what: Literal["start", "stream"], mark: str = "") -> Reversal:
        """The program that brings a server back, for the recipe of a lease."""


class Holding(Model):
    """What a holder is to hold: a lock, processors or connections."""

    do: Literal["lock", "burn", "fill"]
    mark: str
    # How long it stays at most.
    seconds: float
    table: str = ""
    mode: str = ""
    sessions: int = 0
    leave: int = 0


class ClusterFaultParameters(FaultParameters):
    """Which cluster."""

    # A name of `actions.postgres`.
    cluster: str


class HarmedCluster(Injected):
    """Which servers of which cluster."""

    cluster: str = ""
    nodes: tuple[str, ...] = ()
    # What the fault is known by on the server.
    mark: str = ""


P = TypeVar("P", bound=ClusterFaultParameters)


class ClusterFault(FaultAction[P, HarmedCluster], Generic[P]):
    """What all have in common."""

    result_model = HarmedCluster

    def __init__(self, configuration: ConfigurationSource, leases: Leases, clusters: FaultyClusters) -> None:
        super().__init__(configuration, leases)
        self._clusters = clusters

    def place(self, parameters: P, call: Call) -> ClusterPlace:
        """The cluster and how to get in."""
        settings = self.configuration.current().actions
        cluster = named(settings.postgres, parameters.cluster, "postgres", "PostgreSQL cluster")
        journal = f"{settings.journal_folder}/postgres-{parameters.cluster}.json"
        return ClusterPlace(parameters.cluster, cluster, secret_of(cluster.password, call), journal)

    async def primary(self, parameters: P, call: Call) -> str:
        """The one running primary; Rejected when there is none, NeedsHuman when there are two."""
        servers = await self._clusters.look(self.place(parameters, call))
        primaries = [name for name, one in servers.items() if one.role == "primary"]
        if len(primaries) > 1:
            raise NeedsHuman(f"{parameters.cluster} has {len(primaries)} primaries: {', '.join(primaries)}")
        if not primaries:
            roles = ", ".join(f"{name} is a {one.role}" for name, one in servers.items())
            raise Rejected(f"{parameters.cluster} has no running primary: {roles}", RejectionKind.CONFLICT)
        return primaries[0]


class PostgresKillPrimary(ClusterFault[ClusterFaultParameters]):
    """The primary is gone from one moment to the next, and must recover from its WAL when it comes back."""

    name = "postgres.kill_primary"
    summary = "Kill the primary of a PostgreSQL cluster (immediate stop), in a drill only; it is started again."
    parameters_model = ClusterFaultParameters
    example: ClassVar = {"cluster": "orders", "duration": "2m"}

    def __init__(
        self, configuration: ConfigurationSource, leases: Leases, clusters: FaultyClusters, rejoining: Clusters
    ) -> None:
        super().__init__(configuration, leases, clusters)
        self._rejoining = rejoining

    @override
    async def capability(self, parameters: ClusterFaultParameters, call: Call) -> Finding:
        place, primary = self.place(parameters, call), await self.primary(parameters, call)
        # All of them: the way back asks every server whether it has become the primary.
        for node in place.cluster.nodes:
            hindrance = await self._clusters.hindrance(place, node)
            if hindrance is not None:
                return Finding(holds=False, detail=f"{node} cannot be brought back from here: {hindrance}")
        return Finding(holds=True, detail=f"{primary} is the primary and can be stopped and started")

    @override
    async def plan(self, parameters: ClusterFaultParameters, call: Call) -> Plan[HarmedCluster]:
        primary = await self.primary(parameters, call)
        what = f"{primary}, the primary of {parameters.cluster}, is killed"
        harmed = HarmedCluster(what=what, cluster=parameters.cluster, nodes=(primary,))
        return Plan(harmed, (self._clusters.way_back(self.place(parameters, call), primary, "start"),))

    @override
    async def inject(self, parameters: ClusterFaultParameters, result: HarmedCluster, call: Call) -> None:
        await self._clusters.kill(self.place(parameters, call), result.nodes[0], seconds(call))

    @override
    async def observe(self, parameters: ClusterFaultParameters, result: HarmedCluster, call: Call) -> Finding:
        node = result.nodes[0]
        seen = (await self._clusters.look(self.place(parameters, call)))[node]
        return Finding(holds=seen.role.startswith("stopped"), detail=f"{node} is a {seen.role}")

    @override
    async def residue(self, parameters: ClusterFaultParameters, result: HarmedCluster, call: Call) -> Finding:
        node, servers = result.nodes[0], await self._clusters.look(self.place(parameters, call))
        seen = servers[node]
        if seen.role == "primary" or (seen.role == "standby" and seen.streaming):
            return Finding(holds=True, detail=f"{node} is a running {seen.role}")
        if seen.role == "standby":
            primaries = [name for name, one in servers.items() if one.role == "primary"]
            detail = f"{node} runs as a standby and does not follow {' or '.join(primaries) or 'anybody'}"
            return Finding(holds=False, detail=f"{detail}; postgres.rejoin makes it")
        return Finding(holds=False, detail=f"{node} is a {seen.role} {seen.why}".strip())

    @override
    async def undo(
        self, parameters: ClusterFaultParameters, performed: HarmedCluster | None, call: Call
    ) -> HarmedCluster:
        lease = await self.leases.find(call.performed_key)
        killed = self._facts(lease).nodes if lease is not None else ()
        if killed:
            place = self.place(parameters, call)
            servers = await self._clusters.look(place)
            replaced = any(one.role == "primary" for name, one in servers.items() if name != killed[0])
            if replaced:
                # Nobody can want the old one as it was: two primaries, or one that has lost its place.
                wish = RejoinParameters(cluster=parameters.cluster, node=killed[0])
                await self._rejoining.rejoin(place, wish, f"{call.performed_key}/undo", seconds(call, _REJOIN_SECONDS))
        return await super().undo(parameters, performed, call)


class CutReplicationParameters(ClusterFaultParameters):
    """Whom to cut off."""

    # A name of the cluster's nodes; None: every standby.
    standby: Name | None = None


class PostgresCutReplication(ClusterFault[CutReplicationParameters]):
    """Standbys fall behind; a primary that dies now takes what they have not got with it."""

    name = "postgres.cut_replication"
    summary = "Cut standbys of a PostgreSQL cluster off from their primary, in a drill only."
    parameters_model = CutReplicationParameters
    example: ClassVar = {"cluster": "orders", "standby": "db2", "duration": "2m"}

    @override
    async def capability(self, parameters: CutReplicationParameters, call: Call) -> Finding:
        place, standbys = self.place(parameters, call), await self._standbys(parameters, call)
        if not standbys:
            return Finding(holds=False, detail=f"no standby of {parameters.cluster} streams, so none can be cut off")
        for node in standbys:
            hindrance = await self._clusters.hindrance(place, node)
            if hindrance is not None:
                return Finding(holds=False, detail=f"{node} cannot be brought back from here: {hindrance}")
        return Finding(holds=True, detail=f"{', '.join(standbys)} can be cut off")

    @override
    async def plan(self, parameters: CutReplicationParameters, call: Call) -> Plan[HarmedCluster]:
        place, standbys = self.place(parameters, call), await self._standbys(parameters, call)
        mark = mark_of(call)
        what = f"{', '.join(standbys)} of {parameters.cluster} cannot reach the primary"
        harmed = HarmedCluster(what=what, cluster=parameters.cluster, nodes=standbys, mark=mark)
        return Plan(harmed, tuple(self._clusters.way_back(place, node, "stream", mark) for node in standbys))

    @override
    async def inject(self, parameters: CutReplicationParameters, result: HarmedCluster, call: Call) -> None:
        for standby in result.nodes:
            await self._clusters.cut(self.place(parameters, call), standby, result.mark)

    @override
    async def observe(self, parameters: CutReplicationParameters, result: HarmedCluster, call: Call) -> Finding:
        servers = await self._clusters.look(self.place(parameters, call))
        still = [name for name in result.nodes if servers[name].streaming]
        detail = f"{', '.join(still)} still streams" if still else f"{', '.join(result.nodes)} receives nothing"
        return Finding(holds=not still, detail=detail)

    @override
    async def residue(self, parameters: CutReplicationParameters, result: HarmedCluster, call: Call) -> Finding:
        place = self.place(parameters, call)
        servers = await self._clusters.look(place)
        for name in result.nodes:
            if await self._clusters.is_cut(place, name, result.mark):
                return Finding(holds=False, detail=f"{name} is still told the wrong primary")
        behind = [name for name in result.nodes if servers[name].role == "standby" and not servers[name].streaming]
        detail = f"{', '.join(behind)} knows its primary and does not stream yet" if behind else "nothing is cut off"
        return Finding(holds=True, detail=detail)

    async def _standbys(self, parameters: CutReplicationParameters, call: Call) -> tuple[str, ...]:
        servers = await self._clusters.look(self.place(parameters, call))
        if parameters.standby is not None and parameters.standby not in servers:
            raise Rejected(
                f"{parameters.cluster} has no node {parameters.standby!r}; it has {', '.join(servers)}",
                RejectionKind.NOT_FOUND,
            )
        asked = servers if parameters.standby is None else {parameters.standby: servers[parameters.standby]}
        return tuple(name for name, one in asked.items() if one.role == "standby" and one.streaming)


def mark_of(call: Call) -> str:
    """What a fault is known by on its target: short, plain, and of this key alone."""
    return f"hotwash_{hashlib.sha256(call.performed_key.encode()).hexdigest()[:16]}"
