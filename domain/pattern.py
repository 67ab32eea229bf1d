"""The pattern library: lessons that people wrote down for the next time, and tags on what happened. Pure rules.

A lesson is short, names the incidents it comes from, and is changed only by somebody who has read what stands there.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from domain.errors import Rejected, RejectionKind
from domain.ids import is_incident_id, suffix_from_text
from domain.model import Model

# A title is read in a list at night; a lesson longer than this is a review.
_LONGEST_TITLE = 200
_LONGEST_BODY = 20_000
_MOST_TAGS = 20
_MOST_INCIDENTS = 100
_TAG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Taggable(StrEnum):
    """What can have tags."""

    INCIDENT = "incident"
    REVIEW = "review"
    LESSON = "lesson"


class LessonText(Model):
    """What somebody writes; `revision` is the one that they read, 0 for a new lesson."""

    title: str
    body: str
    tags: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    revision: int = 0


class Lesson(Model):
    """A lesson as it stands. `by` and `at` are of its last change."""

    id: str
    title: str
    body: str
    tags: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    by: str
    at: datetime
    revision: int
    is_retired: bool = False


def read_lesson(text: LessonText) -> LessonText:
    """The text as it is kept; Rejected with a sentence when it is none."""
    title, body = " ".join(text.title.split()), text.body.strip()
    if not title or not body:
        raise Rejected("a lesson needs a title and a text: what to look for, and what helped")
    if len(title) > _LONGEST_TITLE:
        raise Rejected(f"the title is longer than {_LONGEST_TITLE} characters", RejectionKind.TOO_LARGE)
    if len(body) > _LONGEST_BODY:
        raise Rejected(f"the text is longer than {_LONGEST_BODY} characters; link to the rest", RejectionKind.TOO_LARGE)
    for incident in text.incidents:
        if not is_incident_id(incident):
            raise Rejected(f"{incident[:80]!r} is no incident; an id looks like inc-20261122-k7qd")
    if len(text.incidents) > _MOST_INCIDENTS:
        raise Rejected(f"a lesson names at most {_MOST_INCIDENTS} incidents")
    return text.model_copy(update={"title": title, "body": body, "tags": read_tags(text.tags)})


def read_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags in their one spelling: lower case, dashes for blanks; Rejected when one is no tag."""
    found = dict.fromkeys("-".join(tag.casefold().split()) for tag in tags if tag.strip())
    for tag in found:
        if not _TAG.fullmatch(tag):
            raise Rejected(f"{tag[:60]!r} is no tag; write letters, digits and dashes, such as connection-pool")
    if len(found) > _MOST_TAGS:
        raise Rejected(f"at most {_MOST_TAGS} tags; fewer are found better")
    return tuple(sorted(found))


def lesson_id(text: LessonText, by: str, key: str) -> str:
    """An id that the same request with the same key gets again."""
    slug = "-".join(re.findall(r"[a-z0-9]+", text.title.casefold())[:6])[:48].strip("-") or "lesson"
    return f"{slug}-{suffix_from_text(f'{by}/{key}/{text.title}')}"
