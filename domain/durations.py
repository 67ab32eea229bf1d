"""Durations as people write them: `30s`, `5m`, `1h30m`, `7d`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

_PART = re.compile(r"(\d+)(ms|s|m|h|d|w)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def parse_duration(text: str) -> timedelta:
    """Read `1h30m` and the like; raises ValueError with the accepted form."""
    parts = _PART.findall(text)
    if not parts or "".join(amount + unit for amount, unit in parts) != text.strip():
        message = f"{text!r} is not a duration; write for example 30s, 5m, 1h30m or 7d"
        raise ValueError(message)
    return sum((int(amount) * _UNITS[unit] for amount, unit in parts), timedelta())


def format_duration(duration: timedelta) -> str:
    """Write a duration the way `parse_duration` reads it, largest units first; `0s` for nothing."""
    rest = round(duration / timedelta(milliseconds=1))
    sign, rest = ("-", -rest) if rest < 0 else ("", rest)
    words = []
    for unit in ("d", "h", "m", "s", "ms"):
        size = _UNITS[unit] // timedelta(milliseconds=1)
        amount, rest = divmod(rest, size)
        if amount:
            words.append(f"{amount}{unit}")
    return sign + ("".join(words) or "0s")


def _read(value: object) -> object:
    # ISO 8601 (`PT5M`) is how pydantic writes a timedelta into workflow history; it passes through.
    if isinstance(value, str) and not value.startswith(("P", "-P")):
        return parse_duration(value)
    return value


Duration = Annotated[timedelta, BeforeValidator(_read)]
