"""`hotwash up`, `api` and `worker`: read the settings, then enter the other packages at their one entry point each.

They are imported when they are needed and not before: `hotwash incidents` shall not load a Temporal worker.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from cli.client import connection
from domain.errors import HotwashError
from runtime import garbage
from runtime.logging import configure_logging
from runtime.settings import LogFormat, LogLevel, Settings, load_settings

EXIT_FAILED = 1

HomeOption = Annotated[
    Path | None, typer.Option("--home", metavar="DIR", help="Where everything is kept [HOTWASH_HOME, else .hotwash].")
]
ConfigurationOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The configuration [HOTWASH_CONFIGURATION, else DIR/hotwash.yaml]."),
]
HostOption = Annotated[
    str | None, typer.Option("--host", metavar="H", help="Where the API listens [HOTWASH_HOST, else 127.0.0.1].")
]
PortOption = Annotated[int | None, typer.Option("--port", metavar="P", help="Its port [HOTWASH_PORT, else 8080].")]
EnginePortOption = Annotated[
    int | None,
    typer.Option("--temporal-port", metavar="P", help="The engine's port [HOTWASH_TEMPORAL_PORT, else 7233]."),
]
EngineUiPortOption = Annotated[
    int | None,
    typer.Option(
        "--temporal-ui-port", metavar="P", help="The engine's own console [HOTWASH_TEMPORAL_UI_PORT, else 8233]."
    ),
]
StoreOption = Annotated[
    str | None,
    typer.Option("--store-url", metavar="URL", help="The record [HOTWASH_STORE_URL, else SQLite in the home folder]."),
]
LevelOption = Annotated[LogLevel | None, typer.Option("--log-level", help="How much is logged [HOTWASH_LOG_LEVEL].")]
FormatOption = Annotated[LogFormat | None, typer.Option("--log-format", help="For people or for machines.")]

_stdout = Console(soft_wrap=True, highlight=False)
_stderr = Console(stderr=True, soft_wrap=True, highlight=False)


def up(
    home: HomeOption = None,
    configuration: ConfigurationOption = None,
    host: HostOption = None,
    port: PortOption = None,
    temporal_port: EnginePortOption = None,
    temporal_ui_port: EngineUiPortOption = None,
    store_url: StoreOption = None,
    log_level: LevelOption = None,
    log_format: FormatOption = None,
) -> None:
    """Start engine, store, worker and API on this machine, and keep them running.

    With TEMPORAL_ADDRESS (or a Temporal profile that names an address) set, that engine is used and none is started.
    """

    def run(settings: Settings) -> None:
        from workers.supervisor import run_up  # noqa: PLC0415 - see the module

        garbage.has_read()
        configure_logging(settings, "up")
        asyncio.run(run_up(settings, _say))

    launch(
        run,
        home=home,
        configuration=configuration,
        host=host,
        port=port,
        temporal_port=temporal_port,
        temporal_ui_port=temporal_ui_port,
        store_url=store_url,
        log_level=log_level,
        log_format=log_format,
    )


def api(
    home: HomeOption = None,
    configuration: ConfigurationOption = None,
    host: HostOption = None,
    port: PortOption = None,
    store_url: StoreOption = None,
    log_level: LevelOption = None,
    log_format: FormatOption = None,
) -> None:
    """Serve the API and the console only; the engine is that of TEMPORAL_ADDRESS."""

    def run(settings: Settings) -> None:
        from api.main import run_api  # noqa: PLC0415 - see the module

        garbage.has_read()
        run_api(settings)

    launch(
        run,
        home=home,
        configuration=configuration,
        host=host,
        port=port,
        store_url=store_url,
        log_level=log_level,
        log_format=log_format,
    )


def worker(
    site: Annotated[
        str | None,
        typer.Option("--site", metavar="SITE", help="Only run the steps of this execution site (queue steps-SITE)."),
    ] = None,
    home: HomeOption = None,
    configuration: ConfigurationOption = None,
    store_url: StoreOption = None,
    log_level: LevelOption = None,
    log_format: FormatOption = None,
) -> None:
    """Run workflows and activities only; the engine is that of TEMPORAL_ADDRESS."""

    def run(settings: Settings) -> None:
        from workers.main import run_worker  # noqa: PLC0415 - see the module

        garbage.has_read()
        run_worker(settings, site)

    launch(
        run,
        home=home,
        configuration=configuration,
        store_url=store_url,
        log_level=log_level,
        log_format=log_format,
    )


def rebuild(
    home: HomeOption = None,
    store_url: StoreOption = None,
) -> None:
    """Make search and insight anew from the record; everything else may go on meanwhile."""

    def run(settings: Settings) -> None:
        from workers.rebuild import rebuild as make  # noqa: PLC0415 - see the module

        _stderr.print("Making search and insight anew from the record; this takes some minutes for 100,000 incidents.")
        _stdout.print(f"Made anew from {make(settings):,} entries and things.")

    launch(run, home=home, store_url=store_url)


def launch(run: Callable[[Settings], None], **options: object) -> None:
    """Read the settings and run; an expected failure is a sentence on standard error and exit status 1."""
    if options.get("home") is None:
        # `hotwash --home DIR up` means the same as `hotwash up --home DIR`.
        options["home"] = connection.home
    try:
        run(load_settings(**options))
    except HotwashError as error:
        end_with(error)
    except BaseExceptionGroup as group:
        expected = group.subgroup(HotwashError)
        if expected is None:
            raise
        end_with(_first(expected))


def end_with(error: HotwashError) -> NoReturn:
    """Say why, and end."""
    _stderr.print("hotwash:", error.sentence, markup=False, style="bold red")
    raise typer.Exit(EXIT_FAILED)


def _first(error: BaseException) -> HotwashError:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, HotwashError):
        raise error
    return error


def _say(line: str) -> None:
    # Flushed at once: whoever waits for the login link may read it through a pipe.
    _stdout.print(line, markup=False)
    _stdout.file.flush()
