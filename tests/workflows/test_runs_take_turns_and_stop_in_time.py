"""Locks, stop conditions and freezes on the real engine: when a run may change something, and when it must not.

The one thing to know: a lock that skips time runs ahead of its holder, whose lease then runs out; so runs with locks
are started without skipping.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowHandle

from domain.lock import LockState
from domain.run import RunStatus, StepStatus
from domain.timeline import automation
from tests.support.engine import replayer, until
from tests.support.recording import Record
from tests.support.runs import Runs, asks, seen, status_of, tell
from tests.support.steps import World, fault
from workflows.resource_lock import ResourceLock
from workflows.runbook_run import RunbookRun


@pytest.fixture
def resource() -> str:
    """Something that no other test locks."""
    return f"service/shop-{uuid4().hex[:6]}"


def _text(resource: str, **settings: str) -> str:
    more = "".join(f", {name}: {value}" for name, value in settings.items())
    return f"""
locks: {{resources: ["{resource}"]{more}}}
steps:
  - {{id: look, action: look}}
  - {{id: one, action: do}}
  - {{id: two, action: do}}
"""


async def _lock(runs: Runs, resource: str) -> LockState:
    handle: WorkflowHandle[Any, Any] = runs.env.client.get_workflow_handle(f"lock/{resource}")
    state: LockState = await handle.query(ResourceLock.view)
    return state


async def _ended(runs: Runs, resource: str) -> None:
    handle: WorkflowHandle[Any, Any] = runs.env.client.get_workflow_handle(f"lock/{resource}")
    for _ in range(1000):
        if (await handle.describe()).close_time is not None:
            return
        await asyncio.sleep(0.02)
    pytest.fail("the lock never ended")


async def test_two_runs_take_turns(runs: Runs, world: World, resource: str, record: Record) -> None:
    """The second waits, says for what, and starts when the first has ended; what only reads does not wait."""
    world.gate = {"two": asyncio.Event()}
    first = await runs.begin(_text(resource), skipping=False)
    await until(lambda: "two" in world.started)
    second = await runs.begin(_text(resource), skipping=False)
    run = await seen(second, "one", StepStatus.WAITING)
    assert run.waiting_for == f"the lock {resource!r}, which runbook:mend holds"
    assert status_of(run)["look"] == "succeeded"
    world.gate["two"].set()
    assert (await first.result()).status is RunStatus.SUCCEEDED
    assert (await second.result()).status is RunStatus.SUCCEEDED
    numbers = {request.key.split("/")[1]: request.fencing for request in world.requests if request.action == "do"}
    low, high = (fencing[resource] for fencing in numbers.values())
    assert low < high
    assert [request.fencing for request in world.requests if request.action == "look"] == [{}, {}]
    assert any("Locked" in line for line in record.sentences(run.incident_id))


async def test_a_lock_that_is_held_fails_who_does_not_want_to_wait(runs: Runs, world: World, resource: str) -> None:
    """`when_held: fail`: nothing is touched, and the sentence says who has it."""
    world.gate = {"two": asyncio.Event()}
    first = await runs.begin(_text(resource), skipping=False)
    await until(lambda: "two" in world.started)
    run = await runs.run(_text(resource, when_held="fail"))
    assert run.status is RunStatus.FAILED
    assert "is held by runbook:mend; nothing was touched" in (run.reason or "")
    world.gate["two"].set()
    await first.result()
    assert world.paths("do").count("one") == 1


@pytest.mark.parametrize("name", ["", "x" * 2_000])
async def test_a_lock_without_a_fit_name_fails_its_step(runs: Runs, world: World, name: str) -> None:
    """What an expression makes of a name may be empty, or longer than any id: nothing is touched, nothing hangs."""
    text = 'parameters: {host: {}}\nlocks: {resources: ["{{ params.host }}"]}\nsteps: [{id: one, action: do}]\n'
    run = await runs.run(text, parameters={"host": name})
    assert run.status is RunStatus.FAILED
    assert "a lock's name has 1 to 200 characters" in (run.reason or "")
    assert world.paths("do") == []


async def test_nobody_waits_for_ever(runs: Runs, world: World, resource: str) -> None:
    """`wait_at_most` bounds it; the claim is withdrawn."""
    world.gate = {"two": asyncio.Event()}
    first = await runs.begin(_text(resource), skipping=False)
    await until(lambda: "two" in world.started)
    second = await runs.begin(_text(resource, wait_at_most="10m"), skipping=False)
    await seen(second, "one", StepStatus.WAITING)
    await runs.env.fast_forward(second, timedelta(minutes=11))
    assert "is held by" in ((await second.result()).reason or "")
    await asyncio.sleep(0.1)
    assert (await _lock(runs, resource)).queue == ()
    world.gate["two"].set()
    await first.result()


async def test_the_undo_still_holds_the_lock_and_every_end_gives_it_back(
    runs: Runs, world: World, resource: str
) -> None:
    """A failed run undoes under the same number, then releases; the lock ends a while later."""
    world.fails = {"two": [fault()]}
    run = await runs.run(_text(resource), skipping=False)
    assert run.status is RunStatus.FAILED
    undo = next(request for request in world.requests if request.key.endswith("/undo"))
    done = next(request for request in world.requests if request.action == "do")
    assert undo.fencing == done.fencing != {}
    lock: WorkflowHandle[Any, Any] = runs.env.client.get_workflow_handle(f"lock/{resource}")
    await runs.env.fast_forward(lock, timedelta(minutes=2))
    await _ended(runs, resource)


async def test_a_holder_that_was_terminated_loses_its_lease(runs: Runs, world: World, resource: str) -> None:
    """Nobody releases for a dead run: its lease runs out, and the next in line goes on with a higher number."""
    world.gate = {"two": asyncio.Event()}
    first = await runs.begin(_text(resource), skipping=False)
    await until(lambda: "two" in world.started)
    second = await runs.begin(_text(resource), skipping=False)
    await seen(second, "one", StepStatus.WAITING)
    await first.terminate()
    before = (await _lock(runs, resource)).fencing
    lock: WorkflowHandle[Any, Any] = runs.env.client.get_workflow_handle(f"lock/{resource}")
    await runs.env.fast_forward(lock, timedelta(minutes=6))
    world.gate["two"].set()
    assert (await second.result()).status is RunStatus.SUCCEEDED
    assert (await _lock(runs, resource)).fencing == before + 1


async def test_a_broken_lock_is_taken_again_before_anything_else_is_changed(
    runs: Runs, world: World, resource: str
) -> None:
    """The holder is told, notes it, and its next step waits for a new grant with a higher number."""
    world.gate = {"one": asyncio.Event()}
    handle = await runs.begin(_text(resource), skipping=False)
    await until(lambda: "one" in world.started)
    lock: WorkflowHandle[Any, Any] = runs.env.client.get_workflow_handle(f"lock/{resource}")
    body = {"by": {"kind": "person", "name": "bob"}, "holder": handle.id, "reason": "urgent change by hand"}
    await lock.execute_update("break", body)
    world.gate["one"].set()
    assert (await handle.result()).status is RunStatus.SUCCEEDED
    numbers = [request.fencing[resource] for request in world.requests if request.action == "do"]
    assert numbers[1] > numbers[0]


async def test_locks_of_nested_runbooks_are_taken_when_they_begin(runs: Runs, world: World, resource: str) -> None:
    """In addition to the run's own, and kept to its end."""
    child = f"""
schema_version: 1
name: child
title: The child
owner: sre
parameters: {{target: {{}}}}
locks: {{resources: ["{resource}-{{{{ params.target }}}}"]}}
steps: [{{id: one, action: do}}]
"""
    text = (
        _text(resource) + "  - {id: inner, runbook: {name: child, parameters: {target: db}}}\n  - {id: z, action: do}\n"
    )
    run = await runs.run(text, others=[child], skipping=False)
    assert run.status is RunStatus.SUCCEEDED
    held = {request.key.split("/")[4]: sorted(request.fencing) for request in world.requests}
    assert held["two"] == [resource]
    assert held["inner.one"] == held["z"] == [resource, f"{resource}-db"]


