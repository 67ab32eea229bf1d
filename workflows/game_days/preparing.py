"""From the document to what will be done: targets chosen, every call written out, and the digest that people approve.

The one thing to know: it is done again after an approval, and what comes out must be the same.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from temporalio import workflow

from domain.drill_targets import Chosen, ResolvedTarget, TargetSelection
from domain.game_day_faults import FaultRun
from domain.game_day_probes import ProbeRun, StopRun
from runbooks.expressions import with_aliases
from runbooks.game_day_parts import Fault
from runbooks.game_day_schema import GameDay, with_limits
from runbooks.schema import ActionCall, digest_of
from workflows.game_days.desk import DrillDesk
from workflows.options import ASK_BRIEFLY, QUESTION_TIMEOUT
from workflows.rendering import evaluated

with workflow.unsafe.imports_passed_through():
    from activities.drill_surroundings import ChooseTargets, SurroundingsActivities

# What `FaultParameters.lease` is when nobody writes one.
_USUAL_LEASE = timedelta(seconds=15)


class Prepared(NamedTuple):
    """What will be done."""

    targets: Chosen
    calls: dict[str, ActionCall]
    faults: tuple[FaultRun, ...]
    probes: tuple[ProbeRun, ...]
    stop_conditions: tuple[StopRun, ...]
    # What people are shown, and its digest.
    shown: dict[str, Any]
    digest: str


async def prepare(desk: DrillDesk) -> Prepared:
    """Choose the targets as `hotwash.yaml` has them now and write every call out; FailureError when that fails."""
    document = desk.start.document
    chosen = await _choose(desk, document)
    calls = await _calls(desk, document, chosen)
    faults = tuple(_faults(desk, document, chosen))
    shown = _shown(desk, document, chosen, calls)
    return Prepared(
        targets=chosen,
        calls=calls,
        faults=faults,
        probes=tuple(_probes(document, chosen)),
        stop_conditions=tuple(StopRun(id=each.id, title=each.title) for each in document.stop_conditions),
        shown=shown,
        digest=digest_of(shown),
    )


def adopt(desk: DrillDesk, prepared: Prepared) -> None:
    """Take it for what will be done."""
    desk.calls = prepared.calls
    environments = prepared.targets.environments()
    update = {
        "targets": prepared.targets,
        "targets_digest": prepared.digest,
        "environment": desk.start.document.environment or (environments[0] if len(environments) == 1 else None),
        "faults": prepared.faults,
        "probes": prepared.probes,
        "stop_conditions": prepared.stop_conditions,
    }
    desk.state = desk.state.model_copy(update=update)


async def _choose(desk: DrillDesk, document: GameDay) -> Chosen:
    written = {group: {"names": list(each.names), "tags": each.tags} for group, each in document.targets.items()}
    rendered = await evaluated(written, {"params": desk.start.parameters})
    selections = {
        group: TargetSelection.model_validate(
            {
                "names": [str(name) for name in rendered[group]["names"]],
                "tags": {key: str(value) for key, value in rendered[group]["tags"].items()},
                "select": each.select,
                "on_empty": each.on_empty,
            }
        )
        for group, each in document.targets.items()
    }
    return await workflow.execute_activity_method(
        SurroundingsActivities.choose,
        ChooseTargets(selections=selections, environment=document.environment, seed=workflow.info().workflow_id),
        start_to_close_timeout=QUESTION_TIMEOUT,
        retry_policy=ASK_BRIEFLY,
    )


async def _calls(desk: DrillDesk, document: GameDay, chosen: Chosen) -> dict[str, ActionCall]:
    common: dict[str, ActionCall] = {}
    by_target: dict[str, dict[str, ActionCall]] = {}
    for probe in document.steady_state:
        if probe.targets is None:
            common[f"probe/{probe.id}"] = probe
        for target in chosen.targets.get(probe.targets or "", ()):
            by_target.setdefault(target.name, {})[f"probe/{probe.id}/{target.name}"] = probe
    for fault in document.faults:
        given = ActionCall(action=fault.action, with_=with_limits(fault, desk.start.actions.get(fault.action)))
        for target in chosen.targets.get(fault.targets, ()):
            own = by_target.setdefault(target.name, {})
            own[f"fault/{fault.id}/{target.name}"] = given
            if fault.undo is not None:
                own[f"undo/{fault.id}/{target.name}"] = fault.undo
    for condition in document.stop_conditions:
        call = condition.call()
        if call is not None:
            common[f"stop/{condition.id}"] = call
    if document.recovery.rpo is not None:
        common["rpo"] = document.recovery.rpo
    targets = with_aliases({group: [_readable(each) for each in found] for group, found in chosen.targets.items()})
    scope = {"params": desk.start.parameters, "targets": targets}
    calls = await _rendered(common, scope)
    for target in chosen.all():
        calls |= await _rendered(by_target.get(target.name, {}), {**scope, "target": _readable(target)})
    return calls


async def _rendered(calls: Mapping[str, ActionCall], scope: dict[str, Any]) -> dict[str, ActionCall]:
    if not calls:
        return {}
    values = await evaluated({key: call.with_ for key, call in calls.items()}, scope)
    return {key: ActionCall(action=call.action, with_=values[key]) for key, call in calls.items()}


def _readable(target: ResolvedTarget) -> dict[str, Any]:
    """What expressions read of a target."""
    own = {"service": target.service, "environment": target.environment, "tags": target.tags}
    return {**own, **with_aliases(target.with_), "name": target.name}


def _faults(desk: DrillDesk, document: GameDay, chosen: Chosen) -> list[FaultRun]:
    return [
        FaultRun(
            id=fault.id,
            title=fault.title,
            action=fault.action,
            target=target.name,
            duration_seconds=fault.duration.total_seconds(),
            start_after=fault.start_after,
            delay_seconds=fault.delay.total_seconds() + _ramp_seconds(fault, number),
            is_leased=_is_leased(desk, fault),
            lease_seconds=(fault.lease or _USUAL_LEASE).total_seconds() if _is_leased(desk, fault) else None,
        )
        for fault in document.faults
        for number, target in enumerate(chosen.targets.get(fault.targets, ()))
    ]


def _ramp_seconds(fault: Fault, number: int) -> float:
    return 0 if fault.ramp is None else (number // fault.ramp.by) * fault.ramp.every.total_seconds()


def _is_leased(desk: DrillDesk, fault: Fault) -> bool:
    spec = desk.start.actions.get(fault.action)
    return spec is not None and "lease" in spec.parameters.get("properties", {})


def _probes(document: GameDay, chosen: Chosen) -> list[ProbeRun]:
    runs = []
    for probe in document.steady_state:
        names = [None] if probe.targets is None else [each.name for each in chosen.targets.get(probe.targets, ())]
        runs += [
            ProbeRun(
                id=probe.id, title=probe.title, target=name, mode=probe.mode.value, weight=probe.weight,
                failures=probe.failures,
            )
            for name in names
        ]  # fmt: skip
    return runs


def _target(target: ResolvedTarget) -> dict[str, Any]:
    # What says nothing is not shown, and so no approval hangs on it.
    written = target.model_dump(mode="json", by_alias=True)
    return {key: value for key, value in written.items() if key != "site" or value is not None}


def _shown(desk: DrillDesk, document: GameDay, chosen: Chosen, calls: Mapping[str, ActionCall]) -> dict[str, Any]:
    return {
        "game_day": {"name": document.name, "version": document.version, "digest": desk.start.digest},
        "kind": document.kind.value,
        "hypothesis": document.hypothesis,
        "environments": list(chosen.environments()),
        "services": list(chosen.services()),
        "targets": {group: [_target(each) for each in found] for group, found in chosen.targets.items()},
        "steps": [
            _step(fault, target, calls) for fault in document.faults for target in chosen.targets.get(fault.targets, ())
        ],
        "stop_conditions": [each.model_dump(mode="json", exclude_defaults=True) for each in document.stop_conditions],
    }


def _step(fault: Fault, target: ResolvedTarget, calls: Mapping[str, ActionCall]) -> dict[str, Any]:
    path = f"fault/{fault.id}/{target.name}"
    call, undo = calls[path], calls.get(f"undo/{fault.id}/{target.name}")
    written = fault.model_dump(mode="json", exclude_defaults=True, include={"duration", "start_after", "delay", "ramp"})
    shown: dict[str, Any] = {"path": path, "kind": "action", "title": fault.title, "target": target.name}
    # Whoever says yes to production has to see the word.
    shown |= {"environment": target.environment, **written}
    shown |= {"action": call.action, "with": call.with_}
    return shown if undo is None else {**shown, "undo": {"action": undo.action, "with": undo.with_}}
