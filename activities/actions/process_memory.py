"""`process.memory`: a process that gets no more memory, until the kernel ends it.

The one thing to know: what it holds already stays outside of the limit; what it asks for from now on is counted. A
process that the kernel has ended for it is brought back by its supervisor, not by the undo.
"""

from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from activities.actions.cgroups import CageParameters, CgroupPlace, InCgroup
from domain.fault_targets import MEBIBYTE

# What the kernel counts memory in.
_PAGE_BYTES = 4096


class ProcessMemoryParameters(CageParameters):
    """Which process, and how much."""

    # Beside what it has now.
    limit_bytes: int = Field(default=16 * MEBIBYTE, ge=MEBIBYTE)


class ProcessMemory(InCgroup[ProcessMemoryParameters]):
    """Limits the memory of the process of a pid file; in a drill only."""

    name = "process.memory"
    summary = "Give a process of actions.processes no more memory than this (cgroup limit), in a drill only."
    controller = "memory"
    parameters_model = ProcessMemoryParameters
    example: ClassVar = {"process": "shop", "limit_bytes": 16777216, "duration": "2m"}

    @override
    def limits(self, parameters: ProcessMemoryParameters, place: CgroupPlace) -> dict[str, str]:
        limit = str(parameters.limit_bytes // _PAGE_BYTES * _PAGE_BYTES)
        return {"memory.limit_in_bytes" if place.version == 1 else "memory.max": limit}

    @override
    def what(self, parameters: ProcessMemoryParameters) -> str:
        return f"gets {parameters.limit_bytes // MEBIBYTE} MiB of memory and no more"
