"""An action item and its issue in a tracker: one look at a time, for as long as there is something to tell or to hear.

Mixed into `workflows/action_item.py`. The one thing to know: a look is one activity that may be repeated, because it
compares before it changes and creates under a key of the ledger. A tracker that is away is asked again with growing,
scattered pauses, and the item goes on meanwhile.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from domain.action_item import ActionItemStart, ActionItemState
from domain.action_item_outcomes import ItemOutcome
from domain.action_item_tracking import accept_sync, note_problem, sync_request, wants_sync
from domain.errors import UnknownOutcome
from workflows.options import HEARTBEAT_TIMEOUT

with workflow.unsafe.imports_passed_through():
    from activities.trackers.sync import TrackerActivities

# One look is a handful of requests of at most 20 s each.
_LOOK_TIMEOUT = timedelta(seconds=90)
# Tried within seconds; after that the page says that the tracker is away, and the pauses are the workflow's own.
_TRY_BRIEFLY = RetryPolicy(
    initial_interval=timedelta(seconds=2), backoff_coefficient=3, maximum_interval=timedelta(minutes=15),
    maximum_attempts=4,
)  # fmt: skip
# Changes within this time are one look: a person who edits three fields, a webhook for each of them.
_SETTLE = timedelta(seconds=2)
# A tracker that is away is asked after 1, 2, 4 … minutes and then every hour; scattered, because thousands of items
# wait for the same one.
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)


class Tracking:
    """The look, again and again."""

    def __init__(
        self, start: ActionItemStart, state: Callable[[], ActionItemState], apply: Callable[[ItemOutcome], None]
    ) -> None:
        self._start = start
        self._state = state
        self._apply = apply

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to tell the tracker."""
        return not wants_sync(self._state())

    async def run(self) -> None:
        """For as long as the workflow lives."""
        pause = _FIRST_PAUSE
        while True:
            await workflow.wait_condition(lambda: wants_sync(self._state()))
            await asyncio.sleep(_SETTLE.total_seconds())
            if not wants_sync(self._state()):
                continue
            # People, clocks and webhooks go on changing the item while this waits; what they change is the next look's.
            if await self._look():
                pause = _FIRST_PAUSE
                continue
            await self._rest(pause * workflow.random().uniform(0.5, 1.5))
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _rest(self, pause: timedelta) -> None:
        """Wait until it is tried again; a tracker that speaks up by itself is there again, and is asked at once."""
        asks = self._asks()
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._asks() != asks, timeout=pause)

    def _asks(self) -> int:
        link = self._state().tracker
        return link.asks if link else 0

    async def _look(self) -> bool:
        request = sync_request(self._state(), self._start)
        try:
            result = await workflow.execute_activity_method(
                TrackerActivities.sync,
                request,
                start_to_close_timeout=_LOOK_TIMEOUT,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=_TRY_BRIEFLY,
            )
        except ActivityError as error:
            cause = error.cause
            in_doubt = isinstance(cause, ApplicationError) and cause.type == UnknownOutcome.__name__
            sentence = cause.message if isinstance(cause, ApplicationError) else "the tracker did not answer in time"
            problem = note_problem(self._state(), sentence, workflow.now(), self._start, in_doubt=in_doubt)
            self._apply(problem)
            return False
        self._apply(accept_sync(self._state(), request, result, workflow.now(), self._start))
        return True
