"""The rules that make runs trustworthy (docs: runbooks, trust), one test each and named after it, on the real engine.

Everything is nested where it can be: a rule that holds only at the top is none.
"""

import asyncio
import json
from datetime import timedelta

from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment

from domain.message import Template
from domain.run import RunStatus, StepStatus
from runbooks.catalog import Catalog
from tests.support.engine import until
from tests.support.recording import Post, Record
from tests.support.runs import Handle, Runs, asks, ballot, refusal, seen, status_of, tell
from tests.support.steps import SPECS, World, fault

CHILD = """
schema_version: 1
name: child
title: The child
owner: sre
steps: [{id: gate, manual: {instructions: look}}, {id: one, action: do}, {id: two, action: do}]
"""
NESTS = "steps: [{id: inner, runbook: {name: child}}]"


async def test_rule_1_a_run_is_pinned_with_everything_it_nests(runs: Runs, world: World, tmp_path) -> None:
    """An edit of the nested file while the run waits does not reach it; its digest and the inner one are its own."""
    (tmp_path / "child.yaml").write_text(CHILD)
    (tmp_path / "mend.yaml").write_text(f"schema_version: 1\nname: mend\ntitle: Mend it\nowner: sre\n{NESTS}")
    catalog = Catalog([tmp_path], SPECS)
    pinned = catalog.pin("mend")
    handle = await runs.begin(NESTS, others=[CHILD], skipping=False, runbook=pinned)
    await seen(handle, "inner.gate", StepStatus.WAITING)
    (tmp_path / "child.yaml").write_text(CHILD.replace("id: two", "id: other"))
    await tell(handle, "complete", path="inner.gate")
    run = await handle.result()
    assert world.paths("do") == ["inner.one", "inner.two"]
    assert run.runbook.digest == pinned.reference.digest != catalog.pin("mend").reference.digest
    assert pinned.nested["child"].reference.digest != catalog.pin("mend").nested["child"].reference.digest


async def test_rule_2_the_key_is_workflow_path_and_iteration_never_the_attempt(runs: Runs, world: World) -> None:
    """Every attempt of a step of an item carries the same key; two items never share one."""
    away = fault("away", "Transient", retryable=True)
    world.fails = {"each.1.one": [away, away]}
    handle = await runs.begin("""
steps:
  - id: each
    foreach:
      items: [a, b]
      steps: [{id: one, action: do, retry: {max_attempts: 3}}]
""")
    await handle.result()
    keys = [request.key for request in world.requests]
    assert keys == [f"{handle.id}/each.0.one"] + [f"{handle.id}/each.1.one"] * 3
    assert [request.attempt for request in world.requests] == [1, 1, 2, 3]


async def test_rule_3_an_unknown_outcome_is_decided_by_its_check_or_by_a_person(runs: Runs, world: World) -> None:
    """A worker that vanished in the middle of an `at_most_once` step of a branch: never run again blindly."""
    world.hangs = {"both.l.known": 1, "both.r.once": 1}
    world.answers = {"both.l.known": [True]}
    handle = await runs.begin(
        """
steps:
  - id: both
    parallel:
      branches:
        l: [{id: known, action: do.known}]
        r: [{id: once, action: do.once}]
""",
        skipping=False,
    )
    await runs.env.fast_forward(handle, timedelta(seconds=11))
    run = await asks(handle)
    assert run.status is RunStatus.NEEDS_HUMAN
    assert status_of(run) == {"both": "running", "both.l.known": "succeeded", "both.r.once": "unknown"}
    await tell(handle, "complete", path="both.r.once", succeeded=True, note="I saw it")
    assert (await handle.result()).status is RunStatus.SUCCEEDED
    assert sorted(world.paths("do")) == ["both.l.known", "both.r.once"]


