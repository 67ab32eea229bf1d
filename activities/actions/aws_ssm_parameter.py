"""`aws.ssm.set_parameter`: set a value in Parameter Store, where many teams keep their switches.

The one thing to know: values of steps are in the record for everybody to read, so a SecureString is refused.
"""

from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.aws import AwsParameters, OnAws
from activities.transition import Moved
from domain.errors import Rejected, RejectionKind
from domain.model import Model


class SetParameterParameters(AwsParameters):
    """Which parameter and its value."""

    name: str
    # What the standard tier takes.
    value: str = Field(min_length=1, max_length=4096)

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `ssm/parameter/NAME`."""
        return f"ssm/parameter/{self.name.lstrip('/')}"


class ParameterValue(Model):
    """What a parameter holds."""

    value: str


class SsmSetParameter(OnAws[SetParameterParameters, ParameterValue]):
    """Parameters are changed, never made: a misspelt name must not become a new switch that nobody reads."""

    name = "aws.ssm.set_parameter"
    summary = "Set an existing parameter of AWS Systems Manager, such as a feature flag."
    parameters_model = SetParameterParameters
    result_model = Moved[ParameterValue]
    service = "ssm"
    example: ClassVar = {"target": "shop-eu", "name": "/shop/flags/new-checkout", "value": "off"}

    @override
    async def look(self, parameters: SetParameterParameters, call: Call) -> ParameterValue:
        return ParameterValue(value=(await self._parameter(parameters, call))["Value"])

    @override
    async def wanted(self, parameters: SetParameterParameters, call: Call, now: ParameterValue) -> ParameterValue:
        return ParameterValue(value=parameters.value)

    @override
    async def move(self, parameters: SetParameterParameters, call: Call, change: Moved[ParameterValue]) -> None:
        await self.door.tell(
            parameters,
            call,
            parameters.resource,
            "PutParameter",
            Name=parameters.name,
            Value=change.current.value,
            Type=(await self._parameter(parameters, call))["Type"],
            Overwrite=True,
        )

    @override
    def called(self, parameters: SetParameterParameters) -> str:
        return f"the parameter {parameters.name}"

    @override
    def shown(self, state: ParameterValue) -> str:
        return repr(state.value)

    async def _parameter(self, parameters: SetParameterParameters, call: Call) -> dict[str, Any]:
        found = await self.door.ask(parameters, call, "GetParameter", Name=parameters.name, WithDecryption=False)
        parameter: dict[str, Any] = found["Parameter"]
        if parameter["Type"] == "SecureString":
            raise Rejected(
                f"{parameters.name} is a SecureString; what a step sets is in the record for everybody to read",
                RejectionKind.FORBIDDEN,
            )
        return parameter
