"""The runbooks that may be run: the team's folders first, the library last. Implements the port `RunbookCatalog`.

Files are read again whenever they are asked for, so an edit counts at once; a run that was pinned does not see it.
Only the list of all runbooks is kept until one of the files changes: to lint them all takes half a second, and each
incident's room shows the list.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.model import Model
from domain.run import ActionSpec, RunbookReference
from runbooks.findings import Finding, Unreadable
from runbooks.folders import Folders, read_text
from runbooks.lint import Linted, lint
from runbooks.nesting import all_nested
from runbooks.parse import parse_runbook
from runbooks.plan import Plan, plan
from runbooks.schema import ActionCall, NestedRunbook, PinnedRunbook, Runbook, digest_of
from runbooks.source import read_yaml
from runbooks.walk import walk

LIBRARY = Path(__file__).parent / "library"


_Stamp = tuple[tuple[str, str, tuple[int, ...]], ...]


class RunbookSummary(Model):
    """A line of the catalogue page."""

    name: str
    title: str
    owner: str
    version: str
    mitigates: bool
    # Where it was found: the file, as it was named by its folder.
    file: str
    findings: tuple[Finding, ...] = ()


class Catalog:
    """Finds, lints and pins runbooks by name."""

    def __init__(self, folders: Sequence[Path], specs: Mapping[str, ActionSpec]) -> None:
        self._folders = Folders((*folders, LIBRARY), "runbook")
        self._specs = specs
        # As the files were when it was made, by `_stamp`. Replaced as one, so threads may share the catalogue.
        self._listed: tuple[_Stamp, tuple[RunbookSummary, ...]] | None = None

    @property
    def actions(self) -> Mapping[str, ActionSpec]:
        """What every action declares of itself."""
        return self._specs

    def names(self) -> list[str]:
        """All names, sorted; a name in an earlier folder hides the same name in a later one."""
        return sorted(self._folders.files())

    def text(self, name: str) -> str:
        """The file as it is written now; Rejected (not found) when there is none of that name."""
        return self._folders.text(name)

    def lint(self, name: str) -> Linted:
        """What can be said about a runbook before it runs."""
        return self._lint(name, self._folders.file(name))

    def lint_file(self, file: Path) -> Linted:
        """A file wherever it lies and whatever it is called, with the runbooks of this catalogue that it nests.

        Rejected when there is no file to be read.
        """
        try:
            return lint(read_text(file), str(file), self._specs, self._readable)
        except Unreadable as error:
            return Linted(runbook=None, findings=error.findings)

    def plan_file(self, file: Path, given: Mapping[str, Any] | None = None) -> Plan:
        """`plan` of such a file."""
        linted = self.lint_file(file)
        if linted.runbook is None or linted.findings:
            raise Unreadable(linted.findings)
        return plan(linted.runbook, self._specs, all_nested(linted.runbook, self._readable), given)

    def plan(self, name: str, given: Mapping[str, Any] | None = None) -> Plan:
        """What a runbook would do, and to what; Rejected with its findings when it is not fit to run."""
        runbook = self._fit(name)
        return plan(runbook, self._specs, all_nested(runbook, self._readable), given)

    def pin(self, name: str) -> PinnedRunbook:
        """The runbook as it will run; Rejected when it is not there, or with its findings when it is not fit."""
        runbook = self._fit(name)
        inner = {each: self._fit(each) for each in all_nested(runbook, self._readable)}
        nested = {each: NestedRunbook(reference=_own_reference(text), document=text) for each, text in inner.items()}
        used = {action for each in (runbook, *inner.values()) for action in _actions(each)}
        actions = {action: self._specs[action] for action in sorted(used)}
        # The digest covers what actions declare, too: `at_most_once` turned `idempotent` is another runbook.
        what: dict[str, object] = {"document": runbook.model_dump(mode="json"), "actions": _dumped(actions)}
        if nested:
            what["nested"] = {each: text.reference.digest for each, text in sorted(nested.items())}
        reference = RunbookReference(name=runbook.name, version=runbook.version, digest=digest_of(what))
        return PinnedRunbook(reference=reference, document=runbook, nested=nested, actions=actions)

    def summaries(self) -> list[RunbookSummary]:
        """The whole catalogue, with what is wrong where something is."""
        files = self._folders.files()
        # Taken before the files are read: one that changes meanwhile is read again the next time. All files make one
        # stamp, because a runbook is linted with those that it calls.
        stamp = tuple((name, str(file), _stamp(file)) for name, file in sorted(files.items()))
        if self._listed is None or self._listed[0] != stamp:
            self._listed = (stamp, tuple(self._summary(name, file) for name, file in sorted(files.items())))
        return list(self._listed[1])

    def _lint(self, name: str, file: Path) -> Linted:
        linted = lint(read_text(file), file.name, self._specs, self._readable)
        if linted.runbook is None or linted.runbook.name == name:
            return linted
        sentence = f"the runbook is called {linted.runbook.name!r} but its file {file.name!r}; make them the same"
        wrong_name = Finding(file=file.name, line=1, column=1, path="name", code="wrong_name", sentence=sentence)
        return Linted(runbook=linted.runbook, findings=(wrong_name, *linted.findings))

    def _readable(self, name: str) -> Runbook:
        """The runbook of that name, whatever the lint thinks of it."""
        file = self._folders.file(name)
        return parse_runbook(read_yaml(read_text(file), file.name))

    def _fit(self, name: str) -> Runbook:
        linted = self._lint(name, self._folders.file(name))
        if linted.findings or linted.runbook is None:
            raise Unreadable(linted.findings)
        return linted.runbook

    def _summary(self, name: str, file: Path) -> RunbookSummary:
        linted = self._lint(name, file)
        runbook = linted.runbook
        return RunbookSummary(
            name=name,
            title=runbook.title if runbook else name,
            owner=runbook.owner if runbook else "",
            version=runbook.version if runbook else "",
            mitigates=bool(runbook and runbook.mitigates),
            file=f"{file.parent.name}/{file.name}",
            findings=linted.findings,
        )


def _stamp(file: Path) -> tuple[int, ...]:
    """Changes when the file does, also where an editor keeps the length or a copy keeps the time of writing."""
    try:
        found = file.stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def _own_reference(runbook: Runbook) -> RunbookReference:
    digest = digest_of(runbook.model_dump(mode="json"))
    return RunbookReference(name=runbook.name, version=runbook.version, digest=digest)


def _actions(runbook: Runbook) -> Iterator[str]:
    yield from (condition.action for condition in runbook.stop_conditions)
    for step in (found.step for found in walk(runbook)):
        calls = (step.verify, step.check, step.undo, step.wait.until if step.wait else None)
        yield from (call.action for call in calls if isinstance(call, ActionCall))
        if step.action is not None:
            yield step.action


def _dumped(actions: Mapping[str, ActionSpec]) -> dict[str, object]:
    return {name: spec.model_dump(mode="json") for name, spec in actions.items()}
