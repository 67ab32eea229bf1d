"""`hotwash runbook rehearse`: play runbooks on a real engine that skips time, with scripted results. Needs no server.

Exit codes: 0 everything came as expected, 1 a mismatch, 2 nothing was played because something does not fit.
"""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.status import Status
from rich.text import Text

from cli import show
from cli.client import EXIT_REFUSED, JsonOption, fail, print_json, stderr, stdout
from cli.junit import clock, write_junit
from cli.runbooks import runbook
from domain.errors import HotwashError, Rejected
from domain.run import ActionSpec
from domain.timeline import EntryKind
from runbooks.rehearsals import load_rehearsal
from runbooks.scenario import Rehearsal
from runbooks.verdict import PlayedLine, Verdict

_EXIT_USAGE = 2
_KIND_STYLES = {EntryKind.TROUBLE: "red", EntryKind.APPROVAL: "yellow", EntryKind.REMINDER: "dim"}


def register(app: typer.Typer) -> None:  # noqa: ARG001 - the command belongs to `hotwash runbook`, which is added there
    """Add the command."""
    runbook.command("rehearse")(rehearse)


def rehearse(
    runbooks: Annotated[list[str], typer.Argument(help="Files, or names of the library.", metavar="FILE|NAME…")],
    scenario: Annotated[
        Path | None,
        typer.Option(
            "--scenario", "-s", help="Scenarios; without it, scenarios/NAME.yaml beside the runbook.", dir_okay=False
        ),
    ] = None,
    only: Annotated[str | None, typer.Option("--only", help="Play the scenario of this name alone.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Read everything, play nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show the timeline of mismatches only.")] = False,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML.", dir_okay=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Play what would happen: days in seconds, nothing outside is touched, every expectation is compared."""
    if scenario is not None and len(runbooks) > 1:
        fail("--scenario is for one runbook; several have theirs in scenarios/ beside them", _EXIT_USAGE)
    specs = _specs()
    rehearsals = [_narrowed(each, only) for each in _loaded(runbooks, scenario, specs)]
    if check:
        count = sum(len(each.scenarios) for each in rehearsals)
        stdout.print(
            f"{_scenarios(count)} of {len(rehearsals)} runbook{'s' * (len(rehearsals) > 1)}: fit to play", style="green"
        )
        return
    try:
        verdicts = asyncio.run(_played(rehearsals, specs, quiet=quiet, as_json=as_json))
    except HotwashError as error:
        fail(error.sentence, _EXIT_USAGE)
    if junit is not None:
        _write(verdicts, junit)
    if as_json:
        print_json([verdict.model_dump(mode="json") for verdict in verdicts])
    else:
        _summary(verdicts)
    if not all(verdict.passed for verdict in verdicts):
        raise typer.Exit(EXIT_REFUSED)


def _specs() -> dict[str, ActionSpec]:
    from workers.action_specs import action_specs  # noqa: PLC0415 - an entry point; costs time only when it is needed

    return action_specs()


def _loaded(runbooks: Sequence[str], scenario: Path | None, specs: dict[str, ActionSpec]) -> list[Rehearsal]:
    """All of them; every mistake in any of them is said before anything is played."""
    loaded, mistakes = [], []
    for each in runbooks:
        try:
            loaded.append(load_rehearsal(each, scenario, specs))
        except Rejected as error:
            mistakes.append(error.sentence)
    if mistakes:
        fail("\n".join(mistakes), _EXIT_USAGE)
    return loaded


def _narrowed(rehearsal: Rehearsal, only: str | None) -> Rehearsal:
    found = tuple(each for each in rehearsal.scenarios if only in {None, each.name})
    if not found:
        names = ", ".join(each.name for each in rehearsal.scenarios)
        fail(f"{rehearsal.runbook.reference.name} has no scenario {only!r}; it has {names}", _EXIT_USAGE)
    return rehearsal.model_copy(update={"scenarios": found})


async def _played(
    rehearsals: Sequence[Rehearsal], specs: dict[str, ActionSpec], *, quiet: bool, as_json: bool
) -> list[Verdict]:
    from workers.rehearsal import rehearse as play  # noqa: PLC0415 - an entry point; brings the whole engine along

    count = sum(len(each.scenarios) for each in rehearsals)
    verdicts: list[Verdict] = []
    with stderr.status("the engine starts") if stderr.is_terminal else nullcontext() as status:
        async for verdict in play(rehearsals, specs):
            verdicts.append(verdict)
            _progress(status, verdicts, count)
            if not as_json:
                _show(verdict, with_timeline=not (quiet and verdict.passed))
    return verdicts


def _progress(status: Status | None, verdicts: Sequence[Verdict], count: int) -> None:
    if status is not None:
        status.update(f"played {len(verdicts)} of {count}")


def _show(verdict: Verdict, *, with_timeline: bool) -> None:
    word = Text("passed", "green") if verdict.passed else Text("MISMATCH", "bold red")
    head = Text.assemble(word, " ", (f"{verdict.runbook} / {verdict.scenario}", "bold"))
    head.append(f"  {clock(verdict.played.lasted)} in {show.seconds(verdict.played.took.total_seconds())}", style="dim")
    if verdict.title:
        head.append(f"  {verdict.title}")
    stdout.print(head, soft_wrap=True)
    for line in verdict.played.lines if with_timeline else ():
        stdout.print(_line(line), soft_wrap=True)
    for mismatch in verdict.mismatches:
        stdout.print(Text(f"  ✗ {mismatch}", "red"), soft_wrap=True)


def _line(line: PlayedLine) -> Text:
    text = Text(f"  {clock(line.at):>11} ", style="")
    text.append(f"{line.kind.value.replace('_', ' '):<9}", style=_KIND_STYLES.get(line.kind, "cyan"))
    text.append(line.summary, style="dim" if line.kind is EntryKind.REMINDER else "")
    text.append(f"  {line.actor}", style="dim")
    return text


def _summary(verdicts: Sequence[Verdict]) -> None:
    failed = sum(not verdict.passed for verdict in verdicts)
    if failed:
        stdout.print(f"{failed} of {_scenarios(len(verdicts))} did not come as expected", style="bold red")
    else:
        stdout.print(f"{_scenarios(len(verdicts))} came as expected", style="green")


def _scenarios(count: int) -> str:
    return "1 scenario" if count == 1 else f"{count} scenarios"


def _write(verdicts: Sequence[Verdict], junit: Path) -> None:
    try:
        write_junit(verdicts, junit)
    except OSError as error:
        fail(f"{junit} cannot be written: {error.strerror}", _EXIT_USAGE)
