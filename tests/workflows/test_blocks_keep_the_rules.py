"""`parallel`, `foreach`, `switch` and nested runbooks on the real engine: the rules of runs hold inside them, too."""

import asyncio

import pytest

from domain.run import RunStatus, StepStatus
from domain.timeline import EntryKind
from tests.support.engine import replayer, until
from tests.support.recording import Record
from tests.support.runs import Runs, asks, refusal, seen, status_of, tell, vote
from tests.support.steps import World, fault
from workflows.runbook_run import RunbookRun

# --- parallel ---

BOTH = """
steps:
  - {id: first, action: do}
  - id: both
    parallel:
      branches:
        left: [{id: l1, action: do}, {id: l2, action: do, with: {was: "{{ steps.l1.output.path }}"}}]
        right: [{id: r1, action: do}]
  - {id: last, action: do, with: {was: "{{ steps.l2.output.path }}"}}
"""


async def test_branches_run_side_by_side_and_join(runs: Runs, world: World) -> None:
    """Neither waits for the other; what a branch gave can be read behind the block."""
    world.gate = {"both.left.l1": asyncio.Event(), "both.right.r1": asyncio.Event()}
    handle = await runs.begin(BOTH)
    await until(lambda: {"both.left.l1", "both.right.r1"} <= set(world.started))
    for gate in world.gate.values():
        gate.set()
    run = await handle.result()
    assert run.status is RunStatus.SUCCEEDED
    assert world.requests[-1].parameters == {"was": "both.left.l2"}
    assert set(status_of(run).values()) == {"succeeded"}


async def test_a_failed_branch_fails_the_block_and_everything_is_undone(runs: Runs, world: World) -> None:
    """The law of undo holds across branches: newest first, whatever branch it was done in; what was in flight ends."""
    world.fails = {"both.right.r1": [fault("right broke")]}
    world.gate = {"both.left.l2": asyncio.Event()}
    run = await runs.run(BOTH)
    assert run.status is RunStatus.FAILED
    assert "right broke" in (run.reason or "")
    assert world.effects == []
    assert world.paths("undo")[-2:] == ["both.left.l1", "first"]
    assert status_of(run)["last"] == "skipped"


async def test_a_branch_that_loses_is_stopped_and_put_back(runs: Runs, world: World) -> None:
    """`any`: the first branch to succeed wins; of the other nothing remains, and the run goes on."""
    world.gate = {"race.slow.s2": asyncio.Event()}
    handle = await runs.begin("""
steps:
  - id: race
    parallel:
      join: any
      branches:
        quick: [{id: look, action: look}, {id: q1, action: do}]
        slow: [{id: s1, action: do}, {id: s2, action: do}, {id: s3, action: do}]
        broken: [{id: b1, action: do}]
  - {id: last, action: do}
""")
    run = await handle.result()
    assert run.status is RunStatus.SUCCEEDED
    assert "race.slow.s3" not in world.paths("do")
    assert [key.split("/")[-1] for key in world.effects] in (["race.quick.q1", "last"], ["race.broken.b1", "last"])
    assert status_of(run)["race.slow.s3"] == "skipped"


async def test_a_number_of_branches_is_enough(runs: Runs, world: World) -> None:
    """Two of three: one may fail; a second failure would decide it the other way."""
    text = """
steps:
  - id: most
    parallel:
      join: 2
      branches:
        a: [{id: a1, action: do}]
        b: [{id: b1, action: do}]
        c: [{id: c1, action: do}]
"""
    world.fails = {"most.a.a1": [fault()]}
    assert (await runs.run(text)).status is RunStatus.SUCCEEDED
    world.fails = {"most.a.a1": [fault()], "most.b.b1": [fault()]}
    run = await runs.run(text)
    assert run.status is RunStatus.FAILED
    assert "2 of 3 branches must succeed" in (run.reason or "")


async def test_a_block_ends_by_its_deadline(runs: Runs, world: World) -> None:
    """The deadline of a block is that of all that is inside; a person who does not come does not hold it up."""
    run = await runs.run("""
steps:
  - id: both
    deadline: 1h
    parallel:
      branches:
        people: [{id: hands, manual: {instructions: plug it in}}]
        machine: [{id: m1, action: do}]
""")
    assert run.status is RunStatus.FAILED
    assert status_of(run) == {
        "both": "timed_out", "both.people.hands": "cancelled", "both.machine.m1": "undone",
    }  # fmt: skip
    assert world.effects == []


