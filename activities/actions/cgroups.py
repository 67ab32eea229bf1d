"""What `process.freeze`, `process.cpu` and `process.memory` have in common: a cgroup of the fault's own.

The process and its children are moved into a new cgroup below theirs, and back. The one thing to know: the cgroup
exists only while the fault does, so whether it is there is the whole question of residue.
"""

from collections.abc import Mapping
from typing import Generic, Literal, Protocol, TypeVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.machine import Machine, ProcessIdentity, pid_file_of
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, LeaveCgroup, Recipe, Write
from activities.ports import ConfigurationSource
from domain.model import Model

# `unified`: a cgroup of version 2 for its own sake, without any controller.
Controller = Literal["freezer", "cpu", "memory", "unified"]


class CgroupPlace(Model):
    """Where the fault's cgroup is to be, and where its processes come from."""

    version: Literal[1, 2] = 2
    home: str = ""
    folder: str = ""
    # How far below the top it is.
    level: int = 1


class Cgroups(Protocol):
    """The kernel's control groups."""

    def trouble(self, controller: Controller) -> str | None:
        """Why this machine cannot do it and how to mend that; None when it can."""

    def place(self, controller: Controller, process: ProcessIdentity, key: str) -> CgroupPlace:
        """Where a cgroup for that process would be. Makes nothing."""

    def cage(self, place: CgroupPlace, settings: Mapping[str, str], processes: tuple[ProcessIdentity, ...]) -> None:
        """Make the cgroup, write its files in order, move the processes. Again: the same."""

    def set(self, place: CgroupPlace, file: str, text: str) -> None:
        """Write one of its files."""

    def read(self, place: CgroupPlace, file: str) -> str | None:
        """What one of its files says; None when the cgroup is not there."""


class CagedProcess(Injected):
    """Who is in which cgroup, and what the cgroup says while the fault is there."""

    processes: tuple[ProcessIdentity, ...] = Field(default=())
    place: CgroupPlace = CgroupPlace()
    # File to text.
    limits: dict[str, str] = Field(default_factory=dict)


class CageParameters(FaultParameters):
    """Which process; its children share its fate."""

    # A name of `actions.processes`, never a pid.
    process: str


P = TypeVar("P", bound=CageParameters)


class InCgroup(FaultAction[P, CagedProcess], Generic[P]):
    """Derive once per controller."""

    controller: Controller
    result_model = CagedProcess

    def __init__(self, configuration: ConfigurationSource, leases: Leases, machine: Machine, cgroups: Cgroups) -> None:
        super().__init__(configuration, leases)
        self.machine = machine
        self.cgroups = cgroups

    def limits(self, parameters: P, place: CgroupPlace) -> dict[str, str]:
        """The files of the cgroup and what they are to say."""
        raise NotImplementedError

    def what(self, parameters: P) -> str:
        """What is so with the process meanwhile: `is frozen`."""
        raise NotImplementedError

    def way_back(self, place: CgroupPlace) -> Recipe:
        """What is to be done before the processes can leave."""
        del place
        return ()

    @override
    async def capability(self, parameters: P, call: Call) -> Finding:
        process = self.machine.process(pid_file_of(self.configuration, parameters.process))
        trouble = self.cgroups.trouble(self.controller)
        if trouble is not None:
            return Finding(holds=False, detail=trouble)
        place = self.cgroups.place(self.controller, process, call.performed_key)
        detail = f"{parameters.process} runs as {process.pid} in {place.home} (cgroup v{place.version})"
        return Finding(holds=True, detail=detail)

    @override
    async def plan(self, parameters: P, call: Call) -> Plan[CagedProcess]:
        process = self.machine.process(pid_file_of(self.configuration, parameters.process))
        place = self.cgroups.place(self.controller, process, call.performed_key)
        result = CagedProcess(
            what=f"process {process.pid} of {parameters.process} {self.what(parameters)}",
            processes=self.machine.with_children(process),
            place=place,
            limits=self.limits(parameters, place),
        )
        return Plan(result, (*self.way_back(place), LeaveCgroup(folder=place.folder, home=place.home)))

    @override
    async def inject(self, parameters: P, result: CagedProcess, call: Call) -> None:
        self.cgroups.cage(result.place, result.limits, result.processes)

    @override
    async def observe(self, parameters: P, result: CagedProcess, call: Call) -> Finding:
        first = result.processes[0]
        inside = (self.cgroups.read(result.place, "cgroup.procs") or "").split()
        if str(first.pid) not in inside or self.machine.state(first) is None:
            return Finding(holds=False, detail=f"process {first.pid} is not in {result.place.folder}")
        said = {file: self.cgroups.read(result.place, file) for file in result.limits}
        detail = ", ".join(f"{file} says {text}" for file, text in said.items())
        return Finding(holds=said == result.limits, detail=detail)

    @override
    async def residue(self, parameters: P, result: CagedProcess, call: Call) -> Finding:
        is_there = self.cgroups.read(result.place, "cgroup.procs") is not None
        return Finding(holds=not is_there, detail=f"{result.place.folder} is {'still there' if is_there else 'gone'}")


def thawing(place: CgroupPlace) -> Recipe:
    """Let everybody in a cgroup run again."""
    if place.version == 1:
        return (Write(path=f"{place.folder}/freezer.state", text="THAWED", shows="THAWED"),)
    return (Write(path=f"{place.folder}/cgroup.freeze", text="0", shows="0"),)
