"""`alerting.mute`: the alerts that match are silenced, so that nobody is told; in a drill only.

It shows whether anybody would notice that alerting itself is broken: a drill with this fault and a `detect` that is
missed has found that out. The one thing to know: the silence has an end of its own in Alertmanager, no later than the
lease, so when nobody renews it, alerts go out again by themselves.
"""

import time
from typing import ClassVar, Protocol

from pydantic import Field
from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.postgres_faults import mark_of
from activities.actions.switches import named, secret_of
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, LeaseState
from activities.ports import ConfigurationSource
from domain.action_targets import AlertmanagerServer
from domain.errors import HotwashError, Transient
from domain.model import Model

# The silence ends this much after the lease, so that a renewal may be a little late.
_SLACK_SECONDS = 2.0


class MuteParameters(FaultParameters):
    """Whose alerts, and which."""

    # A name of `actions.alertmanagers`.
    alertmanager: str
    # Label to value; a value `~…` is a regular expression. All must match; an empty list would mute everything.
    match: dict[str, str] = Field(min_length=1)


class MutedAlerts(Injected):
    """What is muted."""

    alertmanager: str = ""
    mark: str = ""
    # Unix time after which nothing is muted any more.
    until: float = 0.0


class Silence(Model):
    """A silence of ours that is in force."""

    id: str
    # Alerts that it keeps from people now.
    suppressed: int = 0


class Silencer(Protocol):
    """Alertmanagers. Transient: it does not answer; Rejected: it refuses."""

    async def status(self, server: AlertmanagerServer, token: str | None) -> str:
        """Its version."""

    async def silence(
        self, server: AlertmanagerServer, token: str | None, match: dict[str, str], mark: str, ends_at: float
    ) -> None:
        """Silence until then; a silence of this mark that is in force is prolonged or shortened."""

    async def find(
        self, server: AlertmanagerServer, token: str | None, match: dict[str, str], mark: str
    ) -> Silence | None:
        """The silence of this mark that is in force."""

    async def expire(self, server: AlertmanagerServer, token: str | None, match: dict[str, str], mark: str) -> None:
        """End it; none is fine."""


class AlertingMute(FaultAction[MuteParameters, MutedAlerts]):
    """Alerts fire, and nobody hears of them."""

    name = "alerting.mute"
    summary = "Silence alerts at an Alertmanager, in a drill only, to see whether anybody notices."
    parameters_model = MuteParameters
    result_model = MutedAlerts
    example: ClassVar = {"alertmanager": "main", "match": {"service": "shop"}, "duration": "10m"}

    def __init__(self, configuration: ConfigurationSource, leases: Leases, silencer: Silencer) -> None:
        super().__init__(configuration, leases)
        self._silencer = silencer

    @override
    async def capability(self, parameters: MuteParameters, call: Call) -> Finding:
        version = await self._silencer.status(*self._server(parameters, call))
        return Finding(holds=True, detail=f"Alertmanager {version} answers")

    @override
    async def plan(self, parameters: MuteParameters, call: Call) -> Plan[MutedAlerts]:
        self._server(parameters, call)
        which = ", ".join(f"{label}={value}" for label, value in sorted(parameters.match.items()))
        muted = MutedAlerts(
            what=f"alerts with {which} are muted at {parameters.alertmanager}",
            alertmanager=parameters.alertmanager,
            mark=mark_of(call),
            until=time.time() + parameters.duration.total_seconds(),
        )
        return Plan(muted, ())

    @override
    async def inject(self, parameters: MuteParameters, result: MutedAlerts, call: Call) -> None:
        await self._hold(parameters, result, call)

    @override
    async def observe(self, parameters: MuteParameters, result: MutedAlerts, call: Call) -> Finding:
        silence = await self._silencer.find(*self._server(parameters, call), parameters.match, result.mark)
        if silence is None:
            return Finding(holds=False, detail="Alertmanager knows no such silence")
        detail = f"silence {silence.id} is in force and keeps {silence.suppressed} alerts from people now"
        return Finding(holds=True, detail=detail)

    @override
    async def residue(self, parameters: MuteParameters, result: MutedAlerts, call: Call) -> Finding:
        try:
            silence = await self._silencer.find(*self._server(parameters, call), parameters.match, result.mark)
        except Transient as away:
            return Finding(holds=None, detail=away.sentence)
        if silence is None:
            return Finding(holds=True, detail="no silence of it is in force")
        return Finding(holds=False, detail=f"silence {silence.id} is still in force; it ends by itself")

    @override
    async def undo(self, parameters: MuteParameters, performed: MutedAlerts | None, call: Call) -> MutedAlerts:
        if await self.leases.find(call.performed_key) is not None:
            await self._silencer.expire(*self._server(parameters, call), parameters.match, mark_of(call))
        return await super().undo(parameters, performed, call)

    @override
    async def renew(self, parameters: MuteParameters, call: Call) -> LeaseState:
        held = await super().renew(parameters, call)
        lease = await self.leases.find(call.performed_key) if held.state == "held" else None
        if lease is None:
            return held
        try:
            await self._hold(parameters, self._facts(lease), call)
        except HotwashError as error:
            return LeaseState(state="lost", detail=error.sentence)
        return held

    async def _hold(self, parameters: MuteParameters, result: MutedAlerts, call: Call) -> None:
        ends_at = min(result.until, time.time() + parameters.lease.total_seconds() + _SLACK_SECONDS)
        server, token = self._server(parameters, call)
        await self._silencer.silence(server, token, parameters.match, result.mark, ends_at)

    def _server(self, parameters: MuteParameters, call: Call) -> tuple[AlertmanagerServer, str | None]:
        servers = self.configuration.current().actions.alertmanagers
        server = named(servers, parameters.alertmanager, "alertmanagers", "Alertmanager")
        return server, secret_of(server.token, call)
