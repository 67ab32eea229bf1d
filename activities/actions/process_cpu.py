"""`process.cpu`: a process that gets little processor time, as beside a noisy neighbour."""

from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from activities.actions.cgroups import CageParameters, CgroupPlace, InCgroup

# The kernel's own default: long enough to be cheap, short enough to be felt as slowness and not as hanging.
_PERIOD_MICROSECONDS = 100_000


class ProcessCpuParameters(CageParameters):
    """Which process, and how little."""

    # Of one processor, for it and its children together. The kernel takes no less than 1 %.
    percent: int = Field(default=5, ge=1, le=100)


class ProcessCpu(InCgroup[ProcessCpuParameters]):
    """Limits the processor time of the process of a pid file; in a drill only."""

    name = "process.cpu"
    summary = "Give a process of actions.processes little processor time (cgroup quota), in a drill only."
    controller = "cpu"
    parameters_model = ProcessCpuParameters
    example: ClassVar = {"process": "shop", "percent": 5, "duration": "2m"}

    @override
    def limits(self, parameters: ProcessCpuParameters, place: CgroupPlace) -> dict[str, str]:
        quota = _PERIOD_MICROSECONDS * parameters.percent // 100
        if place.version == 1:
            return {"cpu.cfs_period_us": str(_PERIOD_MICROSECONDS), "cpu.cfs_quota_us": str(quota)}
        return {"cpu.max": f"{quota} {_PERIOD_MICROSECONDS}"}

    @override
    def what(self, parameters: ProcessCpuParameters) -> str:
        return f"gets {parameters.percent} % of a processor"
