"""Faults of the traffic through a fault proxy: `tcp.*`, `http.*` and `dependency.outage`, in drills only.

The one thing to know: whether a fault has taken effect is said by the traffic that has met it, so a proxy that nobody
uses shows nothing; and the proxy ends each fault by itself a moment after its lease, even when the watchdog is dead.
"""

import asyncio
import json
import time
from abc import abstractmethod
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.proxies import FaultProxies, ProxyFault, ProxyFaultState
from activities.actions.switches import named
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, LeaseState, RevertedBy, Say
from activities.ports import ConfigurationSource
from domain.action_targets import FaultProxy
from domain.durations import Duration, format_duration
from domain.errors import Transient

# The watchdog comes first and says so in the lease; the proxy is there for the case that it does not come.
_PROXY_WAITS_LONGER_SECONDS = 2.0
# A service in use asks its database many times in this.
_SEEN_WITHIN_SECONDS = 2.0
_POLL_SECONDS = 0.05
_MOST_DELAY = timedelta(minutes=10)


class ProxiedParameters(FaultParameters):
    """Which proxy."""

    # A name of `actions.fault_proxies`.
    proxy: str


class Disturbed(Injected):
    """Which traffic is disturbed."""

    proxy: str = ""


P = TypeVar("P", bound=ProxiedParameters)


class ProxyFaultAction(FaultAction[P, Disturbed], Generic[P]):
    """Derive and say what is done to the traffic."""

    result_model = Disturbed

    def __init__(self, configuration: ConfigurationSource, leases: Leases, proxies: FaultProxies) -> None:
        super().__init__(configuration, leases)
        self._proxies = proxies

    @abstractmethod
    def fault(self, parameters: P) -> ProxyFault:
        """What the proxy is to do."""

    @abstractmethod
    def told(self, parameters: P) -> str:
        """The same, as people read it after the proxy's name."""

    @override
    async def capability(self, parameters: P, call: Call) -> Finding:
        proxy = self._proxy(parameters)
        if self.fault(parameters).kind.startswith("http") and proxy.protocol != "http":
            detail = f"{parameters.proxy} does not look into HTTP; set 'protocol: http' under actions.fault_proxies"
            return Finding(holds=False, detail=detail)
        try:
            await self._proxies.look(proxy, call.performed_key)
        except Transient as away:
            detail = f"{away.sentence} {parameters.proxy!r} under a supervisor, and let clients reach {proxy.upstream} "
            return Finding(holds=False, detail=f"{detail}through {proxy.listen}")
        return Finding(holds=True, detail=f"the fault proxy {parameters.proxy} answers")

    @override
    async def plan(self, parameters: P, call: Call) -> Plan[Disturbed]:
        line = json.dumps({"do": "remove", "key": call.performed_key})
        way_back = Say(address=self._proxy(parameters).control, line=line, wanted='"toxics"', gone_is_fine=True)
        what = f"{parameters.proxy} {self.told(parameters)}"
        return Plan(Disturbed(what=what, proxy=parameters.proxy), (way_back,))

    @override
    async def inject(self, parameters: P, result: Disturbed, call: Call) -> None:
        await self._proxies.put(
            self._proxy(parameters),
            call.performed_key,
            self.fault(parameters),
            _proxy_lease(parameters),
            parameters.duration.total_seconds() + _PROXY_WAITS_LONGER_SECONDS,
        )

    @override
    async def observe(self, parameters: P, result: Disturbed, call: Call) -> Finding:
        state, until = await self._state(parameters, call), time.monotonic() + _SEEN_WITHIN_SECONDS
        while state is not None and state.active and not state.felt and time.monotonic() < until:
            await asyncio.sleep(_POLL_SECONDS)
            state = await self._state(parameters, call)
        if state is None or not state.active:
            return Finding(holds=False, detail=_gone(state))
        if not state.felt:
            detail = f"it is in force, and nothing has come through {parameters.proxy} since; do its clients use it?"
            return Finding(holds=None, detail=detail)
        held = f", held up for {state.longest_milliseconds:.0f} ms at most" if state.longest_milliseconds else ""
        return Finding(holds=True, detail=f"traffic has met it {state.felt} times{held}")

    @override
    async def residue(self, parameters: P, result: Disturbed, call: Call) -> Finding:
        try:
            state = await self._proxies.look(self._proxy(parameters), call.performed_key)
        except Transient as away:
            return Finding(holds=None, detail=f"whether it is gone cannot be told: {away.sentence}")
        if state is not None and state.active:
            return Finding(holds=False, detail=f"the proxy still does it, for {state.seconds_left:.0f} s at most")
        return Finding(holds=True, detail=_gone(state))

    @override
    async def renew(self, parameters: P, call: Call) -> LeaseState:
        held = await super().renew(parameters, call)
        if held.state != "held":
            return held
        try:
            state = await self._proxies.renew(self._proxy(parameters), call.performed_key, _proxy_lease(parameters))
        except Transient as away:
            return LeaseState(state="lost", detail=away.sentence)
        if state is None:
            return LeaseState(state="lost", detail=_gone(state))
        if state.active:
            return held
        at = datetime.fromtimestamp(state.ended_at or 0, UTC)
        return LeaseState(state="reverted", detail=_gone(state), by=RevertedBy(state.ended_by or "lease"), at=at)

    async def _state(self, parameters: P, call: Call) -> ProxyFaultState | None:
        return await self._proxies.look(self._proxy(parameters), call.performed_key)

    def _proxy(self, parameters: P) -> FaultProxy:
        proxies = self.configuration.current().actions.fault_proxies
        return named(proxies, parameters.proxy, "fault_proxies", "fault proxy")


