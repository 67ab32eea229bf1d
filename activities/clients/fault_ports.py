"""Builds what the faults need; called by the composition root."""

from activities.actions.faults import FaultPorts
from activities.clients.leases import FileLeases
from activities.clients.machine import LinuxMachine
from activities.clients.processes import PidFileProcesses
from activities.ports import ConfigurationSource


def fault_ports(configuration: ConfigurationSource) -> FaultPorts:
    """One of each, holding nothing open."""
    return FaultPorts(leases=FileLeases(configuration), machine=LinuxMachine(), processes=PidFileProcesses())
