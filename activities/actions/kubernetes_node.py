"""`kubernetes.cordon`, `kubernetes.uncordon`, `kubernetes.drain`: take a node out of use, and back.

The one thing to know: a drain asks for each pod by its uid through the eviction API, which keeps to disruption budgets.
A budget that allows nothing makes the drain wait, and in the end fail; it is never overridden.
"""

from typing import Any, ClassVar, Generic, TypeVar

from typing_extensions import override

from activities.action import Call
from activities.actions.kubernetes import ClusterParameters, ObjectName, OnKubernetes
from activities.transition import Moved
from domain.errors import Rejected, RejectionKind
from domain.model import Model

_GONE, _CONFLICT, _HELD_BACK = 404, 409, 429
_MIRROR = "kubernetes.io/config.mirror"


class NodeParameters(ClusterParameters):
    """Which node."""

    node: ObjectName

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `nodes/NAME`."""
        return f"nodes/{self.node}"

    @property
    def path(self) -> str:
        """Of the node."""
        return f"/api/v1/nodes/{self.node}"


class DrainParameters(NodeParameters):
    """Which node, and what may be lost with it."""

    # Evict pods that nobody will start elsewhere.
    evict_unmanaged: bool = False
    # Evict pods with an emptyDir; what is in it is gone.
    delete_local_data: bool = False


class NodeUse(Model):
    """Whether new pods may be placed on a node."""

    schedulable: bool


P = TypeVar("P", bound=NodeParameters)


class _OnNode(OnKubernetes[P, NodeUse], Generic[P]):
    """Schedulable or not."""

    result_model = Moved[NodeUse]
    to: ClassVar[bool]

    @override
    async def look(self, parameters: P, call: Call) -> NodeUse:
        node = await self.door.get(parameters, call, parameters.path)
        return NodeUse(schedulable=not node["spec"].get("unschedulable", False))

    @override
    async def wanted(self, parameters: P, call: Call, now: NodeUse) -> NodeUse:
        return NodeUse(schedulable=self.to)

    @override
    async def move(self, parameters: P, call: Call, change: Moved[NodeUse]) -> None:
        node = await self.door.get(parameters, call, parameters.path)
        body = {
            "metadata": {"resourceVersion": node["metadata"]["resourceVersion"]},
            "spec": {"unschedulable": not change.current.schedulable},
        }
        await self.door.patch(parameters, call, parameters.resource, path=parameters.path, body=body)

    @override
    def called(self, parameters: P) -> str:
        return f"the node {parameters.node}"

    @override
    def shown(self, state: NodeUse) -> str:
        return "schedulable" if state.schedulable else "cordoned"


class KubernetesCordon(_OnNode[NodeParameters]):
    """No new pods."""

    name = "kubernetes.cordon"
    summary = "Let no new pods be placed on a node."
    parameters_model = NodeParameters
    to = False
    example: ClassVar = {"target": "prod", "node": "worker-3"}


class KubernetesUncordon(_OnNode[NodeParameters]):
    """New pods again."""

    name = "kubernetes.uncordon"
    summary = "Let new pods be placed on a node again."
    parameters_model = NodeParameters
    to = True
    example: ClassVar = {"target": "prod", "node": "worker-3"}


class KubernetesDrain(_OnNode[DrainParameters]):
    """Cordon, then evict. Undo lets pods come back; those that left have started elsewhere."""

    name = "kubernetes.drain"
    summary = "Cordon a node and evict its pods, keeping to disruption budgets; undo uncordons it."
    parameters_model = DrainParameters
    to = False
    example: ClassVar = {"target": "prod", "node": "worker-3", "delete_local_data": True}

    @override
    async def wanted(self, parameters: DrainParameters, call: Call, now: NodeUse) -> NodeUse:
        # Found out before the node is cordoned, so that a refused drain leaves nothing behind.
        for pod in await self._pods(parameters, call):
            loss = _loss(pod, parameters)
            if loss is not None:
                raise Rejected(f"{_name(pod)} {loss}", RejectionKind.CONFLICT)
        return await super().wanted(parameters, call, now)

    @override
    async def pending(self, parameters: DrainParameters, call: Call, change: Moved[NodeUse]) -> str | None:
        if change.current.schedulable:
            return None
        left = [_name(pod) for pod in await self._pods(parameters, call)]
        return f"{len(left)} pods are still there: {', '.join(left[:3])}" if left else None

    @override
    async def arrive(self, parameters: DrainParameters, call: Call, change: Moved[NodeUse]) -> None:
        async def evict_and_look() -> str | None:
            if change.current.schedulable:
                return None
            held = [await self._evict(parameters, call, pod) for pod in await self._pods(parameters, call)]
            reasons = [reason for reason in held if reason is not None]
            left = await self.pending(parameters, call, change)
            return left and "; ".join([left, *reasons[:1]])

        await self.until_there(call, evict_and_look, self.called(parameters))

    async def _evict(self, parameters: DrainParameters, call: Call, pod: dict[str, Any]) -> str | None:
        """Ask for one pod's eviction; what holds it back, None when nothing does."""
        metadata = pod["metadata"]
        if metadata.get("deletionTimestamp"):
            return None
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
            # A pod of that name that was started anew meanwhile (as a StatefulSet does) is another one.
            "deleteOptions": {"preconditions": {"uid": metadata["uid"]}},
        }
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
        answer = await self.door.post(
            parameters,
            call,
            parameters.resource,
            path=path,
            body=body,
            accepted=frozenset({_GONE, _CONFLICT, _HELD_BACK}),
        )
        return str(answer.document.get("message") or "held back") if answer.status == _HELD_BACK else None

    async def _pods(self, parameters: DrainParameters, call: Call) -> list[dict[str, Any]]:
        """The pods that have to leave: not those of DaemonSets, which ignore a cordon, nor those of the node itself."""
        selector = f"spec.nodeName={parameters.node}"
        found = await self.door.items(parameters, call, "/api/v1/pods", fieldSelector=selector)
        return [pod for pod in found if not _stays(pod)]


def _stays(pod: dict[str, Any]) -> bool:
    owner = _controller(pod)
    return _MIRROR in (pod["metadata"].get("annotations") or {}) or (owner is not None and owner["kind"] == "DaemonSet")


def _loss(pod: dict[str, Any], parameters: DrainParameters) -> str | None:
    """What would be lost for good with the pod and has not been given up; None: nothing."""
    if (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
        return None
    if _controller(pod) is None and not parameters.evict_unmanaged:
        return "is managed by nobody who would start it elsewhere; set evict_unmanaged to give it up"
    volumes = (pod.get("spec") or {}).get("volumes") or []
    if any("emptyDir" in volume for volume in volumes) and not parameters.delete_local_data:
        return "keeps data on the node (emptyDir); set delete_local_data to give it up"
    return None


def _controller(pod: dict[str, Any]) -> dict[str, Any] | None:
    owners = pod["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def _name(pod: dict[str, Any]) -> str:
    return f"the pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
