"""Telling people: one activity renders a message and delivers it over every channel, each delivery effectively once."""

from temporalio import activity

from domain.message import Message, MessageReceipt


class MessageActivities:
    """Pages, updates, reminders and requests."""

    @activity.defn(name="messages.send")
    async def send(self, message: Message) -> MessageReceipt:
        """Deliver to each address once per key. A channel that is away leaves its deliveries `pending`: call again."""
        raise NotImplementedError
