"""`network.delay`: packets of a TCP path that are late, or lost; done by the kernel's netem, where it has one.

The one thing to know: it delays what leaves this machine, one way. `tcp.latency` delays in a proxy and needs nothing of
the kernel, but the service must go through that proxy at all times.
"""

from datetime import timedelta
from typing import ClassVar, Self

from pydantic import Field, model_validator
from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.check_tcp import Doors
from activities.actions.switches import named
from activities.actions.traffic_control import Discipline, TrafficControl, removing
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases
from activities.ports import ConfigurationSource
from domain.action_targets import Endpoint
from domain.durations import Duration, format_duration
from domain.errors import Rejected, RejectionKind
from domain.fault_targets import NetworkPath

# TCP tries a new connection again after 1 s, 3 s, 7 s, …; what is later than this is an outage, for `network.drop`.
_MOST_DELAY = timedelta(seconds=30)
# The packet that is sent to see whether it meets netem goes out at once; its answer is not waited for any longer.
_KNOCK_SECONDS = 0.5


class DelayedPathParameters(FaultParameters):
    """Which path, how late, how much is lost."""

    # A name of `actions.networks` that has an `interface`.
    network: str
    latency: Duration = Field(default=timedelta(), ge=timedelta(), le=_MOST_DELAY)
    # Up to so much more or less, anew for each packet; packets overtake each other then.
    jitter: Duration = Field(default=timedelta(), ge=timedelta(), le=_MOST_DELAY)
    # Of a hundred packets, by chance.
    loss_percent: float = Field(default=0.0, ge=0.0, le=100.0)

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not self.latency and not self.loss_percent:
            message = "write a 'latency', a 'loss_percent', or both"
            raise ValueError(message)
        if self.jitter > self.latency:
            message = f"'jitter' is {format_duration(self.latency)} at most, as the latency is: no packet is early"
            raise ValueError(message)
        return self

    def netem(self) -> tuple[str, ...]:
        """As tc takes it."""
        millisecond = timedelta(milliseconds=1)
        delay = [f"{each // millisecond}ms" for each in (self.latency, self.jitter) if each]
        lost = [f"{self.loss_percent:f}%"] if self.loss_percent else []
        return (*(("delay", *delay) if delay else ()), *(("loss", *lost) if lost else ()))

    def words(self) -> str:
        """As people read it."""
        jitter = f", give or take {format_duration(self.jitter)}" if self.jitter else ""
        late = [f"late by {format_duration(self.latency)}{jitter}"] if self.latency else []
        lost = [f"lost by {self.loss_percent:g} %"] if self.loss_percent else []
        return " and ".join([*late, *lost])


class DelayedPath(Injected):
    """What does it."""

    discipline: Discipline = Discipline()


class NetworkDelay(FaultAction[DelayedPathParameters, DelayedPath]):
    """Delays and loses packets of a path; in a drill only."""

    name = "network.delay"
    summary = "Delay or lose the packets of a TCP path of actions.networks (netem), in a drill only."
    parameters_model = DelayedPathParameters
    result_model = DelayedPath
    example: ClassVar = {"network": "orders-db", "latency": "100ms", "jitter": "20ms", "duration": "2m"}

    def __init__(
        self, configuration: ConfigurationSource, leases: Leases, traffic: TrafficControl, doors: Doors
    ) -> None:
        super().__init__(configuration, leases)
        self._traffic = traffic
        self._doors = doors

    @override
    async def capability(self, parameters: DelayedPathParameters, call: Call) -> Finding:
        discipline = self._discipline(parameters, call)
        trouble = await self._traffic.trouble(discipline)
        if trouble is not None:
            return Finding(holds=False, detail=trouble)
        return Finding(holds=True, detail=f"the kernel has netem, and {discipline.interface} is free for it")

    @override
    async def plan(self, parameters: DelayedPathParameters, call: Call) -> Plan[DelayedPath]:
        discipline = self._discipline(parameters, call)
        where = f"{discipline.address}:{discipline.port} at {discipline.interface}"
        what = f"packets of {parameters.network} ({where}) are {parameters.words()}"
        return Plan(DelayedPath(what=what, discipline=discipline), (removing(discipline),))

    @override
    async def inject(self, parameters: DelayedPathParameters, result: DelayedPath, call: Call) -> None:
        await self._traffic.make(result.discipline)

    @override
    async def observe(self, parameters: DelayedPathParameters, result: DelayedPath, call: Call) -> Finding:
        discipline = result.discipline
        took = ""
        if discipline.direction == "out":
            # A packet of our own, should nobody else send any.
            endpoint = Endpoint(host=discipline.address, port=discipline.port)
            state, milliseconds = await self._doors.knock(endpoint, _KNOCK_SECONDS)
            took = f"; a connection is {state} after {milliseconds} ms"
        met = await self._traffic.look(discipline)
        if met is None:
            return Finding(holds=False, detail=f"netem is not at {discipline.interface}{took}")
        if not met.packets and not met.lost:
            return Finding(holds=None, detail=f"netem is at {discipline.interface}, and no packet has met it{took}")
        return Finding(holds=True, detail=f"{met.packets} packets have met it, {met.lost} were lost{took}")

    @override
    async def residue(self, parameters: DelayedPathParameters, result: DelayedPath, call: Call) -> Finding:
        if await self._traffic.is_there(result.discipline):
            return Finding(holds=False, detail=f"its queueing discipline still stands at {result.discipline.interface}")
        return Finding(holds=True, detail=f"nothing of it stands at {result.discipline.interface}")

    def _discipline(self, parameters: DelayedPathParameters, call: Call) -> Discipline:
        paths = self.configuration.current().actions.networks
        path: NetworkPath = named(paths, parameters.network, "networks", "network")
        if path.interface is None:
            raise Rejected(
                f"the network {parameters.network!r} names no interface; write it under actions.networks in "
                "hotwash.yaml, for all that leaves by it goes through one queue meanwhile",
                RejectionKind.CONFLICT,
            )
        return Discipline(
            interface=path.interface,
            program=self._traffic.program(),
            handle=self._traffic.handle_of(call.performed_key, path.interface),
            address=path.address,
            port=path.port,
            direction=path.direction,
            does=parameters.netem(),
        )
