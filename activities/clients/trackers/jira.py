"""Jira Cloud, REST v3: documents instead of text, transitions instead of states. Users are account ids.

The one thing to know: Jira's search lags behind by seconds or minutes, so an issue that is not found may be there all
the same; then a person is asked and nothing is created twice.
"""

import base64
import math
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from activities.actions.ports import HttpCaller
from activities.clients.trackers.rest import Rest, moment
from activities.trackers.ports import ChangedIssue, Draft
from domain.errors import Rejected
from domain.tracker import Issue, IssueComment, IssueField, IssueFields, IssueState
from domain.tracker_settings import JiraTracker

_FIELDS = ["summary", "status", "resolution", "assignee", "duedate", "updated", "labels"]
_CATEGORIES = {"new": IssueState.OPEN, "undefined": IssueState.OPEN, "indeterminate": IssueState.IN_PROGRESS}
_PAGE = 100
_MOST_PAGES = 50


class JiraIssues:
    """Implements `TrackerClient`."""

    knows_progress = True
    finds_at_once = False

    def __init__(self, settings: JiraTracker, token: Callable[[], str], http: HttpCaller) -> None:
        self._settings = settings
        self._site = settings.url.rstrip("/")

        def headers() -> dict[str, str]:
            basic = base64.b64encode(f"{settings.email}:{token()}".encode()).decode()
            return {"Authorization": f"Basic {basic}"}

        self._rest = Rest(http, settings.url, headers, f"Jira ({settings.project})")

    async def find(self, draft: Draft) -> Issue | None:
        """By the label that only this item's issue has."""
        async for each in self._search(
            f'project = "{self._settings.project}" AND labels = "{self._own(draft.item_id)}"'
        ):
            return self._issue(each)
        return None

    async def create(self, draft: Draft) -> Issue:
        """Create it, and read it, because Jira answers with its key only."""
        fields: dict[str, Any] = {
            "project": {"key": self._settings.project},
            "issuetype": {"name": self._settings.issue_type},
            "summary": draft.title[:255],
            "description": document_of(draft.text),
            "labels": [self._settings.label, self._own(draft.item_id)],
        }
        if draft.fields.due_on:
            fields["duedate"] = draft.fields.due_on.isoformat()
        if draft.fields.assignee:
            fields["assignee"] = {"accountId": draft.fields.assignee}
        made = (await self._rest.send("POST", "/rest/api/3/issue", {"fields": fields}, creates=True)).body
        return await self.read(made["key"])

    async def read(self, key: str) -> Issue:
        """By key or id."""
        return self._issue((await self._rest.get(f"/rest/api/3/issue/{key}", fields=",".join(_FIELDS))).body)

    async def change(self, issue: Issue, wanted: IssueFields, fields: Sequence[IssueField]) -> Issue:
        """Fields by PUT, the state by the transition that leads there from where the issue is."""
        put: dict[str, Any] = {}
        if IssueField.ASSIGNEE in fields:
            put["assignee"] = {"accountId": wanted.assignee} if wanted.assignee else None
        if IssueField.DUE in fields:
            put["duedate"] = wanted.due_on.isoformat() if wanted.due_on else None
        if put:
            await self._rest.send("PUT", f"/rest/api/3/issue/{issue.key}", {"fields": put})
        if IssueField.STATE in fields:
            await self._move(issue, wanted.state)
        return await self.read(issue.key)

    async def comments(self, issue: Issue, since: datetime | None) -> list[IssueComment]:
        """All of them, page by page."""
        found: list[IssueComment] = []
        for number in range(_MOST_PAGES):
            path = f"/rest/api/3/issue/{issue.key}/comment"
            page = (await self._rest.get(path, startAt=number * _PAGE, maxResults=_PAGE, orderBy="created")).body
            found += [
                IssueComment(
                    id=str(each["id"]),
                    author=(each.get("author") or {}).get("displayName", "somebody"),
                    text=text_of(each.get("body")),
                    at=moment(each["created"]),
                )
                for each in page["comments"]
            ]
            if (number + 1) * _PAGE >= page["total"]:
                break
        return [each for each in found if since is None or each.at >= since]

    async def say(self, issue: Issue, text: str) -> None:
        """Add a comment."""
        body = {"body": document_of(text)}
        await self._rest.send("POST", f"/rest/api/3/issue/{issue.key}/comment", body, creates=True)

    async def changed(self, since: datetime) -> list[ChangedIssue]:
        """Ours; JQL knows whole minutes in the account's time zone, so it is asked in minutes from now."""
        minutes = math.ceil((datetime.now(UTC) - since).total_seconds() / 60) + 1
        query = (
            f'project = "{self._settings.project}" AND labels = "{self._settings.label}" AND updated >= "-{minutes}m"'
        )
        prefix = self._own("")
        found = []
        async for each in self._search(f"{query} ORDER BY updated ASC"):
            own = next((label for label in each["fields"].get("labels", []) if label.startswith(prefix)), None)
            if own is not None:
                found.append(ChangedIssue(own.removeprefix(prefix), moment(each["fields"]["updated"])))
        return found

    async def _search(self, jql: str) -> AsyncIterator[dict[str, Any]]:
        following: str | None = None
        for _ in range(_MOST_PAGES):
            body = {"jql": jql, "fields": _FIELDS, "maxResults": _PAGE}
            if following is not None:
                body["nextPageToken"] = following
            page = (await self._rest.send("POST", "/rest/api/3/search/jql", body)).body
            for each in page.get("issues", []):
                yield each
            following = page.get("nextPageToken")
            if following is None:
                return

    async def _move(self, issue: Issue, wanted: IssueState) -> None:
        transitions = (await self._rest.get(f"/rest/api/3/issue/{issue.key}/transitions")).body["transitions"]
        fitting = [each for each in transitions if self._leads_to(each["to"], wanted)]
        if not fitting and wanted is IssueState.NOT_PLANNED:
            fitting = [each for each in transitions if self._leads_to(each["to"], IssueState.DONE)]
        if not fitting:
            names = ", ".join(each["name"] for each in transitions) or "none"
            raise Rejected(f"{issue.key} has no transition to {wanted.value} from where it is; there are: {names}")
        path = f"/rest/api/3/issue/{issue.key}/transitions"
        await self._rest.send("POST", path, {"transition": {"id": fitting[0]["id"]}})

    def _leads_to(self, status: dict[str, Any], wanted: IssueState) -> bool:
        return self._state(status, None) is wanted

    def _state(self, status: dict[str, Any], resolution: str | None) -> IssueState:
        category = status["statusCategory"]["key"]
        if category in _CATEGORIES:
            return _CATEGORIES[category]
        is_dropped = {status["name"], resolution} & set(self._settings.not_planned)
        return IssueState.NOT_PLANNED if is_dropped else IssueState.DONE

    def _issue(self, document: dict[str, Any]) -> Issue:
        fields = document["fields"]
        prefix = self._own("")
        own = next((label for label in fields.get("labels", []) if label.startswith(prefix)), None)
        due = fields.get("duedate")
        return Issue(
            key=document["key"],
            id=str(document["id"]),
            url=f"{self._site}/browse/{document['key']}",
            fields=IssueFields(
                state=self._state(fields["status"], (fields.get("resolution") or {}).get("name")),
                assignee=(fields.get("assignee") or {}).get("accountId"),
                due_on=date.fromisoformat(due) if due else None,
            ),
            updated_at=moment(fields["updated"]),
            item=own.removeprefix(prefix) if own else None,
        )

    def _own(self, item_id: str) -> str:
        return f"{self._settings.label}-item-{item_id}"


def document_of(text: str) -> dict[str, Any]:
    """Plain text as an Atlassian document: a paragraph per block, a break per line."""
    paragraphs = []
    for block in (each for each in text.split("\n\n") if each.strip()):
        content: list[dict[str, Any]] = []
        for line in block.split("\n"):
            if content:
                content.append({"type": "hardBreak"})
            if line:
                content.append({"type": "text", "text": line})
        paragraphs.append({"type": "paragraph", "content": content})
    return {"type": "doc", "version": 1, "content": paragraphs}


def text_of(node: Any) -> str:
    """The text of an Atlassian document; what is no text (a picture, a table's frame) is left out."""
    if isinstance(node, str):
        return node
    if not isinstance(node, dict):
        return ""
    if node.get("type") == "text":
        return str(node.get("text", ""))
    if node.get("type") == "hardBreak":
        return "\n"
    inner = "".join(text_of(each) for each in node.get("content", []))
    return f"{inner}\n\n" if node.get("type") in {"paragraph", "heading"} else inner
