"""The channels of `hotwash.yaml` as things that send. Built once by `workers/composition.py`.

The one thing to know: senders follow the configuration; one whose settings changed is built anew at its next use.
"""

import httpx

from activities.clients.smtp import SmtpSender
from activities.clients.webhook import TIMEOUT, WebhookSender
from activities.ports import ChannelSender, ConfigurationSource, SecretResolver
from domain.configuration import Channel, SmtpChannel
from domain.errors import Rejected, RejectionKind


class ConfiguredChannels:
    """Implements `ChannelSource`. Close it when the worker ends."""

    def __init__(self, configuration: ConfigurationSource, secrets: SecretResolver) -> None:
        self._configuration = configuration
        self._secrets = secrets
        self._client = httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False)
        self._senders: dict[str, tuple[Channel, ChannelSender]] = {}

    def sender(self, name: str) -> ChannelSender:
        """The channel of that name; Rejected when there is none such (any more)."""
        channel = self._configuration.current().channels.get(name)
        if channel is None:
            raise Rejected(f"there is no channel {name!r} in hotwash.yaml", RejectionKind.NOT_FOUND)
        known = self._senders.get(name)
        if known is None or known[0] != channel:
            known = self._senders[name] = (channel, self._build(channel))
        return known[1]

    async def close(self) -> None:
        """Close the connections that webhooks keep open."""
        await self._client.aclose()

    def _build(self, channel: Channel) -> ChannelSender:
        if isinstance(channel, SmtpChannel):
            return SmtpSender(channel, self._secrets)
        return WebhookSender(channel, self._secrets, self._client)
