"""What game days may touch, and under which rules: `drill_targets` and `game_day_policy` of `hotwash.yaml`.

Nothing is a target unless its entry says `drillable: true`. `resolve` chooses; it is pure, so that the same document
and the same `hotwash.yaml` give the same targets, and an approval of them can be held to its digest.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from difflib import get_close_matches
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, field_validator, model_validator

from domain.durations import Duration
from domain.errors import Rejected, RejectionKind
from domain.model import Model
from domain.names import Name
from domain.policy import Freeze

Scalar = bool | int | float | str


class DrillTarget(Model):
    """One thing that game days may break, once it says so."""

    service: Name | None = None
    environment: Name
    # The opt-in: without it the target is known, and no game day touches it.
    drillable: bool = False
    # Faults and probes at it are made by the workers of this execution site (`hotwash worker --site`); left out: by any
    # worker without a site.
    site: Name | None = None
    tags: dict[Name, str] = Field(default_factory=dict)
    # What faults and probes read of it, as `{{ target.process }}`.
    with_: dict[str, Scalar] = Field(default_factory=dict, alias="with")

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class DrillWindow(Model):
    """When faults may be made: hours of some days of the week, in the calendar's time zone."""

    # 0 is Monday, as in `policy.calendar`.
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    opens: time = time(9, 0)
    closes: time = time(17, 0)

    @field_validator("weekdays")
    @classmethod
    def _weekdays_exist(cls, weekdays: tuple[int, ...]) -> tuple[int, ...]:
        if not weekdays or not set(weekdays) <= set(range(7)):
            raise ValueError("weekdays are numbers from 0 (Monday) to 6 (Sunday), at least one")
        return weekdays

    @model_validator(mode="after")
    def _closes_after_opening(self) -> "DrillWindow":
        if self.closes != time(0) and self.closes <= self.opens:
            raise ValueError("closes must be later than opens (00:00 is the end of the day)")
        return self


class GameDayPolicy(Model):
    """The rules that hold for every game day."""

    # Where nothing is broken before people have approved the exact targets.
    environments_needing_approval: tuple[Name, ...] = ("production",)
    # Groups or people who may approve; empty: any person of `hotwash.yaml`.
    approvers: tuple[str, ...] = ()
    min_approvals: int = Field(default=1, ge=1, le=10)
    # Targets that are never touched, whatever else says so; `*` stands for anything.
    deny: tuple[str, ...] = ()
    # When faults may be made; empty: whenever no freeze is on.
    windows: tuple[DrillWindow, ...] = ()
    # Alertmanagers that are asked, before a fault, whether the alert would be silenced or is firing already.
    alertmanagers: tuple[str, ...] = ()
    # A game day that passed longer ago than this no longer counts in full (Gremlin: a week to a month).
    fresh_for: Duration = timedelta(days=30)
    # For how long people may approve a scheduled game day in advance, as long as nothing about it changes; left out:
    # each run is asked about. At most a quarter: what was agreed to longer ago nobody remembers.
    standing_approval_at_most: Duration | None = Field(default=None, gt=timedelta(), le=timedelta(days=92))


class HouseRules(Model):
    """What `hotwash.yaml` says of game days and people now."""

    policy: GameDayPolicy = GameDayPolicy()
    freezes: tuple[Freeze, ...] = ()
    time_zone: str = "UTC"
    # People by group, team and name.
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    # Who hears of a target of this game day that could not be put right.
    answerable: tuple[str, ...] = ()


class Count(Model):
    """So many of them."""

    count: int = Field(ge=1, le=1000)


class Percent(Model):
    """A share of them, rounded down, at least one."""

    percent: int = Field(ge=1, le=100)


class OnEmpty(StrEnum):
    """What becomes of faults for which there is no target."""

    REFUSE = "refuse"
    SKIP = "skip"


class TargetSelection(Model):
    """Which targets: by name, or by tags; all of them, a number, or a share."""

    names: tuple[str, ...] = ()
    tags: dict[str, str] = Field(default_factory=dict)
    select: Literal["all"] | Count | Percent = "all"
    on_empty: OnEmpty = OnEmpty.REFUSE

    @model_validator(mode="after")
    def _says_which(self) -> "TargetSelection":
        if bool(self.names) == bool(self.tags):
            raise ValueError("targets are chosen by either `names` or `tags`")
        return self


