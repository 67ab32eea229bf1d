"""Plays scenarios, given as text, with the actions of `tests/support/steps.py`."""

from runbooks.scenario import Rehearsal, read_scenarios
from runbooks.verdict import Verdict
from tests.support.steps import SPECS, pinned
from workers.rehearsal import rehearse


def rehearsal(runbook: str, scenarios: str) -> Rehearsal:
    """A runbook without its head, and its scenarios without theirs."""
    return read_scenarios(f"schema_version: 1\nrunbook: mend\n{scenarios}", "mend.yaml", pinned(runbook), SPECS)


async def play(runbook: str, scenarios: str) -> dict[str, Verdict]:
    """The verdicts by scenario."""
    return {each.scenario: each async for each in rehearse([rehearsal(runbook, scenarios)], SPECS)}
