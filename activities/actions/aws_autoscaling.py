"""`aws.autoscaling.set_capacity`: how many instances an Auto Scaling group has, and may have."""

from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.aws import AwsParameters, OnAws
from activities.transition import Moved
from domain.errors import Rejected, RejectionKind
from domain.model import Model


class SetCapacityParameters(AwsParameters):
    """Which group and how many."""

    group: str
    desired: int = Field(ge=0, le=10_000)
    # None: as it is.
    minimum: int | None = Field(default=None, ge=0, le=10_000)
    maximum: int | None = Field(default=None, ge=0, le=10_000)
    # False: do not wait until the instances are in service.
    wait_until_in_service: bool = True

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `autoscaling/GROUP`."""
        return f"autoscaling/{self.group}"


class Capacity(Model):
    """The sizes of a group."""

    minimum: int
    desired: int
    maximum: int


class AutoscalingSetCapacity(OnAws[SetCapacityParameters, Capacity]):
    """All three sizes in one call, so that the group is never between two."""

    name = "aws.autoscaling.set_capacity"
    summary = "Set the sizes of an Auto Scaling group, and wait until as many instances are in service."
    parameters_model = SetCapacityParameters
    result_model = Moved[Capacity]
    service = "autoscaling"
    example: ClassVar = {"target": "shop-eu", "group": "shop-web", "desired": 12, "maximum": 16}

    @override
    async def look(self, parameters: SetCapacityParameters, call: Call) -> Capacity:
        group = await self._group(parameters, call)
        return Capacity(minimum=group["MinSize"], desired=group["DesiredCapacity"], maximum=group["MaxSize"])

    @override
    async def wanted(self, parameters: SetCapacityParameters, call: Call, now: Capacity) -> Capacity:
        minimum = now.minimum if parameters.minimum is None else parameters.minimum
        maximum = now.maximum if parameters.maximum is None else parameters.maximum
        if not minimum <= parameters.desired <= maximum:
            raise Rejected(
                f"{parameters.desired} instances are not within {minimum} to {maximum} of {self.called(parameters)}; "
                "give 'minimum' or 'maximum' too",
                RejectionKind.CONFLICT,
            )
        return Capacity(minimum=minimum, desired=parameters.desired, maximum=maximum)

    @override
    async def move(self, parameters: SetCapacityParameters, call: Call, change: Moved[Capacity]) -> None:
        await self.door.tell(
            parameters,
            call,
            parameters.resource,
            "UpdateAutoScalingGroup",
            AutoScalingGroupName=parameters.group,
            MinSize=change.current.minimum,
            DesiredCapacity=change.current.desired,
            MaxSize=change.current.maximum,
        )

    @override
    async def pending(self, parameters: SetCapacityParameters, call: Call, change: Moved[Capacity]) -> str | None:
        if not parameters.wait_until_in_service:
            return None
        group = await self._group(parameters, call)
        states = [one["LifecycleState"] for one in group.get("Instances", [])]
        in_service = states.count("InService")
        if in_service == len(states) == change.current.desired:
            return None
        return f"{in_service} of {change.current.desired} instances are in service, {len(states) - in_service} are not"

    @override
    def called(self, parameters: SetCapacityParameters) -> str:
        return f"the Auto Scaling group {parameters.group}"

    @override
    def shown(self, state: Capacity) -> str:
        return f"{state.desired} instances ({state.minimum} to {state.maximum})"

    async def _group(self, parameters: SetCapacityParameters, call: Call) -> dict[str, Any]:
        found = await self.door.ask(
            parameters, call, "DescribeAutoScalingGroups", AutoScalingGroupNames=[parameters.group]
        )
        for group in found["AutoScalingGroups"]:
            one: dict[str, Any] = group
            return one
        raise Rejected(f"there is no Auto Scaling group {parameters.group!r}", RejectionKind.NOT_FOUND)
