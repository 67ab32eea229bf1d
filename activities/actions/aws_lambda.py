"""`aws.lambda.shift_alias`: point a Lambda alias at a version, or let a version have a share of its traffic."""

from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.aws import AwsParameters, OnAws
from activities.transition import Moved
from domain.errors import Rejected, RejectionKind, Transient
from domain.model import Model


class LambdaAlias(Model):
    """Where an alias points."""

    version: str
    # Another version to its share of the invocations, from 0 to 1; AWS allows one.
    shares: dict[str, float] = Field(default_factory=dict)


class ShiftAliasParameters(AwsParameters):
    """Which alias, which version, how much."""

    function: str
    alias: str
    # A published version: `$LATEST` cannot be gone back to.
    version: str = Field(pattern=r"^[0-9]+$")
    # 1: the alias points at the version and nowhere else; less: the version gets this share beside the current one.
    share: float = Field(default=1.0, ge=0, le=1)

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `lambda/FUNCTION:ALIAS`."""
        return f"lambda/{self.function}:{self.alias}"


class LambdaShiftAlias(OnAws[ShiftAliasParameters, LambdaAlias]):
    """A compare and set: an alias that somebody else has moved meanwhile is left alone."""

    name = "aws.lambda.shift_alias"
    summary = "Point a Lambda alias at a published version, or give a version a share of its invocations."
    parameters_model = ShiftAliasParameters
    result_model = Moved[LambdaAlias]
    service = "lambda"
    example: ClassVar = {"target": "shop-eu", "function": "checkout", "alias": "live", "version": "41"}

    @override
    async def look(self, parameters: ShiftAliasParameters, call: Call) -> LambdaAlias:
        return (await self._alias(parameters, call))[0]

    @override
    async def wanted(self, parameters: ShiftAliasParameters, call: Call, now: LambdaAlias) -> LambdaAlias:
        if parameters.share == 1:
            return LambdaAlias(version=parameters.version)
        if parameters.version == now.version:
            raise Rejected(
                f"version {now.version} is what {parameters.alias} points at; a share is given to another version",
                RejectionKind.CONFLICT,
            )
        shares = {parameters.version: parameters.share} if parameters.share else {}
        return LambdaAlias(version=now.version, shares=shares)

    @override
    async def move(self, parameters: ShiftAliasParameters, call: Call, change: Moved[LambdaAlias]) -> None:
        now, revision = await self._alias(parameters, call)
        if now != change.previous:
            raise Transient(f"{self.called(parameters)} is being moved by somebody else; nothing was done")
        await self.door.tell(
            parameters,
            call,
            parameters.resource,
            "UpdateAlias",
            FunctionName=parameters.function,
            Name=parameters.alias,
            FunctionVersion=change.current.version,
            RoutingConfig={"AdditionalVersionWeights": change.current.shares},
            RevisionId=revision,
        )

    @override
    def called(self, parameters: ShiftAliasParameters) -> str:
        return f"the alias {parameters.function}:{parameters.alias}"

    @override
    def shown(self, state: LambdaAlias) -> str:
        shares = "".join(f", {share:.0%} to version {version}" for version, share in state.shares.items())
        return f"version {state.version}{shares}"

    async def _alias(self, parameters: ShiftAliasParameters, call: Call) -> tuple[LambdaAlias, str]:
        found = await self.door.ask(
            parameters, call, "GetAlias", FunctionName=parameters.function, Name=parameters.alias
        )
        shares = (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        return LambdaAlias(version=found["FunctionVersion"], shares=shares), found["RevisionId"]
