"""What follows from an attempt, from a failed step and from an operator's command, as tables."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejected
from domain.run import (
    Idempotency,
    OnFailure,
    OnUnknown,
    PauseRun,
    ResumeRun,
    Retry,
    RunbookReference,
    RunState,
    RunStatus,
    SkipStep,
    StepKind,
    StepState,
    StepStatus,
    StopRun,
)
from domain.run_decisions import (
    MAX_VANISHED,
    VANISHED_PAUSE,
    Attempt,
    Desk,
    Ending,
    Next,
    Rules,
    RunNext,
    Tried,
    Verdict,
    after_attempt,
    after_check,
    after_step,
    backoff,
    demand_possible,
    status_of,
    undo_order,
)
from domain.timeline import person

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SAFE = (Idempotency.IDEMPOTENT, Idempotency.KEYED)


def decide(ending: Ending, how: Idempotency, tried: Tried | None = None, **rules: object) -> tuple[Next, str]:
    """The decision about a retryable attempt and its reason."""
    attempt = Attempt(ending=ending, retryable=True)
    decision = after_attempt(attempt, tried or Tried(failed=1), Rules(idempotency=how, **rules), NOW)
    return decision.next, decision.reason


@pytest.mark.parametrize(
    ("ending", "safe", "once"),
    [
        (Ending.SUCCEEDED, (Next.SUCCEED, "done"), (Next.SUCCEED, "done")),
        (Ending.FAILED, (Next.FAIL, "failed"), (Next.FAIL, "failed")),
        (Ending.TIMED_OUT, (Next.TIME_OUT, "timed_out"), (Next.FIND_OUT, "timed_out_outcome_unknown")),
        (Ending.VANISHED, (Next.RETRY, "worker_vanished_retry"), (Next.FIND_OUT, "vanished_outcome_unknown")),
        (Ending.UNKNOWN, (Next.FIND_OUT, "outcome_unknown"), (Next.FIND_OUT, "outcome_unknown")),
        (Ending.CANCELLED, (Next.CANCEL, "stopped"), (Next.CANCEL, "stopped")),
    ],
)
def test_every_ending_has_its_answer(ending: Ending, safe: tuple[Next, str], once: tuple[Next, str]) -> None:
    """What may not be done twice is never done twice on a guess."""
    for how in SAFE:
        assert decide(ending, how) == safe
    assert decide(ending, Idempotency.AT_MOST_ONCE) == once


def test_the_authors_attempts_are_used_up_by_failures_only() -> None:
    """A vanished worker costs none of them, but five in a row are a question for a person."""
    three = Retry(max_attempts=3)
    for failed in (1, 2):
        assert decide(Ending.FAILED, SAFE[0], Tried(failed=failed), retry=three) == (Next.RETRY, "failed_retry")
    assert decide(Ending.FAILED, SAFE[0], Tried(failed=3), retry=three) == (Next.FAIL, "attempts_exhausted")
    for vanished in range(1, MAX_VANISHED):
        assert decide(Ending.VANISHED, SAFE[0], Tried(vanished=vanished))[0] is Next.RETRY
    assert decide(Ending.VANISHED, SAFE[0], Tried(vanished=MAX_VANISHED)) == (Next.FIND_OUT, "workers_keep_vanishing")


def test_a_refusal_is_not_repeated() -> None:
    """Whatever the author allows."""
    attempt = Attempt(ending=Ending.FAILED, retryable=False)
    rules = Rules(idempotency=Idempotency.IDEMPOTENT, retry=Retry(max_attempts=9))
    assert after_attempt(attempt, Tried(failed=1), rules, NOW).reason == "refused"


def test_no_attempt_begins_after_the_deadline() -> None:
    """The pause before the next attempt counts."""
    retry = Retry(max_attempts=9, interval=timedelta(seconds=5))
    late, soon = NOW + timedelta(seconds=5), NOW + timedelta(seconds=6)
    assert decide(Ending.FAILED, SAFE[0], retry=retry, deadline_at=late) == (Next.TIME_OUT, "deadline_passed")
    assert decide(Ending.FAILED, SAFE[0], retry=retry, deadline_at=soon)[0] is Next.RETRY
    assert decide(Ending.VANISHED, SAFE[0], deadline_at=NOW + VANISHED_PAUSE) == (Next.FIND_OUT, "deadline_passed")


@given(
    failed=st.integers(1, 100), factor=st.floats(1, 100), seconds=st.integers(0, 10_000), most=st.integers(0, 10_000)
)
def test_pauses_grow_and_are_bounded(failed: int, factor: float, seconds: int, most: int) -> None:
    """However often and however steeply, a pause never shrinks and never exceeds its limit."""
    retry = Retry(interval=timedelta(seconds=seconds), backoff=factor, max_interval=timedelta(seconds=most))
    pause = backoff(retry, failed)
    assert timedelta() <= pause <= retry.max_interval
    assert backoff(retry, failed + 1) >= pause


def test_a_check_decides_what_is_in_doubt() -> None:
    """Three answers, three verdicts."""
    assert [after_check(holds) for holds in (True, False, None)] == [Verdict.DONE, Verdict.NOT_DONE, Verdict.ASK]


def test_a_failed_step_does_to_the_run_what_its_author_says() -> None:
    """And an unknown outcome is never passed over, not even by `continue`."""
    expected = {
        OnFailure.ABORT: RunNext.END,
        OnFailure.CONTINUE: RunNext.GO_ON,
        OnFailure.PAUSE: RunNext.ASK,
        OnFailure.ROLLBACK: RunNext.END_AND_UNDO,
    }
    for on_failure, verdict in expected.items():
        assert after_step(StepStatus.FAILED, on_failure, OnUnknown.CHECK) is verdict
        assert after_step(StepStatus.TIMED_OUT, on_failure, OnUnknown.CHECK) is verdict
        assert after_step(StepStatus.SKIPPED, on_failure, OnUnknown.CHECK) is RunNext.GO_ON
        assert after_step(StepStatus.UNKNOWN, on_failure, OnUnknown.CHECK) is RunNext.ASK
        assert after_step(StepStatus.UNKNOWN, on_failure, OnUnknown.ABORT) is RunNext.END


@given(st.lists(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_undo_goes_newest_first_and_each_once(happened: list[str], undone: set[str]) -> None:
    """By the last time that each came about."""
    order = undo_order(happened, undone)
    assert set(order) == set(happened) - undone
    last = {path: index for index, path in enumerate(happened)}
    assert [last[path] for path in order] == sorted((last[path] for path in order), reverse=True)


def _run(status: RunStatus, **steps: StepStatus) -> RunState:
    return RunState(
        id="r", incident_id="i", runbook=RunbookReference(name="mend", version="1", digest="d"), title="t",
        status=status, requested_by=person("ann"), started_at=NOW,
        steps=tuple(StepState(id=name, path=name, kind=StepKind.ACTION, status=each) for name, each in steps.items()),
    )  # fmt: skip


def test_a_run_stands_where_its_steps_and_people_put_it() -> None:
    """What needs a person comes first, then pause, undo, waiting."""
    waiting = _run(RunStatus.RUNNING, a=StepStatus.WAITING).steps
    unknown = _run(RunStatus.RUNNING, a=StepStatus.UNKNOWN).steps
    assert status_of(unknown, is_paused=True, is_undoing=False, asks={"a": "?"}) is RunStatus.NEEDS_HUMAN
    assert status_of(waiting, is_paused=True, is_undoing=False, asks={}) is RunStatus.PAUSED
    assert status_of(waiting, is_paused=False, is_undoing=True, asks={}) is RunStatus.UNDOING
    assert status_of(waiting, is_paused=False, is_undoing=False, asks={}) is RunStatus.WAITING
    assert status_of((), is_paused=False, is_undoing=False, asks={}) is RunStatus.RUNNING


def test_commands_that_are_not_possible_are_refused_with_what_is() -> None:
    """A run that is over, that puts things back, or that is not paused says so."""
    bob = person("bob")
    running = _run(RunStatus.RUNNING, a=StepStatus.RUNNING)
    refused = [
        (_run(RunStatus.SUCCEEDED), StopRun(by=bob, reason="x"), Desk(), "start a new one"),
        (running, StopRun(by=bob, reason="x"), Desk(is_unwinding=True), "putting things back"),
        (running, PauseRun(by=bob, reason=" "), Desk(), "say why"),
        (running, PauseRun(by=bob, reason="x"), Desk(is_paused=True), "paused already"),
        (running, ResumeRun(by=bob, reason="x"), Desk(), "not paused"),
        (running, ResumeRun(by=bob), Desk(is_paused=True), "say why"),
        (running, SkipStep(by=bob, path="a", reason="x"), Desk(), "only what waits or has not begun"),
        (running, SkipStep(by=bob, path="b", reason="x"), Desk(), "it has a"),
    ]
    for run, command, desk, words in refused:
        with pytest.raises(Rejected, match=words):
            demand_possible(run, command, desk)
    demand_possible(running, PauseRun(by=bob, reason="look"), Desk())
    demand_possible(running, ResumeRun(by=bob, reason="looked"), Desk(is_paused=True))
