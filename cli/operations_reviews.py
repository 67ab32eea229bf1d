"""`hotwash operations-review`: the weekly document, and what its meeting decides."""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from cli import show
from cli.client import JsonOption, call, print_json, stdout
from cli.incidents import ByOption
from cli.lists import LimitOption, listed

WeekArgument = Annotated[str, typer.Argument(help="The ISO week, such as 2026-W48.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    group = typer.Typer(no_args_is_help=True, help="The weekly operations review.")
    group.command("list")(list_reviews)
    group.command("show")(show_review)
    group.command("start")(start)
    group.command("decide")(decide)
    group.command("close")(close)
    app.add_typer(group, name="operations-review", rich_help_panel="Learning")


def list_reviews(limit: LimitOption = None, as_json: JsonOption = False) -> None:
    """Week by week, the newest first."""
    found = listed("/operations-reviews", {}, limit)
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "WEEK": lambda d: d["id"],
        "STATE": lambda d: d["state"],
        "DECISIONS": lambda d: str(len(d["decisions"])),
        "IN SHORT": lambda d: next(iter(d["headlines"]), "–"),
    }
    show.table(found.items, columns, as_json=as_json, empty="None yet; 'hotwash operations-review start' prepares one.")
    found.tell_of_more()


def show_review(week: WeekArgument, as_json: JsonOption = False) -> None:
    """The document as Markdown, and the decisions."""
    found = call("GET", f"/operations-reviews/{week}")
    if as_json:
        print_json(found)
        return
    sys.stdout.write(found["markdown"] + "\n")
    for each in found["decisions"]:
        sys.stdout.write(f"Decision {each['number']}: {each['text']} ({each['owner'] or 'nobody'})\n")


def start(by: ByOption = None, as_json: JsonOption = False) -> None:
    """Prepare this week's now; asking again finds it."""
    _act("/operations-reviews", {"by": by}, as_json=as_json)


def decide(
    week: WeekArgument,
    text: Annotated[str, typer.Argument(help="What the meeting decided.")],
    owner: Annotated[str | None, typer.Option(help="Who does it.")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record a decision."""
    _act(f"/operations-reviews/{week}/decisions", {"text": text, "owner": owner, "by": by}, as_json=as_json)


def close(
    week: WeekArgument, notes: Annotated[str, typer.Option()] = "", by: ByOption = None, as_json: JsonOption = False
) -> None:
    """The meeting was held."""
    _act(f"/operations-reviews/{week}/close", {"notes": notes, "by": by}, as_json=as_json)


def _act(path: str, body: dict[str, Any], *, as_json: bool) -> None:
    document = call("POST", path, body={name: value for name, value in body.items() if value})
    if as_json:
        print_json(document)
    else:
        stdout.print(document["id"], markup=False, highlight=False)
