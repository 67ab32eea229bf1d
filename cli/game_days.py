"""`hotwash game-day`: lint and show a file without a server; what is defined and held; hold one now; halt one.

Schedules are in `cli/game_day_schedules.py`, reports and the map in `cli/game_day_reports.py`.
"""

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import show
from cli.client import EXIT_REFUSED, JsonOption, call, fail, print_json, stdout
from cli.game_day_from_incident import from_incident
from cli.game_day_import import import_file
from cli.incidents import ByOption
from cli.runbooks import read_parameters
from domain.configuration import Configuration
from domain.durations import format_duration
from domain.errors import Rejected
from runbooks.findings import Finding
from runbooks.game_day_catalog import GameDayCatalog
from runbooks.game_day_plan import plan_game_day
from runbooks.json_schema import game_day_json_schema
from runbooks.tabletop_lint import cast_for
from runbooks.tabletop_schema import Tabletop
from runtime.configuration import load_configuration

game_day = typer.Typer(help="Game days: real faults on purpose, always undone.", no_args_is_help=True)
_LOOK_SECONDS = 1.0
# A dry run that found everything in order is previewed.
_GOOD = ("passed", "previewed")


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    app.add_typer(game_day, name="game-day", rich_help_panel="Practice")


game_day.command("import")(import_file)
game_day.command("from-incident")(from_incident)

ConfigurationOption = Annotated[
    Path | None,
    typer.Option("--configuration", "-c", help="hotwash.yaml: targets and people are looked up there.", dir_okay=False),
]


def _catalog() -> GameDayCatalog:
    from workers.action_specs import action_specs  # noqa: PLC0415 - an entry point; costs time only when it is needed

    return GameDayCatalog([], action_specs())


def _configuration(file: Path | None) -> Configuration | None:
    """What was named, else what lies in the home; None when there is neither."""
    home = Path(os.environ.get("HOTWASH_HOME") or ".hotwash") / "hotwash.yaml"
    found = file or (home if home.is_file() else None)
    if found is None:
        return None
    try:
        return load_configuration(found)
    except Rejected as error:
        fail(error.sentence)


