"""Game days from other tools' files, with a list of all that could not be carried over. For `hotwash game-day import`.

A new format is a file here with one function `(Source, ImportContext) -> Draft` and a line in `GAME_DAY_FORMATS`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.run import ActionSpec
from runbooks.findings import Finding, Unreadable, by_place
from runbooks.game_day_lint import lint_game_day
from runbooks.game_day_schema import GameDay
from runbooks.importers.chaos_game_day import read_game_day
from runbooks.importers.fis_game_day import read_template
from runbooks.importers.reading import ImportContext, Report, without_odd_characters
from runbooks.importers.writing import Draft, to_text
from runbooks.parse import parse_document
from runbooks.source import Source, read_yaml

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class GameDayFormat(StrEnum):
    """Where a file comes from."""

    CHAOS_TOOLKIT = "chaostoolkit"
    FIS = "fis"


@dataclass(frozen=True)
class ImportedGameDay:
    """One game day, as text to be saved; its head says what it lacks."""

    name: str
    text: str
    # Everything of the file that is not in it, or means something else there, with its place and the reason.
    losses: tuple[Finding, ...]
    # What the lint says of it: what a person must complete before it can be held.
    findings: tuple[Finding, ...]


GAME_DAY_FORMATS: Mapping[GameDayFormat, tuple[str, Callable[[Source, ImportContext], Draft]]] = {
    GameDayFormat.CHAOS_TOOLKIT: ("a Chaos Toolkit experiment", read_game_day),
    GameDayFormat.FIS: ("an AWS FIS experiment template", read_template),
}


def import_game_day(
    text: str,
    file_name: str,
    form: GameDayFormat | None,
    specs: Mapping[str, ActionSpec],
    *,
    owner: str = "unowned",
    name: str | None = None,
) -> ImportedGameDay:
    """The game day of a file in another tool's format; Unreadable when it is no such file.

    `form` None: told from what is in it. `name`: what it is called, if it can be called so; else after its file.
    """
    source = read_yaml(text, file_name)
    source = replace(source, data=without_odd_characters(source.data))
    what, read = GAME_DAY_FORMATS[form or _told_from(source)]
    report = Report(source)
    draft = read(source, ImportContext(report=report, specs=specs, owner=owner))
    if name is not None and _NAME.fullmatch(name):
        draft.document["name"] = name
    losses = by_place(report.losses)
    written = to_text(draft.document, what, file_name, losses, command="hotwash game-day import")
    called = str(draft.document["name"])
    return ImportedGameDay(called, written, losses, _lint(written, called, specs))


def _told_from(source: Source) -> GameDayFormat:
    data = source.data if isinstance(source.data, dict) else {}
    if "method" in data:
        return GameDayFormat.CHAOS_TOOLKIT
    if "actions" in data or "experimentTemplate" in data:
        return GameDayFormat.FIS
    sentence = "this is neither a Chaos Toolkit experiment (no `method`) nor an FIS template (no `actions`)"
    raise Unreadable([source.finding((), "not_this_format", sentence)])


def _lint(text: str, name: str, specs: Mapping[str, ActionSpec]) -> tuple[Finding, ...]:
    try:
        source = read_yaml(text, f"{name}.yaml")
        document = parse_document(source, GameDay)
    except Unreadable as error:
        return error.findings
    return by_place(list(lint_game_day(source, document, specs)))
