"""The sweep of one machine: every few minutes its worker looks for faults that are left over, and reverts them.

Started by each steps worker for its own machine, `fault-sweep/<machine>` (`workers/composition.py`). The one thing to
know: leases are files of the machine that injected, so the work is done on a queue that only workers there serve.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, TimeoutType
from temporalio.exceptions import TimeoutError as EngineTimeout

from domain import fault_sweep as decisions
from domain.fault_sweep import FaultSweepStart, LeftOver, SweepState
from workflows.game_days.desk import sentence_of
from workflows.options import HEARTBEAT_TIMEOUT, ONCE, machine_queue

# Undo and watchdog come within seconds; what is left for a sweep has lost both. A drill lasts for minutes, and an empty
# sweep costs a look into one folder.
EVERY = timedelta(minutes=5)
# Each leftover takes two minutes at most (`activities/clients/leases.py`), and there are seldom two.
_LASTS_AT_MOST = timedelta(minutes=10)


@workflow.defn
class FaultSweep:
    """See the module."""

    @workflow.init
    def __init__(self, start: FaultSweepStart) -> None:
        self._state = start.state or SweepState(machine=start.machine, site=start.site)

    @workflow.query
    def view(self) -> SweepState:
        """When it was last swept there, and what was found."""
        return self._state

    @workflow.run
    async def run(self, start: FaultSweepStart) -> SweepState:
        """For as long as somebody is there."""
        await self._sweep()
        while not decisions.is_gone(self._state, workflow.now()):
            await workflow.sleep(EVERY)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(start.model_copy(update={"state": self._state}))
            await self._sweep()
        return self._state

    async def _sweep(self) -> None:
        try:
            found: list[LeftOver] = await workflow.execute_activity(
                "faults.sweep",
                result_type=list[LeftOver],
                task_queue=machine_queue(self._state.machine, self._state.site),
                schedule_to_start_timeout=EVERY,
                start_to_close_timeout=_LASTS_AT_MOST,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=ONCE,
            )
        except ActivityError as error:
            cause = error.cause
            was_taken = not (isinstance(cause, EngineTimeout) and cause.type is TimeoutType.SCHEDULE_TO_START)
            self._state = decisions.not_swept(self._state, sentence_of(error), workflow.now(), was_taken=was_taken)
            return
        self._state = decisions.swept(self._state, tuple(found), workflow.now())
