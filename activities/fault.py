"""What a fault is: harm done on purpose, in a drill, that always ends.

Derive once per fault in `activities/actions/`, as for any action, and fill in five hooks: `capability`, `plan`,
`inject`, `observe` and `residue`. The order in which they run is the promise and stands here once: nothing is touched
before the way back is registered on the target side, and a fault that comes late finds itself undone.
"""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from pydantic import field_validator
from typing_extensions import override

from activities.action import Action, Call, Finding, document, read
from activities.leases import Lease, LeaseOrder, Leases, LeaseState, LeaseStatus, Recipe, RevertedBy
from activities.ports import ConfigurationSource
from domain.durations import Duration, format_duration
from domain.errors import HotwashError, NeedsHuman, Rejected, RejectionKind
from domain.model import Model
from domain.run import Effect, Idempotency

# Renewed every third of it, so that two renewals may get lost. Shorter than this, a busy machine loses leases for
# nothing; longer, a fault outlives everybody for longer than people wait before they reach for the plug.
SHORTEST_LEASE = timedelta(seconds=3)
LONGEST_LEASE = timedelta(minutes=5)
# A drill that breaks something for longer than a day is an outage.
LONGEST_DURATION = timedelta(hours=24)


class FaultParameters(Model):
    """What every fault is told."""

    # The longest that the fault may stay, renewed or not.
    duration: Duration
    # Not renewed for this long, the target side reverts it by itself.
    lease: Duration = timedelta(seconds=15)

    @field_validator("duration")
    @classmethod
    def _ends(cls, duration: timedelta) -> timedelta:
        if not timedelta() < duration <= LONGEST_DURATION:
            message = f"write more than 0s and at most {format_duration(LONGEST_DURATION)}"
            raise ValueError(message)
        return duration

    @field_validator("lease")
    @classmethod
    def _within_reason(cls, lease: timedelta) -> timedelta:
        if not SHORTEST_LEASE <= lease <= LONGEST_LEASE:
            message = f"write {format_duration(SHORTEST_LEASE)} to {format_duration(LONGEST_LEASE)}"
            raise ValueError(message)
        return lease


class Injected(Model):
    """What a fault was done to; derive with what `observe` and `residue` need. Every field has a default.

    It is written down with the lease before the fault is injected: no secret, and nothing that only the injection
    finds out.
    """

    # What is so while the fault is there: `process 4711 of shop is stopped`. Empty: it never happened.
    what: str = ""
    # When the harm began, by the injector's own clock: latencies are counted from here. Noted beside the lease.
    injected_at: datetime | None = None


P = TypeVar("P", bound=FaultParameters)
R = TypeVar("R", bound=Injected)


@dataclass(frozen=True)
class Plan(Generic[R]):
    """What is going to be done, and how it is reverted; nothing has been touched yet."""

    result: R
    recipe: Recipe


