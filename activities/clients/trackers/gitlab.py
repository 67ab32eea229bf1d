"""GitLab issues, REST v4. Users are usernames; "not planned" is a label, because a closed issue has no reason.

The one thing to know: issues are named by their number inside the project (`iid`), and assignees by a number that has
to be asked for once per user.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from activities.actions.ports import HttpCaller
from activities.clients.trackers.rest import Rest, moment
from activities.trackers.ports import ChangedIssue, Draft, item_in, item_marker
from domain.errors import Rejected
from domain.tracker import Issue, IssueComment, IssueField, IssueFields, IssueState
from domain.tracker_settings import GitlabTracker

NOT_PLANNED = "not-planned"


class GitlabIssues:
    """Implements `TrackerClient`."""

    knows_progress = False
    finds_at_once = True

    def __init__(self, settings: GitlabTracker, token: Callable[[], str], http: HttpCaller) -> None:
        self._label = settings.label
        self._issues = f"/api/v4/projects/{quote(settings.project, safe='')}/issues"
        self._rest = Rest(http, settings.url, lambda: {"PRIVATE-TOKEN": token()}, f"GitLab ({settings.project})")
        self._user_ids: dict[str, int] = {}

    async def find(self, draft: Draft) -> Issue | None:
        """By its marker in the description; GitLab searches the data themselves."""
        query = {"search": item_marker(draft.item_id), "in": "description", "state": "all", "scope": "all"}
        async for page in self._rest.pages(self._issues, **query, per_page=100):
            for each in page:
                if item_in(each.get("description")) == draft.item_id:
                    return _issue(each)
        return None

    async def create(self, draft: Draft) -> Issue:
        """Create it with label, assignee and due date."""
        body: dict[str, Any] = {"title": draft.title, "description": draft.text, "labels": self._label}
        if draft.fields.due_on:
            body["due_date"] = draft.fields.due_on.isoformat()
        if draft.fields.assignee:
            body["assignee_ids"] = [await self._user_id(draft.fields.assignee)]
        return _issue((await self._rest.send("POST", self._issues, body, creates=True)).body)

    async def read(self, key: str) -> Issue:
        """By its number in the project."""
        return _issue((await self._rest.get(f"{self._issues}/{key.lstrip('#')}")).body)

    async def change(self, issue: Issue, wanted: IssueFields, fields: Sequence[IssueField]) -> Issue:
        """One PUT. Closing what is closed would be refused, so the event depends on what is there."""
        body: dict[str, Any] = {}
        if IssueField.STATE in fields:
            is_ended = issue.fields.state in {IssueState.DONE, IssueState.NOT_PLANNED}
            shall_end = wanted.state in {IssueState.DONE, IssueState.NOT_PLANNED}
            if is_ended != shall_end:
                body["state_event"] = "close" if shall_end else "reopen"
            labels = "add_labels" if wanted.state is IssueState.NOT_PLANNED else "remove_labels"
            body[labels] = NOT_PLANNED
        if IssueField.ASSIGNEE in fields:
            body["assignee_ids"] = [await self._user_id(wanted.assignee)] if wanted.assignee else []
        if IssueField.DUE in fields:
            body["due_date"] = wanted.due_on.isoformat() if wanted.due_on else ""
        return _issue((await self._rest.send("PUT", f"{self._issues}/{issue.id}", body)).body)

    async def comments(self, issue: Issue, since: datetime | None) -> list[IssueComment]:
        """All notes that people wrote; GitLab filters by no time, and its own notes about changes are left out."""
        found = []
        query = {"sort": "asc", "order_by": "created_at", "per_page": 100}
        async for page in self._rest.pages(f"{self._issues}/{issue.id}/notes", **query):
            found += [
                IssueComment(
                    id=str(each["id"]),
                    author=(each.get("author") or {}).get("username", "somebody"),
                    text=each.get("body") or "",
                    at=moment(each["created_at"]),
                )
                for each in page
                if not each.get("system") and (since is None or moment(each["created_at"]) >= since)
            ]
        return found

    async def say(self, issue: Issue, text: str) -> None:
        """Add a note."""
        await self._rest.send("POST", f"{self._issues}/{issue.id}/notes", {"body": text}, creates=True)

    async def changed(self, since: datetime) -> list[ChangedIssue]:
        """Ours, by the time of the last change."""
        query = {"labels": self._label, "state": "all", "scope": "all", "updated_after": since.isoformat()}
        return [
            ChangedIssue(item, moment(each["updated_at"]))
            async for page in self._rest.pages(self._issues, **query, order_by="updated_at", sort="asc", per_page=100)
            for each in page
            if (item := item_in(each.get("description"))) is not None
        ]

    async def _user_id(self, username: str) -> int:
        if username not in self._user_ids:
            found = (await self._rest.get("/api/v4/users", username=username)).body
            if not found:
                raise Rejected(f"GitLab has no user {username!r}; mend `users` of this tracker in hotwash.yaml")
            self._user_ids[username] = int(found[0]["id"])
        return self._user_ids[username]


def _issue(document: dict[str, Any]) -> Issue:
    is_dropped = NOT_PLANNED in (document.get("labels") or [])
    ended = IssueState.NOT_PLANNED if is_dropped else IssueState.DONE
    assignees = document.get("assignees") or []
    due = document.get("due_date")
    return Issue(
        key=f"#{document['iid']}",
        id=str(document["iid"]),
        url=document["web_url"],
        fields=IssueFields(
            state=IssueState.OPEN if document["state"] == "opened" else ended,
            assignee=assignees[0]["username"] if assignees else None,
            due_on=date.fromisoformat(due) if due else None,
        ),
        updated_at=moment(document["updated_at"]),
        item=item_in(document.get("description")),
    )
