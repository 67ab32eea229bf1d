"""What a game day would do here and now: its targets, what would be done to each, and who has to agree first.

Shown by `hotwash game-day show FILE`; nothing is asked and nothing touched. The one thing to know: the game day chooses
its targets anew when it begins; of several, others may be drawn then.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from domain.configuration import Configuration, GameDaySettings
from domain.drill_targets import ResolvedTarget, needs_approval
from domain.durations import format_duration
from domain.game_day import GameDayKind
from domain.model import Model
from runbooks.expressions import with_aliases
from runbooks.game_day_catalog import choose
from runbooks.game_day_schema import GameDay
from runbooks.parameters import bind_parameters
from runbooks.render import render


class PlannedFault(Model):
    """One fault at one target."""

    id: str
    title: str = ""
    target: str
    action: str
    # As it would be written out now.
    parameters: dict[str, Any] = Field(default_factory=dict)
    duration: str
    start_after: tuple[str, ...] = ()
    # The document's own undo; None: the action's.
    undo: str | None = None


class GameDayPlan(Model):
    """What would be done."""

    name: str
    title: str
    kind: GameDayKind
    hypothesis: str
    environments: tuple[str, ...]
    services: tuple[str, ...]
    targets: dict[str, tuple[ResolvedTarget, ...]]
    faults: tuple[PlannedFault, ...]
    probes: tuple[str, ...]
    stop_conditions: tuple[str, ...]
    expectations: tuple[str, ...]
    # 0: nobody has to agree.
    approvals_needed: int
    # Groups or people; empty: any person.
    approvers: tuple[str, ...]
    announced_to: tuple[str, ...]
    duration: str


def plan_game_day(document: GameDay, configuration: Configuration, given: Mapping[str, Any]) -> GameDayPlan:
    """The plan; Rejected with what a parameter lacks, or with why a target may not be touched."""
    settings = configuration.game_days.get(document.name, GameDaySettings())
    parameters = bind_parameters(document, settings.parameters | dict(given))
    chosen = choose(document, parameters, configuration, seed=document.name)
    policy = configuration.game_day_policy
    is_wanted = needs_approval(policy, chosen.environments()) or document.approval.required
    is_asked = is_wanted and document.kind is not GameDayKind.DRY
    audience = () if document.kind is GameDayKind.UNANNOUNCED else document.announce.audience
    scope = {"params": parameters, "targets": {g: [_readable(t) for t in found] for g, found in chosen.targets.items()}}
    return GameDayPlan(
        name=document.name,
        title=document.title,
        kind=document.kind,
        hypothesis=document.hypothesis,
        environments=chosen.environments(),
        services=chosen.services(),
        targets=chosen.targets,
        faults=tuple(
            PlannedFault(
                id=fault.id,
                title=fault.title,
                target=target.name,
                action=fault.action,
                parameters=render(fault.with_, {**scope, "target": _readable(target)}),
                duration=format_duration(fault.duration),
                start_after=fault.start_after,
                undo=fault.undo.action if fault.undo else None,
            )
            for fault in document.faults
            for target in chosen.targets.get(fault.targets, ())
        ),
        probes=tuple(f"{probe.id}: {probe.action} ({probe.mode.value})" for probe in document.steady_state),
        stop_conditions=tuple(each.title or each.id for each in document.stop_conditions),
        expectations=tuple(
            each.expect.value + (f" within {format_duration(each.within)}" if each.within else "")
            for each in document.expectations
        ),
        approvals_needed=max(policy.min_approvals, document.approval.min_approvals) if is_asked else 0,
        approvers=document.approval.approvers or policy.approvers,
        announced_to=tuple(dict.fromkeys((*document.roles.informed(), *audience))),
        duration=format_duration(document.duration),
    )


def _readable(target: ResolvedTarget) -> dict[str, Any]:
    own = {"service": target.service, "environment": target.environment, "tags": target.tags}
    return {**own, **with_aliases(target.with_), "name": target.name}
