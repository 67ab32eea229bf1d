"""`hotwash safety-lever`: stop all game days, or all of one environment, and let none begin."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from cli import show
from cli.client import JsonOption, call, print_json, stdout
from cli.incidents import ByOption
from domain.safety_lever import GLOBAL

safety_lever = typer.Typer(help="Stop all game days, and let none begin.", no_args_is_help=True)
EnvironmentOption = Annotated[
    str | None, typer.Option("--environment", "-e", help="Only the game days of this environment; left out: all.")
]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Everybody who is stopped reads it.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    app.add_typer(safety_lever, name="safety-lever", rich_help_panel="Practice")


@safety_lever.command("show")
def show_levers(as_json: JsonOption = False) -> None:
    """How they stand: who pulled which one, why, and what it stopped."""
    found = call("GET", "/safety-levers")["items"]
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "LEVER": lambda d: d["scope"],
        "STANDS": lambda d: show.state("engaged" if d["engaged"] else "released"),
        "BY": lambda d: d["by"]["name"] if d["by"] else "–",
        "SINCE": lambda d: show.ago(d["changed_at"]),
        "WHY": lambda d: d["reason"] or "–",
        "STOPPED": lambda d: ", ".join(d["stopped"]) or "–",
    }
    show.table(found, columns, as_json=as_json, empty="There is none.")


@safety_lever.command("engage")
def engage(
    reason: ReasonOption, environment: EnvironmentOption = None, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """Undo every fault at once; no game day begins until it is released."""
    _pull("engage", environment, reason, by, as_json=as_json)


@safety_lever.command("release")
def release(
    reason: ReasonOption, environment: EnvironmentOption = None, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """Game days may begin again; what was stopped stays stopped."""
    _pull("release", environment, reason, by, as_json=as_json)


def _pull(verb: str, environment: str | None, reason: str, by: str | None, *, as_json: bool) -> None:
    scope = environment or GLOBAL
    lever = call("POST", f"/safety-levers/{scope}/{verb}", body={"reason": reason} | ({"by": by} if by else {}))
    if as_json:
        print_json(lever)
        return
    word = "engaged: running game days are being undone, none begins" if lever["engaged"] else "released"
    stdout.print(f"The safety lever ({scope}) is {word}.")
