"""Local time for counting: when a zone's clock changes, and which hours are for sleep. Pure.

Bands are those of PagerDuty's analytics: business hours Monday to Friday 8 to 18, sleep 22 to 8 on every day, and
off-hours whatever is left.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

BUSINESS_OPENS, BUSINESS_CLOSES = 8, 18
SLEEP_BEGINS, SLEEP_ENDS = 22, 8
# Zones change at most a few times a year; looked at day by day and then to the second.
_STEP = timedelta(days=1)


def offsets(zone: str, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    """From when on local time is how many seconds ahead of UTC; the first holds from `since` on."""
    there = ZoneInfo(zone)
    begin = since.astimezone(UTC)
    found = [(begin, _offset(begin, there))]
    moment = begin
    while moment < until:
        following = min(moment + _STEP, until.astimezone(UTC))
        if _offset(following, there) != found[-1][1]:
            change = _change(moment, following, there)
            found.append((change, _offset(change, there)))
        moment = following
    return found


def _offset(moment: datetime, there: ZoneInfo) -> int:
    offset = moment.astimezone(there).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _change(before: datetime, after: datetime, there: ZoneInfo) -> datetime:
    """The second at which the clock changes between the two."""
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds() // 2))
        if _offset(middle, there) == _offset(before, there):
            before = middle
        else:
            after = middle
    return after
