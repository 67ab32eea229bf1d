"""Which earlier incidents are like this one, and why: a score that can be explained feature by feature. Pure.

The store finds candidates (`store/alike.py`): incidents that share a service, an alert, a factor, a vendor, or words.
The one thing to know: each reason has its weight and its sentence, and a score is nothing but their sum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import log1p

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
# For all the words of one that the other has; half of them count half, and a word that many incidents have counts less.
_WORDS = 2.5
# How often a word occurs is counted up to this: one in more incidents tells nothing more.
COUNTED_TO = 1_000
# What happened within the window of repeat detection (rule O03) is likelier the same thing again.
_RECENT = 0.5
# What an earlier one of that window still owes is flagged in the new one (rule O03): the same service is then enough.
_OWED = 0.25
_WORDS_IN_COMMON, _TIME, _OWES = "words", "time", "open items"
# One word in common is no likeness, even if a title has no other.
_FEWEST_WORDS = 3
# Below this an incident is not shown: a shared service of late and nothing else.
LEAST = 2.25
SHOWN = 5
# Words of an incident's title and summary that say nothing.
_EMPTY_WORDS = frozenset(
    {
        "a", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "before", "but", "by", "can",
        "cannot", "did", "do", "does", "down", "error", "errors", "failing", "for", "from", "had", "has", "have", "he",
        "her", "his", "i", "if", "in", "into", "is", "it", "its", "no", "not", "of", "on", "or", "our", "out", "she",
        "since", "so", "some", "than", "that", "the", "their", "them", "then", "there", "they", "this", "to", "too",
        "until", "up", "was", "we", "were", "what", "when", "which", "while", "who", "will", "with", "would", "you",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Features:
    """What is compared of an incident. Some hundred are made for each question, and go nowhere; so no model."""

    incident_id: str
    at: datetime
    shared: Mapping[Dimension, tuple[str, ...]] = field(default_factory=dict)
    words: frozenset[str] = frozenset()
    # From 1, a word that no other incident has, to nearly 0; one that is not here counts as rare.
    rarity: Mapping[str, float] = field(default_factory=dict)
    # Whether one of its action items is still open.
    owes: bool = False


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
    """The words that tell incidents apart."""
    return frozenset(word for word in words if len(word) > 1 and word not in _EMPTY_WORDS)


def rarity(incidents: int) -> float:
    """What a word is worth that so many incidents have: BM25's weight of a word, brought to 0 to 1."""
    return log1p(COUNTED_TO / max(incidents, 1)) / log1p(COUNTED_TO)


def most_alike(this: Features, candidates: Sequence[Features]) -> list[Likeness]:
    """The most alike, best first; the newer of two that are equally alike."""
    scored = [(score(this, each), each) for each in candidates if each.incident_id != this.incident_id]
    enough = [pair for pair in scored if pair[0] >= LEAST]
    enough.sort(key=lambda pair: (-pair[0], -pair[1].at.timestamp(), pair[1].incident_id))
    # Sentences are made for those that are shown only.
    return [likeness(this, each) for _, each in enough[:SHOWN]]


def nearly_alike(this: Features, candidates: Sequence[Features]) -> list[str]:
    """Those of which it matters whether one of their action items is still open, the newest last."""
    near = [each for each in candidates if LEAST - _OWED <= score(this, each) < LEAST]
    return [each.incident_id for each in sorted(near, key=lambda each: each.at)]


def score(this: Features, other: Features) -> float:
    """How like they are: the sum of the weights of the reasons."""
    return round(sum(weight for _, weight, _ in _in_common(this, other)), 3)


def likeness(this: Features, other: Features) -> Likeness:
    """Every reason, and their sum."""
    reasons = tuple(
        Reason(feature=feature, sentence=_sentence(feature, values), weight=weight)
        for feature, weight, values in _in_common(this, other)
    )
    return Likeness(incident_id=other.incident_id, score=score(this, other), reasons=reasons)


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


def _in_common(this: Features, other: Features) -> list[tuple[str, float, Sequence[str]]]:
    """Each thing that two incidents have in common: what it is, how much it counts, and which values."""
    found: list[tuple[str, float, Sequence[str]]] = []
    for dimension, weight in WEIGHTS.items():
        theirs = other.shared.get(dimension)
        if theirs and (both := [value for value in this.shared.get(dimension, ()) if value in theirs]):
            found.append((dimension.value, weight, both))
    if words := this.words & other.words:
        worth = {word: this.rarity.get(word, 1.0) for word in words}
        # Of the shorter one: a long title that holds every word of a short one is alike.
        part = min(1.0, sum(worth.values()) / max(_FEWEST_WORDS, min(len(this.words), len(other.words))))
        rarest_first = sorted(words, key=lambda word: (-worth[word], word))
        found.append((_WORDS_IN_COMMON, round(_WORDS * part, 3), rarest_first))
    apart = abs((this.at - other.at).total_seconds())
    if found and apart <= RECURRENCE_WINDOW.total_seconds():
        found.append((_TIME, _RECENT, (str(round(apart / 86_400)),)))
        if other.owes:
            found.append((_OWES, _OWED, ()))
    return found


def _sentence(feature: str, values: Sequence[str]) -> str:
    if feature == _TIME:
        days = int(values[0])
        return "on the same day" if not days else f"{days} day{'s' if days > 1 else ''} apart"
    if feature == _OWES:
        return "action items still open"
    if feature == _WORDS_IN_COMMON:
        return f"the words {_named(values[:5])}"
    return f"the same {feature} {_named(values[:3])}"


def _named(values: Sequence[str]) -> str:
    return ", ".join(f"‘{value}’" for value in values)
