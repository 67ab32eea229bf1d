"""The trail from a number to the single things it counts: one description that both counts and lists.

The one thing to know: `store/insight_counting.py` turns an `Evidence` into one set of conditions. A number is their
count and its drill-down is their list, so the two cannot contradict each other.
"""

from datetime import datetime
from enum import StrEnum
from urllib.parse import urlencode

from domain.insight.words import Dimension, Measure, Window
from domain.model import Model


class Subject(StrEnum):
    """What is counted."""

    INCIDENT = "incident"
    # What might have become an incident and did not: reviewed like one, counted apart.
    NEAR_MISS = "near_miss"
    DRILL = "drill"
    ACTION_ITEM = "action_item"
    PROMISE = "promise"
    ALERT = "alert"
    # An alert that a game day explains.
    DRILL_ALERT = "drill_alert"
    PAGE = "page"
    REVIEW = "review"


class Which(StrEnum):
    """Conditions with a name; each belongs to one subject, said behind it."""

    # action items
    OPEN = "open"
    OVERDUE = "overdue"
    FINISHED = "finished"
    FINISHED_ON_TIME = "finished_on_time"
    # promises of a next update
    KEPT = "kept"
    BROKEN = "broken"
    BROKEN_LATE = "broken_late"
    # episodes of alerts
    MATTERED = "mattered"
    IGNORED = "ignored"
    WITHOUT_RUNBOOK = "without_runbook"
    UNTITLED = "untitled"
    UNMEASURED = "unmeasured"
    ENDED_BY_ITSELF = "ended_by_itself"
    NOT_ENDED = "not_ended"
    # pages
    BUSINESS = "business"
    OFF_HOURS = "off_hours"
    SLEEP = "sleep"
    # reviews
    ON_TIME = "on_time"
    EXTENDED = "extended"
    LATE = "late"
    WAIVED = "waived"
    OWED = "owed"
    DECIDED = "decided"
    # incidents
    # Not imported afterwards: of those nobody wrote down who noticed, who acknowledged, or what was run.
    HANDLED_HERE = "handled_here"
    DETECTED_BY_AUTOMATION = "detected_by_automation"
    ACKNOWLEDGED = "acknowledged"
    REOPENED = "reopened"


class Grouping(StrEnum):
    """By what things are tallied."""

    SEVERITY = "severity"
    VALUE = "value"
    PERSON = "person"
    AUDIENCE = "audience"
    RULE = "rule"
    # 0 is Monday from midnight to one, local time.
    HOUR_OF_WEEK = "hour_of_week"


class FirstOf(StrEnum):
    """Of what only the first page of a person counts."""

    HOUR = "hour"
    WINDOW = "window"


class Evidence(Model):
    """Some things of one subject, in a window. Drills never count as incidents; they are a subject of their own."""

    of: Subject
    since: datetime
    until: datetime
    which: Which | None = None
    dimension: Dimension | None = None
    # Any of these: values of the dimension, people of pages, rules of alerts, audiences of promises.
    values: tuple[str, ...] = ()
    severity: str | None = None
    # Incidents for which this is known.
    measure: Measure | None = None
    # Local hour (0 to 23) or weekday (0 is Monday) of the declaration.
    hour: int | None = None
    weekday: int | None = None
    # Of pages of one person only the first of each hour (hours with an interrupt), or of all (people interrupted).
    first_of: FirstOf | None = None

    @classmethod
    def within(cls, window: Window, of: Subject) -> "Evidence":
        """All of a subject in a window."""
        return cls(of=of, since=window.since, until=window.until)

    def but(self, **changes: object) -> "Evidence":
        """The same with something narrower."""
        return self.model_copy(update=changes)

    def query(self) -> str:
        """As the query string that the pages and the API read back."""
        dumped = self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        values = dumped.pop("values", [])
        return urlencode([*dumped.items(), *(("values", value) for value in values)])
