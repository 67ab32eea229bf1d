"""`hotwash runbook`: lint and show a file without a server; run one for an incident and watch it."""

import json
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import operators, show
from cli.client import EXIT_REFUSED, JsonOption, call, fail, print_json, stderr, stdout
from cli.incidents import ByOption
from cli.runbook_import import import_file
from domain.errors import Rejected
from domain.run import ActionSpec
from runbooks.catalog import Catalog
from runbooks.graph import flow_of, mermaid
from runbooks.graph_svg import svg
from runbooks.json_schema import runbook_json_schema
from runbooks.lint import Linted
from runbooks.plan import Plan

runbook = typer.Typer(help="Runbooks: lint, show, run.", no_args_is_help=True)
runbook.command("import")(import_file)
_ENDED = ("succeeded", "failed", "stopped")
# How often a running runbook is asked how it stands; a step takes longer than that.
_LOOK_SECONDS = 0.5


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    operators.register(runbook)
    app.add_typer(runbook, name="runbook", rich_help_panel="Mitigation")


def _specs() -> dict[str, ActionSpec]:
    from workers.action_specs import action_specs  # noqa: PLC0415 - an entry point; costs time only when it is needed

    return action_specs()


def _catalog(*files: Path) -> Catalog:
    """The library, and before it what lies beside these files: a runbook may nest its neighbours."""
    return Catalog(list(dict.fromkeys(file.parent for file in files)), _specs())


def _lint_file(file: Path, catalog: Catalog) -> Linted:
    try:
        return catalog.lint_file(file)
    except Rejected as error:
        fail(error.sentence)


@runbook.command("lint")
def lint_files(
    files: Annotated[list[Path], typer.Argument(help="YAML files or folders of them.")],
    as_json: JsonOption = False,
) -> None:
    """Say everything that is wrong, as file:line:column; exit code 1 when there is something."""
    paths = [path for given in files for path in (sorted(given.glob("*.yaml")) if given.is_dir() else [given])]
    if not paths:
        fail("there is no .yaml file in what was named")
    catalog = _catalog(*paths)
    findings = [finding for path in paths for finding in _lint_file(path, catalog).findings]
    if as_json:
        print_json([finding.model_dump(mode="json") for finding in findings])
    for finding in [] if as_json else findings:
        stdout.print(str(finding), markup=False, highlight=False, soft_wrap=True)
    if findings:
        raise typer.Exit(EXIT_REFUSED)
    if not as_json:
        stdout.print(f"{len(paths)} fit to run", style="green")


@runbook.command("schema")
def print_schema() -> None:
    """The JSON Schema, for editors."""
    print_json(runbook_json_schema(_specs()))