async def test_operators_reach_into_blocks(runs: Runs, world: World, record: Record) -> None:
    """Pause, retry, skip and override work on a step of a branch, and the other branch is not held up by a question."""
    world.fails = {"both.left.l1": [fault(), None], "both.right.r1": [fault()]}
    handle = await runs.begin(
        """
steps:
  - id: both
    parallel:
      branches:
        left: [{id: l1, action: do, on_failure: pause}, {id: l2, action: do}]
        right: [{id: r1, action: do, on_failure: pause}, {id: r2, action: do}]
        third: [{id: t1, action: do}]
""",
        skipping=False,
    )
    await seen(handle, "both.left.l1", StepStatus.FAILED)
    await seen(handle, "both.right.r1", StepStatus.FAILED)
    assert "say why" in await refusal(handle, "retry", path="both.left.l1", reason="")
    await tell(handle, "override", path="both.left.l2", output={"x": 1}, reason="done by hand")
    await tell(handle, "retry", path="both.left.l1", reason="mended")
    await tell(handle, "skip", path="both.right.r1", reason="not needed")
    run = await handle.result()
    assert run.status is RunStatus.SUCCEEDED
    assert world.paths("do").count("both.left.l2") == 0
    assert {"both.left.l1": "succeeded", "both.right.r1": "skipped", "both.right.r2": "succeeded"}.items() <= (
        status_of(run).items()
    )
    said = [entry.summary for entry in record.timeline(run.incident_id) if entry.actor.name == "bob"]
    assert len(said) == 3


async def test_a_block_that_failed_can_be_retried_as_a_whole(runs: Runs, world: World) -> None:
    """What has succeeded is not done again; what was undone is done anew, under another key."""
    world.fails = {"both.left.l2": [fault(), None]}
    handle = await runs.begin(BOTH.replace("    parallel:", "    on_failure: pause\n    parallel:"), skipping=False)
    await asks(handle)
    assert world.paths("undo") == ["both.left.l1"]
    await tell(handle, "retry", path="both", reason="mended")
    run = await handle.result()
    assert run.status is RunStatus.SUCCEEDED
    assert world.paths("do").count("both.right.r1") == 1
    assert [key.split("/", 4)[-1] for key in world.effects if "left" in key] == [
        "both.left.l1/again-1", "both.left.l2",
    ]  # fmt: skip


# --- foreach ---

DRAIN = """
parameters: {hosts: {type: list, default: [a, b, c, d, e, f]}}
steps:
  - id: drain
    foreach:
      items: "{{ params.hosts }}"
      as: host
      max_concurrency: %s
      max_errors: %s
      ramp: %s
      steps:
        - {id: stop, action: do, with: {host: "{{ host }}"}}
        - {id: mend, action: do, with: {host: "{{ host }}", was: "{{ steps.stop.output.path }}"}}
"""


async def test_each_item_runs_its_own_steps(runs: Runs, world: World, record: Record) -> None:
    """Paths and keys carry the index; expressions read the item and the steps of the same item."""
    run = await runs.run(DRAIN % (2, 0, "false"))
    assert run.status is RunStatus.SUCCEEDED
    given = {request.key.split("/")[4]: request.parameters for request in world.requests}
    assert given["drain.3.mend"] == {"host": "d", "was": "drain.3.stop"}
    assert run.steps[0].output["succeeded"] == 6
    assert run.steps[0].output["results"][1] == {"path": "drain.1.mend", "host": "b", "was": "drain.1.stop"}
    # A loop is one line of the timeline, not one per item.
    assert len(record.timeline(run.incident_id, EntryKind.STEP)) == 1


