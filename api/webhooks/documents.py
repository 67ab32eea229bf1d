"""Reading what senders post: JSON from strangers into clean Python values, or a sentence that says what and where.

Used by the file of every sender. The one thing to know: texts that leave here can be stored and shown anywhere; halves
of characters and NULs, which JSON allows and databases do not, are replaced.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.alert import Alert
from domain.errors import Rejected

# Kept of one text; a stack trace in an annotation fits.
LONGEST_TEXT = 4_000
# Kept of all labels, and of all annotations, of one alert. At JSON's worst of six bytes a character an alert stays
# under 150 kB, so that a chunk (api/webhooks/intake.py) of one alert is still a good payload for the engine.
LONGEST_LABELS = 8_000
LONGEST_ANNOTATIONS = 16_000
# Longer labels exist only by accident; a label is left out rather than cut, because a cut one names something else.
LONGEST_LABEL = 2_000
LONGEST_NAME = 256
LEFT_OUT = "hotwash_left_out"
_CUT = "… (cut)"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one request of a sender says."""

    alerts: tuple[Alert, ...]
    # The labels that the sender grouped by; empty when it does not group.
    groups_by: Mapping[str, str]
    # Alerts that the sender says it left out.
    left_out: int = 0


def json_object(body: bytes, sender: str) -> dict[str, Any]:
    """The body as a JSON object; Rejected when it is something else."""
    if not body.strip():
        raise Rejected(f"the body is empty; {sender} sends a JSON object")
    try:
        document = json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Rejected(f"the body is not UTF-8 text (byte {error.start}), so it is not JSON") from error
    except json.JSONDecodeError as error:
        raise Rejected(f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise Rejected("the body is nested too deeply to be read") from error
    except ValueError as error:
        # A number of thousands of digits.
        raise Rejected("the body holds a number that is too long to be read") from error
    if not isinstance(document, dict):
        raise Rejected(f"the body is {_kind(document)}; {sender} sends a JSON object")
    return document


def objects(value: Any, place: str) -> list[dict[str, Any]]:
    """A list of objects; Rejected names the first place where it is not."""
    if not isinstance(value, list):
        raise Rejected(f"{place} is {_kind(value)}; it must be a list of objects")
    for number, each in enumerate(value):
        if not isinstance(each, dict):
            raise Rejected(f"{place}[{number}] is {_kind(each)}; it must be an object")
    return value


def texts(value: Any, place: str) -> dict[str, str]:
    """An object of texts, cleaned; null is none, numbers and booleans are taken as they are written."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Rejected(f"{place} is {_kind(value)}; it must be an object of texts")
    found = ((clean(name), text(each, f"{place}.{clean(name)[:80]}")) for name, each in value.items())
    return {name: each for name, each in found if each is not None}


def text(value: Any, place: str) -> str | None:
    """A text, cleaned; null is none."""
    match value:
        case None:
            return None
        case str():
            return clean(value)
        case bool() | int() | float():
            return json.dumps(value)
        case _:
            raise Rejected(f"{place} is {_kind(value)}; it must be a text")


def time(value: Any, place: str) -> datetime | None:
    """A time in UTC; none for null, for nothing, and for the year 1, which is how Go writes "never"."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Rejected(f"{place} is {_kind(value)}; it must be a time like 2026-11-22T12:00:00Z")
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise Rejected(f"{place}: {clean(value)[:80]!r} is not a time like 2026-11-22T12:00:00Z") from error
    if found.year == 1:
        return None
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        return None


def count(value: Any, place: str) -> int:
    """A number of things; null is none of them."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Rejected(f"{place} must be a number of alerts, 0 or more")
    # Above this it is not a number of alerts but somebody's joke, which must not make other numbers unreadable.
    return min(value, 1_000_000_000)


def link(value: Any, place: str) -> str | None:
    """A web address that may be shown as a link; anything else that is a text is none."""
    address = text(value, place)
    return address if address and address.startswith(("http://", "https://")) and len(address) <= LONGEST_TEXT else None


def clean(value: str) -> str:
    """The text without what cannot be stored: NULs and halves of characters."""
    return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def digest(labels: Mapping[str, str]) -> str:
    """What identifies an alert whose sender gives it no fingerprint."""
    return hashlib.sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()[:16]


def short_fingerprint(value: str | None, labels: Mapping[str, str]) -> str:
    """The sender's own fingerprint if it is one, else the digest of all labels."""
    if not value:
        return digest(labels)
    # Alertmanager's have 16 characters; a group keeps thousands of them.
    return value if len(value) <= 32 else hashlib.sha256(value.encode()).hexdigest()[:32]  # noqa: PLR2004


def fit(labels: Mapping[str, str], annotations: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What is kept of an alert's texts; an annotation says how many were left out."""
    kept_labels, kept_annotations = {}, {}
    room = LONGEST_LABELS
    for name, value in labels.items():
        if len(name) <= LONGEST_NAME and len(value) <= LONGEST_LABEL and len(name) + len(value) <= room:
            kept_labels[name] = value
            room -= len(name) + len(value)
    room = LONGEST_ANNOTATIONS
    for name, value in annotations.items():
        shortened = value if len(value) <= LONGEST_TEXT else value[: LONGEST_TEXT - len(_CUT)] + _CUT
        if len(name) <= LONGEST_NAME and len(name) + len(shortened) <= room:
            kept_annotations[name] = shortened
            room -= len(name) + len(shortened)
    missing = len(labels) - len(kept_labels), len(annotations) - len(kept_annotations)
    if any(missing):
        kept_annotations[LEFT_OUT] = f"{missing[0]} labels and {missing[1]} annotations were too long and were left out"
    return kept_labels, kept_annotations


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"
