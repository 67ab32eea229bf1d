"""`hotwash runbook import`: another tool's file as a runbook, and a list of everything that did not come along."""

from pathlib import Path
from typing import Annotated

import typer

from cli.client import EXIT_REFUSED, JsonOption, fail, print_json, stderr, stdout
from domain.errors import Rejected
from runbooks.folders import read_text
from runbooks.importers import Format, Imported, import_runbooks


def import_file(
    file: Annotated[Path, typer.Argument(help="What is imported: YAML, JSON, or Rundeck's XML.")],
    form: Annotated[Format, typer.Option("--from", help="Where it comes from.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file, or a folder for files; left out: standard output.")
    ] = None,
    owner: Annotated[str, typer.Option(help="The team that the runbook will belong to.")] = "unowned",
    accept_losses: Annotated[
        bool, typer.Option("--accept-losses", help="Exit with 0 although something was not carried over as it was.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a runbook of an SSM Automation document, Rundeck jobs or a Chaos Toolkit experiment.

    What could not be carried over is listed as file:line:column, and in the head of the runbook; exit code 1 then.
    """
    from workers.action_specs import action_specs  # noqa: PLC0415 - an entry point; costs time only when it is needed

    try:
        # A runbook is called what its file is called.
        name = output.stem if output and not output.is_dir() else None
        imported = import_runbooks(read_text(file), str(file), form, action_specs(), owner=owner, name=name)
    except Rejected as error:
        fail(error.sentence)
    files = _save(imported, output) if output else {}
    if as_json:
        runbooks = [{"name": each.name, "file": files.get(each.name), "text": each.text} for each in imported.runbooks]
        print_json({"runbooks": runbooks, "losses": [loss.model_dump(mode="json") for loss in imported.losses]})
    else:
        _tell(imported, files)
    if any(each.findings for each in imported.runbooks) or (imported.losses and not accept_losses):
        raise typer.Exit(EXIT_REFUSED)


def _tell(imported: Imported, files: dict[str, str]) -> None:
    if not files:
        stdout.out("---\n".join(each.text for each in imported.runbooks), end="", highlight=False)
    # On standard error, so that a runbook on standard output stays one.
    findings = [finding for each in imported.runbooks for finding in each.findings]
    for finding in (*imported.losses, *findings):
        stderr.print(str(finding), markup=False, highlight=False, soft_wrap=True)
    for name, written in files.items():
        stderr.print(f"{name}: {written}", markup=False, highlight=False, soft_wrap=True)
    count = len(imported.losses)
    verdict = f"{count} not carried over as they were" if count else "everything was carried over"
    stderr.print(verdict, style="yellow" if count else "green")


def _save(imported: Imported, output: Path) -> dict[str, str]:
    """Write each runbook and say where; nothing is written over."""
    if len(imported.runbooks) > 1 and not output.is_dir():
        fail(f"the file becomes {len(imported.runbooks)} runbooks; give a folder that exists with --output")
    targets = {each.name: output / f"{each.name}.yaml" if output.is_dir() else output for each in imported.runbooks}
    for target in targets.values():
        if target.exists():
            fail(f"{target} is there already; remove it, or choose another place")
    for each in imported.runbooks:
        try:
            targets[each.name].write_text(each.text, encoding="utf-8")
        except OSError as error:
            fail(f"{targets[each.name]} cannot be written: {error.strerror}")
    return {name: str(target) for name, target in targets.items()}
