"""Telling people: one activity renders a message and delivers it over every channel, each delivery effectively once.

Called by `workflows/courier.py` of every workflow. The one thing to know: each address of a message has a key of its
own in the effect ledger, claimed before and settled after the attempt; calling again with the same message delivers
only what is surely not out yet. A second key is claimed at the point of no return, so that a worker that died before
it leaves no doubt.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from temporalio import activity

from activities.errors import translated
from activities.heartbeat import heartbeating
from activities.ports import (
    Begin,
    ChannelSender,
    ChannelSource,
    Claim,
    ClaimStatus,
    ConfigurationSource,
    EffectLedger,
    MessageRenderer,
    OutgoingMessage,
    RenderedMessage,
)
from domain.configuration import Configuration
from domain.errors import Rejected, Transient, UnknownOutcome
from domain.message import Delivery, DeliveryStatus, Message, MessageReceipt, Template
from domain.policy import Audience

R = TypeVar("R")
_log = logging.getLogger(__name__)

# These go out although the ledger is away or a template is broken: twice, or plain, is better than never.
URGENT = frozenset({Template.PAGE, Template.APPROVAL_REQUEST})
# A drill is told to the team only.
_NOT_FOR_DRILLS = frozenset({Audience.EXTERNAL.value, Audience.EXECUTIVE.value})
# SQLite's busy timeout is 5 s; a ledger that says nothing for longer is away, and a page does not wait for it.
_LEDGER_PATIENCE_SECONDS = 6.0
# A settlement lost in a hiccup would turn a delivered mail into a doubtful one: try again within a second.
_SETTLE_PAUSES_SECONDS = (0.0, 0.2, 0.4)
# Outcomes that the ledger would not take yet; more of them than this and the oldest become doubtful.
_UNRECORDED_LIMIT = 10_000


@dataclass(frozen=True)
class _Target:
    """One address on one channel. `shown` is what people see of it; a webhook has no address of its own."""

    channel: str
    shown: str
    address: str | None = None
    # Why nothing can be sent there.
    obstacle: Delivery | None = None


class MessageActivities:
    """Pages, updates, reminders and requests."""

    def __init__(
        self,
        renderer: MessageRenderer,
        channels: ChannelSource,
        ledger: EffectLedger,
        configuration: ConfigurationSource,
    ) -> None:
        self._renderer = renderer
        self._channels = channels
        self._ledger = ledger
        self._configuration = configuration
        # What this process knows and the ledger does not: an outcome, or None for "surely not sent".
        self._unrecorded: OrderedDict[str, Delivery | None] = OrderedDict()

    @activity.defn(name="messages.send")
    @translated
    async def send(self, message: Message) -> MessageReceipt:
        """Deliver to each address once per key. A channel that is away leaves its deliveries `pending`: call again.

        Idempotent by `message.key`. Raises Rejected for a broken template (never for a page or a request to approve,
        which then go out in plain words).
        """
        targets = _targets(message, self._configuration.current())
        rendered = self._render(message)
        # A page whose worker has vanished is taken up by another one within seconds.
        async with heartbeating():
            # One slow mail server delays nobody else.
            deliveries = await asyncio.gather(*(self._deliver(message, rendered, target) for target in targets))
        return MessageReceipt(subject=rendered.subject, text=_without_private(rendered), deliveries=tuple(deliveries))

    def _render(self, message: Message) -> RenderedMessage:
        try:
            rendered = self._renderer.render(message)
        except Rejected as error:
            if message.template not in URGENT:
                raise
            _log.error("a template is broken, the message goes out in plain words: %s", error.sentence)
            rendered = _in_plain_words(message, error.sentence)
        if not message.drill:
            return rendered
        return RenderedMessage(
            private=rendered.private,
            subject=f"[DRILL] {rendered.subject}",
            text=f"[DRILL] This is a drill: a game day is under way, no customer is affected.\n\n{rendered.text}",
        )

    async def _deliver(self, message: Message, rendered: RenderedMessage, target: _Target) -> Delivery:
        if target.obstacle is not None:
            return target.obstacle
        key = _delivery_key(message, target)
        try:
            claim = await _patiently(self._ledger.claim(key, f"message:{message.template.value}", message.incident_id))
        except Transient as away:
            return await self._deliver_unledgered(message, rendered, target, key, away)
        settled = self._known(claim, target)
        if settled is not None:
            return settled
        mark = _Mark(self._ledger, message, key)
        if key in self._unrecorded:
            # What this process did before, and could not tell the ledger.
            remembered = self._unrecorded.pop(key)
            delivery = remembered or await self._attempt(message, rendered, target, key, None)
        else:
            delivery = await self._attempt(message, rendered, target, key, mark.make)
        return await self._note(key, delivery, mark)

    def _known(self, claim: Claim, target: _Target) -> Delivery | None:
        if claim.status is not ClaimStatus.SETTLED:
            return None
        self._unrecorded.pop(claim.key, None)
        outcome = claim.outcome or {}
        return Delivery(
            channel=target.channel,
            to=target.shown,
            status=DeliveryStatus(outcome.get("status", DeliveryStatus.UNKNOWN)),
            detail=str(outcome.get("detail", "")),
        )

    async def _attempt(
        self, message: Message, rendered: RenderedMessage, target: _Target, key: str, begin: Begin | None
    ) -> Delivery:
        outgoing = OutgoingMessage(
            key=key,
            to=target.address,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            payload=_payload(message, target),
            sent_at=datetime.now(UTC),
            invitation=message.invitation,
        )
        try:
            sender: ChannelSender = self._channels.sender(target.channel)
            said = await sender.send(outgoing, begin)
        except Transient as error:
            return _delivery(target, DeliveryStatus.PENDING, error.sentence)
        except UnknownOutcome as error:
            return _delivery(target, DeliveryStatus.UNKNOWN, error.sentence)
        except Rejected as error:
            return _delivery(target, DeliveryStatus.FAILED, error.sentence)
        except Exception as error:  # noqa: BLE001 - one channel's defect must not keep it from the other addresses.
            _log.exception("channel %s failed in a way it does not declare", target.channel)
            return _delivery(target, DeliveryStatus.UNKNOWN, f"unexpected {type(error).__name__}; see the worker's log")
        return _delivery(target, DeliveryStatus.DELIVERED, said)

    async def _note(self, key: str, delivery: Delivery, mark: "_Mark") -> Delivery:
        """Tell the ledger; what it cannot take now, this process remembers for the next call."""
        for pause in _SETTLE_PAUSES_SECONDS:
            await asyncio.sleep(pause)
            try:
                if delivery.status is DeliveryStatus.PENDING:
                    await mark.take_back()
                    await _patiently(self._ledger.release(key))
                else:
                    outcome = {"status": delivery.status.value, "detail": delivery.detail}
                    await _patiently(self._ledger.settle(key, outcome))
            except Transient:
                continue
            return delivery
        self._remember(key, None if delivery.status is DeliveryStatus.PENDING else delivery)
        return delivery.model_copy(
            update={"detail": f"{delivery.detail} (not yet in the ledger, which is away)".strip()}
        )

    async def _deliver_unledgered(
        self, message: Message, rendered: RenderedMessage, target: _Target, key: str, away: Transient
    ) -> Delivery:
        """The ledger is away: only what is urgent goes out, once per life of this process as far as it can tell."""
        remembered = self._unrecorded.get(key)
        if remembered is not None:
            return remembered
        if message.template not in URGENT:
            return _delivery(target, DeliveryStatus.PENDING, f"the effect ledger is away: {away.sentence}")
        delivery = await self._attempt(message, rendered, target, key, None)
        if delivery.status is DeliveryStatus.PENDING:
            return delivery
        noted = delivery.model_copy(update={"detail": f"{delivery.detail} (unledgered: may repeat)".strip()})
        self._remember(key, noted)
        return noted

    def _remember(self, key: str, delivery: Delivery | None) -> None:
        self._unrecorded[key] = delivery
        while len(self._unrecorded) > _UNRECORDED_LIMIT:
            self._unrecorded.popitem(last=False)


class _Mark:
    """The second key of a delivery: it is on the point of no return. Who finds it made by another knows no more.

    Whoever finds the first key without this one knows that the attempt before was cut off too early to do anything.
    """

    def __init__(self, ledger: EffectLedger, message: Message, key: str) -> None:
        self._ledger = ledger
        self._message = message
        self._key = f"{key}/begun"
        self._is_made = False

    async def make(self) -> None:
        """UnknownOutcome when an earlier attempt got as far as this; Transient when the ledger cannot say."""
        try:
            claim = await _patiently(self._ledger.claim(self._key, "message:begun", self._message.incident_id))
        except Transient:
            if self._message.template in URGENT:
                return
            raise
        if claim.status is not ClaimStatus.NEW:
            raise UnknownOutcome(
                "an earlier attempt was cut off: the message may or may not have been delivered, it is not sent again"
            )
        self._is_made = True

    async def take_back(self) -> None:
        """It was surely not delivered."""
        if self._is_made:
            await _patiently(self._ledger.release(self._key))


def _without_private(rendered: RenderedMessage) -> str:
    text = rendered.text
    for secret in rendered.private:
        text = text.replace(secret, "…")
    return text


def _targets(message: Message, configuration: Configuration) -> list[_Target]:
    """Every address of a message, in a stable order, each once."""
    if message.drill and message.variant in _NOT_FOR_DRILLS:
        detail = f"not sent: a drill is never told to the {message.variant} audience"
        named = [(d.channel, to) for d in message.destinations for to in (d.to or (d.channel,))]
        return [_blocked(channel, to, DeliveryStatus.WITHHELD, detail) for channel, to in named]
    targets = [target for person in message.people for target in _targets_of_person(person, configuration)]
    for destination in message.destinations:
        channel = configuration.channels.get(destination.channel)
        if channel is not None and channel.kind == "webhook":
            targets.append(_Target(destination.channel, destination.channel))
        elif destination.to:
            targets += [_Target(destination.channel, to, to) for to in destination.to]
        else:
            detail = "the destination has no address (`to` is empty in hotwash.yaml)"
            targets.append(_blocked(destination.channel, destination.channel, DeliveryStatus.NO_ADDRESS, detail))
    return list(dict.fromkeys(targets))


def _targets_of_person(person: str, configuration: Configuration) -> list[_Target]:
    human = configuration.people.get(person)
    if human is None:
        return [_blocked("", person, DeliveryStatus.NO_ADDRESS, "not among the people of hotwash.yaml")]
    if not configuration.page_channels:
        return [_blocked("", person, DeliveryStatus.NO_ADDRESS, "hotwash.yaml names no page_channels")]
    targets = []
    for name in configuration.page_channels:
        if configuration.channels[name].kind == "webhook":
            targets.append(_Target(name, person))
        elif human.email:
            targets.append(_Target(name, person, human.email))
        else:
            targets.append(_blocked(name, person, DeliveryStatus.NO_ADDRESS, "has no e-mail address in hotwash.yaml"))
    return targets


def _blocked(channel: str, shown: str, status: DeliveryStatus, detail: str) -> _Target:
    return _Target(channel, shown, obstacle=Delivery(channel=channel, to=shown, status=status, detail=detail))


def _delivery(target: _Target, status: DeliveryStatus, detail: str) -> Delivery:
    return Delivery(channel=target.channel, to=target.shown, status=status, detail=detail)


def _delivery_key(message: Message, target: _Target) -> str:
    address = hashlib.sha256((target.address or target.shown).encode()).hexdigest()[:16]
    return f"{message.key}/{target.channel}/{address}"


def _payload(message: Message, target: _Target) -> dict[str, Any]:
    return {
        "type": f"hotwash.{message.template.value}",
        "variant": message.variant,
        "incident_id": message.incident_id,
        "drill": message.drill,
        # A person's id when the message is for a person; None when it is for the destination itself.
        "recipient": target.shown if target.shown in message.people else None,
        "context": message.context,
        **({"invitation": message.invitation.model_dump(mode="json")} if message.invitation else {}),
    }


def _in_plain_words(message: Message, trouble: str) -> RenderedMessage:
    incident = message.context.get("incident")
    about = incident if isinstance(incident, dict) else {}
    title = " ".join(str(about.get("title") or message.context.get("title") or "incident").split())
    lines = [f"{name}: {value}" for name, value in message.context.items() if isinstance(value, str | int | float)]
    return RenderedMessage(
        subject=f"{message.template.value.replace('_', ' ')}: {title} ({message.incident_id or 'no incident'})",
        text="\n".join([title, *lines, "", f"(Plain words, because the template could not be used: {trouble})"]),
    )


async def _patiently(call: Awaitable[R]) -> R:
    try:
        async with asyncio.timeout(_LEDGER_PATIENCE_SECONDS):
            return await call
    except TimeoutError as error:
        raise Transient("the effect ledger does not answer") from error
