"""Jira Cloud as its REST API v3 has it: basic auth, documents, transitions, a search that lags and pages by token."""

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.support.trackers.server import Answer, Asked, Held, Refused, TrackerServer, numbered

_EMAIL = "hotwash@acme.invalid"
_STATUSES = {
    "open": ("To Do", "new"), "in_progress": ("In Progress", "indeterminate"), "done": ("Done", "done"),
    "not_planned": ("Won't Do", "done"),
}  # fmt: skip
_IDS = {"open": "11", "in_progress": "21", "done": "31", "not_planned": "41"}


class JiraServer(TrackerServer):
    """See the module. `is_indexed` False: the search does not find what was created since."""

    kind = "jira"
    alice, bob = "acc-alice", "acc-bob"

    def __init__(self) -> None:
        super().__init__()
        self.is_indexed = True
        # States that no transition leads to.
        self.closed_ways: set[str] = set()

    def settings(self) -> dict[str, Any]:
        """A project of a site."""
        return {"kind": "jira", "url": self.url, "email": _EMAIL, "project": "OPS"}

    def authenticate(self, asked: Asked) -> None:
        """The account and its API token."""
        wanted = base64.b64encode(f"{_EMAIL}:{self.token}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {wanted}":
            raise Refused(401, {"message": "Client must be authenticated to access this resource."})

    def limit(self) -> Refused:
        """429 and Retry-After."""
        return Refused(429, {"errorMessages": ["Rate limit exceeded."]}, {"Retry-After": "1"})

    def answer(self, asked: Asked) -> Answer:  # noqa: PLR0911 - one line per route
        """Issues, transitions, comments, the search."""
        if (asked.method, asked.path) == ("POST", "/rest/api/3/search/jql"):
            return self._search(asked.body)
        if (asked.method, asked.path) == ("POST", "/rest/api/3/issue"):
            issue = self._create(asked.body["fields"])
            return 201, {"id": issue.id, "key": f"OPS-{issue.number}", "self": f"{self.url}/x"}, {}
        rest = numbered(asked.path, "/rest/api/3/issue/").split("/")
        issue = self._issue(rest[0])
        match (asked.method, rest[1:]):
            case ("GET", []):
                return 200, self.document(issue), {}
            case ("PUT", []):
                self._put(issue, asked.body["fields"])
                return 204, None, {}
            case ("GET", ["transitions"]):
                return 200, {"transitions": self._transitions(issue)}, {}
            case ("POST", ["transitions"]):
                self._move(issue, asked.body["transition"]["id"])
                return 204, None, {}
            case ("GET", ["comment"]):
                return self._comments(issue, asked)
            case ("POST", ["comment"]):
                said = self.add_comment(issue, _text(asked.body["body"]), "Hotwash")
                return 201, {"id": str(said.id)}, {}
        raise Refused(404, {"errorMessages": ["Not found"]})

    def webhook(self, issue: Held) -> tuple[dict[str, str], bytes]:
        """`jira:issue_updated`, signed in the WebSub form."""
        body = json.dumps({"webhookEvent": "jira:issue_updated", "issue": self.document(issue)}).encode()
        digest = hmac.new(self.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        return {"X-Hub-Signature": f"sha256={digest}"}, body

    def document(self, issue: Held) -> dict[str, Any]:
        """An issue as Jira shows it."""
        name, category = _STATUSES[issue.state]
        fields = {
            "summary": issue.title, "status": {"name": name, "statusCategory": {"key": category}},
            "resolution": {"name": name} if category == "done" else None, "labels": issue.labels,
            "assignee": {"accountId": issue.user, "displayName": "N. N."} if issue.user else None,
            "duedate": issue.due.isoformat() if issue.due else None, "updated": _written(issue.updated_at),
        }  # fmt: skip
        return {"id": issue.id, "key": f"OPS-{issue.number}", "fields": fields}

    def _issue(self, name: str) -> Held:
        found = next((each for each in self.issues if name in {each.id, f"OPS-{each.number}"}), None)
        if found is None:
            raise Refused(404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."]})
        return found

    def _create(self, fields: dict[str, Any]) -> Held:
        if fields["project"] != {"key": "OPS"} or fields["issuetype"] != {"name": "Task"} or not fields["summary"]:
            raise Refused(400, {"errors": {"project": "valid project is required"}})
        if fields["description"].get("type") != "doc" or fields["description"].get("version") != 1:
            raise Refused(400, {"errors": {"description": "Operation value must be an Atlassian Document"}})
        issue = self.add_issue(fields["summary"], _text(fields["description"]), labels=fields["labels"])
        self._put(issue, {name: fields[name] for name in ("assignee", "duedate") if name in fields})
        return issue

    def _put(self, issue: Held, fields: dict[str, Any]) -> None:
        if "status" in fields:
            raise Refused(400, {"errors": {"status": "Field 'status' cannot be set."}})
        if "assignee" in fields:
            account = (fields["assignee"] or {}).get("accountId")
            if account not in {None, self.alice, self.bob}:
                raise Refused(400, {"errors": {"assignee": "Specify a valid value for assignee"}})
            issue.user = account
        if "duedate" in fields:
            issue.due = date.fromisoformat(fields["duedate"]) if fields["duedate"] else None
        self.touch(issue)

    def _transitions(self, issue: Held) -> list[dict[str, Any]]:
        return [
            {"id": _IDS[state], "name": f"to {name}", "to": {"name": name, "statusCategory": {"key": category}}}
            for state, (name, category) in _STATUSES.items()
            if state != issue.state and state not in self.closed_ways
        ]

    def _move(self, issue: Held, transition: str) -> None:
        if transition not in {each["id"] for each in self._transitions(issue)}:
            raise Refused(400, {"errorMessages": ["It seems that you have tried to perform an illegal operation"]})
        issue.state = next(state for state, id_ in _IDS.items() if id_ == transition)
        self.touch(issue)

    def _comments(self, issue: Held, asked: Asked) -> Answer:
        first = int(asked.query["startAt"])
        shown = [
            {
                "id": str(each.id),
                "author": {"displayName": each.author},
                "body": _document(each.text),
                "created": _written(each.at),
            }
            for each in issue.comments[first : first + int(asked.query["maxResults"])]
        ]
        return 200, {"comments": shown, "total": len(issue.comments), "startAt": first}, {}

    def _search(self, body: dict[str, Any]) -> Answer:
        jql = body["jql"]
        label = re.search(r'labels = "([^"]+)"', jql)
        minutes = re.search(r'updated >= "-(\d+)m"', jql)
        if 'project = "OPS"' not in jql or label is None:
            raise Refused(400, {"errorMessages": ["Unbounded JQL queries are not allowed here."]})
        since = datetime.now(UTC) - timedelta(minutes=int(minutes.group(1))) if minutes else None
        found = [
            each for each in self.issues
            if self.is_indexed and label.group(1) in each.labels and (since is None or each.updated_at >= since)
        ]  # fmt: skip
        first = int(body.get("nextPageToken", "0"))
        page: dict[str, Any] = {"issues": [self.document(e) for e in found[first : first + self.page_length]]}
        if first + self.page_length < len(found):
            page["nextPageToken"] = str(first + self.page_length)
        return 200, page, {}


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


def _text(node: Any) -> str:
    if node.get("type") == "text":
        return str(node["text"])
    inner = "".join(_text(each) for each in node.get("content", []))
    return inner + ("\n\n" if node.get("type") == "paragraph" else "\n" if node.get("type") == "hardBreak" else "")


def _document(text: str) -> dict[str, Any]:
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": text}]}],
    }
