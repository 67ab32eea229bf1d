"""The `trackers:` of hotwash.yaml: where a team keeps its issues, and which items go there.

Used by `domain/configuration.py`. The one thing to know: the first tracker that names one of an item's services, else
its team, else one that takes what is left over.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from domain.model import Model
from domain.names import Name, SecretReference


class TrackerSettings(Model):
    """What all trackers have in common."""

    token: SecretReference
    # What the tracker signs its webhooks with; without it they are refused and the poll alone brings news.
    webhook_secret: SecretReference | None = None
    # Whose items go there.
    services: tuple[Name, ...] = ()
    teams: tuple[Name, ...] = ()
    takes_the_rest: bool = False
    # Person of hotwash.yaml to their name there.
    users: dict[Name, str] = Field(default_factory=dict)
    # The label by which the poll finds what Hotwash has created.
    label: str = Field(default="hotwash", pattern=r"^[A-Za-z0-9_.-]{1,40}$")

    def person(self, user: str | None) -> str | None:
        """Whom of hotwash.yaml a user of the tracker is; `@name` for somebody that nobody there is."""
        if user is None:
            return None
        return next((name for name, known in self.users.items() if known.lower() == user.lower()), f"@{user}")


class GithubTracker(TrackerSettings):
    """GitHub Issues; users are logins."""

    kind: Literal["github"]
    url: str = "https://api.github.com"
    repository: str = Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")


class GitlabTracker(TrackerSettings):
    """GitLab issues; users are usernames."""

    kind: Literal["gitlab"]
    url: str = "https://gitlab.com"
    # Its path (`group/project`) or its number.
    project: str = Field(min_length=1)


class JiraTracker(TrackerSettings):
    """Jira Cloud; users are account ids."""

    kind: Literal["jira"]
    # `https://acme.atlassian.net`
    url: str
    # The account that the API token belongs to.
    email: str
    project: str = Field(pattern=r"^[A-Z][A-Z0-9_]+$")
    issue_type: str = "Task"
    # Resolutions or statuses that mean: it will not be done.
    not_planned: tuple[str, ...] = ("Won't Do", "Won't Fix", "Cancelled", "Canceled", "Declined", "Duplicate")


class LinearTracker(TrackerSettings):
    """Linear; users are e-mail addresses."""

    kind: Literal["linear"]
    url: str = "https://api.linear.app/graphql"
    # The team's id, a UUID.
    team: str = Field(min_length=1)


Tracker = Annotated[GithubTracker | GitlabTracker | JiraTracker | LinearTracker, Field(discriminator="kind")]


def tracker_for(trackers: Mapping[str, Tracker], services: Sequence[str], team: str | None) -> str | None:
    """Which tracker an item goes to; None: to none."""
    for name, tracker in trackers.items():
        if set(services) & set(tracker.services):
            return name
    for name, tracker in trackers.items():
        if team is not None and team in tracker.teams:
            return name
    return next((name for name, tracker in trackers.items() if tracker.takes_the_rest), None)
