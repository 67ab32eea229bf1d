"""What `hotwash doctor` says of each machine's sweep for faults that are left over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.fault_sweep import LeftOver, SweepState
from workers.sweep_diagnosis import look_of

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(minutes=4)
REVERTED = LeftOver(key="k", action="disk.fill", what="a disk is full", is_clean=True, detail="removed", by="sweep")
STUCK = REVERTED.model_copy(update={"is_clean": False, "detail": "rm: not permitted"})


@pytest.mark.parametrize(
    ("fields", "words", "mend", "is_problem"),
    [
        ({}, "db1: never swept yet, nothing was left over so far", "", False),
        ({"swept_at": BEFORE}, "db1: last swept at 2026-11-28 08:56:00 UTC, nothing was left over so far", "", False),
        ({"swept_at": NOW, "found": (REVERTED,), "found_at": BEFORE}, "took up: a disk is full (disk.fill)", "", False),
        # What could not be reverted, and the sweep after it that found it gone.
        ({"swept_at": NOW, "found": (REVERTED, STUCK), "found_at": NOW}, "still left over: a disk", "target", True),
        ({"swept_at": NOW, "found": (STUCK,), "found_at": BEFORE}, "took up: a disk is full", "", False),
        ({"swept_at": BEFORE, "silent_since": BEFORE}, "has answered since 2026-11-28 08:56", "gone for good", False),
        ({"swept_at": BEFORE, "problem": "no such folder"}, "the next one failed: no such folder", "log", False),
        ({"swept_at": NOW - timedelta(minutes=11)}, "which is long ago", "start 'hotwash worker'", False),
    ],
)  # fmt: skip
def test_each_state_in_words(fields: dict[str, Any], words: str, mend: str, is_problem: bool) -> None:
    """With how to mend it; only what is left over makes doctor fail."""
    look = look_of(SweepState(machine="db1", **fields), NOW)
    assert words in look.detail
    assert (mend in look.mend, bool(look.mend), look.is_problem) == (True, bool(mend), is_problem)
