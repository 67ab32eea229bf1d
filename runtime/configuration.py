"""Reads `hotwash.yaml`: every mistake is a sentence with file and line, and a running process follows the file.

Called by every process through `ConfigurationFile`, which the others know as `ConfigurationSource`. The one thing to
know: a mistake made while Hotwash runs is logged and changes nothing; the last good version stays in force.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
import structlog
from pydantic import ValidationError

from domain.configuration import ActionSettings, Configuration, MissingNames
from domain.errors import HotwashError, Rejected, RejectionKind
from domain.model import Model
from domain.policy import DEFAULTS, Policy
from runbooks.findings import Finding, Unreadable, by_place
from runbooks.parse import validation_findings
from runbooks.source import Source, read_yaml

log = structlog.get_logger("runtime.configuration")
_M = TypeVar("_M", bound=Model)

# The longest deadlines are 60 business days; two years ahead cover every one that starts this year.
_HOLIDAY_YEARS_AHEAD = 2
# Keys whose value must be a reference. Somebody who wrote the secret itself must not find it in a log.
SECRET_KEYS = frozenset({"secret", "password", "token", "access_key_id", "secret_access_key", "session_token"})
_SECRET_SENTENCE = "write a reference (env:NAME or file:PATH) and keep the secret itself out of this file"  # noqa: S105


def load_configuration(path: Path, today: date | None = None) -> Configuration:
    """Read and check the file. Rejected holds every mistake as `file:line:column: sentence`, and never a secret."""
    configuration = parse_configuration(_read(path), str(path), today or datetime.now(UTC).date())
    return configuration.model_copy(update={"actions": _from_folder(configuration.actions, path.parent)})


def parse_configuration(text: str, file_name: str, today: date) -> Configuration:
    """The same, from a text; `today` decides for which years public holidays are filled in."""
    source = read_yaml(text, file_name)
    data = {} if source.data is None else source.data
    if not isinstance(data, dict):
        raise Unreadable([source.finding((), "not_a_mapping", "the file must be a mapping of keys to values")])
    try:
        configuration = Configuration.model_validate(_with_default_policy(data))
    except ValidationError as error:
        raise Unreadable(by_place(list(_findings(error, source)))) from None
    problems = [*_route_problems(configuration, source), *_calendar_problems(configuration, source)]
    if problems:
        raise Unreadable(by_place(problems))
    return _with_holidays(configuration, source, today)


class ConfigurationFile:
    """The configuration as the file has it now; asks the file system at each call, which costs microseconds."""

    def __init__(self, path: Path, console_url: str | None = None) -> None:
        """Read the file once; Rejected when it cannot be used. A file without `base_url` has `console_url`."""
        self._path = path
        self._console_url = console_url
        self._stamp = _stamp(path)
        self._current = self._load()
        # Why the file as it is now is not in force; None when it is.
        self.trouble: str | None = None

    @property
    def folder(self) -> Path:
        """What relative paths in the file are relative to."""
        return self._path.parent

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def current(self) -> Configuration:
        """The configuration that was last read and understood. Never raises."""
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            self._reread()
        return self._current

    def _load(self) -> Configuration:
        found = load_configuration(self._path)
        # Without an address a mail that asks somebody for an answer has no link to answer by.
        return found if found.base_url else found.model_copy(update={"base_url": self._console_url})

    def _reread(self) -> None:
        try:
            self._current = self._load()
        except HotwashError as error:
            self.trouble = error.sentence
            log.warning("hotwash.yaml has mistakes; the last good version stays in force", mistakes=error.sentence)
        else:
            self.trouble = None
            log.info("hotwash.yaml was read again", file=str(self._path))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"{path}: this is not UTF-8 text (byte {error.start})"
        raise Rejected(message) from error
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}); 'hotwash up' writes one on the first start"
        raise Rejected(message, RejectionKind.NOT_FOUND) from error


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - the cheapest call there is, made for every request
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _findings(error: ValidationError, source: Source) -> Iterator[Finding]:
    for detail in error.errors(include_url=False):
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, MissingNames):
            for path, sentence in cause.missing:
                yield source.finding(path, "unknown_name", sentence)
    for finding in validation_findings(error, source, Configuration):
        key = finding.path.rpartition(".")[2]
        if key in SECRET_KEYS and finding.code == "bad_value":
            yield finding.model_copy(update={"sentence": f"{key}: {_SECRET_SENTENCE}"})
        elif finding.path:
            yield finding


def _with_default_policy(data: Mapping[str, Any]) -> dict[str, Any]:
    """The file's data with each severity it mentions filled up from the written policy's defaults."""
    policy = data.get("policy")
    severities = policy.get("severities") if isinstance(policy, dict) else None
    if not isinstance(policy, dict) or not isinstance(severities, dict):
        return dict(data)
    defaults = {severity.value: each.model_dump(mode="json") for severity, each in DEFAULTS.items()}
    filled = {name: _merged(defaults.get(name, {}), given) for name, given in severities.items()}
    return {**data, "policy": {**policy, "severities": {**defaults, **filled}}}


def _merged(default: Any, given: Any) -> Any:
    """What is given, over the default; inside `cadence` an audience that is given as null is told nothing."""
    if not isinstance(default, dict) or not isinstance(given, dict):
        return given
    merged = {key: _merged(default.get(key), value) for key, value in given.items()}
    if isinstance(merged.get("cadence"), dict):
        merged["cadence"] = {name: plan for name, plan in merged["cadence"].items() if plan is not None}
    return {**default, **merged}


def _route_problems(configuration: Configuration, source: Source) -> Iterator[Finding]:
    names: set[str] = set()
    for place, route in enumerate(configuration.routes):
        if route.name in names:
            sentence = f"there are two routes called {route.name!r}; the name tells alert groups apart"
            yield source.finding(("routes", place, "name"), "duplicate_name", sentence)
        names.add(route.name)
        for label, value in route.match.items():
            if value.startswith("~"):
                yield from _pattern_problems(source, ("routes", place, "match", label), value[1:])
    for name, program in configuration.actions.programs.items():
        for row, patterns in enumerate(program.arguments):
            for column, pattern in enumerate(patterns):
                path = ("actions", "programs", name, "arguments", row, column)
                yield from _pattern_problems(source, path, pattern)


def _pattern_problems(source: Source, path: tuple[str | int, ...], pattern: str) -> Iterator[Finding]:
    try:
        re.compile(pattern)
    except re.error as error:
        yield source.finding(path, "bad_pattern", f"{pattern!r} is not a regular expression: {error}")


def _calendar_problems(configuration: Configuration, source: Source) -> Iterator[Finding]:
    # Checked here and not in the model, because it asks the file system: workflows decode the model.
    zone = configuration.policy.calendar.time_zone
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        sentence = f"{zone!r} is not a time zone; write for example Europe/Berlin or UTC"
        yield source.finding(("policy", "calendar", "time_zone"), "unknown_time_zone", sentence)


def _from_folder(actions: ActionSettings, folder: Path) -> ActionSettings:
    """The settings with relative paths taken from the file's folder, wherever the process was started."""

    def absolute(path: str) -> str:
        return str(folder / path)

    releases = {
        name: target.model_copy(
            update={
                "directory": absolute(target.directory),
                "pid_file": absolute(target.pid_file) if target.pid_file else None,
            }
        )
        for name, target in actions.releases.items()
    }
    programs = {
        name: program.model_copy(update={"directory": absolute(program.directory) if program.directory else None})
        for name, program in actions.programs.items()
    }
    processes = {name: absolute(pid_file) for name, pid_file in actions.processes.items()}
    kinds = {
        "daemons": _each(actions.daemons, absolute, "pid_file", "directory", "log_file"),
        "fault_proxies": _each(actions.fault_proxies, absolute, "control"),
        "certificates": _each(actions.certificates, absolute, "certificate_file", "key_file"),
        "clocks": _each(actions.clocks, absolute, "timestamp_file"),
        "disks": _each(actions.disks, absolute, "folder"),
        "haproxy": _each(actions.haproxy, absolute, "state_file"),
        "kubernetes": _each(actions.kubernetes, absolute, "ca_file"),
        "nginx": _each(actions.nginx, absolute, "include_file"),
        "postgres": _each(actions.postgres, absolute, "address_file"),
        "journal_folder": absolute(actions.journal_folder),
        "lease_folder": absolute(actions.lease_folder),
    }
    return actions.model_copy(update={"releases": releases, "programs": programs, "processes": processes} | kinds)


