"""What a template of the AWS Fault Injection Service would do, and what an experiment has done; pure.

Used by `activities/actions/aws_fis.py`, and by the importer, which reads templates from files. The one thing to know:
FIS ends what has a duration and takes back what it calls a post action; whatever else it does, it leaves.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from domain.durations import format_duration

# Waits between actions, and harms nobody.
_WAIT = "aws:fis:wait"
# Experiments end in these; every other word, known or not, is of one that may still do harm.
OVER = frozenset({"completed", "stopped", "failed", "cancelled"})
# `PT5M`, `PT1H30M`, `PT90S`; FIS knows nothing longer than hours.
_ISO = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")


@dataclass(frozen=True)
class TemplateAction:
    """One action of a template."""

    # FIS's name of it: `aws:ec2:stop-instances`.
    does: str
    # How long its effect stays; None: it names no duration, and FIS takes nothing back.
    seconds: float | None
    # The actions that it waits for.
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """What matters of a template."""

    id: str
    actions: Mapping[str, TemplateAction]
    has_stop_condition: bool


def template_of(document: Mapping[str, Any]) -> Template:
    """As AWS describes it, or an experiment of it, which repeats the same parts."""
    actions = {
        name: TemplateAction(
            does=one.get("actionId", "an action"),
            seconds=seconds_of(one.get("parameters") or {}),
            after=tuple(one.get("startAfter") or ()),
        )
        for name, one in (document.get("actions") or {}).items()
    }
    conditions = document.get("stopConditions") or ()
    return Template(
        id=document.get("experimentTemplateId") or document.get("id") or "",
        actions=actions,
        has_stop_condition=any(one.get("source") != "none" for one in conditions),
    )


def seconds_of(parameters: Mapping[str, Any]) -> float | None:
    """How long an action with these parameters stays: by `duration`, `maxDuration` and their like."""
    written = [_seconds(value) for key, value in parameters.items() if "duration" in str(key).lower()]
    return max((each for each in written if each is not None), default=None)


def longest_way(takes: Mapping[str, float], after: Mapping[str, Sequence[str]]) -> tuple[float, tuple[str, ...]]:
    """Until the last action has ended, when each waits for others; and those that wait for themselves."""
    ends: dict[str, float] = {}
    circular: list[str] = []

    def end(name: str, seen: tuple[str, ...]) -> float:
        if name in ends:
            return ends[name]
        if name in seen:
            circular.append(name)
            return takes[name]
        before = [end(each, (*seen, name)) for each in after.get(name, ()) if each in takes]
        ends[name] = max(before, default=0.0) + takes[name]
        return ends[name]

    whole = max((end(name, ()) for name in takes), default=0.0)
    return whole, tuple(dict.fromkeys(circular))


def hindrance(
    template: Template, duration: timedelta, *, without_stop_condition: bool, without_duration: bool
) -> str | None:
    """Why this template is no fault that ends in time, and how to mend that; None when it is one."""
    harm = {name: one for name, one in template.actions.items() if one.does != _WAIT}
    if not harm:
        return f"the template {template.id} does nothing but wait"
    if not template.has_stop_condition and not without_stop_condition:
        return (
            f"the template {template.id} has no stop condition, so that FIS itself would never stop for an alarm; "
            "give it one in FIS, or write 'without_stop_condition: true'"
        )
    endless = next((name for name, one in harm.items() if one.seconds is None), None)
    if endless is not None and not without_duration:
        return (
            f"{endless!r} ({harm[endless].does}) of the template {template.id} names no duration, so that nobody takes "
            "back what it does, neither FIS nor an undo; give it one in FIS, or write 'without_duration: true' where "
            "the target comes back by itself"
        )
    takes = {name: one.seconds or 0.0 for name, one in template.actions.items()}
    whole, _ = longest_way(takes, {name: one.after for name, one in template.actions.items()})
    if whole > duration.total_seconds():
        lasts = format_duration(timedelta(seconds=whole))
        return (
            f"the actions of the template {template.id} take {lasts}, and the fault's duration is "
            f"{format_duration(duration)}; write 'duration: {lasts}' or more, or shorten them in FIS"
        )
    return None


def proof(template: Template, states: Mapping[str, str], status: str) -> tuple[bool | None, str]:
    """Whether an experiment does harm now, by FIS's own word for it and for each of its actions."""
    harm = {name: states.get(name, "pending") for name, one in template.actions.items() if one.does != _WAIT}
    at_work = [name for name, state in harm.items() if state == "running"]
    if at_work and status not in OVER:
        return True, f"it is {status}, and so is {', '.join(at_work)}"
    left = [name for name, state in harm.items() if state == "completed" and template.actions[name].seconds is None]
    if left:
        return True, f"it is {status}; {', '.join(left)} is done, and FIS does not take that back"
    if status not in OVER and any(state in {"pending", "initiating"} for state in harm.values()):
        return None, f"it is {status}, and no action of it has begun"
    if harm and all(state == "skipped" for state in harm.values()):
        return False, f"it is {status}; FIS found no target and skipped every action"
    return False, f"it is {status}: " + ", ".join(f"{name} is {state}" for name, state in harm.items())


def _seconds(value: Any) -> float | None:
    found = _ISO.fullmatch(value) if isinstance(value, str) else None
    if found is None or not any(found.groups()):
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(hours * 3600 + minutes * 60 + seconds)