async def test_no_more_items_than_allowed_are_under_way(runs: Runs, world: World) -> None:
    """`max_concurrency` bounds it; with a ramp one goes first, then two, then four."""
    names = [f"drain.{index}.stop" for index in range(6)]
    world.gate = {name: asyncio.Event() for name in names}
    handle = await runs.begin(DRAIN % (4, 0, "true"))
    await until(lambda: names[0] in world.started)
    await asyncio.sleep(0.1)
    assert set(world.started) == {names[0]}
    world.gate[names[0]].set()
    await until(lambda: names[2] in world.started)
    await asyncio.sleep(0.1)
    assert names[3] not in world.started
    world.gate[names[1]].set()
    world.gate[names[2]].set()
    await until(lambda: names[5] in world.started)
    for gate in world.gate.values():
        gate.set()
    assert (await handle.result()).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("borne", "failing", "status"),
    [("0", 1, RunStatus.FAILED), ("2", 2, RunStatus.SUCCEEDED), ("2", 3, RunStatus.FAILED),
     ("'49%'", 2, RunStatus.SUCCEEDED), ("'49%'", 3, RunStatus.FAILED)],
)  # fmt: skip
async def test_a_loop_stops_once_failures_exceed_what_is_borne(
    runs: Runs, world: World, borne: str, failing: int, status: RunStatus
) -> None:
    """One rule for numbers and percentages: 49 % of six items are two. A failed item is put back by itself."""
    world.fails = {f"drain.{index}.mend": [fault()] for index in range(failing)}
    run = await runs.run(DRAIN % (1, borne, "false"))
    assert run.status is status
    if status is RunStatus.SUCCEEDED:
        assert run.steps[0].output["failed"] == failing
        assert world.paths("undo") == [f"drain.{index}.stop" for index in range(failing)]
        assert len(world.effects) == 2 * (6 - failing)
    else:
        assert f"drain.{failing}.stop" not in world.paths("do")
        assert world.effects == []


async def test_no_items(runs: Runs) -> None:
    """An empty list is a mistake unless the author says that it is none; so is a list that is none."""
    empty = (DRAIN % (1, 0, "false")).replace("[a, b, c, d, e, f]", "[]")
    assert (await runs.run(empty)).reason == "step 'drain' failed: there are no items"
    run = await runs.run(empty.replace("      as: host", "      as: host\n      on_empty: skip"))
    assert status_of(run) == {"drain": "skipped"}
    run = await runs.run((DRAIN % (1, 0, "false")).replace('"{{ params.hosts }}"', '"{{ incident.id }}"'))
    assert "its items are no list" in (run.reason or "")


async def test_failed_items_can_be_retried(runs: Runs, world: World) -> None:
    """A retry of the loop runs what failed or did not begin, and nothing else."""
    world.fails = {"drain.1.mend": [fault("disk full"), None]}
    text = (DRAIN % (1, 0, "false")).replace("    foreach:", "    on_failure: pause\n    foreach:")
    handle = await runs.begin(text, skipping=False)
    run = await asks(handle)
    assert "disk full" in (run.waiting_for or "")
    assert world.paths("undo") == ["drain.1.stop"]
    await tell(handle, "retry", path="drain", reason="mended the disk")
    assert (await handle.result()).status is RunStatus.SUCCEEDED
    done = world.paths("do")
    assert done.count("drain.0.stop") == 1
    assert done.count("drain.1.stop") == 2
    assert len(world.effects) == 12


async def test_a_later_failure_undoes_all_items(runs: Runs, world: World) -> None:
    """What is kept of items that went well is enough to undo them, newest first."""
    world.fails = {"after": [fault()]}
    run = await runs.run(DRAIN % (3, 0, "false") + "  - {id: after, action: do}\n")
    assert run.status is RunStatus.FAILED
    assert world.effects == []
    assert len(world.paths("undo")) == 12
    undo = next(request for request in world.requests if request.key.endswith("drain.2.stop/undo"))
    assert undo.parameters == {"host": "c"}


async def test_a_custom_undo_in_a_loop_knows_its_item(runs: Runs, world: World) -> None:
    """An undo with expressions is rendered for the item whose effect it takes back."""
    world.fails = {"after": [fault()]}
    await runs.run("""
steps:
  - id: each
    foreach:
      items: [x, y]
      steps:
        - {id: one, action: do.plain, undo: {action: do.plain, with: {back: "{{ item }} {{ output.path }}"}}}
  - {id: after, action: do}
""")
    undone = [request.parameters["back"] for request in world.requests if request.key.endswith("/undo")]
    assert undone == ["y each.1.one", "x each.0.one"]


