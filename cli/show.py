"""Tables and lines for people; `--json` prints the same documents for machines."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cli.client import print_json, stdout
from domain.durations import format_duration

_SEVERITY_STYLES = {
    "SEV-1": "bold white on red",
    "SEV-2": "bold red",
    "SEV-3": "yellow",
    "SEV-4": "cyan",
    "SEV-5": "dim",
}
_STATE_STYLES = {
    "succeeded": "green", "approved": "green", "done": "green", "closed": "green", "passed": "green", "met": "green",
    "resolved": "green", "reviewed": "green", "failed": "red", "rejected": "red", "expired": "red", "missed": "red",
    "undo_failed": "red", "needs_human": "red", "unknown": "red", "firing": "red", "late": "yellow",
    "waiting": "yellow", "pending": "yellow", "paused": "yellow", "proposed": "yellow", "running": "cyan",
}  # fmt: skip

Cell = str | Text


def state(word: str | None) -> Text:
    """A state in its colour."""
    text = (word or "–").replace("_", " ")
    return Text(text, style=_SEVERITY_STYLES.get(text, _STATE_STYLES.get(word or "", "")))


def ago(moment: str | None) -> str:
    """`12m ago`, `in 3h`; a dash for nothing."""
    if moment is None:
        return "–"
    distance = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    minutes = abs(distance) / 60
    size = 60 if minutes < 120 else 3600 if minutes < 48 * 60 else 86400  # noqa: PLR2004 - two hours, two days
    count = int(abs(distance) / size)
    words = f"{count}{ {60: 'm', 3600: 'h', 86400: 'd'}[size] }" if count else "now"
    return words if words == "now" else f"{words} ago" if distance > 0 else f"in {words}"


def table(
    documents: Sequence[dict[str, Any]],
    columns: dict[str, Callable[[dict[str, Any]], Cell]],
    *,
    as_json: bool,
    empty: str,
) -> None:
    """Print documents, one a row; what came from outside is printed as text, never as markup."""
    if as_json:
        print_json(list(documents))
        return
    if not documents:
        stdout.print(empty, style="dim")
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(columns):
        # The id comes first, and is copied: it stays in one piece.
        shown.add_column(name, overflow="fold", no_wrap=number == 0)
    for document in documents:
        cells = [column(document) for column in columns.values()]
        shown.add_row(*(cell if isinstance(cell, Text) else escape(cell) for cell in cells))
    stdout.print(shown)


def entry(line: dict[str, Any]) -> None:
    """One line of a timeline."""
    at = datetime.fromisoformat(line["at"]).astimezone(UTC)
    text = Text()
    text.append(f"{at:%H:%M:%S} ", style="dim")
    text.append(f"{line['kind'].replace('_', ' '):<13}", style="red" if line["kind"] == "trouble" else "cyan")
    text.append(line["summary"])
    text.append(f"  {line['actor']['name']}", style="dim")
    stdout.print(text, soft_wrap=True)


def step(line: dict[str, Any]) -> None:
    """One step of a run."""
    text = Text("  ")
    text.append_text(state(line["status"]))
    text.append(f" {line['title'] or line['id']}")
    text.append(f"  {line['action'] or line['kind']}", style="dim")
    for name in ("waiting_for", "error"):
        if line.get(name):
            text.append(f"\n      {line[name]}", style="yellow" if name == "waiting_for" else "red")
    stdout.print(text, soft_wrap=True)


def facts(pairs: Sequence[tuple[str, Cell | None]]) -> None:
    """Names and values, one pair a line; a pair without a value is left out."""
    shown = Table(box=None, show_header=False, pad_edge=False)
    shown.add_column(style="dim")
    shown.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            shown.add_row(name, value if isinstance(value, Text) else escape(value))
    stdout.print(shown)


def seconds(value: float | None) -> str:
    """A number of seconds to read."""
    if value is None:
        return "–"
    return format_duration(timedelta(seconds=round(value, 1)))
