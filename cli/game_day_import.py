"""`hotwash game-day import`: another tool's experiment as a game day, and a list of all that did not come along."""

from pathlib import Path
from typing import Annotated

import typer

from cli.client import EXIT_REFUSED, JsonOption, fail, print_json, stderr, stdout
from domain.errors import Rejected
from runbooks.folders import read_text
from runbooks.importers.game_days import GameDayFormat, ImportedGameDay, import_game_day


def import_file(
    file: Annotated[Path, typer.Argument(help="What is imported: YAML or JSON.")],
    form: Annotated[
        GameDayFormat | None, typer.Option("--from", help="Where it comes from; left out: told from what is in it.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file, or a folder that exists; left out: standard output.")
    ] = None,
    owner: Annotated[str, typer.Option(help="The team that the game day will belong to.")] = "unowned",
    accept_losses: Annotated[
        bool, typer.Option("--accept-losses", help="Exit with 0 although something was not carried over as it was.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a game day of a Chaos Toolkit experiment or an AWS FIS template.

    What could not be carried over is listed as file:line:column, and in the head of the game day; exit code 1 then.
    """
    from workers.action_specs import action_specs  # noqa: PLC0415 - an entry point; costs time only when it is needed

    try:
        # A game day is called what its file is called.
        name = output.stem if output and not output.is_dir() else None
        made = import_game_day(read_text(file), str(file), form, action_specs(), owner=owner, name=name)
    except Rejected as error:
        fail(error.sentence)
    written = _save(made, output) if output else None
    if as_json:
        findings = {"losses": made.losses, "findings": made.findings}
        listed = {key: [each.model_dump(mode="json") for each in value] for key, value in findings.items()}
        print_json({"name": made.name, "file": written, "text": made.text, **listed})
    else:
        _tell(made, written)
    if made.findings or (made.losses and not accept_losses):
        raise typer.Exit(EXIT_REFUSED)


def _tell(made: ImportedGameDay, written: str | None) -> None:
    if written is None:
        stdout.out(made.text, end="", highlight=False)
    # On standard error, so that a game day on standard output stays one.
    for finding in (*made.losses, *made.findings):
        stderr.print(str(finding), markup=False, highlight=False, soft_wrap=True)
    if written is not None:
        stderr.print(f"{made.name}: {written}", markup=False, highlight=False, soft_wrap=True)
    count = len(made.losses)
    verdict = f"{count} to complete, or not carried over as they were" if count else "everything was carried over"
    stderr.print(verdict, style="yellow" if count else "green")


def _save(made: ImportedGameDay, output: Path) -> str:
    """Write it and say where; nothing is written over."""
    target = output / f"{made.name}.yaml" if output.is_dir() else output
    if target.exists():
        fail(f"{target} is there already; remove it, or choose another place")
    try:
        target.write_text(made.text, encoding="utf-8")
    except OSError as error:
        fail(f"{target} cannot be written: {error.strerror}")
    return str(target)
