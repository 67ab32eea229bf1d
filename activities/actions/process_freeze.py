"""`process.freeze`: a process that the kernel does not let run, as when its virtual machine is suspended.

Unlike under `process.pause` the process cannot notice it, not even afterwards, and its parent is told nothing.
"""

import asyncio
from typing import ClassVar

from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.cgroups import CagedProcess, CageParameters, CgroupPlace, InCgroup, thawing
from activities.leases import Recipe

# The kernel freezes a process at its next step out of a system call.
_SEEN_WITHIN_SECONDS = 2.0
_POLL_SECONDS = 0.02


class ProcessFreeze(InCgroup[CageParameters]):
    """Freezes the process of a pid file; in a drill only."""

    name = "process.freeze"
    summary = "Freeze a process of actions.processes in a cgroup, in a drill only; it is thawed."
    controller = "freezer"
    parameters_model = CageParameters
    example: ClassVar = {"process": "shop", "duration": "2m"}

    @override
    def limits(self, parameters: CageParameters, place: CgroupPlace) -> dict[str, str]:
        return {}

    @override
    def what(self, parameters: CageParameters) -> str:
        return "is frozen"

    @override
    def way_back(self, place: CgroupPlace) -> Recipe:
        return thawing(place)

    @override
    async def inject(self, parameters: CageParameters, result: CagedProcess, call: Call) -> None:
        await super().inject(parameters, result, call)
        file, text = ("freezer.state", "FROZEN") if result.place.version == 1 else ("cgroup.freeze", "1")
        self.cgroups.set(result.place, file, text)

    @override
    async def observe(self, parameters: CageParameters, result: CagedProcess, call: Call) -> Finding:
        inside = await super().observe(parameters, result, call)
        if not inside.holds:
            return inside
        file, word = ("freezer.state", "FROZEN") if result.place.version == 1 else ("cgroup.events", "frozen 1")
        for _ in range(round(_SEEN_WITHIN_SECONDS / _POLL_SECONDS)):
            said = self.cgroups.read(result.place, file) or ""
            if word in said.splitlines():
                break
            await asyncio.sleep(_POLL_SECONDS)
        return Finding(holds=word in said.splitlines(), detail=f"{file} says {said.replace(chr(10), ', ')}")
