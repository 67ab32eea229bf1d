"""What an action is: one thing that Hotwash can do to the world, with its undo and its check beside it.

Used by `activities/steps.py` (which runs actions) and by every file of `activities/actions/`. An action holds no
bookkeeping: retries, the effect ledger, redaction and heartbeats are done once, for all of them, by StepActivities.
"""
# ruff: noqa: ARG002 - the hooks of Action have parameters for those who override them.

import dataclasses
import difflib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import Field, ValidationError

from domain.errors import Rejected, RejectionKind, Transient
from domain.model import Model
from domain.run import ActionSpec, Effect, Idempotency

P = TypeVar("P", bound=Model)
R = TypeVar("R", bound=Model)
M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Call:
    """One execution of an action: under which key, for whom, and how long it may take."""

    # The same for every attempt; ends in `/undo` when the action is undone.
    key: str
    incident_id: str | None
    run_id: str | None
    drill: bool
    # The action should give up by itself before this; None: no limit of the step's own.
    timeout_seconds: float | None
    # Turns `env:NAME` into its value. What was resolved is redacted from everything that leaves the execution.
    secret: Callable[[str], str]
    # The locks that the run holds: resource to fencing number, which rises with each holder. Hand it to a target that
    # can refuse the lower of two.
    fencing: Mapping[str, int] = dataclasses.field(default_factory=dict)
    # When it began, by `time.monotonic()`.
    began: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def seconds_left(self) -> float | None:
        """What is left of `timeout_seconds`; None: no limit of the step's own."""
        return None if self.timeout_seconds is None else self.began + self.timeout_seconds - time.monotonic()

    @property
    def performed_key(self) -> str:
        """The key under which the action was performed; the same in its undo and its check."""
        return self.key.removesuffix("/undo")


class Finding(Model):
    """What a check saw. `holds` None: it cannot be told."""

    holds: bool | None
    detail: str
    output: dict[str, Any] = Field(default_factory=dict)


class Action(ABC, Generic[P, R]):
    """Derive once per action, in a file of its own.

    `perform` says how it ended by how it raises:

    - Rejected or Transient: the effect is not there, or its target said that it failed; a retry is a new attempt.
    - UnknownOutcome: nobody knows whether the effect is there.
    - anything else is a bug, and counts as unknown.
    """

    name: ClassVar[str]
    # One sentence for the catalogue.
    summary: ClassVar[str]
    effect: ClassVar[Effect]
    idempotency: ClassVar[Idempotency]
    parameters_model: type[P]
    result_model: type[R]
    # Parameters without which the undo brings nothing back; empty: it always does.
    undo_needs: ClassVar[tuple[str, ...]] = ()
    # Parameters as a runbook writes them; validated by a test, shown in the catalogue.
    example: ClassVar[Mapping[str, Any]]

    @abstractmethod
    async def perform(self, parameters: P, call: Call) -> R:
        """Do it."""

    async def undo(self, parameters: P, performed: R | None, call: Call) -> R:
        """Bring back what was before. Undoing twice is undoing once; `performed` None: it may never have happened."""
        raise Rejected(f"{self.name} has no undo")

    async def check(self, parameters: P, call: Call) -> Finding:
        """Ask the target whether the effect of `call.performed_key` is there. Changes nothing.

        Reading is its own check: what can be read as wanted holds.
        """
        if not self.reads_only(parameters):
            return Finding(holds=None, detail=f"{self.name} cannot ask its target what became of it")
        try:
            result = await self.perform(parameters, call)
        except Transient as error:
            return Finding(holds=False, detail=error.sentence)
        return Finding(holds=True, detail=self.sentence(result), output=document(result))

    def sentence(self, result: R) -> str:
        """What was done, as the timeline tells it."""
        return f"{self.name} is done"

    def remembered(self, done: R | None, what: str) -> Finding:
        """What a check finds whose target remembers each key's finished effect; `what`: as in `changed the flag x`."""
        if done is None:
            return Finding(holds=False, detail=f"this step has not {what}, or not to the end")
        return Finding(holds=True, detail=self.sentence(done), output=document(done))

    def reads_only(self, parameters: P) -> bool:
        """Whether this call changes nothing, so that it needs no ledger and its check is to do it again."""
        return self.effect is Effect.READ_ONLY

    def idempotency_of(self, parameters: P) -> Idempotency:
        """What a second execution with these parameters would do."""
        return self.idempotency

    @classmethod
    def spec(cls) -> ActionSpec:
        """What the action declares of itself; needs no instance, so that the API can show it without any client."""
        return ActionSpec(
            name=cls.name,
            summary=cls.summary,
            effect=cls.effect,
            idempotency=cls.idempotency,
            parameters=cls.parameters_model.model_json_schema(),
            result=cls.result_model.model_json_schema(),
            has_undo=cls.undo is not Action.undo,
            has_check=cls.effect is Effect.READ_ONLY or cls.check is not Action.check,
            undo_needs=cls.undo_needs,
        )


AnyAction = Action[Any, Any]


class ActionRegistry:
    """The actions that this process can run, by name."""

    def __init__(self, actions: Iterable[AnyAction]) -> None:
        self._actions: dict[str, AnyAction] = {}
        for action in actions:
            if action.name in self._actions:
                raise Rejected(f"two actions are called {action.name!r}; rename one", RejectionKind.CONFLICT)
            self._actions[action.name] = action

    def get(self, name: str) -> AnyAction:
        """The action of that name; Rejected, with the nearest name, when there is none."""
        if name in self._actions:
            return self._actions[name]
        near = difflib.get_close_matches(name, self._actions, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise Rejected(f"there is no action {name!r} on this worker{hint}", RejectionKind.NOT_FOUND)

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._actions)

    def specs(self) -> dict[str, ActionSpec]:
        """What each action declares; the lint, the plan and the catalogue are made from it."""
        return {name: self._actions[name].spec() for name in self.names()}


def document(result: Model) -> dict[str, Any]:
    """A result as the JSON object that runbooks read."""
    return result.model_dump(mode="json", by_alias=True)


def read(model: type[M], values: Mapping[str, Any], whose: str) -> M:
    """Read values into a model; Rejected with one sentence that names every mistake and repeats no value."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        mistakes = "; ".join(
            f"{'.'.join(str(part) for part in mistake['loc']) or 'the whole'}: {mistake['msg']}"
            for mistake in error.errors(include_url=False, include_context=False, include_input=False)
        )
        raise Rejected(f"{whose}: {mistakes}") from None
