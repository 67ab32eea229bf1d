"""What checks have in common: they look, say whether what they saw is as wanted, and change nothing.

Derived from by `check.tcp`, `check.promql`, `check.sql`, `check.process` and `check.program`. As a step a check fails
when it does not hold; as the `check`, `verify` or `wait` of a step it answers yes or no.
"""

import operator
from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Literal, TypeVar

from typing_extensions import override

from activities.action import Action, Call, Finding, document
from domain.errors import Transient
from domain.model import Model
from domain.run import Effect, Idempotency

Comparison = Literal["==", "!=", "<", "<=", ">", ">="]
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
)


class Seen(Model):
    """What was seen; derive to add to it."""

    holds: bool
    reason: str


P = TypeVar("P", bound=Model)
R = TypeVar("R", bound=Seen)


class Checking(Action[P, R], Generic[P, R]):
    """Derive and look."""

    effect: ClassVar = Effect.READ_ONLY
    idempotency: ClassVar = Idempotency.IDEMPOTENT

    @abstractmethod
    async def look(self, parameters: P, call: Call) -> R:
        """What is seen. Rejected: it makes no sense to ask; a target that is away does not hold."""

    @override
    async def perform(self, parameters: P, call: Call) -> R:
        seen = await self.look(parameters, call)
        if not seen.holds:
            raise Transient(seen.reason)
        return seen

    @override
    async def check(self, parameters: P, call: Call) -> Finding:
        seen = await self.look(parameters, call)
        return Finding(holds=seen.holds, detail=seen.reason, output=document(seen))

    @override
    def sentence(self, result: R) -> str:
        return result.reason
