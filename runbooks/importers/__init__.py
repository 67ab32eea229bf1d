"""Runbooks from other tools' files, with a list of all that could not be carried over. For `hotwash runbook import`.

A new format is a file here with one function `(Source, ImportContext) -> list[Draft]` and a line in `FORMATS`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.run import ActionSpec
from runbooks.findings import Finding, by_place
from runbooks.importers.chaos_toolkit import read_experiment
from runbooks.importers.reading import ImportContext, Report, without_odd_characters
from runbooks.importers.rundeck import read_jobs
from runbooks.importers.rundeck_xml import is_xml, read_job_xml
from runbooks.importers.ssm_automation import read_automation
from runbooks.importers.writing import Draft, to_text
from runbooks.lint import lint
from runbooks.source import Source, read_yaml

__all__ = ["FORMATS", "Format", "Imported", "ImportedRunbook", "import_runbooks"]


_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class Format(StrEnum):
    """Where a file comes from."""

    SSM = "ssm"
    RUNDECK = "rundeck"
    CHAOS_TOOLKIT = "chaostoolkit"


@dataclass(frozen=True)
class ImportedRunbook:
    """One runbook, as text to be saved; its head says what it lacks."""

    name: str
    text: str
    # What the lint says of it. Empty, unless an importer has a fault of its own.
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Imported:
    """What a file became."""

    runbooks: tuple[ImportedRunbook, ...]
    # Everything of the file that is not in the runbooks, or means something else there, with its place and the reason.
    losses: tuple[Finding, ...]


FORMATS: Mapping[Format, tuple[str, Callable[[Source, ImportContext], list[Draft]]]] = {
    Format.SSM: ("an AWS Systems Manager Automation document", read_automation),
    Format.RUNDECK: ("a Rundeck job definition", read_jobs),
    Format.CHAOS_TOOLKIT: ("a Chaos Toolkit experiment", read_experiment),
}


def import_runbooks(
    text: str,
    file_name: str,
    form: Format,
    specs: Mapping[str, ActionSpec],
    *,
    owner: str = "unowned",
    name: str | None = None,
) -> Imported:
    """The runbooks of a file in another tool's format; Unreadable when it is no such file.

    `name` is what a single runbook is called, if it can be called so; else its name is made of the file's or the job's.
    """
    what, read = FORMATS[form]
    read_text = read_job_xml if form is Format.RUNDECK and is_xml(text) else read_yaml
    source = read_text(text, file_name)
    source = replace(source, data=without_odd_characters(source.data))
    report = Report(source)
    drafts = read(source, ImportContext(report=report, specs=specs, owner=owner))
    if name is not None and len(drafts) == 1 and _NAME.fullmatch(name):
        drafts[0].document["name"] = name
    made = []
    for draft in drafts:
        losses = by_place([loss for loss in report.losses if draft.covers(loss.line)])
        written = to_text(draft.document, what, file_name, losses)
        called = str(draft.document["name"])
        made.append(ImportedRunbook(called, written, lint(written, f"{called}.yaml", specs).findings))
    return Imported(runbooks=tuple(made), losses=by_place(report.losses))
