"""GitLab issues as its REST API has it: PRIVATE-TOKEN, iids, state events, notes with its own among them."""

import base64
import hashlib
import hmac
import json
import time
from datetime import date, datetime
from typing import Any

from tests.support.trackers.server import Answer, Asked, Held, Refused, TrackerServer, numbered

_PROJECT = "acme%2Fshop"
_ISSUES = f"/api/v4/projects/{_PROJECT}/issues"


class GitlabServer(TrackerServer):
    """See the module."""

    kind = "gitlab"
    alice, bob = "alice.gl", "bob.gl"
    webhook_secret = "whsec_" + base64.b64encode(b"a-signing-key-of-the-contract").decode()

    def settings(self) -> dict[str, Any]:
        """A project."""
        return {"kind": "gitlab", "url": self.url, "project": "acme/shop"}

    def authenticate(self, asked: Asked) -> None:
        """The token in GitLab's own header."""
        if asked.headers.get("private-token") != self.token:
            raise Refused(401, {"message": "401 Unauthorized"})

    def limit(self) -> Refused:
        """429 with when it is over."""
        reset = str(int(time.time()) + 1)
        return Refused(429, {"message": "Retry later"}, {"RateLimit-Remaining": "0", "RateLimit-Reset": reset})

    def answer(self, asked: Asked) -> Answer:  # noqa: PLR0911 - one line per route
        """Issues, notes and users."""
        if asked.path == "/api/v4/users":
            ids = {self.alice: 11, self.bob: 12}
            name = asked.query["username"]
            return 200, [{"id": ids[name], "username": name}] if name in ids else [], {}
        rest = numbered(asked.path, _ISSUES).split("/") if asked.path.startswith(_ISSUES) else None
        match (asked.method, rest):
            case ("GET", [""]):
                return self._list(asked)
            case ("POST", [""]):
                return 201, self.document(self._create(asked.body)), {}
            case ("GET", [number]):
                return 200, self.document(self._issue(number)), {}
            case ("PUT", [number]):
                return 200, self.document(self._put(self._issue(number), asked.body)), {}
            case ("GET", [number, "notes"]):
                return self._notes(self._issue(number), asked)
            case ("POST", [number, "notes"]):
                said = self.add_comment(self._issue(number), asked.body["body"], "hotwash-bot")
                return 201, {"id": said.id}, {}
        raise Refused(404, {"message": "404 Not found"})

    def webhook(self, issue: Held) -> tuple[dict[str, str], bytes]:
        """An issue hook, signed with the signing token."""
        attributes = {"iid": issue.number, "description": issue.text, "updated_at": issue.updated_at.isoformat()}
        body = json.dumps({"object_kind": "issue", "object_attributes": attributes}).encode()
        at, id_ = str(int(time.time())), "evt-1"
        key = base64.b64decode(self.webhook_secret.removeprefix("whsec_"))
        digest = hmac.new(key, f"{id_}.{at}.".encode() + body, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(digest).decode()}"
        return {"webhook-id": id_, "webhook-timestamp": at, "webhook-signature": signature}, body

    def document(self, issue: Held) -> dict[str, Any]:
        """An issue as GitLab shows it."""
        is_open = issue.state in {"open", "in_progress"}
        labels = [*issue.labels, *(["not-planned"] if issue.state == "not_planned" else [])]
        return {
            "id": 5000 + issue.number, "iid": issue.number, "title": issue.title, "description": issue.text,
            "state": "opened" if is_open else "closed", "labels": labels,
            "assignees": [{"username": issue.user}] if issue.user else [],
            "due_date": issue.due.isoformat() if issue.due else None,
            "web_url": f"https://gitlab.invalid/acme/shop/-/issues/{issue.number}",
            "created_at": issue.created_at.isoformat(), "updated_at": issue.updated_at.isoformat(),
        }  # fmt: skip

    def _issue(self, number: str) -> Held:
        if not number.isdigit() or not 0 < int(number) <= len(self.issues):
            raise Refused(404, {"message": "404 Not found"})
        return self.issues[int(number) - 1]

    def _create(self, body: dict[str, Any]) -> Held:
        if not body.get("title"):
            raise Refused(400, {"message": {"title": ["can't be blank"]}})
        issue = self.add_issue(body["title"], body.get("description") or "", labels=body["labels"].split(","))
        return self._put(issue, {name: body[name] for name in ("assignee_ids", "due_date") if name in body})

    def _put(self, issue: Held, body: dict[str, Any]) -> Held:
        is_open = issue.state in {"open", "in_progress"}
        event = body.get("state_event")
        if event is not None and (event == "close") != is_open:
            raise Refused(400, {"message": f"state_event {event} does not apply"})
        is_dropped = body.get("add_labels") == "not-planned"
        if event == "close" or (is_dropped and not is_open):
            issue.state = "not_planned" if is_dropped else "done"
        elif event == "reopen":
            issue.state = "open"
        elif body.get("remove_labels") == "not-planned" and issue.state == "not_planned":
            issue.state = "done"
        if "assignee_ids" in body:
            names = {11: self.alice, 12: self.bob}
            issue.user = next((names[each] for each in body["assignee_ids"]), None)
        if "due_date" in body:
            issue.due = date.fromisoformat(body["due_date"]) if body["due_date"] else None
        self.touch(issue)
        return issue

    def _list(self, asked: Asked) -> Answer:
        query = asked.query
        after = datetime.fromisoformat(query["updated_after"]) if "updated_after" in query else None
        found = [
            each for each in self.issues
            if ("search" not in query or query["search"] in each.text)
            and ("labels" not in query or query["labels"] in each.labels)
            and (after is None or each.updated_at >= after)
        ]  # fmt: skip
        if query.get("scope") != "all":
            # Without it GitLab lists only what the account itself has created.
            found = []
        return self._page([self.document(each) for each in sorted(found, key=lambda e: e.updated_at)], asked)

    def _notes(self, issue: Held, asked: Asked) -> Answer:
        own = {"id": 1, "system": True, "body": "changed due date", "created_at": issue.created_at.isoformat()}
        notes = [
            {
                "id": each.id,
                "body": each.text,
                "author": {"username": each.author},
                "system": False,
                "created_at": each.at.isoformat(),
            }
            for each in issue.comments
        ]
        return self._page([own, *notes], asked)

    def _page(self, found: list[Any], asked: Asked) -> Answer:
        page = int(asked.query.get("page", "1"))
        first = (page - 1) * self.page_length
        headers = {}
        if first + self.page_length < len(found):
            query = "&".join(f"{k}={v.replace('+', '%2B')}" for k, v in (asked.query | {"page": str(page + 1)}).items())
            headers["Link"] = f'<{self.url}{asked.path}?{query}>; rel="next"'
        return 200, found[first : first + self.page_length], headers
