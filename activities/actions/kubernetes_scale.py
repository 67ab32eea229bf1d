"""`kubernetes.scale`: how many pods a workload has."""

from typing import Any, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.kubernetes import ClusterParameters, ObjectName, OnKubernetes
from activities.transition import Moved
from domain.model import Model


class ScaleParameters(ClusterParameters):
    """Which workload and how many."""

    namespace: ObjectName
    kind: Literal["deployments", "statefulsets", "replicasets"] = "deployments"
    name: ObjectName
    replicas: int = Field(ge=0, le=100_000)
    # False: do not wait until the pods are ready.
    wait_until_ready: bool = True

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `KIND/NAMESPACE/NAME`."""
        return f"{self.kind}/{self.namespace}/{self.name}"

    @property
    def path(self) -> str:
        """Of the workload."""
        return f"/apis/apps/v1/namespaces/{self.namespace}/{self.kind}/{self.name}"


class Replicas(Model):
    """How many pods are wanted."""

    replicas: int


class KubernetesScale(OnKubernetes[ScaleParameters, Replicas]):
    """Through the scale subresource: that right alone is enough to change it."""

    name = "kubernetes.scale"
    summary = "Set the number of pods of a Deployment, StatefulSet or ReplicaSet, and wait until they are ready."
    parameters_model = ScaleParameters
    result_model = Moved[Replicas]
    example: ClassVar = {"target": "prod", "namespace": "shop", "name": "checkout", "replicas": 12}

    @override
    async def look(self, parameters: ScaleParameters, call: Call) -> Replicas:
        return Replicas(replicas=_wanted(await self._scale(parameters, call)))

    @override
    async def wanted(self, parameters: ScaleParameters, call: Call, now: Replicas) -> Replicas:
        return Replicas(replicas=parameters.replicas)

    @override
    async def move(self, parameters: ScaleParameters, call: Call, change: Moved[Replicas]) -> None:
        scale = await self._scale(parameters, call)
        body = {
            "metadata": {"resourceVersion": scale["metadata"]["resourceVersion"]},
            "spec": {"replicas": change.current.replicas},
        }
        await self.door.patch(parameters, call, parameters.resource, path=f"{parameters.path}/scale", body=body)

    @override
    async def pending(self, parameters: ScaleParameters, call: Call, change: Moved[Replicas]) -> str | None:
        if not parameters.wait_until_ready:
            return None
        status = (await self.door.get(parameters, call, parameters.path)).get("status") or {}
        ready, total, wanted = status.get("readyReplicas", 0), status.get("replicas", 0), change.current.replicas
        return None if ready == total == wanted else f"{ready} of {wanted} pods are ready, {total} exist"

    @override
    def called(self, parameters: ScaleParameters) -> str:
        return f"{parameters.kind} {parameters.namespace}/{parameters.name}"

    @override
    def shown(self, state: Replicas) -> str:
        return f"{state.replicas} pods"

    async def _scale(self, parameters: ScaleParameters, call: Call) -> dict[str, Any]:
        return await self.door.get(parameters, call, f"{parameters.path}/scale")


def _wanted(scale: dict[str, Any]) -> int:
    # Zero is left out of the answer.
    return int((scale.get("spec") or {}).get("replicas", 0))
