"""`hotwash game-day report | to-action-item | coverage`: what game days have shown, and what comes of it."""

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import show
from cli.client import JsonOption, call, fail, print_json, stdout
from cli.game_days import game_day
from cli.incidents import ByOption


def register(_: typer.Typer) -> None:
    """Nothing more to add: the commands below belong to `hotwash game-day`."""


class ReportFormat(StrEnum):
    """How a report is written."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


@game_day.command("report")
def report(
    game_day_id: Annotated[str, typer.Argument(metavar="ID", help="From 'hotwash game-day held'.")],
    report_format: Annotated[ReportFormat, typer.Option("--format", "-f")] = ReportFormat.MARKDOWN,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it into this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Each expectation with its evidence, the scores, the findings, and what has changed since the last run."""
    chosen = ReportFormat.JSON if as_json else report_format
    found = call("GET", f"/game-days/{game_day_id}/report", params={"format": chosen.value})
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n" if chosen is ReportFormat.JSON else str(found)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text)
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror}")


@game_day.command("to-action-item")
def to_action_item(
    game_day_id: Annotated[str, typer.Argument(metavar="ID")],
    finding: Annotated[str, typer.Argument(metavar="FINDING", help="Its key, from the report as JSON.")],
    owner: Annotated[str | None, typer.Option(help="Left out: the game day's owner.")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a finding an action item; the same finding again is the same item."""
    given = {"finding": finding, "owner": owner, "by": by}
    body = {name: value for name, value in given.items() if value is not None}
    item = call("POST", f"/game-days/{game_day_id}/action-items", body=body)
    if as_json:
        print_json(item)
    else:
        stdout.print(item["id"], markup=False)


@game_day.command("coverage")
def coverage(as_json: JsonOption = False) -> None:
    """Services by kinds of fault: when each was last withstood, and what that is worth now."""
    found = call("GET", "/game-days/coverage")
    if as_json:
        print_json(found)
        return
    rows = [
        {"service": row["service"], **cell} for row in found["rows"] for cell in row["cells"] if cell["runs"]
    ]  # fmt: skip
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "SERVICE": lambda d: d["service"],
        "FAULT": lambda d: d["kind"],
        "WORTH": lambda d: f"{d['standing']:g}",
        "LAST PASSED": lambda d: show.ago(d["last_passed_at"]),
        "LAST": lambda d: show.state(d["last_verdict"]),
        "GAME DAY": lambda d: d["last_id"],
    }
    show.table(rows, columns, as_json=False, empty="Nothing has been shown yet.")
    never = [row["service"] for row in found["rows"] if not any(cell["runs"] for cell in row["cells"])]
    if never:
        stdout.print(f"Never drilled: {', '.join(never)}", markup=False, style="yellow")
