"""The words of insight: what is counted, over which window, and what each timestamp means."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from domain.model import Model

# Repeat detection looks back this far: rule O03 of the practice guides.
RECURRENCE_WINDOW = timedelta(days=90)


# All insights, in the order in which they are read.
INSIGHTS = (
    "recurrence", "action-debt", "hot-spots", "times", "communication", "alert-noise", "alert-hygiene", "on-call-load",
    "reviews", "maturity",
)  # fmt: skip


class Dimension(StrEnum):
    """What incidents can have in common."""

    SERVICE = "service"
    ALERT = "alert"
    FACTOR = "factor"
    CHANGE = "change"
    VENDOR = "vendor"
    TYPE = "type"
    RUNBOOK = "runbook"


# Of these an incident has each value once: they come from its own picture, or from that of its one review. An alert
# or a change may come from several alert groups of one incident.
FROM_ONE_SOURCE = frozenset({Dimension.FACTOR, Dimension.SERVICE, Dimension.TYPE, Dimension.RUNBOOK})


class Measure(StrEnum):
    """A time between two milestones."""

    DETECT = "to_detect"
    ACKNOWLEDGE = "to_acknowledge"
    MITIGATE = "to_mitigate"
    RESOLVE = "to_resolve"
    IMPACT = "impact"


# What each number is measured between, in words that stand beside it on every page.
DEFINITIONS: dict[Measure, str] = {
    Measure.DETECT: "from the beginning of impact (impact_started) to the first alert or report (detected)",
    Measure.ACKNOWLEDGE: "from declaration (declared) to the first person who took it (acknowledged)",
    Measure.MITIGATE: "from declaration (declared) to the end of impact (mitigated)",
    Measure.RESOLVE: "from declaration (declared) to normal service (resolved)",
    Measure.IMPACT: "from the beginning of impact (impact_started) to its end (mitigated)",
}


class Window(Model):
    """Since when things count, and until when. Incidents belong to the time at which they were declared."""

    since: datetime
    until: datetime

    @property
    def days(self) -> int:
        """Its length, in whole days."""
        return max(1, round((self.until - self.since) / timedelta(days=1)))


class LoadLimits(Model):
    """How many hours with an interrupt a person may have in a week; more is said in insight and operations review.

    The numbers are ours: PagerDuty's operations review asks for a threshold, and names none. None: no limit.
    """

    sleep_hours_a_week: int | None = Field(default=2, ge=0)
    off_hours_a_week: int | None = Field(default=6, ge=0)


DEFAULT_LIMITS = LoadLimits()
