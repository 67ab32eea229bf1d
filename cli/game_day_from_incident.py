"""`hotwash game-day from-incident`: a reviewed incident as a game day that recreates its failure."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import EXIT_REFUSED, JsonOption, call, fail, print_json, stderr, stdout
from cli.incidents import ByOption


def from_incident(
    incident: Annotated[str, typer.Argument(metavar="INC", help="An incident whose review was signed off.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file, or a folder that exists; left out: standard output.")
    ] = None,
    fault: Annotated[
        str | None, typer.Option(help="This fault (process.kill, disk.fill, …); left out: what fits best.")
    ] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose the game day that recreates an incident: fault, target, labels, and what went wrong as expectations.

    Changes nothing but the file named by -o. What a person has to fill in is listed on standard error; exit code 1 when
    nothing says how the incident failed, or when the text has findings.
    """
    body = {name: value for name, value in (("fault", fault), ("by", by)) if value}
    answer: dict[str, Any] = call("POST", f"/incidents/{incident}/drill-proposal", body=body)
    written = answer["written"]
    saved = _save(written, output) if output else None
    if as_json:
        print_json(answer | {"file": saved})
    else:
        _tell(answer, saved)
    if written["findings"]:
        raise typer.Exit(EXIT_REFUSED)


def _save(written: dict[str, Any], output: Path) -> str:
    # A game day is called what its file is called; somebody else's name would be refused by the lint.
    target = output / written["file"] if output.is_dir() else output
    if target.name != written["file"]:
        fail(f"this game day is called {written['file'].removesuffix('.yaml')!r}: name the file {written['file']}")
    try:
        # Never over a file that somebody has already filled in.
        with target.open("x", encoding="utf-8") as file:
            file.write(written["text"])
    except FileExistsError:
        fail(f"{target} is there already; remove it or name another folder")
    except OSError as error:
        fail(f"{target} cannot be written: {error.strerror}")
    return str(target)


def _tell(answer: dict[str, Any], saved: str | None) -> None:
    proposal, written = answer["proposal"], answer["written"]
    if saved is None:
        stdout.out(written["text"], end="", highlight=False)
    lines = [f"fault: {proposal['fault']['action']}, because {proposal['fault']['because']}"]
    lines += [f"note: {each}" for each in proposal["notes"]]
    lines += [f"fill in {each['parameter'] or 'by hand'}: {each['sentence']}" for each in proposal["blanks"]]
    lines += [f"{each['file']}:{each['line']}:{each['column']}: {each['sentence']}" for each in written["findings"]]
    lines += [f"saved as {saved}"] if saved else []
    lines += ["for hotwash.yaml, so that it is held again and again:", written["schedule"].rstrip()]
    lines += [f"an action item that waits for it: {answer['action_item']}"]
    for line in lines:
        # On standard error, so that a game day on standard output stays one.
        stderr.print(line, markup=False, highlight=False, soft_wrap=True)