class DelayParameters(ProxiedParameters):
    """How late."""

    latency: Duration = Field(gt=timedelta(), le=_MOST_DELAY)
    # Up to so much more or less, anew each time.
    jitter: Duration = Field(default=timedelta(), ge=timedelta(), le=_MOST_DELAY)

    def numbers(self) -> dict[str, float]:
        """As the proxy takes them."""
        millisecond = timedelta(milliseconds=1)
        return {"milliseconds": self.latency / millisecond, "jitter_milliseconds": self.jitter / millisecond}

    def words(self) -> str:
        """As people read it."""
        jitter = f", give or take {format_duration(self.jitter)}" if self.jitter else ""
        return f"{format_duration(self.latency)} later{jitter}"


class ShareParameters(ProxiedParameters):
    """How many of the connections or requests."""

    # 1: all of them; 0.1: one in ten, by chance.
    share: float = Field(default=1.0, ge=0.0001, le=1)

    def words(self, what: str) -> str:
        """As people read it."""
        return f"all {what}" if self.share == 1 else f"{self.share:.4g} of the {what}"


class TcpLatency(ProxyFaultAction[DelayParameters]):
    """Answers come later; nothing is lost or reordered."""

    name = "tcp.latency"
    summary = "Let every answer through a fault proxy come later, in a drill only."
    parameters_model = DelayParameters
    example: ClassVar = {"proxy": "shop-db", "latency": "300ms", "jitter": "50ms", "duration": "2m"}

    @override
    def fault(self, parameters: DelayParameters) -> ProxyFault:
        return ProxyFault("latency", parameters.numbers())

    @override
    def told(self, parameters: DelayParameters) -> str:
        return f"gives its answers {parameters.words()}"


class TcpReset(ProxyFaultAction[ShareParameters]):
    """Connections end with RST, as those of a crashed peer do."""

    name = "tcp.reset"
    summary = "Reset connections through a fault proxy, open and new ones, in a drill only."
    parameters_model = ShareParameters
    example: ClassVar = {"proxy": "shop-db", "share": 0.2, "duration": "2m"}

    @override
    def fault(self, parameters: ShareParameters) -> ProxyFault:
        return ProxyFault("reset", {"share": parameters.share})

    @override
    def told(self, parameters: ShareParameters) -> str:
        return f"resets {parameters.words('connections')}"


class TcpBlackhole(ProxyFaultAction[ProxiedParameters]):
    """Connections stay open and silent; what was sent arrives once it is over, as after a cut cable."""

    name = "tcp.blackhole"
    summary = "Let nothing through a fault proxy, in either direction, while connections stay open; in a drill only."
    parameters_model = ProxiedParameters
    example: ClassVar = {"proxy": "shop-db", "duration": "1m"}

    @override
    def fault(self, parameters: ProxiedParameters) -> ProxyFault:
        return ProxyFault("blackhole", {})

    @override
    def told(self, parameters: ProxiedParameters) -> str:
        return "takes connections and lets nothing through"


class BandwidthParameters(ProxiedParameters):
    """How narrow."""

    # For each connection and direction.
    bytes_per_second: int = Field(ge=1, le=1_000_000_000)


