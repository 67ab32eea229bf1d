"""Linear, GraphQL. Users are e-mail addresses.

The one thing to know: Linear takes an id of ours for a new issue and refuses it a second time, so an issue cannot be
created twice; the id is made from the item and the attempt.
"""

import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date, datetime
from typing import Any

from activities.actions.ports import HttpAnswer, HttpCall, HttpCaller
from activities.clients.trackers.rest import Rest, moment, pause_of
from activities.trackers.ports import ChangedIssue, Draft, item_in
from domain.errors import Rejected, RejectionKind, Transient
from domain.tracker import Issue, IssueComment, IssueField, IssueFields, IssueState
from domain.tracker_settings import LinearTracker

_ISSUE = "id identifier url description dueDate updatedAt state { id name type } assignee { id email }"
_READ = f"query($id: String!) {{ issue(id: $id) {{ {_ISSUE} }} }}"
_CREATE = f"mutation($input: IssueCreateInput!) {{ issueCreate(input: $input) {{ success issue {{ {_ISSUE} }} }} }}"
_UPDATE = (
    "mutation($id: String!, $input: IssueUpdateInput!) "
    f"{{ issueUpdate(id: $id, input: $input) {{ success issue {{ {_ISSUE} }} }} }}"
)
_COMMENT = "mutation($input: CommentCreateInput!) { commentCreate(input: $input) { success } }"
_COMMENTS = (
    "query($id: String!, $after: String) { issue(id: $id) { comments(first: 50, after: $after) "
    "{ nodes { id body createdAt user { displayName } } pageInfo { hasNextPage endCursor } } } }"
)
_CHANGED = (
    "query($filter: IssueFilter, $after: String) { issues(filter: $filter, first: 50, after: $after, "
    "orderBy: updatedAt) { nodes { id description updatedAt } pageInfo { hasNextPage endCursor } } }"
)
_USERS = "query($filter: UserFilter) { users(filter: $filter, first: 1) { nodes { id } } }"
_STATES = "query($id: String!) { team(id: $id) { states { nodes { id name type position } } } }"
_TYPES = {
    "triage": IssueState.OPEN,
    "backlog": IssueState.OPEN,
    "unstarted": IssueState.OPEN,
    "started": IssueState.IN_PROGRESS,
    "completed": IssueState.DONE,
    "canceled": IssueState.NOT_PLANNED,
}
# Which type of state is set for each of ours.
_WANTED = {
    IssueState.OPEN: "unstarted",
    IssueState.IN_PROGRESS: "started",
    IssueState.DONE: "completed",
    IssueState.NOT_PLANNED: "canceled",
}
_MOST_PAGES = 50


