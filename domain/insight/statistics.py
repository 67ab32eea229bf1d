"""What may be said of some numbers: median, 90th percentile, an interval, and whether a difference is more than luck.

Pure. There is no mean here on purpose (rule M01): durations of incidents are few and skewed, and one long night moves
their mean more than a year's work does. Sources: the VOID reports, and Davidovič's simulations on MTTx.
"""

import math
from collections.abc import Sequence
from enum import StrEnum

from domain.model import Model

# With fewer, no interval at 95 % exists: the chance that six values lie on one side of the median is 2 × 2^-6 = 3 %.
SMALLEST_FOR_INTERVAL = 6
# Below this many a median is shown, and said to be of few.
SMALL = 20
_OUTSIDE = 0.025
# The exact binomial needs sums over whole numbers of this many bits; above, the normal curve is as good.
_EXACT_UP_TO = 1_000
_NORMAL_95 = 1.959964

# A value and how often it occurs, by rising value.
Counted = Sequence[tuple[int, int]]


class Distribution(Model):
    """Some values as they are. Seconds, unless its place says otherwise."""

    n: int
    median: float | None = None
    p90: float | None = None
    # The 95 % interval of the median, from order statistics; None with too few values.
    low: float | None = None
    high: float | None = None
    shortest: float | None = None
    longest: float | None = None

    @property
    def is_small(self) -> bool:
        """Whether a reader must be told that these are few."""
        return self.n < SMALL


class Verdict(StrEnum):
    """What two counts of equally long windows allow to say."""

    MORE = "more"
    FEWER = "fewer"
    NO_DIFFERENCE = "no_difference"
    TOO_FEW = "too_few"


def distribution(values: Counted) -> Distribution:
    """Median (of two middle values the mean of those two), p90 by nearest rank, and the interval of the median."""
    n = sum(count for _, count in values)
    if n == 0:
        return Distribution(n=0)
    rank = interval_rank(n)
    middle = (_at(values, (n + 1) // 2) + _at(values, n // 2 + 1)) / 2
    return Distribution(
        n=n,
        median=middle,
        p90=_at(values, math.ceil(0.9 * n)),
        low=None if rank is None else _at(values, rank),
        high=None if rank is None else _at(values, n + 1 - rank),
        shortest=values[0][0],
        longest=values[-1][0],
    )


def interval_rank(n: int) -> int | None:
    """The r for which the r-th smallest and r-th largest of n values hold the median between them 95 times in 100."""
    if n < SMALLEST_FOR_INTERVAL:
        return None
    if n > _EXACT_UP_TO:
        return max(1, math.floor(n / 2 - _NORMAL_95 * math.sqrt(n) / 2))
    below, rank = 0, 0
    limit = math.floor(_OUTSIDE * 2**n)
    while below + math.comb(n, rank) <= limit:
        below += math.comb(n, rank)
        rank += 1
    return rank or None


def compare(now: int, before: int) -> Verdict:
    """Whether a count differs from the one before by more than luck (Poisson, two-sided, 5 %)."""
    total = now + before
    if total < SMALL:
        return Verdict.TOO_FEW
    # Given the total, each falls into either window with chance one half; with luck alone this is a binomial.
    deviation = abs(now - before) - 1
    if deviation <= _NORMAL_95 * math.sqrt(total):
        return Verdict.NO_DIFFERENCE
    return Verdict.MORE if now > before else Verdict.FEWER


def histogram(values: Counted, edges: Sequence[int]) -> list[int]:
    """How many values lie below each edge and not below the one before; the last counts the rest."""
    counts = [0] * (len(edges) + 1)
    for value, count in values:
        counts[sum(value >= edge for edge in edges)] += count
    return counts


def _at(values: Counted, rank: int) -> int:
    """The rank-th smallest, from 1."""
    seen = 0
    for value, count in values:
        seen += count
        if seen >= rank:
            return value
    raise ValueError(f"there is no {rank}th of {seen} values")
