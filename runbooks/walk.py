"""Finds the way through a runbook's nested steps. Pure: workflows, the lint and the plan walk the same way.

The one thing to know: a step's path names what it stands in: `both.left.stop` (branch), `drain.3.stop` (item, from 0),
`choose.case-1.stop` (case, from 1), `child.stop` (nested runbook). In patterns an item is written `*`.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from domain.run import ActionSpec, Effect, StepKind
from runbooks.schema import Runbook, Step

# Where something stands in a document: keys and indexes.
Place = tuple[str | int, ...]
ANY_ITEM = "*"
BLOCKS = frozenset({StepKind.PARALLEL, StepKind.FOREACH, StepKind.SWITCH, StepKind.RUNBOOK})


class Line(NamedTuple):
    """One sequence of steps inside a block."""

    # As paths name it: a branch, `*`, `case-1`, `default`.
    name: str
    steps: tuple[Step, ...]
    # Inside the step.
    place: Place


class Found(NamedTuple):
    """A step and where it stands."""

    step: Step
    # The pattern of its path inside its document, and its place.
    pattern: str
    place: Place
    # The blocks around it, outermost first.
    around: tuple[Step, ...]
    is_final: bool


def lines_of(step: Step) -> list[Line]:
    """What a block holds; nothing for other steps and for nested runbooks, whose text is another document."""
    if step.parallel is not None:
        return [Line(name, steps, ("parallel", "branches", name)) for name, steps in step.parallel.branches.items()]
    if step.foreach is not None:
        return [Line(ANY_ITEM, step.foreach.steps, ("foreach", "steps"))]
    if step.switch is not None:
        cases = [
            Line(case_name(index), case.steps, ("switch", "cases", index, "steps"))
            for index, case in enumerate(step.switch.cases)
        ]
        default = step.switch.default
        return [*cases, *([Line("default", default, ("switch", "default"))] if default else [])]
    return []


def case_name(index: int) -> str:
    """How paths name a case; people count from 1."""
    return f"case-{index + 1}"


def walk(runbook: Runbook) -> Iterator[Found]:
    """All steps of a document, each before what it holds."""
    yield from _walk(runbook.steps, "", ("steps",), (), is_final=False)
    yield from _walk(runbook.finally_, "", ("finally",), (), is_final=True)


def _walk(
    steps: tuple[Step, ...], prefix: str, place: Place, around: tuple[Step, ...], *, is_final: bool
) -> Iterator[Found]:
    for index, step in enumerate(steps):
        here: Place = (*place, index)
        yield Found(step, f"{prefix}{step.id}", here, around, is_final)
        for line in lines_of(step):
            inner = f"{prefix}{step.id}.{line.name}."
            yield from _walk(line.steps, inner, (*here, *line.place), (*around, step), is_final=is_final)


def changes_something(runbook: Runbook, specs: Mapping[str, ActionSpec], nested: Mapping[str, Runbook]) -> bool:
    """Whether any action of it, or of what it nests, may change the world; an unknown one may."""
    return any(
        found.step.action is not None
        and (found.step.action not in specs or specs[found.step.action].effect is not Effect.READ_ONLY)
        for each in (runbook, *nested.values())
        for found in walk(each)
    )


class Level(NamedTuple):
    """One step on the way down to a step: the last level is the step itself."""

    step: Step
    # Its path, and what leads the paths of its neighbours.
    path: str
    prefix: str
    # Its neighbours, itself included, in order.
    sequence: tuple[Step, ...]
    document: Runbook
    # The way on from here: a branch, an index, a case; empty for a nested runbook and for the last level.
    line: str


def levels(path: str, document: Runbook, nested: Mapping[str, Runbook]) -> list[Level]:
    """The way from the outermost step down to the step of that path; LookupError when there is none such."""
    parts = path.split(".")
    sequences = (document.steps, document.finally_)
    prefix = ""
    found: list[Level] = []
    while parts:
        step, sequence = _among(sequences, parts.pop(0))
        here = f"{prefix}{step.id}"
        line = parts.pop(0) if parts and step.runbook is None else ""
        found.append(Level(step, here, prefix, sequence, document, line))
        if step.runbook is not None:
            document = nested[step.runbook.name]
            sequences = (document.steps, document.finally_)
            prefix = f"{here}."
        elif line:
            wanted = ANY_ITEM if step.foreach is not None else line
            sequences = (next(each.steps for each in lines_of(step) if each.name == wanted), ())
            prefix = f"{here}.{line}."
    return found


def _among(sequences: tuple[tuple[Step, ...], ...], name: str) -> tuple[Step, tuple[Step, ...]]:
    for sequence in sequences:
        for step in sequence:
            if step.id == name:
                return step, sequence
    message = f"there is no step {name!r}"
    raise LookupError(message)


def visible_from(way: list[Level]) -> dict[str, str]:
    """The steps that a step may name, and their paths.

    Those of its document: neighbours, those around, and what all of them hold except the items of other loops.
    """
    document = way[-1].document
    paths: dict[str, str] = {}
    for level in way:
        if level.document is not document:
            continue
        if level.sequence is document.steps or level.sequence is document.finally_:
            _collect(document.steps + document.finally_, level.prefix, paths)
        else:
            _collect(level.sequence, level.prefix, paths)
    return paths


def _collect(steps: tuple[Step, ...], prefix: str, paths: dict[str, str]) -> None:
    for step in steps:
        paths[step.id] = f"{prefix}{step.id}"
        for line in lines_of(step):
            if line.name != ANY_ITEM:
                _collect(line.steps, f"{prefix}{step.id}.{line.name}.", paths)
