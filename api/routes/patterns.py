"""`/api/v1/patterns`, `/tags` and `/incidents/{id}/similar`: what was learned before, where it can be found."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from api.bodies import Strict
from api.dependencies import ReaderDep, SpeakerDep, document, problems, shows
from api.learning import LearningDep
from domain.pattern import Lesson, LessonText, Taggable, lesson_id

router = APIRouter(tags=["patterns"])


class LessonBody(Strict):
    """A lesson: what to look for, and what helped."""

    title: str = Field(max_length=1_000)
    body: str = Field(max_length=100_000, description="Markdown.")
    tags: tuple[str, ...] = ()
    incidents: tuple[str, ...] = Field(default=(), description="Ids of the incidents that it comes from.")
    revision: int = Field(default=0, ge=0, description="The revision that you read; 0 for a new lesson.")
    by: str | None = Field(default=None, description="Who writes, for a speaker who may name others.")

    def text(self) -> LessonText:
        """Without the author."""
        return LessonText.model_validate(self.model_dump(exclude={"by"}))


class By(Strict):
    """Who does it."""

    by: str | None = None


class TagsBody(By):
    """All tags that a thing shall have."""

    tags: tuple[str, ...]


class LessonsQuery(Strict):
    """Which lessons."""

    tag: str | None = None
    incident_id: str | None = None


@router.get("/patterns", summary="Lessons, the newest first", response_model=None, responses=problems(422))
async def list_lessons(learning: LearningDep, query: Annotated[LessonsQuery, Query()]) -> JSONResponse:
    """Those in use; by tag, or of an incident."""
    found = await learning.learning.patterns.lessons(tag=query.tag, incident_id=query.incident_id)
    return JSONResponse({"items": [each.model_dump(mode="json") for each in found], "next_cursor": None})


@router.post("/patterns", summary="Write a lesson down", status_code=201, response_model=None,
             responses=shows(Lesson, 201) | problems(403, 422))  # fmt: skip
async def write_lesson(body: LessonBody, learning: LearningDep, speaker: SpeakerDep) -> JSONResponse:
    """With an `Idempotency-Key` the same request is the same lesson."""
    by = speaker.actor(body.by).name
    now = datetime.now(UTC)
    id_ = lesson_id(body.text(), by, speaker.mark or now.isoformat())
    made = await learning.learning.patterns.write(id_, body.text(), by, now)
    return document(made.model_dump(mode="json"), 201, f"/api/v1/patterns/{made.id}")


@router.get("/patterns/{id}", summary="One lesson", response_model=None, responses=shows(Lesson) | problems(404))
async def get_lesson(id: str, learning: LearningDep) -> JSONResponse:  # noqa: A002 - the path's word
    """Also one that was retired."""
    return document((await learning.learning.patterns.lesson(id)).model_dump(mode="json"))


@router.post("/patterns/{id}", summary="Change a lesson", response_model=None,
             responses=shows(Lesson) | problems(403, 404, 409, 422))  # fmt: skip
async def change_lesson(id: str, body: LessonBody, learning: LearningDep, speaker: SpeakerDep) -> JSONResponse:  # noqa: A002 - the path's word
    """With the revision that was read; a stale one is refused, so that nobody's words are lost."""
    by = speaker.actor(body.by).name
    await learning.learning.patterns.lesson(id)
    made = await learning.learning.patterns.write(id, body.text(), by, datetime.now(UTC))
    return document(made.model_dump(mode="json"))


@router.post("/patterns/{id}/retire", summary="Take a lesson out of use", response_model=None,
             responses=shows(Lesson) | problems(403, 404))  # fmt: skip
async def retire_lesson(id: str, body: By, learning: LearningDep, speaker: SpeakerDep) -> JSONResponse:  # noqa: A002 - the path's word
    """It can still be read."""
    by = speaker.actor(body.by).name
    return document((await learning.learning.patterns.retire(id, by, datetime.now(UTC))).model_dump(mode="json"))


@router.get("/tags", summary="Every tag and how often it was given", response_model=None, responses=problems())
async def list_tags(learning: LearningDep) -> JSONResponse:
    """The most frequent first."""
    found = await learning.learning.patterns.all_tags()
    return JSONResponse({"items": [{"tag": tag, "count": count} for tag, count in found], "next_cursor": None})


@router.get("/tags/{tag}", summary="What has a tag", response_model=None, responses=problems())
async def tagged(tag: str, learning: LearningDep) -> JSONResponse:
    """The newest first."""
    found = await learning.learning.patterns.tagged(tag)
    return JSONResponse({"items": [{"kind": kind.value, "id": id_} for kind, id_ in found], "next_cursor": None})


@router.put("/tags/{kind}/{id}", summary="Give a thing exactly these tags", response_model=None,
            responses=problems(403, 404, 422))  # fmt: skip
async def give_tags(  # noqa: PLR0917 - FastAPI gives them by name
    kind: Taggable,
    id: str,  # noqa: A002 - the path's word
    body: TagsBody,
    learning: LearningDep,
    reader: ReaderDep,
    speaker: SpeakerDep,
) -> JSONResponse:
    """An incident, a review or a lesson."""
    by = speaker.actor(body.by).name
    match kind:
        case Taggable.LESSON:
            await learning.learning.patterns.lesson(id)
        case Taggable.REVIEW:
            await reader.review(id)
        case Taggable.INCIDENT:
            await reader.incident(id)
    given = await learning.learning.patterns.tag(kind, id, body.tags, by, datetime.now(UTC))
    return JSONResponse({"kind": kind.value, "id": id, "tags": list(given)})


@router.get("/incidents/{id}/similar", summary="Earlier incidents like this one, and why", response_model=None,
            responses=problems(404))  # fmt: skip
async def similar(id: str, learning: LearningDep, reader: ReaderDep) -> JSONResponse:  # noqa: A002 - the path's word
    """The most alike first, with their runbooks, what helped, and their action items that are still open."""
    incident = (await reader.incident(id)).document
    found = await learning.learning.alike.alike(id, title=incident["title"], services=incident["services"])
    return JSONResponse({"items": [each.model_dump(mode="json") for each in found], "next_cursor": None})
