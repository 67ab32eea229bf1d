"""`aws.ecs.roll_back_service`: let an ECS service run the task definition of its last good deployment again.

The one thing to know: "previous" is what ECS's own deployment history says was deployed with success, not the revision
number minus one, which may never have run.
"""

from typing import Any, ClassVar

from typing_extensions import override

from activities.action import Call
from activities.actions.aws import AwsParameters, OnAws
from activities.transition import Moved
from domain.errors import Rejected, RejectionKind, Transient
from domain.model import Model
from domain.run import Idempotency

# ECS describes this many service revisions in one call; further back is a decision, not a rollback.
_DEPLOYMENTS_LOOKED_AT = 20


class EcsService(Model):
    """What a service runs."""

    # The ARN, with its revision.
    task_definition: str


class RollBackParameters(AwsParameters):
    """Which service, and back to what."""

    cluster: str = "default"
    service: str
    # `shop:41` or an ARN; None: what the deployment before the current one ran.
    task_definition: str | None = None
    # False: do not wait until the new tasks are healthy and the old ones gone.
    wait_until_steady: bool = True

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `ecs/CLUSTER/SERVICE`."""
        return f"ecs/{self.cluster}/{self.service}"


class EcsRollBackService(OnAws[RollBackParameters, EcsService]):
    """Back by record. Undo goes forward again."""

    name = "aws.ecs.roll_back_service"
    summary = "Let an ECS service run its previous task definition again, and wait until it is steady."
    # Without the plan, twice would be there and back again.
    idempotency = Idempotency.AT_MOST_ONCE
    parameters_model = RollBackParameters
    result_model = Moved[EcsService]
    service = "ecs"
    example: ClassVar = {"target": "shop-eu", "cluster": "shop", "service": "checkout"}

    @override
    def idempotency_of(self, parameters: RollBackParameters) -> Idempotency:
        return self.idempotency if parameters.task_definition is None else Idempotency.KEYED

    @override
    async def look(self, parameters: RollBackParameters, call: Call) -> EcsService:
        return EcsService(task_definition=(await self._service(parameters, call))["taskDefinition"])

    @override
    async def wanted(self, parameters: RollBackParameters, call: Call, now: EcsService) -> EcsService:
        if parameters.task_definition is not None:
            found = await self.door.ask(
                parameters, call, "DescribeTaskDefinition", taskDefinition=parameters.task_definition
            )
            return EcsService(task_definition=found["taskDefinition"]["taskDefinitionArn"])
        for earlier in await self._deployed(parameters, call):
            if earlier != now.task_definition:
                return EcsService(task_definition=earlier)
        raise Rejected(
            f"no earlier successful deployment of {self.called(parameters)} is on record; give a task_definition",
            RejectionKind.CONFLICT,
        )

    @override
    async def move(self, parameters: RollBackParameters, call: Call, change: Moved[EcsService]) -> None:
        await self.door.tell(
            parameters,
            call,
            parameters.resource,
            "UpdateService",
            cluster=parameters.cluster,
            service=parameters.service,
            taskDefinition=change.current.task_definition,
        )

    @override
    async def pending(self, parameters: RollBackParameters, call: Call, change: Moved[EcsService]) -> str | None:
        if not parameters.wait_until_steady:
            return None
        service = await self._service(parameters, call)
        if service["taskDefinition"] != change.current.task_definition:
            raise Transient(
                f"{self.called(parameters)} has left {_short(change.current.task_definition)} again: "
                f"it runs {_short(service['taskDefinition'])}"
            )
        return _unsteady(service)

    @override
    def called(self, parameters: RollBackParameters) -> str:
        return f"the service {parameters.cluster}/{parameters.service}"

    @override
    def shown(self, state: EcsService) -> str:
        return _short(state.task_definition)

    async def _service(self, parameters: RollBackParameters, call: Call) -> dict[str, Any]:
        found = await self.door.ask(
            parameters, call, "DescribeServices", cluster=parameters.cluster, services=[parameters.service]
        )
        # A service that was deleted is described as INACTIVE for a while.
        for service in found.get("services", []):
            if service.get("status") == "ACTIVE":
                active: dict[str, Any] = service
                return active
        raise Rejected(f"there is no active service {parameters.cluster}/{parameters.service}", RejectionKind.NOT_FOUND)

    async def _deployed(self, parameters: RollBackParameters, call: Call) -> list[str]:
        """The task definitions that were deployed with success, newest first."""
        listed = await self.door.ask(
            parameters,
            call,
            "ListServiceDeployments",
            cluster=parameters.cluster,
            service=parameters.service,
            status=["SUCCESSFUL"],
            maxResults=_DEPLOYMENTS_LOOKED_AT,
        )
        newest = sorted(listed.get("serviceDeployments", []), key=lambda one: one["createdAt"], reverse=True)
        arns = [one["targetServiceRevisionArn"] for one in newest if one.get("targetServiceRevisionArn")]
        if not arns:
            return []
        described = await self.door.ask(parameters, call, "DescribeServiceRevisions", serviceRevisionArns=arns)
        ran = {one["serviceRevisionArn"]: one["taskDefinition"] for one in described.get("serviceRevisions", [])}
        return [ran[arn] for arn in arns if arn in ran]


def _unsteady(service: dict[str, Any]) -> str | None:
    deployments = service.get("deployments", [])
    primary = next((one for one in deployments if one["status"] == "PRIMARY"), None)
    if primary is None:
        return "no deployment is on record yet"
    if primary.get("rolloutState") == "FAILED":
        raise Transient(f"the deployment failed: {primary.get('rolloutStateReason', 'ECS does not say why')}")
    running, desired = primary.get("runningCount", 0), service.get("desiredCount", 0)
    if len(deployments) > 1 or running != desired or primary.get("rolloutState", "COMPLETED") != "COMPLETED":
        return f"{running} of {desired} tasks run, {len(deployments) - 1} older deployments are not gone yet"
    return None


def _short(arn: str) -> str:
    return arn.rpartition("/")[2]
