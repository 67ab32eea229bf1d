"""What a game day asks of its faults beside injecting, proving and undoing them (which are steps like any other).

Called by `GameDay` through the methods' names: the capability on the steps queue of the target's site, all else on the
machine that has answered it, for the lease lives there. The one thing to know: all of these may be repeated, and none
of them injects anything.
"""

import logging

from temporalio import activity

from activities.action import ActionRegistry, Call, Finding, read
from activities.errors import translated
from activities.fault import AnyFault, FaultAction
from activities.heartbeat import heartbeating
from activities.leases import Leases, LeaseState, Residue
from activities.output import Redactor, capped
from activities.ports import SecretResolver
from activities.steps import CheckResult, StepRequest
from domain.errors import Rejected
from domain.model import Model

log = logging.getLogger(__name__)


class FaultActivities:
    """The life of a fault between its injection and its end."""

    def __init__(self, registry: ActionRegistry, secrets: SecretResolver, machine: str = "") -> None:
        self._registry = registry
        # Where this worker runs, and where the leases of what it injects will be.
        self._machine = machine
        self._secrets = secrets

    @activity.defn(name="faults.capability")
    @translated
    async def capability(self, request: StepRequest) -> CheckResult:
        """Whether the injector works on this worker and target; if not, how to mend it. Changes nothing."""
        fault, parameters, call, redactor = self._job(request)
        async with heartbeating():
            try:
                found = await fault.capability(parameters, call)
            except Rejected as refused:
                found = Finding(holds=False, detail=refused.sentence)
        return _result(found, redactor).model_copy(update={"machine": self._machine})

    @activity.defn(name="faults.renew")
    @translated
    async def renew(self, request: StepRequest) -> LeaseState:
        """Hold the fault for another lease time; `reverted` and `lost` say that it is over."""
        fault, parameters, call, redactor = self._job(request)
        state = await fault.renew(parameters, call)
        return state.model_copy(update={"detail": redactor.text(state.detail)})

    @activity.defn(name="faults.is_clean")
    @translated
    async def is_clean(self, request: StepRequest) -> CheckResult:
        """Whether the target shows nothing of the fault; None: it cannot be told."""
        fault, parameters, call, redactor = self._job(request)
        async with heartbeating():
            found = await fault.is_clean(parameters, call)
        return _result(found, redactor)

    def _job(self, request: StepRequest) -> tuple[AnyFault, Model, Call, Redactor]:
        action = self._registry.get(request.action)
        if not isinstance(action, FaultAction):
            raise Rejected(f"{request.action} is no fault")
        redactor = Redactor(self._secrets)
        call = Call(
            key=request.key,
            incident_id=request.incident_id,
            run_id=request.run_id,
            drill=request.drill,
            timeout_seconds=request.timeout_seconds,
            secret=redactor.resolve,
            fencing=request.fencing,
        )
        return action, read(action.parameters_model, request.parameters, request.action), call, redactor


class FaultSweeper:
    """Reverts what nobody watches any more on this machine: as a worker starts, and whenever `FaultSweep` asks."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases

    @activity.defn(name="faults.sweep")
    @translated
    async def sweep(self) -> list[Residue]:
        """Revert what is left over, and log it; needs no engine but to be told that it lives."""
        async with heartbeating():
            return await self.sweep_now()

    async def sweep_now(self) -> list[Residue]:
        """The same without an engine."""
        swept = await self._leases.sweep()
        for found in swept:
            level = logging.WARNING if found.is_clean else logging.ERROR
            log.log(level, "a fault was left over: %s (%s): %s", found.what, found.action, found.detail)
        return swept


def _result(found: Finding, redactor: Redactor) -> CheckResult:
    return CheckResult(
        holds=found.holds, detail=redactor.text(found.detail), output=capped(redactor.clean(found.output))
    )
