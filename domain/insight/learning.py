"""What recurs, where it clusters, and what of it is still owed: sentences over counts. Pure; see `report.py`."""

from collections.abc import Sequence
from datetime import datetime

from domain.insight.evidence import Evidence, Subject, Which
from domain.insight.report import Insight, Number, Row, Table, plural
from domain.insight.statistics import SMALL, Verdict, compare
from domain.insight.words import Dimension, Window
from domain.model import Model

# Something that happened once has not recurred.
RECURS_FROM = 2


class Recurring(Model):
    """A value that several incidents share, and their action items."""

    dimension: Dimension
    value: str
    incidents: int
    open_items: int
    overdue_items: int
    near_misses: int = 0


class Spot(Model):
    """How many incidents there were somewhere."""

    kind: str
    name: str
    incidents: int
    evidence: Evidence


def of_dimension(window: Window, dimension: Dimension, *values: str) -> Evidence:
    """The incidents that share a value."""
    return Evidence.within(window, Subject.INCIDENT).but(dimension=dimension, values=values)


def recurrence(
    window: Window, found: Sequence[Recurring], counted: tuple[int, int], missed: tuple[int, int]
) -> Insight:
    """What came back: same factor, service, alert or kind of change within the window (rule O03).

    `counted` and `missed`: incidents and near misses, of this window and of the one before.
    """
    incidents, before = counted
    again = [each for each in found if each.incidents >= RECURS_FROM]
    tables = []
    for dimension in (Dimension.FACTOR, Dimension.SERVICE, Dimension.ALERT, Dimension.CHANGE):
        rows = [_recurring_row(window, each) for each in again if each.dimension is dimension]
        if rows:
            columns = ("incidents", "action items open", "of these overdue", "near misses")
            tables.append(
                Table(title=f"The same {dimension.value}", columns=columns, rows=tuple(rows), drawn_as="bars")
            )
    total = Evidence.within(window, Subject.INCIDENT)
    tables.append(
        Table(
            title="Incidents",
            columns=("incidents", "near misses"),
            rows=(
                _both(f"these {window.days} days", incidents, missed[0], total),
                _both(
                    f"the {window.days} days before",
                    before,
                    missed[1],
                    total.but(since=_before(window), until=window.since),
                ),
            ),
        )
    )
    return Insight(
        name="recurrence",
        title="What comes back",
        sentence=_recurrence_sentence(window, again, incidents),
        tables=tuple(tables),
        caveats=(_trend_words(incidents, before, window),),
    )


def action_debt(window: Window, found: Sequence[Recurring], owed: int, overdue: int) -> Insight:
    """What was promised after incidents, against what keeps happening."""
    indebted = sorted(
        (each for each in found if each.incidents >= RECURS_FROM and each.open_items),
        key=lambda each: (-each.overdue_items, -each.open_items, -each.incidents, each.value),
    )
    standing = Evidence.within(window, Subject.ACTION_ITEM)
    if indebted:
        worst = indebted[0]
        sentence = (
            f"{_named(worst).capitalize()} came back in {plural(worst.incidents, 'incident')} while "
            f"{plural(worst.open_items, 'action item')} of these incidents {_are(worst.open_items)} open, "
            f"{worst.overdue_items} of them overdue."
        )
    elif owed:
        sentence = f"{plural(owed, 'action item')} {_are(owed)} open, {overdue} overdue; none belongs to what recurs."
    else:
        sentence = "No action item is open."
    return Insight(
        name="action-debt",
        title="Action items against what recurs",
        sentence=sentence,
        tables=(
            Table(
                title="All action items",
                columns=("open", "overdue"),
                rows=(
                    Row(
                        name="now",
                        numbers=(
                            Number(value=owed, evidence=standing.but(which=Which.OPEN)),
                            Number(value=overdue, evidence=standing.but(which=Which.OVERDUE)),
                        ),
                    ),
                ),
            ),
            Table(
                title="What recurs and is not yet mended",
                columns=("incidents", "action items open", "of these overdue"),
                rows=tuple(_recurring_row(window, each, with_kind=True) for each in indebted),
            ),
        ),
        caveats=("Items are counted as they stand now, incidents by the window.",),
    )


