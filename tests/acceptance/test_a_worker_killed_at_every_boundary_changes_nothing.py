"""The law of kill -9: twelve steps with undo, the real worker killed at every boundary; none lost, doubled or hung.

The worker kills itself inside its actions, so each death is exactly where it should be: before the effect, between the
effect and its report, after the step, and the same in every undo. Two runs share the worker, one that goes well and one
that fails at its end, so each death also hits the other run wherever it happens to be.
"""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from temporalio.client import WorkflowHandle

from activities.actions import specs
from domain.run import RunState, RunStatus
from domain.timeline import person
from runbooks.catalog import Catalog
from runbooks.schema import RunStart
from tests.support.deadly_actions import MOMENTS, UNDO_MOMENTS, Deadly
from tests.support.world import World
from workflows.options import CONTROL_QUEUE
from workflows.runbook_run import RunbookRun

STEPS = 12
SEED = 20_261_122
# A death is noticed when the attempt's time is up: three seconds instead of the ten of a missing heartbeat.
_STEP = (
    "{{id: {id}, action: {action}, with: {{name: {name}}}, timeout: 3s, retry: {{max_attempts: 5, interval: 100ms}}}}"
)


def _names(run: str) -> list[str]:
    return [f"{run}-{number}" for number in range(STEPS)]


def _runbook(run: str, *, fails: bool) -> str:
    """Twelve steps, some of them in branches and items, every other one at most once."""
    lines = [
        _STEP.format(id=f"s{number}", action=("law.once", "law.keyed")[number % 2], name=name)
        for number, name in enumerate(_names(run))
    ]
    left, right = ", ".join(lines[4:6]), ", ".join(lines[6:8])
    body = [
        *lines[:4],
        f"{{id: both, parallel: {{branches: {{left: [{left}], right: [{right}]}}}}}}",
        f"{{id: each, foreach: {{items: [only], steps: [{', '.join(lines[8:10])}]}}}}",
        *lines[10:],
        *(["{id: bad, action: law.fail, with: {name: bad}}"] if fails else []),
    ]
    head = f"schema_version: 1\nname: {run}\ntitle: {run}\nowner: sre\nsteps:\n"
    return head + "".join(f"  - {each}\n" for each in body)


async def _start(world: World, catalog: Catalog, run: str) -> "WorkflowHandle[RunbookRun, RunState]":
    client = await world.engine()
    start = RunStart(
        id=f"law.{run}.1", incident_id="law", runbook=catalog.pin(run), requested_by=person("ann"), commander="bob"
    )
    return await client.start_workflow(RunbookRun.run, start, id=f"run/law/{run}/1", task_queue=CONTROL_QUEUE)


async def _raise_the_dead(world: World, deaths: list[int]) -> None:
    """A worker that has died is started again, as `hotwash up` and every supervisor do."""
    while True:
        if world.is_dead("worker"):
            deaths.append(world.pid("worker"))
            await world.start("worker")
        await asyncio.sleep(0.05)


async def _obey_the_law(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaths: Sequence[tuple[str, str]]) -> None:
    deadly = Deadly(tmp_path / "law")
    monkeypatch.syspath_prepend(deadly.packages)
    books = tmp_path / "books"
    books.mkdir()
    for run in ("good", "bad"):
        (books / f"{run}.yaml").write_text(_runbook(run, fails=run == "bad"))
    catalog = Catalog([books], specs())
    for step, moment in deaths:
        deadly.kill_at(step, moment)
    world = World(tmp_path / "world", {"PYTHONPATH": str(deadly.packages)})
    died: list[int] = []
    try:
        await world.start("engine", "worker")
        undertaker = asyncio.create_task(_raise_the_dead(world, died))
        handles = [await _start(world, catalog, run) for run in ("good", "bad")]
        # Nothing hangs: every death costs some seconds, none costs more; on a machine with other work, twice that.
        good, bad = await asyncio.wait_for(
            asyncio.gather(*(handle.result() for handle in handles)), 60 + 24 * len(deaths)
        )
        undertaker.cancel()
    finally:
        await world.close()
    assert good.status is RunStatus.SUCCEEDED, good.reason
    assert bad.status is RunStatus.FAILED
    assert deadly.left() == []
    # Two that fall together cost one life.
    assert len(deaths) // 2 < len(died) <= len(deaths)
    # 0 lost: what went well is there, what failed is gone. 0 doubled: one line per effect, one per undo.
    assert len(deadly.effects()) == STEPS
    assert all("/good/" in key for key in deadly.effects())
    expected = [f"do {name}" for run in ("good", "bad") for name in _names(run)]
    expected += [f"undo {name}" for name in _names("bad")]
    assert sorted(deadly.log()) == sorted(expected)
    undone = [line for line in deadly.log() if line.startswith("undo")]
    assert undone[:2] == ["undo bad-11", "undo bad-10"]
    assert undone[-4:] == ["undo bad-3", "undo bad-2", "undo bad-1", "undo bad-0"]


async def test_deaths_here_and_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five boundaries drawn by a seed, one of each sort, and one under the question what became of a step.

    The whole law takes minutes and runs with `make test-long`.
    """
    hand = random.Random(SEED)
    deaths = [(hand.choice(_names(hand.choice(("good", "bad")))), moment) for moment in MOMENTS]
    deaths += [(hand.choice(_names("bad")), moment) for moment in UNDO_MOMENTS]
    # At most once, so its check decides, and is asked again of the next worker.
    deaths += [("good-6", "after"), ("good-6", "check")]
    await _obey_the_law(tmp_path, monkeypatch, deaths)


@pytest.mark.long
@pytest.mark.timeout(1_800)
async def test_a_death_at_every_boundary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, after and behind each of the twelve steps, and before and after each of their undos: sixty deaths."""
    hand = random.Random(SEED)
    deaths = []
    for number in range(STEPS):
        # A step whose report died with its worker is not run again, so what lies behind it is tried in the other run.
        one, other = hand.sample(("good", "bad"), 2)
        deaths += [(f"{run}-{number}", moment) for run, moment in zip((one, one, other), MOMENTS, strict=True)]
    deaths += [(name, moment) for name in _names("bad") for moment in UNDO_MOMENTS]
    await _obey_the_law(tmp_path, monkeypatch, deaths)
