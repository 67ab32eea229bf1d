"""Starts incidents in the engine for tabletops. Built by `workers/composition.py` for `activities/tabletops.py`."""

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from domain.errors import Transient
from domain.ids import incident_workflow_id
from domain.incident import IncidentStart

# The queue of workflows, by name: clients do not import workflows.
_CONTROL_QUEUE = "control"


class TemporalIncidentStarter:
    """By workflow id; a second start of the same is none."""

    def __init__(self, client: Client, task_queue: str = _CONTROL_QUEUE) -> None:
        self._client = client
        self._task_queue = task_queue

    async def start(self, start: IncidentStart) -> None:
        """Start it, or find it started."""
        try:
            await self._client.start_workflow(
                "Incident",
                start,
                id=incident_workflow_id(start.id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )
        except WorkflowAlreadyStartedError:
            return
        except RPCError as error:
            raise Transient(f"the engine does not start the drill's incident: {error.status.name}") from error
