"""`redis.pause`: a Redis that keeps its clients waiting, in a drill only.

The one thing to know: the server itself ends the pause. It is asked for no longer than the lease at a time, so when
nobody renews, Redis goes on by itself; no watchdog and no password outside of the worker are needed.
"""

import time
from datetime import timedelta
from typing import ClassVar, Literal, Protocol, Self

from pydantic import model_validator
from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.switches import named, secret_of
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, LeaseState
from activities.ports import ConfigurationSource
from domain.action_targets import RedisServer
from domain.durations import format_duration
from domain.errors import HotwashError, Transient

# While Redis pauses all commands it takes none, not even the one that ends the pause; a game day that is stopped must
# be over within this.
LONGEST_WHOLE_PAUSE = timedelta(seconds=5)
# A renewal may be late by this much, and the pause goes on.
_SLACK = timedelta(seconds=2)


class PauseParameters(FaultParameters):
    """Which server, and what it holds up."""

    # A name of `actions.redis`.
    target: str
    # `writes`: reading goes on. `all`: nothing does, for 5 s at most.
    commands: Literal["writes", "all"] = "writes"

    @model_validator(mode="after")
    def _can_be_ended(self) -> Self:
        if self.commands == "all" and self.duration > LONGEST_WHOLE_PAUSE:
            message = (
                "with 'commands: all' nobody can end the pause, so 'duration' is "
                f"{format_duration(LONGEST_WHOLE_PAUSE)} at most"
            )
            raise ValueError(message)
        return self


class PausedRedis(Injected):
    """Who is paused."""

    target: str = ""
    # Unix time after which nothing is paused any more.
    until: float = 0.0


class PausableRedis(Protocol):
    """A Redis server, to be paused. Transient: it does not answer; Rejected: it refuses."""

    async def version(self, server: RedisServer, password: str | None) -> tuple[int, ...]:
        """Which Redis it is."""

    async def pause(self, server: RedisServer, password: str | None, pause: timedelta, commands: str) -> None:
        """Keep clients waiting for so long from now."""

    async def go_on(self, server: RedisServer, password: str | None) -> None:
        """End a pause of writes at once."""

    async def is_paused(self, server: RedisServer, password: str | None, commands: str) -> bool:
        """Whether a client that asks now is kept waiting."""


class RedisPause(FaultAction[PauseParameters, PausedRedis]):
    """Clients wait; nothing is lost."""

    name = "redis.pause"
    summary = "Let a Redis server keep its clients waiting (CLIENT PAUSE), in a drill only; it goes on by itself."
    parameters_model = PauseParameters
    result_model = PausedRedis
    example: ClassVar = {"target": "cache", "duration": "1m"}

    def __init__(self, configuration: ConfigurationSource, leases: Leases, redis: PausableRedis) -> None:
        super().__init__(configuration, leases)
        self._redis = redis

    @override
    async def capability(self, parameters: PauseParameters, call: Call) -> Finding:
        server, password = self._server(parameters, call)
        version = await self._redis.version(server, password)
        if version < (6, 2):
            detail = f"{parameters.target} is older than Redis 6.2 and cannot pause writes alone"
            return Finding(holds=False, detail=detail)
        if await self._redis.is_paused(server, password, parameters.commands):
            return Finding(holds=False, detail=f"{parameters.target} keeps its clients waiting already")
        return Finding(holds=True, detail=f"{parameters.target} answers")

    @override
    async def plan(self, parameters: PauseParameters, call: Call) -> Plan[PausedRedis]:
        self._server(parameters, call)
        what = f"{parameters.target} keeps {'all commands' if parameters.commands == 'all' else 'writes'} waiting"
        until = time.time() + parameters.duration.total_seconds()
        return Plan(PausedRedis(what=what, target=parameters.target, until=until), ())

    @override
    async def inject(self, parameters: PauseParameters, result: PausedRedis, call: Call) -> None:
        await self._redis.pause(*self._server(parameters, call), _pause(parameters, result), parameters.commands)

    @override
    async def observe(self, parameters: PauseParameters, result: PausedRedis, call: Call) -> Finding:
        waits = await self._redis.is_paused(*self._server(parameters, call), parameters.commands)
        return Finding(holds=waits, detail=f"a command {'is kept waiting' if waits else 'was answered at once'}")

    @override
    async def residue(self, parameters: PauseParameters, result: PausedRedis, call: Call) -> Finding:
        try:
            waits = await self._redis.is_paused(*self._server(parameters, call), parameters.commands)
        except Transient as away:
            return Finding(holds=None, detail=away.sentence)
        return Finding(holds=not waits, detail=f"a command {'is kept waiting' if waits else 'was answered at once'}")

    @override
    async def undo(self, parameters: PauseParameters, performed: PausedRedis | None, call: Call) -> PausedRedis:
        # Only a pause of ours: one that somebody else has begun is none of our business.
        if await self.leases.find(call.performed_key) is not None:
            await self._redis.go_on(*self._server(parameters, call))
        return await super().undo(parameters, performed, call)

    @override
    async def renew(self, parameters: PauseParameters, call: Call) -> LeaseState:
        held = await super().renew(parameters, call)
        if held.state != "held" or parameters.commands == "all":
            return held
        lease = await self.leases.find(call.performed_key)
        if lease is None:
            return held
        try:
            pause = _pause(parameters, self._facts(lease))
            await self._redis.pause(*self._server(parameters, call), pause, "writes")
        except HotwashError as error:
            return LeaseState(state="lost", detail=error.sentence)
        return held

    def _server(self, parameters: PauseParameters, call: Call) -> tuple[RedisServer, str | None]:
        server = named(self.configuration.current().actions.redis, parameters.target, "redis", "Redis server")
        return server, secret_of(server.password, call)


def _pause(parameters: PauseParameters, result: PausedRedis) -> timedelta:
    left = timedelta(seconds=max(0.001, result.until - time.time()))
    return left if parameters.commands == "all" else min(left, parameters.lease + _SLACK)
