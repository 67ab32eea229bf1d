"""The Chaos Toolkit under a lease: its rollbacks are played however it ends, or a person hears that they were not."""

import json
import os
import signal

import pytest
from temporalio.exceptions import ApplicationError

from activities.clients import kernel
from tests.support.action_world import World
from tests.support.fault_world import FaultCase, experiment

NAME = "chaostoolkit.run"


def case_of(world: World) -> FaultCase:
    """An experiment that makes a file, and removes it in its rollback."""
    case = world.faults.case(NAME)
    assert case is not None
    return case


async def test_the_end_of_the_fault_plays_the_rollbacks(world: World) -> None:
    """Told to end in the middle of its method, the toolkit mends what it broke and writes its journal."""
    case = case_of(world)
    done = await world.perform(NAME, case.parameters)
    assert (await world.answer(NAME, case.parameters)).holds is True
    assert case.state() is True
    undone = await world.undo(NAME, case.parameters, done.output)
    assert case.state() is False
    journal = json.loads((world.faults.lease_folder / undone.output["journal"]).read_text())
    assert (journal["status"], [each["status"] for each in journal["rollbacks"]]) == ("interrupted", ["succeeded"])


async def test_a_rollback_that_fails_needs_a_person(world: World) -> None:
    """The fault is not called undone because the toolkit has ended."""
    case = case_of(world)
    broken = experiment(world.folder / "experiment-broken")
    broken["rollbacks"][0]["provider"] = {"type": "nothing"}
    (world.folder / "experiment.json").write_text(json.dumps(broken))
    with pytest.raises(ApplicationError) as refused:
        await world.perform(NAME, case.parameters)
    assert "the toolkit does not take breaks" in refused.value.message
    broken["rollbacks"][0] = {
        "type": "action",
        "name": "mend",
        "provider": {"type": "http", "url": "http://127.0.0.1:9/", "timeout": 1},
    }
    (world.folder / "experiment.json").write_text(json.dumps(broken))
    done = await world.perform(NAME, case.parameters, key="game-day/2/fault")
    assert (await world.answer(NAME, case.parameters, key="game-day/2/fault")).holds is True
    with pytest.raises(ApplicationError) as failed:
        await world.undo(NAME, case.parameters, done.output, key="game-day/2/fault")
    assert "mend" in failed.value.message


async def test_a_toolkit_that_was_killed_needs_a_person(world: World) -> None:
    """Without a journal nobody knows whether its rollbacks were played."""
    case = case_of(world)
    done = await world.perform(NAME, case.parameters)
    assert (await world.answer(NAME, case.parameters)).holds is True
    for file in world.faults.lease_folder.glob("*.process"):
        known = kernel.read_identity(file)
        assert known is not None
        os.kill(known[0], signal.SIGKILL)
    with pytest.raises(ApplicationError) as failed:
        await world.undo(NAME, case.parameters, done.output)
    assert "without a journal" in failed.value.message


async def test_only_experiments_that_hotwash_yaml_names_are_run(world: World) -> None:
    """A path is no name."""
    with pytest.raises(ApplicationError) as refused:
        await world.perform(NAME, {"experiment": "other", "duration": "1m"})
    assert "chaos_toolkit" in refused.value.message
