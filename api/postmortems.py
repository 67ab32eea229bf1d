"""Takes past postmortems into the record, through the same sink as every workflow. Used by `api/routes/postmortems.py`.

The one thing to know: what was imported is remembered by source and key, so a repeated import finds it, a changed one
updates it, and an action item that is followed by now is never written over.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from api.action_items import NewActionItem, start_of
from api.engine import Engine, Owner
from api.ports import ConfigurationSource
from domain.action_item import ActionItemStatus
from domain.errors import Rejected
from domain.ids import action_item_workflow_id
from domain.incident_context import incident_context
from domain.postmortem import (
    ImportedPostmortem,
    ImportNote,
    ImportOutcome,
    ImportReport,
    NoteKind,
    PastItem,
    PastPostmortem,
)
from domain.postmortem_records import digest_of, import_id, incident_id_of, item_id_of, records_of
from domain.record import ProjectionKind
from domain.timeline import Actor
from store.interface import Document, RecordReader, RecordSink

_STILL_OPEN = {ActionItemStatus.OPEN, ActionItemStatus.IN_PROGRESS, ActionItemStatus.VERIFYING}


class PostmortemDesk:
    """Imports; each postmortem is saved by itself, so one import that is broken off is taken up by the next."""

    def __init__(
        self, engine: Engine, reader: RecordReader, sink: RecordSink, configuration: ConfigurationSource
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._sink = sink
        self._configuration = configuration

    async def take(
        self, postmortems: Sequence[PastPostmortem], by: Actor, *, dry_run: bool, start_open_items: bool
    ) -> ImportReport:
        """Import them, or say what would become of them. May be repeated; Transient when store or engine are away."""
        seen: set[str] = set()
        items: list[ImportedPostmortem] = []
        for past in postmortems:
            if import_id(past) in seen:
                note = ImportNote(
                    kind=NoteKind.REFUSED,
                    sentence=f"the key {past.key!r} is there twice; the first one counts",
                    field="key",
                )
                items.append(ImportedPostmortem(key=past.key, outcome=ImportOutcome.REFUSED, notes=(note,)))
                continue
            seen.add(import_id(past))
            items.append(await self._take_one(past, by, dry_run=dry_run, start_open_items=start_open_items))
        return ImportReport(dry_run=dry_run, items=tuple(items))

    async def _take_one(
        self, past: PastPostmortem, by: Actor, *, dry_run: bool, start_open_items: bool
    ) -> ImportedPostmortem:
        known = await self._reader.get(ProjectionKind.IMPORT, import_id(past))
        incident_id = str(known["incident_id"]) if known else incident_id_of(past)
        outcome = ImportOutcome.NEW
        if known:
            is_same = known["digest"] == digest_of(past)
            outcome = ImportOutcome.UNCHANGED if is_same else ImportOutcome.CHANGED
        notes = self._unknown_names(past)
        started: tuple[str, ...] = ()
        if not dry_run:
            if outcome is not ImportOutcome.UNCHANGED:
                revision = int(known["revision"]) + 1 if known else 1
                gone = await self._gone(past, incident_id) if known else []
                await self._sink.save(records_of(past, incident_id, revision, datetime.now(UTC), by, gone=gone))
            if start_open_items:
                started = await self._start_items(past, incident_id, by, notes)
        return ImportedPostmortem(
            key=past.key, outcome=outcome, incident_id=incident_id, notes=tuple(notes), started=started
        )

    async def _gone(self, past: PastPostmortem, incident_id: str) -> list[Document]:
        """Open items of earlier imports that the text has no more; one that is followed here is its owner's to end."""
        there = {item_id_of(past, place) for place in range(len(past.items))}
        found: list[Document] = []
        cursor = None
        while True:
            page = await self._reader.list(ProjectionKind.ACTION_ITEM, incident_id=incident_id, cursor=cursor)
            found += [each for each in page.items if each["id"] not in there and each.get("imported") is True]
            cursor = page.next_cursor
            if cursor is None:
                return [each for each in found if each["state"] in _STILL_OPEN]

    def _unknown_names(self, past: PastPostmortem) -> list[ImportNote]:
        known = self._configuration.current().services
        return [
            ImportNote(
                kind=NoteKind.ASSUMED,
                sentence=f"service {each!r} is not in hotwash.yaml; it is kept as it is written",
                field="services",
            )
            for each in past.services
            if each not in known
        ]

    async def _start_items(
        self, past: PastPostmortem, incident_id: str, by: Actor, notes: list[ImportNote]
    ) -> tuple[str, ...]:
        started: list[str] = []
        for place, item in enumerate(past.items):
            if item.state not in _STILL_OPEN:
                continue
            try:
                id_ = await self._start_item(past, place, incident_id, by)
            except Rejected as error:
                sentence = f"{item.title[:60]!r} is kept as a record only: {error.sentence}"
                notes.append(ImportNote(kind=NoteKind.NOT_UNDERSTOOD, sentence=sentence, field="action_items"))
            else:
                started += [id_] if id_ else []
        return tuple(started)

    async def _start_item(self, past: PastPostmortem, place: int, incident_id: str, by: Actor) -> str | None:
        """Begin to follow it; None when that was done before, and whatever became of it since stands."""
        configuration = self._configuration.current()
        item, id_ = past.items[place], item_id_of(past, place)
        stored = await self._reader.get(ProjectionKind.ACTION_ITEM, id_)
        if stored is not None and stored.get("imported") is not True:
            return None
        if item.owner not in configuration.people:
            who = f"{item.owner!r} is nobody in hotwash.yaml" if item.owner else "it has no owner"
            raise Rejected(f"{who}; say under 'owners' in the mapping who it is")
        incident: Document = {
            "severity": past.severity.value,
            "services": list(past.services),
            "drill": False,
            "context": incident_context(configuration, past.services).model_dump(mode="json"),
        }
        start = start_of(_wish(item, incident_id), incident, configuration, by, id_, others=len(past.items) - 1)
        owner = await self._engine.claim(
            "ActionItem", action_item_workflow_id(id_), start, f"action item {id_}", mark=None, may_start=True
        )
        return id_ if owner is Owner.NEW else None


def _wish(item: PastItem, incident_id: str) -> NewActionItem:
    # A date that has passed would chase people at once for what nobody followed; the policy counts from today.
    is_ahead = item.due_at is not None and item.due_at > datetime.now(UTC)
    return NewActionItem(
        incident_id=incident_id,
        title=item.title,
        owner=item.owner,
        done_when=item.done_when or "What the imported review asked for is in place, and a link shows it",
        priority=item.priority,
        due_at=item.due_at if is_ahead else None,
    )
