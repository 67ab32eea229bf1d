"""An action item's issue in the team's own tracker, and who wins when both sides were changed.

Called by `domain/action_item_tracking.py` and `activities/trackers/`. Pure. The one thing to know: each side is
compared with what it was when both were last seen together, so that our own change, coming back, is no change (the echo
guard), and of two real changes to one field the later one wins. A due date never moves later by way of the tracker.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum

from pydantic import Field

from domain.model import Model


class IssueState(StrEnum):
    """What every tracker can be asked about; some know no difference between open and in progress."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    NOT_PLANNED = "not_planned"


class IssueField(StrEnum):
    """What is kept alike on both sides."""

    STATE = "state"
    ASSIGNEE = "assignee"
    DUE = "due_on"


class IssueFields(Model):
    """The fields of one side. `assignee` is a person of hotwash.yaml, or `@name` for a user that nobody there has."""

    state: IssueState
    assignee: str | None = None
    due_on: date | None = None

    def of(self, field: IssueField) -> str | None:
        """One field as text."""
        value = getattr(self, field.value)
        return None if value is None else str(value)


class Issue(Model):
    """An issue as its tracker shows it now."""

    # What people call it: `#12`, `OPS-12`; and what the API wants.
    key: str
    id: str
    url: str
    fields: IssueFields
    updated_at: datetime
    # The action item that its marker names.
    item: str | None = None


class IssueComment(Model):
    """A comment that somebody wrote in the tracker."""

    id: str
    author: str
    text: str
    at: datetime


class OutgoingComment(Model):
    """A comment of ours on its way; the number is its marker."""

    number: int
    text: str


class Drift(Model):
    """Both sides differ, and will until somebody acts."""

    field: IssueField
    ours: str | None
    theirs: str | None
    because: str


class TrackerLink(Model):
    """What an action item knows of its issue."""

    tracker: str
    key: str | None = None
    id: str | None = None
    url: str | None = None
    # Both sides when they were last seen together.
    ours_then: IssueFields | None = None
    theirs_then: IssueFields | None = None
    version: datetime | None = None
    synced_at: datetime | None = None
    # How often somebody said that the issue is to be looked at, and up to which of these it was.
    asks: int = 1
    answered: int = 0
    drift: tuple[Drift, ...] = ()
    problem: str | None = None
    # Nobody knows whether the issue was created: a person looks.
    in_doubt: bool = False
    # Rises when a person says that it was not created after all; part of the key under which it is created once.
    attempt: int = 1
    comments_sent: int = 0
    outbox: tuple[OutgoingComment, ...] = ()
    comments_until: datetime | None = None
    comments_seen: tuple[str, ...] = ()


class TrackerSyncStart(Model):
    """The input of the `TrackerSync` workflow `tracker-sync/<tracker>`."""

    tracker: str
    # From where the poll goes on; None: from the start of the workflow.
    since: datetime | None = None
    # Webhooks bring news at once; this is how old it may be without them.
    every: timedelta = timedelta(minutes=5)


class Merge(Model):
    """What is to be done about each field."""

    push: tuple[IssueField, ...] = ()
    take: tuple[IssueField, ...] = ()


def merge(
    link: TrackerLink, ours: IssueFields, theirs: IssueFields, ours_at: Mapping[str, datetime], theirs_at: datetime
) -> Merge:
    """Which fields go to the tracker and which come from it; `ours_at` is when somebody last changed a field here."""
    push: list[IssueField] = []
    take: list[IssueField] = []
    for field in IssueField:
        mine, other = ours.of(field), theirs.of(field)
        if mine == other:
            continue
        if link.ours_then is None or link.theirs_then is None:
            # A new issue is what we made it; one that a person linked is brought in line with the item.
            push.append(field)
            continue
        here, there = mine != link.ours_then.of(field), other != link.theirs_then.of(field)
        changed_here = ours_at.get(field.value)
        if here and there:
            is_theirs = changed_here is None or theirs_at > changed_here
            (take if is_theirs else push).append(field)
        elif here:
            push.append(field)
        elif there:
            take.append(field)
    return Merge(push=tuple(push), take=tuple(take))


class TrackerSyncRequest(Model):
    """One look at an issue: find or create it, tell it what changed here, hear what changed there."""

    item_id: str
    incident_id: str
    link: TrackerLink
    ours: IssueFields
    ours_at: dict[str, datetime] = Field(default_factory=dict)
    title: str
    done_when: str
    drill: bool = False


class TrackerSyncResult(Model):
    """What the look found. `taken` are the fields that were changed there and hold from now on, if the item agrees."""

    issue: Issue
    taken: tuple[IssueField, ...] = ()
    # Comments of ours that are there now, and people's that are new to us.
    sent: tuple[int, ...] = ()
    comments: tuple[IssueComment, ...] = ()
    # Why a field could not be told to the tracker.
    unsaid: dict[str, str] = Field(default_factory=dict)
    # Things that are not errors and that a person should know.
    created: bool = False
