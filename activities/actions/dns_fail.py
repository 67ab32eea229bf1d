"""`dns.fail`: a process that resolves no names, while everybody else on the machine does.

The process and its children are moved into a cgroup of version 2, and what they send to their name server is dropped.
The one thing to know: the proof is a real question, asked from inside that cgroup.
"""

from pathlib import PurePath
from typing import ClassVar, Literal, Protocol

from pydantic import Field
from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.cgroups import CgroupPlace, Cgroups
from activities.actions.machine import Machine, ProcessIdentity, pid_file_of
from activities.actions.packet_filter import PacketFilter, Rules, removing
from activities.actions.switches import named
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, LeaseState, LeaveCgroup
from activities.ports import ConfigurationSource
from domain.fault_targets import Resolver

# nft names a cgroup by its path below this, wherever version 2 is mounted.
_CGROUP_ROOT = "/sys/fs/cgroup"


class NameServers(Protocol):
    """Name servers, as a process on this machine sees them."""

    async def ask(self, resolver: Resolver, cgroup: str | None) -> Literal["answered", "silent"]:
        """Ask for the resolver's name, from inside a cgroup if one is given."""


class DnsFailParameters(FaultParameters):
    """Whose name server."""

    # A name of `actions.resolvers`.
    resolver: str


class NamelessProcess(Injected):
    """Who gets no answers, and how."""

    processes: tuple[ProcessIdentity, ...] = Field(default=())
    place: CgroupPlace = CgroupPlace()
    rules: Rules = Rules()
    resolver: Resolver = Resolver(process="")


class DnsFail(FaultAction[DnsFailParameters, NamelessProcess]):
    """Takes a process's name server away; in a drill only."""

    name = "dns.fail"
    summary = "Let a process of actions.resolvers resolve no names (cgroup v2 and nftables), in a drill only."
    parameters_model = DnsFailParameters
    result_model = NamelessProcess
    example: ClassVar = {"resolver": "shop", "duration": "2m"}

    def __init__(
        self,
        configuration: ConfigurationSource,
        leases: Leases,
        *,
        machine: Machine,
        cgroups: Cgroups,
        packets: PacketFilter,
        servers: NameServers,
    ) -> None:
        super().__init__(configuration, leases)
        self._machine = machine
        self._cgroups = cgroups
        self._packets = packets
        self._servers = servers

    @override
    async def capability(self, parameters: DnsFailParameters, call: Call) -> Finding:
        resolver, process = self._target(parameters)
        # The cgroup of the real rules is not there yet; these are the same but for it.
        trial = self._rules(resolver, call, parameters).model_copy(update={"match": "meta l4proto { tcp, udp }"})
        trouble = self._cgroups.trouble("unified") or await self._packets.trouble(trial)
        if trouble is not None:
            return Finding(holds=False, detail=trouble)
        where = f"{resolver.address}:{resolver.port}"
        if await self._servers.ask(resolver, None) != "answered":
            detail = f"the name server {where} does not answer now; mend it, or actions.resolvers in hotwash.yaml"
            return Finding(holds=False, detail=detail)
        return Finding(holds=True, detail=f"{resolver.process} runs as {process.pid}, and {where} answers")

    @override
    async def plan(self, parameters: DnsFailParameters, call: Call) -> Plan[NamelessProcess]:
        resolver, process = self._target(parameters)
        place = self._cgroups.place("unified", process, call.performed_key)
        path = PurePath(place.folder).relative_to(_CGROUP_ROOT)
        match = f'socket cgroupv2 level {place.level} "{path}" meta l4proto {{ tcp, udp }}'
        rules = self._rules(resolver, call, parameters).model_copy(update={"match": match})
        result = NamelessProcess(
            what=f"process {process.pid} of {resolver.process} gets no answer from {resolver.address}",
            processes=self._machine.with_children(process),
            place=place,
            rules=rules,
            resolver=resolver,
        )
        return Plan(result, (removing(rules), LeaveCgroup(folder=place.folder, home=place.home)))

    @override
    async def inject(self, parameters: DnsFailParameters, result: NamelessProcess, call: Call) -> None:
        self._cgroups.cage(result.place, {}, result.processes)
        await self._packets.make(result.rules)

    @override
    async def renew(self, parameters: DnsFailParameters, call: Call) -> LeaseState:
        state, lease = await super().renew(parameters, call), await self.leases.find(call.performed_key)
        if state.state != "held" or lease is None:
            return state
        return await self._packets.renewed(NamelessProcess.model_validate(lease.facts).rules, state)

    @override
    async def observe(self, parameters: DnsFailParameters, result: NamelessProcess, call: Call) -> Finding:
        inside = (self._cgroups.read(result.place, "cgroup.procs") or "").split()
        first = result.processes[0].pid
        if str(first) not in inside:
            return Finding(holds=False, detail=f"process {first} is not in {result.place.folder}")
        answer = await self._servers.ask(result.resolver, result.place.folder)
        return Finding(holds=answer == "silent", detail=f"from the process's cgroup the name server is {answer}")

    @override
    async def residue(self, parameters: DnsFailParameters, result: NamelessProcess, call: Call) -> Finding:
        if self._cgroups.read(result.place, "cgroup.procs") is not None:
            return Finding(holds=False, detail=f"{result.place.folder} is still there")
        return await self._packets.residue(result.rules)

    def _target(self, parameters: DnsFailParameters) -> tuple[Resolver, ProcessIdentity]:
        resolvers = self.configuration.current().actions.resolvers
        resolver = named(resolvers, parameters.resolver, "resolvers", "resolver")
        return resolver, self._machine.process(pid_file_of(self.configuration, resolver.process))

    def _rules(self, resolver: Resolver, call: Call, parameters: DnsFailParameters) -> Rules:
        return Rules(
            table=self._packets.table_of(call.performed_key, resolver.address, resolver.port),
            program=self._packets.program(),
            address=resolver.address,
            port=resolver.port,
            timeout=parameters.lease,
        )
