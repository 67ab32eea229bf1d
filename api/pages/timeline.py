"""How loud a line of the timeline is, and which lines are shown first. Used by the incident room.

The one thing to know: only what went well can be quiet. A receipt is bookkeeping when every delivery arrived; whatever
failed, is pending or unknown always stays in view.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.message import DeliveryStatus
from domain.timeline import ActorKind, EntryKind


class Loudness(StrEnum):
    """How a line is set."""

    # A turn of the story: a person decided, the incident changed, something is wrong.
    LOUD = "loud"
    PLAIN = "plain"
    # Bookkeeping: shown only when everything is asked for.
    QUIET = "quiet"


_TURNS = frozenset(
    {
        EntryKind.DECLARED,
        EntryKind.STATUS,
        EntryKind.SEVERITY,
        EntryKind.IMPACT,
        EntryKind.ROLE,
        EntryKind.ACKNOWLEDGED,
        EntryKind.APPROVAL,
        EntryKind.DECISION,
        EntryKind.TROUBLE,
    }
)
# Withheld on purpose (a drill) is as uneventful as delivered.
_UNEVENTFUL = frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.WITHHELD})


@dataclass(frozen=True, slots=True)
class Telling:
    """The lines to show, newest first, and how many were left out."""

    lines: list[dict[str, Any]]
    left_out: int


def telling(entries: Sequence[Mapping[str, Any]], *, everything: bool) -> Telling:
    """Entries as lines; the quiet ones only when everything is asked for."""
    lines = [{**each, "loudness": loudness(each).value} for each in entries]
    lines.sort(key=lambda line: (line["at"], line["seq"]), reverse=True)
    shown = [line for line in lines if everything or line["loudness"] != Loudness.QUIET]
    return Telling(shown, len(lines) - len(shown))


def loudness(entry: Mapping[str, Any]) -> Loudness:
    """How loud one entry is."""
    if entry["kind"] == EntryKind.TROUBLE:
        return Loudness.LOUD
    deliveries = entry["details"].get("deliveries")
    if deliveries:
        return Loudness.QUIET if all(each["status"] in _UNEVENTFUL for each in deliveries) else Loudness.LOUD
    if entry["kind"] in _TURNS:
        return Loudness.LOUD
    # An update that a person wrote is a turn; a notice from a template is not.
    by_person = entry["actor"]["kind"] == ActorKind.PERSON
    return Loudness.LOUD if by_person and entry["kind"] == EntryKind.UPDATE else Loudness.PLAIN
