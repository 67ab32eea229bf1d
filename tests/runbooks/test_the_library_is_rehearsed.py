"""Every runbook of the library is fit to run, has scenarios, and does in them what they say; on the real engine."""

import re
from collections.abc import Iterable, Iterator, Mapping

import pytest

from domain.run import ActionSpec
from runbooks.rehearsals import library_names, load_rehearsal
from runbooks.schema import Step
from workers.action_specs import action_specs
from workers.rehearsal import rehearse

# What has to be shown of a runbook before a team may trust it: that it works, and what it does when it does not.
_FEWEST_SCENARIOS = 3


# What a restart or a rejoined standby has done cannot be taken back, and both say so.
_NOTHING_TO_TAKE_BACK = {"restart-service", "rejoin-database"}


# Half a minute on two busy cores; a machine with more to do gets four.
@pytest.mark.timeout(240)
async def test_the_library_is_rehearsed() -> None:
    """All scenarios of all runbooks come as expected, within the test's time limit: days of them take seconds."""
    specs = action_specs()
    rehearsals = [load_rehearsal(name, None, specs) for name in library_names()]
    few = [each.runbook.reference.name for each in rehearsals if len(each.scenarios) < _FEWEST_SCENARIOS]
    assert not few, f"{few} have fewer than {_FEWEST_SCENARIOS} scenarios"
    found = [verdict async for verdict in rehearse(rehearsals, specs)]
    mismatches = {f"{each.runbook}/{each.scenario}": each.mismatches for each in found if not each.passed}
    assert not mismatches


def test_every_runbook_has_an_owner_and_is_seen_to_fail() -> None:
    """Each names its owner, and is rehearsed in more than one way of ending."""
    specs = action_specs()
    for name in library_names():
        rehearsal = load_rehearsal(name, None, specs)
        statuses = {each.expect.status for each in rehearsal.scenarios}
        assert rehearsal.runbook.document.owner
        assert len(statuses) > 1, f"{name} is rehearsed in one way of ending only"


def test_every_undo_of_the_library_is_drilled() -> None:
    """Whatever a runbook would take back is taken back in one of its scenarios; hardly any has nothing to take back."""
    specs = action_specs()
    for name in library_names():
        rehearsal = load_rehearsal(name, None, specs)
        undone = {re.sub(r"\.\d+\.", ".", path) for each in rehearsal.scenarios for path in each.expect.undone or ()}
        can = {path for path, step in actions_in(rehearsal.runbook.document.steps) if has_undo(step, specs)}
        assert can <= undone, f"{name}: the undo of {sorted(can - undone)} is not rehearsed"
        assert bool(can) == (name not in _NOTHING_TO_TAKE_BACK), name


def actions_in(steps: Iterable[Step], above: str = "") -> Iterator[tuple[str, Step]]:
    """Every action step, also in loops, by its path without iterations."""
    for step in steps:
        if step.action is not None:
            yield f"{above}{step.id}", step
        if step.foreach is not None:
            yield from actions_in(step.foreach.steps, f"{above}{step.id}.")


def has_undo(step: Step, specs: Mapping[str, ActionSpec]) -> bool:
    """Whether there is something to run when it is undone."""
    return step.undo != "none" and (step.undo != "auto" or specs[step.action or ""].has_undo)
