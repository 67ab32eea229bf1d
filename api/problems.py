"""RFC 9457 problem documents: the one form in which this API says no.

Called by `api/errors.py`, which decides on the status, and by `api/guard.py`, which answers before routing. The one
thing to know: `detail` is a sentence for a person and never holds a trace, a secret or a path of this machine.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """One field that is wrong, and how to mend it."""

    field: str = Field(description="Where in the request: `body.severity`, `query.limit`.")
    message: str = Field(description="What is wrong with it and how to mend it.")


class Problem(BaseModel):
    """What every refusal looks like."""

    type: str = Field(description="A stable name of the kind of problem: `urn:hotwash:problem:not-found`.")
    title: str = Field(description="The kind of problem in a few words; the same for each of its kind.")
    status: int = Field(description="The HTTP status, again.")
    detail: str = Field(description="What is wrong this time and how to mend it.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str | None = Field(default=None, description="Find this in the log of the API.")
    errors: list[FieldProblem] = Field(default_factory=list, description="Each field that is wrong.")


def problem(
    status: int,
    detail: str,
    *,
    instance: str,
    name: str | None = None,
    title: str | None = None,
    request_id: str | None = None,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document; `name` and `title` default to the words of the HTTP status."""
    phrase = HTTPStatus(status).phrase
    document = Problem(
        type=f"urn:hotwash:problem:{name or phrase.lower().replace(' ', '-')}",
        title=title or phrase,
        status=status,
        detail=detail,
        instance=instance,
        request_id=request_id,
        errors=list(errors),
    )
    left_out = {name for name, value in (("request_id", request_id), ("errors", errors)) if not value}
    return JSONResponse(
        document.model_dump(mode="json", exclude=left_out),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )
