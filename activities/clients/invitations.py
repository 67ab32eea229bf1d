"""An appointment as iCalendar, for `activities/clients/smtp.py`: `REQUEST` for any date, `CANCEL` when it is off.

The one thing to know: calendars find an appointment by its UID and believe the one with the highest SEQUENCE (RFC 5546
§3.2.2), so a mail that arrives late never brings back an old date.
"""

from datetime import UTC, datetime

from icalendar import STATUS, Calendar, Event, vCalAddress

from domain.message import Invitation

_METHODS = {False: "REQUEST", True: "CANCEL"}


def method_of(invitation: Invitation) -> str:
    """What the recipient's calendar is asked to do; a mail repeats it beside the content type (RFC 6047 §2.4)."""
    return _METHODS[invitation.cancelled]


def calendar_of(invitation: Invitation, *, organizer: str, attendee: str, description: str, sent_at: datetime) -> str:
    """The appointment for one person; `organizer` and `attendee` are mail addresses. Hostile texts stay texts."""
    event = Event.new(
        uid=invitation.uid,
        sequence=invitation.sequence,
        stamp=sent_at.astimezone(UTC),
        start=invitation.starts_at.astimezone(UTC),
        end=invitation.ends_at.astimezone(UTC),
        summary=_one_line(invitation.title),
        description=description,
        organizer=vCalAddress(f"mailto:{organizer}"),
        status=STATUS.CANCELLED if invitation.cancelled else STATUS.CONFIRMED,
    )
    # A yes or no would go to the machine that sends; who was there is recorded with the meeting.
    person = vCalAddress(f"mailto:{attendee}", params={"ROLE": "REQ-PARTICIPANT", "RSVP": "FALSE"})
    event.add("attendee", person, encode=False)
    calendar = Calendar.new(prodid="-//Hotwash//Review meetings//EN", method=method_of(invitation))
    calendar.add_component(event)
    return str(calendar.to_ical(), "utf-8")


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
