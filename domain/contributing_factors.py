"""The kinds of contributing factors, so that what recurs can be counted across reviews.

Read by `review_decisions.py`, by the pages and by insight. The list follows the categories of the practice guides
(PagerDuty, Atlassian, Howie); `hotwash.yaml` extends it under `contributing_factors`. The one thing to know: a kind
says in which part of the system something contributed, never who.
"""

from collections.abc import Mapping

DEFAULT_FACTORS: dict[str, str] = {
    "detection": "It was noticed late, by customers, or by the wrong signal",
    "change": "Something was changed: code, configuration, infrastructure, data",
    "capacity": "A limit was reached: connections, quota, memory, people",
    "dependency": "Something that is relied on behaved differently, inside or outside the house",
    "design": "The parts fit together in a way that let this happen or spread",
    "process": "The agreed way of working led here, or had no answer",
    "knowledge": "What was needed was known elsewhere, or by nobody",
    "communication": "Word did not reach those who could have used it",
    "testing": "The conditions of this incident were not among those that were tried",
    "tooling": "The tools showed, allowed or hid something",
    "automation": "Automation acted as built, in a situation it was not built for",
    "data": "Data had a shape or an age that was not expected",
    "security": "Access, secrets or an attack played a part",
    "environment": "Power, weather, hardware, season, load of the day",
}
# An incident is never one thing alone (PagerDuty's postmortem guide asks for factors, not for a root cause).
LEAST_FACTORS = 2


def factors_of(extra: Mapping[str, str]) -> dict[str, str]:
    """The list in force: the default one and what `hotwash.yaml` adds or words anew."""
    return DEFAULT_FACTORS | dict(extra)
