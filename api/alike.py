"""Incidents alike for whoever is in a hurry: looked up within a bounded time, or said to be unknown.

Used by `POST /incidents`, by the page that declares and by the room. The one thing to know: nothing here raises because
of the record. Mitigation never waits for bookkeeping, so a record that is away or slow is a sentence in the answer.
"""

import asyncio
from collections.abc import Iterable, Sequence

from domain.alike import AlikeIncident
from domain.errors import HotwashError
from domain.model import Model
from store.interface import AlikeFinder, Document

# Over 100,000 incidents it takes some 10 ms (docs/benchmarks.md); a second is what somebody who declares may wait.
ANSWERED_WITHIN_SECONDS = 1.0


class Alike(Model):
    """Earlier incidents like one, best first; with `problem` it is not known whether there are any."""

    incidents: tuple[AlikeIncident, ...] = ()
    problem: str | None = None


async def look(
    finder: AlikeFinder, incident_id: str, title: str, services: Sequence[str], rules: Sequence[str] = ()
) -> Alike:
    """Look; changes nothing, and answers within a second whatever the record does."""
    looking = asyncio.ensure_future(finder.alike(incident_id, title=title, services=services, rules=rules))
    # Not `wait_for`, which would wait for a stuck driver to take notice of being cancelled.
    done, _ = await asyncio.wait({looking}, timeout=ANSWERED_WITHIN_SECONDS)
    if not done:
        looking.cancel()
        looking.add_done_callback(_forget)
        return Alike(problem="the record did not say within a second whether there were incidents like this")
    try:
        return Alike(incidents=tuple(looking.result()))
    except HotwashError as error:
        return Alike(problem=f"incidents like this could not be looked up: {error.sentence}")


async def look_for_group(finder: AlikeFinder, group: Document, title: str | None) -> Alike:
    """What is like the incident that was made of a group of alerts: its service, its rules, and its title."""
    service = (group.get("routed_as") or {}).get("service")
    named = title or str(group.get("title") or "")
    return await look(
        finder, str(group.get("incident_id") or ""), named, (service,) if service else (), rules_of([group])
    )


def rules_of(groups: Iterable[Document]) -> tuple[str, ...]:
    """The alert rules that fired in some groups, each once."""
    seen = (alert.get("labels") or {} for group in groups for alert in group.get("alerts") or ())
    return tuple(dict.fromkeys(labels["alertname"] for labels in seen if labels.get("alertname")))


def _forget(looking: "asyncio.Future[list[AlikeIncident]]") -> None:
    # Nobody waits for it any more; without this Python would complain that its error was never heard.
    if not looking.cancelled():
        looking.exception()
