"""GitHub Issues, REST v3 (2022-11-28). Users are logins; the due date is a line of the text, because there is no field.

The one thing to know: the search index of GitHub lags, so what an earlier attempt created is looked for in the list of
issues with our label, which does not.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from activities.actions.ports import HttpCaller
from activities.clients.trackers.rest import Rest, moment
from activities.trackers.ports import ChangedIssue, Draft, item_in
from domain.tracker import Issue, IssueComment, IssueField, IssueFields, IssueState
from domain.tracker_settings import GithubTracker

_DUE = re.compile(r"^Due: *(\d{4}-\d{2}-\d{2}|none)[ \t]*$", re.MULTILINE)


class GithubIssues:
    """Implements `TrackerClient`."""

    knows_progress = False
    finds_at_once = True

    def __init__(self, settings: GithubTracker, token: Callable[[], str], http: HttpCaller) -> None:
        self._label = settings.label
        self._issues = f"/repos/{settings.repository}/issues"
        self._rest = Rest(
            http,
            settings.url,
            lambda: {
                "Authorization": f"Bearer {token()}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            f"GitHub ({settings.repository})",
        )

    async def find(self, draft: Draft) -> Issue | None:
        """In the list of our issues, the newest first."""
        query = {"state": "all", "labels": self._label, "since": _iso(draft.since), "per_page": 100}
        async for page in self._rest.pages(self._issues, **query, sort="created", direction="desc"):
            for each in page:
                if "pull_request" not in each and item_in(each.get("body")) == draft.item_id:
                    return _issue(each)
        return None

    async def create(self, draft: Draft) -> Issue:
        """Create it with label, assignee and due date."""
        body: dict[str, Any] = {
            "title": draft.title,
            "body": _with_due(draft.text, draft.fields.due_on),
            "labels": [self._label],
        }
        if draft.fields.assignee:
            body["assignees"] = [draft.fields.assignee]
        return _issue((await self._rest.send("POST", self._issues, body, creates=True)).body)

    async def read(self, key: str) -> Issue:
        """By number."""
        return _issue((await self._rest.get(f"{self._issues}/{key.lstrip('#')}")).body)

    async def change(self, issue: Issue, wanted: IssueFields, fields: Sequence[IssueField]) -> Issue:
        """One PATCH; the text is read again first when the due date changes, so that nobody's edit is lost."""
        body: dict[str, Any] = {}
        if IssueField.STATE in fields:
            body |= _STATES[wanted.state]
        if IssueField.ASSIGNEE in fields:
            body["assignees"] = [wanted.assignee] if wanted.assignee else []
        if IssueField.DUE in fields:
            current = (await self._rest.get(f"{self._issues}/{issue.id}")).body
            body["body"] = _with_due(current.get("body") or "", wanted.due_on)
        return _issue((await self._rest.send("PATCH", f"{self._issues}/{issue.id}", body)).body)

    async def comments(self, issue: Issue, since: datetime | None) -> list[IssueComment]:
        """By the time of their last change, which is the only one that GitHub filters by."""
        found = []
        query = {"since": _iso(since) if since else None, "per_page": 100}
        async for page in self._rest.pages(f"{self._issues}/{issue.id}/comments", **query):
            found += [
                IssueComment(
                    id=str(each["id"]),
                    author=(each.get("user") or {}).get("login", "somebody"),
                    text=each.get("body") or "",
                    at=moment(each["created_at"]),
                )
                for each in page
            ]
        return found

    async def say(self, issue: Issue, text: str) -> None:
        """Add a comment."""
        await self._rest.send("POST", f"{self._issues}/{issue.id}/comments", {"body": text}, creates=True)

    async def changed(self, since: datetime) -> list[ChangedIssue]:
        """Ours, by the time of the last change."""
        query = {"state": "all", "labels": self._label, "since": _iso(since), "per_page": 100}
        return [
            ChangedIssue(item, moment(each["updated_at"]))
            async for page in self._rest.pages(self._issues, **query, sort="updated", direction="asc")
            for each in page
            if (item := item_in(each.get("body"))) is not None
        ]


_STATES = {
    IssueState.OPEN: {"state": "open"},
    IssueState.IN_PROGRESS: {"state": "open"},
    IssueState.DONE: {"state": "closed", "state_reason": "completed"},
    IssueState.NOT_PLANNED: {"state": "closed", "state_reason": "not_planned"},
}


def _issue(document: dict[str, Any]) -> Issue:
    text = document.get("body") or ""
    is_open = document["state"] == "open"
    is_dropped = document.get("state_reason") in {"not_planned", "duplicate"}
    ended = IssueState.NOT_PLANNED if is_dropped else IssueState.DONE
    found = _DUE.search(text)
    assignees = document.get("assignees") or []
    return Issue(
        key=f"#{document['number']}",
        id=str(document["number"]),
        url=document["html_url"],
        fields=IssueFields(
            state=IssueState.OPEN if is_open else ended,
            assignee=assignees[0]["login"] if assignees else None,
            due_on=_day(found.group(1)) if found else None,
        ),
        updated_at=moment(document["updated_at"]),
        item=item_in(text),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        # `none`, or a day that no calendar has.
        return None


def _with_due(text: str, due_on: date | None) -> str:
    line = f"Due: {due_on or 'none'}"
    return _DUE.sub(line, text, count=1) if _DUE.search(text) else f"{line}\n{text}"


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