# --- stop conditions ---

WATCHED = """
stop_conditions:
  - {id: errors, title: errors over 5 %%, action: look, every: 10s%s}
steps:
  - {id: one, action: do}
  - {id: rest, wait: {duration: 1h}}
  - {id: two, action: do}
"""


async def test_a_stop_condition_stops_and_undoes(runs: Runs, world: World) -> None:
    """It is asked throughout; once it holds, no new step begins and everything is put back."""
    world.answers = {"errors": [False, False, False, True]}
    run = await runs.run(WATCHED % "")
    assert run.status is RunStatus.STOPPED
    assert run.reason is not None
    assert run.reason.startswith("stop condition 'errors over 5 %' is met")
    assert len(world.paths("check")) == 4
    assert world.paths("do") == ["one"]
    assert world.effects == []


async def test_a_condition_that_holds_already_lets_nothing_begin(runs: Runs, world: World) -> None:
    """It is asked before the first step."""
    world.answers = {"errors": [True]}
    assert (await runs.run(WATCHED % "")).status is RunStatus.STOPPED
    assert world.paths("do") == []


@pytest.mark.parametrize(("setting", "status"), [("", RunStatus.STOPPED), (", on_missing: go_on", RunStatus.SUCCEEDED)])
async def test_missing_data_counts_as_the_author_says(
    runs: Runs, world: World, setting: str, status: RunStatus
) -> None:
    """An answer that cannot be told stops the run unless the author bears it; the timeline says so."""
    world.answers = {"errors": [False, None, None, False]}
    run = await runs.run(WATCHED % setting)
    assert run.status is status
    assert (status is RunStatus.SUCCEEDED) or "cannot be told" in (run.reason or "")