class ResolvedTarget(Model):
    """A target as it was when the game day chose it."""

    name: str
    service: str | None = None
    environment: str
    site: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class Chosen(Model):
    """All targets of a game day, by selection."""

    targets: dict[str, tuple[ResolvedTarget, ...]] = Field(default_factory=dict)

    def all(self) -> tuple[ResolvedTarget, ...]:
        """Each target once, by name."""
        found = {target.name: target for group in self.targets.values() for target in group}
        return tuple(found[name] for name in sorted(found))

    def services(self) -> tuple[str, ...]:
        """The services that would suffer, each once."""
        return tuple(sorted({each.service for each in self.all() if each.service}))

    def environments(self) -> tuple[str, ...]:
        """Where the targets are, each once."""
        return tuple(sorted({each.environment for each in self.all()}))


def resolve(
    selections: Mapping[str, TargetSelection],
    targets: Mapping[str, DrillTarget],
    policy: GameDayPolicy,
    environment: str | None,
    seed: str,
) -> Chosen:
    """The targets that the selections mean; Rejected with every reason why one may not be touched.

    Which ones of several are taken depends on `seed` only.
    """
    problems: list[str] = []
    chosen: dict[str, tuple[ResolvedTarget, ...]] = {}
    for group, selection in selections.items():
        if selection.names:
            problems += [p for p in (problem(name, targets, policy, environment) for name in selection.names) if p]
            candidates = [name for name in dict.fromkeys(selection.names) if name in targets]
        else:
            candidates = [name for name in targets if _has_tags(targets[name], selection.tags)]
            candidates = [name for name in candidates if problem(name, targets, policy, environment) is None]
        taken = _some(candidates, selection.select, seed)
        if not taken and selection.on_empty is OnEmpty.REFUSE:
            problems.append(_empty(group, selection, targets, policy, environment))
        chosen[group] = tuple(_resolved(name, targets[name]) for name in taken)
    if problems:
        raise Rejected("; ".join(dict.fromkeys(problems)), RejectionKind.FORBIDDEN)
    return Chosen(targets=chosen)


def problem(
    name: str, targets: Mapping[str, DrillTarget], policy: GameDayPolicy, environment: str | None
) -> str | None:
    """Why a target may not be touched, and how to mend it; None when it may."""
    target = targets.get(name)
    if target is None:
        near = get_close_matches(name, list(targets), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "; define it under drill_targets in hotwash.yaml"
        return f"there is no target {name!r}{hint}"
    if not target.drillable:
        return f"{name!r} may not be drilled: its owner has to set `drillable: true` under drill_targets.{name}"
    pattern = next((each for each in policy.deny if fnmatchcase(name, each)), None)
    if pattern is not None:
        return f"{name!r} is never drilled: game_day_policy.deny has {pattern!r}"
    if environment is not None and target.environment != environment:
        return f"{name!r} is in {target.environment!r}, and this game day is for {environment!r}"
    return None


def needs_approval(policy: GameDayPolicy, environments: Iterable[str]) -> bool:
    """Whether people have to approve the exact targets first."""
    return bool(set(policy.environments_needing_approval) & set(environments))


def open_window(windows: Sequence[DrillWindow], zone: str, now: datetime) -> bool:
    """Whether faults may be made now; always when no window is written."""
    local = now.astimezone(ZoneInfo(zone))
    return not windows or any(_is_open(window, local) for window in windows)


def _is_open(window: DrillWindow, local: datetime) -> bool:
    closes = window.closes if window.closes != time(0) else time.max
    return local.weekday() in window.weekdays and window.opens <= local.time() < closes


def _has_tags(target: DrillTarget, tags: Mapping[str, str]) -> bool:
    return all(target.tags.get(key) == value for key, value in tags.items())


def _some(names: Sequence[str], select: Literal["all"] | Count | Percent, seed: str) -> list[str]:
    if isinstance(select, Count):
        number = select.count
    elif isinstance(select, Percent):
        number = max(1, len(names) * select.percent // 100) if names else 0
    else:
        return sorted(names)
    drawn = sorted(names, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    return sorted(drawn[:number])


def _resolved(name: str, target: DrillTarget) -> ResolvedTarget:
    return ResolvedTarget(
        name=name,
        service=target.service,
        environment=target.environment,
        site=target.site,
        tags=target.tags,
        with_=target.with_,
    )


def _empty(
    group: str,
    selection: TargetSelection,
    targets: Mapping[str, DrillTarget],
    policy: GameDayPolicy,
    environment: str | None,
) -> str:
    wanted = ", ".join(f"{key}: {value}" for key, value in selection.tags.items()) or ", ".join(selection.names)
    tagged = [name for name in targets if selection.tags and _has_tags(targets[name], selection.tags)]
    why = "; ".join(filter(None, (problem(name, targets, policy, environment) for name in tagged)))
    return f"targets {group!r} ({wanted}) choose nothing" + (f": {why}" if why else "")
