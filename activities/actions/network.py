"""`network.drop` and `network.reject`: a TCP path that swallows packets, or refuses connections; done by nftables."""

from typing import ClassVar, Literal

from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.check_tcp import Doors
from activities.actions.packet_filter import PacketFilter, Rules, removing
from activities.actions.switches import named
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, LeaseState
from activities.ports import ConfigurationSource
from domain.action_targets import Endpoint

# Inside one machine or region a connection takes milliseconds; silence for this long is no slowness.
_KNOCK_SECONDS = 1.0


class NetworkParameters(FaultParameters):
    """Which path."""

    # A name of `actions.networks`.
    network: str


class CutPath(Injected):
    """The table that does it."""

    rules: Rules = Rules()


class _Cut(FaultAction[NetworkParameters, CutPath]):
    """What both have in common: all but the verdict."""

    parameters_model = NetworkParameters
    result_model = CutPath
    # What nft does with a packet, how a connection ends then, and what people read of it.
    verdict: ClassVar[str]
    seen: ClassVar[Literal["closed", "silent"]]
    is_so: ClassVar[str]

    def __init__(self, configuration: ConfigurationSource, leases: Leases, packets: PacketFilter, doors: Doors) -> None:
        super().__init__(configuration, leases)
        self._packets = packets
        self._doors = doors

    @override
    async def capability(self, parameters: NetworkParameters, call: Call) -> Finding:
        rules = self._rules(parameters, call)
        trouble = await self._packets.trouble(rules)
        if trouble is not None:
            return Finding(holds=False, detail=trouble)
        state = await self._knock(rules)
        if state != "open":
            detail = f"{rules.address}:{rules.port} is {state} already, so that a fault could not be told from it"
            return Finding(holds=False, detail=detail)
        return Finding(holds=True, detail=f"{rules.address}:{rules.port} is open and can be cut off")

    @override
    async def plan(self, parameters: NetworkParameters, call: Call) -> Plan[CutPath]:
        rules = self._rules(parameters, call)
        what = f"{parameters.network} ({rules.address}:{rules.port}) {self.is_so}"
        return Plan(CutPath(what=what, rules=rules), (removing(rules),))

    @override
    async def inject(self, parameters: NetworkParameters, result: CutPath, call: Call) -> None:
        await self._packets.make(result.rules)

    @override
    async def renew(self, parameters: NetworkParameters, call: Call) -> LeaseState:
        state, lease = await super().renew(parameters, call), await self.leases.find(call.performed_key)
        if state.state != "held" or lease is None:
            return state
        # As it was injected, whatever hotwash.yaml says by now.
        return await self._packets.renewed(CutPath.model_validate(lease.facts).rules, state)

    @override
    async def observe(self, parameters: NetworkParameters, result: CutPath, call: Call) -> Finding:
        state = await self._knock(result.rules)
        return Finding(holds=state == self.seen, detail=f"{result.rules.address}:{result.rules.port} is {state}")

    @override
    async def residue(self, parameters: NetworkParameters, result: CutPath, call: Call) -> Finding:
        return await self._packets.residue(result.rules)

    def _rules(self, parameters: NetworkParameters, call: Call) -> Rules:
        path = named(self.configuration.current().actions.networks, parameters.network, "networks", "network")
        return Rules(
            table=self._packets.table_of(call.performed_key, path.address, path.port),
            program=self._packets.program(),
            hook="output" if path.direction == "out" else "input",
            address=path.address,
            port=path.port,
            verdict=self.verdict,
            timeout=parameters.lease,
        )

    async def _knock(self, rules: Rules) -> str:
        state, _ = await self._doors.knock(Endpoint(host=rules.address, port=rules.port), _KNOCK_SECONDS)
        return state


class NetworkDrop(_Cut):
    """Swallows the packets of a path; in a drill only."""

    name = "network.drop"
    summary = "Drop the packets of a TCP path of actions.networks (nftables), in a drill only."
    example: ClassVar = {"network": "orders-db", "duration": "2m"}
    verdict = "drop"
    seen = "silent"
    is_so = "gets no packets"


class NetworkReject(_Cut):
    """Refuses the connections of a path; in a drill only."""

    name = "network.reject"
    summary = "Refuse the connections of a TCP path of actions.networks (nftables), in a drill only."
    example: ClassVar = {"network": "orders-db", "duration": "2m"}
    verdict = "reject with tcp reset"
    seen = "closed"
    is_so = "refuses connections"
