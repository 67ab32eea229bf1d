"""The senders that may post alerts. A new one is a file with a pure `parse`, and its line here."""

from collections.abc import Callable, Mapping
from datetime import datetime

from api.webhooks import alertmanager
from api.webhooks.documents import Delivery
from domain.errors import Rejected, RejectionKind

# Body and time of arrival in, alerts out; Rejected for a body that is not the sender's.
Parse = Callable[[bytes, datetime], Delivery]

SENDERS: Mapping[str, Parse] = {
    "alertmanager": alertmanager.parse,
}


def parser_of(sender: str) -> Parse:
    """The sender's parser; Rejected, with the names there are, for one that nobody knows."""
    if sender not in SENDERS:
        known = ", ".join(sorted(SENDERS))
        raise Rejected(f"no sender {sender[:80]!r} is known; there are: {known}", RejectionKind.NOT_FOUND)
    return SENDERS[sender]
