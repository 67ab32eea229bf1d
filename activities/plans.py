"""What an action meant to do, written down before it does it: so that a second worker, a check and an undo know.

Called by actions whose targets remember nothing. Kept in the effect ledger beside the effect's own claim, so that it
is known on every machine. The one thing to know: a plan that was written stays; a later one of its key outranks it.
"""

import asyncio
import logging
from typing import Any

from activities.ports import ClaimStatus, EffectLedger
from domain.errors import NeedsHuman, Transient

log = logging.getLogger(__name__)

# Mitigation waits no longer than this for bookkeeping, as for the claim itself (`activities/steps.py`).
_LEDGER_SECONDS = 5.0
_KIND = "plan"
# A key is planned anew only when its target has changed between two attempts; this often is somebody fighting us.
_MOST_PLANS = 20


class Plans:
    """Plans by idempotency key, in the effect ledger."""

    def __init__(self, ledger: EffectLedger) -> None:
        self._ledger = ledger

    async def recall(self, key: str) -> dict[str, Any] | None:
        """The newest plan of a key; None when there is none. Transient when the ledger is away."""
        return (await self._newest(key))[1]

    async def remember(self, key: str, plan: dict[str, Any]) -> bool:
        """Write a plan down; False, and a warning, when the ledger is away: the effect does not wait for it."""
        try:
            number, newest = await self._newest(key)
            if newest == plan:
                return True
            async with asyncio.timeout(_LEDGER_SECONDS):
                await self._ledger.settle(_name(key, number + 1), plan)
        except (Transient, TimeoutError):
            log.warning("the effect ledger is away; what %s is about to change is not written down", key)
            return False
        return True

    async def _newest(self, key: str) -> tuple[int, dict[str, Any] | None]:
        try:
            async with asyncio.timeout(_LEDGER_SECONDS):
                return await self._search(key)
        except TimeoutError:
            raise Transient("the record that knows what this step planned does not answer") from None

    async def _search(self, key: str) -> tuple[int, dict[str, Any] | None]:
        newest: dict[str, Any] | None = None
        for number in range(1, _MOST_PLANS + 1):
            # The ledger is read by claiming; a claim that nobody settled is given back and was never a plan.
            claim = await self._ledger.claim(_name(key, number), _KIND, None)
            if claim.status is not ClaimStatus.SETTLED:
                await self._ledger.release(_name(key, number))
                return number - 1, newest
            newest = claim.outcome
        raise NeedsHuman(f"the target of {key} is changed by somebody else all the time; find out who fights this step")


def _name(key: str, number: int) -> str:
    return f"{key}/plan/{number}"