async def test_rule_4_an_approval_binds_to_what_was_shown(
    runs: Runs, world: World, post: Post, env: WorkflowEnvironment
) -> None:
    """Quorum, groups, no self-approval, reminders, escalation, the digest, expiry; each refusal says why."""
    text = """
steps:
  - id: yes
    approval: {covers: [each], approvers: [leads], min_approvals: 2, remind_every: 5m, expires_after: 30m,
               escalate_after: 12m, escalate_to: [sre]}
  - {id: each, foreach: {items: [a, b], steps: [{id: one, action: do, with: {v: "{{ item }}"}}]}}
"""
    people = {"groups": {"sre": ("ann", "bob", "cleo"), "leads": ("dora",)}}
    handle = await runs.begin(text, skipping=False, **people)
    paper = await ballot(handle)
    assert "not among the approvers" in await refusal(handle, "decide", "bob", **paper)
    assert "asked for this run" in await refusal(handle, "decide", "ann", **{**paper, "groups": ["leads"]})
    await tell(handle, "decide", "dora", **{**paper, "groups": ["leads"]})
    assert "already voted" in await refusal(handle, "decide", "dora", **{**paper, "groups": ["leads"]})
    await env.fast_forward(handle, timedelta(minutes=13))
    asked = [message.people for message in post.of(Template.APPROVAL_REQUEST)]
    # Dora has voted, so after the first message only those to whom it was escalated are asked.
    assert ("bob", "cleo") in asked
    assert world.log == []
    assert "is not what would run" in await refusal(handle, "decide", "bob", **{**paper, "digest": "sha256:0"})
    await tell(handle, "decide", "bob", **paper)
    assert (await handle.result()).status is RunStatus.SUCCEEDED
    late = await runs.begin(text, skipping=False, **people)
    paper = await ballot(late)
    await env.fast_forward(late, timedelta(minutes=31))
    run = await late.result()
    assert "expired after 30m with 0 of 2 approvals" in (run.reason or "")
    assert world.paths("do") == ["each.0.one", "each.1.one"]


async def test_rule_5_undo_goes_newest_first_once_nothing_is_under_way(runs: Runs, world: World) -> None:
    """After a failure, a stop and a cancellation, across branches, items and runbooks; a failed undo asks a person."""
    text = """
steps:
  - {id: first, action: do}
  - {id: each, foreach: {items: [a, b], steps: [{id: one, action: do}]}}
  - id: both
    parallel:
      branches:
        l: [{id: l1, action: do}, {id: l2, action: do}]
        r: [{id: r1, action: do}]
"""
    for how in ("fail", "stop", "cancel"):
        world.log.clear()
        world.started.clear()
        world.gate = {"both.l.l2": asyncio.Event(), "both.r.r1": asyncio.Event()}
        handle = await runs.begin(text, skipping=False)
        await until(lambda: {"both.l.l2", "both.r.r1"} <= set(world.started))
        if how == "fail":
            world.fails = {"both.r.r1": [fault()]}
            world.gate["both.r.r1"].set()
        elif how == "stop":
            await tell(handle, "stop", reason="wrong shop")
        else:
            await handle.cancel()
        await handle.result()
        assert world.effects == []
        undone = world.paths("undo")
        assert undone[-3:] == ["each.1.one", "each.0.one", "first"]
        # Of two branches either may have begun its effect later; of one branch the order is fixed.
        assert [path for path in undone if ".l." in path] == ["both.l.l2", "both.l.l1"]
        last_do = max(index for index, line in enumerate(world.log) if line.startswith("do "))
        assert last_do < min(index for index, line in enumerate(world.log) if line.startswith("undo "))
    world.gate, world.fails = {}, {"both.r.r1": [fault()]}
    world.undo_fails = {"each.1.one": [fault("stuck")]}
    handle = await runs.begin(text, skipping=False)
    run = await asks(handle)
    assert run.status is RunStatus.NEEDS_HUMAN
    assert status_of(run)["each.1.one"] == "undo_failed"
    assert "each.0.one" not in [line.split(" ")[1] for line in world.log[-3:] if line.startswith("undo")]
    await tell(handle, "retry", path="each.1.one", reason="freed it")
    assert (await handle.result()).status is RunStatus.FAILED
    assert world.effects == []


