"""The faults that are in force in this proxy, each with a key, a lease and a last moment.

Asked by the traffic at every step, changed by `control.py`. The one thing to know: a key that has ended stays ended, so
a late repetition of its start cannot bring the harm back.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What is done to the traffic."""

    LATENCY = "latency"
    BANDWIDTH = "bandwidth"
    RESET = "reset"
    BLACKHOLE = "blackhole"
    REFUSE = "refuse"
    HTTP_ERROR = "http_error"
    HTTP_LATENCY = "http_latency"


class Mistake(ValueError):
    """A sentence for who asked."""


# Longer than any answer that somebody would still wait for.
_MOST_MILLISECONDS = 600_000
_SHARE = {"share": (0.0001, 1.0)}
_DELAY = {"milliseconds": (0, _MOST_MILLISECONDS), "jitter_milliseconds": (0, _MOST_MILLISECONDS)}
# By kind: the numbers it takes, from least to most.
_NUMBERS: Mapping[Kind, Mapping[str, tuple[float, float]]] = {
    Kind.LATENCY: _DELAY,
    Kind.BANDWIDTH: {"bytes_per_second": (1, 10**9)},
    Kind.RESET: _SHARE,
    Kind.BLACKHOLE: {},
    Kind.REFUSE: {},
    Kind.HTTP_ERROR: {"status": (400, 599), **_SHARE},
    Kind.HTTP_LATENCY: {**_DELAY, **_SHARE},
}
_WITH_PATH = frozenset({Kind.HTTP_ERROR, Kind.HTTP_LATENCY})
# A day: nobody exercises longer with one fault.
_MOST_SECONDS = 86_400
# Retries come within minutes; this many drills last for months.
_REMEMBERED = 1000


@dataclass
class Toxic:
    """One fault, in force or over."""

    key: str
    kind: Kind
    numbers: dict[str, float]
    # Requests whose path begins so; HTTP only.
    path: str
    # By the loop's clock.
    ends_at: float
    lease_until: float
    # How often traffic has felt it, and the longest that something was held up by it.
    felt: int = 0
    longest_milliseconds: float = 0.0
    ended_by: str | None = None
    # Unix time.
    ended_at: float | None = None
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def is_active(self) -> bool:
        """Whether it is in force."""
        return self.ended_by is None

    def feel(self, milliseconds: float = 0.0) -> None:
        """Something has met it."""
        self.felt += 1
        self.longest_milliseconds = max(self.longest_milliseconds, milliseconds)

    def told(self, now: float) -> dict[str, Any]:
        """What the control socket says of it; `now` by the loop's clock."""
        left = min(self.ends_at, self.lease_until) - now
        return {
            "key": self.key,
            "kind": self.kind,
            "active": self.is_active,
            "seconds_left": max(0.0, left) if self.is_active else 0.0,
            "felt": self.felt,
            "longest_milliseconds": round(self.longest_milliseconds, 1),
            "ended_by": self.ended_by,
            "ended_at": self.ended_at,
        }


