"""`aws.ssm.start_automation`: run a Systems Manager Automation document, watch it to its end, stop it.

AWS knows both our token and our tag, so it can always be asked what a vanished worker had begun. The one thing to know:
stopping is an undo only while it runs. What a finished automation has changed, it alone knows; give such a step an
`undo` of its own.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from activities.action import Action, Call, Finding, document
from activities.actions.aws import Aws, AwsDoor, AwsParameters, tag, token
from activities.ports import ConfigurationSource
from activities.waiting import until
from domain.errors import NeedsHuman, Transient
from domain.model import Model
from domain.run import Effect, Idempotency


class Progress(Enum):
    """How far an execution is."""

    BEGINNING = auto()
    RUNNING = auto()
    SUCCEEDED = auto()
    FAILED = auto()
    STOPPED = auto()


_OVER = frozenset({Progress.SUCCEEDED, Progress.FAILED, Progress.STOPPED})
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


@dataclass(frozen=True)
class Execution:
    """One execution as AWS tells of it."""

    id: str
    progress: Progress
    # AWS's own word, and its reason.
    status: str
    reason: str = ""


class Started(Model):
    """What was started. None: nothing was."""

    execution: str | None
    # AWS's word for how it ended; None while it runs.
    ended: str | None = None
    # What the execution itself put out, once it has ended.
    outputs: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class StartAutomationParameters(AwsParameters):
    """Which document and with what, and how long to stay with it."""

    document: str
    # None: its default version.
    version: str | None = None
    parameters: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    # False: the step is done as soon as it runs.
    wait_for_end: bool = True

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `ssm/automation/DOCUMENT`."""
        return f"ssm/automation/{self.document}"


