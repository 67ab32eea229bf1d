"""`RunbookRun` on the real engine: what a run does, step by step, whatever goes wrong on the way."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.message import Template
from domain.record import ProjectionKind
from domain.run import RunStatus, StepStatus
from domain.timeline import EntryKind
from tests.support.engine import replayer, until
from tests.support.recording import Post, Record
from tests.support.runs import Handle, Runs, asks, ballot, refusal, seen, status_of, tell, vote
from tests.support.steps import World, fault
from workflows.runbook_run import RunbookRun

GOLDEN = Path(__file__).parent / "golden"
THREE = """
steps:
  - {id: one, action: do, with: {n: 1}}
  - {id: two, action: do.once}
  - {id: three, action: do.known}
"""
APPROVED = """
parameters: {target: {default: shop}}
steps:
  - {id: before, action: do}
  - id: yes
    approval: {covers: [risky], approvers: [sre], min_approvals: 1, message: "Touch {{ params.target }}?"}
  - {id: risky, action: do, with: {target: "{{ params.target }}", was: "{{ steps.before.output.path }}"}}
"""

Start = Callable[..., Awaitable[Handle]]


@pytest.fixture
def begin(runs: Runs) -> Start:
    """Start runs, each with an id of its own."""
    return runs.begin


async def test_steps_run_in_order_and_the_story_is_told(begin: Start, world: World, record: Record) -> None:
    """The golden timeline of a run in which everything goes well: each line once, in order, with its actor."""
    handle = await begin(APPROVED, skipping=False)
    await vote(handle, comment="go")
    run = await handle.result()
    assert run.status is RunStatus.SUCCEEDED
    assert world.paths("do") == ["before", "risky"]
    assert world.requests[-1].parameters == {"target": "shop", "was": "before"}
    _compare("approved", record, run.id)


async def test_a_failure_at_any_step_unwinds_to_the_start(begin: Start, world: World) -> None:
    """The law of undo: whichever step fails, in the end nothing is left, and undo went newest first."""
    names = ["one", "two", "three"]
    for index, name in enumerate(names):
        world.log.clear()
        world.fails = {name: [fault()]}
        run = await (await begin(THREE)).result()
        assert run.status is RunStatus.FAILED
        assert world.effects == []
        assert world.paths("undo") == names[:index][::-1]
        expected = ["undone"] * index + ["failed"] + ["skipped"] * (2 - index)
        assert list(status_of(run).values()) == expected
        assert name in (run.reason or "")


async def test_a_failed_verification_undoes_the_step_itself(begin: Start, world: World) -> None:
    """What was done but does not hold is taken back as well: its effect is there."""
    world.answers["two"] = [False]
    run = await (
        await begin("""
steps:
  - {id: one, action: do}
  - {id: two, action: do, verify: {action: look, within: 10m, every: 2m}}
""")
    ).result()
    assert run.status is RunStatus.FAILED
    assert world.paths("undo") == ["two", "one"]
    assert world.effects == []
    assert len(world.paths("check")) == 6


async def test_what_holds_after_a_while_is_verified(begin: Start, world: World) -> None:
    """Verification is patient for as long as the author says."""
    world.answers["one"] = [False, None, True]
    run = await (await begin("steps: [{id: one, action: do, verify: {action: look}}]")).result()
    assert run.status is RunStatus.SUCCEEDED


async def test_retries_follow_the_author_and_a_refusal_is_final(begin: Start, world: World) -> None:
    """Transient failures are tried again as often as written; what is refused is not."""
    world.fails = {"one": [fault("away", "Transient", retryable=True)] * 2, "two": [fault()]}
    run = await (
        await begin("""
steps:
  - {id: one, action: do, retry: {max_attempts: 3, interval: 1h}}
  - {id: two, action: do, retry: {max_attempts: 3}, on_failure: continue}
  - {id: three, action: do, if: "{{ steps.two.status == 'failed' }}"}
  - {id: four, action: do, if: "{{ steps.two.status == 'succeeded' }}"}
""")
    ).result()
    assert run.status is RunStatus.SUCCEEDED
    assert [step.attempts for step in run.steps] == [3, 1, 1, 0]
    assert status_of(run) == {"one": "succeeded", "two": "failed", "three": "succeeded", "four": "skipped"}


async def test_abort_leaves_what_was_done_and_finally_runs_on_every_exit(begin: Start, world: World) -> None:
    """`abort` undoes nothing; final steps run whatever happened, each of them, after any undo."""
    world.fails = {"two": [fault()], "clean": [fault()]}
    run = await (
        await begin("""
