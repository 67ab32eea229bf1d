"""Action items and the review's meeting (rule A04, from Etsy): not in its last minutes, and not too soon after.

Called by `action_item_decisions.py`; the API says when the meeting was. Pure. The one thing to know: it is a hint like
those on the wording, and never blocks. An item that the night demands is created and decided at once, and that is seen.
"""

from datetime import datetime, timedelta

from pydantic import AwareDatetime

from domain.action_item_quality import Hint
from domain.calendar import add_business_days, written
from domain.model import Model
from domain.policy import Policy

_ETSY = "Etsy's debriefing guide: action items are decided by a small group, after some days of thinking"
# "The last ten minutes": when people want to be done, and anything sounds good enough (Etsy).
LAST_MINUTES = timedelta(minutes=10)


class MeetingTimes(Model):
    """When the meeting of the review was, or will be."""

    begins_at: AwareDatetime
    ends_at: AwareDatetime


def hint_on_creation(created_at: datetime, meeting: MeetingTimes | None) -> Hint | None:
    """Created while the meeting was ending."""
    if meeting is None or not meeting.ends_at - LAST_MINUTES <= created_at <= meeting.ends_at:
        return None
    return Hint(
        rule="A04",
        source=_ETSY,
        says="it was created in the last ten minutes of the review meeting, when people want to be done",
        better="Read it again with a small group in two days: is it what the talk was about, and is it worth doing?",
    )


def hint_on_decision(decided_at: datetime, meeting: MeetingTimes | None, policy: Policy) -> Hint | None:
    """Decided in the meeting, or before the soak time after it was over."""
    if meeting is None or decided_at < meeting.begins_at:
        return None
    cool = add_business_days(meeting.ends_at, policy.action_item_soak_days, policy.calendar)
    if decided_at >= cool:
        return None
    when = written(cool, policy.calendar)
    return Hint(
        rule="A04",
        source=_ETSY,
        says=f"it was decided before {when}, {policy.action_item_soak_days} working days after the review meeting",
        better="Propose items in the meeting and decide them later, unless it cannot wait",
    )
