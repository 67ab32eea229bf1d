"""What a tabletop has to say in the report of game days: its expectations, the rules of practice, and the findings.

Pure; used by `domain/game_day_report.py` and `domain/game_day_report_text.py`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from domain.tabletop import Outlook, TabletopPart, WantedRun

Rows = list[tuple[str, ...]]
_BAD = (Outlook.LATE, Outlook.MISSED)


class Lesson(NamedTuple):
    """Something to practise or to mend."""

    key: str
    sentence: str


def lessons(part: TabletopPart) -> Iterator[Lesson]:
    """What was late, missed or broken; each with a key that is the same in every report."""
    for run in part.wanted:
        if run.state in _BAD:
            rule = f" ({run.wanted.rule})" if run.wanted.rule else ""
            said = f": {run.evidence}" if run.evidence else ""
            yield Lesson(
                f"wanted/{run.key}",
                f"After {run.key.split('/')[0]!r}, {run.wanted.words()} was {run.state.value}{rule}{said}",
            )
    for result in part.practice:
        if result.held is False:
            yield Lesson(f"practice/{result.rule}", f"{result.rule} was not kept: {result.title} ({result.detail})")


def expected_rows(part: TabletopPart) -> Rows:
    """Inject, what was expected, rule, how it went, evidence."""
    return [(run.key, run.wanted.words(), run.wanted.rule or "", _went(run), run.evidence) for run in part.wanted]


def practice_rows(part: TabletopPart) -> Rows:
    """Rule, how it was kept, what was seen."""
    words = {True: "kept", False: "not kept", None: "no occasion"}
    return [(f"{each.rule} {each.title}", words[each.held], each.detail) for each in part.practice]


def _went(run: WantedRun) -> str:
    if run.observed_at is None:
        return run.state.value.replace("_", " ")
    minutes = (run.observed_at - run.asked_at).total_seconds() / 60
    return f"{run.state.value} after {minutes:.0f} min"
