"""Durations as people write them: `30s`, `5m`, `1h30m`, `7d`."""

import re
from datetime import timedelta
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator

_PART = re.compile(r"(\d+)(ms|s|m|h|d|w)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


# No deadline, wait or lease is longer; a sum with today's date must still be a date.
LONGEST = timedelta(days=3653)
T = TypeVar("T", bound=timedelta)


def parse_duration(text: str) -> timedelta:
    """Read `1h30m` and the like; raises ValueError with the accepted form."""
    parts = _PART.findall(text)
    if not parts or "".join(amount + unit for amount, unit in parts) != text.strip():
        message = f"{text!r} is not a duration; write for example 30s, 5m, 1h30m or 7d"
        raise ValueError(message)
    try:
        found = sum((int(amount) * _UNITS[unit] for amount, unit in parts), timedelta())
    except (OverflowError, ValueError):
        found = timedelta.max
    if found > LONGEST:
        message = f"{text[:40]!r} is too long; ten years ({format_duration(LONGEST)}) is the longest duration"
        raise ValueError(message)
    return found


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


def between(lowest: timedelta, highest: timedelta) -> AfterValidator:
    """An annotation of a `Duration`: what is outside is refused with a sentence."""

    def fits(value: T) -> T:
        if not lowest <= value <= highest:
            low, high = format_duration(lowest), format_duration(highest)
            message = f"must be between {low} and {high}, not {format_duration(value)}"
            raise ValueError(message)
        return value

    return AfterValidator(fits)
