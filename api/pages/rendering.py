"""Turning documents into pages: the template environment, its filters, and what every page's frame needs.

Used by every module of `api/pages`. The one thing to know: everything that came from outside is escaped by Jinja2,
links included; the only HTML let through is a review's Markdown, sanitised by nh3.
"""

import json
import secrets
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import nh3
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from itsdangerous import BadData, URLSafeTimedSerializer
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from pydantic import TypeAdapter, ValidationError

from api.acting import Actions
from api.auth import Principal, current_principal
from api.errors import ENGINE_AWAY
from api.reading import Reader
from domain.configuration import Configuration
from domain.durations import format_duration
from domain.errors import HotwashError, Rejected, Transient
from domain.record import ProjectionKind
from domain.timeline import Actor, person

# A day of last year, or of the next, is told from one of this year by its year; ten months leave no doubt.
_SAME_YEAR = timedelta(days=300)
T = TypeVar("T")
_DURATION = TypeAdapter(timedelta)
TEMPLATES = Path(__file__).parent.parent / "templates"
STATIC = Path(__file__).parent.parent / "static"


def _moment(value: str | datetime | None) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value)


def _year(moment: datetime) -> str:
    """` 2024` of what is so far away that its day could be taken for that of another year."""
    return f" {moment.year}" if abs(moment - datetime.now(UTC)) > _SAME_YEAR else ""


def at(value: str | datetime | None) -> str:
    """`22 Nov 10:31 UTC`, `22 Nov 2024 10:31 UTC`; a dash for nothing."""
    moment = _moment(value)
    if moment is None:
        return "–"
    moment = moment.astimezone(UTC)
    return f"{moment:%-d %b}{_year(moment)} {moment:%H:%M} UTC"


def line_time(value: str | datetime | None, form: str = "%H:%M:%S") -> str:
    """`10:31:07` today, `22 Nov 10:31:07` on any other day, `22 Nov 2024 10:31:07` long ago."""
    moment = _moment(value)
    if moment is None:
        return "–"
    moment = moment.astimezone(UTC)
    is_today = moment.date() == datetime.now(UTC).date()
    return f"{moment:{form}}" if is_today else f"{moment:%-d %b}{_year(moment)} {moment:{form}}"


def line_time_short(value: str | datetime | None) -> str:
    """The same without seconds."""
    return line_time(value, "%H:%M")


def day(value: str | datetime | None) -> str:
    """`Mon 24 Nov`, `Mon 25 Nov 2024`."""
    moment = _moment(value)
    if moment is None:
        return "no date"
    moment = moment.astimezone(UTC)
    return f"{moment:%a %-d %b}{_year(moment)}"


def ago(value: str | datetime | None) -> str:
    """`12m ago`, `in 3h`; the two largest units are enough for a person."""
    moment = _moment(value)
    if moment is None:
        return "–"
    distance = moment - datetime.now(UTC)
    words = format_duration(abs(distance))
    short = _first_two_units(words)
    if short in {"0s", ""}:
        return "now"
    return f"in {short}" if distance.total_seconds() > 0 else f"{short} ago"


def _first_two_units(text: str) -> str:
    units: list[str] = []
    number = ""
    for character in text.removesuffix("ms"):
        if character.isdigit():
            number += character
        else:
            units.append(number + character)
            number = ""
    return "".join(units[:2] if units and not units[0].endswith("m") else units[:1])


def duration(value: object) -> object:
    """`20s` for the ISO form `PT20S`; anything else stays as it is."""
    try:
        return format_duration(_DURATION.validate_python(value)) if str(value).startswith("PT") else value
    except ValidationError:
        return value


# What a reader looks for comes first; the heading says the title, and where it stands in the runbook comes last.
_FIRST = ("action", "with")
_LAST = ("path", "kind")
_SPANS = frozenset({"within", "every", "timeout", "deadline", "duration"})


