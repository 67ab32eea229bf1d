"""Something on AWS that is started, watched and stopped; `aws.ssm.start_automation` is, and FIS shares the tag.

The one thing to know: AWS knows both our token and our tag, so it can always be asked what a vanished worker had begun.
"""
# ruff: noqa: ARG002 - the hooks have parameters for those who override them.

from abc import abstractmethod
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar, Generic, TypeVar

from pydantic import Field
from typing_extensions import override

from activities.action import Action, Call, Finding, document
from activities.actions.aws import Aws, AwsDoor, AwsParameters, token
from activities.ports import ConfigurationSource
from activities.waiting import until
from domain.errors import Transient
from domain.model import Model
from domain.run import Idempotency


class Progress(Enum):
    """How far an execution is."""

    BEGINNING = auto()
    RUNNING = auto()
    SUCCEEDED = auto()
    FAILED = auto()
    STOPPED = auto()


_OVER = frozenset({Progress.SUCCEEDED, Progress.FAILED, Progress.STOPPED})


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


class StartParameters(AwsParameters):
    """Where, and how long to stay with it."""

    # False: the step is done as soon as it runs.
    wait_for_end: bool = True

    @property
    def resource(self) -> str:
        """As `resources` of the target name it."""
        raise NotImplementedError


P = TypeVar("P", bound=StartParameters)


class StartsExecution(Action[P, Started], Generic[P]):
    """Derive and say how an execution is found, started, looked at and stopped."""

    # The target recognises our token.
    idempotency = Idempotency.KEYED
    result_model = Started
    service: ClassVar[str]

    def __init__(self, configuration: ConfigurationSource, aws: Aws) -> None:
        self.door = AwsDoor(configuration, aws, self.service)

    @abstractmethod
    async def found(self, parameters: P, call: Call, mark: str) -> list[Execution]:
        """The executions that bear our tag, in the order in which they were started."""

    @abstractmethod
    async def begin(self, parameters: P, call: Call, mark: str, client_token: str) -> str:
        """Start it under a token, with the tag; returns its id."""

    @abstractmethod
    async def look(self, parameters: P, call: Call, execution: str) -> Execution:
        """How far it is."""

    @abstractmethod
    async def stop(self, parameters: P, call: Call, execution: str) -> None:
        """Ask it to stop; an execution that has just ended is fine."""

    async def outputs(self, parameters: P, call: Call, execution: str) -> dict[str, tuple[str, ...]]:
        """What an execution that has ended put out."""
        return {}

    def demand_undoable(self, execution: Execution) -> None:
        """NeedsHuman when stopping is not enough to undo an execution that is over."""

    @override
    async def perform(self, parameters: P, call: Call) -> Started:
        earlier = await self.found(parameters, call, tag(call.key))
        failed = [one for one in earlier if one.progress in (Progress.FAILED, Progress.STOPPED)]
        alive = [one for one in earlier if one not in failed]
        if alive:
            execution = alive[-1].id
        else:
            # A token that AWS has seen brings the failed execution back; an attempt after it is a new one.
            client_token = token(f"{call.key}/{len(failed)}")
            execution = await self.begin(parameters, call, tag(call.key), client_token)
        return await self._arrived(parameters, call, execution)

    @override
    async def undo(self, parameters: P, performed: Started | None, call: Call) -> Started:
        mine = await self.found(parameters, call, tag(call.performed_key))
        if performed is not None and performed.execution is not None:
            known = {one.id for one in mine}
            if performed.execution not in known:
                mine.append(await self.look(parameters, call, performed.execution))
        if not mine:
            return Started(execution=None)
        for one in mine:
            if one.progress not in _OVER:
                await self.stop(parameters, call, one.id)
                await self._see_it_end(parameters, call, one.id)
            self.demand_undoable(one)
        last = await self.look(parameters, call, mine[-1].id)
        return Started(execution=last.id, ended=last.status)

    @override
    async def check(self, parameters: P, call: Call) -> Finding:
        mine = await self.found(parameters, call, tag(call.performed_key))
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

    async def _arrived(self, parameters: P, call: Call, execution: str) -> Started:
        """See it run, or end; Transient when it failed."""

        async def look() -> str | None:
            one = await self.look(parameters, call, execution)
            if one.progress in (Progress.FAILED, Progress.STOPPED):
                raise Transient(f"{execution} of {parameters.resource} ended: {one.status} {one.reason}".strip())
            there = one.progress is Progress.SUCCEEDED or (
                one.progress is Progress.RUNNING and not parameters.wait_for_end
            )
            return None if there else f"it is {one.status}"

        await until(look, f"{execution} of {parameters.resource}", call.seconds_left)
        return await self._started(parameters, call, await self.look(parameters, call, execution))

    async def _started(self, parameters: P, call: Call, one: Execution) -> Started:
        if not parameters.wait_for_end or one.progress not in _OVER:
            return Started(execution=one.id)
        return Started(execution=one.id, ended=one.status, outputs=await self.outputs(parameters, call, one.id))

    async def _see_it_end(self, parameters: P, call: Call, execution: str) -> None:
        async def look() -> str | None:
            one = await self.look(parameters, call, execution)
            return None if one.progress in _OVER else f"it is {one.status}"

        await until(look, f"{execution} of {parameters.resource}", call.seconds_left)


def tag(key: str) -> str:
    """The tag by which an execution of ours is found again."""
    return f"hotwash:{token(key)}"