# --- switch ---

CHOOSE = """
parameters: {size: {type: integer, default: 2}}
steps:
  - id: choose
    switch:
      cases:
        - {if: "{{ params.size > 8 }}", steps: [{id: large, action: do}]}
        - {if: "{{ params.size > 4 }}", steps: [{id: middle, action: do}]}
      default: [{id: small, action: do}]
  - id: last
    action: do
    with: {was: "{{ steps.small.status }}"}
"""


@pytest.mark.parametrize(("size", "taken"), [(9, "case-1.large"), (5, "case-2.middle"), (2, "default.small")])
async def test_the_first_case_that_holds_is_taken(runs: Runs, world: World, size: int, taken: str) -> None:
    """And only that one; the others are shown as skipped."""
    run = await runs.run(CHOOSE, parameters={"size": size})
    assert run.status is RunStatus.SUCCEEDED
    assert world.paths("do") == [f"choose.{taken}", "last"]
    assert list(status_of(run).values()).count("skipped") == 2
    assert run.steps[0].output == {"case": taken.split(".", maxsplit=1)[0]}


async def test_without_a_case_nothing_is_done(runs: Runs, world: World) -> None:
    """No case, no default: the step is skipped; a condition that is no truth value fails it."""
    text = "steps:\n  - {id: c, switch: {cases: [{if: '%s', steps: [{id: x, action: do}]}]}}"
    assert status_of(await runs.run(text % "{{ run.drill }}")) == {"c": "skipped", "c.case-1.x": "skipped"}
    assert "neither true nor false" in ((await runs.run(text % "{{ run.id }}")).reason or "")
    assert world.log == []


# --- nested runbooks ---

CHILD = """
schema_version: 1
name: child
title: The child
owner: sre
parameters: {target: {}, times: {type: integer, default: 1}}
steps:
  - {id: one, action: do, with: {target: "{{ params.target }}", by: "{{ run.runbook }}"}}
  - {id: two, action: do, with: {was: "{{ steps.one.output.path }}"}}
finally:
  - {id: tidy, action: do.plain, with: {target: "{{ params.target }}"}}
outputs: {path: "{{ steps.two.output.path }}"}
"""
PARENT = """
steps:
  - {id: one, action: do}
  - {id: inner, runbook: {name: child, parameters: {target: "{{ steps.one.output.path }}"}}}
  - {id: last, action: do, with: {was: "{{ steps.inner.output.path }}"}}
finally:
  - {id: end, action: do.plain}
"""


async def test_a_nested_runbook_runs_as_steps_of_its_own_name(runs: Runs, world: World) -> None:
    """It knows its parameters and its steps, gives its outputs, and its final steps come last but before the run's."""
    run = await runs.run(PARENT, others=[CHILD])
    assert run.status is RunStatus.SUCCEEDED
    assert world.paths("do") == ["one", "inner.one", "inner.two", "last", "inner.tidy", "end"]
    given = {request.key.split("/")[4]: request.parameters for request in world.requests}
    assert given["inner.one"] == {"target": "one", "by": "child"}
    assert given["inner.two"] == {"was": "inner.one"}
    assert given["last"] == {"was": "inner.two"}


async def test_a_failure_inside_is_undone_across_runbooks(runs: Runs, world: World) -> None:
    """Undo knows no border: what the nested runbook did goes first, then what was done before it; then the finals."""
    world.fails = {"inner.two": [fault()]}
    run = await runs.run(PARENT, others=[CHILD])
    assert run.status is RunStatus.FAILED
    assert world.paths("undo") == ["inner.one", "one"]
    assert world.paths("do")[-2:] == ["inner.tidy", "end"]
    assert run.steps[0].path == "one"


async def test_wrong_parameters_fail_the_step(runs: Runs, world: World) -> None:
    """What an expression gives is held to the nested runbook's types when it is known."""
    text = PARENT.replace('target: "{{ steps.one.output.path }}"', "target: x, times: '{{ run.id }}'")
    run = await runs.run(text, others=[CHILD])
    assert "parameter 'times': must be of type integer" in (run.reason or "")
    assert world.paths("undo") == ["one"]


