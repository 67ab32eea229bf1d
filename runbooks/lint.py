"""Everything that can be known to be wrong with a runbook before it runs. Used by the catalogue, the CLI and editors.

A runbook with findings is never pinned: at 3 a.m. is no time to learn of a typing mistake.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from domain.errors import Rejected
from domain.model import Model
from domain.run import ActionSpec, StepKind
from runbooks.action_parameters import mistakes_in
from runbooks.expressions import has_expression, with_aliases
from runbooks.findings import Finding, Unreadable, by_place, nearest
from runbooks.parameters import mistake_in
from runbooks.parse import parse_runbook
from runbooks.render import names_used
from runbooks.schema import ActionCall, ParameterType, Runbook, Step, covered_ids
from runbooks.source import Path, Source, read_yaml

_ROOTS = ("params", "steps", "incident", "run")
# In `verify`, `check` and `undo` a step reads what it gave itself.
_OWN_OUTPUT = "output"
_OF_A_STEP = ("output", "status", "error")


class Linted(Model):
    """The runbook, when it can be read at all, and what is wrong with it from the top of the file to its end."""

    runbook: Runbook | None
    findings: tuple[Finding, ...]


def lint(text: str, file_name: str, specs: Mapping[str, ActionSpec]) -> Linted:
    """Read and check a runbook against the actions that there are; never raises for what the text says."""
    try:
        source = read_yaml(text, file_name)
        runbook = parse_runbook(source)
    except Unreadable as error:
        return Linted(runbook=None, findings=error.findings)
    return Linted(runbook=runbook, findings=by_place(list(_Lint(source, runbook, specs).findings())))


class _Lint:
    """One runbook under the glass."""

    def __init__(self, source: Source, runbook: Runbook, specs: Mapping[str, ActionSpec]) -> None:
        self._source = source
        self._runbook = runbook
        self._specs = specs
        self._kinds = {step.id: step for step in (*runbook.steps, *runbook.finally_)}
        self._params = with_aliases(runbook.parameters)

    def findings(self) -> Iterator[Finding]:
        yield from self._parameters()
        yield from self._duplicate_ids()
        yield from self._approvals()
        known: set[str] = set()
        visible = self._visible_to_covered()
        for index, step in enumerate(self._runbook.steps):
            yield from self._step(("steps", index), step, known & visible.get(step.id, known))
            known.add(step.id)
        for index, step in enumerate(self._runbook.finally_):
            yield from self._step(("finally", index), step, known)
            known.add(step.id)

    def _say(self, path: Path, code: str, sentence: str, *, key: bool = False) -> Finding:
        return self._source.finding(path, code, sentence, key=key)

    def _parameters(self) -> Iterator[Finding]:
        for name, parameter in self._runbook.parameters.items():
            path: Path = ("parameters", name, "default")
            mistake = None if parameter.default is None else mistake_in(parameter, parameter.default)
            if mistake:
                is_secret = parameter.type is ParameterType.SECRET
                code = "secret_as_literal" if is_secret else "bad_default"
                yield self._say(path, code, f"the default of {name!r}: {mistake}")

    def _duplicate_ids(self) -> Iterator[Finding]:
        lines: dict[str, int] = {}
        for block, steps in (("steps", self._runbook.steps), ("finally", self._runbook.finally_)):
            for index, step in enumerate(steps):
                path: Path = (block, index, "id")
                if step.id in lines:
                    yield self._say(
                        path, "duplicate_step", f"step {step.id!r} is here twice; the first is on line {lines[step.id]}"
                    )
                lines.setdefault(step.id, self._source.place_of(path).line)

    def _approvals(self) -> Iterator[Finding]:
        for block, steps in (("steps", self._runbook.steps), ("finally", self._runbook.finally_)):
            for index, step in enumerate(steps):
                if step.approval is None:
                    continue
                later = [each.id for each in steps[index + 1 :]]
                if not step.approval.covers and not later:
                    yield self._say((block, index), "covers_nothing", f"approval {step.id!r} has no step after it")
                for number, name in enumerate(step.approval.covers):
                    path: Path = (block, index, "approval", "covers", number)
                    if name not in self._kinds:
                        yield self._say(path, "unknown_step", f"there is no step {name!r}{nearest(name, later)}")
                    elif name not in later:
                        yield self._say(path, "not_later", f"step {name!r} does not come after its approval")

    def _visible_to_covered(self) -> dict[str, set[str]]:
        """What a covered step may read: it is rendered when its approval is asked for, not when it runs."""
        visible: dict[str, set[str]] = {}
        before: set[str] = set()
        for index, step in enumerate(self._runbook.steps):
            for name in covered_ids(self._runbook.steps, index):
                visible[name] = visible.get(name, before) & before
            before = before | {step.id}
        return visible

    def _step(self, path: Path, step: Step, known: set[str]) -> Iterator[Finding]:
        own = known | {step.id}
        if step.if_ is not None:
            if not has_expression(step.if_):
                yield self._say(
                    (*path, "if"), "no_expression", f"a condition is an expression: write '{{{{ {step.if_} }}}}'"
                )
            yield from self._texts((*path, "if"), step.if_, known)
        if step.action is not None:
            yield from self._call(path, step.action, step.with_, known)
        yield from self._texts((*path, "approval", "message"), step.approval.message if step.approval else "", known)
        yield from self._texts(
            (*path, "manual", "instructions"), step.manual.instructions if step.manual else "", known
        )
        if step.wait and step.wait.until:
            yield from self._asked((*path, "wait", "until"), step.wait.until, known)
        if step.verify:
            yield from self._asked((*path, "verify"), step.verify, own, is_own=True)
        if step.check:
            yield from self._asked((*path, "check"), step.check, own, is_own=True)
        if isinstance(step.undo, ActionCall):
            yield from self._call((*path, "undo"), step.undo.action, step.undo.with_, own, is_own=True)

    def _asked(self, path: Path, call: ActionCall, known: set[str], *, is_own: bool = False) -> Iterator[Finding]:
        spec = self._specs.get(call.action)
        if spec is not None and not spec.has_check:
            able = ", ".join(sorted(name for name, each in self._specs.items() if each.has_check))
            yield self._say(
                (*path, "action"), "cannot_check", f"{call.action!r} can only act, not be asked; there is {able}"
            )
        yield from self._call(path, call.action, call.with_, known, is_own=is_own)

    def _call(
        self, path: Path, action: str, parameters: dict[str, Any], known: set[str], *, is_own: bool = False
    ) -> Iterator[Finding]:
        spec = self._specs.get(action)
        if spec is None:
            hint = nearest(action, list(self._specs))
            yield self._say((*path, "action"), "unknown_action", f"there is no action {action!r}{hint}")
        else:
            for mistake in mistakes_in(parameters, spec.parameters):
                is_key = mistake.code == "unknown_parameter"
                place = (*path, "with", *mistake.path) if parameters else (*path, "action")
                yield self._say(place, mistake.code, f"{action}: {mistake.sentence}", key=is_key)
        yield from self._texts((*path, "with"), parameters, known, is_own=is_own)

    def _texts(self, path: Path, value: Any, known: set[str], *, is_own: bool = False) -> Iterator[Finding]:
        if isinstance(value, dict):
            for key, item in value.items():
                if has_expression(key):
                    yield self._say((*path, key), "expression_in_key", "a key holds no expression; only values may")
                yield from self._texts((*path, key), item, known, is_own=is_own)
        elif isinstance(value, list | tuple):
            for index, item in enumerate(value):
                yield from self._texts((*path, index), item, known, is_own=is_own)
        elif isinstance(value, str) and has_expression(value):
            yield from self._expression(path, value, known, is_own=is_own)

    def _expression(self, path: Path, text: str, known: set[str], *, is_own: bool) -> Iterator[Finding]:
        try:
            names = names_used(text)
        except Rejected as error:
            yield self._say(path, "bad_expression", error.sentence)
            return
        for name in names:
            problem = self._name(name, known, is_own=is_own)
            if problem:
                yield self._say(path, *problem)

    def _name(self, name: tuple[str, ...], known: set[str], *, is_own: bool) -> tuple[str, str] | None:
        root, *rest = name
        roots = (*_ROOTS, _OWN_OUTPUT) if is_own else _ROOTS
        if root not in roots:
            return "unknown_name", f"there is no {root!r} in expressions{nearest(root, roots)}"
        if root == "params" and rest and rest[0] not in self._params:
            hint = nearest(rest[0], list(self._runbook.parameters))
            return "unknown_name", f"the runbook has no parameter {rest[0]!r}{hint}"
        if root == "steps" and rest:
            return self._step_name(rest, known)
        return None

    def _step_name(self, rest: list[str], known: set[str]) -> tuple[str, str] | None:
        step = with_aliases(self._kinds).get(rest[0])
        if step is None:
            return "unknown_name", f"there is no step {rest[0]!r}{nearest(rest[0], list(self._kinds))}"
        if step.id not in known:
            return "step_not_run", f"step {step.id!r} has not run when this is evaluated"
        if rest[1:] and rest[1] not in _OF_A_STEP:
            return "unknown_name", f"a step has no {rest[1]!r}{nearest(rest[1], _OF_A_STEP)}"
        spec = self._specs.get(step.action or "")
        if rest[1:2] == ["output"] and rest[2:] and spec and step.kind is StepKind.ACTION:
            fields = spec.result.get("properties", {})
            if spec.result.get("additionalProperties") is False and rest[2] not in fields:
                hint = nearest(rest[2], list(fields))
                return "unknown_name", f"{spec.name} gives no {rest[2]!r}{hint}"
        return None
