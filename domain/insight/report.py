"""The shape of an insight: its sentence first, then numbers that each lead to the things they count.

Built by the modules beside this one, shown by pages, API, command line and mail alike.
"""

from datetime import timedelta
from typing import Literal

from domain.durations import format_duration
from domain.insight.evidence import Evidence
from domain.insight.statistics import SMALL, SMALLEST_FOR_INTERVAL, Distribution
from domain.model import Model

_HOUR = 3600


class Number(Model):
    """A count; `evidence` lists what was counted and has exactly that many things."""

    value: int
    evidence: Evidence | None = None


class Row(Model):
    """One line of a table: its name, and a number for each column."""

    name: str
    numbers: tuple[Number, ...] = ()
    note: str = ""


class Table(Model):
    """Counts side by side. A chart, where one is drawn, shows the first column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...] = ()
    # Whether its first column is drawn as bars, or as a strip of hours or days.
    drawn_as: str = ""


class Spread(Model):
    """A distribution with what it measures, and the incidents behind it."""

    name: str
    definition: str
    distribution: Distribution
    evidence: Evidence
    unit: Literal["seconds", "hours"] = "seconds"
    # What has these values.
    of: str = "incident"
    # Upper edges in words, and how many values lie in each class.
    classes: tuple[tuple[str, int], ...] = ()

    @property
    def sentence(self) -> str:
        """`median 12m (95 %: 9m to 18m), 9 in 10 within 1h30m, of 43 incidents`."""
        return spread_words(self.distribution, self.of, self.unit)


class Grade(Model):
    """One requirement of the scorecard: how many of how many, what is asked for, and whether it holds."""

    level: str
    name: str
    asked: str
    found: str
    # None: too few to say.
    holds: bool | None
    part: Number
    whole: Number


class Insight(Model):
    """One thing that the record says, with all that shows it."""

    name: str
    title: str
    sentence: str
    tables: tuple[Table, ...] = ()
    spreads: tuple[Spread, ...] = ()
    grades: tuple[Grade, ...] = ()
    # What is beyond a limit of the house, each as a sentence: the operations review speaks about it.
    entries: tuple[str, ...] = ()
    # What a reader must know before believing it: few cases, what counts and what does not.
    caveats: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Every number in it."""
        in_tables = (number for table in self.tables for row in table.rows for number in row.numbers)
        in_grades = (number for grade in self.grades for number in (grade.part, grade.whole))
        in_spreads = (Number(value=spread.distribution.n, evidence=spread.evidence) for spread in self.spreads)
        return (*in_tables, *in_grades, *in_spreads)


def span(seconds: float | None) -> str:
    """A duration as people read it; to the second below an hour, to the minute above."""
    if seconds is None:
        return "–"
    whole = round(seconds) if seconds < _HOUR else round(seconds / 60) * 60
    return format_duration(timedelta(seconds=whole))


def amount(value: float | None, unit: str) -> str:
    """A value in its unit: a duration, or a number of hours."""
    if unit == "seconds" or value is None:
        return span(value)
    return plural(int(value), "hour") if value == int(value) else f"{value} hours"


def spread_words(found: Distribution, what: str = "incident", unit: str = "seconds") -> str:
    """A distribution in words; small numbers are said to be small."""
    if found.n == 0:
        return f"not known of any {what}"
    low, high = amount(found.low, unit), amount(found.high, unit)
    interval = f" (95 % interval {low} to {high})" if found.low is not None else ""
    few = f"; fewer than {SMALL}, so take it as examples" if found.is_small else ""
    if found.n < SMALLEST_FOR_INTERVAL:
        few = f"; with fewer than {SMALLEST_FOR_INTERVAL} there is no interval and nothing to conclude"
    most = amount(found.p90, unit)
    return f"median {amount(found.median, unit)}{interval}, 9 in 10 within {most}, of {plural(found.n, what)}{few}"


def share(part: int, whole: int) -> str:
    """`12 of 40 (30 %)`; no per cent of a handful."""
    return f"{part} of {whole} ({round(100 * part / whole)} %)" if whole >= SMALL else f"{part} of {whole}"


def plural(count: int, noun: str) -> str:
    """`1 incident`, `2 incidents`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
