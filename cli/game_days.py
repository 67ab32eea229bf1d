"""`hotwash game-day`: what is defined, held and due; hold one now; halt one."""

import time
import uuid
from collections.abc import Callable
from typing import Annotated, Any

import typer

from cli import show
from cli.client import EXIT_REFUSED, JsonOption, call, print_json, stdout
from cli.game_day_import import import_file
from cli.incidents import ByOption
from cli.runbooks import read_parameters

game_day = typer.Typer(help="Game days: real faults on purpose, always undone.", no_args_is_help=True)
_LOOK_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    app.add_typer(game_day, name="game-day", rich_help_panel="Practice")


game_day.command("import")(import_file)


@game_day.command("list")
def list_game_days(as_json: JsonOption = False) -> None:
    """What may be held, and when the next one is due."""
    found = call("GET", "/game-days/definitions")["items"]
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "GAME DAY": lambda d: d["name"],
        "SCHEDULE": lambda d: (d["schedule"] or "by hand") + (" (paused)" if d["is_paused"] else ""),
        "NEXT": lambda d: show.ago(d["next_at"]),
        "FIT": lambda d: "; ".join(d["problems"]) or "yes",
        "TITLE": lambda d: d["title"],
    }
    show.table(found, columns, as_json=as_json, empty="No game day is defined.")


@game_day.command("held")
def list_held(as_json: JsonOption = False) -> None:
    """What was held, newest first."""
    found = call("GET", "/game-days")["items"]
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "GAME DAY": lambda d: d["id"],
        "VERDICT": lambda d: show.state(d["verdict"] or d["phase"]),
        "INCIDENT": lambda d: d["incident_id"] or "–",
        "WHY": lambda d: d["reason"],
    }
    show.table(found, columns, as_json=as_json, empty="None has been held.")


@game_day.command("start")
def start(
    name: Annotated[str, typer.Argument(help="From 'hotwash game-day list'.")],
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="name=value")] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key: the same one starts it once.")] = None,
    wait: Annotated[bool, typer.Option(help="Watch it to its end; exit code 1 unless it passes.")] = True,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold one now: breaks something on purpose, expects the ordinary response, puts everything right."""
    # A command whose answer was lost on the way may be given again: the same key is the same game day.
    mark = {"Idempotency-Key": key or uuid.uuid4().hex}
    body: dict[str, Any] = {"parameters": read_parameters(parameter or [])} | ({"by": by} if by else {})
    document: dict[str, Any] = call("POST", f"/game-days/{name}/start", body=body, headers=mark)
    if wait:
        document = _follow(document["id"], quiet=as_json)
    if as_json:
        print_json(document)
    elif not wait:
        stdout.print(document["id"])
    if wait and document["verdict"] != "passed":
        raise typer.Exit(EXIT_REFUSED)


@game_day.command("show")
def show_one(
    game_day_id: Annotated[str, typer.Argument(metavar="ID", help="From 'hotwash game-day held'.")],
    as_json: JsonOption = False,
) -> None:
    """One with its score sheet."""
    document = call("GET", f"/game-days/{game_day_id}")
    if as_json:
        print_json(document)
    else:
        _print(document)


@game_day.command("journal")
def journal(
    game_day_id: Annotated[str, typer.Argument(metavar="ID", help="From 'hotwash game-day held'.")],
) -> None:
    """One as the Chaos Toolkit writes its journals (JSON), for the tools that read them."""
    print_json(call("GET", f"/game-days/{game_day_id}/journal"))


@game_day.command("halt")
def halt(
    game_day_id: Annotated[str, typer.Argument(metavar="ID")],
    reason: Annotated[str, typer.Option("--reason", "-r")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop one now and undo its fault."""
    body = {"reason": reason} | ({"by": by} if by else {})
    document = call("POST", f"/game-days/{game_day_id}/halt", body=body)
    if as_json:
        print_json(document)
    else:
        _print(document)


@game_day.command("pause")
def pause(
    name: Annotated[str, typer.Argument(help="From 'hotwash game-day list'.")],
    reason: Annotated[str, typer.Option("--reason", "-r")],
    by: ByOption = None,
) -> None:
    """No further one starts by itself, until it is resumed."""
    _schedule(name, "pause", reason, by)


@game_day.command("resume")
def resume(
    name: Annotated[str, typer.Argument(help="From 'hotwash game-day list'.")],
    reason: Annotated[str, typer.Option("--reason", "-r")],
    by: ByOption = None,
) -> None:
    """The schedule goes on; what was missed is not made up for."""
    _schedule(name, "resume", reason, by)


def _schedule(name: str, verb: str, reason: str, by: str | None) -> None:
    call("POST", f"/game-days/{name}/{verb}", body={"reason": reason} | ({"by": by} if by else {}))


def _follow(game_day_id: str, *, quiet: bool) -> dict[str, Any]:
    seen = ""
    while True:
        document: dict[str, Any] = call("GET", f"/game-days/{game_day_id}")
        if not quiet and document["phase"] != seen:
            seen = document["phase"]
            stdout.print(f"  {seen}", style="dim")
        if document["phase"] == "finished":
            if not quiet:
                _print(document)
            return document
        time.sleep(_LOOK_SECONDS)


def _print(document: dict[str, Any]) -> None:
    verdict = show.state(document["verdict"] or document["phase"])
    show.facts([("game day", document["id"]), ("verdict", verdict), ("why", document["reason"])])
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "EXPECTED": lambda d: d["expectation"],
        "WITHIN": lambda d: show.seconds(d["within_seconds"]),
        "SEEN AFTER": lambda d: show.seconds(d["observed_after_seconds"]),
        "": lambda d: show.state(d["judgement"]),
    }
    show.table(document["expectations"], columns, as_json=False, empty="")
