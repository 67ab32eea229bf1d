"""Reads files of old postmortems: Markdown with front matter, CSV, JSON. Used by `cli/review_import.py`.

The one thing to know: nothing is understood here; it is only found out what stands where. What cannot be read at all is
an `UnreadableFileError` with a sentence and a line, and the other files go on.
"""

import csv
import datetime as dt
import io
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from domain.errors import Rejected
from domain.postmortem_mapping import PostmortemMapping, plain
from domain.postmortem_reading import RawPostmortem, flattened
from runbooks.findings import Unreadable
from runbooks.source import read_yaml

SUFFIXES = (".md", ".markdown", ".csv", ".json")
# A thousand long reviews; what is larger is split, because all of it is held in memory.
LARGEST_FILE = 32 * 1024 * 1024
_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*\s*")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
# `**Date:** 2015-10-21`, as Google's template has it, before the first section.
_BOLD_LINE = re.compile(r"\s*(?:[-*]\s+)?\*\*([^*:]{1,40})(?::\*\*|\*\*\s*:)\s*(\S.*)")
# A cell that holds a whole review.
_LARGEST_CELL = 1024 * 1024


class UnreadableFileError(Exception):
    """A file that says nothing at all; where, and why."""

    def __init__(self, sentence: str, line: int = 1) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.line = line


def files_in(given: Path) -> list[Path]:
    """The file itself, or every file of a known kind in the folder, hidden ones apart."""
    if not given.is_dir():
        return [given]
    return [
        path
        for path in sorted(given.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(given).parts)
    ]


def read_file(file: Path, top: Path, mapping: PostmortemMapping) -> list[RawPostmortem]:
    """What a file says; UnreadableFileError with a sentence when it is none of the three kinds."""
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise UnreadableFileError(f"only {', '.join(SUFFIXES)} are read")
    text = _text(file)
    if suffix == ".csv":
        return list(_read_csv(file, text))
    if suffix == ".json":
        return list(_read_json(file, text, mapping))
    key = file.relative_to(top).with_suffix("").as_posix() if top.is_dir() else file.stem
    return [_read_markdown(file, text, key)]


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise UnreadableFileError(f"it is larger than {LARGEST_FILE // 1024 // 1024} MiB; split it")
        # Excel writes a mark in front of UTF-8.
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFileError(f"it is not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise UnreadableFileError(f"it cannot be read: {error.strerror}") from None


def _read_markdown(file: Path, text: str, key: str) -> RawPostmortem:
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    mark, front, body, first_line = _split_front_matter(text)
    for name, value, line in _read_front_matter(mark, front, file.name):
        for path, each in flattened({name: value}):
            values[path] = each
            lines[path] = line
    said_above: set[str] = set()
    for name, value, line in _bold_lines(body):
        if plain(name) not in {plain(each) for each in values}:
            values[name] = value
            lines[name] = first_line + line
            said_above.add(name)
    title = ""
    sections: dict[str, str] = {}
    in_front = {plain(name) for name in values}
    for level, name, line, content in _sections(body):
        if level == 1 and not title:
            title = name
        elif plain(name) not in in_front and name not in sections:
            sections[name] = content
            lines[name] = first_line + line
    return RawPostmortem(
        file=str(file),
        values=values | sections,
        lines=lines,
        kept=frozenset(sections) | said_above,
        markdown=body.strip() + "\n" if body.strip() else "",
        fallback_key=key,
        fallback_title=title,
    )


def _split_front_matter(text: str) -> tuple[str, str, str, int]:
    """The mark around the front matter, it, the rest, and how many lines stand before the rest."""
    lines = text.splitlines(keepends=True)
    mark = lines[0].strip() if lines else ""
    if mark not in {"---", "+++"}:
        return "", "", text, 0
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == mark or (mark == "---" and line.rstrip() == "..."):
            return mark, "".join(lines[1:number]), "".join(lines[number + 1 :]), number + 1
    raise UnreadableFileError(f"its front matter begins with '{mark}' and does not end with one")


def _read_front_matter(mark: str, front: str, name: str) -> Iterator[tuple[str, Any, int]]:
    """Name, value and line of each entry: YAML between `---`, TOML between `+++`."""
    if mark == "+++":
        try:
            entries = tomllib.loads(front)
        except tomllib.TOMLDecodeError as error:
            raise UnreadableFileError(f"its front matter: {error}", 2) from None
        yield from ((key, _as_written(value), 2) for key, value in entries.items())
        return
    try:
        source = read_yaml(front, name)
    except Unreadable as error:
        found = error.findings[0]
        raise UnreadableFileError(f"its front matter: {found.sentence}", found.line + 1) from None
    if source.data is not None and not isinstance(source.data, Mapping):
        raise UnreadableFileError("its front matter is no list of 'name: value'", 2)
    for key, value in source.data.items() if source.data else ():
        yield key, value, source.place_of((key,), key=True).line + 1


def _as_written(value: Any) -> Any:
    """TOML knows times; the mapping says how times are read, so they are texts again."""
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, list):
        return [_as_written(each) for each in value]
    if isinstance(value, dict):
        return {name: _as_written(each) for name, each in value.items()}
    return value


