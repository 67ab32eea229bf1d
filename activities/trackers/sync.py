"""One look at an issue: find or create it, tell it what changed here, hear what changed there. And the poll.

Called by `workflows/tracking.py` and `workflows/tracker_sync.py`. The one thing to know: creating and commenting go
through the effect ledger; a claim that nobody settled is looked for by its marker, and only where the tracker would
have found it is it done again. Everything else is compared first, so that it may be repeated.
"""

from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.errors import translated
from activities.heartbeat import heartbeating
from activities.ports import ClaimStatus, ConfigurationSource, EffectLedger
from activities.trackers.ports import (
    Draft,
    ItemTeller,
    TrackerClient,
    TrackerSource,
    comment_marker,
    item_marker,
    own_comment,
)
from domain.errors import Rejected, RejectionKind, Transient, UnknownOutcome
from domain.model import Model
from domain.tracker import (
    Issue,
    IssueComment,
    IssueField,
    IssueFields,
    IssueState,
    TrackerSyncRequest,
    TrackerSyncResult,
    merge,
)
from domain.tracker_settings import Tracker

# An index that lags is asked in each of the workflow's four attempts (some 26 s) before a person is.
_LOOKS = 4
# An earlier attempt is at most so old when a worker takes it up again after an outage of everything.
_LONGEST_DOUBT = timedelta(days=30)
# The answer travels in the item's history.
_MOST_COMMENTS = 50
_WORKING = (IssueState.OPEN, IssueState.IN_PROGRESS)
_LONGEST_COMMENT = 2000


class PollRequest(Model):
    """What has changed in a tracker since."""

    tracker: str
    since: datetime


class PollResult(Model):
    """From where the next poll goes on, and how many items were told."""

    since: datetime
    told: int = 0
    # Whether hotwash.yaml still has the tracker.
    is_configured: bool = True


class TrackerActivities:
    """Issues, seen from action items."""

    def __init__(
        self, trackers: TrackerSource, ledger: EffectLedger, configuration: ConfigurationSource, teller: ItemTeller
    ) -> None:
        self._trackers = trackers
        self._ledger = ledger
        self._configuration = configuration
        self._teller = teller

    @activity.defn(name="trackers.sync")
    @translated
    async def sync(self, request: TrackerSyncRequest) -> TrackerSyncResult:
        """Bring issue and item together; may be repeated. UnknownOutcome: nobody knows whether it was created."""
        client, settings = self._trackers.client(request.link.tracker)
        async with heartbeating():
            issue, created = await self._issue(client, settings, request)
            sent = await self._say(client, request, issue)
            theirs = _seen(issue, settings, request, knows_progress=client.knows_progress)
            merged = merge(request.link, request.ours, theirs, request.ours_at, issue.updated_at)
            unsaid: dict[str, str] = {}
            if merged.push:
                issue, unsaid = await _push(client, settings, request, issue, merged.push)
                theirs = _seen(issue, settings, request, knows_progress=client.knows_progress)
            comments = await _news(client, request, issue)
        return TrackerSyncResult(
            issue=issue.model_copy(update={"fields": theirs}),
            taken=merged.take,
            sent=sent,
            comments=comments,
            unsaid=unsaid,
            created=created,
        )

    @activity.defn(name="trackers.poll")
    @translated
    async def poll(self, request: PollRequest) -> PollResult:
        """Tell every item whose issue was changed; telling twice does no harm."""
        if request.tracker not in self._configuration.current().trackers:
            return PollResult(since=request.since, is_configured=False)
        client, _ = self._trackers.client(request.tracker)
        since, told = request.since, 0
        async with heartbeating():
            for each in await client.changed(request.since):
                told += await self._teller.tell_issue_changed(each.item, each.updated_at)
                since = max(since, each.updated_at)
        return PollResult(since=since, told=told)

    async def _issue(self, client: TrackerClient, settings: Tracker, request: TrackerSyncRequest) -> tuple[Issue, bool]:
        link = request.link
        if link.id is not None or link.key is not None:
            return await client.read(link.id or link.key or ""), link.id is None
        key = f"action-item/{request.item_id}/tracker/{link.tracker}/create/{link.attempt}"
        claim = await self._ledger.claim(key, "tracker:create", request.incident_id)
        if claim.status is ClaimStatus.SETTLED:
            return await client.read(str((claim.outcome or {}).get("id"))), True
        draft = self._draft(settings, request)
        issue = None
        if claim.status is ClaimStatus.UNSETTLED:
            issue = await client.find(draft)
            if issue is None:
                _demand_certainty(client, request)
        if issue is None:
            issue = await self._create(client, draft, key)
        await self._ledger.settle(key, {"id": issue.id, "key": issue.key, "url": issue.url})
        return issue, True

    async def _create(self, client: TrackerClient, draft: Draft, key: str) -> Issue:
        try:
            return await client.create(draft)
        except (Transient, Rejected):
            # Surely not created.
            await self._ledger.release(key)
            raise
        except UnknownOutcome as error:
            # Left unsettled; the next attempt looks for it.
            raise Transient(f"{error.sentence}; it may be there, and is looked for") from error

    def _draft(self, settings: Tracker, request: TrackerSyncRequest) -> Draft:
        console = self._configuration.current().base_url
        where = f"{console.rstrip('/')}/action-items/{request.item_id}" if console else ""
        text = (
            f"Done when: {request.done_when}\n\n"
            f"From incident {request.incident_id}. Hotwash keeps this issue and its action item alike: state, "
            f"assignee, due date and comments. {where}\n\n{item_marker(request.item_id)}"
        )
        return Draft(
            item_id=request.item_id,
            attempt=request.link.attempt,
            title=request.title,
            text=text,
            fields=request.ours.model_copy(update={"assignee": settings.users.get(request.ours.assignee or "")}),
            since=datetime.now(UTC) - _LONGEST_DOUBT,
        )

    async def _say(self, client: TrackerClient, request: TrackerSyncRequest, issue: Issue) -> tuple[int, ...]:
        """Comments of ours, each once, in order."""
        sent = []
        for each in request.link.outbox:
            key = f"action-item/{request.item_id}/tracker/{request.link.tracker}/comment/{each.number}"
            claim = await self._ledger.claim(key, "tracker:comment", request.incident_id)
            is_there = claim.status is ClaimStatus.SETTLED
            if claim.status is ClaimStatus.UNSETTLED:
                is_there = any(own_comment(c.text) == each.number for c in await client.comments(issue, None))
            if not is_there:
                await self._comment(
                    client, issue, f"{each.text}\n\n{comment_marker(request.item_id, each.number)}", key
                )
            await self._ledger.settle(key, {"issue": issue.key})
            sent.append(each.number)
        return tuple(sent)

    async def _comment(self, client: TrackerClient, issue: Issue, text: str, key: str) -> None:
        try:
            await client.say(issue, text)
        except (Transient, Rejected):
            await self._ledger.release(key)
            raise
        except UnknownOutcome as error:
            raise Transient(f"{error.sentence}; the comment may be there, and is looked for") from error


