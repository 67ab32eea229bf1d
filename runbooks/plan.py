"""What a runbook would do, step by step, before anybody runs it. For `hotwash runbook show`, pages and approvals."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from domain.model import Model
from domain.run import ActionSpec, Effect, Idempotency, StepKind
from runbooks.expressions import has_expression, with_aliases
from runbooks.parameters import bind_parameters
from runbooks.render import names_used, render
from runbooks.schema import ActionCall, Runbook, Step, covered_ids
from runbooks.walk import Found, lines_of, walk


class PlannedStep(Model):
    """One step, as far as it is known beforehand."""

    id: str
    # As the run will name it; `*` stands for each item of a loop.
    path: str
    kind: StepKind
    title: str
    action: str | None = None
    # What the action is given, resolved as far as parameters and defaults go; the rest as it is written.
    parameters: dict[str, Any] = Field(default_factory=dict)
    # None for steps in which a person or the clock does something.
    effect: Effect | None = None
    idempotency: Idempotency | None = None
    condition: str | None = None
    # The approvals that must be given before it runs.
    approved_by: tuple[str, ...] = ()
    # What takes its effect back: `auto`, the name of an action, or None.
    undo: str | None = None
    verified_by: str | None = None
    site: str | None = None
    # Runs at the end, however the run ends.
    is_final: bool = False
    # Stands in a block that may pass it over: a case, or a branch that may lose.
    is_optional: bool = False
    # Stands in a loop: it is counted once, and runs once per item.
    is_repeated: bool = False


class Plan(Model):
    """The whole of it."""

    name: str
    title: str
    version: str
    mitigates: bool
    # Those of nested runbooks included.
    steps: tuple[PlannedStep, ...]
    mutating: int
    read_only: int
    fault: int
    approvals: int
    # Steps that change something and that nothing takes back.
    not_undoable: tuple[str, ...]
    # Names of the runbooks that it nests, of what it locks, and of what stops it.
    nested: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    stop_conditions: tuple[str, ...] = ()


def plan(
    runbook: Runbook,
    specs: Mapping[str, ActionSpec],
    nested: Mapping[str, Runbook] | None = None,
    given: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of a runbook whose actions are all known; `nested` are all runbooks that it nests, by name.

    With parameters `given`, targets are resolved; Rejected when one of them does not fit the runbook.
    """
    inner = nested or {}
    known = {name: each.default for name, each in runbook.parameters.items() if each.default is not None}
    if given:
        known |= bind_parameters(runbook, {**known, **given})
    steps = tuple(
        step.model_copy(update={"parameters": _resolved(step.parameters, known)})
        if step.path in _own(runbook)
        else step
        for step in _Planner(specs, inner).of(runbook)
    )
    effects = [step.effect for step in steps]
    return Plan(
        name=runbook.name,
        title=runbook.title,
        version=runbook.version,
        mitigates=runbook.mitigates,
        steps=steps,
        mutating=effects.count(Effect.MUTATING),
        read_only=effects.count(Effect.READ_ONLY),
        fault=effects.count(Effect.FAULT),
        approvals=sum(step.kind is StepKind.APPROVAL for step in steps),
        not_undoable=tuple(s.path for s in steps if s.effect not in {None, Effect.READ_ONLY} and s.undo is None),
        nested=tuple(inner),
        locks=tuple(name for each in (runbook, *inner.values()) if each.locks for name in each.locks.resources),
        stop_conditions=tuple(
            condition.id for each in (runbook, *inner.values()) for condition in each.stop_conditions
        ),
    )


class _Planner:
    """Goes through a runbook and all that it nests."""

    def __init__(self, specs: Mapping[str, ActionSpec], nested: Mapping[str, Runbook]) -> None:
        self._specs = specs
        self._nested = nested

    def of(
        self,
        runbook: Runbook,
        prefix: str = "",
        approved_by: tuple[str, ...] = (),
        *,
        optional: bool = False,
        repeated: bool = False,
    ) -> list[PlannedStep]:
        steps: list[PlannedStep] = []
        gates = _gates(runbook, prefix)
        for found in walk(runbook):
            chain = (*found.around, found.step)
            approvals = (*approved_by, *(name for each in chain for name in gates.get(each.id, ())))
            is_optional = optional or any(_may_pass_over(each) for each in found.around)
            is_repeated = repeated or any(each.foreach is not None for each in found.around)
            planned = self._planned(found, prefix, approvals)
            steps.append(planned.model_copy(update={"is_optional": is_optional, "is_repeated": is_repeated}))
            inner = self._nested.get(found.step.runbook.name) if found.step.runbook else None
            if inner is not None:
                below = f"{prefix}{found.pattern}."
                steps += self.of(inner, below, approvals, optional=is_optional, repeated=is_repeated)
        return steps

    def _planned(self, found: Found, prefix: str, approved_by: tuple[str, ...]) -> PlannedStep:
        step, spec = found.step, self._specs.get(found.step.action or "")
        undo = step.undo.action if isinstance(step.undo, ActionCall) else None
        if step.undo == "auto" and spec is not None and spec.has_undo and spec.effect is not Effect.READ_ONLY:
            undo = "auto"
        return PlannedStep(
            id=step.id,
            path=f"{prefix}{found.pattern}",
            kind=step.kind,
            title=step.title,
            action=step.action,
            parameters=step.with_,
            effect=spec.effect if spec else None,
            idempotency=spec.idempotency if spec else None,
            condition=step.if_,
            approved_by=approved_by,
            undo=undo,
            verified_by=step.verify.action if step.verify else None,
            site=step.site,
            is_final=found.is_final,
        )


def _own(runbook: Runbook) -> set[str]:
    """The paths of its own steps; those of nested runbooks read parameters of their own."""
    return {found.pattern for found in walk(runbook)}


def _resolved(value: Any, known: Mapping[str, Any]) -> Any:
    """The value with each text rendered that reads known parameters and nothing else."""
    if isinstance(value, dict):
        return {key: _resolved(each, known) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_resolved(each, known) for each in value]
    if not isinstance(value, str) or not has_expression(value):
        return value
    names = with_aliases(known)
    can_be_known = all(root == "params" and rest and rest[0] in names for root, *rest in names_used(value))
    return render(value, {"params": known}) if can_be_known else value


def _may_pass_over(block: Step) -> bool:
    return block.switch is not None or (block.parallel is not None and block.parallel.join != "all")


def _gates(runbook: Runbook, prefix: str) -> dict[str, tuple[str, ...]]:
    """The approvals that must be given before a step, by the step's id."""
    gates: dict[str, tuple[str, ...]] = {}

    def gather(block: tuple[Step, ...], inside: str) -> None:
        for index, step in enumerate(block):
            for name in covered_ids(block, index):
                gates[name] = (*gates.get(name, ()), f"{inside}{step.id}")
            for line in lines_of(step):
                gather(line.steps, f"{inside}{step.id}.{line.name}.")

    gather(runbook.steps, prefix)
    gather(runbook.finally_, prefix)
    return gates
