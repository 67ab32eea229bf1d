"""Reading a foreign file so that nothing of it is dropped in silence. Used by every importer.

The one thing to know: each mapping is read through a `Reading`, which keeps account of the keys that were asked for;
`done` reports all others. A construct that an importer has never heard of is therefore listed, not lost.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.run import ActionSpec
from runbooks.findings import Finding, Unreadable
from runbooks.source import Path, Source


class Loss(StrEnum):
    """How something was not carried over: the code of its finding."""

    # It is not in the runbook.
    LEFT_OUT = "left_out"
    # A machine did it; now a person does.
    BY_HAND = "by_hand"
    # It is there and means something else.
    CHANGED = "changed"
    # It is there, and somebody must fill in what the file could not say.
    INCOMPLETE = "incomplete"
    # It could hold a secret, which no runbook may.
    SECRET = "secret"  # noqa: S105 - the name of a code


class Report:
    """Everything that did not come along, with its place in the file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.losses: list[Finding] = []

    def lose(self, path: Path, loss: Loss, sentence: str) -> None:
        """Note one thing; `path` leads to it in the source."""
        self.losses.append(self._source.finding(path, loss.value, sentence, key=True))

    def line(self, path: Path) -> int:
        """On which line something stands."""
        return self._source.place_of(path, key=True).line

    def refuse(self, path: Path, sentence: str) -> Unreadable:
        """The error for a file that is not what it should be."""
        return Unreadable([self._source.finding(path, "not_this_format", sentence)])


@dataclass(frozen=True)
class ImportContext:
    """What every importer is given."""

    report: Report
    specs: Mapping[str, ActionSpec]
    # Who the runbook will belong to; other tools do not say.
    owner: str


_NOTHING_LIKE_IT = "nothing here is like it"


class Reading:
    """A mapping of the file. A key that is not taken is reported by `done`."""

    def __init__(self, report: Report, path: Path, data: Mapping[str, Any]) -> None:
        self.report = report
        self.path = path
        self._data = data
        self._taken: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def keys(self) -> list[str]:
        """All keys, taken or not, as they are written."""
        return list(self._data)

    def whole(self) -> Mapping[str, Any]:
        """The mapping itself, to be read a second time."""
        return self._data

    def take(self, key: str) -> Any:
        """The value as it is; None when there is none."""
        self._taken.add(key)
        return self._data.get(key)

    def text(self, key: str) -> str | None:
        """A text; numbers and truth values are texts to most tools."""
        value = self.take(key)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        self.lose(key, "it should be a text", Loss.LEFT_OUT)
        return None

    def boolean(self, key: str) -> bool | None:
        """A truth value, also one in quotes."""
        value = self.take(key)
        if value is None or isinstance(value, bool):
            return value
        if str(value).lower() in {"true", "false"}:
            return str(value).lower() == "true"
        self.lose(key, "it should be true or false", Loss.LEFT_OUT)
        return None

    def number(self, key: str) -> float | None:
        """A number that is not negative, also one in quotes; what is known only when it runs is reported."""
        value = self.take(key)
        if value is None:
            return None
        try:
            number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1.0
        except ValueError:
            number = -1.0
        # Beyond this a timedelta cannot hold it, and no runbook waits for thirty years.
        if 0 <= number < 1e9:  # noqa: PLR2004 - the comment above
            return number
        self.lose(key, "a runbook wants a number here that is known before it runs", Loss.LEFT_OUT)
        return None

    def items(self, key: str) -> list[Any]:
        """A list; a single value counts as a list of one."""
        value = self.take(key)
        if value is None:
            return []
        return list(value) if isinstance(value, list) else [value]

    def inner(self, key: str) -> "Reading | None":
        """A mapping inside; None when there is none, and a report when it is something else."""
        value = self.take(key)
        if isinstance(value, Mapping):
            return Reading(self.report, (*self.path, key), value)
        if value not in (None, "", []):
            self.lose(key, "it should be a mapping", Loss.LEFT_OUT)
        return None

    def inners(self, key: str) -> list["Reading"]:
        """A list of mappings; what in it is something else is reported."""
        found = []
        value = self.take(key)
        if value is not None and not isinstance(value, list):
            self.lose(key, "it should be a list", Loss.LEFT_OUT)
            return []
        for index, item in enumerate(value or []):
            path = (*self.path, key, index)
            if isinstance(item, Mapping):
                found.append(Reading(self.report, path, item))
            else:
                self.report.lose(path, Loss.LEFT_OUT, f"{key}: this is no mapping and is not carried over")
        return found

    def lose(self, key: str, why: str, loss: Loss = Loss.LEFT_OUT) -> None:
        """Report a key with the reason; it counts as taken. Nothing is said of a key that is not there."""
        self._taken.add(key)
        if key in self._data:
            said = {
                Loss.LEFT_OUT: "is not carried over",
                Loss.CHANGED: "has changed",
                Loss.BY_HAND: "is done by hand now",
                Loss.INCOMPLETE: "must be completed",
                Loss.SECRET: "is not carried over",
            }
            self.report.lose((*self.path, key), loss, f"{key!r} {said[loss]}: {why}")

    def say(self, loss: Loss, sentence: str) -> None:
        """Report something about the whole of it."""
        self.report.lose(self.path, loss, sentence)

    def done(self, reasons: Mapping[str, str] | None = None) -> None:
        """Report every key that nobody has taken; an empty value says nothing and is no loss."""
        for key, value in self._data.items():
            if key not in self._taken and value not in (None, "", [], {}):
                self.lose(key, (reasons or {}).get(key, _NOTHING_LIKE_IT))


