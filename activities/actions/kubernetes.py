"""What the actions on Kubernetes share: the port to its API, the named cluster, and what may be changed there.

Used by the `kubernetes_*.py` beside it; the client is `activities/clients/kubernetes.py`. The one thing to know: every
change carries the resourceVersion that was read, so what somebody else has changed meanwhile is never overwritten.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Protocol, TypeVar

from pydantic import Field, StringConstraints

from activities.action import Call
from activities.plans import Plans
from activities.ports import ConfigurationSource
from activities.transition import Transition
from domain.cloud_targets import KubernetesTarget
from domain.errors import Rejected, RejectionKind
from domain.model import Model

# What Kubernetes allows as the name of an object; nothing of it needs quoting in a path.
ObjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
JSON = "application/json"
# The API server cuts a list here; more pages are asked for.
_PAGE = 250


@dataclass(frozen=True)
class KubernetesCall:
    """One request to an API server."""

    name: str
    target: KubernetesTarget
    method: str
    path: str
    # Turns a reference into its value; what was resolved is redacted from every error.
    secret: Callable[[str], str] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str | None = None
    # Whether it may change something, so that a lost answer leaves a doubt.
    changes: bool = False
    # Statuses that the caller understands beside 2xx.
    accepted: frozenset[int] = frozenset()

    def content(self) -> bytes | None:
        """The body as it is sent."""
        return None if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True)
class KubernetesAnswer:
    """What came back."""

    status: int
    document: dict[str, Any]


class Kubernetes(Protocol):
    """The API of Kubernetes."""

    async def call(self, call: KubernetesCall) -> KubernetesAnswer:
        """Call once. Transient: it surely has no effect, or changes nothing; UnknownOutcome: its answer was lost."""


class ClusterParameters(Model):
    """Where."""

    # A name of `actions.kubernetes`.
    target: str = Field(min_length=1)


@dataclass(frozen=True)
class ClusterDoor:
    """The one way from an action to a cluster: through a target that hotwash.yaml names."""

    configuration: ConfigurationSource
    kubernetes: Kubernetes

    async def get(self, where: ClusterParameters, call: Call, path: str, **query: str) -> dict[str, Any]:
        """Read one object."""
        target = self._target(where)
        request = KubernetesCall(where.target, target, "GET", path, call.secret, query)
        return (await self.kubernetes.call(request)).document

    async def items(self, where: ClusterParameters, call: Call, path: str, **query: str) -> list[dict[str, Any]]:
        """Read a whole list, page by page."""
        items: list[dict[str, Any]] = []
        more = ""
        while True:
            page = await self.get(where, call, path, limit=str(_PAGE), **({"continue": more} if more else {}), **query)
            items += page.get("items") or []
            more = (page.get("metadata") or {}).get("continue") or ""
            if not more:
                return items

    async def patch(
        self,
        where: ClusterParameters,
        call: Call,
        resource: str,
        *,
        path: str,
        body: Any,
        content_type: str = MERGE_PATCH,
    ) -> dict[str, Any]:
        """Change one object; Rejected unless the target's `resources` name it."""
        self.demand_changeable(where, resource)
        target = self._target(where)
        request = KubernetesCall(
            where.target,
            target,
            "PATCH",
            path,
            call.secret,
            {"fieldManager": "hotwash"},
            body,
            content_type,
            changes=True,
        )
        return (await self.kubernetes.call(request)).document

    async def post(
        self, where: ClusterParameters, call: Call, resource: str, *, path: str, body: Any, accepted: frozenset[int]
    ) -> KubernetesAnswer:
        """Ask something of an object; Rejected unless the target's `resources` name it."""
        self.demand_changeable(where, resource)
        target = self._target(where)
        return await self.kubernetes.call(
            KubernetesCall(
                where.target, target, "POST", path, call.secret, {}, body, JSON, changes=True, accepted=accepted
            )
        )

    def demand_changeable(self, where: ClusterParameters, resource: str) -> None:
        """Rejected unless the target's `resources` name it."""
        if not self._target(where).may_change(resource):
            raise Rejected(
                f"{resource} may not be changed; "
                f"name it under actions.kubernetes.{where.target}.resources in hotwash.yaml",
                RejectionKind.FORBIDDEN,
            )

    def _target(self, where: ClusterParameters) -> KubernetesTarget:
        target = self.configuration.current().actions.kubernetes.get(where.target)
        if target is None:
            raise Rejected(
                f"no cluster is called {where.target!r}; define it under actions.kubernetes in hotwash.yaml",
                RejectionKind.NOT_FOUND,
            )
        return target


P = TypeVar("P", bound=ClusterParameters)
S = TypeVar("S", bound=Model)


class OnKubernetes(Transition[P, S], Generic[P, S]):
    """A transition of something in a cluster."""

    def __init__(self, configuration: ConfigurationSource, kubernetes: Kubernetes, plans: Plans) -> None:
        super().__init__(plans)
        self.door = ClusterDoor(configuration, kubernetes)
