"""`aws.elbv2.set_weights`: how a load balancer's listener or rule shares requests between target groups."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator
from typing_extensions import override

from activities.action import Call
from activities.actions.aws import AwsParameters, OnAws
from activities.transition import Moved
from domain.errors import Rejected, RejectionKind
from domain.model import Model

Weight = Annotated[int, Field(ge=0, le=999)]


class SetWeightsParameters(AwsParameters):
    """Which listener or rule, and the weights."""

    # The ARN of a listener (its default action) or of a rule; one of both.
    listener: str | None = None
    rule: str | None = None
    # ARN of a target group that is forwarded to, and its weight. Those that are not named keep theirs.
    weights: dict[str, Weight] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.listener is None) == (self.rule is None):
            message = "give 'listener' or 'rule', one of them"
            raise ValueError(message)
        return self

    @property
    def arn(self) -> str:
        """Of the listener or the rule."""
        return self.rule or self.listener or ""

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `elbv2/` and what stands behind the ARN's last colon."""
        return f"elbv2/{self.arn.rpartition(':')[2]}"


class ForwardWeights(Model):
    """The weight of each target group, by ARN."""

    weights: dict[str, int]


class Elbv2SetWeights(OnAws[SetWeightsParameters, ForwardWeights]):
    """Stickiness and the other actions (sign-in, for one) stay as they are."""

    name = "aws.elbv2.set_weights"
    summary = "Set how a load balancer's listener or rule shares requests between its target groups."
    parameters_model = SetWeightsParameters
    result_model = Moved[ForwardWeights]
    service = "elbv2"
    example: ClassVar = {
        "target": "shop-eu",
        "listener": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shop/50dc6c495c0c9188/f2f7dc8e",
        "weights": {
            "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/blue/73e2d6bc24d8a067": 100,
            "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/green/2453ed029918f21f": 0,
        },
    }

    @override
    async def look(self, parameters: SetWeightsParameters, call: Call) -> ForwardWeights:
        forward = _forward(await self._actions(parameters, call), parameters)
        return ForwardWeights(weights={one["TargetGroupArn"]: one.get("Weight", 1) for one in _groups(forward)})

    @override
    async def wanted(self, parameters: SetWeightsParameters, call: Call, now: ForwardWeights) -> ForwardWeights:
        missing = sorted(set(parameters.weights) - set(now.weights))
        if missing:
            raise Rejected(
                f"{self.called(parameters)} does not forward to {missing[0].rpartition(':')[2]}",
                RejectionKind.NOT_FOUND,
            )
        weights = now.weights | parameters.weights
        if not any(weights.values()):
            raise Rejected(f"all weights of {self.called(parameters)} would be 0; nobody would be served")
        return ForwardWeights(weights=weights)

    @override
    async def move(self, parameters: SetWeightsParameters, call: Call, change: Moved[ForwardWeights]) -> None:
        actions = [_sendable(action) for action in await self._actions(parameters, call)]
        forward = _forward(actions, parameters)
        groups = [
            {**group, "Weight": change.current.weights.get(group["TargetGroupArn"], group.get("Weight", 1))}
            for group in _groups(forward)
        ]
        # The short form may stand beside the long one in an answer, but not in a request with several groups.
        forward.pop("TargetGroupArn", None)
        forward["ForwardConfig"] = {**forward.get("ForwardConfig", {}), "TargetGroups": groups}
        if parameters.rule is not None:
            await self.door.tell(
                parameters, call, parameters.resource, "ModifyRule", RuleArn=parameters.rule, Actions=actions
            )
        else:
            await self.door.tell(
                parameters,
                call,
                parameters.resource,
                "ModifyListener",
                ListenerArn=parameters.listener,
                DefaultActions=actions,
            )

    @override
    def called(self, parameters: SetWeightsParameters) -> str:
        return f"the {'rule' if parameters.rule else 'listener'} {parameters.arn.rpartition(':')[2]}"

    @override
    def shown(self, state: ForwardWeights) -> str:
        names = {arn: arn.rpartition("targetgroup/")[2].partition("/")[0] for arn in state.weights}
        return ", ".join(f"{names[arn]} {weight}" for arn, weight in sorted(state.weights.items()))

    async def _actions(self, parameters: SetWeightsParameters, call: Call) -> list[dict[str, Any]]:
        if parameters.rule is not None:
            found = await self.door.ask(parameters, call, "DescribeRules", RuleArns=[parameters.rule])
            return list(found["Rules"][0]["Actions"])
        found = await self.door.ask(parameters, call, "DescribeListeners", ListenerArns=[parameters.listener])
        return list(found["Listeners"][0]["DefaultActions"])


def _forward(actions: list[dict[str, Any]], parameters: SetWeightsParameters) -> dict[str, Any]:
    for action in actions:
        if action["Type"] == "forward":
            return action
    raise Rejected(f"{parameters.arn.rpartition(':')[2]} forwards to no target group", RejectionKind.CONFLICT)


def _groups(forward: dict[str, Any]) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = forward.get("ForwardConfig", {}).get("TargetGroups", [])
    return groups or [{"TargetGroupArn": forward["TargetGroupArn"], "Weight": 1}]


def _sendable(action: dict[str, Any]) -> dict[str, Any]:
    """The action as it may be sent back: AWS keeps the secret of a sign-in to itself and must be told to keep it."""
    oidc = action.get("AuthenticateOidcConfig")
    if oidc is None:
        return dict(action)
    return {**action, "AuthenticateOidcConfig": {**oidc, "UseExistingClientSecret": True}}