def _demand_certainty(client: TrackerClient, request: TrackerSyncRequest) -> None:
    """Not found: may it be created (again)?"""
    attempt = activity.info().attempt
    tracker, item = request.link.tracker, request.item_id
    if client.finds_at_once:
        if attempt == 1:
            # A request that was cut off may arrive behind us; a few seconds later it has.
            raise Transient(f"the issue of {item} is not in {tracker}; it is looked for once more")
        return
    if attempt < _LOOKS:
        raise Transient(f"the issue of {item} is not found in {tracker} yet; its search lags behind")
    raise UnknownOutcome(f"whether an issue was created in {tracker} is not known, and its search does not find one")


def _seen(issue: Issue, settings: Tracker, request: TrackerSyncRequest, *, knows_progress: bool) -> IssueFields:
    """Their fields in our words: people for users, and no change where the tracker only knows open and closed."""
    fields, state = issue.fields, issue.fields.state
    if not knows_progress and state in _WORKING:
        known = [request.ours.state, *([request.link.theirs_then.state] if request.link.theirs_then else [])]
        state = next((each for each in known if each in _WORKING), state)
    return fields.model_copy(update={"assignee": settings.person(fields.assignee), "state": state})


async def _push(
    client: TrackerClient,
    settings: Tracker,
    request: TrackerSyncRequest,
    issue: Issue,
    fields: tuple[IssueField, ...],
) -> tuple[Issue, dict[str, str]]:
    """Set the fields there; one that the tracker does not take keeps the others from nothing."""
    unsaid: dict[str, str] = {}
    user = settings.users.get(request.ours.assignee or "")
    wanted = request.ours.model_copy(update={"assignee": user})
    if IssueField.ASSIGNEE in fields and user is None:
        unsaid[IssueField.ASSIGNEE] = f"trackers.{request.link.tracker}.users names no user for {request.ours.assignee}"
    for field in (each for each in fields if each.value not in unsaid):
        try:
            issue = await client.change(issue, wanted, [field])
        except Rejected as error:
            if error.kind is not RejectionKind.INVALID:
                raise
            unsaid[field.value] = error.sentence
    return issue, unsaid


async def _news(client: TrackerClient, request: TrackerSyncRequest, issue: Issue) -> tuple[IssueComment, ...]:
    """What people have written there since the last look."""
    link = request.link
    found = [
        each.model_copy(update={"text": each.text[:_LONGEST_COMMENT]})
        for each in await client.comments(issue, link.comments_until)
        if own_comment(each.text) is None and each.id not in link.comments_seen
        and (link.comments_until is None or each.at >= link.comments_until)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda each: each.at)[:_MOST_COMMENTS])
