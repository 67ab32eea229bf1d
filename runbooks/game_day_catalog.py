"""The game days that may be held: the team's folders first, the library last; found, linted and pinned by name.

Used by the API and by the worker that keeps the schedules.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.configuration import Configuration, GameDaySettings
from domain.drill_targets import Chosen, resolve
from domain.errors import Rejected, RejectionKind
from domain.game_day import GameDayKind
from domain.game_day_decisions import answerable
from domain.model import Model
from domain.run import ActionSpec, Effect
from domain.timeline import Actor
from runbooks.expressions import with_aliases
from runbooks.findings import Finding, Unreadable, by_place, nearest
from runbooks.folders import Folders, read_text
from runbooks.game_day_lint import lint_game_day
from runbooks.game_day_schema import GameDay, GameDayStart
from runbooks.parameters import bind_parameters
from runbooks.parse import parse_document
from runbooks.render import render
from runbooks.schema import digest_of
from runbooks.source import Source, read_yaml
from runbooks.tabletop_lint import cast_for, lint_tabletop
from runbooks.tabletop_schema import Tabletop, TabletopStart

LIBRARY = Path(__file__).parent / "game_days"
# Tabletops that come along; `hotwash train` plays them alone, too.
TRAINING = Path(__file__).parent / "training"


class GameDaySummary(Model):
    """A line of the catalogue page."""

    name: str
    title: str
    hypothesis: str = ""
    service: str | None = None
    kind: GameDayKind = GameDayKind.LIVE
    findings: tuple[Finding, ...] = ()
    # Why its targets may not be touched as `hotwash.yaml` says, where the file alone is fit; empty: nothing is known.
    problem: str = ""
    # Why its schedule could not start it.
    schedule_problem: str = ""


class GameDayCatalog:
    """Finds, lints and pins game days."""

    def __init__(self, folders: Sequence[Path], specs: Mapping[str, ActionSpec]) -> None:
        self._folders = Folders((*folders, LIBRARY, TRAINING), "game day")
        self._specs = specs

    @property
    def specs(self) -> Mapping[str, ActionSpec]:
        """What each action declares of itself."""
        return self._specs

    def text(self, name: str) -> str:
        """The file as it is written now; Rejected (not found) when there is none of that name."""
        return self._folders.text(name)

    def lint(self, name: str, configuration: Configuration | None = None) -> tuple[GameDay | None, tuple[Finding, ...]]:
        """What can be said about a game day before it is held; more, when `hotwash.yaml` is known."""
        return self._lint(name, self._folders.file(name), configuration)

    def lint_file(
        self, file: Path, configuration: Configuration | None = None
    ) -> tuple[GameDay | None, tuple[Finding, ...]]:
        """The same of any file."""
        return self._lint(file.stem, file, configuration)

    def tabletop_file(self, file: Path) -> Tabletop:
        """A tabletop of any file; Rejected with the findings when there are some."""
        document, findings = _read_tabletop(file.stem, file, None)
        if document is None or findings:
            raise Unreadable(findings)
        return document

    def start(
        self, name: str, requested_by: Actor, configuration: Configuration, parameters: Mapping[str, Any] | None = None
    ) -> GameDayStart:
        """The pinned input of one execution: the file, what `hotwash.yaml` says, and `parameters` above that.

        Rejected with the findings, with what a parameter lacks, or with why a target may not be touched.
        """
        if self.is_tabletop(name):
            raise Rejected(_by_hand(name), RejectionKind.CONFLICT)
        document, findings = self.lint(name, configuration)
        if document is None or findings:
            raise Unreadable(findings)
        settings = configuration.game_days.get(name, GameDaySettings())
        bound = bind_parameters(document, settings.parameters | dict(parameters or {}))
        # Refused here already, where a person hears it; the game day chooses again when it begins.
        choose(document, bound, configuration, seed=name)
        actions = {action: self._specs[action] for action in sorted(_actions(document))}
        return GameDayStart(
            document=_with_people(document, bound, configuration),
            digest=digest_of(document.model_dump(mode="json")),
            parameters=bound,
            requested_by=requested_by,
            audience=settings.audience,
            answerable=answerable(configuration, document.owner, document.service),
            freezes=configuration.policy.freezes,
            policy=configuration.game_day_policy,
            time_zone=configuration.policy.calendar.time_zone,
            groups=configuration.people_by_name(),
            actions=actions,
        )

    def fault_kinds(self) -> tuple[str, ...]:
        """Every kind of fault that there is an action for."""
        return tuple(sorted(name for name, spec in self._specs.items() if spec.effect is Effect.FAULT))

    def planned_faults(self) -> tuple[str, ...]:
        """The kinds of fault that the game days on file make; one whose file cannot be read makes none."""
        documents = (self._lint(name, file)[0] for name, file in self._folders.files().items())
        faults = (fault for document in documents if document is not None for fault in document.faults)
        return tuple(sorted({fault.action for fault in faults}))

    def is_tabletop(self, name: str) -> bool:
        """Whether it is talked through instead of broken; False for a file that cannot be read."""
        file = self._folders.file(name)
        try:
            return _plays(read_yaml(read_text(file), file.name))
        except Unreadable:
            return False

    def tabletop(
        self,
        name: str,
        requested_by: Actor,
        configuration: Configuration,
        incident_id: str,
        parameters: Mapping[str, Any] | None = None,
    ) -> TabletopStart:
        """The pinned input of one tabletop; Rejected with the findings, or with who is not known.

        `parameters` say who plays this time: `players`, `observers`, `game_master`.
        """
        document, findings = self.tabletop_document(name, configuration)
        if document is None or findings:
            raise Unreadable(findings)
        document = cast_for(document, parameters or {}, configuration)
        return TabletopStart(
            document=document,
            digest=digest_of(document.model_dump(mode="json")),
            requested_by=requested_by,
            incident_id=incident_id,
            audience=configuration.game_days.get(name, GameDaySettings()).audience,
        )

    def tabletop_document(
        self, name: str, configuration: Configuration | None = None
    ) -> tuple[Tabletop | None, tuple[Finding, ...]]:
        """A tabletop with what can be said about it before it is played."""
        return _read_tabletop(name, self._folders.file(name), configuration)

    def names(self) -> frozenset[str]:
        """What the game days on file are called, fit to be held or not."""
        return frozenset(self._folders.files())

    def summaries(self, configuration: Configuration | None = None) -> list[GameDaySummary]:
        """The whole catalogue, with what is wrong where something is; more, when `hotwash.yaml` is known."""
        return [self._summary(name, file, configuration) for name, file in sorted(self._folders.files().items())]

    def _summary(self, name: str, file: Path, configuration: Configuration | None) -> GameDaySummary:
        document, findings = self._any(name, file, configuration)
        if document is None:
            return GameDaySummary(name=name, title=name, findings=findings)
        problem = schedule_problem = ""
        if configuration is not None and not findings:
            problem, schedule_problem = _problems_here(document, configuration)
        return GameDaySummary(
            name=name,
            title=document.title,
            hypothesis=document.hypothesis,
            service=document.service,
            kind=document.kind,
            findings=findings,
            problem=problem,
            schedule_problem=schedule_problem,
        )

    def _any(
        self, name: str, file: Path, configuration: Configuration | None
    ) -> tuple[GameDay | Tabletop | None, tuple[Finding, ...]]:
        if self.is_tabletop(name):
            return _read_tabletop(name, file, configuration)
        return self._lint(name, file, configuration)

    def _lint(
        self, name: str, file: Path, configuration: Configuration | None = None
    ) -> tuple[GameDay | None, tuple[Finding, ...]]:
        try:
            source = read_yaml(read_text(file), file.name)
            if _plays(source):
                return None, _read_tabletop(name, file, configuration)[1]
            _demand_ours(source)
            document = parse_document(source, GameDay)
        except Unreadable as error:
            return None, error.findings
        is_bundled = file.resolve().parent == LIBRARY.resolve()
        findings = list(lint_game_day(source, document, self._specs, configuration, is_bundled=is_bundled))
        findings += _wrong_name(source, document.name, name, file)
        return document, by_place(findings)


def _demand_ours(source: Source) -> None:
    """Somebody else's experiment would fail over each of its keys; one sentence says what to do with it."""
    data = source.data if isinstance(source.data, dict) else {}
    is_theirs = "schema_version" not in data and ("method" in data or "experimentTemplate" in data)
    if is_theirs:
        sentence = (
            "this is another tool's experiment; make a game day of it: hotwash game-day import FILE -o FOLDER,"
            " which lists what is not carried over"
        )
        raise Unreadable([source.finding((), "not_ours", sentence)])


