"""Linear as its GraphQL API has it: keys without a scheme, ids of ours taken once, errors with status 200 or 400."""

import hashlib
import hmac
import json
import re
import time
import uuid
from datetime import date, datetime
from typing import Any

from tests.support.trackers.server import Answer, Asked, Held, Refused, TrackerServer

_TEAM = "9cfb482a-81e3-4154-b5b9-2c805e70a02d"
_TYPES = {"open": "unstarted", "in_progress": "started", "done": "completed", "not_planned": "canceled"}


class LinearServer(TrackerServer):
    """See the module."""

    kind = "linear"
    token = "lin_api_of_the_contract"
    alice, bob = "alice@acme.invalid", "bob@acme.invalid"

    def settings(self) -> dict[str, Any]:
        """A team."""
        return {"kind": "linear", "url": f"{self.url}/graphql", "team": _TEAM}

    def authenticate(self, asked: Asked) -> None:
        """A personal key as it is; with `Bearer` Linear refuses it."""
        if asked.headers.get("authorization") != self.token:
            raise Refused(401, _errors("Authentication required, not authenticated", "AUTHENTICATION_ERROR"))

    def limit(self) -> Refused:
        """Status 400, and the code in the errors."""
        reset = str(int((time.time() + 1) * 1000))
        return Refused(400, _errors("Rate limit exceeded", "RATELIMITED"), {"X-RateLimit-Requests-Reset": reset})

    def answer(self, asked: Asked) -> Answer:
        """By the field that the query asks for."""
        if (asked.method, asked.path) != ("POST", "/graphql") or asked.headers.get(
            "content-type"
        ) != "application/json":
            raise Refused(404, {"message": "Not found"})
        query, given = asked.body["query"], asked.body.get("variables") or {}
        name = re.search(r"\{ (\w+)\(", query)
        ways = {
            "issue": self._read, "issueCreate": self._create, "issueUpdate": self._update,
            "commentCreate": self._comment, "issues": self._changed, "users": self._users, "team": self._states,
        }  # fmt: skip
        if name is None or name.group(1) not in ways:
            raise Refused(400, _errors("Cannot query field", "GRAPHQL_VALIDATION_FAILED"))
        return 200, {"data": {name.group(1): ways[name.group(1)](query, given)}}, {}

    def webhook(self, issue: Held) -> tuple[dict[str, str], bytes]:
        """An `Issue` event with its time, signed over the body."""
        document = {"action": "update", "type": "Issue", "data": self.document(issue),
                    "webhookTimestamp": int(time.time() * 1000)}  # fmt: skip
        body = json.dumps(document).encode()
        return {"Linear-Signature": hmac.new(self.webhook_secret.encode(), body, hashlib.sha256).hexdigest()}, body

    def document(self, issue: Held) -> dict[str, Any]:
        """An issue as Linear shows it."""
        kind = _TYPES[issue.state]
        return {
            "id": issue.id, "identifier": f"OPS-{issue.number}", "url": f"https://linear.invalid/OPS-{issue.number}",
            "description": issue.text, "dueDate": issue.due.isoformat() if issue.due else None,
            "updatedAt": _written(issue.updated_at), "state": {"id": f"state-{kind}", "name": kind, "type": kind},
            "assignee": {"id": f"user-{issue.user}", "email": issue.user} if issue.user else None,
        }  # fmt: skip

    def _issue(self, id_: str) -> Held:
        found = next((each for each in self.issues if id_ in {each.id, f"OPS-{each.number}"}), None)
        if found is None:
            raise Refused(400, _errors("Entity not found: Issue", "INPUT_ERROR"))
        return found

    def _read(self, query: str, given: dict[str, Any]) -> Any:
        issue = self._issue(given["id"])
        if "comments(" not in query:
            return self.document(issue)
        nodes = [
            {"id": str(e.id), "body": e.text, "createdAt": _written(e.at), "user": {"displayName": e.author}}
            for e in issue.comments
        ]
        return {"comments": self._page(nodes, given)}

    def _create(self, _: str, given: dict[str, Any]) -> Any:
        wanted = given["input"]
        if uuid.UUID(wanted["id"]).version != 4 or wanted["teamId"] != _TEAM or not wanted["title"]:
            raise Refused(400, _errors("Argument Validation Error", "INPUT_ERROR"))
        if any(each.id == wanted["id"] for each in self.issues):
            raise Refused(400, _errors("Entity with this id already exists", "INPUT_ERROR"))
        issue = self.add_issue(wanted["title"], wanted["description"], id=wanted["id"])
        self._set(issue, {name: wanted[name] for name in ("dueDate", "assigneeId") if name in wanted})
        return {"success": True, "issue": self.document(issue)}

    def _update(self, _: str, given: dict[str, Any]) -> Any:
        issue = self._issue(given["id"])
        self._set(issue, given["input"])
        return {"success": True, "issue": self.document(issue)}

    def _set(self, issue: Held, wanted: dict[str, Any]) -> None:
        if "stateId" in wanted:
            kinds = {f"state-{kind}": state for state, kind in _TYPES.items()}
            issue.state = kinds[wanted["stateId"]]
        if "assigneeId" in wanted:
            issue.user = wanted["assigneeId"].removeprefix("user-") if wanted["assigneeId"] else None
        if "dueDate" in wanted:
            issue.due = date.fromisoformat(wanted["dueDate"]) if wanted["dueDate"] else None
        self.touch(issue)

    def _comment(self, _: str, given: dict[str, Any]) -> Any:
        self.add_comment(self._issue(given["input"]["issueId"]), given["input"]["body"], "Hotwash")
        return {"success": True}

    def _changed(self, _: str, given: dict[str, Any]) -> Any:
        wanted = given["filter"]
        since = datetime.fromisoformat(wanted["updatedAt"]["gte"])
        found = [
            self.document(each) for each in self.issues
            if wanted["team"]["id"]["eq"] == _TEAM and each.updated_at >= since
            and wanted["description"]["contains"] in each.text
        ]  # fmt: skip
        return self._page(found, given)

    def _users(self, _: str, given: dict[str, Any]) -> Any:
        email = given["filter"]["email"]["eqIgnoreCase"]
        return {"nodes": [{"id": f"user-{email}"}] if email in {self.alice, self.bob} else []}

    def _states(self, _: str, given: dict[str, Any]) -> Any:
        if given["id"] != _TEAM:
            raise Refused(400, _errors("Entity not found: Team", "INPUT_ERROR"))
        nodes = [
            {"id": f"state-{kind}", "name": kind, "type": kind, "position": place}
            for place, kind in enumerate(_TYPES.values())
        ]
        return {"states": {"nodes": [*nodes, {"id": "state-later", "name": "x", "type": "started", "position": 99}]}}

    def _page(self, nodes: list[Any], given: dict[str, Any]) -> Any:
        first = int(given.get("after") or 0)
        end = first + self.page_length
        info = {"hasNextPage": end < len(nodes), "endCursor": str(end)}
        return {"nodes": nodes[first:end], "pageInfo": info}


def _errors(message: str, code: str) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
