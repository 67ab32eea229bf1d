"""The written policy: how fast, how often, by when. Overridden in `hotwash.yaml`, pinned into each incident.

Numbers: PagerDuty's response guide (5-minute levels, 20-minute updates in the first two hours, 15 and 30 days for
action items) and the review deadlines of the practice guides (24 h, 3 days, 1 week).
"""

from datetime import date, time, timedelta
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, ConfigDict, Field, field_validator, model_validator

from domain.durations import Duration
from domain.model import Model
from domain.severity import Severity


class Audience(StrEnum):
    """Who is told; each gets a text of its own."""

    INTERNAL = "internal"
    EXTERNAL = "external"
    EXECUTIVE = "executive"


class Cadence(Model):
    """When an audience must first hear something, and how often after that."""

    first: Duration
    every: Duration
    # After this much time from declaration `every` gives way to `later_every` (None: it never does).
    later_after: Duration | None = None
    later_every: Duration | None = None


def known_time_zone(name: str) -> str:
    """The name of a time zone; ValueError when there is none of that name."""
    # Refused here, where a person reads the sentence, and not in a workflow that would retry it for ever.
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise ValueError(f"{name!r} is not a time zone; write for example Europe/Berlin") from error
    return name


class WorkingHours(Model):
    """The business calendar: deadlines in days run on it."""

    time_zone: str = "UTC"
    # 0 is Monday, as in datetime.weekday().
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    opens: time = time(9, 0)
    closes: time = time(17, 0)
    holidays: tuple[date, ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _zone_is_known(cls, name: str) -> str:
        return known_time_zone(name)

    @field_validator("weekdays")
    @classmethod
    def _weekdays_exist(cls, weekdays: tuple[int, ...]) -> tuple[int, ...]:
        if not weekdays or not set(weekdays) <= set(range(7)):
            raise ValueError("weekdays are numbers from 0 (Monday) to 6 (Sunday), at least one")
        return weekdays

    @model_validator(mode="after")
    def _closes_after_opening(self) -> "WorkingHours":
        if self.closes != time(0) and self.closes <= self.opens:
            raise ValueError("closes must be later than opens (00:00 is the end of the day)")
        return self


class SeverityPolicy(Model):
    """What one severity demands."""

    # None: nobody is paged.
    acknowledge_within: Duration | None
    # Pages wait for the next business day.
    page_in_working_hours: bool = False
    cadence: dict[Audience, Cadence] = Field(default_factory=dict)
    # None: no review is due.
    review_due: Duration | None
    # Counted in business days on the calendar when a whole number of days; a deadline in hours runs on the clock.
    review_may_be_waived: bool = False
    action_item_due: Duration | None
    urgent_action_item_due: Duration | None
    # Whose word a review needs besides the owner's: a service owner and a manager for the worst (Atlassian, PagerDuty).
    # Each role is another person's; one that nobody in `hotwash.yaml` is left to take is not waited for. Empty: any
    # other person.
    review_sign_off: tuple[Literal["service_owner", "engineering_manager"], ...] = ()
    # The review's meeting is held this long after resolution at the latest (PagerDuty: 3 calendar days for a SEV-1, 5
    # business days for a SEV-2; read as every deadline is). None: nobody has to meet.
    review_meeting_within: Duration | None = None


def _minutes(first: int, every: int, later_after: int | None = None, later_every: int | None = None) -> Cadence:
    return Cadence(
        first=timedelta(minutes=first),
        every=timedelta(minutes=every),
        later_after=timedelta(minutes=later_after) if later_after else None,
        later_every=timedelta(minutes=later_every) if later_every else None,
    )


DEFAULTS: dict[Severity, SeverityPolicy] = {
    Severity.SEV1: SeverityPolicy(
        acknowledge_within=timedelta(minutes=5),
        cadence={
            Audience.INTERNAL: _minutes(5, 15),
            Audience.EXTERNAL: _minutes(10, 20, 120, 30),
            Audience.EXECUTIVE: _minutes(15, 60),
        },
        review_due=timedelta(hours=24),
        review_sign_off=("service_owner", "engineering_manager"),
        review_meeting_within=timedelta(days=3),
        action_item_due=timedelta(days=30),
        urgent_action_item_due=timedelta(days=15),
    ),
    Severity.SEV2: SeverityPolicy(
        acknowledge_within=timedelta(minutes=5),
        cadence={
            Audience.INTERNAL: _minutes(10, 30),
            Audience.EXTERNAL: _minutes(20, 30),
            Audience.EXECUTIVE: _minutes(60, 120),
        },
        review_due=timedelta(hours=72),
        review_sign_off=("service_owner", "engineering_manager"),
        review_meeting_within=timedelta(days=5),
        action_item_due=timedelta(days=30),
        urgent_action_item_due=timedelta(days=30),
    ),
    Severity.SEV3: SeverityPolicy(
        acknowledge_within=timedelta(minutes=15),
        cadence={Audience.INTERNAL: _minutes(30, 60), Audience.EXTERNAL: _minutes(60, 120)},
        review_due=timedelta(days=7),
        action_item_due=timedelta(days=60),
        urgent_action_item_due=timedelta(days=60),
    ),
    Severity.SEV4: SeverityPolicy(
        acknowledge_within=timedelta(hours=8),
        page_in_working_hours=True,
        review_due=timedelta(days=7),
        review_may_be_waived=True,
        action_item_due=timedelta(days=60),
        urgent_action_item_due=timedelta(days=60),
    ),
    Severity.SEV5: SeverityPolicy(
        acknowledge_within=None,
        review_due=None,
        review_may_be_waived=True,
        action_item_due=None,
        urgent_action_item_due=None,
    ),
}


class Freeze(Model):
    """A window in which runbooks change nothing, unless a person says why all the same. Drills keep to it, too."""

    name: str
    # With a time zone: `2026-12-24T00:00:00+01:00`.
    from_: AwareDatetime = Field(alias="from")
    until: AwareDatetime
    # Services; empty: all of them.
    applies_to: tuple[str, ...] = ()

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="after")
    def _ends_after_its_beginning(self) -> "Freeze":
        if self.until <= self.from_:
            raise ValueError(f"the freeze {self.name!r} ends before it begins")
        return self


