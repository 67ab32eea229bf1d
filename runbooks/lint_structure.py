"""What can be wrong with the way in which a runbook's steps are put together. Called by `runbooks/lint.py`."""

from collections.abc import Iterator
from typing import Any

from domain.run import StepKind
from runbooks.expressions import has_expression, with_aliases
from runbooks.findings import Finding, nearest
from runbooks.nesting import MAX_STEPS
from runbooks.schema import Runbook, Step
from runbooks.source import Path, Source
from runbooks.walk import BLOCKS, lines_of, walk

# What only an action has; a block, a person and the clock are tried once.
_OF_ACTIONS = ("timeout", "retry", "on_unknown", "check", "verify", "undo", "site")
# `wait` and `approval` say by themselves how long they take at most.
_WITHOUT_DEADLINE = {StepKind.WAIT: "duration", StepKind.APPROVAL: "expires_after"}
_TRUE = "{{true}}"
_FALSE = "{{false}}"
TAKEN_NAMES = frozenset({"params", "steps", "incident", "run", "output", "true", "false", "none"})


def structure_findings(source: Source, runbook: Runbook) -> Iterator[Finding]:
    """Ids, fields that a kind does not have, approvals, cases, loops, joins."""
    count = sum(1 for _ in walk(runbook))
    if count > MAX_STEPS:
        sentence = f"the runbook has {count} steps; at most {MAX_STEPS} are run at once, so split it"
        yield source.finding(("steps",), "too_large", sentence, key=True)
        return
    yield from _duplicate_ids(source, runbook)
    for block, steps in (("steps", runbook.steps), ("finally", runbook.finally_)):
        yield from _approvals(source, (block,), steps, frozenset(with_aliases({f.step.id: 0 for f in walk(runbook)})))
    for found in walk(runbook):
        yield from _fields(source, found.place, found.step)
        yield from _cases(source, found.place, found.step)
        yield from _loop(source, found.place, found.step, found.around)
        yield from _join(source, found.place, found.step)


def _duplicate_ids(source: Source, runbook: Runbook) -> Iterator[Finding]:
    # In expressions `check-health` and `check_health` are one name, whatever they stand in.
    lines: dict[str, int] = {}
    for found in walk(runbook):
        path: Path = (*found.place, "id")
        name = found.step.id.replace("-", "_")
        if name in lines:
            sentence = f"step {found.step.id!r} is here twice; the first is on line {lines[name]}"
            yield source.finding(path, "duplicate_step", sentence)
        lines.setdefault(name, source.place_of(path).line)


def _approvals(source: Source, place: Path, steps: tuple[Step, ...], known: frozenset[str]) -> Iterator[Finding]:
    for index, step in enumerate(steps):
        here: Path = (*place, index)
        if step.approval is not None:
            yield from _coverage(source, here, step, steps[index + 1 :], known)
            yield from _escalation(source, here, step)
        for line in lines_of(step):
            yield from _approvals(source, (*here, *line.place), line.steps, known)


def _coverage(
    source: Source, here: Path, step: Step, later: tuple[Step, ...], known: frozenset[str]
) -> Iterator[Finding]:
    names = [each.id for each in later]
    covers = step.approval.covers if step.approval else ()
    if not covers and not later:
        yield source.finding(here, "covers_nothing", f"approval {step.id!r} has no step after it")
    for number, name in enumerate(covers):
        path: Path = (*here, "approval", "covers", number)
        inside = next((each.id for each in later if name in _inside(each)), None)
        if inside is not None:
            sentence = f"step {name!r} stands inside {inside!r}; cover {inside!r} with all that it holds"
            yield source.finding(path, "not_later", sentence)
        elif name not in known:
            yield source.finding(path, "unknown_step", f"there is no step {name!r}{nearest(name, names)}")
        elif name not in names:
            sentence = f"step {name!r} does not come after its approval in the same sequence of steps"
            yield source.finding(path, "not_later", sentence)