async def test_rule_6_what_was_changed_is_verified(runs: Runs, world: World) -> None:
    """A step of an item that does not hold follows `on_failure`: it is undone, and its loop has one failure more."""
    world.answers = {"each.0.one": [False], "each.1.one": [False, True]}
    run = await runs.run("""
steps:
  - id: each
    foreach:
      items: [a, b]
      max_errors: 1
      steps: [{id: one, action: do, verify: {action: look, within: 10s, every: 2s}}]
""")
    assert run.status is RunStatus.SUCCEEDED
    assert world.paths("undo") == ["each.0.one"]
    assert [key.split("/")[-1] for key in world.effects] == ["each.1.one"]
    assert "does not hold" in run.steps[0].output["failures"][0]["error"]


async def test_rule_7_operators_stay_in_control(runs: Runs, world: World, record: Record) -> None:
    """Stop starts nothing new within a second and cancels what can be; every order has a reason and its line."""
    names = [f"each.{index}.one" for index in range(20)]
    world.gate = {name: asyncio.Event() for name in names}
    handle = await runs.begin(
        """
steps:
  - id: each
    foreach: {items: "{{ params.items }}", max_concurrency: 5, steps: [{id: one, action: do}, {id: two, action: do}]}
parameters: {items: {type: list}}
""",
        skipping=False,
        parameters={"items": list(range(20))},
    )
    await until(lambda: len(world.started) == 5)
    assert "say why" in await refusal(handle, "stop", reason=" ")
    await tell(handle, "pause", reason="look first")
    world.gate[names[0]].set()
    await seen(handle, names[0], StepStatus.SUCCEEDED)
    await asyncio.sleep(0.1)
    # Paused, no further item and no further step has begun.
    assert len(world.started) == 5
    await tell(handle, "resume", reason="fine")
    await until(lambda: "each.0.two" in world.started)
    await tell(handle, "stop", reason="wrong hosts")
    started = len(world.started)
    run = await handle.result()
    assert run.status is RunStatus.STOPPED
    # Whatever was in flight was cancelled, though nobody opened its gate; nothing new began from then on.
    assert len(world.started) - started <= 1
    assert world.effects == []
    said = [entry.summary for entry in record.timeline(run.incident_id) if entry.actor.name == "bob"]
    assert said == [
        "bob pauses the run: look first", "bob resumes the run: fine", "bob stops the run: wrong hosts",
    ]  # fmt: skip


async def _text_of(handle: Handle) -> str:
    history: WorkflowHistory = await handle.fetch_history()
    return json.dumps(history.to_json_dict())


async def test_rule_8_outputs_are_capped_and_secrets_stay_references(runs: Runs, world: World, record: Record) -> None:
    """A secret goes through blocks and nested runbooks as its reference; what is shown of an output is short."""
    run = await runs.begin(
        """
parameters: {token: {type: secret, default: "env:HOTWASH_TEST_TOKEN"}, long: {default: ""}}
steps:
  - {id: inner, runbook: {name: child, parameters: {token: "{{ params.token }}"}}}
  - {id: big, action: do, with: {text: "{{ params.long }}"}}
""",
        others=[
            (
                "schema_version: 1\nname: child\ntitle: C\nowner: sre\nparameters: {token: {type: secret}}\n"
                'steps: [{id: one, action: do, with: {token: "{{ params.token }}"}}]\n'
            )
        ],
        parameters={"long": "x" * 20_000},
    )
    state = await run.result()
    given = {request.key.split("/")[4]: request.parameters for request in world.requests}
    assert given["inner.one"] == {"token": "env:HOTWASH_TEST_TOKEN"}
    big = next(step for step in state.steps if step.path == "big")
    assert big.output["truncated"].endswith("… [truncated]")
    assert len(json.dumps(big.output)) < 5_000
    refused = await runs.run(
        "parameters: {token: {type: secret}}\nsteps: [{id: one, action: do}]", parameters={"token": "hunter2"}
    )
    assert "given as a reference" in (refused.reason or "")
    assert "hunter2" not in (refused.reason or "")
    assert not any("hunter2" in line for line in record.sentences())
