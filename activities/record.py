"""Saving what workflows tell the store. Called by `workflows/recorder.py` of every workflow."""

from temporalio import activity

from activities.errors import translated
from activities.heartbeat import heartbeating
from activities.ports import RecordSink
from domain.record import RecordBatch

# Several within SAVE_HEARTBEAT_TIMEOUT (`workflows/options.py`).
_HEARTBEAT_EVERY_SECONDS = 1.0


class RecordActivities:
    """The way from workflows to the record."""

    def __init__(self, sink: RecordSink) -> None:
        self._sink = sink

    @activity.defn(name="record.save")
    @translated
    async def save(self, batch: RecordBatch) -> None:
        """Save a batch; idempotent by entry number and picture version, so it may be retried for ever."""
        async with heartbeating(_HEARTBEAT_EVERY_SECONDS):
            await self._sink.save(batch)