class Toxics:
    """All of them, by key. Belongs to one event loop."""

    def __init__(self, kinds: frozenset[Kind]) -> None:
        self._kinds = kinds
        self._toxics: dict[str, Toxic] = {}
        self._event = asyncio.Event()
        self._told: Callable[[], None] = lambda: None

    def tell(self, told: Callable[[], None]) -> None:
        """Who hears of every change at once."""
        self._told = told

    def put(self, wish: Mapping[str, Any]) -> Toxic:
        """Begin a fault; a key that is in force already is renewed. Mistake: it makes no sense, or the key is over."""
        key, lease = _key(wish), _seconds(wish, "lease_seconds")
        known = self._toxics.get(key)
        if known is not None:
            if known.is_active:
                return self.renew(key, lease)
            raise Mistake(f"the fault of this key is over ({known.ended_by}); a new one needs a new key")
        now = _now()
        toxic = Toxic(
            key=key,
            kind=self._kind(wish),
            numbers=_numbers(self._kind(wish), wish),
            path=_path(self._kind(wish), wish),
            ends_at=now + _seconds(wish, "duration_seconds"),
            lease_until=now + lease,
        )
        self._remember(toxic)
        self._wind(toxic)
        self._announce()
        return toxic

    def renew(self, key: str, lease_seconds: float) -> Toxic:
        """Let it stay for so long from now, but never past its last moment. One that is over stays over."""
        toxic = self._toxics.get(key)
        if toxic is None:
            raise Mistake("this proxy knows no fault of that key; it may have been started anew")
        if toxic.is_active:
            toxic.lease_until = _now() + lease_seconds
            self._wind(toxic)
        return toxic

    def remove(self, key: str) -> Toxic:
        """End it; one that was never there cannot begin any more."""
        toxic = self._toxics.get(key)
        if toxic is None:
            toxic = Toxic(key, Kind.LATENCY, {}, "/", 0, 0, ended_by="undo", ended_at=time.time())
            self._remember(toxic)
        self._end(toxic, "undo")
        return toxic

    def find(self, key: str) -> Toxic | None:
        """What is known of a key."""
        return self._toxics.get(key)

    def active(self, *kinds: Kind) -> list[Toxic]:
        """Those in force, of these kinds or of all."""
        return [one for one in self._toxics.values() if one.is_active and (not kinds or one.kind in kinds)]

    async def changed(self, seconds: float | None = None) -> None:
        """Return at the next beginning or end of a fault, or after so long."""
        event = self._event
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()

    def _kind(self, wish: Mapping[str, Any]) -> Kind:
        named = wish.get("kind")
        if named not in self._kinds:
            raise Mistake(f"this proxy does not do {named!r}; it does {', '.join(sorted(self._kinds))}")
        return Kind(str(named))

    def _wind(self, toxic: Toxic) -> None:
        if toxic.timer is not None:
            toxic.timer.cancel()
        at, why = min((toxic.ends_at, "duration"), (toxic.lease_until, "lease"))
        toxic.timer = asyncio.get_running_loop().call_at(at, self._end, toxic, why)

    def _end(self, toxic: Toxic, why: str) -> None:
        if not toxic.is_active:
            return
        toxic.ended_by, toxic.ended_at = why, time.time()
        if toxic.timer is not None:
            toxic.timer.cancel()
        self._announce()

    def _remember(self, toxic: Toxic) -> None:
        over = [key for key, one in self._toxics.items() if not one.is_active]
        for key in over[: max(0, len(self._toxics) + 1 - _REMEMBERED)]:
            del self._toxics[key]
        self._toxics[toxic.key] = toxic

    def _announce(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()
        self._told()


def lease_of(wish: Mapping[str, Any]) -> tuple[str, float]:
    """The key and the lease of a renewal."""
    return _key(wish), _seconds(wish, "lease_seconds")


def key_of(wish: Mapping[str, Any]) -> str:
    """The key alone."""
    return _key(wish)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _key(wish: Mapping[str, Any]) -> str:
    key = wish.get("key")
    if not isinstance(key, str) or not key:
        raise Mistake("'key' is missing")
    return key


def _seconds(wish: Mapping[str, Any], name: str) -> float:
    return _number(wish, name, 0.05, _MOST_SECONDS)


def _numbers(kind: Kind, wish: Mapping[str, Any]) -> dict[str, float]:
    return {name: _number(wish, name, least, most) for name, (least, most) in _NUMBERS[kind].items()}


def _number(wish: Mapping[str, Any], name: str, least: float, most: float) -> float:
    value = wish.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Mistake(f"{name!r} is a number from {least:g} to {most:g}")
    return value


def _path(kind: Kind, wish: Mapping[str, Any]) -> str:
    path = wish.get("path", "/")
    if not isinstance(path, str) or not path.startswith("/"):
        raise Mistake("'path' begins with a slash")
    if path != "/" and kind not in _WITH_PATH:
        raise Mistake(f"{kind} takes no path: only HTTP has one")
    return path
