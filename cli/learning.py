"""`hotwash search`, `insights`, `similar`, `patterns`, `tag`: what was learned before, from the command line."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import show
from cli.client import JsonOption, call, fail, print_json, stdout

_Row = dict[str, Any]
DaysOption = Annotated[int, typer.Option("--days", min=1, max=3660, help="How far back, in days.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    app.command("search", rich_help_panel="Learning")(search)
    app.command("insights", rich_help_panel="Learning")(insights)
    app.command("similar", rich_help_panel="Learning")(similar)
    app.command("tag", rich_help_panel="Learning")(tag)
    patterns = typer.Typer(no_args_is_help=True, help="The pattern library: lessons for the next time.")
    patterns.command("list")(list_patterns)
    patterns.command("show")(show_pattern)
    patterns.command("add")(add_pattern)
    patterns.command("retire")(retire_pattern)
    app.add_typer(patterns, name="patterns", rich_help_panel="Learning")


def search(
    words: Annotated[list[str], typer.Argument(help='Words, "a phrase", begin*, -not.')],
    kind: Annotated[str | None, typer.Option(help="incident, entry, review, action_item, runbook, lesson.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Find incidents, timelines, reviews, action items, runbooks and lessons by their words."""
    found = call("GET", "/search", params={"q": " ".join(words), "kind": kind, "limit": limit})
    if as_json:
        print_json(found)
        return
    columns: dict[str, Callable[[_Row], show.Cell]] = {
        "KIND": lambda d: d["kind"].replace("_", " "),
        "ID": lambda d: d["id"],
        "TITLE": lambda d: d["title"],
        "FOUND": lambda d: d["snippet"][:80],
    }
    show.table(found["items"], columns, as_json=False, empty="Nothing has all of these words.")


def insights(
    name: Annotated[
        str | None, typer.Argument(help="One of them, such as recurrence; 'mail' sends them; all when left out.")
    ] = None,
    days: DaysOption = 90,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV for a spreadsheet.")] = False,
    to: Annotated[
        list[str] | None, typer.Option("--to", help="With 'mail': to whom; left out: the audience of hotwash.yaml.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="With 'mail': which of them; several times.")] = None,
    as_json: JsonOption = False,
) -> None:
    """What the record says, each with its sentence first and no averages; 'hotwash insights mail' has it mailed."""
    if name == "mail":
        _mail(days, to or [], only or [], as_json=as_json)
        return
    if to or only:
        fail("--to and --only go with 'hotwash insights mail'", 2)
    path = f"/insights/{name}" if name else "/insights"
    if as_json:
        print_json(call("GET", path, params={"days": days}))
        return
    sys.stdout.write(call("GET", path, params={"days": days, "format": "csv" if csv else "text"}))


def _mail(days: int, to: list[str], only: list[str], *, as_json: bool) -> None:
    made = call("POST", "/insights/mail", body={"days": days, "people": to, "insights": only})
    if as_json:
        print_json(made)
    else:
        stdout.print(f"{made['id']}: being counted and mailed", markup=False, highlight=False)


def similar(incident: Annotated[str, typer.Argument(help="Its id.")], as_json: JsonOption = False) -> None:
    """Earlier incidents like one, why, what helped, and what of them is still open."""
    found = call("GET", f"/incidents/{incident}/similar")
    if as_json:
        print_json(found)
        return
    columns: dict[str, Callable[[_Row], show.Cell]] = {
        "INCIDENT": lambda d: d["incident_id"],
        "TITLE": lambda d: d["title"],
        "SCORE": lambda d: f"{d['score']:.1f}",
        "WHY": lambda d: ", ".join(f"{reason['sentence']} ({reason['weight']:.1f})" for reason in d["reasons"]),
        "HELPED": lambda d: "; ".join(d["helped"]) or "–",
        "STILL OPEN": lambda d: "; ".join(item["title"] for item in d["open_items"]) or "–",
    }
    show.table(found["items"], columns, as_json=False, empty="No incident like this is in the record.")


def tag(
    kind: Annotated[str, typer.Argument(help="incident, review or lesson.")],
    thing: Annotated[str, typer.Argument(help="Its id.")],
    tags: Annotated[list[str] | None, typer.Argument(help="All tags it shall have; none takes them away.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Give an incident, a review or a lesson exactly these tags."""
    given = call("PUT", f"/tags/{kind}/{thing}", body={"tags": tags or []})
    if as_json:
        print_json(given)
    else:
        stdout.print(", ".join(given["tags"]) or "no tags", markup=False)


def list_patterns(
    tagged: Annotated[str | None, typer.Option("--tag", help="Only those with this tag.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Lessons, the newest first."""
    found = call("GET", "/patterns", params={"tag": tagged})["items"]
    columns: dict[str, Callable[[_Row], show.Cell]] = {
        "ID": lambda d: d["id"],
        "TITLE": lambda d: d["title"],
        "TAGS": lambda d: ", ".join(d["tags"]),
        "BY": lambda d: d["by"],
    }
    show.table(found, columns, as_json=as_json, empty="No lesson yet.")


def show_pattern(lesson: Annotated[str, typer.Argument(help="Its id.")], as_json: JsonOption = False) -> None:
    """One lesson."""
    found = call("GET", f"/patterns/{lesson}")
    if as_json:
        print_json(found)
    else:
        sys.stdout.write(f"{found['title']}\n\n{found['body']}\n")


def add_pattern(
    title: Annotated[str, typer.Argument(help="What it is called.")],
    file: Annotated[Path, typer.Option("--file", help="A Markdown file, or - for standard input.")],
    tags: Annotated[list[str] | None, typer.Option("--tag", help="A tag; may be repeated.")] = None,
    incidents: Annotated[list[str] | None, typer.Option("--incident", help="Where it comes from.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a lesson down."""
    try:
        body = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {error}", 2)
    made = call(
        "POST", "/patterns", body={"title": title, "body": body, "tags": tags or [], "incidents": incidents or []}
    )
    if as_json:
        print_json(made)
    else:
        stdout.print(made["id"], markup=False, highlight=False)


def retire_pattern(lesson: Annotated[str, typer.Argument(help="Its id.")], as_json: JsonOption = False) -> None:
    """Take a lesson out of lists and search."""
    found = call("POST", f"/patterns/{lesson}/retire", body={})
    if as_json:
        print_json(found)
    else:
        stdout.print(f"{found['id']} is retired", markup=False, highlight=False)
