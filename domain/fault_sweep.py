"""The sweep of one machine: faults that are left over there, found and reverted every few minutes. Pure.

Kept by the workflow `FaultSweep`, one per machine that has a steps worker; shown by `hotwash doctor`. The one thing to
know: it is the third way out, behind the undo and the watchdog of each lease, and finds nothing on a good day.
"""

from datetime import datetime, timedelta

from domain.model import Model

# A machine whose worker has not answered for so long is gone for good, or will start its sweep anew when it is back.
_GONE_AFTER = timedelta(days=1)


class LeftOver(Model):
    """A fault that was found left over; what `activities.leases.Residue` says of it."""

    key: str
    action: str
    what: str
    # Whether it is gone now. False: `detail` says what a person has to look at.
    is_clean: bool
    detail: str
    by: str | None = None
    at: datetime | None = None


class SweepState(Model):
    """What is known; the answer of the query `view`."""

    machine: str
    # Of its worker; None: it serves none in particular.
    site: str | None = None
    # When a sweep was last carried out there; None: never yet.
    swept_at: datetime | None = None
    # What the last one that found something has found, and when that was.
    found: tuple[LeftOver, ...] = ()
    found_at: datetime | None = None
    # Since when no worker of that machine has answered; None: it answers.
    silent_since: datetime | None = None
    # Why the newest one was not carried out; empty: it was.
    problem: str = ""

    @property
    def left(self) -> tuple[LeftOver, ...]:
        """What is still there, as far as the last sweep saw."""
        return tuple(each for each in self.found if not each.is_clean) if self.found_at == self.swept_at else ()


class FaultSweepStart(Model):
    """The input of the `FaultSweep` workflow."""

    machine: str
    site: str | None = None
    # Carried by continue-as-new only.
    state: SweepState | None = None


def swept(state: SweepState, found: tuple[LeftOver, ...], now: datetime) -> SweepState:
    """A sweep was carried out."""
    news = {"found": found, "found_at": now} if found else {}
    return state.model_copy(update={"swept_at": now, "silent_since": None, "problem": "", **news})


def not_swept(state: SweepState, problem: str, now: datetime, *, was_taken: bool) -> SweepState:
    """It failed, or nobody there took it."""
    silent_since = None if was_taken else state.silent_since or now
    return state.model_copy(update={"silent_since": silent_since, "problem": problem})


def is_gone(state: SweepState, now: datetime) -> bool:
    """Whether nobody is there any more whose faults could be swept."""
    return state.silent_since is not None and now - state.silent_since >= _GONE_AFTER
