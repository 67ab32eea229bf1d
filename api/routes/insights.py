"""`/api/v1/insights`: honest counts from the record. No averages: they hide what matters (mission.md, lesson 9)."""

from collections import Counter
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.dependencies import LONGEST_PAGE, ReaderDep, problems
from api.reading import Reader
from domain.action_item import ActionItemStatus
from domain.incident import FINISHED
from domain.record import ProjectionKind
from domain.review import ReviewStatus
from store.interface import Document, Listing

router = APIRouter(prefix="/insights", tags=["insights"])

# Lists are read to their end, but not for ever: beyond this the answer says that it is not complete.
_MOST_PAGES = 50
_OPEN_ITEMS = [status.value for status in ActionItemStatus if status not in {"done", "dropped"}]
_OPEN_REVIEWS = [status.value for status in ReviewStatus if status not in {"closed", "waived"}]


@router.get("/summary", summary="Counts over everything recorded", response_model=None, responses=problems())
async def summary(reader: ReaderDep) -> JSONResponse:
    """Incidents by severity and status (drills apart), open and overdue action items and reviews."""
    incidents, is_complete = await _everything(lambda cursor: reader.incidents(cursor=cursor, limit=LONGEST_PAGE))
    real = [each for each in incidents if not each["drill"]]
    finished = {status.value for status in FINISHED}
    body: dict[str, Any] = {
        "incidents": {
            "total": len(real),
            "open": sum(each["status"] not in finished for each in real),
            "by_severity": _counted(real, "severity"),
            "by_status": _counted(real, "status"),
            "reopened": sum(each.get("reopened", 0) > 0 for each in real),
            "drills": len(incidents) - len(real),
        },
        "action_items": await _owed(reader, ProjectionKind.ACTION_ITEM, _OPEN_ITEMS),
        "reviews": await _owed(reader, ProjectionKind.REVIEW, _OPEN_REVIEWS),
    }
    is_complete = is_complete and body["action_items"].pop("is_complete") and body["reviews"].pop("is_complete")
    return JSONResponse({**body, "is_complete": is_complete})


async def _owed(reader: Reader, kind: ProjectionKind, states: list[str]) -> dict[str, Any]:
    async def open_ones(cursor: str | None) -> Listing:
        return await reader.things(kind, state=states, cursor=cursor, limit=LONGEST_PAGE)

    async def overdue_ones(cursor: str | None) -> Listing:
        return await reader.things(kind, state=states, overdue=True, cursor=cursor, limit=LONGEST_PAGE)

    found, all_found = await _everything(open_ones)
    late, all_late = await _everything(overdue_ones)
    return {
        "open": len(found),
        "overdue": len(late),
        "by_state": _counted(found, "state"),
        "is_complete": all_found and all_late,
    }


async def _everything(read: Any) -> tuple[list[Document], bool]:
    items: list[Document] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        listing: Listing = await read(cursor)
        items.extend(listing.items)
        cursor = listing.next_cursor
        if cursor is None:
            return items, True
    return items, False


def _counted(items: list[Document], field: str) -> dict[str, int]:
    return dict(sorted(Counter(str(each[field]) for each in items).items()))
