"""What is known of a machine's sweep after each of them, and when the machine is given up."""

from datetime import UTC, datetime, timedelta

from domain.fault_sweep import LeftOver, SweepState, is_gone, not_swept, swept

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
GONE = LeftOver(key="k", action="disk.fill", what="a disk is full", is_clean=True, detail="removed")
LEFT = GONE.model_copy(update={"key": "l", "is_clean": False, "detail": "rm: not permitted"})


def minute(number: int) -> datetime:
    """So many minutes later."""
    return NOW + timedelta(minutes=number)


def test_what_was_found_is_kept_and_what_is_left_is_of_the_last_sweep_only() -> None:
    """Until something else is found; a sweep that finds nothing says that all is gone."""
    state = swept(SweepState(machine="db1"), (GONE, LEFT), NOW)
    assert state.left == (LEFT,)
    after = swept(state, (), minute(5))
    assert (after.found, after.found_at, after.swept_at, after.left) == ((GONE, LEFT), NOW, minute(5), ())


def test_a_machine_that_is_silent_for_a_day_is_given_up() -> None:
    """Counted from the first time that nobody took it; an answer, also a bad one, begins it anew."""
    silent = not_swept(swept(SweepState(machine="db1"), (), NOW), "no worker took it", minute(5), was_taken=False)
    still = not_swept(silent, "no worker took it", minute(15), was_taken=False)
    assert (still.silent_since, still.swept_at) == (minute(5), NOW)
    assert not is_gone(still, minute(5 + 24 * 60 - 1))
    assert is_gone(still, minute(5 + 24 * 60))
    failed = not_swept(still, "the disk is broken", minute(20), was_taken=True)
    assert (failed.silent_since, failed.problem) == (None, "the disk is broken")
    assert not is_gone(failed, minute(9999))
    assert swept(failed, (), minute(25)).problem == ""
