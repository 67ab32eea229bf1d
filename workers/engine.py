"""The embedded engine: which arguments the Temporal server gets, and when it serves. Called by `workers/supervisor.py`.

The settings are those that were measured (docs and `temporal.md` of the project): write-ahead log and four queue
settings make it three times as fast on a file, and `synchronous=full` keeps every commit across a power cut.
"""

import asyncio
import time
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError

from domain.errors import Transient
from domain.search_attributes import SEARCH_ATTRIBUTES
from runtime.home import Home
from runtime.settings import Settings
from runtime.temporal import connect, engine_address, engine_away

_PRAGMAS = (
    "journal_mode=wal",
    "synchronous=full",
    "wal_autocheckpoint=4000",
    "cache_size=-65536",
    "temp_store=memory",
)
_DYNAMIC_CONFIG = (
    # The defaults add tens of milliseconds to every hand-over inside the server.
    "history.transferProcessorMaxPollRPS=100000",
    "history.timerProcessorMaxPollRPS=100000",
    "history.visibilityProcessorMaxPollRPS=100000",
    "history.outboundProcessorMaxPollRPS=100000",
    # One node needs no partitions.
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    # A burst of commands to one incident is not refused.
    "history.maxInFlightUpdates=1000",
    # Short timers fire 15 to 30 ms late instead of up to a second.
    'history.timerProcessorMaxTimeShift="1ms"',
)
# An engine serves 0.15 to 0.3 s after its start; a large file that was not closed cleanly is read for longer.
_SERVING_WITHIN_SECONDS = 60.0
_POLL_SECONDS = 0.1
# Its log is kept across starts, and the one before it when it has grown beyond this.
_LONGEST_LOG_BYTES = 20 * 1024 * 1024


def engine_command(binary: Path, settings: Settings, home: Home) -> list[str]:
    """The server with one file, its ports on this machine only, our search attributes and the measured settings."""
    command = [str(binary), "server", "start-dev", "--ip", "127.0.0.1", "--log-level", "warn", "--log-format", "json"]
    command += ["--db-filename", str(home.engine_file)]
    command += ["--port", str(settings.temporal_port), "--ui-port", str(settings.temporal_ui_port)]
    for option, values in (
        ("--sqlite-pragma", _PRAGMAS),
        ("--dynamic-config-value", _DYNAMIC_CONFIG),
        ("--search-attribute", [f"{name}={kind}" for name, kind in SEARCH_ATTRIBUTES.items()]),
    ):
        command += [part for value in values for part in (option, value)]
    return command


def rotate_engine_log(home: Home) -> None:
    """Put a log that has grown too large aside; the one that lay there goes."""
    if home.engine_log.exists() and home.engine_log.stat().st_size > _LONGEST_LOG_BYTES:
        home.engine_log.replace(home.engine_log.with_suffix(".log.1"))


async def engine_serves(settings: Settings) -> None:
    """Return once the engine answers and knows our search attributes; Transient when it does not within a minute."""
    end = time.monotonic() + _SERVING_WITHIN_SECONDS
    while True:
        try:
            await add_search_attributes(await connect(settings, process="up"))
        except (Transient, RPCError) as error:
            if time.monotonic() > end:
                raise Transient(engine_away(engine_address(settings))) from error
            await asyncio.sleep(_POLL_SECONDS)
        else:
            return


async def missing_search_attributes(client: Client) -> list[str]:
    """Names of ours that the engine does not know."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    known = (await client.operator_service.list_search_attributes(request)).custom_attributes
    return [name for name in SEARCH_ATTRIBUTES if name not in known]


async def add_search_attributes(client: Client) -> None:
    """Teach the engine those of ours that it does not know; may be repeated. Raises RPCError when we may not.

    Our own server registers those of its command line with a new file only; a later version of Hotwash may have more.
    """
    missing = await missing_search_attributes(client)
    if missing:
        wanted = {
            name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{SEARCH_ATTRIBUTES[name].upper()}") for name in missing
        }
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=wanted)
        )
