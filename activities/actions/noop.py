"""`noop`: nothing, at the price of a step. For rehearsals and for measuring what a step costs."""

from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from activities.action import Action, Call
from domain.model import Model
from domain.run import Effect, Idempotency


class NoopParameters(Model):
    """What comes back as the output."""

    echo: dict[str, Any] = Field(default_factory=dict)


class NoopResult(Model):
    """What was given."""

    echo: dict[str, Any]


class Noop(Action[NoopParameters, NoopResult]):
    """Does nothing."""

    name = "noop"
    summary = "Do nothing and return what was given."
    effect = Effect.READ_ONLY
    idempotency = Idempotency.IDEMPOTENT
    parameters_model = NoopParameters
    result_model = NoopResult
    example: ClassVar = {"echo": {"hello": "world"}}

    @override
    async def perform(self, parameters: NoopParameters, call: Call) -> NoopResult:
        return NoopResult(echo=parameters.echo)

    @override
    def sentence(self, result: NoopResult) -> str:
        return "did nothing"
