"""`/api/v1/insights`: honest counts from the record. No averages: they hide what matters (mission.md, lesson 9)."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import Field

from api.bodies import Body
from api.dependencies import (
    LONGEST_PAGE,
    ActionsDep,
    ConfigurationDep,
    ReaderDep,
    SpeakerDep,
    Things,
    document,
    page,
    picture,
    problems,
    several,
    shows,
)
from api.learning import LONGEST_WINDOW_DAYS, Asked, LearningDep, insight_document, read_evidence
from domain.insight.report import Insight
from domain.insight.writing import as_csv, as_text
from domain.insight_mail import InsightMailState
from domain.record import ProjectionKind
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


class MailBody(Body):
    """What to mail, and to whom."""

    days: int | None = Field(default=None, ge=1, le=LONGEST_WINDOW_DAYS, description="Left out: as hotwash.yaml says.")
    insights: tuple[str, ...] = Field(default=(), description="Which of them; left out: as hotwash.yaml says, or all.")
    people: tuple[str, ...] = Field(default=(), description="Left out: the audience of hotwash.yaml.")


@router.post("/mail", summary="Count now, and mail it", status_code=202, response_model=None,
             responses=problems(403, 422))  # fmt: skip
async def mail_insights(
    speaker: SpeakerDep, actions: ActionsDep, configuration: ConfigurationDep, body: MailBody | None = None
) -> JSONResponse:
    """Over the page channels to people of hotwash.yaml only. With an Idempotency-Key it is mailed once."""
    given, settings = body or MailBody(), configuration.insight_mail
    made = await actions.mail_insights(
        speaker.actor(given.by), datetime.now(UTC), speaker.mark, days=given.days or settings.days,
        names=given.insights or settings.insights, people=given.people,
    )  # fmt: skip
    return document({"id": made.id, "is_new": made.is_new}, 202, f"/api/v1/insights/mails/{made.id}")


@router.get("/mails", summary="Mails of insights, the newest first", response_model=None, responses=problems(422))
async def list_mails(reader: ReaderDep, query: Things) -> JSONResponse:
    """A page of them."""
    found = await reader.things(
        ProjectionKind.INSIGHT_MAIL, state=several(query.state), cursor=query.cursor, limit=query.limit
    )
    return page(found)


@router.get("/mails/{id}", summary="One mail of insights", response_model=None,
            responses=shows(InsightMailState) | problems(404))  # fmt: skip
async def get_mail(id: str, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """Its text, and what became of it for each addressee."""
    return picture(await reader.insight_mail(id))


@router.get("/{name}", summary="One insight", response_model=None, responses=problems(404, 422))
async def get_insight(
    name: str, learning: LearningDep, configuration: ConfigurationDep, asked: Annotated[AskedAs, Query()]
) -> Response:
    """One by its name, as the list of all of them has it: recurrence, alert-noise, alert-hygiene, on-call-load, ..."""
    found = await learning.insight(asked.window(), configuration).insight(name)
    return _in_form([found], asked.format, insight_document(found))


def _in_form(found: list[Insight], form: str, as_json: Document) -> Response:
    if form == "csv":
        return Response(as_csv(found), media_type="text/csv; charset=utf-8")
    if form == "text":
        return PlainTextResponse(as_text(found))
    return JSONResponse(as_json)
