"""The pure rules of fan-outs, joins, locks and freezes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejected
from domain.fan_out import Fan, Join, Progress, borne, has_failed, joined, may_start, width
from domain.freeze import active_freeze
from domain.lock import AcquireLock, BreakLock, LockCommand, LockState, ReleaseLock, RenewLock
from domain.lock_decisions import LINGER, Outcome, decide, expire, first_fencing, is_over
from domain.policy import Freeze
from domain.timeline import automation, person

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ME = automation("runbook:mend")


@pytest.mark.parametrize(
    ("max_errors", "total", "expected"), [(3, 10, 3), ("10%", 50, 5), ("10%", 25, 2), ("10%", 9, 0), ("0%", 9, 0)]
)
def test_a_percentage_is_rounded_down(max_errors: int | str, total: int, expected: int) -> None:
    """And the same rule holds for both: one failure more than is borne ends it."""
    fan = Fan(total=total, max_errors=max_errors)
    assert borne(fan) == expected
    assert not has_failed(fan, Progress(failed=expected))
    assert has_failed(fan, Progress(failed=expected + 1))


def test_a_ramp_doubles_with_each_wave() -> None:
    """1, 2, 4, … as each wave has succeeded, never more than the limit."""
    fan = Fan(total=100, max_concurrency=10, ramp=True)
    assert [width(fan, Progress(succeeded=n)) for n in (0, 1, 2, 3, 6, 7, 14, 15, 50)] == [1, 2, 2, 4, 4, 8, 8, 10, 10]


@given(st.integers(0, 40), st.integers(1, 9), st.integers(0, 9), st.booleans(), st.data())
def test_a_fan_out_never_runs_too_many_and_never_too_long(
    total: int, limit: int, errors: int, ramp: bool, data: st.DataObject
) -> None:
    """Never more than the limit at once, nothing begins once it has failed, and it ends, whatever succeeds."""
    fan = Fan(total=total, max_concurrency=limit, max_errors=errors, ramp=ramp)
    succeeded = failed = running = 0
    while True:
        progress = Progress(succeeded=succeeded, failed=failed, running=running)
        more = may_start(fan, progress)
        running += more
        assert running <= limit
        assert not (more and has_failed(fan, progress))
        if not running:
            break
        running -= 1
        if data.draw(st.booleans()):
            succeeded += 1
        else:
            failed += 1
    assert failed > errors or succeeded + failed == total
    assert failed <= errors + limit


def test_branches_join_or_never_will() -> None:
    """It is decided as early as it can be."""
    assert joined(Join(total=3), 3, 0) is True
    assert joined(Join(total=3), 1, 1) is False
    assert joined(Join(total=3, join="any"), 0, 2) is None
    assert joined(Join(total=3, join="any"), 0, 3) is False
    assert joined(Join(total=3, join=2), 1, 1) is None


def _acquire(holder: str, **fields: object) -> AcquireLock:
    return AcquireLock.model_validate({"by": ME, "holder": holder, **fields})


def _holder(outcome: Outcome) -> str | None:
    return outcome.state.grant.claim.holder if outcome.state.grant else None


def test_a_lock_is_given_in_turn_with_rising_numbers() -> None:
    """First come, first served; asking twice is asking once; each holder has a higher number than all before."""
    state = LockState(resource="shop", idle_since=NOW)
    first = decide(state, _acquire("a"), NOW)
    assert [(told.holder, told.news.fencing) for told in first.told] == [("a", 1)]
    second = decide(first.state, _acquire("b"), NOW)
    assert second.told[0].news.held_by == ME.name
    again = decide(second.state, _acquire("b"), NOW)
    assert [claim.holder for claim in again.state.queue] == ["b"]
    released = decide(again.state, ReleaseLock(by=ME, holder="a"), NOW)
    assert (_holder(released), released.state.fencing) == ("b", 2)
    free = decide(released.state, ReleaseLock(by=ME, holder="b"), NOW)
    assert not is_over(free.state, NOW)
    assert is_over(free.state, NOW + LINGER)


def test_who_does_not_wait_is_told_who_has_it() -> None:
    """`when_held: fail` leaves no claim behind."""
    held = decide(LockState(resource="shop"), _acquire("a"), NOW).state
    asked = decide(held, _acquire("b", queue=False), NOW)
    assert asked.state.queue == ()
    assert asked.told[0].news.held_by == ME.name


def test_a_silent_holder_loses_it_and_one_that_could_not_speak_does_not() -> None:
    """A lease runs out; but a timer that fires late was late because no worker was there."""
    lease = timedelta(minutes=5)
    state = decide(decide(LockState(resource="shop"), _acquire("a"), NOW).state, _acquire("b"), NOW).state
    renewed = decide(state, RenewLock(by=ME, holder="a"), NOW + timedelta(minutes=4)).state
    assert _holder(expire(renewed, NOW + lease)) == "a"
    lost = expire(renewed, NOW + timedelta(minutes=9))
    assert _holder(lost) == "b"
    assert [(told.holder, told.news.lost) for told in lost.told] == [("a", True), ("b", False)]
    assert _holder(expire(renewed, NOW + timedelta(minutes=20))) == "a"
    assert decide(lost.state, RenewLock(by=ME, holder="a"), NOW).told[0].news.lost


def test_a_person_breaks_a_lock_with_a_reason() -> None:
    """Only a person, only with a reason, and the one who had it hears of it."""
    state = decide(LockState(resource="shop"), _acquire("a"), NOW).state
    bob = person("bob")
    refused: list[LockCommand] = [
        BreakLock(by=ME, holder="a", reason="x"), BreakLock(by=bob, holder="a", reason=" "),
        BreakLock(by=bob, holder="b", reason="x"),
    ]  # fmt: skip
    for command in refused:
        with pytest.raises(Rejected):
            decide(state, command, NOW)
    broken = decide(state, BreakLock(by=bob, holder="a", reason="the run hangs"), NOW)
    assert "bob broke it: the run hangs" in broken.told[0].news.why


def test_a_later_lock_of_the_same_name_counts_on() -> None:
    """Numbers rise across the lives of a lock, because the next one begins at least the lingering later."""
    assert first_fencing(NOW + LINGER) > first_fencing(NOW) + 1_000_000 * 59


def test_a_freeze_applies_to_its_services_and_its_time() -> None:
    """From its first second to the one before its last."""
    freeze = Freeze.model_validate(
        {"name": "sale", "from": NOW, "until": NOW + timedelta(days=1), "applies_to": ["shop"]}
    )
    assert active_freeze([freeze], ["shop"], NOW) is freeze
    assert active_freeze([freeze], ["search"], NOW) is None
    assert active_freeze([freeze], ["shop"], NOW + timedelta(days=1)) is None
    everything = freeze.model_copy(update={"applies_to": ()})
    assert active_freeze([everything], [], NOW) is everything
    with pytest.raises(ValueError, match="ends before it begins"):
        Freeze.model_validate({"name": "x", "from": NOW, "until": NOW})