steps:
  - {id: one, action: do}
  - {id: two, action: do, on_failure: abort}
finally:
  - {id: clean, action: do.plain}
  - {id: tidy, action: do.plain}
""")
    ).result()
    assert run.status is RunStatus.FAILED
    assert world.paths("undo") == []
    assert status_of(run) == {"one": "succeeded", "two": "failed", "clean": "failed", "tidy": "succeeded"}


async def test_a_denied_approval_never_touches_the_target(begin: Start, world: World, record: Record) -> None:
    """One no is enough: what was covered is never performed, and what was done before is undone."""
    handle = await begin(APPROVED, skipping=False)
    await vote(handle, decision="reject", comment="not now")
    run = await handle.result()
    assert run.status is RunStatus.FAILED
    assert "risky" not in world.paths("do")
    assert world.effects == []
    assert "the target was not touched" in (run.reason or "")
    _compare("rejected", record, run.id)


async def test_an_approval_reminds_and_expires(
    begin: Start, env: WorkflowEnvironment, post: Post, record: Record
) -> None:
    """The right people are asked and reminded every five minutes; after thirty the run ends untouched."""
    handle = await begin(APPROVED, skipping=False)
    voting = await ballot(handle)
    await env.fast_forward(handle, timedelta(minutes=29, seconds=30))
    asked = post.of(Template.APPROVAL_REQUEST)
    assert len(asked) == 6
    # Ann asked for the run and cannot approve it.
    assert {message.people for message in asked} == {("bob", "cleo")}
    await env.fast_forward(handle, timedelta(minutes=1))
    run = await handle.result()
    assert len(post.of(Template.APPROVAL_REQUEST)) == 6
    assert run.status is RunStatus.FAILED
    assert status_of(run) == {"before": "undone", "yes": "timed_out", "risky": "skipped"}
    document = record.document(ProjectionKind.APPROVAL, str(voting["approval_id"]))
    assert document is not None
    assert document["state"] == "expired"


async def test_wrong_votes_are_refused_with_a_sentence(begin: Start, world: World) -> None:
    """Self-approval, another digest, a stranger and a second vote are refused; nothing runs before the quorum."""
    handle = await begin(APPROVED.replace("min_approvals: 1", "min_approvals: 2"), skipping=False)
    voting = await ballot(handle)
    assert "asked for this run" in await refusal(handle, "decide", "ann", **voting)
    assert "is not what would run" in await refusal(handle, "decide", **{**voting, "digest": "sha256:other"})
    assert "not among the approvers" in await refusal(handle, "decide", "dora", **{**voting, "groups": ["sales"]})
    assert "nobody asks" in await refusal(handle, "decide", **{**voting, "approval_id": "a.b.1:no"})
    await vote(handle)
    assert "already voted" in await refusal(handle, "decide", **voting)
    assert "risky" not in world.paths("do")
    await tell(handle, "decide", "cleo", **voting)
    assert (await handle.result()).status is RunStatus.SUCCEEDED


async def test_what_was_not_approved_does_not_run(begin: Start, world: World) -> None:
    """A covered step whose rendering changed after the approval is refused, and so is one whose approval failed."""
    handle = await begin(
        """
steps:
  - {id: first, action: look}
  - {id: yes, approval: {covers: [risky], approvers: [sre], expires_after: 10m}, on_failure: continue}
  - {id: risky, action: do, on_failure: continue}
  - {id: last, action: look}
""",
        skipping=False,
    )
    await vote(handle, decision="reject")
    run = await handle.result()
    assert run.status is RunStatus.SUCCEEDED
    assert world.paths("do") == ["first", "last"]
    risky = next(step for step in run.steps if step.path == "risky")
    assert risky.reason == "not_approved"


async def test_a_step_that_changes_after_its_approval_is_refused(begin: Start, world: World) -> None:
    """The approval binds: where what would run is no longer what was shown, it does not run.

    The lint refuses runbooks like this one; the run does not rely on it.
    """
    handle = await begin(
        """
steps:
  - {id: yes, approval: {covers: [risky], approvers: [sre]}}
  - {id: risky, action: do, with: {v: "{{ steps['yes'].status }}"}}
