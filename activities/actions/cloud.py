"""The actions on AWS and Kubernetes; called by `builtin_actions`.

`CloudPorts` is what they need from the outside, in one piece; `activities/clients/cloud.py` builds it.
"""

from dataclasses import dataclass
from typing import Any

from activities.action import AnyAction
from activities.actions.aws import Aws, OnAws
from activities.actions.aws_appconfig import AppconfigSetFlag
from activities.actions.aws_autoscaling import AutoscalingSetCapacity
from activities.actions.aws_ec2 import Ec2Start, Ec2Stop
from activities.actions.aws_ecs import EcsRollBackService
from activities.actions.aws_elbv2 import Elbv2SetWeights
from activities.actions.aws_lambda import LambdaShiftAlias
from activities.actions.aws_rds import RdsFailOverCluster
from activities.actions.aws_route53 import Route53FailOver, Route53SetWeight
from activities.actions.aws_ssm_automation import SsmStartAutomation
from activities.actions.aws_ssm_parameter import SsmSetParameter
from activities.actions.kubernetes import Kubernetes, OnKubernetes
from activities.actions.kubernetes_node import KubernetesCordon, KubernetesDrain, KubernetesUncordon
from activities.actions.kubernetes_rollout import KubernetesUndoRollout
from activities.actions.kubernetes_scale import KubernetesScale
from activities.plans import Plans
from activities.ports import ConfigurationSource

_TRANSITIONS: tuple[type[OnAws[Any, Any]], ...] = (
    AppconfigSetFlag,
    AutoscalingSetCapacity,
    Ec2Start,
    Ec2Stop,
    EcsRollBackService,
    Elbv2SetWeights,
    LambdaShiftAlias,
    RdsFailOverCluster,
    Route53FailOver,
    Route53SetWeight,
    SsmSetParameter,
)
_IN_CLUSTERS: tuple[type[OnKubernetes[Any, Any]], ...] = (
    KubernetesCordon,
    KubernetesDrain,
    KubernetesScale,
    KubernetesUncordon,
    KubernetesUndoRollout,
)

CLOUD_ACTIONS: tuple[type[AnyAction], ...] = (*_TRANSITIONS, SsmStartAutomation, *_IN_CLUSTERS)


@dataclass(frozen=True)
class CloudPorts:
    """What the actions of this folder's cloud part need."""

    aws: Aws
    kubernetes: Kubernetes
    plans: Plans


def cloud_actions(configuration: ConfigurationSource, ports: CloudPorts) -> list[AnyAction]:
    """One of each of `CLOUD_ACTIONS`, with what it needs."""
    transitions: list[AnyAction] = [cls(configuration, ports.aws, ports.plans) for cls in _TRANSITIONS]
    in_clusters: list[AnyAction] = [cls(configuration, ports.kubernetes, ports.plans) for cls in _IN_CLUSTERS]
    return [*transitions, SsmStartAutomation(configuration, ports.aws), *in_clusters]
