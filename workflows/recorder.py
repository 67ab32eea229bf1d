"""The way from a workflow to the store: notes and pictures are queued here and saved in the background.

Nothing in the response path waits for it. Every workflow owns one Recorder, starts `run` as a task, and calls `drain`
before it ends.
"""

import contextlib
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel
from temporalio import workflow

from domain.record import NumberedEntry, Projection, ProjectionKind, RecordBatch, RecorderState
from domain.timeline import Entry
from workflows.options import BOOKKEEPING_TIMEOUT, KEEP_TRYING, SAVE_HEARTBEAT_TIMEOUT

with workflow.unsafe.imports_passed_through():
    from activities.record import RecordActivities

# Entries and bytes per save; a payload over Temporal's limit of 2 MiB would fail for ever, and people paste long texts.
_BATCH = 200
_BATCH_BYTES = 512 * 1024
# Between two saves of one workflow, so that a burst of steps shares one; people do not see a quarter of a second. While
# the burst lasts each pause is twice the one before: saves were a tenth of what a run of short steps costs, and who
# watches fifty steps go by in a second reads none of them.
_PAUSE = timedelta(milliseconds=250)
_LONGEST_PAUSE = timedelta(seconds=1)
# Who wakes often anyway saves on such an occasion; so much later a timer does, at the price of a workflow task.
_SLACK = timedelta(milliseconds=100)


class Recorder:
    """Numbers what it is given, so that the store takes each thing exactly once."""

    def __init__(self, state: RecorderState | None = None, *, wakes_often: bool = False) -> None:
        info = workflow.info()
        self._state = state or RecorderState(origin=_origin(info), version=_first_version(info))
        self._entries: list[NumberedEntry] = list(self._state.pending_entries)
        self._pictures: dict[tuple[str, str], Projection] = {(p.kind, p.id): p for p in self._state.pending_projections}
        self._number = self._state.number
        self._version = self._state.version
        self._saving = False
        self._draining = False
        self._wakes_often = wakes_often

    def note(self, entry: Entry, incident_id: str | None) -> None:
        """Queue a timeline entry."""
        self._number += 1
        self._entries.append(NumberedEntry(number=self._number, entry=entry, incident_id=incident_id))

    def picture(
        self, kind: ProjectionKind, id_: str, document: BaseModel | dict[str, Any], incident_id: str | None
    ) -> None:
        """Queue the newest picture of a thing; an unsaved older one is dropped."""
        self._version += 1
        body = document.model_dump(mode="json") if isinstance(document, BaseModel) else document
        self._pictures[(kind, id_)] = Projection(
            kind=kind, id=id_, version=self._version, incident_id=incident_id, document=body
        )

    def holds(self, kind: ProjectionKind, id_: str) -> bool:
        """Whether a picture of the thing waits to be saved; who makes large ones need not make the next before that."""
        return (kind, id_) in self._pictures

    async def run(self) -> None:
        """Save for as long as the workflow lives; start it once as a task."""
        pause = _PAUSE
        while True:
            await workflow.wait_condition(self._has_pending)
            await self._save_once()
            if self._has_pending():
                await self._rest(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                pause = _PAUSE

    async def drain(self) -> None:
        """Save the rest without pausing and wait for it; call it last, when nothing else is left to do."""
        self._draining = True
        await workflow.wait_condition(lambda: not self._has_pending() and not self._saving)
        self._draining = False

    def carry(self) -> RecorderState:
        """What continue-as-new takes along; a save under way may be repeated, which changes nothing."""
        return RecorderState(
            origin=self._state.origin,
            number=self._number,
            version=self._version,
            pending_entries=tuple(self._entries),
            pending_projections=tuple(self._pictures.values()),
        )

    def _has_pending(self) -> bool:
        return bool(self._entries or self._pictures)

    def _next_batch(self) -> tuple[NumberedEntry, ...]:
        taken: list[NumberedEntry] = []
        size = 0
        for entry in self._entries[:_BATCH]:
            size += len(entry.model_dump_json())
            if taken and size > _BATCH_BYTES:
                break
            taken.append(entry)
        return tuple(taken)

    async def _rest(self, pause: timedelta) -> None:
        over = workflow.now() + pause
        timeout = pause + _SLACK if self._wakes_often else pause
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._draining or self._may_save(over), timeout=timeout)

    def _may_save(self, since: datetime) -> bool:
        return self._wakes_often and workflow.now() >= since

    async def _save_once(self) -> None:
        entries = self._next_batch()
        pictures = dict(self._pictures)
        self._saving = True
        # Other handlers may add entries and pictures while this waits; they are taken by the next save.
        await workflow.execute_activity_method(
            RecordActivities.save,
            RecordBatch(origin=self._state.origin, entries=entries, projections=tuple(pictures.values())),
            start_to_close_timeout=BOOKKEEPING_TIMEOUT,
            heartbeat_timeout=SAVE_HEARTBEAT_TIMEOUT,
            retry_policy=KEEP_TRYING,
        )
        del self._entries[: len(entries)]
        for key, picture in pictures.items():
            if self._pictures.get(key) is picture:
                del self._pictures[key]
        self._saving = False


def _origin(info: workflow.Info) -> str:
    # Alert groups and game days reuse workflow ids over time, so the first run of the chain tells the episodes apart.
    return f"{info.workflow_id}#{info.first_execution_run_id}"


def _first_version(info: workflow.Info) -> int:
    # A later episode under the same id must win over an earlier one: its start, in seconds, leads the version.
    return int(info.workflow_start_time.timestamp()) * 1_000_000
