"""`aws.ec2.stop` and `aws.ec2.start`: switch instances off and on.

The one thing to know: undo brings back only what the step changed; an instance that was off before is left off.
"""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.aws import AwsParameters, OnAws
from activities.transition import Moved
from domain.errors import Rejected, RejectionKind
from domain.model import Model

Power = Literal["running", "stopped"]
# Where an instance between two states is heading.
_HEADING: dict[str, Power] = {"pending": "running", "running": "running", "stopping": "stopped", "stopped": "stopped"}


class InstancesParameters(AwsParameters):
    """Which instances. `resources` of the target name each as `ec2/INSTANCE`."""

    instances: tuple[str, ...] = Field(min_length=1, max_length=100)


class Powers(Model):
    """Whether each instance is on."""

    instances: dict[str, Power]


class _Switch(OnAws[InstancesParameters, Powers]):
    """On or off."""

    parameters_model = InstancesParameters
    result_model = Moved[Powers]
    service = "ec2"
    to: ClassVar[Power]

    @override
    async def look(self, parameters: InstancesParameters, call: Call) -> Powers:
        states = await self._states(parameters, call)
        gone = sorted(name for name, state in states.items() if state not in _HEADING)
        if gone:
            raise Rejected(f"{gone[0]} is {states[gone[0]]}; nothing brings it back", RejectionKind.CONFLICT)
        return Powers(instances={name: _HEADING[states[name]] for name in sorted(states)})

    @override
    async def wanted(self, parameters: InstancesParameters, call: Call, now: Powers) -> Powers:
        return Powers(instances=dict.fromkeys(now.instances, self.to))

    @override
    async def move(self, parameters: InstancesParameters, call: Call, change: Moved[Powers]) -> None:
        before, after = change.previous.instances, change.current.instances
        for power, operation in (("stopped", "StopInstances"), ("running", "StartInstances")):
            those = [name for name in after if after[name] == power != before.get(name)]
            if not those:
                continue
            self.door.demand_changeable(parameters, *(f"ec2/{name}" for name in those))
            await self.door.tell(parameters, call, f"ec2/{those[0]}", operation, InstanceIds=those)

    @override
    async def pending(self, parameters: InstancesParameters, call: Call, change: Moved[Powers]) -> str | None:
        states = await self._states(parameters, call)
        late = [
            f"{name} is {states[name]}" for name, power in change.current.instances.items() if states[name] != power
        ]
        return ", ".join(late) or None

    @override
    def called(self, parameters: InstancesParameters) -> str:
        return ", ".join(parameters.instances)

    @override
    def shown(self, state: Powers) -> str:
        return ", ".join(f"{name} {power}" for name, power in state.instances.items())

    async def _states(self, parameters: InstancesParameters, call: Call) -> dict[str, str]:
        states: dict[str, str] = {}
        pages = self.door.pages(
            parameters, call, "DescribeInstances", "NextToken", InstanceIds=list(parameters.instances)
        )
        async for page in pages:
            for reservation in page["Reservations"]:
                states |= {one["InstanceId"]: one["State"]["Name"] for one in reservation["Instances"]}
        return states


class Ec2Stop(_Switch):
    """Off."""

    name = "aws.ec2.stop"
    summary = "Stop EC2 instances and wait until they are stopped; undo starts those that ran."
    to = "stopped"
    example: ClassVar = {"target": "shop-eu", "instances": ["i-0123456789abcdef0"]}


class Ec2Start(_Switch):
    """On."""

    name = "aws.ec2.start"
    summary = "Start EC2 instances and wait until they run; undo stops those that were stopped."
    to = "running"
    example: ClassVar = {"target": "shop-eu", "instances": ["i-0123456789abcdef0"]}