def choose(document: GameDay, parameters: Mapping[str, Any], configuration: Configuration, seed: str) -> Chosen:
    """The targets that the document means now; Rejected with every reason why one may not be touched."""
    scope = {"params": with_aliases(dict(parameters))}
    selections = {
        group: selection.model_copy(
            update={
                "names": tuple(map(str, render(list(selection.names), scope))),
                "tags": render(selection.tags, scope),
            }
        )
        for group, selection in document.targets.items()
    }
    return resolve(selections, configuration.drill_targets, configuration.game_day_policy, document.environment, seed)


def _with_people(document: GameDay, bound: Mapping[str, Any], configuration: Configuration) -> GameDay:
    """The document with whom a page must reach as the parameters say; Rejected with a name that nobody has."""
    scope = {"params": with_aliases(dict(bound))}
    known = configuration.people_by_name()
    expectations = []
    for expected in document.expectations:
        names = tuple(map(str, render(list(expected.to), scope)))
        unknown = [name for name in names if name not in known]
        if unknown and configuration.names_people:
            hint = nearest(unknown[0], list(known))
            raise Rejected(f"{document.name!r}: there is no person, team or group {unknown[0]!r} in hotwash.yaml{hint}")
        expectations.append(expected.model_copy(update={"to": names}))
    return document.model_copy(update={"expectations": tuple(expectations)})


