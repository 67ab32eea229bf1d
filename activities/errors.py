"""The one place where a domain error becomes a Temporal error.

Every activity method is wrapped by `translated`: Transient stays retryable, the others are final. `type` is the class
name, the kind of a rejection travels in the details; workflows read both and never the text.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.errors import HotwashError, Rejected, Transient

P = ParamSpec("P")
R = TypeVar("R")


def to_application_error(error: HotwashError) -> ApplicationError:
    """The same error in the engine's words."""
    details = [error.kind.value] if isinstance(error, Rejected) else []
    after = error.retry_after_seconds if isinstance(error, Transient) else None
    return ApplicationError(
        error.sentence,
        *details,
        type=type(error).__name__,
        non_retryable=not isinstance(error, Transient),
        next_retry_delay=timedelta(seconds=after) if after is not None else None,
        # A sentence that somebody will read is no fault of the worker: it stays out of its log.
        category=ApplicationErrorCategory.BENIGN,
    )


def translated(method: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Let an activity raise domain errors; anything unexpected stays a retryable failure with its own type."""

    @wraps(method)
    async def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await method(*args, **kwargs)
        except HotwashError as error:
            raise to_application_error(error) from error

    return run
