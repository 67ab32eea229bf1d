"""The faults of game days on the machine that a worker runs on; called by `builtin_actions`.

`FaultPorts` is what they need from the outside, in one piece; `activities/clients/fault_ports.py` builds it.
"""

from dataclasses import dataclass

from activities.action import AnyAction
from activities.actions.machine import Machine
from activities.actions.ports import Processes
from activities.actions.process_kill import ProcessKill
from activities.actions.process_pause import ProcessPause
from activities.leases import Leases
from activities.ports import ConfigurationSource

FAULT_ACTIONS: tuple[type[AnyAction], ...] = (
    ProcessKill,
    ProcessPause,
)


@dataclass(frozen=True)
class FaultPorts:
    """What the faults need."""

    leases: Leases
    machine: Machine
    processes: Processes


def fault_actions(configuration: ConfigurationSource, ports: FaultPorts) -> list[AnyAction]:
    """One of each of `FAULT_ACTIONS`, with what it needs."""
    return [
        ProcessKill(configuration, ports.leases, ports.processes),
        ProcessPause(configuration, ports.leases, ports.machine),
    ]
