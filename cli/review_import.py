"""`hotwash review import`: postmortems from before Hotwash, with a report of what was and was not understood.

The one thing to know: files are read and understood here, records are made by the API; importing again changes nothing
but what has changed in the files.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track
from rich.text import Text

from cli.client import EXIT_REFUSED, JsonOption, call, fail, print_json, stderr, stdout
from cli.postmortem_files import SUFFIXES, UnreadableFileError, files_in, read_file, read_mapping
from domain.errors import Rejected
from domain.postmortem import ImportOutcome, NoteKind, PastPostmortem
from domain.postmortem_mapping import PostmortemMapping
from domain.postmortem_reading import RawPostmortem, understand

_EXIT_USAGE = 2
# Of a request; the API takes 1 MiB and a hundred postmortems.
_MOST_BYTES = 512 * 1024
_MOST_AT_ONCE = 50
_STYLES = {"refused": "bold red", "not understood": "yellow", "assumed": "cyan", "left out": "dim"}


@dataclass
class _Line:
    """One postmortem on its way."""

    file: str
    line: int
    key: str = ""
    outcome: str = ImportOutcome.REFUSED.value
    incident_id: str = ""
    notes: list[dict[str, Any]] = field(default_factory=list)
    started: list[str] = field(default_factory=list)


def import_postmortems(
    path: Annotated[Path, typer.Argument(metavar="FILE|DIR", help=f"{', '.join(SUFFIXES)}, or a folder of them.")],
    mapping: Annotated[
        Path | None, typer.Option("--mapping", "-m", help="YAML: which column, key or heading is which field.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of them.")] = False,
    start_open_items: Annotated[
        bool, typer.Option("--start-open-items", help="Follow their open action items from now on.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Take in past postmortems as closed incidents with their reviews and action items.

    Each remark has its file and line. The exit code is 1 when a postmortem was refused or a file could not be read.
    """
    try:
        known = read_mapping(mapping)
    except Rejected as error:
        fail(error.sentence, _EXIT_USAGE)
    if not path.exists():
        fail(f"{path} does not exist")
    files = files_in(path)
    if not files:
        fail(f"there is no {', '.join(SUFFIXES)} file in {path}", _EXIT_USAGE)
    lines, waiting = _read_all(files, path, known)
    for batch in track(_batches(waiting), "importing", console=stderr, transient=True, disable=not stderr.is_terminal):
        _send(batch, dry_run=dry_run, start_open_items=start_open_items)
    if as_json:
        print_json({"dry_run": dry_run, "items": [vars(each) for each in lines]})
    else:
        _tell(lines, dry_run=dry_run)
    if any(each.outcome == ImportOutcome.REFUSED.value for each in lines):
        raise typer.Exit(EXIT_REFUSED)


def _read_all(
    files: list[Path], top: Path, mapping: PostmortemMapping
) -> tuple[list[_Line], list[tuple[_Line, PastPostmortem]]]:
    """Every postmortem's line in the report, and those that were understood."""
    lines: list[_Line] = []
    waiting: list[tuple[_Line, PastPostmortem]] = []
    now = datetime.now(UTC)
    seen: dict[str, _Line] = {}
    for file in files:
        for raw in _records(file, top, mapping, lines):
            line = _Line(raw.file, raw.line)
            lines.append(line)
            understood = understand(raw, mapping, now)
            line.notes = [note.model_dump(mode="json") for note in understood.notes]
            past = understood.postmortem
            if past is None:
                continue
            line.key = past.key
            first = seen.setdefault(past.key, line)
            if first is not line:
                sentence = f"the key {past.key!r} is in {first.file}:{first.line}, too; the first one counts"
                line.notes.append(_refusal(sentence, raw.line))
            else:
                waiting.append((line, past))
    return lines, waiting


def _records(file: Path, top: Path, mapping: PostmortemMapping, lines: list[_Line]) -> Iterator[RawPostmortem]:
    try:
        found = read_file(file, top, mapping)
    except UnreadableFileError as error:
        lines.append(_Line(str(file), error.line, notes=[_refusal(error.sentence, error.line)]))
        return
    if not found:
        lines.append(_Line(str(file), 1, notes=[_refusal("there is no postmortem in it", 1)]))
    yield from found


def _refusal(sentence: str, line: int) -> dict[str, Any]:
    return {"kind": NoteKind.REFUSED.value, "sentence": sentence, "field": "", "line": line}


def _batches(waiting: list[tuple[_Line, PastPostmortem]]) -> list[list[tuple[_Line, dict[str, Any]]]]:
    batches: list[list[tuple[_Line, dict[str, Any]]]] = []
    size = 0
    for line, past in waiting:
        body = past.model_dump(mode="json")
        bytes_ = len(json.dumps(body))
        if not batches or size + bytes_ > _MOST_BYTES or len(batches[-1]) >= _MOST_AT_ONCE:
            batches.append([])
            size = 0
        batches[-1].append((line, body))
        size += bytes_
    return batches


def _send(batch: list[tuple[_Line, dict[str, Any]]], *, dry_run: bool, start_open_items: bool) -> None:
    body = {
        "postmortems": [past for _, past in batch],
        "dry_run": dry_run,
        "start_open_items": start_open_items,
    }
    report = call("POST", "/reviews/import", body=body)
    for (line, _), answer in zip(batch, report["items"], strict=True):
        line.outcome = answer["outcome"]
        line.incident_id = answer["incident_id"]
        line.notes += answer["notes"]
        line.started = answer["started"]


def _tell(lines: list[_Line], *, dry_run: bool) -> None:
    for each in lines:
        head = Text.assemble((f"{each.file}:{each.line}: ", "bold"), each.outcome, f" {each.key}")
        if each.incident_id:
            head.append(f" → {each.incident_id}")
        stdout.print(head, soft_wrap=True)
        for note in each.notes:
            place = f"    {each.file}:{note['line'] or each.line}: "
            text = Text.assemble(place, (note["kind"], _STYLES[note["kind"]]), f": {note['sentence']}")
            stdout.print(text, soft_wrap=True)
        for started in each.started:
            stdout.print(Text(f"    {started} is followed from now on"), soft_wrap=True)
    counts = {outcome: sum(1 for each in lines if each.outcome == outcome.value) for outcome in ImportOutcome}
    said = ", ".join(f"{count} {outcome.value}" for outcome, count in counts.items() if count)
    stdout.print(Text(f"{said}{' (a dry run: nothing was saved)' if dry_run else ''}", style="bold"))