""",
        skipping=False,
        fit=False,
    )
    await vote(handle)
    run = await handle.result()
    assert run.status is RunStatus.FAILED
    assert "is not what was approved" in (run.reason or "")
    assert world.log == []


async def test_pause_resume_and_stop(begin: Start, world: World, record: Record) -> None:
    """Paused, nothing new starts; resumed, it goes on; stopped, the step in flight ends first, then all is undone."""
    world.gate = {"one": asyncio.Event(), "two": asyncio.Event()}
    handle = await begin(THREE, skipping=False)
    await seen(handle, "one", StepStatus.RUNNING)
    assert "say why" in await refusal(handle, "pause", reason=" ")
    await tell(handle, "pause", reason="look first")
    world.gate["one"].set()
    run = await seen(handle, "one", StepStatus.SUCCEEDED)
    assert run.status is RunStatus.PAUSED
    assert world.paths("do") == ["one"]
    await tell(handle, "resume", reason="fine")
    await until(lambda: "two" in world.started)
    await tell(handle, "stop", reason="wrong shop")
    run = await handle.result()
    assert run.status is RunStatus.STOPPED
    assert "three" not in world.paths("do")
    # Two was in the middle: it may have happened, so it is undone as well.
    assert world.paths("undo") == ["two", "one"]
    assert world.effects == []
    assert [entry.summary for entry in record.timeline(kind=EntryKind.RUN) if entry.actor.name == "bob"] == [
        "bob pauses the run: look first",
        "bob resumes the run: fine",
        "bob stops the run: wrong shop",
    ]


async def test_cancellation_through_the_engine_puts_everything_back(begin: Start, world: World) -> None:
    """A cancelled workflow is a stopped run: undo is shielded from the cancellation."""
    world.gate = {"two": asyncio.Event()}
    handle = await begin(THREE, skipping=False)
    await until(lambda: "two" in world.started)
    await handle.cancel()
    run = await handle.result()
    assert run.status is RunStatus.STOPPED
    assert world.paths("undo") == ["two", "one"]
    assert world.effects == []


async def test_a_run_that_takes_too_long_is_stopped_and_undone(begin: Start) -> None:
    """The runbook's own timeout ends a run that waits for somebody who never comes."""
    run = await (
        await begin("timeout: 2h\nsteps: [{id: one, action: do}, {id: hands, manual: {instructions: do it}}]")
    ).result()
    assert run.status is RunStatus.FAILED
    assert run.reason == "the run took longer than its timeout of 2h"
    assert status_of(run) == {"one": "undone", "hands": "cancelled"}


async def test_a_paused_failure_can_be_retried_skipped_or_overridden(begin: Start, world: World) -> None:
    """`on_failure: pause` asks a person; each answer carries a reason and does what it says."""
    world.fails = {"one": [fault(), None], "two": [fault()], "three": [fault()]}
    text = "\n".join(f"  - {{id: {name}, action: do, on_failure: pause}}" for name in ("one", "two", "three"))
    handle = await begin(
        f"steps:\n{text}\n  - {{id: four, action: look, with: {{v: '{{{{ steps.three.output.v }}}}'}}}}", skipping=False
    )
    run = await asks(handle)
    assert run.status is RunStatus.PAUSED
    assert "cleo: step 'one' failed" in (run.waiting_for or "")
    assert "retry, skip or override" in await refusal(handle, "resume", reason="fine")
    assert "no step 'nine'" in await refusal(handle, "retry", path="nine", reason="x")
    await tell(handle, "retry", path="one", reason="mended the disk")
    await seen(handle, "two", StepStatus.FAILED)
    await tell(handle, "skip", path="two", reason="not needed")
    await seen(handle, "three", StepStatus.FAILED)
    await tell(handle, "override", path="three", output={"v": 7}, reason="did it by hand")
    run = await handle.result()
    assert run.status is RunStatus.SUCCEEDED
    assert status_of(run) == {"one": "succeeded", "two": "skipped", "three": "succeeded", "four": "succeeded"}
    assert world.requests[-1].parameters == {"v": 7}


async def test_steps_ahead_can_be_skipped_or_given_their_output(begin: Start, world: World) -> None:
    """An order about a step that has not begun is kept until it is reached; an approval cannot be skipped."""
    world.gate = {"one": asyncio.Event()}
    handle = await begin(THREE, skipping=False)
    await until(lambda: "one" in world.started)
    await tell(handle, "skip", path="two", reason="no need")
    assert "just been decided" in await refusal(handle, "skip", path="two", reason="again")
    await tell(handle, "override", path="three", output={"x": 1}, reason="done elsewhere")
    world.gate["one"].set()
    run = await handle.result()
    assert status_of(run) == {"one": "succeeded", "two": "skipped", "three": "succeeded"}
    assert world.paths("do") == ["one"]
    approving = await begin(APPROVED, skipping=False)
    await ballot(approving)
    assert "approve or reject it" in await refusal(approving, "skip", path="yes", reason="in a hurry")


