"""The effect ledger: which outside effects were claimed, and what became of them. Called by activities.

A claim is one INSERT that only one caller can win; everybody else reads what the winner left.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select

from domain.effect import Claim, ClaimStatus
from domain.errors import Transient
from store.columns import microseconds
from store.database import Database
from store.recording import upsert
from store.tables import effects

# The key can be released between losing the race for it and reading who won; more than once in a row is a livelock.
_CLAIM_ROUNDS = 5


class SqlLedger:
    """Claims and outcomes by key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, key: str, kind: str, incident_id: str | None) -> Claim:
        """Claim the key; exactly one caller hears NEW. Transient when the database is away."""
        for _ in range(_CLAIM_ROUNDS):
            claim = await self._try_to_claim(key, kind, incident_id)
            if claim is not None:
                return claim
        message = f"the effect {key!r} is claimed and released by somebody else all the time"
        raise Transient(message)

    async def settle(self, key: str, outcome: dict[str, Any]) -> None:
        """Record the outcome; the first one stands, and a key that nobody claimed is settled as well."""
        async with self._database.writing() as connection:
            now = _now()
            statement = upsert(connection)(effects).values(
                key=key, kind="", incident_id=None, claimed_at=now, settled_at=now, outcome=outcome
            )
            statement = statement.on_conflict_do_update(
                index_elements=[effects.c.key],
                set_={"settled_at": statement.excluded.settled_at, "outcome": statement.excluded.outcome},
                where=effects.c.settled_at.is_(None),
            )
            await connection.execute(statement)

    async def release(self, key: str) -> None:
        """Forget an unsettled claim, so that the next one is NEW; a settled one stays."""
        async with self._database.writing() as connection:
            await connection.execute(delete(effects).where(effects.c.key == key, effects.c.settled_at.is_(None)))

    async def _try_to_claim(self, key: str, kind: str, incident_id: str | None) -> Claim | None:
        """None when the winner of the key has released it meanwhile."""
        async with self._database.writing() as connection:
            won = await connection.execute(
                upsert(connection)(effects)
                .values(key=key, kind=kind, incident_id=incident_id, claimed_at=_now())
                .on_conflict_do_nothing()
                .returning(effects.c.key)
            )
            if won.first() is not None:
                return Claim(key=key, status=ClaimStatus.NEW)
            found = await connection.execute(
                select(effects.c.settled_at, effects.c.outcome).where(effects.c.key == key)
            )
            row = found.first()
        if row is None:
            return None
        status = ClaimStatus.UNSETTLED if row.settled_at is None else ClaimStatus.SETTLED
        return Claim(key=key, status=status, outcome=row.outcome)


def _now() -> int:
    return microseconds(datetime.now(UTC))