class FaultAction(Action[P, R], Generic[P, R]):
    """Derive once per fault, in a file of its own."""

    effect = Effect.FAULT
    # The lease knows our key.
    idempotency = Idempotency.KEYED

    def __init__(self, configuration: ConfigurationSource, leases: Leases) -> None:
        self.configuration = configuration
        self.leases = leases

    # --- what a fault fills in ---

    @abstractmethod
    async def capability(self, parameters: P, call: Call) -> Finding:
        """Whether this injector works here, on this target; if not, a sentence that says how to mend it.

        Changes nothing that anybody could notice. A target that does not exist is Rejected.
        """

    @abstractmethod
    async def plan(self, parameters: P, call: Call) -> Plan[R]:
        """Find the target and write down the way back. Touches nothing."""

    @abstractmethod
    async def inject(self, parameters: P, result: R, call: Call) -> None:
        """Do it to what was planned. Doing it again, wholly or half done, is doing it once."""

    @abstractmethod
    async def observe(self, parameters: P, result: R, call: Call) -> Finding:
        """Ask the target now whether it shows the fault: True, False, or None where nobody can tell."""

    @abstractmethod
    async def residue(self, parameters: P, result: R, call: Call) -> Finding:
        """Ask the target now for traces: `holds` True means that it is clean."""

    # --- what all have in common ---

    @override
    async def perform(self, parameters: P, call: Call) -> R:
        lease = await self.leases.find(call.performed_key) or await self._open(parameters, call)
        _demand_held(lease)
        result = self._facts(lease)
        began_at = await self.leases.begin(call.performed_key)
        try:
            async with self._held(parameters, call):
                await self.inject(parameters, result, call)
        except HotwashError:
            # Half of it may be there. The key is used up: another attempt is another fault.
            await self.leases.release(call.performed_key, again=True)
            raise
        # Its lease may be over all the same (its duration was, or nothing could be renewed), and was reverted before
        # it was made: once more, behind it.
        now = await self.leases.find(call.performed_key)
        if now is None or now.status is not LeaseStatus.HELD:
            await self.leases.release(call.performed_key, again=True)
            raise Rejected(
                f"{self.name} lost its lease while it was injected, and was reverted", RejectionKind.CONFLICT
            )
        return result.model_copy(update={"injected_at": began_at})

    @override
    async def undo(self, parameters: P, performed: R | None, call: Call) -> R:
        lease = await self.leases.release(call.performed_key)
        result = self._facts(lease)
        if not result.what:
            return result
        found = await self.residue(parameters, result, call)
        if found.holds is False:
            # Reverted by the lease's watchdog as far as it could tell; once more, by us.
            await self.leases.release(call.performed_key, again=True)
            found = await self.residue(parameters, result, call)
        if found.holds is False:
            raise NeedsHuman(f"{self.name} is undone and still shows: {found.detail}")
        return result

    @override
    async def check(self, parameters: P, call: Call) -> Finding:
        lease = await self.leases.find(call.performed_key)
        if lease is None:
            return Finding(holds=False, detail="this fault was not injected")
        if lease.status is not LeaseStatus.HELD:
            return Finding(holds=False, detail=how_it_ended(lease))
        result = self._facts(lease)
        found = await self.observe(parameters, result, call)
        result = result.model_copy(update={"injected_at": await self.leases.began(call.performed_key)})
        return found.model_copy(update={"output": document(result)})

    async def is_clean(self, parameters: P, call: Call) -> Finding:
        """Whether the target shows nothing (any more) of the fault of this key; None: it cannot be told."""
        lease = await self.leases.find(call.performed_key)
        if lease is None or not self._facts(lease).what:
            return Finding(holds=True, detail="this fault was not injected")
        found = await self.residue(parameters, self._facts(lease), call)
        ended = how_it_ended(lease) if lease.by else "its lease is still held"
        # Who has reverted it is told with it: a game day that was away for a while learns it here.
        ended_by = {"reverted_by": lease.by.value, "reverted_at": lease.at.isoformat()} if lease.by and lease.at else {}
        output = {**found.output, **ended_by}
        return found.model_copy(update={"detail": f"{found.detail}; {ended}", "output": output})

    async def renew(self, parameters: P, call: Call) -> LeaseState:
        """Hold the fault for another lease time, or hear that it is over. Derive to renew the kernel's own timeout."""
        del parameters
        return await self.leases.renew(call.performed_key)

    @override
    def sentence(self, result: R) -> str:
        return result.what or "there was nothing to undo"

    @asynccontextmanager
    async def _held(self, parameters: P, call: Call) -> AsyncIterator[None]:
        """Renew while it is being injected; nobody else does so yet. What a renewal hears is heard again after."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(parameters.lease.total_seconds() / 3)
                await self.leases.renew(call.performed_key)

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
        # Whoever renews from now on has a whole lease time to begin.
        await self.leases.renew(call.performed_key)

    async def _open(self, parameters: P, call: Call) -> Lease:
        able = await self.capability(parameters, call)
        if not able.holds:
            raise Rejected(able.detail, RejectionKind.CONFLICT)
        plan = await self.plan(parameters, call)
        return await self.leases.open(
            LeaseOrder(
                key=call.performed_key,
                action=self.name,
                what=plan.result.what,
                recipe=plan.recipe,
                lease=parameters.lease,
                duration=parameters.duration,
                facts=document(plan.result),
            )
        )

    def _facts(self, lease: Lease) -> R:
        return read(self.result_model, lease.facts, f"the lease of {self.name}")


AnyFault = FaultAction[Any, Any]


def how_it_ended(lease: Lease) -> str:
    """A sentence: who reverted it, when, and what did not go well."""
    if lease.status is LeaseStatus.HELD:
        return "it is not reverted"
    how = {
        RevertedBy.UNDO: "it was undone",
        RevertedBy.LEASE: "nobody renewed its lease, so it was reverted",
        RevertedBy.DURATION: "its duration was over, so it was reverted",
        RevertedBy.SWEEP: "it was found left over and reverted",
        None: "it is being reverted",
    }[lease.by]
    sentence = f"{how} at {_second(lease.at)}" if lease.at else how
    return sentence if lease.status is LeaseStatus.REVERTED else f"{sentence}, not cleanly: {'; '.join(lease.notes)}"


def _second(at: datetime) -> str:
    return f"{at:%H:%M:%S} UTC"


def _demand_held(lease: Lease) -> None:
    if lease.status is not LeaseStatus.HELD:
        raise Rejected(
            f"{lease.action} is not injected a second time: {how_it_ended(lease)}; start a new game day",
            RejectionKind.CONFLICT,
        )
