"""The address under which a calendar program finds the game days of whoever subscribes. Made for routes and pages.

The one thing to know: it is signed and stored nowhere, so making one changes nothing, and each of them goes on until
its end, or until the person's tokens are revoked.
"""

from datetime import datetime

from fastapi import Request

from api.auth import Authenticator, Principal
from domain.model import Model


class CalendarLink(Model):
    """Where it is, and until when."""

    path: str
    url: str
    expires_at: datetime


def calendar_link(request: Request, principal: Principal) -> CalendarLink:
    """A new one for whoever asks; it opens the calendar and nothing else."""
    authenticator: Authenticator = request.app.state.authenticator
    issued = authenticator.issue_calendar_link(principal)
    path = f"/api/v1/game-days/calendar.ics?link={issued.text}"
    base = request.app.state.configuration.current().base_url or str(request.base_url)
    return CalendarLink(path=path, url=base.rstrip("/") + path, expires_at=issued.expires_at)
