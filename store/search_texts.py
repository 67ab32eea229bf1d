"""What a search finds of each thing: pure functions from entries and pictures to a title and a body.

Called by `store/deriving.py` while things are saved.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.record import NumberedEntry, Projection, ProjectionKind
from domain.search import Found
from store.columns import microseconds, storable

# A review runs to some thousand words; what stands beyond this is found in the review itself.
_LONGEST_BODY = 40_000
_LONGEST_TITLE = 500


@dataclass(frozen=True, slots=True)
class SearchText:
    """One thing that can be found."""

    kind: Found
    thing_id: str
    incident_id: str | None
    at: int | None
    title: str
    body: str

    @property
    def digest(self) -> str:
        """Changes when the words do."""
        return hashlib.blake2b(f"{self.title}\0{self.body}".encode(), digest_size=12).hexdigest()


def text_of_picture(picture: Projection) -> SearchText | None:
    """What is found of a picture; None for kinds that are not searched."""
    known = _KINDS.get(picture.kind)
    return known(picture) if known else None


def text_of_entry(numbered: NumberedEntry, seq: int) -> SearchText | None:
    """What is found of a line of an incident's timeline."""
    if numbered.incident_id is None:
        return None
    entry = numbered.entry
    body = f"{entry.kind.value.replace('_', ' ')} by {entry.actor.name}"
    return text(
        Found.ENTRY, f"{numbered.incident_id}#{seq}", numbered.incident_id, microseconds(entry.at), entry.summary, body
    )


def text(kind: Found, thing_id: str, incident_id: str | None, at: int | None, title: str, *parts: object) -> SearchText:
    """Title and body in a form that both databases take."""
    body = "\n".join(part for part in parts if isinstance(part, str) and part)
    return SearchText(kind, thing_id, incident_id, at, storable(title)[:_LONGEST_TITLE], storable(body)[:_LONGEST_BODY])


def _incident(picture: Projection) -> SearchText:
    d = picture.document
    impact, roles = d.get("impact"), d.get("roles")
    people = [str(name) for name in roles.values()] if isinstance(roles, dict) else []
    return text(
        Found.INCIDENT, picture.id, picture.id, _at(d, "declared_at"), _string(d, "title"),
        d.get("summary"), impact.get("summary") if isinstance(impact, dict) else None,
        " ".join([picture.id, *_strings(d, "services"), *people]),
    )  # fmt: skip


def _review(picture: Projection) -> SearchText:
    d = picture.document
    findings = [each.get("text") for each in d.get("findings") or () if isinstance(each, dict)]
    incident_id = _string(d, "incident_id") or picture.id
    return text(
        Found.REVIEW, picture.id, incident_id, _at(d, "due_at"), _string(d, "title") or incident_id,
        *findings, d.get("markdown"), " ".join([picture.id, _string(d, "owner")]),
    )  # fmt: skip


def _action_item(picture: Projection) -> SearchText:
    d = picture.document
    evidence = [each.get("text") for each in d.get("evidence") or () if isinstance(each, dict)]
    return text(
        Found.ACTION_ITEM, picture.id, _string(d, "incident_id") or picture.incident_id, _at(d, "created_at"),
        _string(d, "title"), d.get("done_when"), d.get("dropped_because"), *evidence,
        " ".join([picture.id, _string(d, "owner"), _string(d, "incident_id")]),
    )  # fmt: skip


_KINDS: dict[ProjectionKind, Callable[[Projection], SearchText]] = {
    ProjectionKind.INCIDENT: _incident,
    ProjectionKind.REVIEW: _review,
    ProjectionKind.ACTION_ITEM: _action_item,
}


def _string(document: dict[str, Any], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _strings(document: dict[str, Any], key: str) -> list[str]:
    values = document.get(key)
    return [value for value in values if isinstance(value, str)] if isinstance(values, (list, tuple)) else []


def _at(document: dict[str, Any], key: str) -> int | None:
    try:
        return microseconds(datetime.fromisoformat(_string(document, key)))
    except ValueError:
        return None