def outline(step: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Everything that a step holds besides its title, as lines: `with.target`, `shop`."""

    def place(item: tuple[str, Any]) -> int:
        name = item[0]
        return _FIRST.index(name) if name in _FIRST else len(_FIRST) + (name in _LAST)

    fields = sorted(step.items(), key=place)
    return [line for name, value in fields if name != "title" for line in _leaves(name, value)]


def _leaves(name: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        return [line for key, inner in value.items() for line in _leaves(f"{name}.{key}", inner)]
    if isinstance(value, list) and any(isinstance(inner, Mapping | list) for inner in value):
        return [line for number, inner in enumerate(value) for line in _leaves(f"{name}.{number}", inner)]
    if isinstance(value, str):
        is_span = name.rpartition(".")[2] in _SPANS
        return [(name, str(duration(value)) if is_span else value)]
    return [(name, json.dumps(value, ensure_ascii=False, default=str))]


def sentence(text: str) -> str:
    """A sentence of the domain as people read it: with a capital and a full stop."""
    text = text.strip()
    # An id (`inc-…`, `run/…`) keeps its spelling.
    opened = text[:1].upper() + text[1:] if text.split(" ", 1)[0].isalpha() else text
    return opened if opened.endswith((".", "!", "?", "…")) else opened + "."


def words(value: object) -> str:
    """`action_item` → `action item`."""
    return str(value).replace("_", " ")


def pretty(value: object) -> str:
    """JSON to read."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False, default=str)


def safe_url(value: str) -> str:
    """A link that came from outside: http and https only, anything else leads nowhere."""
    return value if urlsplit(value).scheme in {"http", "https"} else "#"


def markdown(text: str) -> Markup:
    """Markdown as HTML, sanitised: what an alert smuggled into the timeline stays text."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tokens = parser.parse(text)
    for token in tokens:
        # The page has its own h1; the text's headings stand below it.
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + 1, 6)}"
    html = parser.renderer.render(tokens, parser.options, {})
    return Markup(nh3.clean(html))  # noqa: S704 - nh3 is what makes it safe


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters.update(
        at=at, line_time=line_time, line_time_short=line_time_short, day=day, ago=ago, words=words, sentence=sentence,
        pretty=pretty, safe_url=safe_url, duration=duration, outline=outline,
    )  # fmt: skip
    return environment


ENVIRONMENT = _environment()


def render(template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page without the console's frame: login, status, problems."""
    return HTMLResponse(ENVIRONMENT.get_template(template).render(**context), status_code=status)


@dataclass(frozen=True, slots=True)
class Flash:
    """What the page after a form says of it."""

    refusal: str | None = None
    notice: str | None = None
    unsent: str | None = None


_NO_FLASH = Flash()


@dataclass
class Desk:
    """What a console page works with: who looks, what can be read and done, and what went wrong on the way."""

    request: Request
    principal: Principal
    reader: Reader
    actions: Actions
    configuration: Configuration
    engine_problem: str | None = None
    store_problem: str | None = None
    # Set where a refused form is answered with the page itself, so that a long text is not lost.
    refusal: str | None = None

    @property
    def actor(self) -> Actor:
        """The one who looks, as the author of what they do."""
        return person(self.principal.name)

    @property
    def people(self) -> list[str]:
        """Everybody who may be named."""
        return sorted(self.configuration.people)

    def new_key(self) -> str:
        """A key for a form: pressing its button twice asks for one thing."""
        return secrets.token_hex(16)

    def runbooks(self) -> list[dict[str, Any]]:
        """Name and title of each runbook that may be run."""
        summaries = self.request.app.state.catalog.summaries()
        return [{"name": each.name, "title": each.title} for each in summaries]

    async def done(self, doing: Coroutine[Any, Any, T]) -> T:
        """What a command answers; refused at once, not after its long limit, while the engine is known to be away."""
        if self.engine_problem:
            doing.close()
            raise Transient(ENGINE_AWAY)
        return await doing

    async def listing(self, kind: ProjectionKind, **filters: Any) -> list[dict[str, Any]]:
        """A list from the record; empty, with a banner, when the record is away."""
        try:
            return list((await self.reader.things(kind, **filters)).items)
        except Transient as error:
            self.store_problem = error.sentence
            return []

    async def newest_line(self, incident_id: str) -> int:
        """From where a live page listens; 0 when the record is away or knows nothing of it."""
        try:
            return await self.reader.latest_seq(incident_id)
        except Transient as error:
            self.store_problem = error.sentence
            return 0

    async def page(self, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """A page in the console's frame."""
        pending = await self.listing(ProjectionKind.APPROVAL, state="pending", limit=99)
        # A live page asks for itself again (live.js); the word for the next page that a person opens is not for it.
        flash = _NO_FLASH if _LIVE_HEADER in self.request.headers else self._flash()
        response = HTMLResponse(
            ENVIRONMENT.get_template(template).render(
                organization=self.configuration.organization,
                principal=self.principal,
                here=self.request.url.path,
                pending_approvals=len(pending),
                engine_problem=self.engine_problem,
                store_problem=self.store_problem,
                refusal=self.refusal or flash.refusal,
                notice=flash.notice,
                unsent=flash.unsent,
                **context,
            ),
            status_code=status,
        )
        if flash is not _NO_FLASH:
            response.delete_cookie(_FLASH)
        return response

    def _flash(self) -> Flash:
        raw = self.request.cookies.get(_FLASH)
        if raw is None:
            return _NO_FLASH
        try:
            # A minute is longer than any redirect takes.
            return Flash(**self._signer().loads(raw, max_age=60))
        except (BadData, TypeError):
            return _NO_FLASH

    def _signer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.request.app.state.secret_key, salt="hotwash.flash")

    def back(
        self, path: str, *, refusal: str | None = None, notice: str | None = None, unsent: str | None = None
    ) -> RedirectResponse:
        """Go back to a page and say there what became of it; `unsent` is what the person wrote in vain."""
        response = RedirectResponse(path, status_code=303)
        said = {"refusal": refusal, "notice": notice, "unsent": unsent}
        kept = {name: text[: _KEPT[name]] for name, text in said.items() if text}
        if kept:
            text = self._signer().dumps(kept)
            response.set_cookie(
                _FLASH, text if isinstance(text, str) else text.decode(), httponly=True, samesite="strict", max_age=60
            )
        return response


_FLASH = "hotwash_flash"
# Browsers keep 4096 bytes of a cookie; letters may take three bytes, base64 and the signature a third on top.
_KEPT = {"refusal": 400, "notice": 200, "unsent": 800}
_LIVE_HEADER = "x-hotwash-live"


async def desk(request: Request, principal: Annotated[Principal, Depends(current_principal)]) -> Desk:
    """The FastAPI dependency of every console page."""
    state = request.app.state
    problem = await engine_problem(request)
    return Desk(
        request=request,
        principal=principal,
        # Two seconds saved at each look, for as long as the engine is away.
        reader=state.reader.of_record_only() if problem else state.reader,
        actions=state.actions,
        configuration=state.configuration.current(),
        engine_problem=problem,
    )


AtDesk = Annotated[Desk, Depends(desk)]


async def engine_problem(request: Request) -> str | None:
    """One sentence when the engine cannot be reached; asked anew for each page, it takes two milliseconds."""
    try:
        await request.app.state.engine_answers()
    except HotwashError as error:
        return error.sentence
    return None


async def attempt(
    desk: Desk, path: str, doing: Coroutine[Any, Any, object], done: str, unsent: str | None = None
) -> RedirectResponse:
    """Do one thing that a form asked for and go back to the page with what became of it."""
    try:
        await desk.done(doing)
    except (Rejected, Transient) as error:
        return desk.back(path, refusal=error.sentence, unsent=unsent)
    return desk.back(path, notice=done)
