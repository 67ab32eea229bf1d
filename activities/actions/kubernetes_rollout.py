"""`kubernetes.undo_rollout`: what `kubectl rollout undo deployment` does, with a record of what was before.

The one thing to know: the template is replaced whole, as kubectl does it. A merge would leave behind what only the bad
release has, such as a new variable or a sidecar.
"""

from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.kubernetes import JSON_PATCH, ClusterParameters, ObjectName, OnKubernetes
from activities.transition import Moved
from domain.errors import Rejected, RejectionKind, Transient
from domain.model import Model
from domain.run import Idempotency

_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"
# These belong to the deployment and do not travel with a revision (kubectl, pkg/polymorphichelpers).
_OF_THE_DEPLOYMENT = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        _REVISION,
        "deployment.kubernetes.io/revision-history",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deprecated.deployment.rollback.to",
    }
)


class UndoRolloutParameters(ClusterParameters):
    """Which deployment, and back to which revision."""

    namespace: ObjectName
    deployment: ObjectName
    # None: the revision before the current one.
    revision: int | None = Field(default=None, ge=1)
    # False: do not wait until the pods of the new revision are available.
    wait_until_available: bool = True

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `deployments/NAMESPACE/NAME`."""
        return f"deployments/{self.namespace}/{self.deployment}"

    @property
    def path(self) -> str:
        """Of the deployment."""
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{self.deployment}"


class Rollout(Model):
    """What a deployment runs: its replica set, whose name stays when its revision number moves on."""

    replica_set: str


class KubernetesUndoRollout(OnKubernetes[UndoRolloutParameters, Rollout]):
    """Back by the deployment's own history. Undo goes forward again."""

    name = "kubernetes.undo_rollout"
    summary = "Let a Deployment run its previous revision again, and wait until its pods are available."
    # Without the plan, twice would be there and back again; revision numbers move on with each rollback.
    idempotency = Idempotency.AT_MOST_ONCE
    parameters_model = UndoRolloutParameters
    result_model = Moved[Rollout]
    example: ClassVar = {"target": "prod", "namespace": "shop", "deployment": "checkout"}

    @override
    async def look(self, parameters: UndoRolloutParameters, call: Call) -> Rollout:
        deployment = await self.door.get(parameters, call, parameters.path)
        template = _template(deployment)
        for replica_set in await self._history(parameters, call, deployment):
            if _template(replica_set) == template:
                return Rollout(replica_set=replica_set["metadata"]["name"])
        raise Transient(f"{self.called(parameters)} has just been changed and has no replica set yet; ask again")

    @override
    async def wanted(self, parameters: UndoRolloutParameters, call: Call, now: Rollout) -> Rollout:
        deployment = await self.door.get(parameters, call, parameters.path)
        history = await self._history(parameters, call, deployment)
        if parameters.revision is not None:
            history = [one for one in history if _revision(one) == parameters.revision]
        for replica_set in history:
            if parameters.revision is not None or replica_set["metadata"]["name"] != now.replica_set:
                return Rollout(replica_set=replica_set["metadata"]["name"])
        which = "an earlier revision" if parameters.revision is None else f"revision {parameters.revision}"
        raise Rejected(f"{self.called(parameters)} has no {which} on record", RejectionKind.CONFLICT)

    @override
    async def move(self, parameters: UndoRolloutParameters, call: Call, change: Moved[Rollout]) -> None:
        deployment = await self.door.get(parameters, call, parameters.path)
        if deployment["spec"].get("paused"):
            raise Rejected(f"{self.called(parameters)} is paused; resume its rollout first", RejectionKind.CONFLICT)
        for replica_set in await self._history(parameters, call, deployment):
            if replica_set["metadata"]["name"] == change.current.replica_set:
                break
        else:
            raise Rejected(f"{change.current.replica_set} is no longer on record", RejectionKind.NOT_FOUND)
        patch = [
            # Answered with 409 when somebody else has changed the deployment since we read it.
            {
                "op": "replace",
                "path": "/metadata/resourceVersion",
                "value": deployment["metadata"]["resourceVersion"],
            },
            {"op": "replace", "path": "/spec/template", "value": _template(replica_set)},
            {"op": "replace", "path": "/metadata/annotations", "value": _annotations(deployment, replica_set)},
        ]
        await self.door.patch(
            parameters, call, parameters.resource, path=parameters.path, body=patch, content_type=JSON_PATCH
        )

    @override
    async def pending(self, parameters: UndoRolloutParameters, call: Call, change: Moved[Rollout]) -> str | None:
        if not parameters.wait_until_available:
            return None
        return not_rolled_out(await self.door.get(parameters, call, parameters.path))

    @override
    def called(self, parameters: UndoRolloutParameters) -> str:
        return f"the deployment {parameters.namespace}/{parameters.deployment}"

    @override
    def shown(self, state: Rollout) -> str:
        return state.replica_set

    async def _history(
        self, parameters: UndoRolloutParameters, call: Call, deployment: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """The deployment's replica sets, newest revision first."""
        path = f"/apis/apps/v1/namespaces/{parameters.namespace}/replicasets"
        selector = _selector(deployment["spec"]["selector"])
        found = await self.door.items(parameters, call, path, labelSelector=selector)
        uid = deployment["metadata"]["uid"]
        own = [one for one in found if any(owner["uid"] == uid for owner in one["metadata"].get("ownerReferences", []))]
        return sorted(own, key=_revision, reverse=True)


def not_rolled_out(deployment: dict[str, Any]) -> str | None:
    """What a rollout still waits for, as `kubectl rollout status` tells it; Transient when it has given up."""
    status, wanted = deployment.get("status") or {}, deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return "its controller has not seen the change yet"
    for condition in status.get("conditions", []):
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            raise Transient(f"the rollout has given up: {condition.get('message') or condition['reason']}")
    updated, total, available = (status.get(name, 0) for name in ("updatedReplicas", "replicas", "availableReplicas"))
    if updated < wanted or total > updated or available < updated:
        return f"{updated} of {wanted} pods are updated, {available} available, {total - updated} old ones not gone yet"
    return None


def _revision(replica_set: dict[str, Any]) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(_REVISION, 0))


def _template(owner: dict[str, Any]) -> dict[str, Any]:
    """The pod template without the label that Kubernetes adds to tell replica sets apart."""
    template: dict[str, Any] = dict(owner["spec"]["template"])
    metadata = dict(template.get("metadata") or {})
    metadata["labels"] = {name: value for name, value in (metadata.get("labels") or {}).items() if name != _HASH}
    return {**template, "metadata": metadata}


def _annotations(deployment: dict[str, Any], replica_set: dict[str, Any]) -> dict[str, str]:
    own = deployment["metadata"].get("annotations") or {}
    old = replica_set["metadata"].get("annotations") or {}
    kept = {name: value for name, value in own.items() if name in _OF_THE_DEPLOYMENT}
    return kept | {name: value for name, value in old.items() if name not in _OF_THE_DEPLOYMENT}


def _selector(selector: dict[str, Any]) -> str:
    """A label selector as a query writes it."""
    parts = [f"{name}={value}" for name, value in sorted((selector.get("matchLabels") or {}).items())]
    for rule in selector.get("matchExpressions") or []:
        key, operator, values = rule["key"], rule["operator"], ",".join(rule.get("values") or [])
        forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        parts.append(forms.get(operator, f"!{key}"))
    return ",".join(parts)
