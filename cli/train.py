"""`hotwash train`: command a simulated incident alone; the debrief names the rules of practice. Needs no server.

Exit codes: 0 it was played, 1 below `--pass-at`, 2 nothing was played because something does not fit.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.prompt import Prompt
from rich.text import Text

from cli import show
from cli.client import EXIT_REFUSED, JsonOption, fail, print_json, stdout
from domain.errors import HotwashError, Rejected
from domain.game_day import GameDayState
from domain.practice import RULES
from domain.tabletop import Outlook
from domain.training import HELP
from runbooks.game_day_catalog import TRAINING, GameDayCatalog
from runbooks.tabletop_schema import Tabletop

_EXIT_USAGE = 2
_STYLES = {"met": "green", "late": "yellow", "missed": "red", "not_judged": "dim"}


def register(app: typer.Typer) -> None:
    """Add the command to `hotwash`."""
    app.command("train", rich_help_panel="Practice")(train)


def train(
    scenario: Annotated[
        str | None, typer.Argument(help="A name from the list, or a file.", metavar="NAME|FILE")
    ] = None,
    answers: Annotated[Path | None, typer.Option("--answers", help="Lines to say, one a line.", dir_okay=False)] = None,
    me: Annotated[str, typer.Option("--as", help="Your name in the story.")] = "you",
    rules: Annotated[bool, typer.Option("--rules", help="Show the rules that are scored.")] = False,
    pass_at: Annotated[int | None, typer.Option("--pass-at", min=0, max=100, help="Exit 1 below this score.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Command a simulated incident: hours in minutes, scripted people, a debrief by the rules of practice."""
    if rules:
        known = [{"rule": rule, "title": title} for rule, title in RULES.items()]
        show.table(
            known, {"RULE": lambda d: d["rule"], "IS KEPT WHEN": lambda d: d["title"]}, as_json=as_json, empty=""
        )
        return
    if scenario is None:
        _list(as_json=as_json)
        return
    document = _document(scenario)
    if me in {each.name for each in document.responders}:
        fail(f"{me!r} is somebody else in this story; choose another name with --as", _EXIT_USAGE)
    lines = _lines(answers) if answers is not None else None
    if lines is None and as_json:
        fail("--json needs --answers: what is typed cannot be mixed with JSON", _EXIT_USAGE)
    try:
        played = asyncio.run(_play(document, me, lines, quiet=as_json))
    except HotwashError as error:
        fail(error.sentence, _EXIT_USAGE)
    if as_json:
        print_json(played)
    if pass_at is not None and (played["score"] or 0) < pass_at:
        raise typer.Exit(EXIT_REFUSED)


def _list(*, as_json: bool) -> None:
    catalog = GameDayCatalog([], {})
    found = [each.model_dump(mode="json") for each in catalog.summaries() if each.kind == "tabletop"]
    show.table(found, {"SCENARIO": lambda d: d["name"], "TITLE": lambda d: d["title"]}, as_json=as_json, empty="")


def _document(scenario: str) -> Tabletop:
    path = Path(scenario)
    folder = path.parent if path.suffix in {".yaml", ".yml"} else TRAINING
    try:
        document, findings = GameDayCatalog([folder], {}).tabletop_document(path.stem)
    except Rejected as error:
        fail(error.sentence, _EXIT_USAGE)
    if document is None or findings:
        fail("\n".join(str(each) for each in findings), _EXIT_USAGE)
    return document


def _lines(answers: Path) -> list[str]:
    try:
        text = answers.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{answers} cannot be read: {error}", _EXIT_USAGE)
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


async def _play(document: Tabletop, me: str, lines: list[str] | None, *, quiet: bool) -> dict[str, Any]:
    from workers.training import a_session  # noqa: PLC0415 - an entry point; brings the whole engine along

    transcript: list[dict[str, Any]] = []
    if not quiet:
        _introduce(document, me)
    async with a_session(document, me) as session:

        def tell() -> None:
            for heard in session.news():
                transcript.append(heard.model_dump())
                if not quiet:
                    _show(heard.minute, heard.who, heard.what)

        tell()
        async for line in _said(lines):
            if line == "help":
                _help()
                continue
            if not quiet and lines is not None:
                stdout.print(Text(f"> {line}", "bold"))
            transcript.append({"minute": None, "who": session.speaker, "what": line})
            try:
                goes_on = await session.say(line)
            except Rejected as error:
                session.refused.append(error.sentence)
                if not quiet:
                    stdout.print(Text(f"  {error.sentence}", "red"))
                continue
            tell()
            if not goes_on:
                break
        state = await session.end()
        tell()
        refused = list(session.refused)
    if not quiet:
        _debrief(state)
    return _as_json(state, transcript, refused)


async def _said(lines: list[str] | None) -> AsyncIterator[str]:
    if lines is not None:
        for line in lines:
            yield line
        return
    while True:
        try:
            line = await asyncio.to_thread(Prompt.ask, "[bold]what do you do?[/bold]", console=stdout)
        except EOFError:
            return
        if line.strip():
            yield line.strip()


def _introduce(document: Tabletop, me: str) -> None:
    stdout.print(Text(document.title, "bold"))
    stdout.print(f"{document.incident_title} ({document.severity.value}). You are {me}, and you were paged.")
    for each in document.responders:
        stdout.print(f"  {each.name}: {each.about}", style="dim")
    stdout.print("Everything that you say costs a minute. 'help' lists what you can do, 'end' gives the debrief.\n")


def _help() -> None:
    for usage, what in HELP.items():
        stdout.print(Text.assemble((f"  {usage}", "bold"), f"  {what}"), soft_wrap=True)


def _show(minute: float, who: str, what: str) -> None:
    stdout.print(Text.assemble((f"  {minute:>5.0f}′ ", "dim"), (f"{who}: ", "cyan"), what), soft_wrap=True)


def _debrief(state: GameDayState) -> None:
    part = state.tabletop
    if part is None:
        return
    stdout.print(Text("\nDebrief", "bold"))
    stdout.print(f"{state.reason}. Practice: {_score(part.practice_score)} of 100.")
    for run in part.wanted:
        rule = f" [{run.wanted.rule}]" if run.wanted.rule else ""
        word = "compare yourself" if run.state is Outlook.NOT_JUDGED else run.state.value
        _line(word, _STYLES[run.state.value], f"{run.wanted.words()}{rule}", run.evidence)
    for result in part.practice:
        if result.held is not None:
            word, style = ("kept", "green") if result.held else ("not kept", "red")
            _line(word, style, f"{result.rule} {result.title}", result.detail)
    if part.solution:
        stdout.print(f"\nWhat it was: {part.solution}", soft_wrap=True)


def _line(word: str, style: str, what: str, seen: str) -> None:
    told = Text.assemble((f"  {word:<16} ", style), what, (f"  {seen}" if seen else "", "dim"))
    stdout.print(told, soft_wrap=True)


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _as_json(state: GameDayState, transcript: list[dict[str, Any]], refused: list[str]) -> dict[str, Any]:
    part = state.tabletop
    document = part.model_dump(mode="json", include={"wanted", "practice"}) if part is not None else {}
    return {
        "scenario": state.name,
        "verdict": state.verdict.value if state.verdict else None,
        "reason": state.reason,
        "score": part.practice_score if part is not None else None,
        "expected": document.get("wanted", []),
        "practice": document.get("practice", []),
        "refused": refused,
        "transcript": transcript,
    }