async def test_nested_in_a_loop_in_a_branch(runs: Runs, world: World) -> None:
    """Blocks nest; every step keeps a path, a key and an undo of its own."""
    world.fails = {"last": [fault()]}
    run = await runs.run(
        """
steps:
  - id: both
    parallel:
      branches:
        left:
          - id: each
            foreach:
              items: [x, y]
              max_concurrency: 2
              steps: [{id: inner, runbook: {name: child, parameters: {target: "{{ item }}"}}}]
        right: [{id: r1, action: do}]
  - {id: last, action: do}
""",
        others=[
            CHILD.replace('finally:\n  - {id: tidy, action: do.plain, with: {target: "{{ params.target }}"}}\n', "")
        ],
    )
    assert run.status is RunStatus.FAILED
    assert {"both.left.each.0.inner.one", "both.left.each.1.inner.two", "both.right.r1"} <= set(world.paths("do"))
    assert world.effects == []


# --- approvals and stops inside blocks ---


async def test_an_approval_covers_a_whole_block(runs: Runs, world: World) -> None:
    """What is shown are the steps inside as they will run, the items of a loop, and the digest of a nested runbook."""
    handle = await runs.begin(
        """
parameters: {hosts: {type: list, default: [a, b]}}
steps:
  - {id: yes, approval: {covers: [both, inner], approvers: [sre]}}
  - id: both
    parallel:
      branches:
        left: [{id: l1, action: do, with: {n: "{{ params.hosts[0] }}"}}]
        right:
          - {id: each, foreach: {items: "{{ params.hosts }}", steps: [{id: x, action: do, with: {h: "{{ item }}"}}]}}
  - {id: inner, runbook: {name: child, parameters: {target: shop}}}
""",
        skipping=False,
        others=[CHILD],
    )
    await vote(handle)
    run = await handle.result()
    assert run.status is RunStatus.SUCCEEDED, run.reason
    approval = await handle.query(RunbookRun.approval, f"{run.id}:yes")
    assert approval is not None
    shown = {each["path"]: each for each in approval.shown["steps"]}
    assert shown["both.left.l1"]["with"] == {"n": "a"}
    assert shown["both.right.each"]["foreach"]["items"] == ["a", "b"]
    assert shown["inner"]["parameters"] == {"target": "shop", "times": 1}
    assert shown["inner"]["runbook"]["digest"]
    assert world.paths("do")[0].startswith("both.")


async def test_a_refused_block_touches_nothing(runs: Runs, world: World) -> None:
    """Neither branch of a block that was not approved does anything, even where the refusal is passed over."""
    handle = await runs.begin(
        """
steps:
  - {id: yes, approval: {covers: [both], approvers: [sre]}, on_failure: continue}
  - {id: both, on_failure: continue, parallel: {branches: {a: [{id: a1, action: do}], b: [{id: b1, action: do}]}}}
""",
        skipping=False,
    )
    await vote(handle, decision="reject")
    await handle.result()
    assert world.log == []


async def test_an_approval_inside_a_branch_holds_up_that_branch_only(runs: Runs, world: World) -> None:
    """The other branch goes on; the approval has an id of its own."""
    handle = await runs.begin(
        """
steps:
  - id: both
    parallel:
      branches:
        left: [{id: ok, approval: {approvers: [sre]}}, {id: l1, action: do}]
        right: [{id: r1, action: do}]
""",
        skipping=False,
    )
    await seen(handle, "both.right.r1", StepStatus.SUCCEEDED)
    assert world.paths("do") == ["both.right.r1"]
    await vote(handle, "both.left.ok")
    assert (await handle.result()).status is RunStatus.SUCCEEDED


async def test_histories_of_blocks_replay(runs: Runs, world: World) -> None:
    """What was recorded decides the same again, with lines side by side, losers and undo."""
    world.fails = {"drain.4.mend": [fault()]}
    handles = [
        await runs.begin(DRAIN % (3, 0, "false")),
        await runs.begin(BOTH),
        await runs.begin(PARENT, others=[CHILD]),
    ]
    for handle in handles:
        await handle.result()
        await replayer([RunbookRun]).replay_workflow(await handle.fetch_history())
