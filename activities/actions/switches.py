"""Things with one value that can be read and set: a server's weight, an upstream's pool, a replica's role, a flag.

`Switching` is the action that all of them derive from; the clients behind the `Switchboard` know how each is read and
set. The one thing to know: what it was before is written down before it is changed, so an undo needs no output.
"""

import json
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from pydantic import Field
from typing_extensions import override

from activities.action import Action, Call, Finding
from activities.ports import ConfigurationSource
from domain.action_targets import FlagProvider, HaproxyServer, NginxUpstream, RedisServer
from domain.configuration import ActionSettings
from domain.errors import Rejected, RejectionKind
from domain.model import Model
from domain.run import Effect, Idempotency

T = TypeVar("T")
V = TypeVar("V")
P = TypeVar("P", bound=Model)

# A switch that takes longer is stuck; a step's own timeout may say less.
_SWITCH_SECONDS = 30.0


class Change(Model, Generic[V]):
    """What a switch was and what it is now."""

    previous: V
    current: V
    # What is worth knowing about it, as half a sentence.
    note: str = ""
    # What the target said of itself right after; an undo can tell from it whether anything has happened since.
    mark: str = ""


@dataclass(frozen=True)
class HaproxyWeightPlace:
    """The weight of a server: 0 to 256."""

    server: HaproxyServer
    backend: str
    name: str


@dataclass(frozen=True)
class HaproxyStatePlace:
    """Whether a server takes traffic: `ready`, `drain` or `maint`."""

    server: HaproxyServer
    backend: str
    name: str


@dataclass(frozen=True)
class NginxPlace:
    """The text of an upstream's file; None: there is no file."""

    upstream: NginxUpstream
    # What testing and loading may take each, if the step says so.
    seconds: float | None


@dataclass(frozen=True)
class RedisPlace:
    """Whom a server replicates: `HOST:PORT`, or empty for a primary."""

    name: str
    # All that hotwash.yaml names: the old primary must be one of them.
    servers: dict[str, RedisServer]
    # Resolves a server's password, no sooner than it is needed.
    password: Callable[[RedisServer], str | None]
    accept_unknown_loss: bool
    discard_writes: bool


@dataclass(frozen=True)
class FlagPlace:
    """The value of a feature flag."""

    provider: FlagProvider
    flag: str
    token: str | None = field(repr=False)
    # Sent along, so that the provider can drop what it has seen.
    key: str
    # Until when clients may still be told the old value, by `time.monotonic()`.
    told_by: float


AnyPlace = HaproxyWeightPlace | HaproxyStatePlace | NginxPlace | RedisPlace | FlagPlace


@dataclass(frozen=True)
class Switch:
    """A place, what people call it, and the file that remembers its changes."""

    place: AnyPlace
    called: str
    journal: str


class Switchboard(Protocol):
    """Every kind of switch. Each key moves one once; one mover at a time per journal."""

    async def move(self, switch: Switch, wanted: Any, key: str, seconds: float) -> Change[Any]:
        """Set it and see that it is set; what it was before is remembered under the key first."""

    async def undo(self, switch: Switch, wanted: Any, key: str, performed: Change[Any] | None) -> Change[Any]:
        """Set it to what it was before the move `key`; NeedsHuman when somebody has moved it since."""

    async def moved(self, switch: Switch, key: str) -> Change[Any] | None:
        """The finished move of that key; None when it did not happen, or not to its end."""


class Switching(Action[P, Change[Any]], Generic[P]):
    """Derive and say which switch, and to what."""

    effect = Effect.MUTATING
    # The journal knows our key and what was before it.
    idempotency = Idempotency.KEYED

    def __init__(self, configuration: ConfigurationSource, switchboard: Switchboard) -> None:
        self._configuration = configuration
        self._switchboard = switchboard

    @abstractmethod
    def switch(self, parameters: P, call: Call) -> Switch:
        """Which switch; Rejected when hotwash.yaml does not name it."""

    @abstractmethod
    def wanted(self, parameters: P) -> Any:
        """What it is to be."""

    @override
    async def perform(self, parameters: P, call: Call) -> Change[Any]:
        change = await self._switchboard.move(
            self.switch(parameters, call), self.wanted(parameters), call.key, seconds(call)
        )
        return self._typed(change)

    @override
    async def undo(self, parameters: P, performed: Change[Any] | None, call: Call) -> Change[Any]:
        switch, wanted = self.switch(parameters, call), self.wanted(parameters)
        return self._typed(await self._switchboard.undo(switch, wanted, call.performed_key, performed))

    @override
    async def check(self, parameters: P, call: Call) -> Finding:
        switch = self.switch(parameters, call)
        change = await self._switchboard.moved(switch, call.performed_key)
        return self.remembered(None if change is None else self._typed(change), f"changed {switch.called}")

    @override
    def sentence(self, result: Change[Any]) -> str:
        now, before = self.shown(result.current), self.shown(result.previous)
        text = f"it is {now}, it was {before}" if now != before else f"it was {now} already"
        return f"{text}; {result.note}" if result.note else text

    def shown(self, value: Any) -> str:
        """A value as people read it."""
        return repr(value)

    @property
    def settings(self) -> ActionSettings:
        """What may be touched, as it stands in hotwash.yaml now."""
        return self._configuration.current().actions

    def journal(self, kind: str, name: str) -> str:
        """The file for one target."""
        return f"{self.settings.journal_folder}/{kind}-{name}.json"

    def _typed(self, change: Change[Any]) -> Change[Any]:
        return self.result_model.model_validate(change.model_dump())


class NumberChange(Change[int]):
    """A number was changed."""


class TextChange(Change[str]):
    """A word was changed."""


class FileChange(Change[str | None]):
    """A file was changed; None: there was none."""


class JsonChange(Change[Any]):
    """A JSON value was changed."""

    previous: Any = Field(description="The value before")
    current: Any = Field(description="The value now")


def named(targets: dict[str, T], name: str, kind: str, what: str) -> T:
    """The target of that name under `actions.<kind>`; Rejected, saying where to write it, when there is none."""
    if name not in targets:
        raise Rejected(
            f"no {what} is called {name!r}; define it under actions.{kind} in hotwash.yaml", RejectionKind.NOT_FOUND
        )
    return targets[name]


def same_json(one: Any, other: Any) -> bool:
    """Whether two values are the same as JSON has it: for Python, true is 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def seconds(call: Call, most: float = _SWITCH_SECONDS) -> float:
    """How long it may take: what is usual, or what the step allows if that is less."""
    return most if call.timeout_seconds is None else min(most, call.timeout_seconds)


def secret_of(reference: str | None, call: Call) -> str | None:
    """The value behind an optional reference."""
    return None if reference is None else call.secret(reference)
