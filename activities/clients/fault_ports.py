"""Builds what the faults need; called by the composition root."""

from activities.actions.faults import FaultPorts
from activities.actions.ports import HttpCaller, ProgramRunner
from activities.clients.certificates import TlsCertificates
from activities.clients.cgroups import KernelCgroups
from activities.clients.clocks import HttpClocks
from activities.clients.disks import LocalDisks
from activities.clients.leases import FileLeases
from activities.clients.machine import LinuxMachine
from activities.clients.name_servers import UdpNameServers
from activities.clients.processes import PidFileProcesses
from activities.clients.service_faults import service_fault_ports
from activities.clients.tcp import TcpDoors
from activities.ports import ConfigurationSource


def fault_ports(configuration: ConfigurationSource, programs: ProgramRunner, http: HttpCaller) -> FaultPorts:
    """One of each, holding nothing open."""
    leases = FileLeases(configuration)
    return FaultPorts(
        certificates=TlsCertificates(),
        cgroups=KernelCgroups(),
        clocks=HttpClocks(),
        disks=LocalDisks(),
        doors=TcpDoors(),
        leases=leases,
        machine=LinuxMachine(),
        name_servers=UdpNameServers(programs),
        processes=PidFileProcesses(),
        programs=programs,
        services=service_fault_ports(leases, programs, http),
    )
