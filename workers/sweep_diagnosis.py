"""What the periodic sweeps of left over faults have last seen, machine by machine. Called by `workers/diagnosis.py`.

The one thing to know: it asks the `FaultSweep` workflows, so it tells of every machine whose worker this engine knows,
where the look into the lease folder tells of this machine only.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from domain.fault_sweep import SweepState
from domain.model import Model
from workflows.fault_sweep import EVERY

_RUNNING = 'WorkflowType = "FaultSweep" AND ExecutionStatus = "Running"'
# A person waits for the report; a worker answers a query in some 10 ms.
_ANSWER_WITHIN = timedelta(seconds=3)
# Two were missed: one may be late, because its machine is starved by a drill.
_LATE_AFTER = 2 * EVERY


class SweepLook(Model):
    """What one machine's sweep says of itself; without a mend it is well."""

    detail: str
    mend: str = ""
    # Something is left over: a person has to look at it.
    is_problem: bool = False


async def look_at_sweeps(client: Client, now: datetime) -> list[SweepLook]:
    """One line for each machine. RPCError while the engine lists none."""
    ids = sorted([each.id async for each in client.list_workflows(_RUNNING)])
    return list(await asyncio.gather(*(_look(client, each, now) for each in ids)))


async def _look(client: Client, workflow_id: str, now: datetime) -> SweepLook:
    try:
        answer = await client.get_workflow_handle(workflow_id).query("view", rpc_timeout=_ANSWER_WITHIN)
    except (RPCError, WorkflowQueryFailedError):
        return SweepLook(detail=f"{workflow_id} does not answer", mend="start 'hotwash worker'")
    return look_of(SweepState.model_validate(answer), now)


def look_of(state: SweepState, now: datetime) -> SweepLook:
    """In words."""
    machine = f"{state.machine} (site {state.site})" if state.site else state.machine
    last = f"last swept at {state.swept_at:%Y-%m-%d %H:%M:%S} UTC" if state.swept_at else "never swept yet"
    if state.left:
        what = "; ".join(f"{each.what} ({each.action}): {each.detail}" for each in state.left)
        return SweepLook(
            detail=f"{machine}: {last}, still left over: {what}", mend="look at the target", is_problem=True
        )
    if state.silent_since is not None:
        detail = f"{machine}: {last}; no worker there has answered since {state.silent_since:%Y-%m-%d %H:%M} UTC"
        return SweepLook(detail=detail, mend="start 'hotwash worker' there, unless the machine is gone for good")
    if state.problem:
        return SweepLook(detail=f"{machine}: {last}; the next one failed: {state.problem}", mend="look at its log")
    if state.swept_at is not None and now - state.swept_at > _LATE_AFTER:
        return SweepLook(detail=f"{machine}: {last}, which is long ago", mend="start 'hotwash worker'")
    if state.found_at is None:
        return SweepLook(detail=f"{machine}: {last}, nothing was left over so far")
    reverted = "; ".join(f"{each.what} ({each.action})" for each in state.found)
    return SweepLook(detail=f"{machine}: {last}; at {state.found_at:%Y-%m-%d %H:%M} UTC it took up: {reverted}")
