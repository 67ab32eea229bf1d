"""`postgres.failover` and `postgres.rejoin`: another primary, without losing more than hotwash.yaml allows.

The order is the point: measure what would be lost, fence the old primary, measure again, promote, re-point. The one
thing to know: a fenced server is stopped and holds a `standby.signal`, so whoever starts it again gets a server that
takes no writes; two primaries cannot be.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Generic, Literal, Protocol, TypeVar

from typing_extensions import override

from activities.action import Action, Call, Finding
from activities.actions.switches import named, seconds, secret_of
from activities.ports import ConfigurationSource
from domain.action_targets import PostgresCluster
from domain.model import Model
from domain.names import Name
from domain.run import Effect, Idempotency

# Promoting takes less than a second; a busy primary may take long to stop in good order.
_FAILOVER_SECONDS = 120.0
# pg_rewind copies what differs, pg_basebackup everything; a step's own timeout says what that may take.
_REJOIN_SECONDS = 3600.0


class Loss(Model):
    """What the new primary has not got. None: nobody knows."""

    bytes: int | None
    # Committed transactions among them, where the old primary's WAL could be read.
    transactions: int | None = None
    # How it was measured, as half a sentence.
    measured: str


class Failover(Model):
    """Who was the primary and who is."""

    previous: str | None
    current: str
    loss: Loss
    fenced: bool
    # Standbys that follow the new primary now, and those that somebody has to look after.
    following: tuple[str, ...] = ()
    left_behind: tuple[str, ...] = ()


class Rejoined(Model):
    """A server that follows the primary again."""

    node: str
    primary: str
    # None: it followed already.
    method: Literal["rewind", "basebackup"] | None


class FailoverParameters(Model):
    """Which cluster, and what is to be risked."""

    # A name of `actions.postgres`.
    cluster: str
    # A name of its nodes; None: the standby that has received most.
    to: Name | None = None
    # Promote even when nobody can tell what would be lost.
    accept_unknown_loss: bool = False
    # Promote even when the old primary cannot be stopped for good: two primaries may result.
    without_fence: bool = False


class RejoinParameters(Model):
    """Which server of which cluster."""

    cluster: str
    node: Name
    # pg_rewind throws away what the server has and the primary has not; pg_basebackup copies everything anew.
    method: Literal["rewind", "basebackup"] = "rewind"


@dataclass(frozen=True)
class ClusterPlace:
    """A cluster and how to get in."""

    name: str
    cluster: PostgresCluster
    password: str | None = field(repr=False)
    journal: str


class Clusters(Protocol):
    """PostgreSQL clusters. Each key fails over once; one mover at a time per cluster."""

    async def fail_over(self, place: ClusterPlace, wish: FailoverParameters, key: str, seconds: float) -> Failover:
        """Another primary. Rejected or Transient: nothing has changed; a retry carries on where an attempt died."""

    async def fail_back(
        self, place: ClusterPlace, key: str, performed: Failover | None, seconds: float
    ) -> Failover | None:
        """The old primary again, rejoined first and without any loss; None: the key has changed nothing."""

    async def failed_over(self, place: ClusterPlace, key: str) -> Failover | None:
        """The finished failover of that key; None when it did not happen, or not to its end."""

    async def rejoin(self, place: ClusterPlace, wish: RejoinParameters, key: str, seconds: float) -> Rejoined:
        """See a server follow the primary."""

    async def rejoined(self, place: ClusterPlace, key: str) -> Rejoined | None:
        """What that key has made to follow; None when it did not happen, or not to its end."""


P = TypeVar("P", FailoverParameters, RejoinParameters)
R = TypeVar("R", Failover, Rejoined)


class _OnCluster(Action[P, R], Generic[P, R]):
    """What both have in common."""

    effect = Effect.MUTATING
    # The journal knows our key, and the servers know who they are.
    idempotency = Idempotency.KEYED

    def __init__(self, configuration: ConfigurationSource, clusters: Clusters) -> None:
        self._configuration = configuration
        self._clusters = clusters

    def _place(self, parameters: P, call: Call) -> ClusterPlace:
        settings = self._configuration.current().actions
        cluster = named(settings.postgres, parameters.cluster, "postgres", "PostgreSQL cluster")
        journal = f"{settings.journal_folder}/postgres-{parameters.cluster}.json"
        return ClusterPlace(parameters.cluster, cluster, secret_of(cluster.password, call), journal)


class PostgresFailover(_OnCluster[FailoverParameters, Failover]):
    """A standby becomes the primary."""

    name = "postgres.failover"
    summary = "Fence a PostgreSQL primary, promote a standby and re-point, unless more than rpo_bytes would be lost."
    parameters_model = FailoverParameters
    result_model = Failover
    example: ClassVar = {"cluster": "orders", "to": "db2"}

    @override
    async def perform(self, parameters: FailoverParameters, call: Call) -> Failover:
        place, limit = self._place(parameters, call), seconds(call, _FAILOVER_SECONDS)
        return await self._clusters.fail_over(place, parameters, call.key, limit)

    @override
    async def undo(self, parameters: FailoverParameters, performed: Failover | None, call: Call) -> Failover:
        place, limit = self._place(parameters, call), seconds(call, _REJOIN_SECONDS)
        back = await self._clusters.fail_back(place, call.performed_key, performed, limit)
        if back is not None:
            return back
        nothing = Loss(bytes=0, transactions=0, measured="nothing was changed")
        return Failover(previous=None, current=parameters.to or "the primary", loss=nothing, fenced=False)

    @override
    async def check(self, parameters: FailoverParameters, call: Call) -> Finding:
        done = await self._clusters.failed_over(self._place(parameters, call), call.performed_key)
        return self.remembered(done, f"failed {parameters.cluster} over")

    @override
    def sentence(self, result: Failover) -> str:
        if result.previous is None or result.previous == result.current:
            return f"{result.current} is the primary, as before"
        fence = "is fenced" if result.fenced else "is NOT fenced"
        text = f"{result.current} is the primary, {result.previous} {fence}; {told(result.loss)}"
        if result.left_behind:
            text += f"; {', '.join(result.left_behind)} must be made to follow it"
        return text


class PostgresRejoin(_OnCluster[RejoinParameters, Rejoined]):
    """A server follows the primary again. What it had and the primary has not is gone, so there is no undo."""

    name = "postgres.rejoin"
    summary = "Make a former PostgreSQL primary a standby of the new one, with pg_rewind or pg_basebackup."
    parameters_model = RejoinParameters
    result_model = Rejoined
    example: ClassVar = {"cluster": "orders", "node": "db1"}

    @override
    async def perform(self, parameters: RejoinParameters, call: Call) -> Rejoined:
        place, limit = self._place(parameters, call), seconds(call, _REJOIN_SECONDS)
        return await self._clusters.rejoin(place, parameters, call.key, limit)

    @override
    async def check(self, parameters: RejoinParameters, call: Call) -> Finding:
        done = await self._clusters.rejoined(self._place(parameters, call), call.performed_key)
        return self.remembered(done, f"made {parameters.node} follow")

    @override
    def sentence(self, result: Rejoined) -> str:
        how = f"after {result.method}" if result.method else "as before"
        return f"{result.node} follows {result.primary} {how}"


def told(loss: Loss) -> str:
    """A loss as people read it."""
    if loss.transactions == 0 or loss.bytes == 0:
        return f"nothing is lost ({loss.measured})"
    if loss.bytes is None:
        return f"what is lost is unknown ({loss.measured})"
    many = "" if loss.transactions is None else f" with {loss.transactions} committed transactions"
    return f"{loss.bytes} bytes{many} are lost ({loss.measured})"


def too_much(loss: Loss, rpo_bytes: int, *, accept_unknown: bool) -> str | None:
    """Why a failover with that loss is refused; None when it may be."""
    if loss.transactions == 0:
        # WAL without a commit is the server's own bookkeeping.
        return None
    if loss.bytes is None:
        return None if accept_unknown else f"nobody knows what would be lost: {loss.measured}; see accept_unknown_loss"
    if loss.bytes <= rpo_bytes:
        return None
    many = "" if loss.transactions is None else f" with {loss.transactions} committed transactions"
    return f"{loss.bytes} bytes{many} would be lost ({loss.measured}), and rpo_bytes allows {rpo_bytes}"
