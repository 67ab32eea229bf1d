"""Runbooks that nest others: which, whether they go round in circles, and whether they get the parameters they want.

Called by the lint, the plan and the catalogue when it pins. The one thing to know: a nested runbook is looked up by
name when the outermost one is pinned, and never again.
"""

from collections.abc import Callable, Iterator
from typing import Any

from domain.errors import Rejected
from runbooks.expressions import has_expression
from runbooks.findings import Finding, nearest
from runbooks.parameters import mistake_in
from runbooks.schema import Runbook
from runbooks.source import Path, Source
from runbooks.walk import walk

# The runbook of a name, however it reads; Rejected when it is not there or cannot be read at all.
Others = Callable[[str], Runbook]

# Runbooks inside runbooks: who must follow more than this at night is lost.
MAX_DEPTH = 5
# All of them together are the input of one workflow, which Temporal limits to 2 MB.
MAX_STEPS = 2_000


def names_in(runbook: Runbook) -> list[str]:
    """The runbooks that a runbook names, each once."""
    return list(dict.fromkeys(found.step.runbook.name for found in walk(runbook) if found.step.runbook is not None))


def all_nested(runbook: Runbook, others: Others) -> dict[str, Runbook]:
    """Every runbook that it nests, directly or not. Rejected when one is missing or they go round in circles."""
    found: dict[str, Runbook] = {}
    done: set[str] = set()

    def descend(outer: Runbook, trail: tuple[str, ...]) -> None:
        for name in names_in(outer):
            if name in trail:
                raise Rejected(f"the runbooks go round in circles: {' → '.join((*trail, name))}")
            if len(trail) > MAX_DEPTH:
                raise Rejected(f"more than {MAX_DEPTH} runbooks inside each other: {' → '.join((*trail, name))}")
            inner = found.get(name) or others(name)
            found[name] = inner
            if name not in done:
                descend(inner, (*trail, name))
                done.add(name)

    descend(runbook, (runbook.name,))
    steps = sum(1 for each in (runbook, *found.values()) for _ in walk(each))
    if steps > MAX_STEPS:
        raise Rejected(f"{steps} steps in {len(found) + 1} runbooks; at most {MAX_STEPS} are run at once")
    return found


def nesting_findings(source: Source, runbook: Runbook, others: Others) -> Iterator[Finding]:
    """What is wrong with the runbooks that this one nests."""
    for found in walk(runbook):
        call = found.step.runbook
        if call is None:
            continue
        path: Path = (*found.place, "runbook", "name")
        try:
            inner = runbook if call.name == runbook.name else others(call.name)
        except Rejected as error:
            yield source.finding(path, "unknown_runbook", error.sentence)
            continue
        try:
            # As if this were the only one that it nests, so that each mistake is said where it begins.
            all_nested(_only(runbook, call.name), lambda name: runbook if name == runbook.name else others(name))
        except Rejected as error:
            yield source.finding(path, "bad_nesting", error.sentence)
        yield from _parameters(source, (*found.place, "runbook", "parameters"), call.parameters, inner)


def _only(runbook: Runbook, name: str) -> Runbook:
    steps = tuple(found.step for found in walk(runbook) if found.step.runbook and found.step.runbook.name == name)
    return runbook.model_copy(update={"steps": steps, "finally_": ()})


def _parameters(source: Source, path: Path, given: dict[str, Any], inner: Runbook) -> Iterator[Finding]:
    for name, value in given.items():
        declared = inner.parameters.get(name)
        if declared is None:
            hint = nearest(name, list(inner.parameters))
            sentence = f"runbook {inner.name!r} has no parameter {name!r}{hint}"
            yield source.finding((*path, name), "unknown_parameter", sentence, key=True)
        elif not has_expression(value):
            mistake = mistake_in(declared, value)
            if mistake:
                yield source.finding((*path, name), "bad_value", f"parameter {name!r}: {mistake}")
    for name, declared in inner.parameters.items():
        if name not in given and declared.default is None and declared.required:
            sentence = f"runbook {inner.name!r}: the parameter {name!r} is missing"
            yield source.finding(path, "missing_parameter", sentence)
