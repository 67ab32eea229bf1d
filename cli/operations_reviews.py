"""`hotwash operations-review`: the weekly document, and what its meeting decides."""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from cli import show
from cli.client import JsonOption, call, print_json, stdout

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


def list_reviews(as_json: JsonOption = False) -> None:
    """Week by week, the newest first."""
    found = call("GET", "/operations-reviews")["items"]
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "WEEK": lambda d: d["id"],
        "STATE": lambda d: d["state"],
        "DECISIONS": lambda d: str(len(d["decisions"])),
        "IN SHORT": lambda d: next(iter(d["headlines"]), "–"),
    }
    show.table(found, columns, as_json=as_json, empty="None yet; 'hotwash operations-review start' prepares one.")


def show_review(week: WeekArgument, as_json: JsonOption = False) -> None:
    """The document as Markdown, and the decisions."""
    found = call("GET", f"/operations-reviews/{week}")
    if as_json:
        print_json(found)
        return
    sys.stdout.write(found["markdown"] + "\n")
    for each in found["decisions"]:
        sys.stdout.write(f"Decision {each['number']}: {each['text']} ({each['owner'] or 'nobody'})\n")


def start(as_json: JsonOption = False) -> None:
    """Prepare this week's now; asking again finds it."""
    _say(call("POST", "/operations-reviews", body={}), as_json=as_json)


def decide(
    week: WeekArgument,
    text: Annotated[str, typer.Argument(help="What the meeting decided.")],
    owner: Annotated[str | None, typer.Option(help="Who does it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Record a decision."""
    body = {"text": text} | ({"owner": owner} if owner else {})
    _say(call("POST", f"/operations-reviews/{week}/decisions", body=body), as_json=as_json)


def close(week: WeekArgument, notes: Annotated[str, typer.Option()] = "", as_json: JsonOption = False) -> None:
    """The meeting was held."""
    _say(call("POST", f"/operations-reviews/{week}/close", body={"notes": notes}), as_json=as_json)


def _say(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        stdout.print(document["id"], markup=False, highlight=False)
