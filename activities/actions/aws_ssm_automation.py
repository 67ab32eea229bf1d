"""`aws.ssm.start_automation`: run a Systems Manager Automation document, watch it to its end, stop it.

The one thing to know: stopping is an undo only while it runs. What a finished automation has changed, it alone knows;
give such a step an `undo` of its own.
"""

from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.aws_execution import Execution, Progress, StartParameters, StartsExecution
from domain.errors import NeedsHuman
from domain.run import Effect

_PROGRESS = {
    "Pending": Progress.BEGINNING,
    "InProgress": Progress.RUNNING,
    "Waiting": Progress.RUNNING,
    "PendingApproval": Progress.RUNNING,
    "Approved": Progress.RUNNING,
    "Scheduled": Progress.BEGINNING,
    "RunbookInProgress": Progress.RUNNING,
    "PendingChangeCalendarOverride": Progress.BEGINNING,
    "ChangeCalendarOverrideApproved": Progress.BEGINNING,
    "Cancelling": Progress.RUNNING,
    "Success": Progress.SUCCEEDED,
    "CompletedWithSuccess": Progress.SUCCEEDED,
    "Cancelled": Progress.STOPPED,
    "Exited": Progress.STOPPED,
}


class StartAutomationParameters(StartParameters):
    """Which document and with what."""

    document: str
    # None: its default version.
    version: str | None = None
    parameters: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `ssm/automation/DOCUMENT`."""
        return f"ssm/automation/{self.document}"


class SsmStartAutomation(StartsExecution[StartAutomationParameters]):
    """One execution per step, whatever becomes of workers and answers."""

    name = "aws.ssm.start_automation"
    summary = "Run an AWS Systems Manager Automation document to its end; undo stops it while it runs."
    effect = Effect.MUTATING
    parameters_model = StartAutomationParameters
    service = "ssm"
    example: ClassVar = {
        "target": "shop-eu",
        "document": "AWS-RestartEC2Instance",
        "parameters": {"InstanceId": ["i-0123456789abcdef0"]},
    }

    @override
    async def found(self, parameters: StartAutomationParameters, call: Call, mark: str) -> list[Execution]:
        listed: list[dict[str, Any]] = []
        filters = [{"Key": "TagKey", "Values": [mark]}]
        async for page in self.door.pages(
            parameters, call, "DescribeAutomationExecutions", "NextToken", Filters=filters
        ):
            listed += page["AutomationExecutionMetadataList"]
        return [_execution(one) for one in sorted(listed, key=lambda one: one["ExecutionStartTime"])]

    @override
    async def begin(self, parameters: StartAutomationParameters, call: Call, mark: str, client_token: str) -> str:
        started = await self.door.tell(
            parameters,
            call,
            parameters.resource,
            "StartAutomationExecution",
            DocumentName=parameters.document,
            DocumentVersion=parameters.version,
            Parameters={name: list(values) for name, values in parameters.parameters.items()},
            ClientToken=client_token,
            Tags=[{"Key": mark, "Value": ""}],
        )
        return str(started["AutomationExecutionId"])

    @override
    async def look(self, parameters: StartAutomationParameters, call: Call, execution: str) -> Execution:
        return _execution(await self._execution(parameters, call, execution))

    @override
    async def outputs(
        self, parameters: StartAutomationParameters, call: Call, execution: str
    ) -> dict[str, tuple[str, ...]]:
        found = await self._execution(parameters, call, execution)
        return {name: tuple(values) for name, values in (found.get("Outputs") or {}).items()}

    @override
    async def stop(self, parameters: StartAutomationParameters, call: Call, execution: str) -> None:
        await self.door.tell(
            parameters,
            call,
            parameters.resource,
            "StopAutomationExecution",
            AutomationExecutionId=execution,
            Type="Cancel",
        )

    @override
    def demand_undoable(self, execution: Execution) -> None:
        if execution.progress is Progress.SUCCEEDED:
            raise NeedsHuman(
                f"the automation {execution.id} has ended with {execution.status}; stopping it brings nothing back. "
                "Bring it back by hand, and give such a step an 'undo' of its own"
            )

    async def _execution(self, parameters: StartAutomationParameters, call: Call, execution: str) -> dict[str, Any]:
        found = await self.door.ask(parameters, call, "GetAutomationExecution", AutomationExecutionId=execution)
        one: dict[str, Any] = found["AutomationExecution"]
        return one


def _execution(one: dict[str, Any]) -> Execution:
    status = one["AutomationExecutionStatus"]
    # What is not known is a way of having failed: TimedOut, Failed, Rejected, CompletedWithFailure and what may come.
    progress = _PROGRESS.get(status, Progress.FAILED)
    return Execution(one["AutomationExecutionId"], progress, status, one.get("FailureMessage") or "")
