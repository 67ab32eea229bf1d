"""The effect ledger in memory, with the promise of the real one. `is_down` makes every call fail as a lost store does.

Used by the tests of messages and of steps.
"""

from typing import Any

from domain.effect import Claim, ClaimStatus
from domain.errors import Transient


class Ledger:
    """Implements `EffectLedger`; `outcomes` holds what was settled, None for claims that were not."""

    def __init__(self) -> None:
        self.outcomes: dict[str, dict[str, Any] | None] = {}
        self.is_down = False

    async def claim(self, key: str, kind: str, incident_id: str | None) -> Claim:
        """The first claim of a key is new; later ones hear what became of it."""
        del kind, incident_id
        self._demand_up()
        if key not in self.outcomes:
            self.outcomes[key] = None
            return Claim(key=key, status=ClaimStatus.NEW)
        outcome = self.outcomes[key]
        status = ClaimStatus.UNSETTLED if outcome is None else ClaimStatus.SETTLED
        return Claim(key=key, status=status, outcome=outcome)

    async def settle(self, key: str, outcome: dict[str, Any]) -> None:
        """The first outcome stays."""
        self._demand_up()
        if self.outcomes.get(key) is None:
            self.outcomes[key] = outcome

    async def release(self, key: str) -> None:
        """Forget the claim."""
        self._demand_up()
        self.outcomes.pop(key, None)

    def _demand_up(self) -> None:
        if self.is_down:
            message = "the store is away"
            raise Transient(message)
