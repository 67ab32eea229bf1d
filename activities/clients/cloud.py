"""Builds what the actions on AWS and Kubernetes need; called by the composition root."""

from activities.actions.cloud import CloudPorts
from activities.clients.aws import AwsClient
from activities.clients.kubernetes import KubernetesClient
from activities.plans import Plans
from activities.ports import EffectLedger


class Cloud:
    """The clients of one process; close them when its workers have ended."""

    def __init__(self) -> None:
        self.aws = AwsClient()
        # Holds no connection, so there is nothing of it to close.
        self.kubernetes = KubernetesClient()

    def ports(self, ledger: EffectLedger) -> CloudPorts:
        """What the actions are built with."""
        return CloudPorts(aws=self.aws, kubernetes=self.kubernetes, plans=Plans(ledger))

    async def close(self) -> None:
        """Give everything back."""
        await self.aws.close()
