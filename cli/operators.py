"""`hotwash runbook pause|resume|stop|skip|retry|override|complete`: take a running runbook over, each with a reason."""

import json
from typing import Annotated, Any

import typer

from cli import show
from cli.client import JsonOption, call, fail, print_json
from cli.incidents import ByOption

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="From 'hotwash runbook runs'.")]
StepArgument = Annotated[
    str, typer.Argument(metavar="STEP", help="The step's path, as 'hotwash runbook runs RUN' shows.")
]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Goes into the timeline.")]


def register(runbook: typer.Typer) -> None:
    """Add the verbs to `hotwash runbook`."""
    for function in (pause, resume, stop, skip, retry, override, complete):
        runbook.command(function.__name__, rich_help_panel="Take a run over")(function)


def _operate(run: str, verb: str, body: dict[str, Any], *, by: str | None, as_json: bool) -> None:
    document = call("POST", f"/runs/{run}/{verb}", body=body | ({"by": by} if by else {}))
    if as_json:
        print_json(document)
        return
    show.facts([("run", document["id"]), ("status", show.state(document["status"])), ("why", document["reason"])])
    for step in document["steps"]:
        show.step(step)


def pause(run: RunArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Start no new step until resumed."""
    _operate(run, "pause", {"reason": reason}, by=by, as_json=as_json)


def resume(run: RunArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Go on."""
    _operate(run, "resume", {"reason": reason}, by=by, as_json=as_json)


def stop(
    run: RunArgument,
    reason: ReasonOption,
    undo: Annotated[bool, typer.Option(help="Take back what was done, newest first.")] = True,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start no new work, cancel what can be cancelled, then undo."""
    _operate(run, "stop", {"reason": reason, "undo": undo}, by=by, as_json=as_json)


def skip(
    run: RunArgument, step: StepArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """Leave a step out."""
    _operate(run, "skip", {"path": step, "reason": reason}, by=by, as_json=as_json)


def retry(
    run: RunArgument, step: StepArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """Try a failed or unknown step again."""
    _operate(run, "retry", {"path": step, "reason": reason}, by=by, as_json=as_json)


def override(
    run: RunArgument,
    step: StepArgument,
    output: Annotated[str, typer.Option(help='A JSON object, such as {"current": "v1"}.')],
    reason: ReasonOption,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take this as the step's output and go on."""
    body = {"path": step, "output": _object(output), "reason": reason}
    _operate(run, "override", body, by=by, as_json=as_json)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        fail(f"{text!r} is not a JSON object", 2)
    return value


def complete(
    run: RunArgument,
    step: StepArgument,
    failed: Annotated[bool, typer.Option("--failed", help="It could not be done, or did not happen.")] = False,
    note: Annotated[str, typer.Option(help="What was done or seen.")] = "",
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that a manual step is done, or what became of an unknown one."""
    _operate(run, "complete", {"path": step, "succeeded": not failed, "note": note}, by=by, as_json=as_json)
