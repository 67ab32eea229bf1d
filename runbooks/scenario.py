"""A scenario: what happens around a runbook in a rehearsal, and what the runbook is expected to make of it.

Read by `hotwash runbook rehearse`; played by `workers/rehearsal.py`; judged by `runbooks/verdict.py`. The one thing to
know: scripts are keyed by step path or by action, never by kind; `runbooks/walk.py` knows which paths there are.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from domain.durations import Duration
from domain.errors import Rejected
from domain.message import Template
from domain.model import Model
from domain.run import ActionSpec, ApprovalStatus, RunStatus, StepStatus
from runbooks.action_parameters import mistakes_in
from runbooks.example import example_of
from runbooks.findings import Finding, Unreadable, by_place, nearest
from runbooks.parameters import bind_parameters
from runbooks.parse import parse_document
from runbooks.schema import Identifier, NestedRunbook, PinnedRunbook, Runbook, Step, StopCondition
from runbooks.source import Path, Source, read_yaml
from runbooks.walk import walk

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


def _bare(value: object) -> object:
    """`vanish` alone is the word with nothing to add; pydantic sees a mapping either way."""
    if not isinstance(value, str):
        return value
    return {value: {} if value in {"succeed", "holds"} else ""}


class Outcome(Model):
    """How one attempt at an action ends: one word, alone or with what it says."""

    # The output, laid over one that is made from the action's own result schema.
    succeed: dict[str, Any] | None = None
    # It failed and may be tried again.
    fail: str | None = None
    # It was refused: trying again would not help.
    refuse: str | None = None
    # It ran longer than the step's `timeout`; in a rehearsal that is at once.
    time_out: str | None = None
    # Its worker vanished: repeated where that does no harm, in doubt where the action is `at_most_once`.
    vanish: str | None = None
    # The action itself says that nobody knows.
    unknown: str | None = None

    @model_validator(mode="after")
    def _one_word(self) -> "Outcome":
        _demand_one(self, "an outcome")
        return self


class Answer(Model):
    """What a check sees: one word, alone or with what it says."""

    holds: dict[str, Any] | None = None
    does_not_hold: str | None = None
    cannot_tell: str | None = None

    @model_validator(mode="after")
    def _one_word(self) -> "Answer":
        _demand_one(self, "an answer")
        return self


# One outcome per attempt; the last one stays. A key is a step path (`*` for any one part of it) or an action.
Outcomes = dict[str, Annotated[tuple[Annotated[Outcome, BeforeValidator(_bare)], ...], Field(min_length=1)]]
Answers = dict[str, Annotated[tuple[Annotated[Answer, BeforeValidator(_bare)], ...], Field(min_length=1)]]


class Deed(StrEnum):
    """What a person does to a run."""

    APPROVE = "approve"
    REJECT = "reject"
    # A manual step, or a step in doubt: it is done; or it is not.
    COMPLETE = "complete"
    COULD_NOT = "could_not"
    SKIP = "skip"
    RETRY = "retry"
    OVERRIDE = "override"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"


_ABOUT_A_STEP = {Deed.APPROVE, Deed.REJECT, Deed.COMPLETE, Deed.COULD_NOT, Deed.SKIP, Deed.RETRY, Deed.OVERRIDE}


class PersonActs(Model):
    """One thing that one person does, once: at a time after the start, or when a step asks."""

    by: str
    do: Deed
    # After the start; this or `when`.
    at: Duration | None = None
    # The path of the step that asks: an approval, a manual step, one that failed or is in doubt.
    when: str | None = None
    # How long the person takes to answer; nothing: at once.
    after: Duration = timedelta()
    # The step it is done to; nothing: the one that asks.
    step: str | None = None
    # Reason, comment or note.
    says: str = "rehearsed"
    # What a completed or overridden step gives.
    output: dict[str, Any] = Field(default_factory=dict)
    # Of a stop: whether what was done is taken back.
    undo: bool = True
    # It must be refused, with this in the sentence.
    refused: str | None = None

    @property
    def path(self) -> str | None:
        """The step it is done to."""
        return self.step or self.when

    @model_validator(mode="after")
    def _one_moment(self) -> "PersonActs":
        if (self.at is None) == (self.when is None):
            message = f"{self.by} needs exactly one of 'at' (a time after the start) and 'when' (a step that asks)"
            raise ValueError(message)
        if self.at is not None and self.after:
            message = f"{self.by}: 'after' counts from the moment in which the step asks; add it to 'at'"
            raise ValueError(message)
        if self.do in _ABOUT_A_STEP and self.path is None:
            message = f"{self.by} has to {self.do.value} a step: name it with 'step'"
            raise ValueError(message)
        return self


class ExpectedMessage(Model):
    """A message that must have been sent."""

    template: Template
    # Whom it reached, all of them; nothing: anybody.
    to: tuple[str, ...] = ()
    # About which step; nothing: any.
    step: str | None = None
    # How often, reminders included; nothing: at least once.
    times: int | None = Field(default=None, ge=0)


class Lasting(Model):
    """Bounds of the run's time, of the clock that everybody in it sees."""

    at_least: Duration | None = None
    at_most: Duration | None = None


