"""The page that makes a drill of a reviewed incident: the proposed text, its reasons, and what is left to do.

The one thing to know: it changes nothing; what is shown is saved by a person, among the team's game days.
"""

from fastapi import APIRouter
from fastapi.responses import Response

from api.pages.rendering import AtDesk
from domain.drill_recreation import KINDS
from domain.errors import Rejected, Transient

router = APIRouter(include_in_schema=False)
_FAULTS = sorted(kind.action for kind in KINDS)


@router.get("/reviews/{incident_id}/drill")
async def propose_drill(desk: AtDesk, incident_id: str, fault: str | None = None) -> Response:
    """The game day that would recreate the incident; a refusal comes back to the review."""
    try:
        found = await desk.request.app.state.drill_proposals.propose(incident_id, fault or None)
    except (Rejected, Transient) as error:
        return desk.back(f"/reviews/{incident_id}", refusal=error.sentence)
    return await desk.page("drill_proposal.html", incident_id=incident_id, drill=found, faults=_FAULTS)
