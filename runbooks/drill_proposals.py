"""A proposed game day as files: its YAML with the reasons on top, the `hotwash.yaml` entry, and what the lint says.

Used by `api/drill_proposals.py`. The one thing to know: the text is parsed and linted as it is written, so what is said
about it is said about the very bytes that a person saves.
"""

import textwrap
from collections.abc import Mapping

from domain.configuration import Configuration
from domain.drill_proposal import DrillProposal
from domain.model import Model
from domain.run import ActionSpec
from runbooks.findings import Finding, Unreadable, by_place
from runbooks.game_day_lint import lint_game_day
from runbooks.game_day_schema import GameDay
from runbooks.importers.writing import as_yaml
from runbooks.parse import parse_document
from runbooks.source import read_yaml

_WIDTH = 116


class WrittenDrill(Model):
    """What a person saves, and what is left to do."""

    # `again-….yaml`, and its text.
    file: str
    text: str
    # For hotwash.yaml, with `game_days:` on top.
    schedule: str
    # What the lint says about the text; empty: it may be held once its blanks are filled in.
    findings: tuple[Finding, ...] = ()


def write_drill(
    proposal: DrillProposal, specs: Mapping[str, ActionSpec], configuration: Configuration | None = None
) -> WrittenDrill:
    """The proposal as files."""
    file = f"{proposal.name}.yaml"
    text = _head(proposal) + as_yaml(proposal.document)
    return WrittenDrill(
        file=file,
        text=text,
        schedule=as_yaml({"game_days": proposal.schedule}),
        findings=_lint(file, text, specs, configuration),
    )


def _lint(
    file: str, text: str, specs: Mapping[str, ActionSpec], configuration: Configuration | None
) -> tuple[Finding, ...]:
    try:
        source = read_yaml(text, file)
        document = parse_document(source, GameDay)
    except Unreadable as error:
        return error.findings
    return by_place(list(lint_game_day(source, document, specs, configuration)))


def _head(proposal: DrillProposal) -> str:
    lines = [
        f"Recreates {proposal.incident_id}. Proposed by `hotwash game-day from-incident`; read it before it is held.",
        f"Fault: {proposal.fault.action}, because {proposal.fault.because}.",
        *(
            f"{each.expect.value} within {_written(proposal, each.expect.value)}: {each.because}"
            f"{' (this went wrong)' if each.went_wrong else ''}."
            for each in proposal.demands
        ),
        *(f"Note: {note}." for note in proposal.notes),
        *(
            f"FILL IN{f' the parameter {each.parameter}' if each.parameter else ''}: {each.sentence}."
            for each in proposal.blanks
        ),
    ]
    wrapped = [part for line in lines for part in textwrap.wrap(_one_line(line), _WIDTH, subsequent_indent="  ")]
    return "".join(f"# {line}\n" for line in wrapped)


def _written(proposal: DrillProposal, expect: str) -> str:
    return next(str(each["within"]) for each in proposal.document["expectations"] if each["expect"] == expect)


def _one_line(text: str) -> str:
    # Titles and labels come from outside: a line break would end the comment.
    return "".join(character if character.isprintable() else " " for character in text)
