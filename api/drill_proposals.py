"""From a reviewed incident to a proposed game day: gathers what is known, asks the domain, writes the text.

Used by `api/routes/incidents.py` and the page of a review. The one thing to know: it changes nothing. A person reads
the text, saves it into a folder of game days, and plans it in `hotwash.yaml`.
"""

import asyncio
from collections.abc import Sequence

from api.ports import ConfigurationSource
from api.reading import Reader
from domain.configuration import Configuration
from domain.drill_proposal import DrillProposal, House, IncidentFacts, propose
from domain.errors import Rejected, RejectionKind
from domain.model import Model
from domain.policy import Audience
from domain.record import ProjectionKind
from domain.review import FindingKind, ReviewStatus
from domain.review_facts import is_missed_update
from domain.run import RunStatus
from runbooks.drill_proposals import WrittenDrill, write_drill
from runbooks.game_day_catalog import GameDayCatalog
from store.interface import Document

_REVIEWED = frozenset({ReviewStatus.REVIEWED, ReviewStatus.CLOSED})
# Factors say what failed; what hindered says what made it worse. Both are worth recreating.
_TELLING = frozenset({FindingKind.CONTRIBUTING_FACTOR.value, FindingKind.HINDERED.value})
# More lines than the longest incident has in its first day; updates that are missed later were missed before, too.
_MOST_LINES = 1000
_MOST_UPDATES = 200


class ProposedDrill(Model):
    """The answer: the proposal, its text and what is left to do."""

    proposal: DrillProposal
    written: WrittenDrill
    # How an action item is made to wait for it.
    action_item: str


class DrillProposals:
    """Proposes drills."""

    def __init__(self, reader: Reader, catalog: GameDayCatalog, configuration: ConfigurationSource) -> None:
        self._reader = reader
        self._catalog = catalog
        self._configuration = configuration

    async def propose(self, incident_id: str, fault: str | None = None) -> ProposedDrill:
        """The drill that recreates an incident. Changes nothing; may be repeated.

        Rejected when the incident was not reviewed, was a drill itself, or nothing says how it failed.
        """
        configuration = self._configuration.current()
        facts = await self._facts(incident_id, configuration)
        house = House(
            targets=dict(configuration.drill_targets),
            game_day_policy=configuration.game_day_policy,
            policy=configuration.policy,
        )
        found = await asyncio.to_thread(propose, facts, house, asked=fault)
        if isinstance(found, str):
            raise Rejected(f"no drill of {incident_id} is proposed: {found}", RejectionKind.CONFLICT)
        written = await asyncio.to_thread(write_drill, found, self._catalog.specs, configuration)
        item = f"hotwash action-items add {incident_id} 'What keeps it from happening again' --drill {found.name}"
        return ProposedDrill(proposal=found, written=written, action_item=item)

    async def _facts(self, incident_id: str, configuration: Configuration) -> IncidentFacts:
        incident = (await self._reader.incident(incident_id)).document
        if incident["drill"]:
            sentence = f"{incident_id} was a drill already; hold its game day again"
            raise Rejected(sentence, RejectionKind.CONFLICT)
        review = await self._reviewed(incident_id)
        alerts, titles = await self._alerts(incident["alert_groups"])
        lines = await self._reader.timeline(incident_id, limit=_MOST_LINES)
        updates = await self._reader.things(ProjectionKind.UPDATE, incident_id=incident_id, limit=_MOST_UPDATES)
        inside = sorted(each["at"] for each in updates.items if each["audience"] == Audience.INTERNAL)
        owner = _owner(review, incident)
        times = ("impact_started_at", "detected_at", "declared_at", "acknowledged_at", "mitigated_at", "resolved_at")
        known = {name: incident[name] for name in (*times, "id", "title", "summary", "type", "severity", "services")}
        return IncidentFacts.model_validate(
            known
            | {
                "alerts": alerts,
                "alert_titles": titles,
                "factors": [each["text"] for each in review["findings"] if each["kind"] in _TELLING],
                "first_internal_at": inside[0] if inside else None,
                "update_was_missed": any(map(is_missed_update, lines)),
                "runbooks": [run["runbook"] for run in incident["runs"] if run["status"] == RunStatus.SUCCEEDED],
                "owner": owner,
                "audience": [owner] if owner in configuration.people else [],
            }
        )

    async def _reviewed(self, incident_id: str) -> Document:
        try:
            review = (await self._reader.review(incident_id)).document
        except Rejected as error:
            if error.kind is not RejectionKind.NOT_FOUND:
                raise
            sentence = f"{incident_id} has no review yet; resolve it and review it first"
            raise Rejected(sentence, RejectionKind.CONFLICT) from error
        if review["state"] not in _REVIEWED:
            sentence = (
                f"the review of {incident_id} is {review['state']}; a drill is made of what a review found, "
                "so have it signed off first"
            )
            raise Rejected(sentence, RejectionKind.CONFLICT)
        return review

    async def _alerts(self, groups: Sequence[str]) -> tuple[list[dict[str, str]], list[str]]:
        """The labels and titles of its alerts; a group that nobody remembers any more says nothing."""
        labels: list[dict[str, str]] = []
        titles: list[str] = []
        for group in groups:
            try:
                document = (await self._reader.alert_group(group)).document
            except Rejected as error:
                if error.kind is not RejectionKind.NOT_FOUND:
                    raise
                continue
            titles += [document["title"], *(each["title"] for each in document["alerts"])]
            labels += [dict(each["labels"]) for each in document["alerts"] if each["labels"]]
        return labels, list(dict.fromkeys(title for title in titles if title))


def _owner(review: Document, incident: Document) -> str:
    owner: str = review["owner"] or incident["roles"].get("commander") or incident["declared_by"]["name"]
    return owner
