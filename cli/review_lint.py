"""`hotwash review lint`: the blameless lint for files, without a server, for editors and for a repository's CI.

The one thing to know: nothing is sent anywhere; the rules run here (`domain/blameless/`).
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cli.client import EXIT_REFUSED, JsonOption, fail, print_json, stdout
from cli.sarif import sarif
from domain.blameless import RULES, BlamelessFinding, Level, at_least, lint_text

_EXIT_USAGE = 2
_SUFFIXES = (".md", ".markdown", ".txt")
_STYLES = {Level.ERROR: "bold red", Level.WARNING: "yellow", Level.INFO: "cyan"}
_STDIN = Path("-")


class OutputFormat(StrEnum):
    """How the findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def lint_reviews(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Texts, folders of them, or - for input.")],
    fail_on: Annotated[
        Level, typer.Option("--fail-on", help="Exit code 1 from this level on.", case_sensitive=False)
    ] = Level.WARNING,
    least: Annotated[Level, typer.Option("--level", help="Print from this level on.")] = Level.INFO,
    form: Annotated[OutputFormat, typer.Option("--format", help="text, json or sarif.")] = OutputFormat.TEXT,
    as_json: JsonOption = False,
) -> None:
    """Say where a text judges people, why that ends the learning, and what to ask instead."""
    found = {path: _shown(lint_text(_read(path)), least, fail_on) for path in _expand(files)}
    if as_json or form is OutputFormat.JSON:
        print_json(
            [{"file": str(path), **each.model_dump(mode="json")} for path, all_ in found.items() for each in all_]
        )
    elif form is OutputFormat.SARIF:
        print_json(sarif(found))
    else:
        _print(found)
    if any(at_least(each.level, fail_on) for findings in found.values() for each in findings):
        raise typer.Exit(EXIT_REFUSED)


def list_rules(as_json: JsonOption = False) -> None:
    """The rules of the lint: what each looks for, why, and where it comes from."""
    if as_json:
        print_json([rule.model_dump(mode="json") for rule in RULES.values()])
        return
    for rule in RULES.values():
        stdout.print(Text.assemble((rule.id, "bold"), "  ", (rule.level.value, _STYLES[rule.level]), f"  {rule.title}"))
        stdout.print(Text(f"    {rule.why}\n    {rule.question}\n    {rule.source}", style="dim"), soft_wrap=True)


def _expand(files: Sequence[Path]) -> Iterable[Path]:
    paths: dict[Path, None] = {}
    for given in files:
        if given.is_dir():
            paths.update(
                (path, None) for path in sorted(given.rglob("*")) if path.suffix in _SUFFIXES and path.is_file()
            )
        else:
            paths[given] = None
    if not paths:
        fail(f"there is no {', '.join(_SUFFIXES)} file in what was named", _EXIT_USAGE)
    return paths


def _read(path: Path) -> str:
    try:
        return sys.stdin.read() if path == _STDIN else path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        fail(f"{path} is not UTF-8 text", _EXIT_USAGE)
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}", _EXIT_USAGE)


def _shown(findings: Iterable[BlamelessFinding], least: Level, fail_on: Level) -> tuple[BlamelessFinding, ...]:
    # What decides about the exit code is always printed: nobody is failed without being told why.
    return tuple(each for each in findings if at_least(each.level, least) or at_least(each.level, fail_on))


def _print(found: Mapping[Path, Sequence[BlamelessFinding]]) -> None:
    total = 0
    for path, findings in found.items():
        for each in findings:
            total += 1
            place = f"{path}:{each.line}:{each.column}: "
            head = Text.assemble(
                (place, "bold"), (each.level.value, _STYLES[each.level]), f" {each.rule}: “{each.text}”"
            )
            stdout.print(head, soft_wrap=True)
            stdout.print(Text(f"    {each.why} ({each.source})", style="dim"), soft_wrap=True)
            stdout.print(Text(f"    Ask: {each.question}"), soft_wrap=True)
    files = "1 file" if len(found) == 1 else f"{len(found)} files"
    if total:
        stdout.print(Text(f"{total} to look at in {files}", style="yellow"))
    else:
        stdout.print(Text(f"{files} without blame", style="green"))
