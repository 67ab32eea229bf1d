"""Builds what the actions on AWS and Kubernetes need; called by the composition root."""

from activities.actions.cloud import CloudPorts
from activities.clients.aws import AwsClient
from activities.plans import Plans
from activities.ports import EffectLedger


class Cloud:
    """The clients of one process; close them when its workers have ended."""

    def __init__(self) -> None:
        self.aws = AwsClient()

    def ports(self, ledger: EffectLedger) -> CloudPorts:
        """What the actions are built with."""
        return CloudPorts(aws=self.aws, plans=Plans(ledger))

    async def close(self) -> None:
        """Give everything back."""
        await self.aws.close()