@runbook.command("actions")
def list_actions(
    markdown: Annotated[bool, typer.Option("--markdown", help="The whole catalogue as a page.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What a step may do, built in and installed: effect, undo, check, parameters."""
    from workers.action_specs import action_catalogue, action_pages  # noqa: PLC0415 - an entry point, as above

    if markdown:
        stdout.print(action_catalogue(), end="", markup=False, highlight=False, soft_wrap=True)
        return
    pages = [page.model_dump(mode="json") for page in action_pages()]
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "ACTION": lambda d: d["spec"]["name"],
        "EFFECT": lambda d: d["spec"]["effect"].replace("_", " "),
        "TWICE": lambda d: d["spec"]["idempotency"].replace("_", " "),
        "UNDO": lambda d: "yes" if d["spec"]["has_undo"] else "–",
        "CHECK": lambda d: "yes" if d["spec"]["has_check"] else "–",
        "WHAT": lambda d: d["spec"]["summary"],
    }
    show.table(pages, columns, as_json=as_json, empty="")


@runbook.command("list")
def list_runbooks(as_json: JsonOption = False) -> None:
    """What the server may run."""
    found = call("GET", "/runbooks")["items"]
    columns = {
        "RUNBOOK": lambda d: d["name"],
        "OWNER": lambda d: d["owner"],
        "FIT": lambda d: show.state("failed") if d["findings"] else "yes",
        "TITLE": lambda d: d["title"],
    }
    show.table(found, columns, as_json=as_json, empty="There is no runbook.")


@runbook.command("show")
def show_runbook(
    name: Annotated[str, typer.Argument(help="A file, or the name of one in the library.")],
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value or name:=JSON; resolves targets.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The plan: what each step does and to what, what it needs, what takes it back."""
    given, file = read_parameters(parameter or []), Path(name)
    try:
        planned = _catalog(file).plan_file(file, given) if file.is_file() else _catalog().plan(name, given)
    except Rejected as error:
        fail(error.sentence)
    if as_json:
        print_json(planned.model_dump(mode="json"))
    else:
        _print_plan(planned)


class GraphFormat(StrEnum):
    """How a graph is written."""

    MERMAID = "mermaid"
    SVG = "svg"


@runbook.command("graph")
def draw_graph(
    name: Annotated[str, typer.Argument(help="A file, or the name of one in the library.")],
    form: Annotated[
        GraphFormat, typer.Option("--format", help="Text for Markdown, or a picture.")
    ] = GraphFormat.MERMAID,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it here.")] = None,
) -> None:
    """Draw the steps: what they do to the world, who must agree, and what is taken back in which order."""
    file = Path(name)
    try:
        linted = _catalog(file).lint_file(file) if file.is_file() else _catalog().lint(name)
    except Rejected as error:
        fail(error.sentence)
    for finding in linted.findings:
        # A draft is drawn all the same: seeing it is how it gets mended.
        stderr.print(str(finding), markup=False, highlight=False, soft_wrap=True)
    if linted.runbook is None:
        raise typer.Exit(EXIT_REFUSED)
    picture = flow_of(linted.runbook, _specs())
    drawn = mermaid(picture) if form is GraphFormat.MERMAID else svg(picture)
    if output is None:
        stdout.out(drawn, end="", highlight=False)
    else:
        _write(output, drawn)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}")


def _print_plan(planned: Plan) -> None:
    stdout.print(f"[bold]{planned.title}[/]  {planned.name} version {planned.version}")
    counts = f"{planned.mutating} mutating, {planned.read_only} read-only, {planned.fault} faults"
    stdout.print(f"{counts}, {planned.approvals} {'approval' if planned.approvals == 1 else 'approvals'}", style="dim")
    steps = [step.model_dump(mode="json") for step in planned.steps]
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "STEP": lambda d: d["path"],
        "DOES": lambda d: d["action"] or d["kind"],
        "TO": lambda d: ", ".join(f"{name}={value}" for name, value in d["parameters"].items()),
        "EFFECT": lambda d: (d["effect"] or "–").replace("_", " "),
        "APPROVED BY": lambda d: ", ".join(d["approved_by"]) or "–",
        "VERIFIED BY": lambda d: d["verified_by"] or "–",
        "UNDO": lambda d: d["undo"] or "–",
        "WHEN": lambda d: d["condition"] or ("always, at the end" if d["is_final"] else ""),
    }
    show.table(steps, columns, as_json=False, empty="")


@runbook.command("run")
def run_runbook(
    name: Annotated[str, typer.Argument(help="From 'hotwash runbook list'.")],
    incident: Annotated[str, typer.Option("--incident", "-i", help="For which incident.")],
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value, or name:=JSON for numbers and lists.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Follow it to its end; exit code 1 when it does not succeed.")] = True,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run one for an incident, and show each step as it happens."""
    body: dict[str, Any] = {"incident_id": incident, "runbook": name, "parameters": read_parameters(parameter or [])}
    document = call("POST", "/runs", body=body | ({"by": by} if by else {}))
    if wait:
        document = _follow(document["id"], quiet=as_json)
    if as_json:
        print_json(document)
    elif not wait:
        stdout.print(document["id"])
    if wait and document["status"] != "succeeded":
        raise typer.Exit(EXIT_REFUSED)


@runbook.command("runs")
def list_runs(
    run: Annotated[str | None, typer.Argument(help="One run with its steps; left out: the list.")] = None,
    incident: Annotated[str | None, typer.Option("--incident", "-i")] = None,
    as_json: JsonOption = False,
) -> None:
    """List runs, newest first, or show one with its steps."""
    if run is not None:
        document = call("GET", f"/runs/{run}")
        if as_json:
            print_json(document)
            return
        _print_run(document)
        for each in document["steps"]:
            show.step(each)
        return
    found = call("GET", "/runs", params={"incident_id": incident})["items"]
    columns = {
        "RUN": lambda d: d["id"],
        "STATUS": lambda d: show.state(d["status"]),
        "STARTED": lambda d: show.ago(d["started_at"]),
        "WAITS FOR": lambda d: d["waiting_for"] or "–",
    }
    show.table(found, columns, as_json=as_json, empty="Nothing has run.")


def read_parameters(given: list[str]) -> dict[str, Any]:
    """What `--parameter name=value` says, given any number of times; `name:=value` is JSON (numbers, lists)."""
    parameters: dict[str, Any] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            fail(f"{each!r} is not name=value", 2)
        try:
            parameters[name.removesuffix(":")] = json.loads(value) if name.endswith(":") else value
        except ValueError:
            fail(f"{value!r} is not JSON; write {name.removesuffix(':')}={value} for text", 2)
    return parameters


def _follow(run: str, *, quiet: bool) -> dict[str, Any]:
    """Print each step whenever it changed, until the run has ended or somebody must decide."""
    seen: dict[str, str] = {}
    while True:
        document: dict[str, Any] = call("GET", f"/runs/{run}")
        for each in document["steps"]:
            if not quiet and each["status"] != "pending" and seen.get(each["path"]) != each["status"]:
                seen[each["path"]] = each["status"]
                show.step(each)
        if document["status"] in _ENDED:
            if not quiet:
                _print_run(document)
            return document
        time.sleep(_LOOK_SECONDS)


def _print_run(document: dict[str, Any]) -> None:
    show.facts(
        [
            ("run", document["id"]),
            ("status", show.state(document["status"])),
            ("why", document["reason"]),
            ("waits for", document["waiting_for"]),
        ]
    )
