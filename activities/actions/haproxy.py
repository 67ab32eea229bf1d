"""`haproxy.weight`, `haproxy.drain`, `haproxy.maint`, `haproxy.ready`: shift traffic through the runtime API.

The one thing to know: HAProxy forgets what its runtime API was told when it reloads, unless it loads a state file. With
`state_file` in hotwash.yaml each change is written there as well; without it each result says that it will be lost.
"""

from typing import ClassVar, Generic, TypeVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.switches import (
    HaproxyStatePlace,
    HaproxyWeightPlace,
    NumberChange,
    Switch,
    Switching,
    TextChange,
    named,
)
from domain.action_targets import HaproxyServer, PlainWord
from domain.errors import Rejected, RejectionKind
from domain.model import Model


class HaproxyParameters(Model):
    """Which server."""

    # A name of `actions.haproxy`.
    target: str
    backend: PlainWord
    server: PlainWord


class HaproxyWeightParameters(HaproxyParameters):
    """Which server and its new weight."""

    # HAProxy's own range; 0 takes no new sessions.
    weight: int = Field(ge=0, le=256)


P = TypeVar("P", bound=HaproxyParameters)


class _OnHaproxy(Switching[P], Generic[P]):
    """What all have in common: the servers that may be changed."""

    def _server(self, parameters: P) -> HaproxyServer:
        server = named(self.settings.haproxy, parameters.target, "haproxy", "HAProxy")
        if parameters.backend not in server.backends:
            raise Rejected(
                f"the backend {parameters.backend!r} may not be changed; allow it under "
                f"actions.haproxy.{parameters.target}.backends in hotwash.yaml",
                RejectionKind.FORBIDDEN,
            )
        return server


class HaproxyWeight(_OnHaproxy[HaproxyWeightParameters]):
    """More or less traffic for one server."""

    name = "haproxy.weight"
    summary = "Give a server behind HAProxy another weight."
    parameters_model = HaproxyWeightParameters
    result_model = NumberChange
    example: ClassVar = {"target": "edge", "backend": "shop", "server": "web1", "weight": 10}

    @override
    def switch(self, parameters: HaproxyWeightParameters, call: Call) -> Switch:
        place = HaproxyWeightPlace(self._server(parameters), parameters.backend, parameters.server)
        called = f"the weight of {parameters.backend}/{parameters.server}"
        return Switch(place, called, self.journal("haproxy", parameters.target))

    @override
    def wanted(self, parameters: HaproxyWeightParameters) -> int:
        return parameters.weight


class _OnState(_OnHaproxy[HaproxyParameters]):
    """Those that let traffic in or keep it out."""

    parameters_model = HaproxyParameters
    result_model = TextChange
    example: ClassVar = {"target": "edge", "backend": "shop", "server": "web1"}
    state: ClassVar[str]

    @override
    def switch(self, parameters: HaproxyParameters, call: Call) -> Switch:
        place = HaproxyStatePlace(self._server(parameters), parameters.backend, parameters.server)
        called = f"the state of {parameters.backend}/{parameters.server}"
        return Switch(place, called, self.journal("haproxy", parameters.target))

    @override
    def wanted(self, parameters: HaproxyParameters) -> str:
        return self.state

    @override
    def shown(self, value: str) -> str:
        return value


class HaproxyDrain(_OnState):
    """No new sessions; those that are there end by themselves."""

    name = "haproxy.drain"
    summary = "Let a server behind HAProxy finish its sessions and give it no new ones."
    state = "drain"


class HaproxyMaint(_OnState):
    """No traffic and no health checks."""

    name = "haproxy.maint"
    summary = "Take a server behind HAProxy out of traffic at once."
    state = "maint"


class HaproxyReady(_OnState):
    """Traffic as its health checks allow."""

    name = "haproxy.ready"
    summary = "Give a server behind HAProxy its traffic again."
    state = "ready"
