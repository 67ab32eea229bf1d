"""The faults of game days, of machines, networks and services; called by `builtin_actions`.

`FaultPorts` is what they need from the outside, in one piece; `activities/clients/fault_ports.py` builds it.
"""

from dataclasses import dataclass

from activities.action import AnyAction
from activities.actions.certificate_expire import CertificateExpire, Certificates
from activities.actions.cgroups import Cgroups
from activities.actions.chaostoolkit_run import ChaosToolkitRun
from activities.actions.check_tcp import Doors
from activities.actions.clock_shift import Clocks, ClockShift
from activities.actions.disk_fill import DiskFill, Disks
from activities.actions.dns_fail import DnsFail, NameServers
from activities.actions.host_pressure import HostCpu, HostMemory
from activities.actions.machine import Machine
from activities.actions.network import NetworkDrop, NetworkReject
from activities.actions.network_delay import NetworkDelay
from activities.actions.packet_filter import PacketFilter
from activities.actions.ports import Processes, ProgramRunner
from activities.actions.process_cpu import ProcessCpu
from activities.actions.process_freeze import ProcessFreeze
from activities.actions.process_kill import ProcessKill
from activities.actions.process_memory import ProcessMemory
from activities.actions.process_pause import ProcessPause
from activities.actions.program_inject import ProgramInject
from activities.actions.service_faults import SERVICE_FAULTS, ServiceFaultPorts, service_faults
from activities.actions.traffic_control import TrafficControl
from activities.leases import Leases
from activities.ports import ConfigurationSource

FAULT_ACTIONS: tuple[type[AnyAction], ...] = (
    ChaosToolkitRun,
    CertificateExpire,
    ClockShift,
    DiskFill,
    DnsFail,
    HostCpu,
    HostMemory,
    NetworkDelay,
    NetworkDrop,
    NetworkReject,
    ProcessCpu,
    ProcessFreeze,
    ProcessKill,
    ProcessMemory,
    ProcessPause,
    ProgramInject,
    *SERVICE_FAULTS,
)


@dataclass(frozen=True)
class FaultPorts:
    """What the faults need."""

    certificates: Certificates
    cgroups: Cgroups
    clocks: Clocks
    disks: Disks
    doors: Doors
    leases: Leases
    machine: Machine
    name_servers: NameServers
    processes: Processes
    programs: ProgramRunner
    services: ServiceFaultPorts


def fault_actions(configuration: ConfigurationSource, ports: FaultPorts) -> list[AnyAction]:
    """One of each of `FAULT_ACTIONS`, with what it needs."""
    leases, machine = ports.leases, ports.machine
    packets = PacketFilter(machine, ports.programs)
    return [
        ChaosToolkitRun(configuration, leases, machine, ports.programs),
        CertificateExpire(configuration, leases, machine, ports.programs, ports.certificates),
        ClockShift(configuration, leases, machine, ports.clocks),
        DiskFill(configuration, leases, ports.disks),
        DnsFail(
            configuration,
            leases,
            machine=machine,
            cgroups=ports.cgroups,
            packets=packets,
            servers=ports.name_servers,
        ),
        HostCpu(configuration, leases, machine),
        HostMemory(configuration, leases, machine),
        NetworkDelay(configuration, leases, TrafficControl(machine, ports.programs), ports.doors),
        NetworkDrop(configuration, leases, packets, ports.doors),
        NetworkReject(configuration, leases, packets, ports.doors),
        ProcessCpu(configuration, leases, machine, ports.cgroups),
        ProcessFreeze(configuration, leases, machine, ports.cgroups),
        ProcessKill(configuration, leases, machine, ports.processes),
        ProcessMemory(configuration, leases, machine, ports.cgroups),
        ProcessPause(configuration, leases, machine),
        ProgramInject(configuration, leases, machine, ports.programs),
        *service_faults(configuration, leases, ports.services),
    ]
