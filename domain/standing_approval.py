"""A standing approval: people agreed that a scheduled game day may run again, for as long as it is exactly the same.

Kept by the workflow `StandingApproval`, one per game day; asked by every scheduled run that needs an approval. The one
thing to know: it is bound to the digest of what was shown, and one that does not answer counts as none.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from domain.model import Model
from domain.run import Vote
from domain.timeline import Actor


class GrantStanding(Model):
    """Enough people said so when they approved a run. Granting the same approval twice is granting once."""

    by: Actor
    # The approval in which it was said.
    approval_id: str
    digest: str
    # What was shown, to say what changed when something has.
    shown: dict[str, Any] = Field(default_factory=dict)
    # Only of those who said that it shall stand.
    votes: tuple[Vote, ...]
    until: datetime


class RevokeStanding(Model):
    """From now on every run is asked about again."""

    by: Actor
    reason: str


class StandingGrant(Model):
    """One approval that stands, or stood."""

    approval_id: str
    digest: str
    shown: dict[str, Any] = Field(default_factory=dict)
    votes: tuple[Vote, ...]
    granted_at: datetime
    until: datetime
    revoked_at: datetime | None = None
    revoked_by: Actor | None = None
    revoked_because: str = ""


class StandingState(Model):
    """All that is known; the answer of the query `view`."""

    # The game day.
    name: str
    # The newest one only: a new approval takes the place of the one before.
    grant: StandingGrant | None = None


class StandingStart(Model):
    """The input of the `StandingApproval` workflow."""

    name: str
    # Carried by continue-as-new only.
    state: StandingState | None = None


class StandingAnswer(Model):
    """What a run finds when it asks."""

    state: StandingState | None = None
    # When a safety lever that is for its targets was last moved; None: never.
    lever_moved_at: datetime | None = None
    # The schedule began the run by itself, at one of its times.
    is_due: bool = False


StandingCommand = GrantStanding | RevokeStanding
STANDING_COMMANDS: Mapping[str, type[BaseModel]] = {"grant": GrantStanding, "revoke": RevokeStanding}
