"""Insights as plain text, Markdown and CSV: for mail, the weekly review and spreadsheets. Pure."""

import csv
import io
from collections.abc import Sequence

from domain.insight.report import Insight, Number, Table


def as_text(insights: Sequence[Insight]) -> str:
    """What a mail says: each sentence, then the numbers below it."""
    return "\n\n".join(_text(each) for each in insights) + "\n"


def as_markdown(insight: Insight, base_url: str = "") -> str:
    """A section of a document; numbers lead to what they count when the console's address is known."""
    lines = [f"**{escape(insight.sentence)}**", ""]
    for table in insight.tables:
        if table.rows and table.drawn_as != "strip":
            lines += [*_markdown_table(table, base_url), ""]
    for spread in insight.spreads:
        lines.append(f"- {spread.name}, {spread.definition}: {spread.sentence}.")
    if insight.spreads:
        lines.append("")
    if insight.grades:
        lines += ["| Level | Asked for | At least | Found | Holds |", "|---|---|---|---|---|"]
        for grade in insight.grades:
            holds = {True: "yes", False: "no", None: "too few to say"}[grade.holds]
            lines.append(f"| {grade.level} | {grade.name} | {grade.asked} | {grade.found} | {holds} |")
        lines.append("")
    lines += [f"*{escape(caveat)}*\n" for caveat in insight.caveats]
    return "\n".join(lines)


def as_csv(insights: Sequence[Insight]) -> str:
    """One row a number, for spreadsheets; `evidence` is the query that lists what it counts."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["insight", "table", "name", "column", "value", "evidence"])
    for insight in insights:
        for table in insight.tables:
            for row in table.rows:
                for column, number in zip(table.columns, row.numbers, strict=True):
                    writer.writerow([insight.name, table.title, _cell(row.name), column, number.value, _query(number)])
        for spread in insight.spreads:
            found = spread.distribution
            for column in ("n", "median", "p90", "low", "high"):
                value = getattr(found, column)
                shown = "" if value is None else value
                place = [insight.name, f"distribution in {spread.unit}", spread.name]
                writer.writerow([*place, column, shown, spread.evidence.query()])
        for grade in insight.grades:
            writer.writerow([insight.name, grade.level, grade.name, "part", grade.part.value, _query(grade.part)])
            writer.writerow([insight.name, grade.level, grade.name, "whole", grade.whole.value, _query(grade.whole)])
    return out.getvalue()


# What makes a table, a link, a heading or HTML of a text.
_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#&"} | {"\n": " "})


def escape(text: str) -> str:
    """Text from outside inside Markdown: it stays text, whatever it holds."""
    return text.translate(_MARKDOWN)


def _text(insight: Insight) -> str:
    lines = [insight.title.upper(), insight.sentence]
    for table in insight.tables:
        if not table.rows or table.drawn_as == "strip":
            continue
        lines += ["", f"{table.title} ({', '.join(table.columns)})"]
        lines += [f"  {row.name}: {', '.join(str(number.value) for number in row.numbers)}" for row in table.rows]
    lines += [f"  {spread.name}: {spread.sentence}" for spread in insight.spreads]
    for grade in insight.grades:
        mark = {True: "x", False: " ", None: "?"}[grade.holds]
        lines.append(f"  [{mark}] {grade.level}: {grade.name}: {grade.found}, {grade.asked} asked")
    lines += [f"  ({caveat})" for caveat in insight.caveats]
    return "\n".join(lines)


def _markdown_table(table: Table, base_url: str) -> list[str]:
    head = f"| {table.title} | {' | '.join(table.columns)} |"
    rows = []
    for row in table.rows:
        name = f"{escape(row.name)} ({row.note})" if row.note else escape(row.name)
        rows.append(f"| {name} | {' | '.join(_markdown_number(number, base_url) for number in row.numbers)} |")
    return [head, "|---|" + "---|" * len(table.columns), *rows]


def _markdown_number(number: Number, base_url: str) -> str:
    if not base_url or number.evidence is None:
        return str(number.value)
    return f"[{number.value}]({base_url.rstrip('/')}/insights/evidence?{number.evidence.query()})"


def _query(number: Number) -> str:
    return number.evidence.query() if number.evidence else ""


def _cell(name: str) -> str:
    # A spreadsheet takes a leading = + - @ for a formula; alerts are named by others.
    return f"'{name}" if name[:1] in {"=", "+", "-", "@", "\t", "\r"} else name