def _escalation(source: Source, here: Path, step: Step) -> Iterator[Finding]:
    approval = step.approval
    if approval is None:
        return
    path: Path = (*here, "approval", "escalate_after")
    if (approval.escalate_after is None) != (not approval.escalate_to):
        yield source.finding(path, "bad_escalation", "'escalate_after' and 'escalate_to' belong together")
    elif approval.escalate_after is not None and approval.escalate_after >= approval.expires_after:
        yield source.finding(path, "bad_escalation", "the approval expires before it is escalated")


def _inside(step: Step) -> set[str]:
    return {name for line in lines_of(step) for each in line.steps for name in ({each.id} | _inside(each))}


def _fields(source: Source, place: Path, step: Step) -> Iterator[Finding]:
    if step.kind is not StepKind.ACTION:
        for name in _OF_ACTIONS:
            if getattr(step, name) != Step.model_fields[name].default:
                sentence = f"{name!r} belongs to an action; step {step.id!r} is of the kind {step.kind.value!r}"
                yield source.finding((*place, name), "not_for_kind", sentence, key=True)
    own = _WITHOUT_DEADLINE.get(step.kind)
    if own is not None and step.deadline is not None:
        sentence = f"'deadline' says the same as '{step.kind.value}.{own}'; keep that one"
        yield source.finding((*place, "deadline"), "not_for_kind", sentence, key=True)
    if step.outputs and step.kind in BLOCKS and step.kind is StepKind.FOREACH:
        sentence = "a loop gives its results by itself; 'outputs' belongs to the steps inside"
        yield source.finding((*place, "outputs"), "not_for_kind", sentence, key=True)


def _cases(source: Source, place: Path, step: Step) -> Iterator[Finding]:
    if step.switch is None:
        return
    seen: dict[str, int] = {}
    always: int | None = None
    for index, case in enumerate(step.switch.cases):
        path: Path = (*place, "switch", "cases", index, "if")
        text = "".join(case.if_.split())
        if not has_expression(case.if_):
            sentence = f"a condition is an expression: write '{{{{ {case.if_} }}}}'"
            yield source.finding(path, "no_expression", sentence)
        elif always is not None:
            sentence = f"this case is never reached: case {always + 1} is always true"
            yield source.finding(path, "unreachable_case", sentence)
        elif text in seen:
            sentence = f"this case is never reached: case {seen[text] + 1} has the same condition"
            yield source.finding(path, "unreachable_case", sentence)
        elif text.lower() == _FALSE:
            yield source.finding(path, "unreachable_case", "this case is never taken: its condition is always false")
        seen.setdefault(text, index)
        if text.lower() == _TRUE and always is None:
            always = index
    if always is not None and step.switch.default:
        sentence = f"the default is never reached: case {always + 1} is always true"
        yield source.finding((*place, "switch", "default"), "unreachable_case", sentence, key=True)


def _loop(source: Source, place: Path, step: Step, around: tuple[Step, ...]) -> Iterator[Finding]:
    if step.foreach is None:
        return
    inside: Path = (*place, "foreach")
    items: Any = step.foreach.items
    if isinstance(items, str) and not has_expression(items):
        sentence = f"the items are a list, or an expression that gives one: write '{{{{ {items} }}}}'"
        yield source.finding((*inside, "items"), "no_expression", sentence)
    if items == () and step.foreach.on_empty == "fail":
        yield source.finding((*inside, "items"), "no_items", "there are no items")
    outer = {each.foreach.as_ for each in around if each.foreach is not None}
    if step.foreach.as_ in TAKEN_NAMES | outer:
        sentence = f"the name {step.foreach.as_!r} is taken; give the item another one with 'as'"
        yield source.finding((*inside, "as"), "taken_name", sentence)
    if step.foreach.ramp and step.foreach.max_concurrency == 1:
        sentence = "with one item at a time there is nothing to ramp up; set 'max_concurrency'"
        yield source.finding((*inside, "ramp"), "nothing_to_ramp", sentence)


def _join(source: Source, place: Path, step: Step) -> Iterator[Finding]:
    if step.parallel is None or not isinstance(step.parallel.join, int):
        return
    count = len(step.parallel.branches)
    if step.parallel.join >= count:
        is_all = step.parallel.join == count
        sentence = f"there are {count} branches; " + ("write 'all'" if is_all else "more than that cannot succeed")
        yield source.finding((*place, "parallel", "join"), "bad_join", sentence)