def _problems_here(document: GameDay | Tabletop, configuration: Configuration) -> tuple[str, str]:
    """Why its targets may not be touched, and why its schedule could not start it; empty: nothing is known against it.

    What only a start says, as a parameter that `hotwash.yaml` does not give, is not judged where nothing is scheduled.
    """
    settings = configuration.game_days.get(document.name, GameDaySettings())
    is_scheduled = bool(settings.cron or settings.every)
    if isinstance(document, Tabletop):
        cure = f"take `cron` and `every` out of game_days.{document.name} in hotwash.yaml"
        return "", f"{_by_hand(document.name)}; {cure}" if is_scheduled else ""
    try:
        bound = bind_parameters(document, settings.parameters)
    except Rejected as lacking:
        cure = f"mend `parameters` of game_days.{document.name} in hotwash.yaml"
        return "", f"its schedule cannot start it: {lacking.sentence}; {cure}" if is_scheduled else ""
    try:
        choose(document, bound, configuration, seed=document.name)
        _with_people(document, bound, configuration)
    except Rejected as refused:
        return refused.sentence, ""
    return "", ""


def _by_hand(name: str) -> str:
    return f"{name!r} is a tabletop: people play it, so it is started by hand and not by a schedule"


def _actions(document: GameDay) -> Iterator[str]:
    yield from (probe.action for probe in document.steady_state)
    for fault in document.faults:
        yield fault.action
        if fault.undo is not None:
            yield fault.undo.action
    yield from (call.action for call in (each.call() for each in document.stop_conditions) if call is not None)
    if document.recovery.rpo is not None:
        yield document.recovery.rpo.action


def _read_tabletop(
    name: str, file: Path, configuration: Configuration | None
) -> tuple[Tabletop | None, tuple[Finding, ...]]:
    try:
        source = read_yaml(read_text(file), file.name)
        document = parse_document(source, Tabletop)
    except Unreadable as error:
        return None, error.findings
    findings = [*lint_tabletop(source, document, configuration), *_wrong_name(source, document.name, name, file)]
    return document, by_place(findings)


def _plays(source: Source) -> bool:
    return isinstance(source.data, dict) and source.data.get("kind") == GameDayKind.TABLETOP.value


def _wrong_name(source: Source, written: str, name: str, file: Path) -> Iterator[Finding]:
    if written != name:
        sentence = f"the game day is called {written!r} but its file {file.name!r}; make them the same"
        yield source.finding(("name",), "wrong_name", sentence)