class LinearIssues:
    """Implements `TrackerClient`."""

    knows_progress = True
    finds_at_once = True

    def __init__(self, settings: LinearTracker, token: Callable[[], str], http: HttpCaller) -> None:
        self._settings = settings

        def headers() -> dict[str, str]:
            secret = token()
            # A personal key goes as it is, a token of an application as a bearer.
            return {"Authorization": secret if secret.startswith("lin_api_") else f"Bearer {secret}"}

        self._rest = Rest(_SpeaksGraphql(http), settings.url, headers, "Linear")
        self._user_ids: dict[str, str] = {}
        self._state_ids: dict[str, str] = {}

    async def find(self, draft: Draft) -> Issue | None:
        """By the id that it was to get."""
        try:
            return await self.read(issue_id(draft.item_id, draft.attempt))
        except Rejected as error:
            if error.kind is RejectionKind.NOT_FOUND:
                return None
            raise

    async def create(self, draft: Draft) -> Issue:
        """Create it under our id."""
        given: dict[str, Any] = {
            "id": issue_id(draft.item_id, draft.attempt),
            "teamId": self._settings.team,
            "title": draft.title,
            "description": draft.text,
        }
        if draft.fields.due_on:
            given["dueDate"] = draft.fields.due_on.isoformat()
        if draft.fields.assignee:
            given["assigneeId"] = await self._user_id(draft.fields.assignee)
        made = await self._ask(_CREATE, {"input": given}, creates=True)
        return _issue(made["issueCreate"]["issue"])

    async def read(self, key: str) -> Issue:
        """By id or identifier (`OPS-12`)."""
        return _issue((await self._ask(_READ, {"id": key}))["issue"])

    async def change(self, issue: Issue, wanted: IssueFields, fields: Sequence[IssueField]) -> Issue:
        """One mutation."""
        given: dict[str, Any] = {}
        if IssueField.STATE in fields:
            given["stateId"] = await self._state_id(_WANTED[wanted.state])
        if IssueField.ASSIGNEE in fields:
            given["assigneeId"] = await self._user_id(wanted.assignee) if wanted.assignee else None
        if IssueField.DUE in fields:
            given["dueDate"] = wanted.due_on.isoformat() if wanted.due_on else None
        return _issue((await self._ask(_UPDATE, {"id": issue.id, "input": given}))["issueUpdate"]["issue"])

    async def comments(self, issue: Issue, since: datetime | None) -> list[IssueComment]:
        """All of them, page by page."""
        found = [
            IssueComment(
                id=each["id"],
                author=(each.get("user") or {}).get("displayName", "somebody"),
                text=each.get("body") or "",
                at=moment(each["createdAt"]),
            )
            async for each in self._nodes(_COMMENTS, {"id": issue.id}, "issue", "comments")
        ]
        return [each for each in found if since is None or each.at >= since]

    async def say(self, issue: Issue, text: str) -> None:
        """Add a comment."""
        await self._ask(_COMMENT, {"input": {"issueId": issue.id, "body": text}}, creates=True)

    async def changed(self, since: datetime) -> list[ChangedIssue]:
        """The team's, of which those with our marker count."""
        wanted = {
            "team": {"id": {"eq": self._settings.team}},
            "updatedAt": {"gte": since.isoformat()},
            "description": {"contains": "hotwash-item:"},
        }
        found = [
            ChangedIssue(item, moment(each["updatedAt"]))
            async for each in self._nodes(_CHANGED, {"filter": wanted}, "issues")
            if (item := item_in(each.get("description"))) is not None
        ]
        return sorted(found, key=lambda each: each.updated_at)

    async def _nodes(self, query: str, variables: dict[str, Any], *path: str) -> AsyncIterator[dict[str, Any]]:
        after: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._ask(query, {**variables, "after": after})
            for name in path:
                page = page[name]
            for each in page["nodes"]:
                yield each
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    async def _ask(self, query: str, variables: dict[str, Any], *, creates: bool = False) -> dict[str, Any]:
        reply = await self._rest.send("POST", "", {"query": query, "variables": variables}, creates=creates)
        body: dict[str, Any] = reply.body or {}
        if body.get("errors"):
            raise _refusal(body["errors"][0])
        answered: dict[str, Any] = body["data"]
        return answered

    async def _user_id(self, email: str) -> str:
        if email not in self._user_ids:
            nodes = (await self._ask(_USERS, {"filter": {"email": {"eqIgnoreCase": email}}}))["users"]["nodes"]
            if not nodes:
                raise Rejected(f"Linear has no user {email!r}; mend `users` of this tracker in hotwash.yaml")
            self._user_ids[email] = nodes[0]["id"]
        return self._user_ids[email]

    async def _state_id(self, kind: str) -> str:
        if kind not in self._state_ids:
            states = (await self._ask(_STATES, {"id": self._settings.team}))["team"]["states"]["nodes"]
            # Of several states of one type the first on the team's board.
            for each in sorted(states, key=lambda state: -state["position"]):
                self._state_ids[each["type"]] = each["id"]
        if kind not in self._state_ids:
            raise Rejected(f"the Linear team {self._settings.team} has no state of type {kind}")
        return self._state_ids[kind]


class _SpeaksGraphql:
    """Linear says that its limit is reached with status 400; here it becomes what everybody else says."""

    def __init__(self, http: HttpCaller) -> None:
        self._http = http

    async def call(self, call: HttpCall) -> HttpAnswer:
        """Send it, and see what the answer means."""
        answer = await self._http.call(call)
        if "RATELIMITED" in answer.body:
            raise Transient("Linear asks for a pause", pause_of(_in_seconds(answer.headers)))
        if "Entity not found" in answer.body:
            raise Rejected("Linear has none such, or hides it from the token's account", RejectionKind.NOT_FOUND)
        return answer


def _in_seconds(headers: Any) -> dict[str, str]:
    # Linear counts its reset in milliseconds.
    given = dict(headers)
    reset = given.get("x-ratelimit-requests-reset", "")
    return given | (
        {"x-ratelimit-reset": str(int(reset) // 1000), "x-ratelimit-remaining": "0"} if reset.isdigit() else {}
    )


def _refusal(error: dict[str, Any]) -> Rejected:
    extensions = error.get("extensions") or {}
    sentence = extensions.get("userPresentableMessage") or error.get("message", "no reason given")
    kind = RejectionKind.UNAUTHENTICATED if extensions.get("code") == "AUTHENTICATION_ERROR" else RejectionKind.INVALID
    return Rejected(f"Linear refused it: {str(sentence)[:300]}", kind)


def issue_id(item_id: str, attempt: int) -> str:
    """The id of the issue of an item, in the form of a random UUID, which is the one that Linear takes."""
    digest = hashlib.sha256(f"hotwash/{item_id}/{attempt}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _issue(document: dict[str, Any]) -> Issue:
    due = document.get("dueDate")
    return Issue(
        key=document["identifier"],
        id=document["id"],
        url=document["url"],
        fields=IssueFields(
            state=_TYPES.get(document["state"]["type"], IssueState.OPEN),
            assignee=(document.get("assignee") or {}).get("email"),
            due_on=date.fromisoformat(due) if due else None,
        ),
        updated_at=moment(document["updatedAt"]),
        item=item_in(document.get("description")),
    )
