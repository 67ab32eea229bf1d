"""Alert hygiene (rule O02, PagerDuty's operations review): what each alert rule lacks, with what shows it. Pure.

Called by `store/insight.py`, and for single alerts by `store/facts.py`. The one thing to know: a rule lacks what one of
its alerts in the window lacks, so that a mended rule is clean as soon as its bad alerts have left the window.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from domain.insight.evidence import Evidence, Subject, Which
from domain.insight.report import Insight, Number, Row, Table, plural, share
from domain.insight.words import Window
from domain.model import Model

# Drills of a rule count for a year: a regression drill is rare, and a year has each of them a few times.
DRILLED_WITHIN = timedelta(days=365)
# Rows of the table, and entries of a meeting of half an hour.
_ROWS, _ENTRIES = 30, 5
# For people. A rule's own name, which every alert of Prometheus has, tells nobody at night what is wrong.
_TITLES = ("summary", "title")
_METRICS = ("description", "message", "metric", "value", "query", "dashboard", "dashboard_url", "panel_url", "graph")
_RUNBOOKS = ("runbook", "runbook_url", "runbook_uri", "runbook_link", "playbook", "playbook_url")
_DRILL = "a drill"
_LINKS = ("http://", "https://")


class AlertHygiene(Model):
    """What one alert brings along."""

    has_title: bool
    has_metric: bool
    has_runbook: bool


class RuleHygiene(Model):
    """A rule in a window: its alerts, how many of them lack what, how many ended by themselves, how often in drills."""

    rule: str
    episodes: int
    untitled: int = 0
    unmeasured: int = 0
    without_runbook: int = 0
    resolved: int = 0
    # Of those that began more than a day before the window ends.
    not_ended: int = 0
    drills: int = 0

    @property
    def lacks(self) -> tuple[str, ...]:
        """In words, the gravest first: whoever is woken needs the runbook most."""
        found = (
            ("a runbook link", self.without_runbook > 0),
            ("a title", self.untitled > 0),
            ("what was measured", self.unmeasured > 0),
            ("an end by itself", self.not_ended > 0 and self.resolved == 0),
            (_DRILL, self.drills == 0),
        )
        return tuple(name for name, is_lacking in found if is_lacking)

    @property
    def is_bad(self) -> bool:
        """Whether there is something to mend at the rule itself; drills have their own list in the review."""
        return any(each != _DRILL for each in self.lacks)


def hygiene_of(labels: Mapping[str, object], annotations: Mapping[str, object], source_url: str | None) -> AlertHygiene:
    """Of one alert: a title for people, what was measured (in words or as a link to it), and a link to a runbook."""
    given = {**labels, **annotations}

    def has(names: Iterable[str]) -> bool:
        return any(isinstance(given.get(name), str) and str(given[name]).strip() for name in names)

    links = [str(given.get(name) or "").strip().lower() for name in _RUNBOOKS]
    return AlertHygiene(
        has_title=has(_TITLES),
        has_metric=has(_METRICS) or bool(source_url),
        has_runbook=any(link.startswith(_LINKS) for link in links),
    )


def alert_hygiene(window: Window, rules: Sequence[RuleHygiene]) -> Insight:
    """Which rules lack what."""
    dirty = sorted(
        (each for each in rules if each.lacks), key=lambda each: (-len(each.lacks), -each.episodes, each.rule)
    )
    named: dict[str, int] = {}
    for each in dirty:
        for lack in each.lacks:
            named[lack] = named.get(lack, 0) + 1
    return Insight(
        name="alert-hygiene",
        title="Alert hygiene",
        sentence=_sentence(window, rules, dirty, named),
        tables=(
            Table(
                title="Rules that lack something",
                columns=(
                    "fired", "no runbook link", "no title", "not measured", "ended by themselves", "in drills",
                ),
                rows=tuple(_row(window, each) for each in dirty[:_ROWS]),
            ),
        ),
        entries=tuple(
            f"{each.rule} fired {'once' if each.episodes == 1 else f'{each.episodes} times'} and lacks "
            + ", ".join(each.lacks)
            for each in [each for each in dirty if each.is_bad][:_ENTRIES]
        ),
        caveats=(
            (
                "A title is a summary or a title for people, not the rule's name; what was measured is a description, "
                "a message, a value or a link to the graph; a runbook link is a web address under a name such as "
                "runbook_url. An alert ended by itself when its sender said that it is resolved; one that began "
                "within the last day still may. A drill is a game day in which the rule fired, in the last year. "
                "What was recorded before this was counted lacks nothing."
            ),
            *((f"{len(dirty) - _ROWS} more rules lack something.",) if len(dirty) > _ROWS else ()),
        ),
    )  # fmt: skip


def _sentence(
    window: Window, rules: Sequence[RuleHygiene], dirty: Sequence[RuleHygiene], named: Mapping[str, int]
) -> str:
    if not rules:
        return f"No alert in {plural(window.days, 'day')}."
    if not dirty:
        return f"Every alert rule that fired has what it needs ({len(rules)})."
    lacks = ", ".join(f"{count} {what}" for what, count in sorted(named.items(), key=lambda each: (-each[1], each[0])))
    return f"{share(len(dirty), len(rules))} alert rules lack something: {lacks}."


def _row(window: Window, each: RuleHygiene) -> Row:
    fired = Evidence.within(window, Subject.ALERT).but(values=(each.rule,))
    year = Evidence(of=Subject.DRILL_ALERT, since=drilled_since(window), until=window.until, values=(each.rule,))
    return Row(
        name=each.rule,
        numbers=(
            Number(value=each.episodes, evidence=fired),
            Number(value=each.without_runbook, evidence=fired.but(which=Which.WITHOUT_RUNBOOK)),
            Number(value=each.untitled, evidence=fired.but(which=Which.UNTITLED)),
            Number(value=each.unmeasured, evidence=fired.but(which=Which.UNMEASURED)),
            Number(value=each.resolved, evidence=fired.but(which=Which.ENDED_BY_ITSELF)),
            Number(value=each.drills, evidence=year),
        ),
        note=f"lacks {', '.join(each.lacks)}",
    )


def drilled_since(window: Window) -> datetime:
    """From when on a drill of a rule counts."""
    return min(window.since, window.until - DRILLED_WITHIN)
