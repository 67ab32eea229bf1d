"""The process behind `hotwash api`: builds what the app needs and serves it until it is told to stop.

Called by `cli/launchers.py`. The one thing to know: it starts whether or not the engine is there, and says 503 until it
is; only a mistake of the team's (configuration, store URL, a taken port) keeps it from starting.
"""

import asyncio
import signal
import socket
import threading
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI

from activities.actions import specs
from api.app import create_app
from api.auth import Authenticator
from domain.errors import Rejected
from runbooks.catalog import Catalog
from runbooks.game_day_catalog import GameDayCatalog
from runtime.configuration import ConfigurationFile
from runtime.home import Home
from runtime.logging import configure_logging, keep_out_of_logs
from runtime.secrets import Secrets
from runtime.settings import Settings
from runtime.temporal import connect
from store.interface import Store
from store.opening import open_store

log = structlog.get_logger(__name__)

# `hotwash up` must be gone 10 s after SIGTERM (design §6); open requests get half of it, live streams end at once.
_DRAIN_SECONDS = 5
# Connections that wait to be accepted: an alert storm comes over many at once (uvicorn's own default).
_BACKLOG = 2048


def run_api(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then let open requests end. Rejected: the configuration, or a taken port."""
    configure_logging(settings, "api")
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    home = Home(settings.home)
    home.prepare()
    url = settings.store_url.get_secret_value() if settings.store_url else home.store_url
    store = open_store(url)
    try:
        app = await build_app(settings, home, store)
        config = uvicorn.Config(
            app,
            log_config=None,
            # The gate writes the access log, with the id of the request and without query strings.
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        with listen(settings.host, settings.port) as listener:
            log.info("the API listens", host=settings.host, port=settings.port)
            _leave_signals_to_uvicorn()
            await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        await store.close()


async def build_app(settings: Settings, home: Home, store: Store) -> FastAPI:
    """The application for these settings; used by `hotwash up` too, when it serves in its own process."""
    file = settings.configuration or home.configuration
    configuration = ConfigurationFile(file)
    current = configuration.current()
    secret_key = settings.secret_key.get_secret_value() if settings.secret_key else home.secret_key()
    admin_token = home.admin_token()
    keep_out_of_logs(secret_key)
    keep_out_of_logs(admin_token)
    declared = specs()
    return create_app(
        engine=await connect(settings, process="hotwash-api", lazy=True),
        reader=store.reader,
        record=store.record,
        learning=store,
        demand_store=store.demand_ready,
        configuration=configuration,
        secrets=Secrets(file.parent),
        catalog=Catalog(_folders(file, current.runbook_folders), declared),
        game_day_catalog=GameDayCatalog(_folders(file, current.game_day_folders), declared),
        authenticator=Authenticator(
            secret_key=secret_key, admin_token=admin_token, configuration=configuration, spent_folder=home.spent
        ),
        secret_key=secret_key,
        host=settings.host,
    )


def _folders(file: Path, names: tuple[str, ...]) -> list[Path]:
    return [file.parent / name for name in names]


def listen(host: str, port: int) -> socket.socket:
    """The port, taken now; Rejected, naming it and the option, when something else has it."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # asyncio switches Nagle's algorithm off only where the protocol is named; with it each answer is 40 ms late.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise Rejected(f"{host} is no address here ({error.strerror}); choose another with --host") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise Rejected(f"{host}:{port} cannot be used ({error.strerror}); choose another with --port") from error
    return listener


def _leave_signals_to_uvicorn() -> None:
    # Uvicorn raises the signal again once it has drained; unheeded then, the process ends with 0 and not by the signal.
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
