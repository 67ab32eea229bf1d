"""The safety levers from the outside: how they stand, and pulling them. Used by routes, pages and `api/game_days.py`.

The one thing to know: engaging is a Signal-with-Start, which is durable once the engine has taken it, also while no
worker is up; releasing is an Update, refused with the lever's own sentence. Raises domain errors only.
"""

import asyncio
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from api.bodies import nearest
from api.engine import START_TIMEOUT, Engine
from api.errors import engine_errors
from api.ports import ConfigurationSource
from domain.configuration import Configuration
from domain.errors import Rejected, RejectionKind, Transient
from domain.ids import safety_lever_workflow_id
from domain.safety_lever import GLOBAL, EngageLever, LeverStart, LeverState, ReleaseLever
from domain.safety_lever_decisions import decide_lever, sentence
from domain.timeline import Actor
from workflows.options import CONTROL_QUEUE

# A pulled lever shows itself after some tens of milliseconds; nobody waits longer than this to see it.
_SHOWS_WITHIN = timedelta(seconds=2)
_LOOK_EVERY = timedelta(milliseconds=50)


class LeverDesk:
    """Looks at levers and pulls them."""

    def __init__(self, client: Client, configuration: ConfigurationSource) -> None:
        self._client = client
        self._engine = Engine(client)
        self._configuration = configuration

    async def levers(self) -> list[LeverState]:
        """All of them, the global one first. Transient when one cannot be told."""
        return list(await asyncio.gather(*(self._state(each) for each in scopes_of(self._configuration.current()))))

    async def lever(self, scope: str) -> LeverState:
        """How one stands; Rejected (not found) for an environment that hotwash.yaml does not have."""
        self._demand(scope)
        return await self._state(scope)

    async def engage(self, scope: str, reason: str, by: Actor) -> LeverState:
        """Stop all game days of the scope and let none begin. Engaging twice is engaging once."""
        self._demand(scope)
        command = EngageLever(by=by, reason=reason)
        # A signal is refused where nobody hears it, so what it would be refused for is found here.
        asked = decide_lever(LeverState(scope=scope), command, datetime.now(UTC)).state
        with engine_errors(f"safety lever ({scope})"):
            await self._client.start_workflow(
                "SafetyLever",
                LeverStart(scope=scope),
                id=safety_lever_workflow_id(scope),
                task_queue=CONTROL_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                start_signal="engage",
                start_signal_args=[command],
                rpc_timeout=START_TIMEOUT,
            )
        return await self._shown(asked)

    async def release(self, scope: str, reason: str, by: Actor, mark: str | None = None) -> LeverState:
        """Game days may begin again; what was stopped stays stopped. Rejected when it is not engaged."""
        self._demand(scope)
        command = ReleaseLever(by=by, reason=reason)
        try:
            answer = await self._engine.command(
                safety_lever_workflow_id(scope), "release", command, f"safety lever ({scope})", mark
            )
        except Rejected as error:
            if error.kind is not RejectionKind.NOT_FOUND:
                raise
            sentence_ = f"the safety lever ({scope}) is not engaged"
            raise Rejected(sentence_, RejectionKind.CONFLICT) from error
        return LeverState.model_validate(answer)

    async def demand_released(self, environments: tuple[str, ...]) -> None:
        """Rejected, with who pulled it and why, while a lever is engaged that is for one of these environments."""
        for lever in await asyncio.gather(*(self._state(scope) for scope in (GLOBAL, *environments))):
            if lever.engaged:
                raise Rejected(f"{sentence(lever)}; no game day begins until it is released", RejectionKind.CONFLICT)

    def _demand(self, scope: str) -> None:
        known = scopes_of(self._configuration.current())
        if scope not in known:
            # A lever for a mistyped environment would be pulled and stop nothing.
            hint = nearest(scope, known)
            raise Rejected(f"there is no safety lever {scope[:80]!r}{hint}", RejectionKind.NOT_FOUND)

    async def _state(self, scope: str) -> LeverState:
        try:
            answer = await self._engine.ask(safety_lever_workflow_id(scope), "view", f"safety lever ({scope})")
        except Rejected as error:
            if error.kind is RejectionKind.NOT_FOUND:
                return LeverState(scope=scope)
            raise
        try:
            return LeverState.model_validate(answer)
        except ValidationError as error:
            raise Transient(f"the safety lever ({scope}) gives no answer that can be read") from error

    async def _shown(self, asked: LeverState) -> LeverState:
        for _ in range(int(_SHOWS_WITHIN / _LOOK_EVERY)):
            try:
                found = await self._state(asked.scope)
            except Transient:
                # No worker is up. The engine holds the pull, and the leases at the targets revert by themselves.
                return asked
            if found.engaged:
                return found
            await asyncio.sleep(_LOOK_EVERY.total_seconds())
        return asked


def scopes_of(configuration: Configuration) -> tuple[str, ...]:
    """`global`, then every environment that has a drill target or needs an approval."""
    environments = {target.environment for target in configuration.drill_targets.values()}
    environments |= set(configuration.game_day_policy.environments_needing_approval)
    return (GLOBAL, *sorted(environments - {GLOBAL}))
