"""`haproxy.server_down`: a server behind HAProxy gets no traffic, as if its health check had failed; in a drill only.

The one thing to know: the watchdog puts it back over the same socket. Nothing is written into the state file, so a
reload of HAProxy ends the fault as well.
"""

from typing import ClassVar, Protocol

from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.haproxy import HaproxyParameters
from activities.actions.switches import named
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, Say
from activities.ports import ConfigurationSource
from domain.action_targets import HaproxyServer
from domain.errors import Rejected, RejectionKind

# How HAProxy begins when it has not done what it was told.
_REFUSALS = ("Permission denied", "No such", "Can't find", "Unknown", "Require")


class ServerDownParameters(FaultParameters, HaproxyParameters):
    """Which server."""


class ServerTakenDown(Injected):
    """Which server is down."""

    backend: str = ""
    server: str = ""


class TrafficControl(Protocol):
    """HAProxy's runtime API. Transient: it does not answer; Rejected: it refuses, or there is no such server."""

    async def state(self, haproxy: HaproxyServer, backend: str, server: str) -> str:
        """`ready`, `drain` or `maint`."""

    async def take_down(self, haproxy: HaproxyServer, backend: str, server: str) -> None:
        """Give it no traffic; connections that are open end."""

    async def others_up(self, haproxy: HaproxyServer, backend: str, server: str) -> int:
        """How many other servers of the backend take traffic."""


class HaproxyServerDown(FaultAction[ServerDownParameters, ServerTakenDown]):
    """The others take its share."""

    name = "haproxy.server_down"
    summary = "Take a server behind HAProxy out of service, in a drill only; it is put back."
    parameters_model = ServerDownParameters
    result_model = ServerTakenDown
    example: ClassVar = {"target": "edge", "backend": "shop", "server": "web1", "duration": "2m"}

    def __init__(self, configuration: ConfigurationSource, leases: Leases, traffic: TrafficControl) -> None:
        super().__init__(configuration, leases)
        self._traffic = traffic

    @override
    async def capability(self, parameters: ServerDownParameters, call: Call) -> Finding:
        server = f"{parameters.backend}/{parameters.server}"
        state = await self._traffic.state(self._haproxy(parameters), parameters.backend, parameters.server)
        if state != "ready":
            return Finding(holds=False, detail=f"{server} is in {state} already; make it ready first")
        return Finding(holds=True, detail=f"{server} is ready and can be taken down")

    @override
    async def plan(self, parameters: ServerDownParameters, call: Call) -> Plan[ServerTakenDown]:
        server = f"{parameters.backend}/{parameters.server}"
        way_back = Say(
            address=self._haproxy(parameters).socket, line=f"set server {server} state ready", refused=_REFUSALS
        )
        taken = ServerTakenDown(
            what=f"{server} of {parameters.target} is down", backend=parameters.backend, server=parameters.server
        )
        return Plan(taken, (way_back,))

    @override
    async def inject(self, parameters: ServerDownParameters, result: ServerTakenDown, call: Call) -> None:
        await self._traffic.take_down(self._haproxy(parameters), parameters.backend, parameters.server)

    @override
    async def observe(self, parameters: ServerDownParameters, result: ServerTakenDown, call: Call) -> Finding:
        haproxy = self._haproxy(parameters)
        state = await self._traffic.state(haproxy, parameters.backend, parameters.server)
        others = await self._traffic.others_up(haproxy, parameters.backend, parameters.server)
        return Finding(holds=state == "maint", detail=f"HAProxy says {state}; {others} other servers are ready")

    @override
    async def residue(self, parameters: ServerDownParameters, result: ServerTakenDown, call: Call) -> Finding:
        state = await self._traffic.state(self._haproxy(parameters), parameters.backend, parameters.server)
        return Finding(holds=state != "maint", detail=f"HAProxy says {state}")

    def _haproxy(self, parameters: ServerDownParameters) -> HaproxyServer:
        haproxy = named(self.configuration.current().actions.haproxy, parameters.target, "haproxy", "HAProxy")
        if parameters.backend not in haproxy.backends:
            raise Rejected(
                f"the backend {parameters.backend!r} may not be changed; name it under "
                f"actions.haproxy.{parameters.target}.backends in hotwash.yaml",
                RejectionKind.FORBIDDEN,
            )
        return haproxy
