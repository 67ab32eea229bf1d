"""What the faults of the fault proxy ask of it; the client is `activities/clients/fault_proxies.py`.

The one thing to know: the proxy itself ends a fault whose lease nobody renews, so no second watchdog is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from domain.action_targets import FaultProxy
from domain.model import Model


@dataclass(frozen=True)
class ProxyFault:
    """What the proxy is to do to the traffic."""

    kind: Literal["latency", "bandwidth", "reset", "blackhole", "refuse", "http_error", "http_latency"]
    numbers: Mapping[str, float]
    path: str = "/"


class ProxyFaultState(Model):
    """What a proxy says of a fault."""

    key: str
    kind: str
    active: bool
    # Until it would end by itself.
    seconds_left: float
    # How often traffic has met it, and the longest that something was held up by it.
    felt: int
    longest_milliseconds: float
    # `undo`, `lease` or `duration`.
    ended_by: str | None = None
    # Unix time.
    ended_at: float | None = None


class FaultProxies(Protocol):
    """Fault proxies by what hotwash.yaml says of them. Transient: the proxy does not answer; Rejected: it refuses."""

    async def put(
        self, proxy: FaultProxy, key: str, fault: ProxyFault, lease_seconds: float, duration_seconds: float
    ) -> ProxyFaultState:
        """Begin a fault; one of this key that is in force is renewed, one that is over is refused."""

    async def renew(self, proxy: FaultProxy, key: str, lease_seconds: float) -> ProxyFaultState | None:
        """Let it stay that much longer; None when the proxy knows of none, for it was started anew."""

    async def remove(self, proxy: FaultProxy, key: str) -> ProxyFaultState:
        """End it; one that never began cannot begin any more."""

    async def look(self, proxy: FaultProxy, key: str) -> ProxyFaultState | None:
        """What has become of it; None when the proxy knows of none."""

    async def refuses(self, proxy: FaultProxy) -> bool:
        """Whether a client that connects now is refused."""
