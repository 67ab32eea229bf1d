"""The triggers of all runbooks, as an incident pins them at its declaration. Called where an incident is declared."""

import logging

from domain.errors import HotwashError
from domain.runbook_trigger import RunbookTrigger
from runbooks.catalog import Catalog

log = logging.getLogger(__name__)


def triggers_of(catalog: Catalog) -> tuple[RunbookTrigger, ...]:
    """Every trigger of every runbook that is fit to run; a catalogue that is away has none.

    Never raises: an incident is declared whatever its runbooks look like.
    """
    found: list[RunbookTrigger] = []
    try:
        for name in catalog.names():
            # Most runbooks have none, and reading one takes ten milliseconds.
            if "triggers:" not in catalog.text(name):
                continue
            linted = catalog.lint(name)
            if linted.runbook is not None and not linted.findings:
                title = linted.runbook.title
                found += [
                    RunbookTrigger(runbook=name, title=title, number=number, trigger=each)
                    for number, each in enumerate(linted.runbook.triggers, start=1)
                ]
    except HotwashError as error:
        log.warning("no runbook is triggered by itself: %s", error.sentence)
        return ()
    return tuple(found)