class Policy(Model):
    """The whole written policy, as pinned into an incident at declaration."""

    severities: dict[Severity, SeverityPolicy] = Field(default_factory=lambda: dict(DEFAULTS))
    calendar: WorkingHours = WorkingHours()
    # An update is reminded of this long before it is due, and the commander hears this long after it was missed.
    update_reminder_before: Duration = timedelta(minutes=3)
    update_escalation_after: Duration = timedelta(minutes=5)
    # The owner is reminded this long before a deadline (practice guides: 2 days before).
    deadline_reminders_before: tuple[Duration, ...] = (timedelta(days=2), timedelta(hours=4))
    # After a missed deadline the owner is reminded this often, and the manager hears from the second time on.
    overdue_reminder_every: Duration = timedelta(days=1)
    # A reason is enough for a later deadline, and it is counted; true: it needs a second person's word, too (rule A03,
    # as incident.io and Rootly have it).
    extension_needs_approver: bool = False
    # A proposed action item is decided after this many working days ("soak time": Etsy's debriefing guide, 2 days).
    action_item_soak_days: int = Field(default=2, ge=0)
    # Somebody has begun with an action item after this many working days (assignment within 3 days is the field's SLA).
    action_item_start_days: int = Field(default=3, ge=0)
    # An item that is done is watched for so long: a check, a tracker or a person can speak up again (a quarter: the
    # reviews of services and business are monthly and quarterly) ...
    action_item_watched_for: Duration = timedelta(days=90)
    # ... and for so long when a drill can: regression drills are rare, and a year has each of them a few times.
    action_item_drill_watched_for: Duration = timedelta(days=365)
    # How often the check of a finished item is run again.
    action_item_check_every: Duration = timedelta(days=1)
    # A near miss is reviewed whatever its severity; where that has no deadline of its own, in this time.
    near_miss_review_due: Duration = timedelta(days=7)
    # A reviewed review closes by itself this long after the last signature and its meeting: time in which action items
    # are decided (Etsy: two working days). Whole days are working days; anything else runs on the clock.
    review_soak: Duration = timedelta(days=2)
    # The draft is ready for its readers this long before the review's meeting (PagerDuty: 24 hours).
    review_draft_before_meeting: Duration = timedelta(hours=24)
    # How long a review's meeting takes (PagerDuty and Etsy: an hour, of which the timeline has the most).
    review_meeting_takes: Duration = timedelta(hours=1)
    # An alert that fires again this soon after its group cleared belongs to the same episode (deduplication windows
    # of the field: minutes to 48 h; Alertmanager's group_interval is 5 min).
    alert_reopen_window: Duration = timedelta(minutes=10)
    # Every level was paged and nobody answered: begin again, after this pause.
    page_repeat_after: Duration = timedelta(minutes=5)
    # The commander is asked again this long after a silent acknowledgement (0 switches it off).
    acknowledged_silence: Duration = timedelta(minutes=30)
    # When nothing is changed by runbooks.
    freezes: tuple[Freeze, ...] = ()

    def of(self, severity: Severity) -> SeverityPolicy:
        """The policy of one severity; the defaults fill what `hotwash.yaml` leaves out."""
        return self.severities.get(severity, DEFAULTS[severity])
