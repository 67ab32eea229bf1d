"""A PostgreSQL cluster in memory, as far as the order of a failover can tell; the real one is in `tests/real/`.

Each server can be told to fail: `fails` holds the names of the operations that do.
"""

from dataclasses import dataclass, field

from activities.actions.postgres import ClusterPlace, Loss
from activities.clients.postgres_clusters import Node, NodeState
from domain.errors import Rejected, Transient


@dataclass
class LittleNode:
    """One server; implements `Node`."""

    cluster: "LittleCluster"
    name: str
    role: str
    lsn: int = 100
    # Of its WAL beyond what the others have: committed transactions; None: its disk cannot be read.
    commits: int | None = 0
    fails: set[str] = field(default_factory=set)

    @property
    def address(self) -> tuple[str, int]:
        """Where clients reach it."""
        return self.name, 5432

    async def look(self) -> NodeState:
        """What it is."""
        return NodeState(self.role, self.lsn if self.role in {"primary", "standby"} else None, self.role == "standby")

    async def fence(self, seconds: float) -> None:
        """Stop it for good."""
        self._do("fence", seconds)
        self.role = "stopped standby"

    async def unfence(self, seconds: float, *, start: bool) -> None:
        """Start it as the primary that it was."""
        self._do("unfence", seconds)
        self.role = "primary" if start else "stopped primary"

    async def lost_after(self, lsn: int) -> Loss:
        """What it has written after that."""
        if self.commits is None:
            return Loss(bytes=None, measured="its disk cannot be read")
        return Loss(bytes=max(0, self.lsn - lsn), transactions=self.commits, measured="in its WAL")

    async def promote(self, seconds: float) -> None:
        """Become the primary."""
        self._do("promote", seconds)
        self.role = "primary"
        self.cluster.promoted.append(self.name)

    async def follow(self, primary: Node) -> bool:
        """Follow another one."""
        self.cluster.log.append(f"{self.name} follows {primary.address[0]}")
        return "follow" not in self.fails

    async def rejoin(self, primary: Node, method: str, seconds: float) -> None:
        """Become a standby of another one."""
        del primary
        self._do("rejoin", seconds)
        self.role, self.lsn, self.commits = "standby", max(node.lsn for node in self.cluster.nodes.values()), 0
        self.cluster.rejoined.append(f"{self.name} by {method}")

    def _do(self, what: str, seconds: float) -> None:
        assert seconds > 0
        self.cluster.log.append(f"{what} {self.name}")
        if what in self.fails:
            message = f"{self.name} does not {what}"
            raise (Rejected if what == "fence" else Transient)(message)


class LittleCluster:
    """`a` is the primary of `b`."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.promoted: list[str] = []
        self.rejoined: list[str] = []
        self.nodes = {"a": LittleNode(self, "a", "primary"), "b": LittleNode(self, "b", "standby")}

    def nodes_of(self, place: ClusterPlace) -> dict[str, Node]:
        """The servers that hotwash.yaml names."""
        assert place.password
        return {name: self.nodes[name] for name in place.cluster.nodes}

    def roles(self) -> dict[str, str]:
        """Who is what."""
        return {name: node.role for name, node in self.nodes.items()}
