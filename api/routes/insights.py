"""`/api/v1/insights`: honest counts from the record. No averages: they hide what matters (mission.md, lesson 9)."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import Field

from api.dependencies import LONGEST_PAGE, ConfigurationDep, ReaderDep, page, problems
from api.learning import Asked, LearningDep, insight_document, read_evidence
from domain.insight.report import Insight
from domain.insight.writing import as_csv, as_text
from store.interface import Document

router = APIRouter(prefix="/insights", tags=["insights"])


@router.get("/summary", summary="Counts over everything recorded", response_model=None, responses=problems())
async def summary(reader: ReaderDep) -> JSONResponse:
    """Incidents by severity and status (drills apart), open and overdue action items and reviews."""
    return JSONResponse({**await reader.overview(), "is_complete": True})


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
    """One by its name, as the list of all of them has it: recurrence, alert-noise, alert-hygiene, on-call-load, ..."""
    found = await learning.insight(asked.window(), configuration).insight(name)
    return _in_form([found], asked.format, insight_document(found))


def _in_form(found: list[Insight], form: str, document: Document) -> Response:
    if form == "csv":
        return Response(as_csv(found), media_type="text/csv; charset=utf-8")
    if form == "text":
        return PlainTextResponse(as_text(found))
    return JSONResponse(document)
