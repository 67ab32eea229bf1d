"""A signed POST to somebody's endpoint (https://www.standardwebhooks.com). Built by `activities/clients/channels.py`.

The one thing to know: `webhook-id` is made from our key and is the same in every attempt, so the receiver can tell a
repetition; that is why a doubtful attempt is simply made again.
"""

import hashlib
import json
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from activities.ports import Begin, OutgoingMessage, SecretResolver
from domain.configuration import WebhookChannel
from domain.errors import Rejected, Transient

# Standard Webhooks asks senders to wait 15 to 30 s; the round over all channels has 60 s.
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
# The client errors that ask for another try.
_WORTH_A_RETRY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class WebhookSender:
    """One configured endpoint."""

    honours_key = True

    def __init__(self, channel: WebhookChannel, secrets: SecretResolver, client: httpx.AsyncClient) -> None:
        self._channel = channel
        self._secrets = secrets
        self._client = client
        # Paths and queries of such addresses often are secrets; only the host is shown.
        self._host = _host(channel.url)
        self._place = f"webhook at {self._host}"

    async def send(self, message: OutgoingMessage, begin: Begin | None = None) -> str:  # noqa: ARG002 - our key is known
        """Post once. Transient for what may pass (5xx, 408, 429, no connection), Rejected for every other refusal."""
        if self._host is None:
            raise Rejected("the webhook's url is not an http or https address; mend it in hotwash.yaml")
        webhook_id = webhook_id_of(message.key)
        body = json.dumps(_body(webhook_id, message), ensure_ascii=True, separators=(",", ":"))
        try:
            answer = await self._client.post(
                self._channel.url,
                content=body.encode(),
                headers=self._headers(webhook_id, message, body),
                # A redirect would carry the message to an address that nobody configured.
                follow_redirects=False,
                timeout=TIMEOUT,
            )
        except (httpx.TransportError, httpx.StreamError) as error:
            raise Transient(f"{self._place} is away: {type(error).__name__}") from None
        except httpx.InvalidURL:
            raise Rejected(f"{self._place}: the channel's url cannot be called") from None
        return self._judge(answer)

    def _headers(self, webhook_id: str, message: OutgoingMessage, body: str) -> dict[str, str]:
        try:
            signer = Webhook(self._secrets.resolve(self._channel.secret))
        except (ValueError, EmptyWebhookSecretError):
            # Said without a word of the value.
            sentence = f"{self._channel.secret} holds no Standard Webhooks secret (whsec_ and base64)"
            raise Rejected(sentence) from None
        return {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Hotwash",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(message.sent_at.timestamp())),
            "webhook-signature": signer.sign(webhook_id, message.sent_at, body),
        }

    def _judge(self, answer: httpx.Response) -> str:
        code = answer.status_code
        if answer.is_success:
            return f"{self._place} answered {code}"
        if code >= HTTPStatus.INTERNAL_SERVER_ERROR or code in _WORTH_A_RETRY:
            after = answer.headers.get("retry-after", "")[:40]
            raise Transient(f"{self._place} answered {code}" + (f", asks to wait {after!r}" if after else ""))
        if code == HTTPStatus.GONE:
            raise Rejected(f"{self._place} is gone for good ({code}); take the channel out of hotwash.yaml")
        if answer.is_redirect:
            raise Rejected(
                f"{self._place} points elsewhere ({code}); redirects are not followed, mend the channel's url"
            )
        raise Rejected(f"{self._place} refused the message ({code})")


def _host(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.hostname if parts.scheme in {"http", "https"} else None


def webhook_id_of(key: str) -> str:
    """The id by which the receiver recognises a repetition; the same for every attempt."""
    return "msg_" + hashlib.sha256(key.encode()).hexdigest()[:32]


def _body(webhook_id: str, message: OutgoingMessage) -> dict[str, Any]:
    return {
        **message.payload,
        "id": webhook_id,
        "timestamp": message.sent_at.isoformat(),
        "subject": message.subject,
        "text": message.text,
    }
