"""`aws.appconfig.set_flag`: switch a feature flag of AWS AppConfig on or off, by deploying a changed configuration.

The one thing to know: what is switched is what is deployed now, with that one flag changed; a newer version that
somebody has saved and not deployed yet is not deployed by us.
"""

import json
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.aws import AwsParameters, OnAws
from activities.transition import Moved
from domain.errors import Rejected, RejectionKind, Transient
from domain.model import Model

_ID = r"^[a-z0-9]{4,7}$"
# States of a deployment that has not ended; AppConfig allows one at a time in an environment.
_IN_FLIGHT = frozenset({"DEPLOYING", "BAKING", "VALIDATING", "ROLLING_BACK", "REVERTING"})


class SetFlagParameters(AwsParameters):
    """Which flag, and whether it is on."""

    # Ids, as the console shows them.
    application: str = Field(pattern=_ID)
    environment: str = Field(pattern=_ID)
    profile: str = Field(pattern=_ID)
    flag: str
    enabled: bool
    # In an incident a flag is switched for everybody at once.
    strategy: str = "AppConfig.AllAtOnce"

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `appconfig/APPLICATION/ENVIRONMENT/FLAG`."""
        return f"appconfig/{self.application}/{self.environment}/{self.flag}"


class FlagState(Model):
    """Whether a flag is on."""

    enabled: bool


class AppconfigSetFlag(OnAws[SetFlagParameters, FlagState]):
    """A new version of the hosted configuration, deployed and seen to its end."""

    name = "aws.appconfig.set_flag"
    summary = "Switch a feature flag of AWS AppConfig on or off, and wait until it is deployed."
    parameters_model = SetFlagParameters
    result_model = Moved[FlagState]
    service = "appconfig"
    example: ClassVar = {
        "target": "shop-eu",
        "application": "abc1234",
        "environment": "def5678",
        "profile": "ghi9012",
        "flag": "new-checkout",
        "enabled": False,
    }

    @override
    async def look(self, parameters: SetFlagParameters, call: Call) -> FlagState:
        values = (await self._deployed(parameters, call)).get("values", {})
        if parameters.flag not in values:
            raise Rejected(f"no flag {parameters.flag!r} is deployed in {parameters.profile}", RejectionKind.NOT_FOUND)
        return FlagState(enabled=bool(values[parameters.flag].get("enabled")))

    @override
    async def wanted(self, parameters: SetFlagParameters, call: Call, now: FlagState) -> FlagState:
        return FlagState(enabled=parameters.enabled)

    @override
    async def move(self, parameters: SetFlagParameters, call: Call, change: Moved[FlagState]) -> None:
        newest = max(int(one["DeploymentNumber"]) for one in await self._of_environment(parameters, call))
        flags = await self._deployed(parameters, call)
        flags["values"][parameters.flag]["enabled"] = change.current.enabled
        saved = await self.door.tell(
            parameters,
            call,
            parameters.resource,
            "CreateHostedConfigurationVersion",
            ApplicationId=parameters.application,
            ConfigurationProfileId=parameters.profile,
            Content=json.dumps(flags).encode(),
            ContentType="application/json",
            Description=f"hotwash {call.key}"[:1024],
        )
        await self.door.tell(
            parameters,
            call,
            parameters.resource,
            "StartDeployment",
            ApplicationId=parameters.application,
            EnvironmentId=parameters.environment,
            ConfigurationProfileId=parameters.profile,
            ConfigurationVersion=str(saved["VersionNumber"]),
            DeploymentStrategyId=parameters.strategy,
            # Whoever has deployed since we looked may have switched another flag of the same document.
            LatestDeploymentNumber=newest,
            Description=f"hotwash {call.key}"[:1024],
        )

    @override
    async def pending(self, parameters: SetFlagParameters, call: Call, change: Moved[FlagState]) -> str | None:
        newest = (await self._deployments(parameters, call))[0]
        if newest["State"] in _IN_FLIGHT:
            return f"deployment {newest['DeploymentNumber']} is {newest['State']}"
        if newest["State"] != "COMPLETE":
            raise Transient(f"deployment {newest['DeploymentNumber']} ended: {newest['State']}")
        return None

    @override
    def called(self, parameters: SetFlagParameters) -> str:
        return f"the flag {parameters.flag}"

    @override
    def shown(self, state: FlagState) -> str:
        return "on" if state.enabled else "off"

    async def _deployed(self, parameters: SetFlagParameters, call: Call) -> dict[str, Any]:
        """The flags document that is deployed, or being deployed."""
        for deployment in await self._deployments(parameters, call):
            if deployment["State"] in _IN_FLIGHT | {"COMPLETE"}:
                return await self._document(parameters, call, deployment["ConfigurationVersion"])
        raise Rejected(f"{parameters.profile} has never been deployed in {parameters.environment}")

    async def _deployments(self, parameters: SetFlagParameters, call: Call) -> list[dict[str, Any]]:
        """The profile's deployments, newest first. They are listed by the profile's name, not its id."""
        profile = await self.door.ask(
            parameters,
            call,
            "GetConfigurationProfile",
            ApplicationId=parameters.application,
            ConfigurationProfileId=parameters.profile,
        )
        listed = await self._of_environment(parameters, call)
        mine = [one for one in listed if one["ConfigurationName"] == profile["Name"]]
        return sorted(mine, key=lambda one: -int(one["DeploymentNumber"]))

    async def _of_environment(self, parameters: SetFlagParameters, call: Call) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = []
        async for page in self.door.pages(
            parameters,
            call,
            "ListDeployments",
            "NextToken",
            ApplicationId=parameters.application,
            EnvironmentId=parameters.environment,
        ):
            listed += page["Items"]
        return listed

    async def _document(self, parameters: SetFlagParameters, call: Call, version: str) -> dict[str, Any]:
        found = await self.door.ask(
            parameters,
            call,
            "GetHostedConfigurationVersion",
            ApplicationId=parameters.application,
            ConfigurationProfileId=parameters.profile,
            VersionNumber=int(version),
        )
        try:
            flags = json.loads(found["Content"])
        except ValueError:
            raise Rejected(f"{parameters.profile} holds no feature flags: it is not JSON") from None
        if not isinstance(flags, dict) or not isinstance(flags.get("values"), dict):
            raise Rejected(f"{parameters.profile} holds no feature flags: it has no 'values'")
        return flags