# --- freezes ---


def _freeze(**fields: Any) -> dict[str, Any]:
    now = datetime.now(tz=UTC)
    return {
        "freezes": [{"name": "sale", "from": now - timedelta(hours=1), "until": now + timedelta(days=300)}],
        "incident": {"services": ["shop"]},
        **fields,
    }


async def test_a_freeze_refuses_what_changes_something(runs: Runs, world: World) -> None:
    """Drills as well; what only reads may run; a person with a reason may override it, and the timeline says who."""
    for drill in (False, True):
        run = await runs.run("steps: [{id: one, action: do}]", **_freeze(drill=drill))
        assert run.status is RunStatus.FAILED
        assert "the freeze 'sale' lasts until" in (run.reason or "")
    assert world.log == []
    assert (await runs.run("steps: [{id: one, action: look}]", **_freeze())).status is RunStatus.SUCCEEDED
    by_machine = _freeze(override_freeze="because", requested_by=automation("trigger"))
    assert (await runs.run("steps: [{id: one, action: do}]", **by_machine)).status is RunStatus.FAILED


async def test_a_person_overrides_a_freeze_with_a_reason(runs: Runs, record: Record) -> None:
    """The reason is in the timeline under their name."""
    run = await runs.run("steps: [{id: one, action: do}]", **_freeze(override_freeze="the shop is down"))
    assert run.status is RunStatus.SUCCEEDED
    assert "ann overrides the freeze 'sale': the shop is down" in record.sentences(run.incident_id)


async def test_a_freeze_that_begins_while_a_run_waits_holds_up_its_first_change(runs: Runs, world: World) -> None:
    """A person who retries it, with a reason, overrides; a run that has begun to change something goes on."""
    now = datetime.now(tz=UTC)
    freeze = {"name": "sale", "from": now + timedelta(hours=1), "until": now + timedelta(days=300)}
    text = """
steps:
  - {id: hands, manual: {instructions: look}}
  - {id: one, action: do, on_failure: pause}
  - {id: two, action: do}
"""
    handle = await runs.begin(text, skipping=False, freezes=[freeze])
    await seen(handle, "hands", StepStatus.WAITING)
    await runs.env.fast_forward(handle, timedelta(minutes=61))
    await tell(handle, "complete", path="hands")
    run = await asks(handle)
    assert "the freeze 'sale' lasts until" in (run.waiting_for or "")
    assert world.log == []
    await tell(handle, "retry", path="one", reason="the shop is down")
    assert (await handle.result()).status is RunStatus.SUCCEEDED


async def test_histories_with_locks_replay(runs: Runs, resource: str) -> None:
    """Of the run and of the lock."""
    handle = await runs.begin(_text(resource), skipping=False)
    await handle.result()
    lock: WorkflowHandle[Any, Any] = runs.env.client.get_workflow_handle(f"lock/{resource}")
    await runs.env.fast_forward(lock, timedelta(minutes=2))
    await _ended(runs, resource)
    for each in (handle, lock):
        await replayer([RunbookRun, ResourceLock]).replay_workflow(await each.fetch_history())
