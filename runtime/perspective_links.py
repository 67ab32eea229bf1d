"""Signed links by which somebody says how an incident was for them, without a login.

The worker that sends the invitation issues them, the API reads them; both hold the key of the home folder. The one
thing to know: a link lets its holder do one thing, answer the four questions of one review in the name of one person,
until it expires. It is no login, and it never stands in a workflow's history.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

from domain.errors import Rejected, RejectionKind

# Longer than the longest review deadline, so that the link of the invitation still works at the last reminder.
LINK_LIFE = timedelta(days=14)


@dataclass(frozen=True)
class PerspectiveLink:
    """Whose view of which incident, and until when."""

    incident_id: str
    person: str
    expires_at: datetime


class PerspectiveLinks:
    """Issues and reads them; needs no database."""

    def __init__(self, secret_key: str, clock: Callable[[], float] = time.time) -> None:
        # A purpose of its own, so that such a link is neither a session nor a login link.
        self._serializer = URLSafeSerializer(
            secret_key, salt="hotwash.perspective", signer_kwargs={"digest_method": hashlib.sha256}
        )
        self._clock = clock

    def issue(self, incident_id: str, person: str) -> tuple[str, datetime]:
        """What stands in the address, and when it ends."""
        end = int(self._clock() + LINK_LIFE.total_seconds())
        text = self._serializer.dumps([incident_id, person, end])
        return (text if isinstance(text, str) else text.decode()), datetime.fromtimestamp(end, tz=UTC)

    def read(self, token: str) -> PerspectiveLink:
        """Rejected (401) when it is none of ours or has expired."""
        try:
            incident_id, person, end = self._serializer.loads(token)
        except (BadData, ValueError, TypeError) as error:
            raise Rejected("this link is not one of ours", RejectionKind.UNAUTHENTICATED) from error
        if end <= self._clock():
            raise Rejected(
                "this link has expired; log in, or ask the review's owner for another", RejectionKind.UNAUTHENTICATED
            )
        return PerspectiveLink(str(incident_id), str(person), datetime.fromtimestamp(end, tz=UTC))
