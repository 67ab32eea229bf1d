"""What there is to see: the engine is asked first about what may be in flight, the store answers otherwise.

Used by `api/routes` and `api/pages`. The one thing to know: every picture says whether it is live. A picture from the
store may be some moments old, and it is all there is once the engine has forgotten a workflow. Raises domain errors
only.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from api.engine import Engine
from api.errors import ENGINE_AWAY
from domain.errors import HotwashError, Rejected, RejectionKind, Transient
from domain.ids import (
    action_item_workflow_id,
    alert_group_workflow_id,
    approval_workflow_id,
    comms_workflow_id,
    game_day_workflow_id,
    incident_workflow_id,
    insight_mail_workflow_id,
    is_incident_id,
    operations_review_workflow_id,
    review_workflow_id,
    run_workflow_id,
)
from domain.record import ProjectionKind
from store.interface import Document, Listing, OneOrMore, RecordReader

log = structlog.get_logger(__name__)

# Longer than any id that Hotwash makes; the engine refuses ids over 1000 bytes.
_LONGEST_ID = 300


@dataclass(frozen=True, slots=True)
class Picture:
    """How a thing stands."""

    document: Document
    # From the workflow itself, this very moment; otherwise from the store.
    is_live: bool


class Reader:
    """Reads; changes nothing, so every call may be repeated."""

    def __init__(self, engine: Engine | None, record: RecordReader) -> None:
        # None: the engine is known to be away, and nobody waits for it again.
        self._engine = engine
        self._record = record

    def of_record_only(self) -> "Reader":
        """The same without asking the engine, for a caller that has just heard that it is away."""
        return Reader(None, self._record)

    # --- one thing ---

    async def incident(self, incident_id: str) -> Picture:
        """`GET /api/v1/incidents/{id}`; Rejected (not found), or Transient when neither engine nor store can say."""
        self._require_incident_id(incident_id)
        subject = f"incident {incident_id}"
        picture = await self._picture(incident_workflow_id(incident_id), ProjectionKind.INCIDENT, incident_id, subject)
        return Picture(shown_incident(picture.document), picture.is_live)

    async def incident_state(self, incident_id: str) -> Document:
        """The incident with its pinned context, which the API does not show."""
        self._require_incident_id(incident_id)
        picture = await self._picture(
            incident_workflow_id(incident_id), ProjectionKind.INCIDENT, incident_id, f"incident {incident_id}"
        )
        return picture.document

    async def run(self, run_id: str) -> Picture:
        """One run of a runbook."""
        return await self._picture(run_workflow_id(run_id), ProjectionKind.RUN, run_id, f"run {run_id}")

    async def approval(self, approval_id: str) -> Picture:
        """One approval; asked of its run, because mitigation goes on while the store is away."""
        subject = f"approval {approval_id}"
        reason: HotwashError = Rejected(f"there is no {subject}", RejectionKind.NOT_FOUND)
        try:
            found = await self._ask(approval_workflow_id(approval_id), "approval", subject, approval_id)
        except HotwashError as error:
            found, reason = None, error
        if found is not None:
            return Picture(found, is_live=True)
        return await self._from_record(ProjectionKind.APPROVAL, approval_id, subject, reason)

    async def review(self, incident_id: str) -> Picture:
        """The review of an incident."""
        return await self._picture(
            review_workflow_id(incident_id), ProjectionKind.REVIEW, incident_id, f"review {incident_id}"
        )

    async def action_item(self, item_id: str) -> Picture:
        """One action item."""
        return await self._picture(
            action_item_workflow_id(item_id), ProjectionKind.ACTION_ITEM, item_id, f"action item {item_id}"
        )

    async def alert_group(self, group_id: str) -> Picture:
        """One alert group."""
        return await self._picture(
            alert_group_workflow_id(group_id), ProjectionKind.ALERT_GROUP, group_id, f"alert group {group_id}"
        )

    async def comms(self, incident_id: str) -> Picture:
        """The communication plan of an incident."""
        return await self._picture(
            comms_workflow_id(incident_id), ProjectionKind.COMMS, incident_id, f"communication plan {incident_id}"
        )

    async def operations_review(self, week: str) -> Picture:
        """The operations review of a week."""
        subject = f"operations review {week}"
        workflow_id = operations_review_workflow_id(week)
        return await self._picture(workflow_id, ProjectionKind.OPERATIONS_REVIEW, week, subject)

    async def insight_mail(self, id_: str) -> Picture:
        """Insights that were mailed."""
        return await self._picture(
            insight_mail_workflow_id(id_), ProjectionKind.INSIGHT_MAIL, id_, f"insight mail {id_}"
        )

    async def game_day(self, game_day_id: str) -> Picture:
        """One game day."""
        workflow_id = game_day_workflow_id(game_day_id.replace("~", "/"))
        return await self._picture(workflow_id, ProjectionKind.GAME_DAY, game_day_id, f"game day {game_day_id}")

    # --- lists: the store's, because the engine lists thousands too slowly (temporal.md) ---

    async def incidents(
        self,
        *,
        status: OneOrMore | None = None,
        severity: OneOrMore | None = None,
        service: OneOrMore | None = None,
        q: str | None = None,
        since: datetime | None = None,
        drill: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Listing:
        """Incidents, newest first; Transient when the store is away."""
        page = await self._record.incidents(
            status=status, severity=severity, service=service, q=q, since=since, drill=drill, cursor=cursor, limit=limit
        )
        return Listing([shown_incident(each) for each in page.items], page.next_cursor)

    async def things(
        self,
        kind: ProjectionKind,
        *,
        incident_id: str | None = None,
        state: OneOrMore | None = None,
        owner: OneOrMore | None = None,
        overdue: bool | None = None,
        created_before: datetime | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Listing:
        """Things of one kind; Transient when the store is away."""
        return await self._record.list(
            kind,
            incident_id=incident_id,
            state=state,
            owner=owner,
            overdue=overdue,
            created_before=created_before,
            cursor=cursor,
            limit=limit,
        )

    async def timeline(self, incident_id: str, after_seq: int = 0, limit: int = 500) -> list[Document]:
        """Entries by rising `seq`; Rejected when there is no such incident."""
        entries = await self._record.timeline(incident_id, after_seq=after_seq, limit=limit)
        if not entries:
            await self.incident(incident_id)
        return entries

    async def timeline_after(self, incident_id: str, after_seq: int, limit: int) -> list[Document]:
        """What came after a `seq`; empty also for an unknown incident."""
        return await self._record.timeline(incident_id, after_seq=after_seq, limit=limit)

    async def latest_seq(self, incident_id: str) -> int:
        """The highest `seq` of an incident; 0 when the record has nothing yet."""
        return await self._record.latest_seq(incident_id)

    async def recorded_incident(self, incident_id: str) -> Document | None:
        """The store's picture, without asking the engine; for those who look again and again."""
        found = await self._record.incident(incident_id)
        return None if found is None else shown_incident(found)

    async def overview(self) -> Document:
        """How many there are of everything; Transient when the store is away."""
        return await self._record.overview()

    # --- inside ---

    async def _picture(self, workflow_id: str, kind: ProjectionKind, id_: str, subject: str) -> Picture:
        if len(id_) > _LONGEST_ID:
            raise Rejected(f"there is no {subject[:80]}…", RejectionKind.NOT_FOUND)
        try:
            document = await self._ask(workflow_id, "view", subject)
        except (Rejected, Transient) as error:
            return await self._from_record(kind, id_, subject, error)
        return Picture(document, is_live=True)

    async def _ask(self, workflow_id: str, query: str, subject: str, *about: str) -> Any:
        if self._engine is None:
            raise Transient(ENGINE_AWAY)
        return await self._engine.ask(workflow_id, query, subject, *about)

    async def _from_record(self, kind: ProjectionKind, id_: str, subject: str, reason: HotwashError) -> Picture:
        """What the store has; without it the engine's reason stands, unless the store may only be away."""
        document = await self._record.get(kind, id_)
        if document is None:
            raise reason
        if isinstance(reason, Transient):
            log.warning("answered from the record", subject=subject, reason=reason.sentence)
        return Picture(document, is_live=False)

    def _require_incident_id(self, incident_id: str) -> None:
        if not is_incident_id(incident_id):
            raise Rejected(
                f"there is no incident {incident_id[:80]!r}; an id looks like inc-20261122-k7qd",
                RejectionKind.NOT_FOUND,
            )


def shown_incident(document: Document) -> Document:
    """The incident as callers see it: without the pinned configuration and the keys of earlier requests."""
    return {name: value for name, value in document.items() if name not in {"context", "keys"}}
