"""Which earlier incidents are like this one, and why: a score that can be explained feature by feature. Pure.

The store finds candidates (`store/alike.py`): incidents that share a service, an alert, a factor, a vendor, or words.
The one thing to know: each reason has its weight and its sentence, and a score is nothing but their sum.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.insight.words import RECURRENCE_WINDOW, Dimension
from domain.model import Model

# The same alert is the strongest sign, then a factor that a review has named; a service alone says little, because
# everything of a small team happens to one of three services. The numbers are ours.
WEIGHTS: dict[Dimension, float] = {
    Dimension.ALERT: 3.0,
    Dimension.FACTOR: 2.5,
    Dimension.CHANGE: 2.0,
    Dimension.VENDOR: 2.0,
    Dimension.SERVICE: 1.5,
    Dimension.TYPE: 0.25,
}
# For all the words of one that the other has; half of them count half.
_WORDS = 2.5
# What happened within the window of repeat detection (rule O03) is likelier the same thing again.
_RECENT = 0.5
# One word in common is no likeness, even if a title has no other.
_FEWEST_WORDS = 3
# Below this an incident is not shown: a shared service of late and nothing else.
LEAST = 2.25
SHOWN = 5
# Words of an incident's title that say nothing.
_EMPTY_WORDS = frozenset(
    {
        "a", "an", "and", "are", "at", "by", "down", "error", "errors", "failing", "for", "from", "in", "is", "not",
        "of", "on", "or", "our", "out", "some", "the", "to", "too", "up", "we", "with",
    }
)  # fmt: skip


class Features(Model):
    """What is compared of an incident."""

    incident_id: str
    at: datetime
    shared: Mapping[Dimension, tuple[str, ...]] = {}
    words: frozenset[str] = frozenset()


class Reason(Model):
    """One thing that two incidents have in common, and how much it counts."""

    feature: str
    sentence: str
    weight: float


class Likeness(Model):
    """How like an earlier incident is, and why."""

    incident_id: str
    score: float
    reasons: tuple[Reason, ...]


class OpenItem(Model):
    """An action item of an earlier incident that is still open."""

    id: str
    title: str
    owner: str | None
    is_overdue: bool


class AlikeIncident(Model):
    """An earlier incident with everything that may help now."""

    incident_id: str
    title: str
    declared_at: datetime
    severity: str
    status: str
    score: float
    reasons: tuple[Reason, ...]
    # Runbooks that ran then.
    runbooks: tuple[str, ...] = ()
    # What its review says helped.
    helped: tuple[str, ...] = ()
    open_items: tuple[OpenItem, ...] = ()


def significant(words: Sequence[str]) -> frozenset[str]:
    """The words of a title that tell incidents apart."""
    return frozenset(word for word in words if len(word) > 1 and word not in _EMPTY_WORDS)


def most_alike(this: Features, candidates: Sequence[Features]) -> list[Likeness]:
    """The most alike, best first; the newer of two that are equally alike."""
    scored = [(likeness(this, each), each.at) for each in candidates if each.incident_id != this.incident_id]
    enough = [(found, at) for found, at in scored if found.score >= LEAST]
    enough.sort(key=lambda pair: (-pair[0].score, -pair[1].timestamp(), pair[0].incident_id))
    return [found for found, _ in enough[:SHOWN]]


def likeness(this: Features, other: Features) -> Likeness:
    """Every reason, and their sum."""
    reasons = [*_shared(this, other), *_words(this, other)]
    if reasons and timedelta_between(this, other) <= RECURRENCE_WINDOW.total_seconds():
        days = round(timedelta_between(this, other) / 86_400)
        when = "on the same day" if not days else f"{days} day{'s' if days > 1 else ''} apart"
        reasons.append(Reason(feature="time", sentence=when, weight=_RECENT))
    total = round(sum(reason.weight for reason in reasons), 3)
    return Likeness(incident_id=other.incident_id, score=total, reasons=tuple(reasons))


def timedelta_between(this: Features, other: Features) -> float:
    """Seconds between two declarations."""
    return abs((this.at - other.at).total_seconds())


def announcement(found: Sequence[AlikeIncident]) -> str | None:
    """The line for the timeline at declaration; None when nothing is alike."""
    if not found:
        return None
    many = "1 incident like this" if len(found) == 1 else f"{len(found)} incidents like this"
    best = found[0]
    because = ", ".join(reason.sentence for reason in best.reasons[:3])
    said = f"{many}: first {best.incident_id} ‘{best.title}’ ({because})"
    owed = next(((each, item) for each in found for item in each.open_items), None)
    if owed is not None:
        incident, item = owed
        said += f"; {incident.incident_id}'s action item ‘{item.title}’ is still open"
    elif best.helped:
        said += f"; then helped: {best.helped[0]}"
    return said


def in_short(found: Sequence[AlikeIncident]) -> list[str]:
    """One sentence for whoever has just declared, where there is no room for more; none when nothing is alike."""
    if not found:
        return []
    many = "1 incident like this" if len(found) == 1 else f"{len(found)} incidents like this"
    owed = sum(len(each.open_items) for each in found)
    items = "" if not owed else ", 1 action item still open" if owed == 1 else f", {owed} action items still open"
    return [f"{many}{items}: see below."]


def _shared(this: Features, other: Features) -> list[Reason]:
    found = []
    for dimension, weight in WEIGHTS.items():
        both = [value for value in this.shared.get(dimension, ()) if value in other.shared.get(dimension, ())]
        if both:
            named = ", ".join(f"‘{value}’" for value in both[:3])
            found.append(Reason(feature=dimension.value, sentence=f"the same {dimension.value} {named}", weight=weight))
    return found


def _words(this: Features, other: Features) -> list[Reason]:
    both = this.words & other.words
    if not both:
        return []
    # Of the shorter one: a long summary that holds every word of a short title is alike.
    part = min(1.0, len(both) / max(_FEWEST_WORDS, min(len(this.words), len(other.words))))
    named = ", ".join(f"‘{word}’" for word in sorted(both)[:5])
    return [Reason(feature="words", sentence=f"the words {named}", weight=round(_WORDS * part, 3))]
