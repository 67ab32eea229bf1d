"""What the effect ledger answers when an outside effect is claimed; shared by activities, which ask, and the store."""

from enum import StrEnum
from typing import Any

from domain.model import Model


class ClaimStatus(StrEnum):
    """What the effect ledger knew of a key when it was claimed."""

    # Nobody had it: do the effect now.
    NEW = "new"
    # Claimed before and never settled: the effect may or may not have happened.
    UNSETTLED = "unsettled"
    # Done before; `outcome` is what was recorded.
    SETTLED = "settled"


class Claim(Model):
    """The ledger's answer to a claim."""

    key: str
    status: ClaimStatus
    outcome: dict[str, Any] | None = None
