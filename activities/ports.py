"""What activities need from the outside, as Protocols; `workers/composition.py` builds the real ones."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol

from domain.configuration import Configuration
from domain.effect import Claim, ClaimStatus
from domain.message import Invitation, Message
from domain.model import Model
from domain.record import RecordBatch
from runbooks.schema import PinnedRunbook

__all__ = [
    "Begin",
    "ChannelSender",
    "Claim",
    "ClaimStatus",
    "ConfigurationSource",
    "EffectLedger",
    "MessageRenderer",
    "OutgoingMessage",
    "RecordSink",
    "RenderedMessage",
    "RunbookCatalog",
    "SecretResolver",
    "TimelineReader",
]


class EffectLedger(Protocol):
    """Claim a key, do the effect, settle the key. All three raise Transient when the store is away."""

    async def claim(self, key: str, kind: str, incident_id: str | None) -> Claim:
        """Claim the key; claiming again tells what became of it."""

    async def settle(self, key: str, outcome: dict[str, Any]) -> None:
        """Record what became of it; settling twice keeps the first outcome."""

    async def release(self, key: str) -> None:
        """The effect surely did not happen: forget the claim, so that a retry is new."""


class RecordSink(Protocol):
    """The store as workflows write to it."""

    async def save(self, batch: RecordBatch) -> None:
        """Save entries and pictures; saving again changes nothing. Raises Transient when the store is away."""


class TimelineReader(Protocol):
    """The store as the review draft reads it."""

    async def timeline(self, incident_id: str) -> list[dict[str, Any]]:
        """The entries of an incident, oldest first, as the API shows them."""

    async def incident(self, incident_id: str) -> dict[str, Any] | None:
        """The newest picture of an incident."""


class ConfigurationSource(Protocol):
    """`hotwash.yaml`, as it is now."""

    def current(self) -> Configuration:
        """The configuration that was last read and understood."""


class RunbookCatalog(Protocol):
    """The runbooks that may be run: the team's folders before the library."""

    def pin(self, name: str) -> PinnedRunbook:
        """Read, lint and pin a runbook; Rejected (not found, or the lint's findings) otherwise."""


class RenderedMessage(Model):
    """A message as people read it."""

    subject: str
    text: str
    # The same as HTML, for a mail that has tables.
    html: str | None = None
    # What only the addressee may read: left out of the receipt, because that stays in a workflow's history.
    private: tuple[str, ...] = ()


class LinkIssuer(Protocol):
    """Makes links that only their addressee may hold."""

    def issue(self, incident_id: str, person: str) -> tuple[str, datetime]:
        """What stands in the address, and when it ends."""


class MessageRenderer(Protocol):
    """The templates folder."""

    def render(self, message: Message) -> RenderedMessage:
        """Fill the template in; Rejected with file and line when a template is broken."""


class OutgoingMessage(Model):
    """What a channel delivers."""

    # Unique per message, channel and address: the Message-ID of a mail, the `webhook-id` of a webhook.
    key: str
    to: str | None
    subject: str
    text: str
    html: str | None = None
    # The machine-readable body of a webhook.
    payload: dict[str, Any]
    sent_at: datetime
    invitation: Invitation | None = None


# Called by a channel at its point of no return: what fails before it has surely not been delivered. What it raises
# (Transient, UnknownOutcome) keeps the message from going out.
Begin = Callable[[], Awaitable[None]]


class ChannelSender(Protocol):
    """One configured channel."""

    # Whether the far side recognises our key, so that a doubt may be repeated.
    honours_key: bool

    async def send(self, message: OutgoingMessage, begin: Begin | None = None) -> str:
        """Deliver; returns what the far side said. Transient: try again; Rejected: it never will.

        A channel whose far side does not recognise our key calls `begin` right before it may be delivered.
        """


class ChannelSource(Protocol):
    """The channels of `hotwash.yaml`, as they are now."""

    def sender(self, name: str) -> ChannelSender:
        """The channel of that name; Rejected when there is none such (any more)."""


class SecretResolver(Protocol):
    """Turns references into values, as late as possible."""

    def resolve(self, reference: str) -> str:
        """The value behind `env:NAME` or `file:PATH`; Rejected, naming the reference and never a value, when absent."""
