"""Everything that can be known to be wrong with a runbook before it runs. Used by the catalogue, the CLI and editors.

A runbook with findings is never pinned: at 3 a.m. is no time to learn of a typing mistake.
"""

from collections.abc import Generator, Iterator, Mapping
from typing import Any

from domain.errors import Rejected
from domain.model import Model
from domain.routing import labels_named
from domain.run import ActionSpec
from domain.runbook_trigger import Trigger
from runbooks.action_parameters import mistakes_in
from runbooks.data_flow import Known, Name, Names, guards_in, ids_in
from runbooks.expressions import has_expression
from runbooks.findings import Finding, Unreadable, by_place, nearest
from runbooks.lint_structure import structure_findings
from runbooks.nesting import Others, nesting_findings
from runbooks.parameters import mistake_in
from runbooks.parse import parse_runbook
from runbooks.render import names_used
from runbooks.schema import ActionCall, ParameterType, Runbook, Step, covered_ids
from runbooks.secret_literals import secret_findings
from runbooks.source import Path, Source, read_yaml
from runbooks.walk import ANY_ITEM, lines_of, walk

_NOTHING = Known()


class Linted(Model):
    """The runbook, when it can be read at all, and what is wrong with it from the top of the file to its end."""

    runbook: Runbook | None
    findings: tuple[Finding, ...]


def lint(text: str, file_name: str, specs: Mapping[str, ActionSpec], others: Others | None = None) -> Linted:
    """Read and check a runbook against the actions, and the other runbooks, that there are.

    Never raises for what the text says. Without `others` nothing is said about nested runbooks.
    """
    try:
        source = read_yaml(text, file_name)
        runbook = parse_runbook(source)
    except Unreadable as error:
        return Linted(runbook=None, findings=error.findings)
    findings = [*structure_findings(source, runbook), *_Lint(source, runbook, specs).findings()]
    said = {finding.path for finding in findings}
    findings += [finding for finding in secret_findings(source) if finding.path not in said]
    if others is not None:
        findings += nesting_findings(source, runbook, others)
    return Linted(runbook=runbook, findings=by_place(findings))


