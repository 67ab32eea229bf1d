"""The poll of one tracker: every few minutes what was changed there, so that a lost webhook is only late.

Started by the worker for each tracker of hotwash.yaml, `tracker-sync/<tracker>`. The one thing to know: one list of
changed issues for all items is far cheaper than a look at each of 20,000 (docs/decisions/0011); who is in the list is
told by signal and looks for itself.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from domain.tracker import TrackerSyncStart
from workflows.options import HEARTBEAT_TIMEOUT

with workflow.unsafe.imports_passed_through():
    from activities.trackers.sync import PollRequest, TrackerActivities

# Up to fifty pages of a hundred issues after a long outage.
_POLL_TIMEOUT = timedelta(minutes=10)
# The tracker is away, or asks for a pause (then the pause is its own): for ever, ten minutes apart at most.
_FOR_EVER = RetryPolicy(
    initial_interval=timedelta(seconds=5), backoff_coefficient=2, maximum_interval=timedelta(minutes=10)
)
# Clocks differ, and a change may become visible after a later one. Who is told twice looks at the version first.
_OVERLAP = timedelta(minutes=2)
# A token that is refused is renewed by a person.
_AFTER_REFUSAL = timedelta(hours=1)


@workflow.defn
class TrackerSync:
    """See the module."""

    @workflow.init
    def __init__(self, start: TrackerSyncStart) -> None:
        self._since = start.since or workflow.now()
        self._asked = False

    @workflow.run
    async def run(self, start: TrackerSyncStart) -> None:
        """For as long as hotwash.yaml has the tracker."""
        while not workflow.info().is_continue_as_new_suggested():
            self._asked = False
            pause = await self._poll(start)
            if pause is None:
                return
            # Scattered, so that several trackers and several houses do not ask in the same second.
            await self._wait(pause * workflow.random().uniform(0.8, 1.2))
        workflow.continue_as_new(start.model_copy(update={"since": self._since}))

    @workflow.signal
    def look(self) -> None:
        """A webhook said that something has changed, and not whose it is."""
        self._asked = True

    async def _poll(self, start: TrackerSyncStart) -> timedelta | None:
        """How long to wait for the next poll; None: there is no such tracker any more."""
        try:
            result = await workflow.execute_activity_method(
                TrackerActivities.poll,
                PollRequest(tracker=start.tracker, since=self._since - _OVERLAP),
                start_to_close_timeout=_POLL_TIMEOUT,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=_FOR_EVER,
            )
        except ActivityError as error:
            workflow.logger.warning("%s cannot be polled: %s", start.tracker, error.cause)
            return _AFTER_REFUSAL
        if not result.is_configured:
            return None
        self._since = max(self._since, result.since)
        return start.every

    async def _wait(self, pause: timedelta) -> None:
        try:
            await workflow.wait_condition(lambda: self._asked, timeout=pause)
        except TimeoutError:
            return
