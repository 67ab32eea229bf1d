"""What the actions on AWS share: the port to AWS, the named target, and the list of what may be changed there.

Used by the `aws_*.py` beside it; the client is `activities/clients/aws.py`. The one thing to know: no call is repeated
by the client, so what became of a call is always what the ledger and the action's check say.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from uuid import UUID, uuid5

from pydantic import Field

from activities.action import Call
from activities.plans import Plans
from activities.ports import ConfigurationSource
from activities.transition import Transition
from domain.cloud_targets import AwsTarget
from domain.errors import Rejected, RejectionKind
from domain.model import Model

# Fixed for ever: the same key must give the same token on every machine and in every version.
_NAMESPACE = UUID("5c6c3a3e-3a51-5f0e-9d5e-1f2a7f0f6b1d")


@dataclass(frozen=True)
class AwsCall:
    """One call of one operation, as botocore names it."""

    name: str
    target: AwsTarget
    service: str
    operation: str
    arguments: dict[str, Any]
    # Whether it may change something, so that a lost answer leaves a doubt.
    changes: bool
    # Turns a reference into its value; what was resolved is redacted from every error.
    secret: Callable[[str], str] = field(repr=False)


class Aws(Protocol):
    """The API of AWS."""

    async def call(self, call: AwsCall) -> dict[str, Any]:
        """Call once and return the answer's document.

        Transient: it surely has no effect, or it changes nothing; UnknownOutcome: it changes something and its answer
        was lost; Rejected: AWS refuses it.
        """


class AwsParameters(Model):
    """Where."""

    # A name of `actions.aws`.
    target: str = Field(min_length=1)


P = TypeVar("P", bound=AwsParameters)
S = TypeVar("S", bound=Model)


@dataclass(frozen=True)
class AwsDoor:
    """The one way from an action to AWS: through a target that hotwash.yaml names."""

    configuration: ConfigurationSource
    aws: Aws
    service: str

    async def ask(self, where: AwsParameters, call: Call, operation: str, **arguments: Any) -> dict[str, Any]:
        """Read."""
        return await self._call(where, call, operation, arguments, changes=False)

    async def tell(
        self, where: AwsParameters, call: Call, resource: str, operation: str, **arguments: Any
    ) -> dict[str, Any]:
        """Change a resource; Rejected unless the target's `resources` name it."""
        self.demand_changeable(where, resource)
        return await self._call(where, call, operation, arguments, changes=True)

    def demand_changeable(self, where: AwsParameters, *resources: str) -> None:
        """Rejected unless the target's `resources` name all of them."""
        for resource in resources:
            if not self._target(where).may_change(resource):
                raise Rejected(
                    f"{resource} may not be changed; "
                    f"name it under actions.aws.{where.target}.resources in hotwash.yaml",
                    RejectionKind.FORBIDDEN,
                )

    async def pages(
        self, where: AwsParameters, call: Call, operation: str, token: str, **arguments: Any
    ) -> AsyncIterator[dict[str, Any]]:
        """Read page by page; `token` is the name of the marker in answer and question."""
        more: dict[str, Any] = {}
        while True:
            page = await self.ask(where, call, operation, **arguments, **more)
            yield page
            if not page.get(token):
                return
            more = {token: page[token]}

    async def _call(
        self, where: AwsParameters, call: Call, operation: str, arguments: dict[str, Any], *, changes: bool
    ) -> dict[str, Any]:
        given = {name: value for name, value in arguments.items() if value is not None}
        return await self.aws.call(
            AwsCall(where.target, self._target(where), self.service, operation, given, changes, call.secret)
        )

    def _target(self, where: AwsParameters) -> AwsTarget:
        target = self.configuration.current().actions.aws.get(where.target)
        if target is None:
            raise Rejected(
                f"no AWS target is called {where.target!r}; define it under actions.aws in hotwash.yaml",
                RejectionKind.NOT_FOUND,
            )
        return target


class OnAws(Transition[P, S], Generic[P, S]):
    """A transition of something on AWS."""

    service: ClassVar[str]

    def __init__(self, configuration: ConfigurationSource, aws: Aws, plans: Plans) -> None:
        super().__init__(plans)
        self.door = AwsDoor(configuration, aws, self.service)


def token(key: str) -> str:
    """The token by which AWS recognises a call: the same for every attempt of a step, never the same for two."""
    return str(uuid5(_NAMESPACE, key))


def tag(key: str) -> str:
    """The tag by which what a call has started is found again."""
    return f"hotwash:{token(key)}"
