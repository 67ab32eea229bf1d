"""Logging for every process: coloured lines for people, JSON for collectors, never a secret in either.

Modules say `structlog.get_logger("api.access")` or use the standard library; both come out the same way, on stderr.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from runtime.settings import LogFormat, Settings

_MASK = "[secret]"
# Names of fields whose value is never shown, wherever it came from.
_SECRET_NAME = re.compile(r"(?i)(^|_)(password|passwd|secret|token|authorization|cookie|api_key|secret_key)$")
# Shorter values would blank out ordinary words.
_SHORTEST_SECRET = 6
# Libraries that tell of every request, connection or ordinary start and stop at INFO.
_QUIET = ("uvicorn", "httpx", "httpcore", "aiosqlite", "alembic", "asyncio", "temporalio.worker")

_secrets: set[str] = set()

Event = MutableMapping[str, Any]


def keep_out_of_logs(value: str) -> None:
    """Mask this value in every log line from now on."""
    if len(value) >= _SHORTEST_SECRET:
        _secrets.add(value)


def configure_logging(settings: Settings, process: str) -> None:
    """Set logging up for this process, whose name goes into every line; calling it again replaces the set-up."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _naming(process),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(settings)],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.value.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def mask_secrets(_: Any, __: str, event: Event) -> Event:
    """The processor that masks values of secret names and every value that was resolved as a secret."""
    return {key: _MASK if _SECRET_NAME.search(str(key)) else _masked(value) for key, value in event.items()}


def _naming(process: str) -> structlog.typing.Processor:
    def name(_: Any, __: str, event: Event) -> Event:
        event.setdefault("process", process)
        return event

    return name


def _rendering(settings: Settings) -> list[structlog.typing.Processor]:
    if settings.log_format is LogFormat.JSON:
        return [structlog.processors.format_exc_info, mask_secrets, structlog.processors.JSONRenderer()]
    return [
        structlog.processors.format_exc_info,
        mask_secrets,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0),
    ]


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        for secret in _secrets:
            if secret in value:
                value = value.replace(secret, _MASK)
        return value
    if isinstance(value, dict):
        return {key: _MASK if _SECRET_NAME.search(str(key)) else _masked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(item) for item in value]
    return value