def _each(targets: Mapping[str, _M], absolute: Callable[[str], str], *fields: str) -> dict[str, _M]:
    """The targets with those fields, where they are given, as absolute paths."""

    def update(target: _M) -> dict[str, str]:
        paths = {field: getattr(target, field) for field in fields}
        return {field: absolute(path) for field, path in paths.items() if path is not None}

    return {name: target.model_copy(update=update(target)) for name, target in targets.items()}


def _with_holidays(configuration: Configuration, source: Source, today: date) -> Configuration:
    if configuration.holidays is None:
        return configuration
    country, _, subdivision = configuration.holidays.partition("-")
    years = range(today.year, today.year + _HOLIDAY_YEARS_AHEAD + 1)
    try:
        found = holidays.country_holidays(country, subdiv=subdivision or None, years=years)
    except NotImplementedError:
        sentence = f"{configuration.holidays!r} is no country whose holidays are known; write for example DE or DE-BE"
        raise Unreadable([source.finding(("holidays",), "unknown_country", sentence)]) from None
    days = tuple(sorted({*configuration.policy.calendar.holidays, *found}))
    calendar = configuration.policy.calendar.model_copy(update={"holidays": days})
    policy: Policy = configuration.policy.model_copy(update={"calendar": calendar})
    return configuration.model_copy(update={"policy": policy})
