"""RFC 9457 problem documents: the one form in which this API says no.

Called by `api/errors.py`, which decides on the status, and by `api/guard.py`, which answers before routing. The one
thing to know: `detail` is a sentence for a person and never holds a trace, a secret or a path of this machine.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import Request, Response
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


class ProblemResponse(JSONResponse):
    """A problem document that remembers its words, for those who show it as a page."""

    media_type = MEDIA_TYPE

    def __init__(self, body: dict[str, object], document: Problem, headers: Mapping[str, str] | None) -> None:
        super().__init__(body, status_code=document.status, headers=dict(headers or {}))
        self.title = document.title
        self.detail = document.detail


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
) -> ProblemResponse:
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
    return ProblemResponse(document.model_dump(mode="json", exclude=left_out), document, headers)


def as_seen(request: Request, refusal: ProblemResponse) -> Response:
    """The same refusal as a page, when a person's browser asked for one; programs get the document."""
    show = getattr(request.app.state, "show_problem", None)
    if show is None or not wants_page(request):
        return refusal
    page: Response = show(refusal.status_code, refusal.title, refusal.detail)
    for name in ("Retry-After", "Allow"):
        if name in refusal.headers:
            page.headers[name] = refusal.headers[name]
    return page


def wants_page(request: Request) -> bool:
    """Whether a browser shows the answer to a person."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
