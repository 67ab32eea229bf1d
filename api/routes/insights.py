"""`/api/v1/insights`: honest counts from the record. No averages: they hide what matters (mission.md, lesson 9)."""

from collections import Counter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import Field

from api.dependencies import LONGEST_PAGE, ConfigurationDep, ReaderDep, page, problems
from api.learning import Asked, LearningDep, insight_document, read_evidence
from api.reading import Reader
from domain.action_item import ActionItemStatus
from domain.incident import FINISHED
from domain.insight.report import Insight
from domain.insight.writing import as_csv, as_text
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


class AskedAs(Asked):
    """Which window, and in what form."""

    format: Literal["json", "csv", "text"] = Field(default="json", description="CSV for sheets, text for mail.")


@router.get("", summary="What the record says, each with its sentence first", response_model=None,
            responses=problems(422))  # fmt: skip
async def list_insights(
    learning: LearningDep, configuration: ConfigurationDep, asked: Annotated[AskedAs, Query()]
) -> Response:
    """All insights over a window; every number comes with the address of what it counts."""
    found = await learning.insight(asked.window(), configuration).insights()
    return _in_form(found, asked.format, {"items": [insight_document(each) for each in found], "next_cursor": None})


@router.get("/evidence", summary="The single things that a number counts", response_model=None,
            responses=problems(422))  # fmt: skip
async def evidence(
    request: Request,
    learning: LearningDep,
    configuration: ConfigurationDep,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 50,
) -> JSONResponse:
    """A page of the list that has exactly as many things as the number says."""
    wanted = read_evidence(request)
    reader = learning.insight(Asked().window(), configuration)
    return page(await reader.listing(wanted, cursor, limit))


@router.get("/{name}", summary="One insight", response_model=None, responses=problems(404, 422))
async def get_insight(
    name: str, learning: LearningDep, configuration: ConfigurationDep, asked: Annotated[AskedAs, Query()]
) -> Response:
    """recurrence, action-debt, hot-spots, times, communication, alert-noise, on-call-load, reviews or maturity."""
    found = await learning.insight(asked.window(), configuration).insight(name)
    return _in_form([found], asked.format, insight_document(found))


def _in_form(found: list[Insight], form: str, document: Document) -> Response:
    if form == "csv":
        return Response(as_csv(found), media_type="text/csv; charset=utf-8")
    if form == "text":
        return PlainTextResponse(as_text(found))
    return JSONResponse(document)


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
