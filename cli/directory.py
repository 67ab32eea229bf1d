"""`hotwash on-call`, `token`, `login-link`: who is there, and who may come in."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from cli import show
from cli.client import JsonOption, call, print_json, stdout


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    app.command("on-call", rich_help_panel="Incidents")(on_call)
    app.command("token", rich_help_panel="House")(token)
    app.command("login-link", rich_help_panel="House")(login_link)


def on_call(as_json: JsonOption = False) -> None:
    """Who is paged for each service, and who comes after them."""
    found = call("GET", "/on-call")["items"]
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "SERVICE": lambda d: d["service"],
        "FIRST": lambda d: ", ".join(d["people"]) or "nobody",
        "THEN": lambda d: "; ".join(", ".join(level["people"]) for level in d["levels"][1:]) or "–",
    }
    show.table(found, columns, as_json=as_json, empty="No service is configured.")


def token(
    person: Annotated[str, typer.Argument(help="A person's id in hotwash.yaml.")],
    valid_for: Annotated[str | None, typer.Option(help="Such as 30d; 90 days when left out.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Issue a bearer token for a person (admin token only); it is shown once."""
    body = {"person": person} | ({"valid_for": valid_for} if valid_for else {})
    document = call("POST", "/tokens", body=body)
    if as_json:
        print_json(document)
    else:
        stdout.print(document["token"], markup=False, highlight=False, soft_wrap=True)


def login_link(
    person: Annotated[str | None, typer.Argument(help="A person's id; left out: the administrator.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a link that logs a browser in, once (admin token only)."""
    document = call("POST", "/login-links", body={"person": person} if person else {})
    if as_json:
        print_json(document)
    else:
        stdout.print(document["url"], markup=False, highlight=False, soft_wrap=True)
