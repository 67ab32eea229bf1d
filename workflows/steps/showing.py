"""What people are shown of a run: outputs in brief, and of a loop's items those that matter now. Used by the desk."""

import json
from collections.abc import Container, Iterable
from typing import Any

from domain.run import StepState, StepStatus

# What pictures, queries and answers show of one output; the whole of it is on the step's page in the engine.
SHOWN_BYTES = 4 * 1024
# Steps of items shown at once; the widest fan-out has 200 items under way, and nobody reads more failures than fit.
_SHOWN_ITERATIONS = 250
_BAD = frozenset({StepStatus.FAILED, StepStatus.TIMED_OUT, StepStatus.UNKNOWN, StepStatus.UNDO_FAILED})
_UNDER_WAY = frozenset({StepStatus.RUNNING, StepStatus.WAITING})


def is_iteration(path: str) -> bool:
    """Whether a step stands in an item of a loop: only an item's index is a number in a path."""
    return any(part.isdigit() for part in path.split("."))


def size(output: Any) -> int:
    """How many bytes an output takes."""
    return 0 if output is None else len(json.dumps(output))


def brief(output: Any) -> Any:
    """The output, or the beginning of it with a marker."""
    if size(output) <= SHOWN_BYTES:
        return output
    return {"truncated": json.dumps(output)[:SHOWN_BYTES] + "… [truncated]"}


def shown_steps(states: Iterable[StepState], asks: Container[str]) -> tuple[StepState, ...]:
    """The steps in their order; of items those that ask, then those under way, then those that went wrong."""
    states = list(states)
    iterations = [state for state in states if is_iteration(state.path)]
    kept = {state.path for state in sorted(iterations, key=lambda s: _rank(s, asks))[:_SHOWN_ITERATIONS]}
    return tuple(
        state.model_copy(update={"output": brief(state.output)})
        for state in states
        if state.path in kept or not is_iteration(state.path)
    )


def _rank(state: StepState, asks: Container[str]) -> int:
    if state.path in asks:
        return 0
    if state.status in _UNDER_WAY:
        return 1
    return 2 if state.status in _BAD else 3
