"""What a tracker must be able to do; one client each in `activities/clients/trackers/`, and one contract for all.

The one thing to know: `create` and `say` are the only calls that a repetition would double. They raise Transient only
when surely nothing was sent, and UnknownOutcome when nobody knows; every other call may be repeated.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.tracker import Issue, IssueComment, IssueField, IssueFields
from domain.tracker_settings import Tracker as Settings

# The line by which an issue says whose it is; found again before anything is created a second time.
_ITEM = re.compile(r"hotwash-item:(act-[0-9a-z]{4,12})\b")
_COMMENT = re.compile(r"hotwash-comment:(act-[0-9a-z]{4,12})/(\d{1,9})\b")


def item_marker(item_id: str) -> str:
    """The marker of an issue."""
    return f"hotwash-item:{item_id}"


def item_in(text: str | None) -> str | None:
    """The action item whose marker the text has; None without one."""
    found = _ITEM.search(text or "")
    return found.group(1) if found else None


def comment_marker(item_id: str, number: int) -> str:
    """The marker of a comment of ours."""
    return f"hotwash-comment:{item_id}/{number}"


def own_comment(text: str) -> int | None:
    """The number of a comment of ours; None: a person wrote it."""
    found = _COMMENT.search(text)
    return int(found.group(2)) if found else None


@dataclass(frozen=True, slots=True)
class Draft:
    """An issue as it is created. `fields.assignee` is the tracker's own name of a user."""

    item_id: str
    attempt: int
    title: str
    text: str
    fields: IssueFields
    # The earliest time at which an earlier attempt can have created it.
    since: datetime


@dataclass(frozen=True, slots=True)
class ChangedIssue:
    """One line of the poll."""

    item: str
    updated_at: datetime


class TrackerClient(Protocol):
    """One configured tracker. `assignee` is the tracker's own name of a user, in and out."""

    # Whether it tells "in progress" from "open".
    knows_progress: bool
    # Whether what was just created is found: the search reads the data themselves and no index that lags behind.
    finds_at_once: bool

    async def find(self, draft: Draft) -> Issue | None:
        """The issue that an earlier attempt has created."""

    async def create(self, draft: Draft) -> Issue:
        """Create it."""

    async def read(self, key: str) -> Issue:
        """One issue, by key or id; Rejected (not found) when it is gone."""

    async def change(self, issue: Issue, wanted: IssueFields, fields: Sequence[IssueField]) -> Issue:
        """Set these fields; the issue as it is then. Rejected when it will not take one."""

    async def comments(self, issue: Issue, since: datetime | None) -> list[IssueComment]:
        """The comments from that moment on, oldest first, ours among them."""

    async def say(self, issue: Issue, text: str) -> None:
        """Add a comment."""

    async def changed(self, since: datetime) -> list[ChangedIssue]:
        """The issues of ours that were changed since, the oldest change first."""


class TrackerSource(Protocol):
    """The trackers of hotwash.yaml, as they are now."""

    def client(self, name: str) -> tuple[TrackerClient, Settings]:
        """The tracker of that name; Rejected (not found) when there is none such (any more)."""


class ItemTeller(Protocol):
    """The way to an action item that is under way."""

    async def tell_issue_changed(self, item_id: str, updated_at: datetime) -> bool:
        """Signal it; False when it has ended. Transient when the engine is away."""
