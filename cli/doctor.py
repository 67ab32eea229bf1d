"""`hotwash doctor`: what is installed, what is wrong, and how to mend it. Exit status 1 when something is."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from cli.client import print_json
from cli.launchers import (
    EXIT_FAILED,
    ConfigurationOption,
    EnginePortOption,
    EngineUiPortOption,
    HomeOption,
    HostOption,
    PortOption,
    StoreOption,
    launch,
)
from runtime.settings import Settings

if TYPE_CHECKING:
    from workers.diagnosis import Diagnosis

_MARKS = {"ok": ("ok     ", "green"), "note": ("note   ", "yellow"), "problem": ("PROBLEM", "bold red")}


def doctor(
    home: HomeOption = None,
    configuration: ConfigurationOption = None,
    host: HostOption = None,
    port: PortOption = None,
    temporal_port: EnginePortOption = None,
    temporal_ui_port: EngineUiPortOption = None,
    store_url: StoreOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Say what is wrong with this installation and how to mend it."""

    def run(settings: Settings) -> None:
        # Imported here because it loads a Temporal client, which no other client command needs.
        from workers.diagnosis import diagnose  # noqa: PLC0415

        diagnosis = asyncio.run(diagnose(settings))
        if as_json:
            print_json({"ok": diagnosis.is_healthy, **diagnosis.model_dump(mode="json")})
        else:
            _show(diagnosis)
        if not diagnosis.is_healthy:
            raise typer.Exit(EXIT_FAILED)

    launch(
        run,
        home=home,
        configuration=configuration,
        host=host,
        port=port,
        temporal_port=temporal_port,
        temporal_ui_port=temporal_ui_port,
        store_url=store_url,
    )


def _show(diagnosis: "Diagnosis") -> None:
    console = Console(soft_wrap=True, highlight=False)
    for check in diagnosis.checks:
        mark, style = _MARKS[check.state.value]
        line = Text.assemble((mark, style), f"  {check.name}: {check.detail}")
        console.print(line)
        if check.mend:
            console.print(Text(f"         to mend it: {check.mend}", style="dim"))
    problems = sum(check.state.value == "problem" for check in diagnosis.checks)
    console.print(f"\n{problems} to mend" if problems else "\nNothing to mend")