# C0 and C1 but for tab and line feed, surrogates, and what no text should hold.
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


def without_odd_characters(value: Any) -> Any:
    """The same data as clean UTF-8: the halves of JSON's characters joined, control characters gone."""
    if isinstance(value, str):
        joined = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return _ODD.sub("", joined.replace("\r\n", "\n"))
    if isinstance(value, dict):
        return {key: without_odd_characters(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_odd_characters(item) for item in value]
    return value


_SECRET_NAME = re.compile(
    r"passw|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential|authorization|cookie", re.IGNORECASE
)


def may_be_secret(name: str) -> bool:
    """Whether a value of that name may be a secret; where one is kept (`passwordStoragePath`) is none."""
    return bool(_SECRET_NAME.search(name)) and not name.lower().endswith("path")


_VALUE = r"(?![$@%{<(])['\"]?[^\s'\"]{3,}['\"]?"
_SECRET_WORD = r"(?:passw[a-z]*|secret|token|api[-_]?key)"  # noqa: S105 - a pattern that finds them
_SECRETS_IN_TEXT = (
    re.compile(rf"(--?[\w-]*{_SECRET_WORD}[\w-]*[= ]\s*){_VALUE}", re.IGNORECASE),
    re.compile(rf"(\b\w*{_SECRET_WORD}\w*=){_VALUE}", re.IGNORECASE),
    re.compile(rf"(\bauthorization:\s*\w+\s+){_VALUE}", re.IGNORECASE),
    re.compile(r"(://[^/\s:@]+:)[^@\s/${}]+(?=@)"),
)


def hidden(report: Report, path: Path, text: str) -> str:
    """A command or text without what looks like a secret in it, reported; references may stay."""
    shown = text
    for pattern in _SECRETS_IN_TEXT:
        shown = pattern.sub(r"\1(left out)", shown)
    if shown != text:
        report.lose(path, Loss.SECRET, "what looks like a secret in it is not carried over; keep it elsewhere")
    return shown


def without_secrets(report: Report, path: Path, value: Any, is_reference: Sequence[str] = ("{{", "${")) -> Any:
    """The value without what may be a secret by its name, each reported; a reference to one may stay."""
    if isinstance(value, list):
        return [without_secrets(report, (*path, index), item, is_reference) for index, item in enumerate(value)]
    if isinstance(value, str):
        return hidden(report, path, value)
    if not isinstance(value, Mapping):
        return value
    kept = {}
    for key, item in value.items():
        is_literal = isinstance(item, str) and item and not any(mark in item for mark in is_reference)
        if is_literal and may_be_secret(key):
            report.lose(
                (*path, key), Loss.SECRET, f"{key!r} is not carried over: it may be a secret, keep it elsewhere"
            )
            kept[key] = "(left out: it may be a secret)"
        else:
            kept[key] = without_secrets(report, (*path, key), item, is_reference)
    return kept
