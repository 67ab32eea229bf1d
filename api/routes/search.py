"""`/api/v1/search`: incidents, timelines, reviews, action items, runbooks and lessons by their words."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from api.bodies import Strict, nearest
from api.dependencies import LONGEST_PAGE, problems, several
from api.learning import LearningDep
from domain.errors import Rejected
from domain.search import Found, parse_query

router = APIRouter(tags=["search"])


class SearchFor(Strict):
    """What is looked for."""

    q: str = Field(max_length=2_000, description='Words, "a phrase", begin* and -not; never a syntax error.')
    kind: str | None = Field(default=None, description=f"Any of {', '.join(Found)}, with commas in between.")
    since: datetime | None = Field(default=None, description="Nothing older.")
    limit: int = Field(default=20, ge=1, le=LONGEST_PAGE, description="How many, best first.")


def read_kinds(text: str | None) -> tuple[Found, ...]:
    """The kinds that were named; Rejected with the nearest one."""
    known = {kind.value for kind in Found}
    for word in several(text) or ():
        if word not in known:
            raise Rejected(f"{word[:60]!r} is nothing that is searched{nearest(word, known)}")
    return tuple(Found(word) for word in several(text) or ())


@router.get("/search", summary="Everything with these words, best first", response_model=None, responses=problems(422))
async def search(learning: LearningDep, query: Annotated[SearchFor, Query()]) -> JSONResponse:
    """Each with a snippet and its place in the console. `is_cut`: of more that fit the newest were ranked."""
    found = await learning.search(parse_query(query.q), read_kinds(query.kind), query.since, query.limit)
    return JSONResponse({"items": [hit.model_dump(mode="json") for hit in found.hits], "is_cut": found.is_cut})
