"""Lays the week out: what happened, what is overdue, what recurs, the noise league, load, drills due. Pure.

Called by `activities/operations_review.py` with what the record says. Texts from outside are escaped, so that an
alert's title stays a title.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.calendar import written
from domain.durations import format_duration
from domain.game_day import GameDayVerdict
from domain.insight.report import Insight, plural
from domain.insight.writing import as_markdown, escape
from domain.model import Model
from domain.policy import WorkingHours

Document = Mapping[str, Any]
# A meeting of half an hour reads no more lines of one sort.
LINES = 20


class DrillDue(Model):
    """A game day of the configuration, and when it was last held."""

    name: str
    last_at: datetime | None = None
    last_verdict: str | None = None
    # One that passed is enough for so long; systems change. None: for ever.
    good_for: timedelta | None = None


class DecidedBefore(Model):
    """What an earlier meeting decided."""

    text: str
    owner: str = ""


class WeekFacts(Model):
    """All that the document is made of."""

    week: str
    since: datetime
    until: datetime
    incidents: tuple[dict[str, Any], ...] = ()
    incidents_total: int = 0
    overdue_items: tuple[dict[str, Any], ...] = ()
    overdue_items_total: int = 0
    owed_reviews: tuple[dict[str, Any], ...] = ()
    # Over the last 90 days: recurrence and action debt. Over the week: communication, noise, load.
    long_view: tuple[Insight, ...] = ()
    week_view: tuple[Insight, ...] = ()
    drills: tuple[DrillDue, ...] = ()
    # Of the last meeting before this one that decided something, and which it was.
    decided_before: tuple[DecidedBefore, ...] = ()
    decided_in: str = ""
    hours: WorkingHours = WorkingHours()
    base_url: str = ""


def headlines(facts: WeekFacts) -> tuple[str, ...]:
    """The sentences that a mail begins with."""
    insights = {insight.name: insight.sentence for insight in (*facts.long_view, *facts.week_view)}
    owed = plural(facts.overdue_items_total, "action item")
    first = (
        f"{plural(facts.incidents_total, 'incident')} this week; {owed} and "
        f"{plural(len(facts.owed_reviews), 'review')} overdue."
    )
    told = [insights[name] for name in ("recurrence", "alert-noise", "on-call-load") if name in insights]
    missing = [drill.name for drill in facts.drills if why_due(drill, facts.until)]
    return (first, *told, *([f"Drills due: {', '.join(missing)}."] if missing else []))


def why_due(drill: DrillDue, now: datetime) -> str | None:
    """Why it is to be held: never, not passed, or passed too long ago; None: it is not due."""
    if drill.last_at is None:
        return "never held"
    held = f"{escape((drill.last_verdict or 'held').replace('_', ' '))} on {drill.last_at:%Y-%m-%d}"
    if drill.last_verdict != GameDayVerdict.PASSED:
        return f"last {held}"
    if drill.good_for is not None and now - drill.last_at > drill.good_for:
        return f"last {held}, longer ago than {format_duration(drill.good_for)}"
    return None


def document(facts: WeekFacts) -> str:
    """The whole review as Markdown."""
    lines = [
        f"# Operations review {facts.week}",
        "",
        f"{written(facts.since, facts.hours)} to {written(facts.until, facts.hours)}",
        "",
        *(f"- {escape(sentence)}" for sentence in headlines(facts)),
        "",
        *_decided(facts),
        *_to_speak_about(facts),
        "## What happened",
        "",
        *_incidents(facts),
        "",
        "## What is overdue",
        "",
        *_overdue(facts),
        "",
    ]
    for title, names in _SECTIONS:
        found = [each for each in (*facts.long_view, *facts.week_view) if each.name in names]
        if found:
            lines += [f"## {title}", "", *(as_markdown(each, facts.base_url) for each in found)]
    lines += ["## Drills due", "", *_drills(facts), ""]
    return "\n".join(lines)


_SECTIONS = (
    ("What recurs", ("recurrence", "action-debt")),
    ("Noise league", ("alert-noise",)),
    ("Alert hygiene", ("alert-hygiene",)),
    ("Load on people", ("on-call-load",)),
    ("Communication", ("communication",)),
)


def _decided(facts: WeekFacts) -> list[str]:
    """A meeting begins with what became of what the last one decided."""
    if not facts.decided_before:
        return []
    place = _link(facts, f"/operations-reviews/{facts.decided_in}", facts.decided_in)
    lines = [
        f"- {escape(each.text)}" + (f" ({escape(each.owner)})" if each.owner else "") for each in facts.decided_before
    ]
    return [
        "## Decided last time",
        "",
        f"In {place}; what became of it?",
        "",
        *_with_rest(lines[:LINES], len(lines), ""),
        "",
    ]


def _to_speak_about(facts: WeekFacts) -> list[str]:
    """What is beyond a limit of the house this week."""
    found = [entry for insight in facts.week_view for entry in insight.entries]
    if not found:
        return []
    return ["## To speak about", "", *_with_rest([f"- {escape(each)}" for each in found[:LINES]], len(found), ""), ""]


def _incidents(facts: WeekFacts) -> list[str]:
    lines = [
        f"- {each.get('severity', '')} {_link(facts, str(each.get('url', '')), str(each.get('title', '')))}"
        f" ({each.get('state', '')})"
        for each in facts.incidents[:LINES]
    ]
    return _with_rest(lines, facts.incidents_total, "No incident.")


def _overdue(facts: WeekFacts) -> list[str]:
    lines = [
        f"- {_link(facts, str(each.get('url', '')), str(each.get('title', '')))}, "
        f"{escape(str(each.get('owner') or 'nobody'))}, due {_day(each.get('due_at'))}"
        for each in facts.overdue_items[:LINES]
    ]
    lines = _with_rest(lines, facts.overdue_items_total, "No action item is overdue.")
    lines += [
        f"- Review of {_link(facts, str(each.get('url', '')), str(each.get('title', '')))}, "
        f"due {_day(each.get('first_due_at'))}"
        for each in facts.owed_reviews[:LINES]
    ]
    return lines


def _drills(facts: WeekFacts) -> list[str]:
    if not facts.drills:
        return ["No game day is in the configuration."]
    reasons = [(drill, why_due(drill, facts.until)) for drill in facts.drills]
    due = [f"- {escape(drill.name)}: {reason}" for drill, reason in reasons if reason]
    rest = [f"{escape(drill.name)} ({drill.last_at:%Y-%m-%d})" for drill, reason in reasons if not reason]
    passed = [f"- Passed and not due: {', '.join(rest)}"] if rest else []
    return [*(due or ["- No drill is due."]), *passed]


def _with_rest(lines: Sequence[str], total: int, none: str) -> list[str]:
    rest = total - len(lines)
    return [*lines, *([f"- and {rest} more"] if rest > 0 else [])] if lines else [none]


def _link(facts: WeekFacts, url: str, title: str) -> str:
    return f"[{escape(title)}]({facts.base_url.rstrip('/')}{url})" if facts.base_url and url else escape(title)


def _day(text: object) -> str:
    return str(text)[:10] if text else "never"
