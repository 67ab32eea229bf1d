"""The game days that may be held: the team's folders first, the library last; found, linted and pinned by name.

Used by the API and by the worker that keeps the schedules.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.errors import Rejected
from domain.model import Model
from domain.run import ActionSpec, Effect
from domain.timeline import Actor
from runbooks.action_parameters import mistakes_in
from runbooks.expressions import has_expression, with_aliases
from runbooks.findings import Finding, Unreadable, by_place, nearest
from runbooks.folders import Folders, read_text
from runbooks.game_day_schema import GameDay, GameDayStart
from runbooks.parameters import bind_parameters
from runbooks.parse import parse_document
from runbooks.render import names_used
from runbooks.schema import ActionCall, digest_of
from runbooks.source import Path as Place
from runbooks.source import Source, read_yaml

LIBRARY = Path(__file__).parent / "game_days"


class GameDaySummary(Model):
    """A line of the catalogue page."""

    name: str
    title: str
    hypothesis: str = ""
    service: str | None = None
    findings: tuple[Finding, ...] = ()


class GameDayCatalog:
    """Finds, lints and pins game days."""

    def __init__(self, folders: Sequence[Path], specs: Mapping[str, ActionSpec]) -> None:
        self._folders = Folders((*folders, LIBRARY), "game day")
        self._specs = specs

    def text(self, name: str) -> str:
        """The file as it is written now; Rejected (not found) when there is none of that name."""
        return self._folders.text(name)

    def lint(self, name: str) -> tuple[GameDay | None, tuple[Finding, ...]]:
        """What can be said about a game day before it is held."""
        return self._lint(name, self._folders.file(name))

    def start(
        self, name: str, parameters: Mapping[str, Any], requested_by: Actor, audience: Sequence[str] = ()
    ) -> GameDayStart:
        """The pinned input of one execution; Rejected with the findings, or with what a parameter lacks."""
        document, findings = self.lint(name)
        if document is None or findings:
            raise Unreadable(findings)
        bound = bind_parameters(document, parameters)
        return GameDayStart(
            document=document,
            digest=digest_of(document.model_dump(mode="json")),
            parameters=bound,
            requested_by=requested_by,
            audience=tuple(audience),
        )

    def summaries(self) -> list[GameDaySummary]:
        """The whole catalogue, with what is wrong where something is."""
        return [self._summary(name, file) for name, file in sorted(self._folders.files().items())]

    def _summary(self, name: str, file: Path) -> GameDaySummary:
        document, findings = self._lint(name, file)
        if document is None:
            return GameDaySummary(name=name, title=name, findings=findings)
        return GameDaySummary(
            name=name,
            title=document.title,
            hypothesis=document.hypothesis,
            service=document.service,
            findings=findings,
        )

    def _lint(self, name: str, file: Path) -> tuple[GameDay | None, tuple[Finding, ...]]:
        try:
            source = read_yaml(read_text(file), file.name)
            document = parse_document(source, GameDay)
        except Unreadable as error:
            return None, error.findings
        findings = list(_findings(source, document, self._specs))
        if document.name != name:
            sentence = f"the game day is called {document.name!r} but its file {file.name!r}; make them the same"
            findings.append(source.finding(("name",), "wrong_name", sentence))
        return document, by_place(findings)


def _findings(source: Source, document: GameDay, specs: Mapping[str, ActionSpec]) -> Iterator[Finding]:
    yield from _call(source, ("fault",), document.fault, specs, document)
    yield from _call(source, ("restore",), document.restore, specs, document)
    for number, probe in enumerate(document.steady_state):
        yield from _call(source, ("steady_state", number), probe, specs, document)
        spec = specs.get(probe.action)
        if spec is not None and not spec.has_check:
            sentence = f"{probe.action!r} can only act, not be asked; a probe needs an action with a check"
            yield source.finding(("steady_state", number, "action"), "cannot_check", sentence)
    fault = specs.get(document.fault.action)
    if fault is not None and fault.effect is not Effect.FAULT:
        sentence = f"{document.fault.action!r} is no fault; a game day breaks something on purpose"
        yield source.finding(("fault", "action"), "no_fault", sentence)


def _call(
    source: Source, path: Place, call: ActionCall, specs: Mapping[str, ActionSpec], document: GameDay
) -> Iterator[Finding]:
    spec = specs.get(call.action)
    if spec is None:
        hint = nearest(call.action, list(specs))
        yield source.finding((*path, "action"), "unknown_action", f"there is no action {call.action!r}{hint}")
        return
    for mistake in mistakes_in(call.with_, spec.parameters):
        sentence = f"{call.action}: {mistake.sentence}"
        yield source.finding((*path, "with", *mistake.path), mistake.code, sentence)
    for name, value in call.with_.items():
        yield from _expression((*path, "with", name), value, source, document)


def _expression(path: Place, value: Any, source: Source, document: GameDay) -> Iterator[Finding]:
    if not isinstance(value, str) or not has_expression(value):
        return
    try:
        names = names_used(value)
    except Rejected as error:
        yield source.finding(path, "bad_expression", error.sentence)
        return
    known = with_aliases(document.parameters)
    for root, *rest in names:
        if root != "params":
            yield source.finding(path, "unknown_name", f"there is no {root!r} here; a game day reads params")
        elif rest and rest[0] not in known:
            hint = nearest(rest[0], list(document.parameters))
            yield source.finding(path, "unknown_name", f"the game day has no parameter {rest[0]!r}{hint}")
