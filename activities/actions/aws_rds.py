"""`aws.rds.fail_over_cluster`: let another member of a database cluster be its writer.

The one thing to know: the new writer is chosen before AWS is asked, so that asking again can never fail back.
"""

from typing import Any, ClassVar

from typing_extensions import override

from activities.action import Call
from activities.actions.aws import AwsParameters, OnAws
from activities.transition import Moved
from domain.errors import Rejected, RejectionKind, Transient
from domain.model import Model
from domain.run import Idempotency


class FailOverClusterParameters(AwsParameters):
    """Which cluster, and to which of its members."""

    cluster: str
    # None: the reader with the best promotion tier.
    writer: str | None = None

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `rds/CLUSTER`."""
        return f"rds/{self.cluster}"


class ClusterWriter(Model):
    """The member that writes."""

    writer: str


class RdsFailOverCluster(OnAws[FailOverClusterParameters, ClusterWriter]):
    """A failover of an Aurora or Multi-AZ DB cluster. Undo fails back to the writer before."""

    name = "aws.rds.fail_over_cluster"
    summary = "Let another member of an RDS cluster be its writer, and wait until the cluster is available."
    # Without the plan, twice would be there and back again.
    idempotency = Idempotency.AT_MOST_ONCE
    parameters_model = FailOverClusterParameters
    result_model = Moved[ClusterWriter]
    service = "rds"
    example: ClassVar = {"target": "shop-eu", "cluster": "orders"}

    @override
    def idempotency_of(self, parameters: FailOverClusterParameters) -> Idempotency:
        return self.idempotency if parameters.writer is None else Idempotency.KEYED

    @override
    async def look(self, parameters: FailOverClusterParameters, call: Call) -> ClusterWriter:
        cluster = await self._cluster(parameters, call)
        if cluster["Status"] != "available":
            # Nobody says where a failover in progress is heading.
            raise Transient(f"{self.called(parameters)} is {cluster['Status']}; wait until it is available")
        return ClusterWriter(writer=_writer(cluster))

    @override
    async def wanted(self, parameters: FailOverClusterParameters, call: Call, now: ClusterWriter) -> ClusterWriter:
        members = (await self._cluster(parameters, call))["DBClusterMembers"]
        readers = sorted(
            (one.get("PromotionTier", 0), one["DBInstanceIdentifier"]) for one in members if not one["IsClusterWriter"]
        )
        names = [name for _, name in readers]
        chosen = parameters.writer or next(iter(names), None)
        if chosen is None:
            raise Rejected(f"{self.called(parameters)} has no reader to fail over to", RejectionKind.CONFLICT)
        if chosen not in {*names, now.writer}:
            raise Rejected(f"{self.called(parameters)} has no member {chosen!r}", RejectionKind.NOT_FOUND)
        return ClusterWriter(writer=chosen)

    @override
    async def move(self, parameters: FailOverClusterParameters, call: Call, change: Moved[ClusterWriter]) -> None:
        await self.door.tell(
            parameters,
            call,
            parameters.resource,
            "FailoverDBCluster",
            DBClusterIdentifier=parameters.cluster,
            TargetDBInstanceIdentifier=change.current.writer,
        )

    @override
    async def pending(
        self, parameters: FailOverClusterParameters, call: Call, change: Moved[ClusterWriter]
    ) -> str | None:
        cluster = await self._cluster(parameters, call)
        writer, status = _writer(cluster), cluster["Status"]
        if writer == change.current.writer and status == "available":
            return None
        return f"{writer or 'no member'} writes and the cluster is {status}"

    @override
    def called(self, parameters: FailOverClusterParameters) -> str:
        return f"the cluster {parameters.cluster}"

    @override
    def sentence(self, result: Moved[ClusterWriter]) -> str:
        if result.previous == result.current:
            return f"{result.current.writer} is the writer already"
        return f"{result.current.writer} is the writer, {result.previous.writer} was"

    async def _cluster(self, parameters: FailOverClusterParameters, call: Call) -> dict[str, Any]:
        found = await self.door.ask(parameters, call, "DescribeDBClusters", DBClusterIdentifier=parameters.cluster)
        cluster: dict[str, Any] = found["DBClusters"][0]
        return cluster


def _writer(cluster: dict[str, Any]) -> str:
    members = cluster["DBClusterMembers"]
    return next((one["DBInstanceIdentifier"] for one in members if one["IsClusterWriter"]), "")
