"""From what a file says to a postmortem, with a note for everything that was assumed or not understood. Pure.

Called by `cli/review_import.py` with what `cli/postmortem_files.py` found in a file. The one thing to know: without a
title, a key or any time there is no postmortem, and the note says which of them to map.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from domain.model import Model
from domain.postmortem import LONGEST_BODY, MOST_ITEMS, ImportNote, NoteKind, PastPostmortem
from domain.postmortem_mapping import PastField, PostmortemMapping, plain
from domain.postmortem_values import (
    factors_of_value,
    items_of_value,
    moment_of,
    owner_of,
    severity_of,
    words_of_list,
)
from domain.severity import IncidentType

_TIMES = (
    PastField.DECLARED_AT,
    PastField.DETECTED_AT,
    PastField.IMPACT_STARTED_AT,
    PastField.ACKNOWLEDGED_AT,
    PastField.MITIGATED_AT,
    PastField.RESOLVED_AT,
)
_STARTS = (PastField.IMPACT_STARTED_AT, PastField.DETECTED_AT, PastField.DECLARED_AT)
_ENDS = (PastField.ACKNOWLEDGED_AT, PastField.MITIGATED_AT, PastField.RESOLVED_AT)
_MOST_FACTORS = 50
_MOST_SERVICES = 50
# Clocks differ; beyond a day it is a mistake.
_AHEAD = timedelta(days=1)
_FIRST_YEAR = 1990
_SHOWN = 60


class RawPostmortem(Model):
    """What a file says, before anybody has understood it."""

    file: str
    line: int = 1
    # Column, key (dotted where nested) or heading to what stands there; and its line.
    values: dict[str, Any] = Field(default_factory=dict)
    lines: dict[str, int] = Field(default_factory=dict)
    # Names that need not be mapped: headings of a text that is kept as a whole.
    kept: frozenset[str] = frozenset()
    markdown: str = ""
    # When no field says it: for a Markdown file its name and first heading.
    fallback_key: str = ""
    fallback_title: str = ""


class Understood(Model):
    """The postmortem, unless a note of the kind `refused` says why there is none."""

    postmortem: PastPostmortem | None
    notes: tuple[ImportNote, ...]


def understand(raw: RawPostmortem, mapping: PostmortemMapping, now: datetime) -> Understood:
    """Read one postmortem; never raises, whatever the file says."""
    reading = _Reading(raw, mapping, now)
    postmortem = reading.postmortem()
    return Understood(postmortem=postmortem, notes=tuple(reading.notes))


class _Reading:
    """One postmortem while it is read."""

    def __init__(self, raw: RawPostmortem, mapping: PostmortemMapping, now: datetime) -> None:
        self.notes: list[ImportNote] = []
        self._raw = raw
        self._mapping = mapping
        self._now = now
        self._values: dict[str, tuple[str, Any]] = {}
        for name, value in raw.values.items():
            self._values.setdefault(plain(name), (name, value))
        self._used: set[str] = set()

    def postmortem(self) -> PastPostmortem | None:
        times, assumed = self._times()
        title = self._text(PastField.TITLE, 300) or self._raw.fallback_title[:300]
        key = self._text(PastField.KEY, 300) or self._raw.fallback_key[-300:]
        missing = [name for name, value in (("title", title), ("key", key), ("declared_at", times)) if not value]
        if missing:
            self._note(
                NoteKind.REFUSED,
                f"it has no {' and no '.join(missing)}; say under 'fields' in the mapping where to find it",
                missing[0],
                self._raw.line,
            )
            return None
        found = PastPostmortem(
            source=self._mapping.source,
            key=key,
            title=title,
            severity=self._severity(),
            type=self._type(),
            services=self._services(),
            summary=self._text(PastField.SUMMARY, 10_000),
            impact=self._text(PastField.IMPACT, 4_000),
            owner=owner_of(self._value(PastField.OWNER)[1] or "", self._mapping),
            link=self._text(PastField.LINK, 2_000),
            factors=self._factors(),
            items=self._items(),
            markdown=self._body(),
            assumed_times=assumed,
            **times,
        )
        self._left_over()
        return found

    def _value(self, field: PastField) -> tuple[str, Any]:
        """The name under which it was found, and what stands there; an empty name when it is nowhere."""
        for name in self._mapping.names(field):
            if name in self._values and self._values[name][1] not in (None, "", [], {}):
                self._used.add(name)
                return self._values[name]
        return "", None

    def _text(self, field: PastField, longest: int) -> str:
        name, value = self._value(field)
        if value is None:
            return ""
        if isinstance(value, (list, Mapping)):
            self._note(NoteKind.NOT_UNDERSTOOD, f"{name!r} is no text", field.value, self._line(name))
            return ""
        text = _clean(str(value)).strip()
        if len(text) > longest:
            sentence = f"{name!r} has {len(text)} characters; the first {longest} are kept"
            self._note(NoteKind.LEFT_OUT, sentence, field.value, self._line(name))
        return text[:longest]

    def _times(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        times: dict[str, Any] = {}
        assumed: list[str] = []
        for field in _TIMES:
            name, value = self._value(field)
            if value is None:
                continue
            moment = moment_of(value, self._mapping)
            if moment is None:
                sentence = f"{str(value)[:_SHOWN]!r} is no time as the mapping writes them ('time_format')"
                self._note(NoteKind.NOT_UNDERSTOOD, sentence, field.value, self._line(name))
            elif moment.at > self._now + _AHEAD or moment.at.year < _FIRST_YEAR:
                sentence = f"{str(value)[:_SHOWN]!r} is not in the past of this house; it is not kept"
                self._note(NoteKind.NOT_UNDERSTOOD, sentence, field.value, self._line(name))
            else:
                times[field.value] = moment.at
                if moment.is_day:
                    assumed.append(field.value)
                    sentence = f"only the day of {field.value} is known; no duration is made of it"
                    self._note(NoteKind.ASSUMED, sentence, field.value, self._line(name))
        assumed += self._out_of_order(times, assumed)
        if times and PastField.DECLARED_AT.value not in times:
            stand_in = next(iter(times))
            times[PastField.DECLARED_AT.value] = times[stand_in]
            assumed.append(PastField.DECLARED_AT.value)
            sentence = f"nobody says when it was declared; {stand_in} stands in, and no duration is made of it"
            self._note(NoteKind.ASSUMED, sentence, PastField.DECLARED_AT.value, self._raw.line)
        return times, tuple(assumed)

    def _out_of_order(self, times: dict[str, Any], assumed: list[str]) -> list[str]:
        """Which times end something before it began; they are kept, and nothing is counted from them."""
        found = []
        for end in _ENDS:
            for start in _STARTS:
                if end.value not in times or start.value not in times or end.value in found:
                    continue
                is_day = end.value in assumed or start.value in assumed
                ended, began = times[end.value], times[start.value]
                if (ended.date() < began.date()) if is_day else (ended < began):
                    sentence = f"{end.value} is before {start.value}; no duration is made of it"
                    self._note(NoteKind.NOT_UNDERSTOOD, sentence, end.value, self._line(self._value(end)[0]))
                    found.append(end.value)
        return [name for name in found if name not in assumed]

    def _severity(self) -> Any:
        name, value = self._value(PastField.SEVERITY)
        found = None if value is None else severity_of(value, self._mapping)
        if found is None:
            said = "no severity is said" if value is None else f"the severity {str(value)[:_SHOWN]!r} is not known"
            sentence = f"{said}; {self._mapping.default_severity.value} is assumed ('severities' says what words mean)"
            self._note(NoteKind.ASSUMED, sentence, PastField.SEVERITY.value, self._line(name))
        return found or self._mapping.default_severity

    def _type(self) -> IncidentType:
        name, value = self._value(PastField.TYPE)
        if value is None:
            return IncidentType.OUTAGE
        known = {plain(each.value): each for each in IncidentType}
        found = known.get(plain(str(value)))
        if found is None:
            sentence = f"the type {str(value)[:_SHOWN]!r} is not known; it counts as outage"
            self._note(NoteKind.ASSUMED, sentence, PastField.TYPE.value, self._line(name))
        return found or IncidentType.OUTAGE

    def _services(self) -> tuple[str, ...]:
        ours = {plain(theirs): name for theirs, name in self._mapping.services.items()}
        named = words_of_list(self._value(PastField.SERVICES)[1])
        found = (_clean(ours.get(plain(each), each))[:200] for each in named)
        return tuple(dict.fromkeys(found))[:_MOST_SERVICES]

    def _factors(self) -> Any:
        name, value = self._value(PastField.FACTORS)
        found = [] if value is None else factors_of_value(_cleaned(value), self._mapping)
        for each in found:
            if not each.factor:
                sentence = f"no kind of factor is known for {each.text[:_SHOWN]!r}; it counts under its own words"
                self._note(NoteKind.ASSUMED, sentence, PastField.FACTORS.value, self._line(name))
        return tuple(found[:_MOST_FACTORS])

    def _items(self) -> Any:
        name, value = self._value(PastField.ACTION_ITEMS)
        if value is None:
            return ()
        found, doubts = items_of_value(_cleaned(value), self._mapping)
        for doubt in doubts:
            self._note(NoteKind.NOT_UNDERSTOOD, doubt, PastField.ACTION_ITEMS.value, self._line(name))
        if len(found) > MOST_ITEMS:
            sentence = f"it has {len(found)} action items; the first {MOST_ITEMS} are kept"
            self._note(NoteKind.LEFT_OUT, sentence, PastField.ACTION_ITEMS.value, self._line(name))
        return tuple(found[:MOST_ITEMS])

    def _body(self) -> str:
        text = _clean(self._raw.markdown)
        if not text.strip():
            name, value = self._value(PastField.BODY)
            text = _clean(value) if isinstance(value, str) else ""
            if value is not None and not text:
                self._note(NoteKind.NOT_UNDERSTOOD, f"{name!r} is no text", PastField.BODY.value, self._line(name))
        if len(text) > LONGEST_BODY:
            sentence = f"the text has {len(text)} characters; the first {LONGEST_BODY} are kept"
            self._note(NoteKind.LEFT_OUT, sentence, PastField.BODY.value, self._raw.line)
        return text[:LONGEST_BODY]

    def _left_over(self) -> None:
        ignored = {plain(name) for name in self._mapping.ignore}
        for name, (written, value) in self._values.items():
            if name in self._used | ignored or written in self._raw.kept or value in (None, "", [], {}):
                continue
            self._note(NoteKind.LEFT_OUT, f"{written[:_SHOWN]!r} is not mapped to a field", "", self._line(written))

    def _line(self, name: str) -> int:
        return self._raw.lines.get(name, self._raw.line)

    def _note(self, kind: NoteKind, sentence: str, field: str, line: int) -> None:
        self.notes.append(ImportNote(kind=kind, sentence=sentence, field=field, line=line))


def _clean(text: str) -> str:
    """Without what neither engine nor store can keep."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, Mapping):
        return {_clean(str(name)): _cleaned(each) for name, each in value.items()}
    return value


def flattened(value: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Nested objects as dotted names; lists stay lists."""
    for name, each in value.items():
        path = f"{above}.{name}" if above else str(name)
        if isinstance(each, Mapping) and each:
            yield from flattened(each, path)
        else:
            yield path, each
