"""Evaluating expressions from a workflow, for runs (`steps/calls.py`) and game days (`game_days/preparing.py`).

The one thing to know: it is an activity and not a local one. While a query is answered, the SDK may deliver a local
activity's result in another order than a replay does, and the successor of a dead worker would then be stuck for good
(measured: 9 of 25 histories; see docs/decisions/0019-no-local-activities.md).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

from runbooks.expressions import read_by
from workflows.options import QUESTION_TIMEOUT

with workflow.unsafe.imports_passed_through():
    from activities.rendering import RenderActivities, RenderRequest

# Pure, so it may be repeated. A worker that dies costs an attempt; ten that die one after the other cost the step.
_RENDERING = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=10)


async def evaluated(template: Any, scope: Mapping[str, Any]) -> Any:
    """The value without expressions; FailureError with a sentence when one cannot be evaluated."""
    result = await workflow.execute_activity_method(
        RenderActivities.render,
        # What it does not read would only make history longer.
        RenderRequest(template=template, scope=read_by(template, scope)),
        start_to_close_timeout=QUESTION_TIMEOUT,
        retry_policy=_RENDERING,
    )
    return result.value
