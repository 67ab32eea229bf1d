"""The draft of a review: the record's facts, laid out as Markdown. Called by `workflows/review.py` in the background.

The renderer comes in through the constructor, because this module must not import jinja2.
"""

from datetime import datetime
from typing import Protocol

from temporalio import activity

from activities.errors import translated
from activities.ports import TimelineReader
from domain.errors import Transient
from domain.model import Model
from domain.policy import WorkingHours
from domain.review import Finding, Participant, Perspective
from domain.review_facts import ReviewFacts, participants_of, review_facts


class DraftRequest(Model):
    """Which incident, and what only its review knows."""

    incident_id: str
    title: str = ""
    owner: str | None = None
    due_at: datetime | None = None
    findings: tuple[Finding, ...] = ()
    perspectives: tuple[Perspective, ...] = ()
    calendar: WorkingHours = WorkingHours()


class DraftResult(Model):
    """The draft as Markdown, and whom the timeline shows."""

    markdown: str
    participants: tuple[Participant, ...] = ()


class ReviewRenderer(Protocol):
    """Lays the facts out."""

    def render(self, facts: ReviewFacts) -> str:
        """Markdown in which every text of the facts is only text; Rejected when the template is broken."""


class ReviewDraftActivities:
    """Drafting reviews."""

    def __init__(self, reader: TimelineReader, renderer: ReviewRenderer) -> None:
        self._reader = reader
        self._renderer = renderer

    @activity.defn(name="reviews.draft")
    @translated
    async def draft(self, request: DraftRequest) -> DraftResult:
        """Read and lay out; changes nothing, so it may be repeated. Transient while the record lacks the incident."""
        incident = await self._reader.incident(request.incident_id)
        if incident is None:
            raise Transient(f"the record does not hold incident {request.incident_id} yet")
        timeline = await self._reader.timeline(request.incident_id)
        facts = review_facts(
            incident,
            timeline,
            findings=request.findings,
            owner=request.owner,
            due_at=request.due_at,
            hours=request.calendar,
            perspectives=request.perspectives,
        )
        return DraftResult(
            markdown=self._renderer.render(facts), participants=tuple(participants_of(incident, timeline))
        )
