"""`host.cpu` and `host.memory`: a machine that is busy with something else; done by stress-ng, which ends by itself.

The one thing to know: three things end it, each alone: the undo, the lease, and stress-ng's own `--timeout`.
"""

import asyncio
from typing import ClassVar, Generic, TypeVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.machine import Machine
from activities.actions.switches import named
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import End, Leases
from activities.ports import ConfigurationSource
from domain.fault_targets import MEBIBYTE, PressedHost

_STRESS = "stress-ng"
# Long enough for the kernel's clock of 10 ms to tell, short enough to wait for.
_MEASURED_SECONDS = 0.5
# stress-ng counts its start as well, and other work shares the processors with it.
_ENOUGH = 0.5
# Filling memory takes about a second per GiB.
_SEEN_WITHIN_SECONDS = 10.0
_POLL_SECONDS = 0.1


class PressureParameters(FaultParameters):
    """Which machine."""

    # A name of `actions.hosts`.
    host: str


class HostCpuParameters(PressureParameters):
    """How many processors, and how much of each."""

    # None: all that hotwash.yaml allows.
    cpus: int | None = Field(default=None, ge=1)
    percent: int = Field(default=100, ge=10, le=100)


class HostMemoryParameters(PressureParameters):
    """How much memory."""

    take_bytes: int = Field(ge=MEBIBYTE)


class PressedMachine(Injected):
    """The program that does it."""

    argv: tuple[str, ...] = ()
    # What it uses: processors, or bytes.
    wanted: float = 0.0


P = TypeVar("P", bound=PressureParameters)


class _Pressure(FaultAction[P, PressedMachine], Generic[P]):
    """What both have in common: stress-ng."""

    result_model = PressedMachine

    def __init__(self, configuration: ConfigurationSource, leases: Leases, machine: Machine) -> None:
        super().__init__(configuration, leases)
        self.machine = machine

    @override
    async def capability(self, parameters: P, call: Call) -> Finding:
        host = self.host(parameters)
        here = self.machine.hostname()
        if host.hostname != here:
            detail = f"{parameters.host} is {host.hostname} and this worker runs on {here}; give the step its site"
            return Finding(holds=False, detail=detail)
        if self.machine.program(_STRESS) is None:
            detail = f"{_STRESS} is not installed on {here}: apt-get install stress-ng"
            return Finding(holds=False, detail=detail)
        return self.room(parameters, host)

    def room(self, parameters: P, host: PressedHost) -> Finding:
        """Whether the machine may be pressed that far."""
        raise NotImplementedError

    @override
    async def inject(self, parameters: P, result: PressedMachine, call: Call) -> None:
        await self.leases.start(call.performed_key, result.argv)

    @override
    async def residue(self, parameters: P, result: PressedMachine, call: Call) -> Finding:
        running = await self.leases.started(call.performed_key)
        detail = f"{_STRESS} still runs as {running}" if running else f"{_STRESS} has ended"
        return Finding(holds=not running, detail=detail)

    def host(self, parameters: P) -> PressedHost:
        """What hotwash.yaml says of the machine."""
        return named(self.configuration.current().actions.hosts, parameters.host, "hosts", "host")

    def planned(self, parameters: P, call: Call, what: str, wanted: float, *argv: str) -> Plan[PressedMachine]:
        """stress-ng with these arguments, and the way back."""
        seconds = max(1, round(parameters.duration.total_seconds()))
        # Its temporary files go where everybody's go; it needs none for what it does here.
        program = self.machine.program(_STRESS) or _STRESS
        command = (program, *argv, "--timeout", f"{seconds}s", "--quiet", "--temp-path", "/tmp")  # noqa: S108
        recipe = (End(identity_file=self.leases.identity_file(call.performed_key)),)
        return Plan(PressedMachine(what=what, argv=command, wanted=wanted), recipe)


class HostCpu(_Pressure[HostCpuParameters]):
    """Uses up the processors of the worker's machine; in a drill only."""

    name = "host.cpu"
    summary = "Use up the processors of a machine of actions.hosts (stress-ng), in a drill only."
    parameters_model = HostCpuParameters
    example: ClassVar = {"host": "web-1", "percent": 90, "duration": "2m"}

    @override
    def room(self, parameters: HostCpuParameters, host: PressedHost) -> Finding:
        most = host.most_cpus or self.machine.processors()
        if (parameters.cpus or most) > most:
            detail = f"actions.hosts.{parameters.host} in hotwash.yaml allows {most} processors (most_cpus)"
            return Finding(holds=False, detail=detail)
        return Finding(holds=True, detail=f"{most} of {self.machine.processors()} processors may be used up")

    @override
    async def plan(self, parameters: HostCpuParameters, call: Call) -> Plan[PressedMachine]:
        cpus = parameters.cpus or self.host(parameters).most_cpus or self.machine.processors()
        what = f"{cpus} processors of {parameters.host} are busy to {parameters.percent} %"
        wanted = min(cpus, self.machine.processors()) * parameters.percent / 100
        arguments = ("--cpu", str(cpus), "--cpu-load", str(parameters.percent))
        return self.planned(parameters, call, what, wanted, *arguments)

    @override
    async def observe(self, parameters: HostCpuParameters, result: PressedMachine, call: Call) -> Finding:
        before = self.machine.busy_seconds()
        running = await self.leases.started(call.performed_key)
        if not running:
            return Finding(holds=False, detail=f"{_STRESS} does not run")
        await asyncio.sleep(_MEASURED_SECONDS)
        used = (self.machine.busy_seconds() - before) / _MEASURED_SECONDS
        detail = f"{used:.1f} of {self.machine.processors()} processors are busy"
        return Finding(holds=used >= result.wanted * _ENOUGH, detail=detail)


class HostMemory(_Pressure[HostMemoryParameters]):
    """Uses up memory of the worker's machine; in a drill only."""

    name = "host.memory"
    summary = "Use up memory of a machine of actions.hosts (stress-ng), in a drill only."
    parameters_model = HostMemoryParameters
    example: ClassVar = {"host": "web-1", "take_bytes": 1073741824, "duration": "2m"}

    @override
    def room(self, parameters: HostMemoryParameters, host: PressedHost) -> Finding:
        free = self.machine.available_memory()
        if free - parameters.take_bytes < host.keep_free_memory_bytes:
            detail = (
                f"{parameters.host} has {free // MEBIBYTE} MiB of memory left and keeps "
                f"{host.keep_free_memory_bytes // MEBIBYTE} MiB (keep_free_memory_bytes); take less"
            )
            return Finding(holds=False, detail=detail)
        return Finding(holds=True, detail=f"{free // MEBIBYTE} MiB of memory are left")

    @override
    async def plan(self, parameters: HostMemoryParameters, call: Call) -> Plan[PressedMachine]:
        what = f"{parameters.take_bytes // MEBIBYTE} MiB of memory of {parameters.host} are taken"
        arguments = ("--vm", "1", "--vm-bytes", str(parameters.take_bytes), "--vm-keep", "--vm-populate")
        return self.planned(parameters, call, what, float(parameters.take_bytes), *arguments)

    @override
    async def observe(self, parameters: HostMemoryParameters, result: PressedMachine, call: Call) -> Finding:
        taken = 0
        for _ in range(round(_SEEN_WITHIN_SECONDS / _POLL_SECONDS)):
            running = await self.leases.started(call.performed_key)
            taken = self.machine.resident_bytes(running)
            if not running or taken >= result.wanted:
                break
            await asyncio.sleep(_POLL_SECONDS)
        return Finding(holds=taken >= result.wanted, detail=f"{_STRESS} holds {taken // MEBIBYTE} MiB")