@game_day.command("lint")
def lint_files(
    files: Annotated[list[Path], typer.Argument(help="YAML files or folders of them.")],
    configuration: ConfigurationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say everything that is wrong, as file:line:column; exit code 1 when there is something."""
    paths = [path for given in files for path in (sorted(given.glob("*.yaml")) if given.is_dir() else [given])]
    if not paths:
        fail("there is no .yaml file in what was named")
    catalog, known = _catalog(), _configuration(configuration)
    findings: list[Finding] = []
    for path in paths:
        try:
            findings += catalog.lint_file(path, known)[1]
        except Rejected as error:
            fail(error.sentence)
    if as_json:
        print_json([finding.model_dump(mode="json") for finding in findings])
    for finding in [] if as_json else findings:
        stdout.print(str(finding), markup=False, highlight=False, soft_wrap=True)
    if findings:
        raise typer.Exit(EXIT_REFUSED)
    if not as_json:
        stdout.print(f"{len(paths)} fit to be held", style="green")


@game_day.command("schema")
def print_schema() -> None:
    """The JSON Schema, for editors."""
    from workers.action_specs import action_specs  # noqa: PLC0415 - as above

    print_json(game_day_json_schema(action_specs()))


@game_day.command("list")
def list_game_days(as_json: JsonOption = False) -> None:
    """What may be held, and when the next one is due."""
    found = call("GET", "/game-days/definitions")["items"]
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "GAME DAY": lambda d: d["name"],
        "SCHEDULE": lambda d: (d["schedule"] or "by hand") + (" (paused)" if d["is_paused"] else ""),
        "NEXT": lambda d: show.ago(d["next_at"]),
        "MISSED": lambda d: str(d["missed"]) if d["missed"] else "–",
        "FIT": lambda d: "; ".join(filter(None, (*d["problems"], d.get("schedule_problem")))) or "yes",
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
    if wait and document["verdict"] not in _GOOD:
        raise typer.Exit(EXIT_REFUSED)


@game_day.command("show")
def show_one(
    game_day_id: Annotated[str, typer.Argument(metavar="ID|FILE", help="From 'hotwash game-day held', or a file.")],
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="name=value, for a file.")] = None,
    configuration: ConfigurationOption = None,
    as_json: JsonOption = False,
) -> None:
    """One that was held, with its score sheet; of a file: the targets, what would be done, and who has to agree.

    Of a tabletop's file: its injects with their clues, which only the game master should know.
    """
    if Path(game_day_id).is_file():
        _show_plan(Path(game_day_id), parameter or [], configuration, as_json=as_json)
        return
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


def _show_plan(file: Path, parameters: list[str], configuration: Path | None, *, as_json: bool) -> None:
    known = _configuration(configuration)
    if known is None:
        fail("targets are chosen from hotwash.yaml; name it with --configuration")
    catalog = _catalog()
    document, findings = catalog.lint_file(file, known)
    if findings:
        fail("\n".join(str(finding) for finding in findings))
    try:
        if document is None:
            played = cast_for(catalog.tabletop_file(file), read_parameters(parameters), known)
            _show_tabletop(played, as_json=as_json)
            return
        planned = plan_game_day(document, known, read_parameters(parameters))
    except Rejected as error:
        fail(error.sentence)
    if as_json:
        print_json(planned.model_dump(mode="json", by_alias=True))
        return
    approvals = "none"
    if planned.approvals_needed:
        approvals = f"{planned.approvals_needed} by {', '.join(planned.approvers) or 'any person'}"
    show.facts(
        [
            ("game day", f"{planned.name}: {planned.title}"), ("kind", planned.kind.value),
            ("environment", ", ".join(planned.environments) or "none"), ("approvals", approvals),
            ("announced to", ", ".join(planned.announced_to) or "nobody"), ("lasts at most", planned.duration),
            ("steady state", "; ".join(planned.probes)), ("stops on", "; ".join(planned.stop_conditions) or "a halt"),
            ("expects", "; ".join(planned.expectations)),
        ]
    )  # fmt: skip
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "FAULT": lambda d: d["id"],
        "TARGET": lambda d: d["target"],
        "ACTION": lambda d: " ".join([d["action"], *(f"{key}={value}" for key, value in d["parameters"].items())]),
        "FOR": lambda d: d["duration"],
        "AFTER": lambda d: ", ".join(d["start_after"]) or "–",
        "UNDO": lambda d: d["undo"] or "its own",
    }
    rows = [each.model_dump(mode="json", by_alias=True) for each in planned.faults]
    show.table(rows, columns, as_json=False, empty="No target is chosen, so nothing would be done.")


def _show_tabletop(document: Tabletop, *, as_json: bool) -> None:
    """What its game master has to know: also the clues and what a good answer is."""
    if as_json:
        print_json(document.model_dump(mode="json", by_alias=True))
        return
    show.facts(
        [
            ("game day", f"{document.name}: {document.title}"), ("kind", document.kind.value),
            ("incident", f"{document.severity.value} {document.incident_title}"),
            ("players", ", ".join(document.players) or "said at the start (players=alice,bob)"),
            ("game master", document.roles.game_master or "whoever starts it"),
            ("lasts at most", format_duration(document.duration)), ("to be learned", document.hypothesis),
        ]
    )  # fmt: skip
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "AT": lambda d: format_duration(d["at"]),
        "FROM": lambda d: d["from"] or "–",
        "INJECT": lambda d: d["text"],
        "CLUE": lambda d: d["clue"] or "–",
        "EXPECTED": lambda d: "; ".join(each["text"] or each["expect"] for each in d["expected"]) or "–",
    }
    show.table([each.model_dump(by_alias=True) for each in document.injects], columns, as_json=False, empty="")


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


def _follow(game_day_id: str, *, quiet: bool) -> dict[str, Any]:
    seen = ""
    while True:
        document: dict[str, Any] = call("GET", f"/game-days/{game_day_id}")
        if not quiet and document["phase"] != seen:
            seen = document["phase"]
            stdout.print(f"  {seen.replace('_', ' ')}", style="dim")
            if seen == "awaiting_approval" and document.get("approval"):
                stdout.print(f"  hotwash approve {document['approval']['id']}", style="yellow", markup=False)
        if document["phase"] == "finished":
            if not quiet:
                _print(document)
            return document
        time.sleep(_LOOK_SECONDS)


def _print(document: dict[str, Any]) -> None:
    verdict = show.state(document["verdict"] or document["phase"])
    scores = {name: value for name, value in (document.get("scores") or {}).items() if value is not None}
    waits = document["phase"] == "awaiting_approval" and document.get("approval")
    show.facts(
        [
            ("game day", document["id"]),
            ("verdict", verdict),
            ("why", document["reason"]),
            ("incident", document.get("incident_id")),
            ("approve with", f"hotwash approve {document['approval']['id']}" if waits else None),
            ("scores", ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in scores.items())),
        ]
    )
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "EXPECTED": lambda d: d["expectation"],
        "WITHIN": lambda d: show.seconds(d["within_seconds"]),
        "SEEN AFTER": lambda d: show.seconds(d["observed_after_seconds"]),
        "": lambda d: show.state(d["judgement"]),
    }
    show.table(document["expectations"], columns, as_json=False, empty="")