class Expect(Model):
    """What must have come of it; what is left out is not looked at."""

    status: RunStatus
    # A part of the run's reason.
    reason: str | None = None
    steps: dict[str, StepStatus] = Field(default_factory=dict)
    # Every attempt at an action, in order, by step path; undos and checks are not among them.
    performed: tuple[str, ...] | None = None
    # What was taken back, in order.
    undone: tuple[str, ...] | None = None
    # How each approval ended. One that is not here may have ended in any way.
    approvals: dict[str, ApprovalStatus] = Field(default_factory=dict)
    messages: tuple[ExpectedMessage, ...] = ()
    # Parts of timeline lines, in this order.
    says: tuple[str, ...] = ()
    # By step: keys of its output with their values.
    outputs: dict[str, dict[str, Any]] = Field(default_factory=dict)
    lasts: Lasting = Lasting()


class PlayedFreeze(Model):
    """A window in which nothing may be changed; its times count from the start of the run."""

    name: str = "freeze"
    from_: Duration = Field(default=timedelta(), alias="from")
    until: Duration
    # Services; empty: all of them.
    applies_to: tuple[str, ...] = ()

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="after")
    def _ends_after_its_beginning(self) -> "PlayedFreeze":
        if self.until <= self.from_:
            message = f"the freeze {self.name!r} ends before it begins"
            raise ValueError(message)
        return self


class Given(Model):
    """The circumstances."""

    parameters: dict[str, Any] = Field(default_factory=dict)
    # What expressions read as `incident`: title, severity, services, …
    incident: dict[str, Any] = Field(default_factory=dict)
    requested_by: str = "ann"
    # Whoever is asked when nobody is named.
    commander: str = "cleo"
    # The members of the groups that approvals and manual steps name.
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    drill: bool = False
    freezes: tuple[PlayedFreeze, ...] = ()
    # Why whoever starts the run changes something within a freeze.
    override_freeze: str = ""
    # Nothing scripted: everything succeeds, every check holds, and no stop condition does.
    actions: Outcomes = Field(default_factory=dict)
    checks: Answers = Field(default_factory=dict)
    undos: Outcomes = Field(default_factory=dict)


class Scenario(Given):
    """One case."""

    name: Identifier
    title: str = ""
    people: tuple[PersonActs, ...] = ()
    # Looked at after this long, ended or not; nothing: it has to end.
    play_for: Duration | None = None
    expect: Expect


class ScenarioFile(Model):
    """All cases of one runbook."""

    schema_version: Literal[1]
    runbook: Identifier
    # What all cases have in common; a case that has the same key of `parameters`, `actions`, … has its own way.
    given: Given = Given()
    scenarios: tuple[Scenario, ...] = Field(min_length=1)

    def played(self) -> tuple[Scenario, ...]:
        """The scenarios, each with what is common to all."""
        return tuple(_laid_over(self.given, scenario) for scenario in self.scenarios)


class Rehearsal(Model):
    """A runbook and the scenarios it is rehearsed with."""

    runbook: PinnedRunbook
    scenarios: tuple[Scenario, ...]


def read_scenarios(text: str, file_name: str, runbook: PinnedRunbook, specs: Mapping[str, ActionSpec]) -> Rehearsal:
    """The scenarios of a file; Unreadable (a Rejected) with every mistake and its place when they do not fit."""
    source = read_yaml(text, file_name)
    document = parse_document(source, ScenarioFile)
    findings = list(_Fit(source, document, runbook, specs).findings())
    if findings:
        raise Unreadable(by_place(findings))
    return Rehearsal(runbook=runbook, scenarios=document.played())


def found_in(value: Any, kind: type[M]) -> Iterator[M]:
    """Every step (or stop condition) in a runbook, however deep in whatever kind of step."""
    if isinstance(value, kind):
        yield value
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from found_in(getattr(value, name), kind)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from found_in(each, kind)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from found_in(each, kind)


def scripted(scripts: Mapping[str, tuple[T, ...]], path: str, action: str, attempt: int) -> T | None:
    """What the script has for an attempt (from 0) at a path; the path itself counts before a pattern and an action."""
    found = scripts.get(path)
    if found is None:
        found = next((each for key, each in scripts.items() if "*" in key and matches(path, key)), scripts.get(action))
    return None if found is None else found[min(attempt, len(found) - 1)]


def matches(path: str, pattern: str) -> bool:
    """Whether a path fits a pattern, in which `*` is any one part."""
    parts, wanted = path.split("."), pattern.split(".")
    return len(parts) == len(wanted) and all(fnmatchcase(*pair) for pair in zip(parts, wanted, strict=True))