def hot_spots(window: Window, spots: Sequence[Spot], strips: Sequence[Table], incidents: int) -> Insight:
    """Where incidents cluster: services, teams, vendors, hours and weekdays."""
    services = [each for each in spots if each.kind == "service"]
    if not incidents:
        sentence = f"No incident in {plural(window.days, 'day')}."
    elif services and services[0].incidents >= RECURS_FROM:
        top = services[0]
        sentence = f"{top.name} had {top.incidents} of the {plural(incidents, 'incident')} in {window.days} days."
    else:
        sentence = f"{plural(incidents, 'incident')} in {window.days} days, and no service more than one."
    tables = []
    for kind in ("service", "team", "vendor"):
        rows = [
            Row(name=each.name, numbers=(Number(value=each.incidents, evidence=each.evidence),))
            for each in spots
            if each.kind == kind
        ]
        if rows:
            tables.append(Table(title=f"By {kind}", columns=("incidents",), rows=tuple(rows), drawn_as="bars"))
    return Insight(
        name="hot-spots",
        title="Where incidents cluster",
        sentence=sentence,
        tables=(*tables, *strips),
        caveats=(
            (
                "An incident of two services counts for both. A vendor is one that alerts name by a label 'vendor' or "
                "'provider'. Hours and weekdays are local to the business calendar."
            ),
        ),
    )


def _recurring_row(window: Window, each: Recurring, *, with_kind: bool = False) -> Row:
    incidents = of_dimension(window, each.dimension, each.value)
    items = incidents.but(of=Subject.ACTION_ITEM)
    near = Number(value=each.near_misses, evidence=incidents.but(of=Subject.NEAR_MISS))
    return Row(
        name=_named(each) if with_kind else each.value,
        numbers=(
            Number(value=each.incidents, evidence=incidents),
            Number(value=each.open_items, evidence=items.but(which=Which.OPEN)),
            Number(value=each.overdue_items, evidence=items.but(which=Which.OVERDUE)),
            *(() if with_kind else (near,)),
        ),
    )


def _both(name: str, incidents: int, missed: int, total: Evidence) -> Row:
    near = total.but(of=Subject.NEAR_MISS)
    return Row(name=name, numbers=(Number(value=incidents, evidence=total), Number(value=missed, evidence=near)))


def _recurrence_sentence(window: Window, again: Sequence[Recurring], incidents: int) -> str:
    if not incidents:
        return f"No incident in {plural(window.days, 'day')}."
    if not again:
        return f"Nothing has come back: {plural(incidents, 'incident')} in {window.days} days share nothing counted."
    factors = [each for each in again if each.dimension is Dimension.FACTOR]
    top = (factors or list(again))[0]
    owed = f"; {plural(top.open_items, 'action item')} of theirs {_are(top.open_items)} still open"
    return (
        f"{_named(top).capitalize()} was part of {top.incidents} of {plural(incidents, 'incident')} in {window.days} "
        f"days{owed if top.open_items else ''}."
    )


def _named(each: Recurring) -> str:
    return f"{each.dimension.value} ‘{each.value}’"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _before(window: Window) -> datetime:
    return window.since - (window.until - window.since)


def _trend_words(now: int, before: int, window: Window) -> str:
    match compare(now, before):
        case Verdict.TOO_FEW:
            return f"{now + before} incidents in {2 * window.days} days are fewer than {SMALL}: no trend can be told."
        case Verdict.NO_DIFFERENCE:
            return f"{now} now and {before} before differ by no more than chance would have it."
        case Verdict.MORE:
            return f"{now} now and {before} before: more than chance alone would have it."
        case Verdict.FEWER:
            return f"{now} now and {before} before: fewer than chance alone would have it."