class TcpBandwidth(ProxyFaultAction[BandwidthParameters]):
    """Everything goes through, slowly."""

    name = "tcp.bandwidth"
    summary = "Make each connection through a fault proxy slow, in both directions; in a drill only."
    parameters_model = BandwidthParameters
    example: ClassVar = {"proxy": "shop-db", "bytes_per_second": 2000, "duration": "2m"}

    @override
    def fault(self, parameters: BandwidthParameters) -> ProxyFault:
        return ProxyFault("bandwidth", {"bytes_per_second": parameters.bytes_per_second})

    @override
    def told(self, parameters: BandwidthParameters) -> str:
        return f"lets {parameters.bytes_per_second} bytes a second through each connection"


class HttpErrorParameters(ShareParameters):
    """Which requests get which answer."""

    status: int = Field(default=503, ge=400, le=599)
    # Requests whose path begins so.
    path: str = Field(default="/", pattern=r"^/[^\s]*$")


class HttpError(ProxyFaultAction[HttpErrorParameters]):
    """Requests are answered by the proxy, and never reach the service."""

    name = "http.error"
    summary = "Answer requests in front of a service with an error status, in a drill only."
    parameters_model = HttpErrorParameters
    example: ClassVar = {"proxy": "shop", "status": 503, "share": 0.5, "path": "/checkout", "duration": "2m"}

    @override
    def fault(self, parameters: HttpErrorParameters) -> ProxyFault:
        return ProxyFault("http_error", {"status": parameters.status, "share": parameters.share}, parameters.path)

    @override
    def told(self, parameters: HttpErrorParameters) -> str:
        return f"answers {parameters.words('requests')} for {parameters.path}… with {parameters.status}"


class HttpLatencyParameters(DelayParameters):
    """Which requests wait, and how long."""

    share: float = Field(default=1.0, ge=0.0001, le=1)
    path: str = Field(default="/", pattern=r"^/[^\s]*$")


class HttpLatency(ProxyFaultAction[HttpLatencyParameters]):
    """Requests wait before they reach the service."""

    name = "http.latency"
    summary = "Hold requests up in front of a service, in a drill only."
    parameters_model = HttpLatencyParameters
    example: ClassVar = {"proxy": "shop", "latency": "2s", "path": "/checkout", "duration": "2m"}

    @override
    def fault(self, parameters: HttpLatencyParameters) -> ProxyFault:
        return ProxyFault("http_latency", {**parameters.numbers(), "share": parameters.share}, parameters.path)

    @override
    def told(self, parameters: HttpLatencyParameters) -> str:
        many = "all requests" if parameters.share == 1 else f"{parameters.share:.4g} of the requests"
        return f"passes {many} for {parameters.path}… on {parameters.words()}"


class OutageParameters(ProxiedParameters):
    """How a dependency is away."""

    # refuse: connections are refused, open ones reset, as when its process is dead. silence: as when its network is.
    how: Literal["refuse", "silence"] = "refuse"


class DependencyOutage(ProxyFaultAction[OutageParameters]):
    """What the service depends on is away."""

    name = "dependency.outage"
    summary = "Take away what a service depends on, through its fault proxy, in a drill only."
    parameters_model = OutageParameters
    example: ClassVar = {"proxy": "payments", "how": "silence", "duration": "2m"}

    @override
    def fault(self, parameters: OutageParameters) -> ProxyFault:
        return ProxyFault("refuse" if parameters.how == "refuse" else "blackhole", {})

    @override
    def told(self, parameters: OutageParameters) -> str:
        return "refuses all connections" if parameters.how == "refuse" else "says nothing"

    @override
    async def observe(self, parameters: OutageParameters, result: Disturbed, call: Call) -> Finding:
        proxy = self._proxy(parameters)
        if parameters.how == "refuse" and await self._proxies.refuses(proxy):
            return Finding(holds=True, detail=f"a connection to {proxy.listen} was refused just now")
        return await super().observe(parameters, result, call)


def _proxy_lease(parameters: ProxiedParameters) -> float:
    return parameters.lease.total_seconds() + _PROXY_WAITS_LONGER_SECONDS


def _gone(state: ProxyFaultState | None) -> str:
    if state is None:
        return "the proxy knows nothing of it; it may have been started anew"
    return f"the proxy has ended it ({state.ended_by}), after traffic had met it {state.felt} times"