async def test_an_unknown_outcome_is_decided_by_the_check_or_by_a_person(begin: Start, world: World) -> None:
    """`at_most_once`: the check decides; without one a person is asked, and nothing is done twice on a guess."""
    doubt = fault("nobody knows", "UnknownOutcome")
    world.fails = {"one": [doubt], "two": [doubt], "three": [doubt, None]}
    world.answers = {"one": [True], "three": [False]}
    handle = await begin(
        """
steps:
  - {id: one, action: do.known}
  - {id: two, action: do.once}
  - {id: three, action: do.known}
""",
        skipping=False,
    )
    run = await asks(handle)
    assert run.status is RunStatus.NEEDS_HUMAN
    assert status_of(run)["one"] == "succeeded"
    assert "what became of it" in (run.waiting_for or "")
    await tell(handle, "complete", path="two", succeeded=True, note="I saw it in the log")
    run = await handle.result()
    assert run.status is RunStatus.SUCCEEDED
    assert [step.reason for step in run.steps] == ["check_says_done", "confirmed_by_person", "done"]
    # Three was done again only because its check said that it was not done.
    assert [request.confirmed_not_done for request in world.requests] == [False, False, False, True]


async def test_a_person_may_say_that_it_did_not_happen(begin: Start, world: World) -> None:
    """Then there is nothing to undo of it, and the run goes the way of a failed step."""
    world.fails = {"two": [fault("nobody knows", "UnknownOutcome")]}
    handle = await begin(THREE, skipping=False)
    await asks(handle)
    await tell(handle, "complete", path="two", succeeded=False, note="nothing in the log")
    run = await handle.result()
    assert run.status is RunStatus.FAILED
    assert world.paths("undo") == ["one"]


async def test_a_vanished_worker_costs_no_attempt_where_that_is_safe(begin: Start, world: World) -> None:
    """Idempotent: done again, though the author allows one attempt. At most once: unknown, and the check decides."""
    world.hangs = {"safe": 1, "known": 1}
    text = "steps: [{id: %s, action: %s}]"
    handles = [await begin(text % pair) for pair in (("safe", "do"), ("known", "do.known"))]
    safe, known = await asyncio.gather(*(handle.result() for handle in handles))
    assert safe.status is known.status is RunStatus.SUCCEEDED
    assert safe.steps[0].attempts == 2
    # The check found nothing done, so it was done.
    assert world.paths("check") == ["known"]
    assert sorted(world.paths("do")) == ["known", "known", "safe", "safe"]


async def test_a_short_timeout_does_not_make_a_dead_worker_a_failure(begin: Start, world: World) -> None:
    """Its time is up before three heartbeats are missed; five workers may die under a step, whatever its own limit."""
    world.hangs = {"safe": 3, "once": 1}
    text = "steps: [{id: %s, action: %s, timeout: 3s}]"
    safe = await (await begin(text % ("safe", "do"))).result()
    assert safe.status is RunStatus.SUCCEEDED, safe.reason
    assert safe.steps[0].attempts == 4
    once = await begin(text % ("once", "do.once"), skipping=False)
    asked = await asks(once)
    assert asked.status is RunStatus.NEEDS_HUMAN
    assert world.paths("do") == ["safe"] * 4 + ["once"]
    await once.terminate()


async def test_a_failed_undo_asks_a_person_before_older_steps_are_touched(begin: Start, world: World) -> None:
    """Shown as `undo_failed` and `needs_human`; retried, or done by hand, it goes on with the older ones."""
    world.fails = {"three": [fault()]}
    world.undo_fails = {"two": [fault("cannot", "Transient", retryable=True)] * 3 + [fault("no"), None], "one": []}
    handle = await begin(THREE)
    run = await asks(handle)
    assert run.status is RunStatus.NEEDS_HUMAN
    assert status_of(run) == {"one": "succeeded", "two": "undo_failed", "three": "failed"}
    assert world.paths("undo") == ["two"] * 3
    assert "putting things back" in await refusal(handle, "stop", reason="x")
    await tell(handle, "retry", path="two", reason="freed the disk")
    await until(lambda: len(world.paths("undo")) == 4)
    await asks(handle)
    await tell(handle, "complete", path="two", note="removed it by hand")
    run = await handle.result()
    assert run.status is RunStatus.FAILED
    assert status_of(run) == {"one": "undone", "two": "undone", "three": "failed"}


