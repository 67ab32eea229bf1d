"""Standing approvals of scheduled game days from the outside: what stands, and taking it away.

Used by routes, pages and the CLI behind them. The one thing to know: nobody gives one here; people give it when they
approve a run (`standing_until` of a vote). Raises domain errors only.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from pydantic import ValidationError

from api.engine import Engine
from api.ports import ConfigurationSource
from domain.errors import HotwashError, Rejected, RejectionKind, Transient
from domain.ids import standing_approval_workflow_id
from domain.model import Model
from domain.standing_approval import RevokeStanding, StandingState
from domain.standing_approval_decisions import ends_at
from domain.timeline import Actor


class Standing(Model):
    """One standing approval, as it counts today."""

    # The game day.
    name: str
    # `holds`, `revoked`, `run_out`, `not_allowed` (by game_day_policy, now), `none_given`.
    state: str
    until: datetime | None = None
    granted_at: datetime | None = None
    approved_by: tuple[str, ...] = ()
    # The approval in which it was given, with all that was shown, and its digest.
    approval_id: str | None = None
    digest: str | None = None
    revoked_by: str | None = None
    revoked_because: str = ""


class StandingDesk:
    """Looks at standing approvals and revokes them."""

    def __init__(self, engine: Engine, configuration: ConfigurationSource) -> None:
        self._engine = engine
        self._configuration = configuration

    async def standing(self, name: str) -> Standing:
        """How it stands with one game day; Transient when it cannot be told."""
        subject = f"the standing approval of game day {name}"
        try:
            answer = await self._engine.ask(standing_approval_workflow_id(name), "view", subject, only_open=True)
        except Rejected as error:
            if error.kind is RejectionKind.NOT_FOUND:
                return Standing(name=name, state="none_given")
            raise
        try:
            return self._read(StandingState.model_validate(answer))
        except ValidationError as error:
            raise Transient(f"{subject} gives no answer that can be read") from error

    async def all(self, names: Iterable[str]) -> dict[str, Standing]:
        """Of several game days; those that cannot be told now are left out."""
        wanted = list(names)
        found = await asyncio.gather(*(self.standing(name) for name in wanted), return_exceptions=True)
        known: dict[str, Standing] = {}
        for name, each in zip(wanted, found, strict=True):
            if isinstance(each, Standing):
                known[name] = each
            elif not isinstance(each, HotwashError):
                raise each
        return known

    async def revoke(self, name: str, reason: str, by: Actor, mark: str | None = None) -> Standing:
        """The next run is asked about again. Rejected when nothing stands."""
        try:
            answer = await self._engine.command(
                standing_approval_workflow_id(name),
                "revoke",
                RevokeStanding(by=by, reason=reason),
                f"the standing approval of game day {name}",
                mark,
            )
        except Rejected as error:
            if error.kind is not RejectionKind.NOT_FOUND:
                raise
            raise Rejected(f"no approval of game day {name!r} stands", RejectionKind.CONFLICT) from error
        return self._read(StandingState.model_validate(answer))

    def _read(self, state: StandingState) -> Standing:
        grant = state.grant
        if grant is None:
            return Standing(name=state.name, state="none_given")
        at_most = self._configuration.current().game_day_policy.standing_approval_at_most
        until = grant.until if at_most is None else ends_at(grant, at_most)
        word = "holds"
        if grant.revoked_at is not None:
            word = "revoked"
        elif at_most is None:
            word = "not_allowed"
        elif datetime.now(UTC) >= until:
            word = "run_out"
        return Standing(
            name=state.name,
            state=word,
            until=until,
            granted_at=grant.granted_at,
            approved_by=tuple(each.by.name for each in grant.votes),
            approval_id=grant.approval_id,
            digest=grant.digest,
            revoked_by=grant.revoked_by.name if grant.revoked_by else None,
            revoked_because=grant.revoked_because,
        )
