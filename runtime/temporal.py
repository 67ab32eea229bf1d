"""The one way to the engine: the SDK's own variables and profile file, our data converter, one sentence when it fails.

`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS_*` and the profile file (see
`temporalio.envconfig`) come first; without them it is the embedded engine on this machine.
"""

import asyncio
import os
import socket
from collections.abc import Mapping

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfigProfile, ClientConnectConfig
from temporalio.service import KeepAliveConfig, RetryConfig, RPCError

from domain.errors import Rejected, Transient
from runtime.settings import Settings

# Every process of Hotwash and every test speaks to the engine through this converter.
DATA_CONVERTER = pydantic_data_converter
# An engine that does not answer within this time is away; callers decide whether to try again.
_CONNECT_TIMEOUT_SECONDS = 10
# A dead connection is noticed after 10 + 5 s instead of the default 30 + 15 s: the embedded engine may be restarted.
_KEEP_ALIVE = KeepAliveConfig(interval_millis=10_000, timeout_millis=5_000)
# One call of ours retries for 10 s (the SDK's default) with pauses of 0.1 to 2 s; an API call gives up earlier itself.
_RETRY = RetryConfig(initial_interval_millis=100, max_interval_millis=2_000)


async def connect(settings: Settings, *, process: str = "hotwash", lazy: bool = False) -> Client:
    """A client of the engine. Lazy: connects with the first call, and again after a failure; not for workers.

    Raises Transient when the engine does not answer, Rejected when the connection settings cannot be understood.
    """
    config = connection_config(settings)
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
            return await Client.connect(
                **config,
                data_converter=DATA_CONVERTER,
                identity=f"{process}:{os.getpid()}@{socket.gethostname()}",
                keep_alive_config=_KEEP_ALIVE,
                retry_config=_RETRY,
                lazy=lazy,
            )
    except (RuntimeError, RPCError, TimeoutError) as error:
        raise Transient(engine_away(config["target_host"])) from error


def engine_address(settings: Settings) -> str:
    """Host and port of the engine."""
    return connection_config(settings)["target_host"]


def engine_away(address: str) -> str:
    """The sentence for an engine that does not answer."""
    return f"the engine at {address} does not answer; start it with 'hotwash up' or set TEMPORAL_ADDRESS"


def names_another_engine(environment: Mapping[str, str] | None = None) -> bool:
    """Whether variables or the profile file name an engine, so that none is started here."""
    return _profile(environment).address is not None


def connection_config(settings: Settings) -> ClientConnectConfig:
    """What to connect with; the embedded engine's address when nothing else is named."""
    config = _profile().to_client_connect_config()
    if "target_host" not in config:
        config["target_host"] = f"127.0.0.1:{settings.temporal_port}"
    return config


def _profile(environment: Mapping[str, str] | None = None) -> ClientConfigProfile:
    try:
        return ClientConfigProfile.load(override_env_vars=environment)
    except RuntimeError as error:
        # The SDK's text names the file and the key; the file may hold an API key, but its values are not repeated.
        message = f"the engine's connection settings cannot be understood: {error}"
        raise Rejected(message) from error
