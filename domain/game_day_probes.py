"""What probes and stop conditions have said so far, and what that means together. Pure.

Called by `workflows/game_days/`. The one thing to know: a probe that cannot be told holds neither yes nor no, and a
stop condition that cannot be told is met, unless its document says otherwise.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from domain.model import Model
from domain.tolerance import Tolerance, within


class Seen(Model):
    """What was seen of the steady state; `holds` None: it cannot be told."""

    holds: bool | None
    detail: str = ""


class ProbeRun(Model):
    """One probe, or one probe at one target."""

    id: str
    title: str = ""
    target: str | None = None
    mode: str
    weight: int = 1
    # So many wrong answers in a row count as one.
    failures: int = 1
    # While the fault was there: how often it was asked and how often it held.
    asked: int = 0
    held: int = 0
    in_row: int = 0
    # None: not asked yet, or it could not be told.
    holds: bool | None = None
    detail: str = ""
    at: datetime | None = None
    broke_at: datetime | None = None
    # Answers that could not be told.
    untold: int = 0

    @property
    def key(self) -> str:
        """Unique in the game day."""
        return f"{self.id}/{self.target}" if self.target else self.id

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.id} of {self.target}" if self.target else self.id


class StopRun(Model):
    """One stop condition."""

    id: str
    title: str = ""
    asked: int = 0
    in_row: int = 0
    detail: str = ""
    at: datetime | None = None
    met_at: datetime | None = None


def read_answer(tolerance: Tolerance | None, holds: bool | None, detail: str, output: Mapping[str, Any]) -> Seen:
    """What a check's answer means for a probe."""
    if tolerance is None:
        return Seen(holds=holds, detail=detail)
    read = within(tolerance, dict(output))
    if read.holds is None:
        # Nothing came back to be compared: a target that is down does not hold, a doubt stays one.
        return Seen(holds=False if holds is False else None, detail=detail or read.detail)
    return Seen(holds=read.holds, detail=read.detail)


def has_no_data(holds: bool | None, output: Mapping[str, Any]) -> bool:
    """Whether the source of a stop condition said nothing: no answer, or an answer without data."""
    return holds is None or output.get("missing") is True or ("status" in output and output["status"] is None)


def fold(run: ProbeRun, seen: Seen, now: datetime, *, counts: bool) -> ProbeRun:
    """Take an answer in; `counts`: the fault is there, so it belongs to the score."""
    in_row = 0 if seen.holds is not False else run.in_row + 1
    # A single wrong answer may be chance where the document says so; until then the probe holds as before.
    is_broken = in_row >= run.failures
    holds = False if is_broken else (run.holds if seen.holds is False else seen.holds)
    update: dict[str, Any] = {"in_row": in_row, "holds": holds, "detail": seen.detail, "at": now}
    if counts:
        update |= {"asked": run.asked + 1, "held": run.held + (seen.holds is True)}
        update["untold"] = run.untold + (seen.holds is None)
        if is_broken and run.broke_at is None:
            update["broke_at"] = now
    return run.model_copy(update=update)


def steady(runs: Iterable[ProbeRun]) -> Seen:
    """All together: one that does not hold decides, and one that cannot be told leaves a doubt."""
    last = Seen(holds=None, detail="no probe was asked")
    untold: Seen | None = None
    for run in runs:
        last = Seen(holds=run.holds, detail=run.detail)
        if run.holds is False:
            return last
        if run.holds is None:
            untold = untold or last
    return untold or last


def judge_stop(
    run: StopRun, trouble: bool | None, detail: str, now: datetime, *, times: int, stop_on_no_data: bool
) -> StopRun:
    """Take an answer of a stop condition in; `trouble` None: no data."""
    is_bad = stop_on_no_data if trouble is None else trouble
    in_row = run.in_row + 1 if is_bad else 0
    told = detail if trouble is not None else f"no data: {detail}" if detail else "no data"
    update: dict[str, Any] = {"asked": run.asked + 1, "in_row": in_row, "detail": told, "at": now}
    if in_row >= times and run.met_at is None:
        update["met_at"] = now
    return run.model_copy(update=update)
