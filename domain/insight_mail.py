"""Insights by mail: which window, to whom, and what became of it. See `workflows/insight_mail.py`.

The one thing to know: the numbers are those of the moment at which it was asked for, and stay so in the mail and in the
record, whatever is counted later.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from domain.calendar import written
from domain.configuration import Configuration, Destination
from domain.errors import Rejected
from domain.insight.report import Insight
from domain.insight.words import INSIGHTS, Window
from domain.insight.writing import as_markdown, escape
from domain.message import CourierState, Delivery, DeliveryStatus
from domain.model import Model
from domain.policy import WorkingHours
from domain.record import RecorderState
from domain.timeline import Actor


class InsightMailStatus(StrEnum):
    """Where it stands."""

    PREPARING = "preparing"
    SENDING = "sending"
    SENT = "sent"
    # Some of those who were to have it have it not, or nobody knows.
    NOT_ALL_SENT = "not_all_sent"


class InsightMailStart(Model):
    """The input of the `InsightMail` workflow `insight-mail/<id>`."""

    # None: started by the Schedule, whose workflow ids carry the time.
    id: str | None = None
    until: datetime | None = None
    days: int = 90
    # Empty: all of them.
    names: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    destinations: tuple[Destination, ...] = ()
    by: Actor | None = None
    recorder: RecorderState | None = None
    courier: CourierState | None = None


class InsightMailState(Model):
    """All that it knows; also its picture in the store."""

    id: str
    title: str
    state: InsightMailStatus
    since: datetime
    until: datetime
    days: int
    names: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    by: Actor | None = None
    headlines: tuple[str, ...] = ()
    markdown: str = ""
    deliveries: tuple[Delivery, ...] = ()


def begin(start: InsightMailStart, id_: str, now: datetime) -> InsightMailState:
    """Nothing but what was asked for."""
    until = start.until or now
    return InsightMailState(
        id=id_,
        title=f"Insights of {start.days} days",
        state=InsightMailStatus.PREPARING,
        since=until - timedelta(days=start.days),
        until=until,
        days=start.days,
        names=start.names,
        people=start.people,
        by=start.by,
    )


def delivered(state: InsightMailState, deliveries: Sequence[Delivery]) -> InsightMailState:
    """What became of one message; what is said later of an address counts."""
    known = {(each.channel, each.to): each for each in (*state.deliveries, *deliveries)}
    return state.model_copy(update={"deliveries": tuple(known.values())})


def ended(state: InsightMailState) -> InsightMailState:
    """Nothing is under way any more."""
    is_sent = bool(state.deliveries) and all(each.status is DeliveryStatus.DELIVERED for each in state.deliveries)
    return state.model_copy(update={"state": InsightMailStatus.SENT if is_sent else InsightMailStatus.NOT_ALL_SENT})


def start_of(
    id_: str, *, days: int, names: Sequence[str], people: Sequence[str], by: Actor, configuration: Configuration
) -> InsightMailStart:
    """What a person asks for; Rejected for an insight or a person that there is not, or when nobody would get it."""
    settings = configuration.insight_mail
    unknown = [each for each in names if each not in INSIGHTS]
    if unknown:
        raise Rejected(f"there is no insight {unknown[0][:80]!r}; there are {', '.join(INSIGHTS)}")
    strangers = [each for each in people if each not in configuration.people]
    if strangers:
        known = ", ".join(sorted(configuration.people)) or "nobody"
        raise Rejected(f"{strangers[0][:80]!r} is not among the people of hotwash.yaml; there are: {known}")
    audience = tuple(dict.fromkeys(people)) or settings.audience
    destinations = () if people else settings.destinations
    if not audience and not destinations:
        raise Rejected("nobody would get it: name 'people', or an audience under 'insight_mail' in hotwash.yaml")
    return InsightMailStart(
        id=id_, days=days, names=tuple(dict.fromkeys(names)), people=audience, destinations=destinations, by=by
    )


def headlines(insights: Sequence[Insight]) -> tuple[str, ...]:
    """The sentences that the mail begins with."""
    return tuple(f"{each.title}: {each.sentence}" for each in insights)


def document(insights: Sequence[Insight], window: Window, hours: WorkingHours, base_url: str) -> str:
    """The whole mail as Markdown; every number leads to what it counts, where the console's address is known."""
    lines = [
        f"# Insights of {window.days} days",
        "",
        f"{written(window.since, hours)} to {written(window.until, hours)}",
    ]
    for each in insights:
        lines += ["", f"## {escape(each.title)}", "", as_markdown(each, base_url)]
    return "\n".join(lines)
