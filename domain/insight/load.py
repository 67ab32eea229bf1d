"""Load on people (rule O01): in how many hours somebody was interrupted, asleep or off work, and who too often. Pure.

The one thing to know: an hour with one page is as broken as an hour with five (PagerDuty's operations review counts
hours with interrupts), so hours are compared with the limits and pages only stand beside them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from domain.insight.evidence import Evidence, FirstOf, Subject, Which
from domain.insight.report import Insight, Number, Row, Spread, Table, plural
from domain.insight.statistics import SMALL, Counted, distribution, histogram
from domain.insight.words import LoadLimits, Window
from domain.model import Model

_DAYS_A_WEEK = 7
# Rows of a table; more people than this are not on call in one house that reads one page.
PEOPLE_SHOWN = 50
# Named in the sentence; the others are in the table.
_NAMED = 3
# Upper edges of the classes in which hours per person are drawn.
_EDGES = (1, 2, 3, 5, 9, 17)
_CLASSES = ("none", "1", "2", "3 to 4", "5 to 8", "9 to 16", "17 and more")


_DEFINITION = (
    "One page to one person is one interruption, over however many channels; several in one hour are one hour with an "
    "interrupt. Sleep is 22 to 8, business Monday to Friday 8 to 18, off hours the rest, in the time zone of the "
    "business calendar. A drill's pages are not counted."
)


class Load(Model):
    """How often a person was interrupted: pages, and hours with at least one."""

    person: str
    pages: int
    sleep: int
    off_hours: int
    hours: int = 0
    sleep_hours: int = 0
    off_work_hours: int = 0


class Overload(Model):
    """Somebody who was interrupted more than the house wants."""

    person: str
    sentence: str


def overloads(window: Window, loads: Iterable[Load], limits: LoadLimits) -> tuple[Overload, ...]:
    """Who was over a limit, the worst first; a longer window allows as many times more as it has weeks."""
    weeks = max(1.0, window.days / _DAYS_A_WEEK)
    found = []
    for each in loads:
        parts = [
            f"{plural(hours, 'hour')} {where} (limit {limit} a week)"
            for hours, limit, where in (
                (each.sleep_hours, limits.sleep_hours_a_week, "of sleep"),
                (each.off_work_hours, limits.off_hours_a_week, "off work"),
            )
            if limit is not None and hours > limit * weeks
        ]
        if parts:
            sentence = f"{each.person} was interrupted in {' and '.join(parts)} in {plural(window.days, 'day')}"
            found.append((-each.sleep_hours, -each.off_work_hours, Overload(person=each.person, sentence=sentence)))
    return tuple(overload for _, _, overload in sorted(found, key=lambda one: (one[0], one[1], one[2].person)))


def on_call_load(window: Window, loads: Sequence[Load], limits: LoadLimits) -> Insight:
    """Who was interrupted how often, and when; the distributions are over all who were."""
    over = overloads(window, loads, limits)
    tired = {each.person for each in over}
    shown = sorted(loads, key=lambda each: (-each.pages, each.person))[:PEOPLE_SHOWN]
    pages = Evidence.within(window, Subject.PAGE)
    return Insight(
        name="on-call-load",
        title="Load on people",
        sentence=_sentence(window, loads, over),
        tables=(
            Table(
                title="Hours with an interrupt",
                columns=("hours", "in sleep hours", "off hours"),
                rows=tuple(_hours(each, pages, is_over=each.person in tired) for each in shown),
                drawn_as="bars",
            ),
            Table(
                title="Interruptions",
                columns=("pages", "in sleep hours", "off hours"),
                rows=tuple(_pages(each, pages) for each in shown),
                drawn_as="bars",
            ),
        ),
        spreads=_spreads(window, loads) if loads else (),
        entries=tuple(each.sentence for each in over),
        caveats=tuple(
            each
            for each in (
                _DEFINITION,
                "The distributions are over those who were interrupted at all; who was on call and slept is in none.",
                f"{plural(len(loads), 'responder')}: fewer than {SMALL}, take them as examples."
                if 0 < len(loads) < SMALL
                else "",
            )
            if each
        ),
    )


def _sentence(window: Window, loads: Sequence[Load], over: Sequence[Overload]) -> str:
    if not loads:
        return f"Nobody was paged in {plural(window.days, 'day')}."
    if not over:
        total, asleep = sum(each.pages for each in loads), sum(each.sleep for each in loads)
        return f"{plural(total, 'page')} in {plural(window.days, 'day')}, {asleep} of them in sleep hours."
    more = len(over) - _NAMED
    rest = f"; and {more} more" if more > 0 else ""
    return "; ".join(each.sentence for each in over[:_NAMED]) + rest + "."


def _hours(load: Load, pages: Evidence, *, is_over: bool) -> Row:
    first = pages.but(values=(load.person,), first_of=FirstOf.HOUR)
    return Row(
        name=load.person,
        numbers=(
            Number(value=load.hours, evidence=first),
            Number(value=load.sleep_hours, evidence=first.but(which=Which.SLEEP)),
            Number(value=load.off_work_hours, evidence=first.but(which=Which.OFF_HOURS)),
        ),
        note="interrupted too often" if is_over else "",
    )


def _pages(load: Load, pages: Evidence) -> Row:
    own = pages.but(values=(load.person,))
    return Row(
        name=load.person,
        numbers=(
            Number(value=load.pages, evidence=own),
            Number(value=load.sleep, evidence=own.but(which=Which.SLEEP)),
            Number(value=load.off_hours, evidence=own.but(which=Which.OFF_HOURS)),
        ),
    )


def _spreads(window: Window, loads: Sequence[Load]) -> tuple[Spread, ...]:
    wanted = (
        ("Hours with an interrupt", "in the window, per responder", [each.hours for each in loads]),
        ("Of these in sleep hours", "22 to 8, per responder", [each.sleep_hours for each in loads]),
        ("Of these off hours", "neither asleep nor at work, per responder", [each.off_work_hours for each in loads]),
    )
    return tuple(_spread(window, name, definition, values) for name, definition, values in wanted)


def _spread(window: Window, name: str, definition: str, values: Sequence[int]) -> Spread:
    counted: Counted = sorted(Counter(values).items())
    return Spread(
        name=name,
        definition=definition,
        distribution=distribution(counted),
        evidence=Evidence.within(window, Subject.PAGE).but(first_of=FirstOf.WINDOW),
        unit="hours",
        of="responder",
        classes=tuple(zip(_CLASSES, histogram(counted, _EDGES), strict=True)),
    )
