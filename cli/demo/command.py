"""`hotwash demo`: a shop breaks for real and Hotwash takes it from the alert to the last action item, unattended."""

import signal
from typing import Annotated

import typer
from rich.console import Console

from cli.demo.story import Story
from cli.demo.world import StageFailed, World

_LOG_LINES = 30


def register(app: typer.Typer) -> None:
    """Add the command to `hotwash`."""
    app.command("demo", rich_help_panel="House")(demo)


def demo(keep: Annotated[bool, typer.Option("--keep", help="Leave everything running for a look.")] = False) -> None:
    """Play a whole incident on this machine: real processes, real mail, real faults. Takes under a minute."""
    # A shell that starts this in the background ignores Ctrl-C for it; either signal ends everything in good order.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    console = Console(highlight=False)
    world = World()
    story = Story(world, console)
    passed = False
    try:
        console.print("Starting the shop, its monitoring, a mail server and Hotwash …", style="dim")
        world.open()
        story.tell()
        passed = True
        if keep:
            _leave_running(world, console, story.incident)
    except StageFailed as error:
        console.print(f"\n[bold red]The demo failed at: {story.stage}[/]")
        console.print(str(error), markup=False)
        console.print("\n".join(world.log("hotwash").splitlines()[-_LOG_LINES:]), markup=False, style="dim")
        console.print(f"Everything is kept in {world.folder}", style="dim")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        world.close(keep_folder=not passed)


def _leave_running(world: World, console: Console, incident: str) -> None:
    link = world.post("/login-links")["url"]
    console.print(f"\nStill running. Log in once: {link}", soft_wrap=True, markup=False)
    console.print(f"The incident: {world.url}/incidents/{incident}   Ctrl-C ends everything.", markup=False)
    world.wait()