def _bold_lines(body: str) -> Iterator[tuple[str, str, int]]:
    """Name, value and line of what is said in bold between the title and the first section."""
    for number, line in enumerate(body.splitlines(), start=1):
        heading = _HEADING.fullmatch(line)
        if heading and len(heading[1]) > 1:
            return
        if found := _BOLD_LINE.fullmatch(line):
            yield found[1].strip(), found[2].strip(), number


def _sections(body: str) -> Iterator[tuple[int, str, int, str]]:
    """Level, heading, line and text of each section, down to the next heading of its level or above."""
    lines = body.splitlines()
    heads: list[tuple[int, str, int]] = []
    fence = ""
    for number, line in enumerate(lines, start=1):
        mark = _FENCE.match(line)
        if mark and (not fence or fence == mark[1]):
            fence = "" if fence else mark[1]
        found = None if fence else _HEADING.fullmatch(line)
        if found:
            heads.append((len(found[1]), found[2].strip(" *_"), number))
    for place, (level, name, number) in enumerate(heads):
        end = next((later for deeper, _, later in heads[place + 1 :] if deeper <= level), len(lines) + 1)
        yield level, name, number, "\n".join(lines[number : end - 1]).strip()


def _read_csv(file: Path, text: str) -> Iterator[RawPostmortem]:
    csv.field_size_limit(_LARGEST_CELL)
    try:
        dialect: Any = csv.Sniffer().sniff(text.partition("\n")[0], delimiters=",;\t")
    except csv.Error:
        dialect = csv.excel
    # Only the separator is guessed; quotes are as everybody writes them.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        if not any(names):
            raise UnreadableFileError("its first line does not name the columns")
        before = reader.line_num
        for row in reader:
            line, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in row):
                continue
            values: dict[str, Any] = {}
            for name, cell in zip(names, row, strict=False):
                values.setdefault(name, cell)
            if len(row) > len(names):
                values["(cells beyond the last column)"] = row[len(names) :]
            yield RawPostmortem(file=str(file), line=line, values=values)
    except csv.Error as error:
        raise UnreadableFileError(f"it is not CSV: {error}", max(reader.line_num, 1)) from None


def _read_json(file: Path, text: str, mapping: PostmortemMapping) -> Iterator[RawPostmortem]:
    try:
        document = json.loads(text, parse_constant=str)
    except json.JSONDecodeError as error:
        raise UnreadableFileError(f"it is not JSON: {error.msg}", error.lineno) from None
    except (ValueError, RecursionError):
        raise UnreadableFileError("it holds a number, or a nesting, that no program reads") from None
    for name in mapping.records.split(".") if mapping.records else ():
        document = document.get(name) if isinstance(document, dict) else None
        if document is None:
            raise UnreadableFileError(f"there is no {mapping.records!r} in it, where 'records' of the mapping looks")
    records = document if isinstance(document, list) else [document]
    lines = _lines_of_records(text, len(records)) if isinstance(document, list) and not mapping.records else []
    for number, record in enumerate(records):
        line = lines[number] if number < len(lines) else 1
        if not isinstance(record, dict):
            raise UnreadableFileError(f"number {number + 1} of its list is no object", line)
        try:
            yield RawPostmortem(file=str(file), line=line, values=dict(flattened(record)))
        except RecursionError:
            raise UnreadableFileError(f"number {number + 1} of its list is nested too deeply", line) from None


def _lines_of_records(text: str, count: int) -> list[int]:
    """On which line each element of the outermost list begins."""
    decoder = json.JSONDecoder(parse_constant=str)
    place = text.index("[") + 1
    found: list[int] = []
    line, counted = 1, 0
    for _ in range(count):
        while text[place] in " \t\r\n,":
            place += 1
        line += text.count("\n", counted, place)
        counted = place
        found.append(line)
        _, place = decoder.raw_decode(text, place)
    return found


def read_mapping(file: Path | None) -> PostmortemMapping:
    """`mapping.yaml`; Rejected, with the line, when it does not say what a mapping says."""
    if file is None:
        return PostmortemMapping()
    try:
        source = read_yaml(file.read_text(encoding="utf-8"), file.name)
    except OSError as error:
        raise Rejected(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Rejected(f"{file} is not UTF-8 text") from None
    return _validated(source.data or {}, file, source)


def _validated(data: Any, file: Path, source: Any) -> PostmortemMapping:
    try:
        return PostmortemMapping.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        # The path may end in what only pydantic knows (`[key]`); the nearest place around it is good enough.
        path = [part for part in first["loc"] if part != "[key]"]
        place = source.place_of(path)
        name = ".".join(str(part) for part in path)
        raise Rejected(f"{file}:{place.line}: {name}: {first['msg']}") from None
