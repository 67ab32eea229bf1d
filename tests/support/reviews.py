"""Reviews on the real engine: who writes their drafts, how one is begun, and its state once the draft is there.

Used by tests/workflows through the fixtures `drafts` and `begin_review` of its conftest. The one thing to know: the
clock of a review stands still; `Followed.pass_time` moves it.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

from temporalio import activity
from temporalio.testing import WorkflowEnvironment

from activities.errors import translated
from activities.review_draft import DraftRequest, DraftResult
from domain.policy import Policy, WorkingHours
from domain.review import Participant, ReviewStart, ReviewState
from tests.support.following import Followed, following
from tests.support.recording import Post, Record
from workflows.review import Review

OFFICE = WorkingHours(time_zone="America/New_York")


class Drafts:
    """The activity that writes drafts: says what it was asked for. `trouble` makes it fail."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.requests: list[DraftRequest] = []
        self.known = "alerts, then a rollback"
        self.there: tuple[Participant, ...] = ()

    @activity.defn(name="reviews.draft")
    @translated
    async def draft(self, request: DraftRequest) -> DraftResult:
        """A draft that shows what it was made of."""
        self.requests.append(request)
        if self.trouble is not None:
            raise self.trouble
        findings = "".join(f"- {each.text}\n" for each in request.findings)
        return DraftResult(markdown=f"# Review by {request.owner}\n{self.known}\n{findings}", participants=self.there)


class Begin(Protocol):
    """Starts a review; its clock stands still."""

    def __call__(self, **fields: Any) -> AbstractAsyncContextManager[Followed]:
        """`fields` go into its ReviewStart."""


def beginner(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post, drafts: Drafts) -> Begin:
    """Begins reviews of alice, who commanded and whose manager is mona."""

    def start(**fields: Any) -> AbstractAsyncContextManager[Followed]:
        incident = f"inc-20261122-{uuid4().hex[:6]}"
        given = {
            "incident_id": incident,
            "title": "Checkout answers 500",
            "severity": "SEV-1",
            "owner": None,
            "commander": "alice",
            "managers": {"alice": "mona"},
            "people": ("alice", "bob", "mona"),
            "resolved_at": datetime.now(UTC),
            "policy": Policy(calendar=OFFICE),
        } | fields
        return following(
            env, task_queue, Review.run, ReviewStart.model_validate(given),
            id_=f"review/{given['incident_id']}", view_type=ReviewState, workflows=[Review],
            activities=[drafts.draft], record=record, post=post,
        )  # fmt: skip

    return start


async def drafted(review: Followed) -> ReviewState:
    """The review once its draft is there."""
    for _ in range(500):
        state: ReviewState = await review.view()
        if not state.draft_wanted:
            return state
        await asyncio.sleep(0.02)
    raise AssertionError("no draft came")
