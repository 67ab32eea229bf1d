"""What a report that is mailed needs: one message for people and one for addresses, and an end to waiting for mail.

Used by `operations_review.py` and `insight_mail.py`.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from domain.configuration import Destination
from domain.message import Message
from workflows.courier import Courier

# A mail server may be away for longer, but nobody waits for last week's numbers for ever.
MAIL_WITHIN = timedelta(days=1)


def copies(base: Message, people: Sequence[str], destinations: Sequence[Destination]) -> tuple[Message, ...]:
    """Two messages, because a message goes either to people or to destinations."""
    found = []
    if people:
        found.append(base.model_copy(update={"key": f"{base.key}/people", "people": tuple(people)}))
    if destinations:
        found.append(base.model_copy(update={"key": f"{base.key}/audience", "destinations": tuple(destinations)}))
    return tuple(found)


async def delivered_in_time(courier: Courier) -> bool:
    """Wait until everything is delivered or has failed, a day at most; whether it is."""
    try:
        await asyncio.wait_for(courier.drain(), MAIL_WITHIN.total_seconds())
    except TimeoutError:
        return False
    return True
