"""`check.tcp`: does something listen there, or, after a fence, surely not?"""

from typing import ClassVar, Literal, Protocol

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.checking import Checking, Seen
from activities.actions.switches import named
from activities.ports import ConfigurationSource
from domain.action_targets import Endpoint
from domain.model import Model


class CheckTcpParameters(Model):
    """Which endpoint, and what is wanted of it."""

    # A name of `actions.endpoints`.
    endpoint: str
    # `closed` means refused: a connection that only times out may be a broken network in front of a living server.
    wanted: Literal["open", "closed"] = "open"
    within_ms: int | None = Field(default=None, gt=0)
    # A connection inside one region takes milliseconds.
    timeout_seconds: float = Field(default=3.0, gt=0, le=60)


class CheckTcpResult(Seen):
    """What was seen."""

    state: Literal["open", "closed", "silent"]
    latency_ms: int


class Doors(Protocol):
    """Outbound TCP."""

    async def knock(self, endpoint: Endpoint, seconds: float) -> tuple[Literal["open", "closed", "silent"], int]:
        """Connect and hang up: how it went and after how many milliseconds. Raises nothing."""


class CheckTcp(Checking[CheckTcpParameters, CheckTcpResult]):
    """One connection, without a byte."""

    name = "check.tcp"
    summary = "Connect to an endpoint of actions.endpoints and fail unless it is open, or closed, as wanted."
    parameters_model = CheckTcpParameters
    result_model = CheckTcpResult
    example: ClassVar = {"endpoint": "orders-db", "wanted": "open", "within_ms": 200}

    def __init__(self, configuration: ConfigurationSource, doors: Doors) -> None:
        self._configuration = configuration
        self._doors = doors

    @override
    async def look(self, parameters: CheckTcpParameters, call: Call) -> CheckTcpResult:
        endpoint = named(self._configuration.current().actions.endpoints, parameters.endpoint, "endpoints", "endpoint")
        state, latency_ms = await self._doors.knock(endpoint, parameters.timeout_seconds)
        late = parameters.within_ms is not None and latency_ms > parameters.within_ms
        reason = f"{parameters.endpoint} ({endpoint.host}:{endpoint.port}) is {state} after {latency_ms} ms"
        if state != parameters.wanted:
            reason += f", wanted {parameters.wanted}"
        elif late:
            reason += f", wanted {parameters.within_ms} ms at most"
        holds = state == parameters.wanted and not late
        return CheckTcpResult(holds=holds, reason=reason, state=state, latency_ms=latency_ms)
