"""`network.drop` and `network.reject`: a TCP path that swallows packets, or refuses them; done by nftables.

Each fault is one table of its own, so that its end is the end of the table and no rule of anybody else is touched. The
one thing to know: the rules match a set whose only element has the lease as its timeout. When nobody renews it the
kernel itself lets packets through again, even with the watchdog dead; the empty table is what the sweep removes.
"""

import hashlib
from ipaddress import ip_address
from typing import ClassVar, Literal

from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.check_tcp import Doors
from activities.actions.machine import Machine
from activities.actions.ports import Program, ProgramRunner
from activities.actions.switches import named
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, LeaseState, Run
from activities.ports import ConfigurationSource
from domain.action_targets import Endpoint
from domain.errors import Rejected, RejectionKind, Transient
from domain.fault_targets import NetworkPath

_NFT_SECONDS = 10.0
# Inside one machine or region a connection takes milliseconds; silence for this long is no slowness.
_KNOCK_SECONDS = 1.0
_GONE = "No such file or directory"


class NetworkParameters(FaultParameters):
    """Which path."""

    # A name of `actions.networks`.
    network: str


class CutPath(Injected):
    """The table that does it."""

    table: str = ""
    program: str = ""
    path: NetworkPath = NetworkPath(address="127.0.0.1", port=1)


class _Cut(FaultAction[NetworkParameters, CutPath]):
    """What both have in common: all but the verdict."""

    parameters_model = NetworkParameters
    result_model = CutPath
    # What nft does with a packet, and how a connection ends then.
    verdict: ClassVar[str]
    seen: ClassVar[Literal["closed", "silent"]]
    is_so: ClassVar[str]

    def __init__(
        self,
        configuration: ConfigurationSource,
        leases: Leases,
        machine: Machine,
        programs: ProgramRunner,
        doors: Doors,
    ) -> None:
        super().__init__(configuration, leases)
        self._machine = machine
        self._programs = programs
        self._doors = doors

    @override
    async def capability(self, parameters: NetworkParameters, call: Call) -> Finding:
        path = self._path(parameters)
        if self._machine.program("nft") is None:
            return Finding(holds=False, detail="nft is not installed on this machine: apt-get install nftables")
        result = self._planned(parameters, call)
        words = await self._nft(result, _rules(result, self.verdict, parameters), check_only=True)
        if words is not None:
            detail = f"nftables cannot be used here ({words}); run this worker as root, with the kernel's nf_tables"
            return Finding(holds=False, detail=detail)
        state = await self._knock(path)
        if state != "open":
            detail = f"{path.address}:{path.port} is {state} already, so that a fault could not be told from it"
            return Finding(holds=False, detail=detail)
        return Finding(holds=True, detail=f"{path.address}:{path.port} is open and can be cut off")

    @override
    async def plan(self, parameters: NetworkParameters, call: Call) -> Plan[CutPath]:
        result = self._planned(parameters, call)
        argv = (result.program, "delete", "table", "inet", result.table)
        return Plan(result, (Run(argv=argv, seconds=_NFT_SECONDS, fine_if_says=_GONE),))

    @override
    async def inject(self, parameters: NetworkParameters, result: CutPath, call: Call) -> None:
        words = await self._nft(result, _rules(result, self.verdict, parameters))
        if words is not None:
            raise Rejected(f"nft refused the rules of {result.table}: {words}", RejectionKind.CONFLICT)

    @override
    async def renew(self, parameters: NetworkParameters, call: Call) -> LeaseState:
        state = await super().renew(parameters, call)
        lease = await self.leases.find(call.performed_key)
        if state.state != "held" or lease is None:
            return state
        # As it was injected, whatever hotwash.yaml says by now.
        result = CutPath.model_validate(lease.facts)
        # Emptied and filled in one transaction: no packet gets through in between.
        words = await self._nft(result, f"flush set inet {result.table} ports; {_element(result, parameters)}")
        if words is None:
            return state
        return LeaseState(state="lost", detail=f"the kernel's own timeout could not be renewed: {words}")

    @override
    async def observe(self, parameters: NetworkParameters, result: CutPath, call: Call) -> Finding:
        state = await self._knock(result.path)
        return Finding(holds=state == self.seen, detail=f"{result.path.address}:{result.path.port} is {state}")

    @override
    async def residue(self, parameters: NetworkParameters, result: CutPath, call: Call) -> Finding:
        words = await self._nft(result, f"list table inet {result.table}")
        if words is None:
            return Finding(holds=False, detail=f"the table {result.table} is still there")
        if _GONE in words:
            return Finding(holds=True, detail=f"the table {result.table} is gone")
        return Finding(holds=None, detail=f"nft does not say whether {result.table} is there: {words}")

    def _path(self, parameters: NetworkParameters) -> NetworkPath:
        return named(self.configuration.current().actions.networks, parameters.network, "networks", "network")

    def _planned(self, parameters: NetworkParameters, call: Call) -> CutPath:
        path = self._path(parameters)
        mark = hashlib.sha256(f"{call.performed_key} {path.address} {path.port}".encode()).hexdigest()[:16]
        what = f"{parameters.network} ({path.address}:{path.port}) {self.is_so}"
        return CutPath(what=what, table=f"hotwash_{mark}", program=self._machine.program("nft") or "nft", path=path)

    async def _knock(self, path: NetworkPath) -> str:
        state, _ = await self._doors.knock(Endpoint(host=path.address, port=path.port), _KNOCK_SECONDS)
        return state

    async def _nft(self, result: CutPath, script: str, *, check_only: bool = False) -> str | None:
        """Run one transaction; None when it went well, else nft's own words."""
        argv = (result.program, "--check", script) if check_only else (result.program, script)
        ended = await self._programs.run(Program(argv, None, _NFT_SECONDS))
        if ended.exit_code is None:
            raise Transient("nft did not end")
        return None if ended.exit_code == 0 else " ".join(ended.stderr.split())[:300]


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


def _element(result: CutPath, parameters: NetworkParameters) -> str:
    milliseconds = round(parameters.lease.total_seconds() * 1000)
    return f"add element inet {result.table} ports {{ {result.path.port} timeout {milliseconds}ms }}"


def _rules(result: CutPath, verdict: str, parameters: NetworkParameters) -> str:
    """The whole table, made anew whatever was there: one transaction."""
    family = "ip" if ip_address(result.path.address).version == 4 else "ip6"  # noqa: PLR2004
    hook = "output" if result.path.direction == "out" else "input"
    table = f"inet {result.table}"
    return "; ".join(
        (
            f"add table {table}",
            f"delete table {table}",
            f"add table {table}",
            f"add set {table} ports {{ type inet_service; flags timeout; }}",
            # Before the filters of others: what is to be cut must not be accepted by an earlier rule of theirs.
            f"add chain {table} cut {{ type filter hook {hook} priority -10; policy accept; }}",
            f"add rule {table} cut {family} daddr {result.path.address} tcp dport @ports counter {verdict}",
            _element(result, parameters),
        )
    )