class _Lint:
    """One runbook under the glass."""

    def __init__(self, source: Source, runbook: Runbook, specs: Mapping[str, ActionSpec]) -> None:
        self._source = source
        self._runbook = runbook
        self._specs = specs
        steps = {found.step.id: found.step for found in walk(runbook)}
        self._names = Names(parameters=runbook.parameters, steps=steps, specs=specs)
        # What a covered step may read: it is rendered when its approval is asked for, not when it runs.
        self._limits: dict[str, Known] = {}

    def findings(self) -> Iterator[Finding]:
        yield from self._parameters()
        yield from self._document()
        yield from self._sequence(("steps",), self._runbook.steps, _NOTHING)
        yield from self._sequence(("finally",), self._runbook.finally_, self._at_the_end())

    def _at_the_end(self) -> Known:
        # The run may have ended anywhere: every step can be asked for its status, none has surely succeeded.
        return Known(met=frozenset(step.id for top in self._runbook.steps for step in (top, *_readable_in(top))))

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

    def _document(self) -> Iterator[Finding]:
        """What belongs to the whole runbook."""
        runbook = self._runbook
        if runbook.locks:
            yield from self._texts(("locks", "resources"), runbook.locks.resources, _NOTHING)
        for index, condition in enumerate(runbook.stop_conditions):
            yield from self._asked(("stop_conditions", index), condition, _NOTHING)
        ends = _NOTHING
        for step in runbook.steps:
            ends = ends.after(step)
        yield from self._texts(("outputs",), runbook.outputs, ends)
        for index, trigger in enumerate(runbook.triggers):
            yield from self._trigger(("triggers", index), trigger)

    def _trigger(self, place: Path, trigger: Trigger) -> Iterator[Finding]:
        """What would be found out only when the incident is there, and the run refused at its start."""
        declared = self._runbook.parameters
        for name, value in trigger.parameters.items():
            path: Path = (*place, "parameters", name)
            if name not in declared:
                hint = nearest(name, list(declared))
                yield self._say(path, "unknown_parameter", f"the runbook has no parameter {name!r}{hint}", key=True)
                continue
            if labels_named(value):
                is_text = declared[name].type is ParameterType.STRING
                mistake = None if is_text else f"a label is a text, and this is of type {declared[name].type.value}"
            else:
                mistake = mistake_in(declared[name], value)
            if mistake:
                yield self._say(path, "wrong_type", f"parameter {name!r}: {mistake}")
        needed = [name for name, each in declared.items() if each.required and each.default is None]
        missing = [name for name in needed if name not in trigger.parameters]
        if missing and trigger.then == "start":
            sentence = f"a run cannot start by itself without {', '.join(missing)}; give it here, or a default"
            yield self._say(place, "missing_parameter", sentence)

    def _sequence(self, place: Path, steps: tuple[Step, ...], known: Known) -> Generator[Finding, None, Known]:
        for index, step in enumerate(steps):
            for name in covered_ids(steps, index):
                self._limits[name] = self._limits.get(name, known).within(known)
            yield from self._step((*place, index), step, self._limited(step, known))
            known = known.after(step)
        return known

    def _limited(self, step: Step, known: Known) -> Known:
        limit = self._limits.get(step.id)
        return known if limit is None else known.within(limit)

    def _step(self, path: Path, step: Step, known: Known) -> Iterator[Finding]:
        guards: frozenset[str] = frozenset()
        if step.if_ is not None:
            if not has_expression(step.if_):
                yield self._say(
                    (*path, "if"), "no_expression", f"a condition is an expression: write '{{{{ {step.if_} }}}}'"
                )
            yield from self._texts((*path, "if"), step.if_, known)
            # Who runs only if another step stands so and so knows how it stands.
            guards = guards_in(_read_by(step.if_), self._names.steps)
        known = Known(known.met, known.sure | (guards & known.met), known.variables, known.hidden)
        own = known.own(step)
        if step.action is not None:
            yield from self._call(path, step.action, step.with_, known)
        yield from self._said_to_people(path, step, known)
        if step.wait and step.wait.until:
            yield from self._asked((*path, "wait", "until"), step.wait.until, known)
        if step.verify:
            yield from self._asked((*path, "verify"), step.verify, own, is_own=True)
        if step.check:
            yield from self._asked((*path, "check"), step.check, own, is_own=True)
        if isinstance(step.undo, ActionCall):
            yield from self._call((*path, "undo"), step.undo.action, step.undo.with_, own, is_own=True)
        yield from self._block(path, step, known)
        behind = known.after(step).own(step)
        yield from self._texts((*path, "outputs"), step.outputs, behind, is_own=True)

    def _said_to_people(self, path: Path, step: Step, known: Known) -> Iterator[Finding]:
        if step.approval:
            yield from self._texts((*path, "approval", "message"), step.approval.message, known)
        if step.manual:
            yield from self._texts((*path, "manual", "instructions"), step.manual.instructions, known)

    def _block(self, path: Path, step: Step, known: Known) -> Iterator[Finding]:
        if step.runbook:
            yield from self._texts((*path, "runbook", "parameters"), step.runbook.parameters, known)
        if step.foreach:
            yield from self._texts((*path, "foreach", "items"), step.foreach.items, known)
        for index, case in enumerate(step.switch.cases if step.switch else ()):
            yield from self._texts((*path, "switch", "cases", index, "if"), case.if_, known)
        lines = lines_of(step)
        for line in lines:
            others = [(each.name, ids_in(each.steps)) for each in lines if each is not line]
            inside = known.beside(others)
            if step.foreach:
                inside = Known(inside.met, inside.sure, inside.variables | {step.foreach.as_}, inside.hidden)
            if step.id in self._limits:
                # The whole block is shown before any of it has run.
                self._limits.update(dict.fromkeys(ids_in(line.steps), inside))
            yield from self._sequence((*path, *line.place), line.steps, inside)

    def _asked(self, path: Path, call: ActionCall, known: Known, *, is_own: bool = False) -> Iterator[Finding]:
        spec = self._specs.get(call.action)
        if spec is not None and not spec.has_check:
            able = ", ".join(sorted(name for name, each in self._specs.items() if each.has_check))
            yield self._say(
                (*path, "action"), "cannot_check", f"{call.action!r} can only act, not be asked; there is {able}"
            )
        yield from self._call(path, call.action, call.with_, known, is_own=is_own)

    def _call(
        self, path: Path, action: str, parameters: dict[str, Any], known: Known, *, is_own: bool = False
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

    def _texts(self, path: Path, value: Any, known: Known, *, is_own: bool = False) -> Iterator[Finding]:
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

    def _expression(self, path: Path, text: str, known: Known, *, is_own: bool) -> Iterator[Finding]:
        try:
            names = names_used(text)
        except Rejected as error:
            yield self._say(path, "bad_expression", error.sentence)
            return
        guards = guards_in(names, self._names.steps)
        for name in names:
            problem = self._names.problem(name, known, guards, is_own=is_own)
            if problem:
                yield self._say(path, *problem)


def _readable_in(step: Step) -> Iterator[Step]:
    for line in lines_of(step):
        for inner in line.steps if line.name != ANY_ITEM else ():
            yield inner
            yield from _readable_in(inner)


def _read_by(text: str) -> list[Name]:
    try:
        return names_used(text)
    except Rejected:
        return []
