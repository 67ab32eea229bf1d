"""The shape of an action that takes a target from one state to another: look, plan, write down, move, wait, and back.

Used by the actions on AWS and Kubernetes, whose targets know no idempotency keys. The one thing to know: what was
before is in the ledger before anything moves, so a second attempt, the check and the undo never have to guess.
"""
# ruff: noqa: ARG002 - the hooks have parameters for those who override them.

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from typing_extensions import override

from activities.action import Action, Call, Finding, document
from activities.plans import Plans
from activities.waiting import until
from domain.errors import NeedsHuman, Rejected, Transient, UnknownOutcome
from domain.model import Model
from domain.run import Effect, Idempotency

P = TypeVar("P", bound=Model)
S = TypeVar("S", bound=Model)


class Moved(Model, Generic[S]):
    """What was before and what is now."""

    previous: S
    current: S


class Transition(Action[P, Moved[S]], Generic[P, S]):
    """Derive and say how to look, what is wanted, how to move and what is still on its way."""

    effect = Effect.MUTATING
    # The ledger knows our key, and a state that is there already is not set again.
    idempotency = Idempotency.KEYED
    # The states are declared by `result_model`, as `Moved[State]`.
    result_model: type[Moved[S]]

    def __init__(self, plans: Plans) -> None:
        self.plans = plans

    @abstractmethod
    async def look(self, parameters: P, call: Call) -> S:
        """The state now. What is between two states counts as the one it is heading for."""

    @abstractmethod
    async def wanted(self, parameters: P, call: Call, now: S) -> S:
        """The state to go to from here; Rejected when there is none."""

    @abstractmethod
    async def move(self, parameters: P, call: Call, change: Moved[S]) -> None:
        """Set it going from `change.previous` to `change.current`; raises as `Action.perform` does."""

    async def resume(self, parameters: P, call: Call, change: Moved[S]) -> None:
        """See to what an earlier attempt of this key may have set going: it is at `change.current` already."""

    async def pending(self, parameters: P, call: Call, change: Moved[S]) -> str | None:
        """What is still on its way to `change.current`, as half a sentence; None once it is there. Changes nothing."""
        return None

    @abstractmethod
    def called(self, parameters: P) -> str:
        """What is moved, as people call it."""

    @override
    async def perform(self, parameters: P, call: Call) -> Moved[S]:
        now = await self.look(parameters, call)
        change = await self._begun(parameters, call, now)
        is_written = True
        if change is None:
            change = self._moved(now, await self.wanted(parameters, call, now))
            is_written = await self.plans.remember(call.key, document(change))
        if now != change.current:
            await self.move(parameters, call, change)
        else:
            await self.resume(parameters, call, change)
        try:
            await self.arrive(parameters, call, change)
        except Transient as error:
            if is_written or self.idempotency_of(parameters) is not Idempotency.AT_MOST_ONCE:
                raise
            # A next attempt would not know that this one has moved it already.
            raise UnknownOutcome(error.sentence) from None
        return change

    @override
    async def undo(self, parameters: P, performed: Moved[S] | None, call: Call) -> Moved[S]:
        done = performed or await self._recalled(call.performed_key)
        now = await self.look(parameters, call)
        if done is None:
            await self._demand_untouched(parameters, call, now)
            return self._moved(now, now)
        back = self._moved(done.current, done.previous)
        if now == back.current:
            await self.resume(parameters, call, back)
        else:
            if now != back.previous:
                raise NeedsHuman(
                    f"{self.called(parameters)} has moved on since: it is {self.shown(now)} now, this step made it "
                    f"{self.shown(done.current)}; decide whether {self.shown(done.previous)} is to come back"
                )
            await self.move(parameters, call, back)
        await self.arrive(parameters, call, back)
        return back

    @override
    async def check(self, parameters: P, call: Call) -> Finding:
        done = await self._recalled(call.performed_key)
        if done is None:
            return Finding(holds=False, detail=f"this step has not changed {self.called(parameters)}")
        now = await self.look(parameters, call)
        output = document(done)
        if now == done.current:
            waiting = await self.pending(parameters, call, done)
            detail = self.sentence(done) if waiting is None else f"{self.sentence(done)}; {waiting}"
            return Finding(holds=waiting is None, detail=detail, output=output)
        if now == done.previous:
            return Finding(holds=False, detail=f"{self.called(parameters)} is still {self.shown(now)}", output=output)
        detail = f"{self.called(parameters)} has moved on: it is {self.shown(now)} now"
        return Finding(holds=None, detail=detail, output=output)

    @override
    def sentence(self, result: Moved[S]) -> str:
        now, before = self.shown(result.current), self.shown(result.previous)
        return f"it is {now}, it was {before}" if now != before else f"it was {now} already"

    def shown(self, state: S) -> str:
        """A state as people read it."""
        return ", ".join(f"{name} {value}" for name, value in document(state).items())

    async def until_there(self, call: Call, look: Callable[[], Awaitable[str | None]], what: str) -> None:
        """Ask `look` until it says None; TimedOut when that takes longer than this call, or any, may take."""
        await until(look, what, call.seconds_left)

    async def arrive(self, parameters: P, call: Call, change: Moved[S]) -> None:
        """See it get there; TimedOut when it does not."""

        async def look() -> str | None:
            return await self.pending(parameters, call, change)

        await self.until_there(call, look, self.called(parameters))

    async def _demand_untouched(self, parameters: P, call: Call, now: S) -> None:
        """NeedsHuman when it is as this step wanted it, and nobody wrote down whether this step made it so."""
        try:
            is_as_wanted = now == await self.wanted(parameters, call, now)
        except Rejected:
            # There was nowhere to go from here, so nothing went.
            return
        if is_as_wanted:
            raise NeedsHuman(
                f"{self.called(parameters)} is {self.shown(now)}, as this step wanted it, and nobody here knows what "
                "it was before; look at it and decide"
            )

    async def _begun(self, parameters: P, call: Call, now: S) -> Moved[S] | None:
        """The plan of an earlier attempt, as long as it still fits what is there."""
        try:
            begun = await self._recalled(call.key)
        except Transient:
            return None
        if begun is None or now in (begun.previous, begun.current):
            return begun
        if self.idempotency_of(parameters) is Idempotency.AT_MOST_ONCE:
            raise NeedsHuman(
                f"{self.called(parameters)} has been moved by somebody else since this step began: it is "
                f"{self.shown(now)} now, the plan was {self.shown(begun.current)}; decide what is to be done"
            )
        return None

    async def _recalled(self, key: str) -> Moved[S] | None:
        plan = await self.plans.recall(key)
        return None if plan is None else self.result_model.model_validate(plan)

    def _moved(self, previous: S, current: S) -> Moved[S]:
        return self.result_model(previous=previous, current=current)
