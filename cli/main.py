"""The `hotwash` command: launchers of the processes, and a client of the REST API for everything else.

Exit codes: 0 ok, 1 refused or failed, 2 usage, 3 unreachable. A new command is a function in a file of this package
and a line in `_register`.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from cli import (
    approvals,
    directory,
    follow_up,
    game_day_reports,
    game_day_schedules,
    game_days,
    incidents,
    launchers,
    learning,
    operations_reviews,
    rehearse,
    reviews,
    runbooks,
    safety_lever,
    train,
)
from cli.client import connection
from cli.demo import command as demo
from cli.doctor import doctor
from cli.fault_proxy import fault_proxy

app = typer.Typer(
    name="hotwash",
    help="Durable incident orchestration: from the alert to the last action item.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _say_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"hotwash {version('hotwash')}")
        raise typer.Exit


@app.callback()
def main_options(
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="Where the API is [HOTWASH_URL].")] = None,
    token: Annotated[
        str | None, typer.Option("--token", metavar="TOKEN", help="Who speaks [HOTWASH_TOKEN, else the admin].")
    ] = None,
    home: Annotated[
        Path | None, typer.Option("--home", metavar="DIR", help="Home of the 'hotwash up' to speak to [HOTWASH_HOME].")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which Hotwash this is.")
    ] = False,
) -> None:
    """Options of every command that speaks to a running Hotwash."""
    connection.url, connection.token, connection.home = url, token, home


def main() -> None:
    """The entry point of the installed command."""
    app()


def _register() -> None:
    app.command("up")(launchers.up)
    app.command("api")(launchers.api)
    app.command("worker")(launchers.worker)
    app.command("rebuild", rich_help_panel="House")(launchers.rebuild)
    app.command("doctor")(doctor)
    app.command("fault-proxy")(fault_proxy)
    # Each of these modules brings its commands along.
    for module in (
        incidents,
        approvals,
        runbooks,
        rehearse,
        follow_up,
        reviews,
        game_days,
        game_day_reports,
        game_day_schedules,
        safety_lever,
        train,
        directory,
        learning,
        operations_reviews,
        demo,
    ):
        module.register(app)


_register()

if __name__ == "__main__":
    main()
