"""`notify.post`: post a text through a channel of `hotwash.yaml`, from within a runbook."""

from datetime import UTC, datetime
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from activities.action import Action, Call
from activities.ports import ChannelSource, OutgoingMessage
from domain.model import Model
from domain.run import Effect, Idempotency

# Chat services cut or refuse longer texts.
_MOST_CHARACTERS = 8000
_SUBJECT_CHARACTERS = 120


class NotifyPostParameters(Model):
    """What is said, and where."""

    # A name of `channels`.
    channel: str
    text: str = Field(min_length=1, max_length=_MOST_CHARACTERS)
    # None: the first line of the text.
    subject: str | None = None
    # An address, for channels that need one (mail).
    to: str | None = None


class NotifyPostResult(Model):
    """What the far side said."""

    channel: str
    answer: str


class NotifyPost(Action[NotifyPostParameters, NotifyPostResult]):
    """One message through one channel."""

    name = "notify.post"
    summary = "Post a text through one of the configured channels."
    effect = Effect.MUTATING
    # The key goes along (`webhook-id`, `Message-ID`).
    idempotency = Idempotency.KEYED
    parameters_model = NotifyPostParameters
    result_model = NotifyPostResult
    example: ClassVar = {"channel": "chat", "text": "Rolling shop back to the last release."}

    def __init__(self, channels: ChannelSource) -> None:
        self._channels = channels

    @override
    def idempotency_of(self, parameters: NotifyPostParameters) -> Idempotency:
        honoured = self._channels.sender(parameters.channel).honours_key
        return Idempotency.KEYED if honoured else Idempotency.AT_MOST_ONCE

    @override
    async def perform(self, parameters: NotifyPostParameters, call: Call) -> NotifyPostResult:
        sender = self._channels.sender(parameters.channel)
        first_line = parameters.text.strip().split("\n", 1)[0][:_SUBJECT_CHARACTERS]
        message = OutgoingMessage(
            key=call.key,
            to=parameters.to,
            subject=parameters.subject or first_line,
            text=parameters.text,
            payload={"incident_id": call.incident_id, "run_id": call.run_id, "drill": call.drill},
            sent_at=datetime.now(UTC),
        )
        return NotifyPostResult(channel=parameters.channel, answer=await sender.send(message))

    @override
    def sentence(self, result: NotifyPostResult) -> str:
        return f"posted to {result.channel}"
