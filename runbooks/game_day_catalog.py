"""The game days that may be held: the team's folders first, the library last; found, linted and pinned by name.

Used by the API and by the worker that keeps the schedules.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.configuration import Configuration, GameDaySettings
from domain.durations import format_duration
from domain.errors import Rejected
from domain.game_day import Expectation
from domain.game_day_decisions import answerable
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
        self, name: str, requested_by: Actor, configuration: Configuration, parameters: Mapping[str, Any] | None = None
    ) -> GameDayStart:
        """The pinned input of one execution: the file, what `hotwash.yaml` says, and `parameters` above that.

        Rejected with the findings, or with what a parameter lacks.
        """
        document, findings = self.lint(name)
        if document is None or findings:
            raise Unreadable(findings)
        settings = configuration.game_days.get(name, GameDaySettings())
        bound = bind_parameters(document, settings.parameters | dict(parameters or {}))
        return GameDayStart(
            document=document,
            digest=digest_of(document.model_dump(mode="json")),
            parameters=bound,
            requested_by=requested_by,
            audience=settings.audience,
            answerable=answerable(configuration, document.owner, document.service),
            freezes=configuration.policy.freezes,
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
        if spec is not None and (spec.effect is not Effect.READ_ONLY or not spec.has_check):
            # The check of an action that changes something says whether that was done, and nothing of the target.
            sentence = f"{probe.action!r} does not look at the target; a probe needs a check, such as check.http"
            yield source.finding(("steady_state", number, "action"), "no_probe", sentence)
    fault = specs.get(document.fault.action)
    if fault is not None and fault.effect is not Effect.FAULT:
        sentence = f"{document.fault.action!r} is no fault; a game day breaks something on purpose"
        yield source.finding(("fault", "action"), "no_fault", sentence)
    restore = specs.get(document.restore.action)
    if restore is not None and restore.effect is Effect.FAULT:
        sentence = f"{document.restore.action!r} is a fault; what is broken on purpose is not put right by another one"
        yield source.finding(("restore", "action"), "restores_nothing", sentence)
    yield from _expectations(source, document)


def _expectations(source: Source, document: GameDay) -> Iterator[Finding]:
    seen: set[Expectation] = set()
    for number, expected in enumerate(document.expectations):
        path: Place = ("expectations", number)
        if expected.expect in seen:
            yield source.finding((*path, "expect"), "expected_twice", f"{expected.expect.value!r} is expected already")
        seen.add(expected.expect)
        if expected.within > document.duration:
            within, duration = format_duration(expected.within), format_duration(document.duration)
            sentence = f"within {within} cannot be seen: the fault is undone after {duration} (`duration`)"
            yield source.finding((*path, "within"), "never_seen", sentence)


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
    for place, text in _texts((*path, "with"), call.with_):
        yield from _expression(place, text, source, document)


def _texts(path: Place, value: Any) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts((*path, str(key)), inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts((*path, number), inner)


def _expression(path: Place, value: str, source: Source, document: GameDay) -> Iterator[Finding]:
    if not has_expression(value):
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
