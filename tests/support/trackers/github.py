"""GitHub Issues as its REST API has it: version header, Link pages, labels and `since`, no due date, whole seconds."""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from tests.support.trackers.server import Answer, Asked, Held, Refused, TrackerServer, numbered

_REPOSITORY = "acme/shop"
_ISSUES = f"/repos/{_REPOSITORY}/issues"
_REASONS = {"done": "completed", "not_planned": "not_planned"}


class GithubServer(TrackerServer):
    """See the module."""

    kind = "github"
    alice, bob = "alice-gh", "bob-gh"

    def settings(self) -> dict[str, Any]:
        """A repository."""
        return {"kind": "github", "url": self.url, "repository": _REPOSITORY}

    def now(self) -> datetime:
        """GitHub tells whole seconds."""
        return super().now().replace(microsecond=0)

    def authenticate(self, asked: Asked) -> None:
        """A user agent, the version and a bearer token; otherwise GitHub refuses."""
        if not asked.headers.get("user-agent"):
            raise Refused(403, {"message": "Request forbidden by administrative rules."})
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            raise Refused(401, {"message": "Bad credentials"})
        if asked.headers.get("x-github-api-version") != "2022-11-28":
            raise Refused(400, {"message": "unsupported version"})
        if asked.headers.get("accept") != "application/vnd.github+json":
            raise Refused(415, {"message": "Unsupported 'Accept' header"})

    def limit(self) -> Refused:
        """The secondary limit: 403 and Retry-After."""
        return Refused(403, {"message": "You have exceeded a secondary rate limit"}, {"Retry-After": "1"})

    def answer(self, asked: Asked) -> Answer:
        """The six routes that there are."""
        rest = numbered(asked.path, _ISSUES).split("/") if asked.path.startswith(_ISSUES) else None
        match (asked.method, rest):
            case ("GET", [""]):
                return self._list(asked)
            case ("POST", [""]):
                return 201, self.document(self._create(asked.body)), {}
            case ("GET", [number]):
                return 200, self.document(self._issue(number)), {}
            case ("PATCH", [number]):
                return 200, self.document(self._patch(self._issue(number), asked.body)), {}
            case ("GET", [number, "comments"]):
                return self._comments(self._issue(number), asked)
            case ("POST", [number, "comments"]):
                said = self.add_comment(self._issue(number), asked.body["body"], "hotwash-bot")
                return 201, {"id": said.id}, {}
        raise Refused(404, {"message": "Not Found"})

    def webhook(self, issue: Held) -> tuple[dict[str, str], bytes]:
        """`issues`, signed over the body."""
        body = json.dumps({"action": "edited", "issue": self.document(issue)}).encode()
        digest = hmac.new(self.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        return {"X-GitHub-Event": "issues", "X-Hub-Signature-256": f"sha256={digest}"}, body

    def document(self, issue: Held) -> dict[str, Any]:
        """An issue as GitHub shows it."""
        is_open = issue.state in {"open", "in_progress"}
        return {
            "id": 77_000 + issue.number, "number": issue.number, "title": issue.title, "body": issue.text,
            "state": "open" if is_open else "closed", "state_reason": None if is_open else _REASONS[issue.state],
            "assignees": [{"login": issue.user}] if issue.user else [], "labels": [{"name": n} for n in issue.labels],
            "html_url": f"https://github.invalid/{_REPOSITORY}/issues/{issue.number}",
            "created_at": _written(issue.created_at), "updated_at": _written(issue.updated_at),
        }  # fmt: skip

    def _issue(self, number: str) -> Held:
        if not number.isdigit() or not 0 < int(number) <= len(self.issues):
            raise Refused(404, {"message": "Not Found"})
        return self.issues[int(number) - 1]

    def _create(self, body: dict[str, Any]) -> Held:
        if not body.get("title"):
            raise Refused(422, {"message": "Validation Failed", "errors": [{"field": "title"}]})
        assignees = [each for each in body.get("assignees", []) if each in {self.alice, self.bob}]
        return self.add_issue(
            body["title"], body.get("body") or "", labels=body.get("labels", []), user=next(iter(assignees), None)
        )

    def _patch(self, issue: Held, body: dict[str, Any]) -> Held:
        if "state" in body:
            reasons = {"completed": "done", "not_planned": "not_planned"}
            issue.state = "open" if body["state"] == "open" else reasons[body.get("state_reason") or "completed"]
        if "assignees" in body:
            # Those who cannot be assigned are left out without a word.
            known = [each for each in body["assignees"] if each in {self.alice, self.bob}]
            issue.user = next(iter(known), None)
        issue.text = body.get("body", issue.text)
        self.touch(issue)
        return issue

    def _list(self, asked: Asked) -> Answer:
        since = datetime.fromisoformat(asked.query["since"])
        found = [
            each for each in self.issues
            if asked.query["labels"] in each.labels and each.updated_at >= since and asked.query["state"] == "all"
        ]  # fmt: skip
        key = {"created": "created_at", "updated": "updated_at"}[asked.query["sort"]]
        found.sort(key=lambda each: getattr(each, key), reverse=asked.query["direction"] == "desc")
        documents = [self.document(each) for each in found]
        # A pull request is an issue, too; it comes along in lists.
        return self._page([*documents, {"number": 9999, "pull_request": {}, "body": "", "updated_at": _EPOCH}], asked)

    def _comments(self, issue: Held, asked: Asked) -> Answer:
        since = datetime.fromisoformat(asked.query["since"]) if "since" in asked.query else None
        return self._page(
            [
                {"id": each.id, "body": each.text, "user": {"login": each.author}, "created_at": _written(each.at)}
                for each in issue.comments
                if since is None or each.at >= since
            ],
            asked,
        )

    def _page(self, found: list[Any], asked: Asked) -> Answer:
        page = int(asked.query.get("page", "1"))
        first = (page - 1) * self.page_length
        headers = {}
        if first + self.page_length < len(found):
            query = "&".join(f"{k}={v}" for k, v in (asked.query | {"page": str(page + 1)}).items())
            headers["Link"] = f'<{self.url}{asked.path}?{query}>; rel="next", <{self.url}>; rel="last"'
        return 200, found[first : first + self.page_length], headers


_EPOCH = "1970-01-01T00:00:00Z"


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
