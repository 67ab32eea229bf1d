"""The public status page: published external updates and public names, nothing else; needs no login.

The one thing to know: it never shows green by mistake. When the record is away the status is "not known"; an open
incident that the policy promises to tell the public about takes its service's green away before anybody has written
about it, and says no more than that somebody is looking.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.pages.rendering import render
from api.reading import Reader
from domain.configuration import Configuration
from domain.errors import Transient
from domain.incident import RESPONDING
from domain.policy import Audience
from domain.record import ProjectionKind
from domain.severity import IncidentType, Severity

router = APIRouter(include_in_schema=False)

# The time that public status pages of the field keep in view.
_PAST = timedelta(days=14)
# Updates looked at; two weeks of a bad month fit.
_LIMIT = 200
# Open incidents looked at; more at once is a catastrophe that every service shares.
_OPEN_LIMIT = 200


class Light(StrEnum):
    """What a service, or all of them, may say of itself."""

    OPERATIONAL = "operational"
    # Somebody looks into something; nothing was published yet.
    CHECKED = "being checked"
    AFFECTED = "affected"
    UNKNOWN = "not known"


@router.get("/status")
async def status(request: Request) -> HTMLResponse:
    """What the public may know, now and in the last two weeks."""
    configuration: Configuration = request.app.state.configuration.current()
    reader: Reader = request.app.state.reader
    now = datetime.now(UTC)
    problem = None
    stories: list[dict[str, Any]] = []
    checked: set[str] = set()
    try:
        stories = await _stories(reader, now)
        checked = await _unpublished(reader, configuration, stories)
    except Transient:
        problem = "The record of incidents cannot be read at the moment. We are working on it."
    ongoing = [story for story in stories if not story["is_over"]]
    services = _services(configuration, ongoing, checked, is_known=problem is None)
    return render(
        "status.html",
        organization=configuration.organization,
        services=services,
        light=_overall(services, ongoing, is_known=problem is None),
        open=ongoing,
        past=[story for story in stories if story["is_over"]],
        problem=problem,
        now=now,
    )


async def _stories(reader: Reader, now: datetime) -> list[dict[str, Any]]:
    """Published updates by incident, newest incident and newest update first; an ongoing one however old it is."""
    page = await reader.things(ProjectionKind.UPDATE, state=Audience.EXTERNAL, limit=_LIMIT)
    stories: dict[str, dict[str, Any]] = {}
    for update in sorted(page.items, key=lambda each: each["at"], reverse=True):
        if update["drill"]:
            continue
        story = stories.setdefault(
            update["incident_id"],
            {
                "id": update["incident_id"],
                "title": update["title"],
                "services": update["services"],
                "updates": [],
                "is_over": update["closing"],
            },
        )
        story["updates"].append(update)
    return [
        story
        for story in stories.values()
        if not story["is_over"] or datetime.fromisoformat(story["updates"][0]["at"]) >= now - _PAST
    ]


async def _unpublished(reader: Reader, configuration: Configuration, stories: Sequence[dict[str, Any]]) -> set[str]:
    """Services with an open incident that the public is promised to hear about and has not yet."""
    told = {story["id"] for story in stories if not story["is_over"]}
    page = await reader.incidents(status=list(RESPONDING), drill=False, limit=_OPEN_LIMIT)
    return {
        service
        for incident in page.items
        if incident["id"] not in told and _public_hears_of(configuration, incident)
        for service in incident["services"]
    }


def _public_hears_of(configuration: Configuration, incident: dict[str, Any]) -> bool:
    # A security incident is announced by people alone: an early hint could help the attacker.
    if incident["type"] == IncidentType.SECURITY:
        return False
    return Audience.EXTERNAL in configuration.policy.of(Severity(incident["severity"])).cadence


def _services(
    configuration: Configuration, ongoing: Sequence[dict[str, Any]], checked: set[str], *, is_known: bool
) -> list[dict[str, Any]]:
    affected = {name for story in ongoing for name in story["services"]}

    def light(key: str, name: str) -> Light:
        if not is_known:
            return Light.UNKNOWN
        if name in affected:
            return Light.AFFECTED
        return Light.CHECKED if key in checked else Light.OPERATIONAL

    public = [(key, each.public_name or each.name) for key, each in configuration.services.items() if each.public]
    return [{"name": name, "light": light(key, name)} for key, name in public]


def _overall(services: Sequence[dict[str, Any]], ongoing: Sequence[dict[str, Any]], *, is_known: bool) -> Light:
    if not is_known:
        return Light.UNKNOWN
    if ongoing:
        return Light.AFFECTED
    if any(each["light"] is Light.CHECKED for each in services):
        return Light.CHECKED
    # Without a service on the page there is nothing that could be operational.
    return Light.OPERATIONAL if services else Light.UNKNOWN
