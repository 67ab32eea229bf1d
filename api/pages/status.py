"""The public status page: published external updates and public names, nothing else; needs no login.

The one thing to know: it reads the record, and when the record is away it says that the status is not known. It never
shows green by mistake.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.pages.rendering import render
from api.reading import Reader
from domain.configuration import Configuration
from domain.errors import Transient
from domain.policy import Audience
from domain.record import ProjectionKind

router = APIRouter(include_in_schema=False)

# The time that public status pages of the field keep in view.
_PAST = timedelta(days=14)
# Updates looked at; two weeks of a bad month fit.
_LIMIT = 200


@router.get("/status")
async def status(request: Request) -> HTMLResponse:
    """What the public may know, now and in the last two weeks."""
    configuration: Configuration = request.app.state.configuration.current()
    now = datetime.now(UTC)
    problem = None
    try:
        stories = await _stories(request.app.state.reader, now)
    except Transient:
        stories = []
        problem = "The record of incidents cannot be read at the moment. We are working on it."
    ongoing = [story for story in stories if not story["is_over"]]
    return render(
        "status.html",
        organization=configuration.organization,
        services=[] if problem else _services(configuration, ongoing),
        open=ongoing,
        past=[story for story in stories if story["is_over"]],
        problem=problem,
        now=now,
    )


async def _stories(reader: Reader, now: datetime) -> list[dict[str, Any]]:
    """Published updates by incident, newest incident and newest update first."""
    page = await reader.things(ProjectionKind.UPDATE, state=Audience.EXTERNAL, limit=_LIMIT)
    stories: dict[str, dict[str, Any]] = {}
    for update in sorted(page.items, key=lambda each: each["at"], reverse=True):
        if update["drill"] or datetime.fromisoformat(update["at"]) < now - _PAST:
            continue
        story = stories.setdefault(
            update["incident_id"],
            {
                "title": update["title"],
                "services": update["services"],
                "updates": [],
                "is_over": update["closing"],
            },
        )
        story["updates"].append(update)
    return list(stories.values())


def _services(configuration: Configuration, ongoing: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    affected = {name for story in ongoing for name in story["services"]}
    names = [service.public_name or service.name for service in configuration.services.values() if service.public]
    return [
        {"name": name, "affected": name in affected, "word": "affected" if name in affected else "operational"}
        for name in names
    ]
