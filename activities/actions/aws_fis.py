"""`aws.fis.start_experiment`: let the AWS Fault Injection Service do harm, and stop it.

The one thing to know: FIS ends its faults by itself after the durations of the template, and at once when stopped;
which resources are hit is decided by the template, not here.
"""

from typing import Any, ClassVar

from typing_extensions import override

from activities.action import Call
from activities.actions.aws_execution import Execution, Progress, StartParameters, StartsExecution
from domain.run import Effect

_PROGRESS = {
    "pending": Progress.BEGINNING,
    "initiating": Progress.BEGINNING,
    "running": Progress.RUNNING,
    "stopping": Progress.RUNNING,
    "completed": Progress.SUCCEEDED,
    "stopped": Progress.STOPPED,
}


class StartExperimentParameters(StartParameters):
    """Which template."""

    template: str
    # A fault is there once the experiment runs; what it causes is watched by the game day.
    wait_for_end: bool = False

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `fis/TEMPLATE`."""
        return f"fis/{self.template}"


class FisStartExperiment(StartsExecution[StartExperimentParameters]):
    """One experiment per step. Runs in drills only."""

    name = "aws.fis.start_experiment"
    summary = "Start an experiment of the AWS Fault Injection Service; undo stops it."
    effect = Effect.FAULT
    parameters_model = StartExperimentParameters
    service = "fis"
    example: ClassVar = {"target": "shop-eu", "template": "EXT1a2b3c4d5e6f7"}

    @override
    async def found(self, parameters: StartExperimentParameters, call: Call, mark: str) -> list[Execution]:
        listed: list[dict[str, Any]] = []
        async for page in self.door.pages(
            parameters, call, "ListExperiments", "nextToken", experimentTemplateId=parameters.template
        ):
            listed += [one for one in page["experiments"] if mark in (one.get("tags") or {})]
        return [_execution(one) for one in sorted(listed, key=lambda one: one["creationTime"])]

    @override
    async def begin(self, parameters: StartExperimentParameters, call: Call, mark: str, client_token: str) -> str:
        started = await self.door.tell(
            parameters,
            call,
            parameters.resource,
            "StartExperiment",
            clientToken=client_token,
            experimentTemplateId=parameters.template,
            tags={mark: ""},
        )
        return str(started["experiment"]["id"])

    @override
    async def look(self, parameters: StartExperimentParameters, call: Call, execution: str) -> Execution:
        return _execution((await self.door.ask(parameters, call, "GetExperiment", id=execution))["experiment"])

    @override
    async def stop(self, parameters: StartExperimentParameters, call: Call, execution: str) -> None:
        await self.door.tell(parameters, call, parameters.resource, "StopExperiment", id=execution)


def _execution(one: dict[str, Any]) -> Execution:
    state = one["state"]
    # `failed`, `cancelled` and what may come are ways of having failed.
    progress = _PROGRESS.get(state["status"], Progress.FAILED)
    return Execution(one["id"], progress, state["status"], state.get("reason") or "")