def _places(
    document: Runbook, nested: Mapping[str, NestedRunbook], prefix: str = ""
) -> Iterator[tuple[str, Step | StopCondition]]:
    """Everything that a run may do or ask at a path, with the pattern of the path."""
    for condition in document.stop_conditions:
        yield f"{prefix}{condition.id}", condition
    for found in walk(document):
        yield f"{prefix}{found.pattern}", found.step
        if found.step.runbook is not None:
            inner = nested[found.step.runbook.name]
            yield from _places(inner.document, nested, f"{prefix}{found.pattern}.")


def _demand_one(value: Model, what: str) -> None:
    given = [name for name in type(value).model_fields if getattr(value, name) is not None]
    if len(given) != 1:
        message = (
            f"{what} is exactly one of {', '.join(type(value).model_fields)}; here is {' and '.join(given) or 'none'}"
        )
        raise ValueError(message)


def _laid_over(given: Given, scenario: Scenario) -> Scenario:
    update: dict[str, Any] = {}
    for name in Given.model_fields:
        common, own = getattr(given, name), getattr(scenario, name)
        if isinstance(common, dict):
            update[name] = common | own
        elif name not in scenario.model_fields_set:
            update[name] = common
    return scenario.model_copy(update=update)


class _Fit:
    """Scenarios held against the runbook that they are about."""

    def __init__(
        self, source: Source, document: ScenarioFile, runbook: PinnedRunbook, specs: Mapping[str, ActionSpec]
    ) -> None:
        self._source = source
        self._document = document
        self._runbook = runbook.document
        self._specs = specs
        self._places = dict(_places(runbook.document, runbook.nested))

    def findings(self) -> Iterator[Finding]:
        if self._document.runbook != self._runbook.name:
            sentence = f"these are scenarios of {self._document.runbook!r}, not of {self._runbook.name!r}"
            yield self._source.finding(("runbook",), "other_runbook", sentence)
            return
        yield from self._given(("given",), self._document.given)
        names: set[str] = set()
        for index, (written, played) in enumerate(zip(self._document.scenarios, self._document.played(), strict=True)):
            place: Path = ("scenarios", index)
            if written.name in names:
                yield self._source.finding((*place, "name"), "duplicate_scenario", f"{written.name!r} is here twice")
            names.add(written.name)
            yield from self._given(place, written)
            yield from self._parameters(place, played)
            yield from self._people(place, written)
            yield from self._expected(place, written.expect)

    def _parameters(self, place: Path, scenario: Scenario) -> Iterator[Finding]:
        try:
            bind_parameters(self._runbook, scenario.parameters)
        except Rejected as error:
            yield self._source.finding((*place, "parameters"), "bad_parameters", error.sentence)

    def _given(self, place: Path, given: Given) -> Iterator[Finding]:
        for word in ("actions", "checks", "undos"):
            for key, outcomes in getattr(given, word).items():
                at: Path = (*place, word, key)
                yield from self._key(at, key)
                for index, outcome in enumerate(outcomes):
                    if isinstance(outcome, Outcome) and outcome.succeed and word == "actions":
                        yield from self._output((*at, index, "succeed"), key, outcome.succeed)

    def _key(self, place: Path, key: str) -> Iterator[Finding]:
        if key not in self._specs and self._at(key) is None:
            close = nearest(key, [*self._places, *sorted(self._specs)])
            hint = close if close.startswith("; did") else nearest(key, list(self._places))
            yield self._source.finding(place, "unknown_step", f"{key!r} is no step and no action{hint}", key=True)

    def _at(self, path: str) -> Step | StopCondition | None:
        """What stands at a path: the item of a loop may be any number."""
        return next((each for pattern, each in self._places.items() if matches(path, pattern)), None)

    def _output(self, place: Path, key: str, output: dict[str, Any]) -> Iterator[Finding]:
        at = self._at(key)
        action = key if at is None else at.action
        spec = self._specs.get(action or "")
        if spec is None:
            return
        whole = {**example_of(spec.result), **output}
        for mistake in mistakes_in(whole, spec.result):
            sentence = mistake.sentence.replace("parameter", "output")
            yield self._source.finding((*place, *mistake.path), "bad_output", f"{spec.name}: {sentence}", key=True)

    def _people(self, place: Path, scenario: Scenario) -> Iterator[Finding]:
        for index, person in enumerate(scenario.people):
            for word in ("when", "step"):
                path = getattr(person, word)
                if path is not None:
                    yield from self._step((*place, "people", index, word), path)

    def _expected(self, place: Path, expect: Expect) -> Iterator[Finding]:
        for word in ("steps", "approvals", "outputs"):
            for path in getattr(expect, word):
                yield from self._step((*place, "expect", word, path), path, key=True)
        for word in ("performed", "undone"):
            for index, path in enumerate(getattr(expect, word) or ()):
                yield from self._step((*place, "expect", word, index), path)

    def _step(self, place: Path, path: str, *, key: bool = False) -> Iterator[Finding]:
        if self._at(path) is None:
            hint = nearest(path, list(self._places))
            yield self._source.finding(place, "unknown_step", f"there is no step {path!r}{hint}", key=key)
