"""Builds what the faults need; called by the composition root."""

from activities.actions.faults import FaultPorts
from activities.actions.ports import ProgramRunner
from activities.clients.cgroups import KernelCgroups
from activities.clients.disks import LocalDisks
from activities.clients.leases import FileLeases
from activities.clients.machine import LinuxMachine
from activities.clients.processes import PidFileProcesses
from activities.clients.tcp import TcpDoors
from activities.ports import ConfigurationSource


def fault_ports(configuration: ConfigurationSource, programs: ProgramRunner) -> FaultPorts:
    """One of each, holding nothing open."""
    return FaultPorts(
        cgroups=KernelCgroups(),
        disks=LocalDisks(),
        doors=TcpDoors(),
        leases=FileLeases(configuration),
        machine=LinuxMachine(),
        processes=PidFileProcesses(),
        programs=programs,
    )
