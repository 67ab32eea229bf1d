"""What a released version has begun, the code of today goes on with: every recorded history replays.

The histories are real ones, recorded by `python -m tests.histories.record`.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from runtime.temporal import DATA_CONVERTER
from tests.histories import record
from workers.composition import PASSED_THROUGH, WORKFLOWS

FILES = sorted(record.FOLDER.glob("*.json.gz"))
# What a clone of the repository carries for it; a history that would break this is too long for a test, too.
_LARGEST_IN_ALL = 300_000


def read(file: Path) -> dict[str, Any]:
    """The history in a file."""
    found: dict[str, Any] = json.loads(gzip.decompress(file.read_bytes()))
    return found


async def replay(name: str, history: dict[str, Any]) -> None:
    """As the worker would, after it has forgotten the workflow; raises where it would decide otherwise."""
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=DATA_CONVERTER,
        workflow_runner=SandboxedWorkflowRunner(
            restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
        ),
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(name, history))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
async def test_a_recorded_history_replays(file: Path) -> None:
    """Not one command differs."""
    await replay(file.name, read(file))


def test_every_workflow_has_a_history() -> None:
    """A workflow that was added without one could be changed so that nobody's execution goes on."""
    recorded = {file.name.partition("-")[0] for file in FILES}
    assert recorded >= {each.__name__ for each in WORKFLOWS}, "run python -m tests.histories.record"


async def test_a_changed_decision_is_noticed() -> None:
    """The test above can fail: a history that asked for something else does not replay."""
    history = read(next(file for file in FILES if file.name.startswith("GameDay-")))
    asked = [
        event["activityTaskScheduledEventAttributes"]
        for event in history["events"]
        if "activityTaskScheduledEventAttributes" in event
    ]
    next(each for each in asked if each["activityType"]["name"] == "steps.perform")["activityType"]["name"] = (
        "steps.undo"
    )
    with pytest.raises(Exception, match=r"(?i)nondeterminism"):
        await replay("changed", history)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_history_tells_nothing_of_a_machine(file: Path) -> None:
    """No names of processes and hosts, no folders, no secrets, in payloads neither."""
    history = read(file)
    assert "identity" not in json.dumps(history)
    assert record.telltale(history) is None


def test_what_tells_too_much_is_found() -> None:
    """Also inside of a payload."""
    assert record.telltale({"a": [{"data": "L2hvbWUvYW5uL3Nob3A="}]}) == "/home/ann/shop"
    assert record.telltale({"a": ["the release is in /srv/shop"]}) is None


def test_the_histories_stay_small() -> None:
    """All of them together."""
    assert sum(file.stat().st_size for file in FILES) < _LARGEST_IN_ALL
