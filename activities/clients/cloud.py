"""Builds what the actions on AWS and Kubernetes need; called by the composition root."""

from activities.actions.cloud import CloudPorts
from activities.clients.aws import AwsClient
from activities.clients.kubernetes import KubernetesClient
from activities.plans import Plans
from activities.ports import EffectLedger


def cloud_ports(ledger: EffectLedger) -> CloudPorts:
    """One of each. Nothing of it has to be closed: connections are AWS's to end, and Kubernetes keeps none."""
    return CloudPorts(aws=AwsClient(), kubernetes=KubernetesClient(), plans=Plans(ledger))
