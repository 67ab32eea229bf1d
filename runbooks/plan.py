"""What a runbook would do, step by step, before anybody runs it. For `hotwash runbook show`, pages and approvals."""

from collections.abc import Mapping

from domain.model import Model
from domain.run import ActionSpec, Effect, Idempotency, StepKind
from runbooks.schema import ActionCall, Runbook, Step, covered_ids


class PlannedStep(Model):
    """One step, as far as it is known beforehand."""

    id: str
    path: str
    kind: StepKind
    title: str
    action: str | None = None
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


class Plan(Model):
    """The whole of it."""

    name: str
    title: str
    version: str
    mitigates: bool
    steps: tuple[PlannedStep, ...]
    mutating: int
    read_only: int
    fault: int
    approvals: int
    # Steps that change something and that nothing takes back.
    not_undoable: tuple[str, ...]


def plan(runbook: Runbook, specs: Mapping[str, ActionSpec]) -> Plan:
    """The plan of a runbook whose actions are all known."""
    steps = tuple(
        _planned(step, specs.get(step.action or ""), _approvals_of(step.id, block), is_final=is_final)
        for block, is_final in ((runbook.steps, False), (runbook.finally_, True))
        for step in block
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
    )


def _planned(step: Step, spec: ActionSpec | None, approved_by: tuple[str, ...], *, is_final: bool) -> PlannedStep:
    undo = step.undo.action if isinstance(step.undo, ActionCall) else None
    if step.undo == "auto" and spec is not None and spec.has_undo and spec.effect is not Effect.READ_ONLY:
        undo = "auto"
    return PlannedStep(
        id=step.id,
        path=step.id,
        kind=step.kind,
        title=step.title,
        action=step.action,
        effect=spec.effect if spec else None,
        idempotency=spec.idempotency if spec else None,
        condition=step.if_,
        approved_by=approved_by,
        undo=undo,
        verified_by=step.verify.action if step.verify else None,
        site=step.site,
        is_final=is_final,
    )


def _approvals_of(step_id: str, block: tuple[Step, ...]) -> tuple[str, ...]:
    return tuple(each.id for index, each in enumerate(block) if step_id in covered_ids(block, index))
