"""The report of a game day for people: as it counts now, and as Markdown, from which its page is made. Pure.

The one thing to know: texts that alerts and targets bring along are shown as they are and do nothing else.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.game_day import Change, Difference, ExpectationResult, GameDayState, Scores
from domain.game_day_report import GameDayReport, report
from domain.game_day_score import aged, standing
from domain.tabletop import TabletopPart
from domain.tabletop_report import expected_rows, practice_rows


class AgedReport(GameDayReport):
    """The report with what it is worth now: a run that is long ago counts for less."""

    scores_now: Scores
    # 100 passed and fresh, 75 passed long ago, 50 failed, 0 nothing was shown.
    standing: float


def aged_report(state: GameDayState, now: datetime, fresh_for: timedelta) -> AgedReport:
    """The report of a game day that has ended, or how it stands until now."""
    ended_at = state.finished_at or now
    scores = {name: aged(score, ended_at, now, fresh_for) for name, score in state.scores.model_dump().items()}
    worth = standing(state.verdict.value if state.verdict else None, state.finished_at, now, fresh_for)
    made = report(state)
    own = {name: getattr(made, name) for name in GameDayReport.model_fields}
    return AgedReport(**own, scores_now=Scores(**scores), standing=worth)


def as_markdown(report: AgedReport) -> str:
    """For people: a document of its own, whatever strange texts alerts and targets bring along."""
    parts = [_heading(report), _expected(report.expectations), _scored(report), _broken(report), _found(report)]
    if report.tabletop is not None:
        parts = [_heading(report), *_played(report.tabletop), _found(report)]
    return "\n\n".join(part for part in (*parts, _changes(report.difference)) if part) + "\n"


def _heading(report: AgedReport) -> str:
    held = {True: "held", False: "did not hold", None: "it cannot be told"}[report.hypothesis_held]
    facts = [
        ("Game day", f"{report.id} ({report.kind}, version {report.version})"),
        ("Where", ", ".join((*report.environments, *filter(None, (report.service,))))),
        ("Targets", ", ".join(report.targets)),
        ("Began", _moment(report.started_at)),
        ("Ended", _moment(report.finished_at)),
        ("Started by", report.requested_by),
        ("Approved by", ", ".join(report.approved_by)),
        ("Incident", report.incident_id or ""),
    ]
    lines = [f"- {name}: {escaped(value)}" for name, value in facts if value]
    believed = f"\n\n> {escaped(report.hypothesis)}\n>\n> The hypothesis: {held}." if report.hypothesis else ""
    reason = f"\n\n{escaped(report.reason)}" if report.reason else ""
    return f"# {escaped(report.title)}: {report.verdict}{reason}{believed}\n\n" + "\n".join(lines)


def _expected(results: Iterable[ExpectationResult]) -> str:
    rows = [
        (
            each.expectation.value.replace("_", " "),
            f"{each.within_seconds:g} s" if each.within_seconds else "–",
            f"{each.observed_after_seconds:.1f} s" if each.observed_after_seconds is not None else "–",
            each.judgement.value.replace("_", " "),
            _evidence(each),
        )
        for each in results
    ]
    return _table("Expectations", ("Expected", "Within", "Seen after", "Judged", "Evidence"), rows)


def _evidence(result: ExpectationResult) -> str:
    said = [result.evidence]
    if result.alert_started_at is not None:
        said.append(f"the alert says it began {_moment(result.alert_started_at)}")
    if result.alert_received_at is not None:
        said.append(f"received {_moment(result.alert_received_at)}")
    return "; ".join(filter(None, said))


def _scored(report: AgedReport) -> str:
    now = report.scores_now.model_dump()
    rows = [
        (name.replace("_", " "), _number(score), _number(now[name]))
        for name, score in report.scores.model_dump().items()
    ]
    for name, value, limit, unit in (
        # Probes are asked about once a second, so the thousandths are nobody's.
        ("RTO", None if report.rto_seconds is None else round(report.rto_seconds, 1), report.rto_limit_seconds, "s"),
        ("RPO", report.rpo, report.rpo_limit, report.rpo_unit),
    ):
        if value is not None or limit is not None:
            rows.append((name, f"{_number(value)} {unit}".strip(), f"limit {_number(limit)}"))
    return _table("Scores", ("Score", "Of this run", "As it counts now"), rows)


def _played(part: TabletopPart) -> list[str]:
    kept = "" if part.practice_score is None else f" ({part.practice_score:g} of 100)"
    debrief = f"## Debrief\n\n{escaped(part.debrief)}" if part.debrief else ""
    solution = f"## What it was\n\n{escaped(part.solution)}" if part.solution else ""
    return [
        _table("Expected", ("After", "Expected", "Rule", "How it went", "Evidence"), expected_rows(part)),
        _table(f"Rules of practice{kept}", ("Rule", "Kept", "Seen"), practice_rows(part)),
        debrief,
        solution,
    ]


def _broken(report: AgedReport) -> str:
    rows = [
        (
            run.name,
            run.action,
            _moment(run.injected_at) or "–",
            run.effect.value if run.effect else "–",
            f"{_moment(run.undone_at)} by {run.undone_by.value}" if run.undone_at and run.undone_by else "–",
            {True: "clean", False: "NOT clean", None: "not told"}[run.clean],
        )
        for run in report.faults
    ]
    return _table("Faults", ("Fault", "Action", "Made", "Effect", "Undone", "Target"), rows)


def _found(report: AgedReport) -> str:
    if not report.findings:
        return ""
    lines = [f"- {escaped(each.sentence)}" + (" (urgent)" if each.is_urgent else "") for each in report.findings]
    return "## Findings\n\n" + "\n".join(lines)


def _changes(difference: Difference) -> str:
    if difference.last_id is None:
        return f"## Since the last run\n\n{escaped(difference.problem)}" if difference.problem else ""
    said = [f"Compared with {escaped(difference.last_id)}, {_moment(difference.last_at)}."]
    if not difference.changes:
        return f"## Since the last run\n\n{said[0]} Nothing has changed."
    rows = [(each.what, each.before, each.now, _better(each)) for each in difference.changes]
    table = _table("Since the last run", ("What", "Before", "Now", ""), rows)
    return f"{table}\n\n{said[0]}"


def _better(change: Change) -> str:
    return {True: "better", False: "worse", None: ""}[change.is_better]


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(map(escaped, row)) + " |" for row in rows]
    if not lines:
        return ""
    head = "| " + " | ".join(columns) + " |\n|" + "---|" * len(columns)
    return f"## {title}\n\n{head}\n" + "\n".join(lines)


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def escaped(text: str) -> str:
    """Text as Markdown that shows it and does nothing else: one line, no markup, no table cells of its own."""
    return "".join(f"\\{each}" if each in r"\`*[]<>|#" else each for each in " ".join(text.split()))