async def test_a_custom_undo_reads_the_output_of_its_step(begin: Start, world: World) -> None:
    """An undo of the author's own is an action under the key of its step, rendered when it is needed."""
    world.fails = {"two": [fault()]}
    await (
        await begin("""
steps:
  - {id: one, action: do.plain, undo: {action: do.plain, with: {back: "{{ output.path }}"}}}
  - {id: two, action: do}
""")
    ).result()
    assert world.requests[-1].key.endswith("/one/undo")
    assert world.requests[-1].parameters == {"back": "one"}


async def test_waiting_for_a_check_and_for_a_person(
    begin: Start, env: WorkflowEnvironment, world: World, post: Post
) -> None:
    """A wait ends when its check holds or its time is up; a manual step reminds until somebody says that it is done."""
    world.answers["ready"] = [False, False, True]
    handle = await begin(
        """
timeout: 7d
steps:
  - {id: rest, wait: {duration: 2d}}
  - {id: ready, wait: {until: {action: look}, duration: 1h, every: 10m}}
  - {id: hands, manual: {instructions: "plug {{ run.runbook }} in", assignee: sre, remind_every: 10m}}
""",
        skipping=False,
    )
    await env.fast_forward(handle, timedelta(days=2, minutes=45))
    await seen(handle, "hands", StepStatus.WAITING)
    assert len(world.paths("check")) == 3
    assert [message.people for message in post.of(Template.MANUAL_STEP)] == [("ann", "bob", "cleo")] * 3
    await tell(handle, "complete", path="hands", note="plugged in")
    run = await handle.result()
    assert run.status is RunStatus.SUCCEEDED
    assert run.steps[2].rendered == {"instructions": "plug mend in"}


async def test_a_wait_whose_check_never_holds_fails(begin: Start, world: World) -> None:
    """`duration` is how long at most."""
    world.answers["ready"] = [False]
    run = await (await begin("steps: [{id: ready, wait: {until: {action: look}, duration: 1h, every: 20m}}]")).result()
    assert run.steps[0].status is StepStatus.TIMED_OUT
    assert len(world.paths("check")) == 4


async def test_missing_parameters_end_the_run_before_anything_is_touched(begin: Start, world: World) -> None:
    """The sentence names what is missing and what was misspelt."""
    run = await (
        await begin("parameters: {target: {}}\nsteps: [{id: one, action: do}]", parameters={"tarjet": 1})
    ).result()
    assert run.status is RunStatus.FAILED
    assert "'target' is missing" in (run.reason or "")
    assert "did you mean 'target'" in (run.reason or "")
    assert world.log == []


async def test_an_expression_that_cannot_be_evaluated_fails_its_step(begin: Start, world: World) -> None:
    """With the sentence of the renderer; a condition must be true or false."""
    run = await (
        await begin("""
parameters: {x: {default: maybe}}
steps:
  - {id: one, action: do, with: {v: "{{ params.x * 9 }}"}, on_failure: continue}
  - {id: two, action: do, if: "{{ params.x }}", on_failure: continue}
""")
    ).result()
    assert [step.reason for step in run.steps] == ["not_rendered", "not_rendered"]
    assert "only numbers can be multiplied" in (run.steps[0].error or "")
    assert "neither true nor false" in (run.steps[1].error or "")
    assert world.log == []


async def test_histories_replay(begin: Start, world: World) -> None:
    """What was recorded decides the same again: approvals, retries, undo, a stop in the middle."""
    world.fails = {"three": [fault()]}
    failed = await begin(THREE)
    await failed.result()
    approved = await begin(APPROVED, skipping=False)
    await vote(approved)
    await approved.result()
    for handle in (failed, approved):
        await replayer([RunbookRun]).replay_workflow(await handle.fetch_history())


def _compare(name: str, record: Record, run_id: str) -> None:
    """The timeline is what the golden file says; delete the file to write it anew."""
    incident = run_id.split(".", maxsplit=1)[0]
    lines = [
        f"{entry.kind.value:9} {entry.actor.name:15} {entry.summary}"
        for entry in record.timeline(incident)
        if entry.kind is not EntryKind.REMINDER and "could not be told" not in entry.summary
    ]
    text = "\n".join(lines) + "\n"
    golden = GOLDEN / f"run-{name}.txt"
    if not golden.exists():
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
        pytest.fail(f"{golden} was not there and is written now; read it, then run again")
    assert text == golden.read_text()