class SsmStartAutomation(Action[StartAutomationParameters, Started]):
    """One execution per step, whatever becomes of workers and answers; an attempt after a failed one is a new one."""

    name = "aws.ssm.start_automation"
    summary = "Run an AWS Systems Manager Automation document to its end; undo stops it while it runs."
    effect = Effect.MUTATING
    # The target recognises our token.
    idempotency = Idempotency.KEYED
    parameters_model = StartAutomationParameters
    result_model = Started
    example: ClassVar = {
        "target": "shop-eu",
        "document": "AWS-RestartEC2Instance",
        "parameters": {"InstanceId": ["i-0123456789abcdef0"]},
    }

    def __init__(self, configuration: ConfigurationSource, aws: Aws) -> None:
        self.door = AwsDoor(configuration, aws, "ssm")

    @override
    async def perform(self, parameters: StartAutomationParameters, call: Call) -> Started:
        earlier = await self._found(parameters, call, tag(call.key))
        failed = [one for one in earlier if one.progress in (Progress.FAILED, Progress.STOPPED)]
        alive = [one for one in earlier if one not in failed]
        if alive:
            execution = alive[-1].id
        else:
            # A token that AWS has seen brings the failed execution back; an attempt after it is a new one.
            client_token = token(f"{call.key}/{len(failed)}")
            execution = await self._begin(parameters, call, tag(call.key), client_token)
        return await self._arrived(parameters, call, execution)

    @override
    async def undo(self, parameters: StartAutomationParameters, performed: Started | None, call: Call) -> Started:
        mine = await self._found(parameters, call, tag(call.performed_key))
        if performed is not None and performed.execution is not None:
            known = {one.id for one in mine}
            if performed.execution not in known:
                mine.append(await self._look(parameters, call, performed.execution))
        if not mine:
            return Started(execution=None)
        for one in mine:
            if one.progress not in _OVER:
                await self._stop(parameters, call, one.id)
                await self._see_it_end(parameters, call, one.id)
            _demand_undoable(one)
        last = await self._look(parameters, call, mine[-1].id)
        return Started(execution=last.id, ended=last.status)

    @override
    async def check(self, parameters: StartAutomationParameters, call: Call) -> Finding:
        mine = await self._found(parameters, call, tag(call.performed_key))
        if not mine:
            return Finding(holds=False, detail=f"this step has started nothing of {parameters.resource}")
        last = mine[-1]
        holds = last.progress is Progress.SUCCEEDED or (
            last.progress is Progress.RUNNING and not parameters.wait_for_end
        )
        started = await self._started(parameters, call, last)
        return Finding(
            holds=holds, detail=f"{last.id} is {last.status} {last.reason}".strip(), output=document(started)
        )

    @override
    def sentence(self, result: Started) -> str:
        if result.execution is None:
            return "nothing was started"
        return f"{result.execution} ended: {result.ended}" if result.ended else f"{result.execution} runs"

    async def _arrived(self, parameters: StartAutomationParameters, call: Call, execution: str) -> Started:
        """See it run, or end; Transient when it failed."""

        async def look() -> str | None:
            one = await self._look(parameters, call, execution)
            if one.progress in (Progress.FAILED, Progress.STOPPED):
                raise Transient(f"{execution} of {parameters.resource} ended: {one.status} {one.reason}".strip())
            there = one.progress is Progress.SUCCEEDED or (
                one.progress is Progress.RUNNING and not parameters.wait_for_end
            )
            return None if there else f"it is {one.status}"

        await until(look, f"{execution} of {parameters.resource}", call.seconds_left)
        return await self._started(parameters, call, await self._look(parameters, call, execution))

    async def _started(self, parameters: StartAutomationParameters, call: Call, one: Execution) -> Started:
        if not parameters.wait_for_end or one.progress not in _OVER:
            return Started(execution=one.id)
        return Started(execution=one.id, ended=one.status, outputs=await self._outputs(parameters, call, one.id))

    async def _see_it_end(self, parameters: StartAutomationParameters, call: Call, execution: str) -> None:
        async def look() -> str | None:
            one = await self._look(parameters, call, execution)
            return None if one.progress in _OVER else f"it is {one.status}"

        await until(look, f"{execution} of {parameters.resource}", call.seconds_left)

    async def _found(self, parameters: StartAutomationParameters, call: Call, mark: str) -> list[Execution]:
        """The executions that bear our tag, in the order in which they were started."""
        listed: list[dict[str, Any]] = []
        filters = [{"Key": "TagKey", "Values": [mark]}]
        async for page in self.door.pages(
            parameters, call, "DescribeAutomationExecutions", "NextToken", Filters=filters
        ):
            listed += page["AutomationExecutionMetadataList"]
        return [_execution(one) for one in sorted(listed, key=lambda one: one["ExecutionStartTime"])]

    async def _begin(self, parameters: StartAutomationParameters, call: Call, mark: str, client_token: str) -> str:
        """Start it under a token, with the tag; returns its id."""
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

    async def _look(self, parameters: StartAutomationParameters, call: Call, execution: str) -> Execution:
        return _execution(await self._execution(parameters, call, execution))

    async def _outputs(
        self, parameters: StartAutomationParameters, call: Call, execution: str
    ) -> dict[str, tuple[str, ...]]:
        """What an execution that has ended put out."""
        found = await self._execution(parameters, call, execution)
        return {name: tuple(values) for name, values in (found.get("Outputs") or {}).items()}

    async def _stop(self, parameters: StartAutomationParameters, call: Call, execution: str) -> None:
        """Ask it to stop; an execution that has just ended is fine."""
        await self.door.tell(
            parameters,
            call,
            parameters.resource,
            "StopAutomationExecution",
            AutomationExecutionId=execution,
            Type="Cancel",
        )

    async def _execution(self, parameters: StartAutomationParameters, call: Call, execution: str) -> dict[str, Any]:
        found = await self.door.ask(parameters, call, "GetAutomationExecution", AutomationExecutionId=execution)
        one: dict[str, Any] = found["AutomationExecution"]
        return one


def _demand_undoable(execution: Execution) -> None:
    """NeedsHuman when stopping is not enough to undo it."""
    if execution.progress is Progress.SUCCEEDED:
        raise NeedsHuman(
            f"the automation {execution.id} has ended with {execution.status}; stopping it brings nothing back. "
            "Bring it back by hand, and give such a step an 'undo' of its own"
        )


def _execution(one: dict[str, Any]) -> Execution:
    status = one["AutomationExecutionStatus"]
    # What is not known is a way of having failed: TimedOut, Failed, Rejected, CompletedWithFailure and what may come.
    progress = _PROGRESS.get(status, Progress.FAILED)
    return Execution(one["AutomationExecutionId"], progress, status, one.get("FailureMessage") or "")
