"""The four trackers by name, and the real activities in front of one of them. Used by contract and acceptance tests."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.clients.http import HttpClient
from activities.clients.trackers.configured import ConfiguredTrackers
from activities.trackers.sync import TrackerActivities
from domain.configuration import Configuration
from domain.tracker import IssueFields, IssueState, TrackerLink, TrackerSyncRequest, TrackerSyncResult
from tests.support.ledger import Ledger
from tests.support.trackers.github import GithubServer
from tests.support.trackers.gitlab import GitlabServer
from tests.support.trackers.jira import JiraServer
from tests.support.trackers.linear import LinearServer
from tests.support.trackers.server import TrackerServer

SERVERS: Mapping[str, type[TrackerServer]] = {
    each.kind: each for each in (GithubServer, GitlabServer, JiraServer, LinearServer)
}


def configuration_of(server: TrackerServer, token: str = "env:TOKEN") -> Configuration:
    """A hotwash.yaml with this tracker, called `issues`, for two people."""
    entry = server.settings() | {
        "token": token,
        "webhook_secret": "env:WEBHOOK",
        "takes_the_rest": True,
        "users": {"alice": server.alice, "bob": server.bob},
    }
    people = {name: {"name": name} for name in ("alice", "bob", "mona")}
    return Configuration.model_validate({"people": people, "trackers": {"issues": entry}})


class Fixed:
    """A configuration that does not change, and the secrets of a tracker."""

    def __init__(self, server: TrackerServer) -> None:
        self.configuration = configuration_of(server)
        self.secrets = {"env:TOKEN": server.token, "env:WEBHOOK": server.webhook_secret}

    def current(self) -> Configuration:
        """As `ConfigurationSource`."""
        return self.configuration

    def resolve(self, reference: str) -> str:
        """As `SecretResolver`."""
        return self.secrets[reference]


@dataclass
class Told:
    """The items that a poll has told, as `ItemTeller`."""

    items: list[str] = field(default_factory=list)

    async def tell_issue_changed(self, item_id: str, _: datetime) -> bool:
        """Keep it."""
        self.items.append(item_id)
        return True


@dataclass
class Keeper:
    """The activities in front of one tracker, and an item that is kept there."""

    server: TrackerServer
    fixed: Fixed
    told: Told
    activities: TrackerActivities
    link: TrackerLink = field(default_factory=lambda: TrackerLink(tracker="issues"))
    ours: IssueFields = field(
        default_factory=lambda: IssueFields(state=IssueState.OPEN, assignee="alice", due_on=date(2027, 1, 29))
    )

    async def look(self, attempt: int = 1, **fields: Any) -> TrackerSyncResult:
        """One look, as the workflow asks for it."""
        return await self.in_attempt(attempt).run(self.activities.sync, self.request(**fields))

    def request(self, **fields: Any) -> TrackerSyncRequest:
        """The question."""
        given: dict[str, Any] = {
            "item_id": "act-7k2m9q", "incident_id": "inc-20261122-k7qd", "link": self.link, "ours": self.ours,
            "title": "Probe the checkout", "done_when": "a probe alerts within a minute",
        }  # fmt: skip
        return TrackerSyncRequest(**(given | fields))

    def in_attempt(self, attempt: int) -> ActivityEnvironment:
        """The engine's word on which attempt it is."""
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, attempt=attempt)
        return environment

    def accept(self, result: TrackerSyncResult) -> None:
        """What the item does with an answer: both sides are as they were seen together."""
        self.link = self.link.model_copy(
            update={
                "id": result.issue.id, "key": result.issue.key, "ours_then": self.ours,
                "theirs_then": result.issue.fields, "version": result.issue.updated_at, "outbox": (),
                "comments_until": max((c.at for c in result.comments), default=self.link.comments_until),
                "comments_seen": (*self.link.comments_seen, *(c.id for c in result.comments)),
            }
        )  # fmt: skip

    async def created(self) -> TrackerSyncResult:
        """The first look, accepted."""
        result = await self.look()
        self.accept(result)
        return result


@asynccontextmanager
async def keeping(server: TrackerServer) -> AsyncIterator[Keeper]:
    """The real clients over real HTTP; only the ledger is in memory."""
    fixed, told = Fixed(server), Told()
    async with HttpClient() as http:
        trackers = ConfiguredTrackers(fixed, fixed, http)
        yield Keeper(server, fixed, told, TrackerActivities(trackers, Ledger(), fixed, told))
