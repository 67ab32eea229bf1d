"""The way from a workflow to people: messages are queued here and delivered in the background, each once.

Nothing waits for a mail server. Every workflow that tells people something owns one Courier and starts `run` as a task.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.message import CourierState, DeliveryStatus, Message, MessageReceipt
from workflows.options import HEARTBEAT_TIMEOUT, KEEP_TRYING, MESSAGE_TIMEOUT

with workflow.unsafe.imports_passed_through():
    from activities.messages import MessageActivities

# A mail server that is away is tried again after 5 s, 10 s, … and then every 5 minutes.
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=5)

Receipt = Callable[[Message, MessageReceipt | None, str], None]


class Courier:
    """Delivers messages one task each; `on_receipt` hears of the first outcome and of the last."""

    def __init__(self, on_receipt: Receipt, state: CourierState | None = None) -> None:
        self._on_receipt = on_receipt
        self._pending: dict[str, Message] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = list(state.pending) if state else []
        self._under_way = 0

    def start(self) -> None:
        """Take up what continue-as-new brought along; call it once from `run`."""
        for message in self._waiting:
            self.send(message)
        self._waiting.clear()

    def send(self, message: Message) -> None:
        """Queue a message; a key that is already under way is not queued again."""
        if message.key in self._pending:
            return
        self._pending[message.key] = message
        task = asyncio.create_task(self._deliver(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait until every message has been delivered or has failed for good."""
        await workflow.wait_condition(lambda: not self._pending)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be delivered."""
        return not self._pending and not self._waiting

    @property
    def is_resting(self) -> bool:
        """Whether no delivery is under way this moment: continue-as-new then leaves none in doubt."""
        return self._under_way == 0

    def carry(self) -> CourierState:
        """What continue-as-new takes along; the ledger keeps a repeated delivery from happening twice."""
        return CourierState(pending=(*self._waiting, *self._pending.values()))

    async def _deliver(self, message: Message) -> None:
        pause = _FIRST_PAUSE
        said = False
        while True:
            self._under_way += 1
            try:
                receipt = await workflow.execute_activity_method(
                    MessageActivities.send,
                    message,
                    start_to_close_timeout=MESSAGE_TIMEOUT,
                    heartbeat_timeout=HEARTBEAT_TIMEOUT,
                    retry_policy=KEEP_TRYING,
                )
            except ActivityError as error:
                # Only a broken template or an unknown channel gets here: no retry will mend it, a person must.
                self._on_receipt(message, None, str(error.cause))
                break
            finally:
                self._under_way -= 1
            is_pending = any(d.status is DeliveryStatus.PENDING for d in receipt.deliveries)
            if not is_pending or not said:
                self._on_receipt(message, receipt, "")
                said = True
            if not is_pending:
                break
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, _LONGEST_PAUSE)
        del self._pending[message.key]
