"""What routes are given by FastAPI: the reader, the actions, who speaks, the idempotency key, a list's page.

Used by every file of `api/routes`. Everything comes from `app.state`, where `api/app.py` put it.
"""

from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.acting import Actions
from api.auth import CurrentPrincipal, Principal, actor_for
from api.bodies import Strict
from api.engine import key_mark
from api.problems import MEDIA_TYPE
from api.reading import Picture, Reader
from domain.configuration import Configuration
from domain.timeline import Actor
from runbooks.catalog import Catalog
from store.interface import Document, Listing

# More than a person reads, less than a response of many megabytes.
LONGEST_PAGE = 200


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for the OpenAPI document; 401 and 503 are everywhere."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": _MEANINGS[status], "content": content} for status in sorted({401, 422, 503, *statuses})
    }


_MEANINGS = {
    400: "The body is not JSON.",
    401: "No valid token or session.",
    403: "Not allowed for the one who speaks.",
    404: "There is none such.",
    409: "Not possible as things stand.",
    413: "The body is too large.",
    422: "The request does not fit; `errors` names each field.",
    503: "Engine, worker or store do not answer; see Retry-After.",
}


def shows(model: type[BaseModel], status: int = 200, description: str = "") -> dict[int | str, dict[str, Any]]:
    """The success of a route, for the OpenAPI document; documents are passed on as the workflow wrote them."""
    return {status: {"model": model, "description": description or (model.__doc__ or "").partition("\n")[0]}}


def _reader(request: Request) -> Reader:
    return cast("Reader", request.app.state.reader)


def _actions(request: Request) -> Actions:
    return cast("Actions", request.app.state.actions)


def _configuration(request: Request) -> Configuration:
    return cast("Configuration", request.app.state.configuration.current())


def _catalog(request: Request) -> Catalog:
    return cast("Catalog", request.app.state.catalog)


ReaderDep = Annotated[Reader, Depends(_reader)]
ActionsDep = Annotated[Actions, Depends(_actions)]
ConfigurationDep = Annotated[Configuration, Depends(_configuration)]
CatalogDep = Annotated[Catalog, Depends(_catalog)]


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks, for whom, and with which idempotency key."""

    principal: Principal
    configuration: Configuration
    key: str | None

    def actor(self, by: str | None) -> Actor:
        """The one who acts; Rejected (403, 422) when `by` may not be named."""
        return actor_for(self.principal, by, self.configuration)

    @property
    def mark(self) -> str | None:
        """The digest of the idempotency key, with the caller in it."""
        return key_mark(self.principal.name, self.key) if self.key else None


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same request with the same key is done once; later ones get the answer of the first.",
    ),
]


def _speaker(principal: CurrentPrincipal, configuration: ConfigurationDep, key: IdempotencyKey = None) -> Speaker:
    return Speaker(principal, configuration, key)


SpeakerDep = Annotated[Speaker, Depends(_speaker)]


class PageQuery(Strict):
    """Which page of a list; every list takes these."""

    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before.")
    limit: int = Field(default=50, ge=1, le=LONGEST_PAGE, description="Items a page.")


class ThingsQuery(PageQuery):
    """Filters that most lists take."""

    incident_id: str | None = Field(default=None, description="Only those of this incident.")
    state: str | None = Field(default=None, description="One state, or several with commas in between.")


class OwnedQuery(ThingsQuery):
    """Filters of what has an owner and a due date."""

    owner: str | None = Field(default=None, description="One person, or several with commas in between.")
    overdue: bool | None = Field(default=None, description="Only what is (or is not) past its due date and open.")


Things = Annotated[ThingsQuery, Query()]
Owned = Annotated[OwnedQuery, Query()]


def several(text: str | None) -> list[str] | None:
    """`a,b` as a list; None for no filter."""
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    return words or None


def page(listing: Listing) -> JSONResponse:
    """One page of a list."""
    return JSONResponse({"items": list(listing.items), "next_cursor": listing.next_cursor})


def picture(found: Picture) -> JSONResponse:
    """One thing; the header says whether the workflow itself answered or the store."""
    return JSONResponse(found.document, headers={"Hotwash-Source": "engine" if found.is_live else "record"})


def document(body: Document, status: int = 200, location: str | None = None) -> JSONResponse:
    """A thing after it was changed or made."""
    return JSONResponse(body, status_code=status, headers={"Location": location} if location else None)
