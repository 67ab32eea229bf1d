"""`/api/v1/reviews/{id}/…`: what is read of a review besides its picture: lint, versions, differences, files, guides.

The one thing to know: nothing here changes anything; the texts are made when they are asked for.
"""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from api.dependencies import ConfigurationDep, ReaderDep, problems
from api.export.files import MEDIA_TYPES, ExportFormat, difference, exported
from api.reading import Reader
from domain.blameless import lint_text
from domain.contributing_factors import factors_of
from domain.errors import Rejected, RejectionKind
from domain.record import ProjectionKind
from domain.review_guide import calibration_document, interview_guide
from store.interface import Document

router = APIRouter(prefix="/reviews", tags=["reviews"])
# As many versions as a page of the record holds.
_MOST_REVISIONS = 200
# A day of a busy incident; the guides name key moments and not every line.
_MOST_LINES = 500


@router.get(
    "/factors",
    summary="The kinds of contributing factors, with their meaning",
    response_model=None,
    responses=problems(),
)
async def factors(configuration: ConfigurationDep) -> JSONResponse:
    """The default list and what `hotwash.yaml` adds."""
    known = factors_of(configuration.contributing_factors)
    return JSONResponse({"items": [{"name": name, "meaning": meaning} for name, meaning in known.items()]})


@router.get("/{id}/lint", summary="Where the text judges people", response_model=None, responses=problems(404))
async def lint(id: str, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """The blameless lint's findings, with places and better questions."""
    review = (await reader.review(id)).document
    findings = await asyncio.to_thread(lint_text, review["markdown"])
    return JSONResponse({"revision": review["revision"], "items": [each.model_dump(mode="json") for each in findings]})


@router.get("/{id}/revisions", summary="The versions of the text", response_model=None, responses=problems(404))
async def revisions(id: str, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """Oldest first, without the texts."""
    found = await revisions_of(reader, id)
    return JSONResponse({"items": [{k: v for k, v in each.items() if k != "markdown"} for each in found]})


@router.get("/{id}/revisions/{number}", summary="One version", response_model=None, responses=problems(404))
async def revision(id: str, number: int, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """With its text."""
    return JSONResponse(_revision(await revisions_of(reader, id), id, number))


@router.get("/{id}/diff", summary="What changed between two versions", response_model=None, responses=problems(404))
async def diff(
    id: str,  # noqa: A002 - the path's word
    reader: ReaderDep,
    old: Annotated[int, Query(alias="from", ge=0, description="A revision; 0 is the empty text.")],
    new: Annotated[int | None, Query(alias="to", ge=1, description="A revision; left out: the newest.")] = None,
) -> PlainTextResponse:
    """A unified difference, as text."""
    return PlainTextResponse(changes(await revisions_of(reader, id), id, old, new))


@router.get("/{id}/export", summary="As a file", response_model=None, responses=problems(404))
async def export(
    id: str,  # noqa: A002 - the path's word
    reader: ReaderDep,
    configuration: ConfigurationDep,
    form: Annotated[ExportFormat, Query(alias="format")] = ExportFormat.MARKDOWN,
) -> Response:
    """Markdown, HTML, PDF or JSON."""
    review = (await reader.review(id)).document
    media_type, suffix = MEDIA_TYPES[form]
    disposition = f'attachment; filename="review-{review["incident_id"]}.{suffix}"'
    body = await exported(review, form, configuration.base_url)
    return Response(body, media_type=media_type, headers={"Content-Disposition": disposition})


@router.get("/{id}/guide", summary="The facilitator's interview guide", response_model=None, responses=problems(404))
async def guide(id: str, reader: ReaderDep, configuration: ConfigurationDep) -> PlainTextResponse:  # noqa: A002
    """Markdown: each participant, their moments, and a question for each kind of statement."""
    review, timeline = await _with_timeline(reader, id)
    return _markdown(interview_guide(review, timeline, configuration.policy.calendar))


@router.get(
    "/{id}/calibration",
    summary="What is believed so far, to be corrected",
    response_model=None,
    responses=problems(404),
)
async def calibration(id: str, reader: ReaderDep, configuration: ConfigurationDep) -> PlainTextResponse:  # noqa: A002
    """Markdown: for the participants, before the meeting."""
    review, timeline = await _with_timeline(reader, id)
    return _markdown(calibration_document(review, timeline, configuration.policy.calendar))


async def revisions_of(reader: Reader, id_: str) -> list[Document]:
    """The versions that the record has, oldest first; Rejected when there is no such review."""
    review = (await reader.review(id_)).document
    listing = await reader.things(
        ProjectionKind.REVIEW_REVISION, incident_id=review["incident_id"], limit=_MOST_REVISIONS
    )
    return sorted(listing.items, key=lambda each: each["revision"])


def changes(found: list[Document], id_: str, old: int, new: int | None) -> str:
    """The difference between two versions; 0 is the empty text, None the newest."""
    newest = new if new is not None else max((each["revision"] for each in found), default=0)
    before = "" if old == 0 else _revision(found, id_, old)["markdown"]
    return difference(before, _revision(found, id_, newest)["markdown"], (f"revision {old}", f"revision {newest}"))


def _revision(found: list[Document], id_: str, number: int) -> Document:
    for each in found:
        if each["revision"] == number:
            return each
    known = ", ".join(str(each["revision"]) for each in found) or "none yet"
    raise Rejected(f"the review of {id_} has no revision {number}; there is {known}", RejectionKind.NOT_FOUND)


async def _with_timeline(reader: Reader, id_: str) -> tuple[Document, list[Any]]:
    review = (await reader.review(id_)).document
    return review, await reader.timeline(review["incident_id"], limit=_MOST_LINES)


def _markdown(text: str) -> PlainTextResponse:
    return PlainTextResponse(text, media_type="text/markdown; charset=utf-8")
