"""How many of many: when a fan-out starts its next items, when it has failed, when branches have joined.

Called by `workflows/steps/foreach.py` and `parallel.py`. One rule for failures, whether they are counted or given as a
percentage: the fan-out stops once they EXCEED what is borne; a percentage of the items is rounded down.
"""

from typing import Literal

from domain.model import Model


class Fan(Model):
    """What the author says of a fan-out."""

    total: int
    max_concurrency: int = 1
    # A number, or `10%`.
    max_errors: int | str = 0
    ramp: bool = False


class Progress(Model):
    """How far it has got."""

    succeeded: int = 0
    failed: int = 0
    running: int = 0


def borne(fan: Fan) -> int:
    """How many items may fail: `10%` of 25 are 2."""
    if isinstance(fan.max_errors, int):
        return fan.max_errors
    return fan.total * int(fan.max_errors.removesuffix("%")) // 100


def has_failed(fan: Fan, progress: Progress) -> bool:
    """Whether more items have failed than are borne."""
    return progress.failed > borne(fan)


def width(fan: Fan, progress: Progress) -> int:
    """How many items may be under way at once: with a ramp 1, then 2, 4, … as each wave has succeeded."""
    if not fan.ramp:
        return fan.max_concurrency
    wide = 1
    # After waves of 1, 2 and 4 items, 7 have succeeded and 8 may run: a failed item holds the ramp where it is.
    while wide < fan.max_concurrency and progress.succeeded >= 2 * wide - 1:
        wide *= 2
    return min(wide, fan.max_concurrency)


def may_start(fan: Fan, progress: Progress) -> int:
    """How many further items may start now."""
    if has_failed(fan, progress):
        return 0
    left = fan.total - progress.succeeded - progress.failed - progress.running
    return max(min(width(fan, progress) - progress.running, left), 0)


class Join(Model):
    """How many branches must succeed."""

    total: int
    join: Literal["all", "any"] | int = "all"

    @property
    def needed(self) -> int:
        """As a number."""
        if isinstance(self.join, int):
            return self.join
        return self.total if self.join == "all" else 1


def joined(join: Join, succeeded: int, failed: int) -> bool | None:
    """Whether the branches have joined (True), never will (False), or it is not decided yet (None)."""
    if succeeded >= join.needed:
        return True
    return False if join.total - failed < join.needed else None
