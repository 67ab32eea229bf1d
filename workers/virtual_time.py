"""The clock of one workflow, moved by hand: nothing waits for real, and nothing passes unseen. Used by rehearsals.

The one thing to know: time moves from one timer to the next, stands still while an activity runs, and stops at the
limit that was set last. Whoever learns something inside an activity may therefore still set an earlier limit.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import TimeSkippingConfig, WorkflowExecution
from temporalio.api.enums.v1.time_skipping_pb2 import FastForwardPollingResult
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionTimeSkippingRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

# The server's default of 200 skips ends the skipping, and with it the rehearsal, in the middle of a long wait.
_MOST_SKIPS = 100_000
# A limit that has passed already is a step of its own, the shortest that there is.
_SHORTEST = timedelta(milliseconds=1)
_ENDED = frozenset({RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION})
# Everything else is a long poll that ended without an answer, and is asked again.
_ANSWERS = {
    FastForwardPollingResult.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_COMPLETED: True,
    FastForwardPollingResult.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_FAILED: False,
}


class VirtualTime:
    """The clock of one workflow, which is started with `starting`."""

    def __init__(self, client: Client, workflow_id: str) -> None:
        self._client = client
        self._id = workflow_id
        self._limit_id = ""

    def starting(self, limit: timedelta) -> Client:
        """The client to start the workflow with: time skips from its first moment, up to the limit."""
        config = self._client.config()
        config["interceptors"] = [*config["interceptors"], _Skipping(self._limited(limit))]
        return Client(**config)

    async def now(self) -> datetime:
        """The workflow's time."""
        found = await self._client.get_workflow_handle(self._id).describe()
        about = found.raw_description.workflow_extended_info
        if not about.HasField("time_skipping_info"):
            return datetime.now(UTC)
        return about.time_skipping_info.current_time.ToDatetime().replace(tzinfo=UTC)

    async def run_until(self, moment: datetime) -> None:
        """Let time run up to the moment, in place of whatever limit there was; a workflow that has ended stays so.

        Call it while an activity of the workflow runs, or when nothing happens there: otherwise the engine may pass
        over a timer that is just being fired, and the moment is measured from a time that is over.
        """
        config = self._limited(moment - await self.now())
        request = UpdateWorkflowExecutionOptionsRequest(
            namespace=self._client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=self._id),
            workflow_execution_options=WorkflowExecutionOptions(time_skipping_config=config),
            update_mask=FieldMask(paths=["time_skipping_config"]),
        )
        try:
            await self._client.workflow_service.update_workflow_execution_options(request, retry=True)
        except RPCError as error:
            # `reached` finds out the same, and says so.
            if error.status not in _ENDED:
                raise

    async def reached(self) -> bool:
        """Wait until the limit is reached; False when it never will be: another was set, or the workflow has ended."""
        waited_for = self._limit_id
        request = PollWorkflowExecutionTimeSkippingRequest(
            namespace=self._client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=self._id),
            fast_forward_id=waited_for,
        )
        while True:
            try:
                answer = await self._client.workflow_service.poll_workflow_execution_time_skipping(request, retry=True)
            except RPCError as error:
                if error.status in _ENDED:
                    return False
                raise
            if answer.fast_forward_polling_result in _ANSWERS:
                return _ANSWERS[answer.fast_forward_polling_result] and waited_for == self._limit_id

    def _limited(self, ahead: timedelta) -> TimeSkippingConfig:
        self._limit_id = str(uuid4())
        config = TimeSkippingConfig(enabled=True, max_session_skip_count=_MOST_SKIPS)
        config.fast_forward_config.id = self._limit_id
        config.fast_forward_config.duration.FromTimedelta(max(ahead, _SHORTEST))
        return config


class _Skipping(Interceptor):
    """Starts workflows with time skipping on."""

    def __init__(self, config: TimeSkippingConfig) -> None:
        self._config = config

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's name
        return _SkippingStart(next, self._config)


class _SkippingStart(OutboundInterceptor):
    def __init__(self, then: OutboundInterceptor, config: TimeSkippingConfig) -> None:
        super().__init__(then)
        self._config = config

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002 - the SDK's name
        input.time_skipping_config = self._config
        return await super().start_workflow(input)
