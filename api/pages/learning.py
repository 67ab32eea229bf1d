"""Search, insight and the pattern library: what was learned before, and what the record says."""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel

from api.charts import bars, strip
from api.learning import LONGEST_WINDOW_DAYS, Asked, LearningDesk, read_evidence
from api.pages.forms import longest_text, read_form, read_model
from api.pages.rendering import AtDesk, Desk, attempt, markdown
from api.routes.search import read_kinds
from domain.errors import Rejected, Transient
from domain.insight.report import Spread, Table, amount, span
from domain.pattern import LessonText, Taggable, lesson_id
from domain.record import ProjectionKind
from domain.search import Found, marked, parse_query

router = APIRouter(include_in_schema=False)

_WINDOWS = ((30, "30 days"), (90, "90 days"), (365, "a year"), (3_660, "everything"))


def _learning(desk: Desk) -> LearningDesk:
    found: LearningDesk = desk.request.app.state.learning
    return found


class SearchForm(BaseModel):
    """The search box."""

    q: str = ""
    kind: str = ""


@router.get("/search")
async def search(desk: AtDesk, form: Annotated[SearchForm, Query()]) -> HTMLResponse:
    """One box for everything; works at night on a phone."""
    query = parse_query(form.q[:2_000])
    hits: list[Any] = []
    is_cut = False
    try:
        found = await _learning(desk).search(query, read_kinds(form.kind or None), limit=50)
        hits, is_cut = found.hits, found.is_cut
    except Transient as error:
        desk.store_problem = error.sentence
    return await desk.page(
        "search.html",
        form=form,
        kinds=[kind.value for kind in Found],
        hits=[(hit, marked(hit.title, query), marked(hit.snippet, query)) for hit in hits],
        is_cut=is_cut,
        has_words=bool(query.wanted),
    )


@router.get("/search/runbooks/{name}")
async def runbook(desk: AtDesk, name: str) -> HTMLResponse:
    """A runbook as it is written."""
    return await desk.page("runbook_text.html", name=name, text=_learning(desk).runbook_text(name))


@router.get("/insights")
async def insights(desk: AtDesk, days: Annotated[int, Query(ge=1, le=3_660)] = 90) -> HTMLResponse:
    """Each insight with its sentence first, and every number a way to what it counts."""
    asked = Asked(days=days)
    found: list[Any] = []
    try:
        found = await _learning(desk).insight(asked.window(), desk.configuration).insights()
    except Transient as error:
        desk.store_problem = error.sentence
    return await desk.page(
        "insights.html",
        mails=await desk.listing(ProjectionKind.INSIGHT_MAIL, limit=3),
        people=desk.people,
        key=desk.new_key(),
        insights=found,
        charts={f"{each.name}/{table.title}": _chart(table) for each in found for table in each.tables},
        spread_charts={spread.name: _spread_chart(spread) for each in found for spread in each.spreads},
        amount=amount,
        days=days,
        windows=_WINDOWS,
    )


@router.post("/insights/mail")
async def mail_insights(desk: AtDesk) -> RedirectResponse:
    """These numbers to somebody; a second press of the same form mails nothing more."""
    form = await desk.request.form()
    people = [str(each) for each in form.getlist("people")]
    days = str(form.get("days", ""))
    path = f"/insights?days={days}" if days.isdecimal() else "/insights"
    if not people:
        return desk.back(path, refusal="choose somebody to mail it to")
    chosen = min(max(int(days), 1), LONGEST_WINDOW_DAYS) if days.isdecimal() else Asked().days
    asking = desk.actions.mail_insights(
        desk.actor, datetime.now(UTC), str(form.get("key", "")) or None, days=chosen, names=(), people=people
    )
    return await attempt(desk, path, asking, f"It is being counted and mailed to {', '.join(people)}.")


def _chart(table: Table) -> str:
    pairs = [(row.name, row.numbers[0].value) for row in table.rows]
    if not pairs or not table.drawn_as:
        return ""
    return strip(pairs, table.title) if table.drawn_as == "strip" else bars(pairs, f"{table.title}: {table.columns[0]}")


def _spread_chart(spread: Spread) -> str:
    by = "duration" if spread.unit == "seconds" else spread.unit
    return strip(spread.classes, f"{spread.name}: {spread.of}s by {by}") if spread.distribution.n else ""


@router.get("/insights/evidence")
async def evidence(desk: AtDesk, cursor: str = "") -> HTMLResponse:
    """The single things behind a number."""
    wanted = read_evidence(desk.request)
    items: list[Any] = []
    total, following = 0, None
    reader = _learning(desk).insight(Asked().window(), desk.configuration)
    try:
        listing = await reader.listing(wanted, cursor or None)
        items, total = listing.items, await reader.count(wanted)
        if listing.next_cursor:
            following = f"?{wanted.query()}&{urlencode({'cursor': listing.next_cursor})}"
    except Transient as error:
        desk.store_problem = error.sentence
    facts = wanted.model_dump(mode="json", exclude_none=True, exclude={"of", "since", "until", "values"})
    return await desk.page(
        "evidence.html", evidence=wanted, facts=facts, items=items, total=total, next_page=following, span=span
    )


@router.get("/patterns")
async def patterns(desk: AtDesk, tag: str = "") -> HTMLResponse:
    """Lessons and tags."""
    library = _learning(desk).learning.patterns
    lessons: list[Any] = []
    tags: list[Any] = []
    tagged: list[Any] = []
    try:
        lessons, tags = await library.lessons(tag=tag or None), await library.all_tags()
        tagged = [each for each in await library.tagged(tag) if each[0] is not Taggable.LESSON] if tag else []
    except Transient as error:
        desk.store_problem = error.sentence
    return await desk.page("patterns.html", lessons=lessons, tags=tags, tag=tag, tagged=tagged)


@router.get("/patterns/new")
async def new_lesson(desk: AtDesk, incident: str = "") -> HTMLResponse:
    """The form."""
    blank = {"title": "", "body": "", "tags": (), "incidents": (incident,) if incident else (), "revision": 0}
    return await desk.page("lesson_edit.html", lesson=blank, action="/patterns", key=desk.new_key())


@router.post("/patterns")
async def write_lesson(desk: AtDesk) -> RedirectResponse:
    """Write it down."""
    fields = await read_form(desk.request)
    try:
        text = _read_lesson(fields)
        id_ = lesson_id(text, desk.principal.name, str(fields.get("key", "")))
        made = await _learning(desk).learning.patterns.write(id_, text, desk.principal.name, datetime.now(UTC))
    except (Rejected, Transient) as error:
        return desk.back("/patterns/new", refusal=error.sentence, unsent=longest_text(fields))
    return desk.back(f"/patterns/{made.id}", notice="Written down. It is found by its words and tags.")


@router.get("/patterns/{id_}")
async def lesson(desk: AtDesk, id_: str) -> HTMLResponse:
    """One lesson."""
    found = await _learning(desk).learning.patterns.lesson(id_)
    return await desk.page("lesson.html", lesson=found, html=markdown(found.body))


@router.get("/patterns/{id_}/edit")
async def edit_lesson(desk: AtDesk, id_: str) -> HTMLResponse:
    """The form, with what stands there."""
    found = await _learning(desk).learning.patterns.lesson(id_)
    document = found.model_dump()
    return await desk.page("lesson_edit.html", lesson=document, action=f"/patterns/{id_}", key="")


@router.post("/patterns/{id_}")
async def change_lesson(desk: AtDesk, id_: str) -> RedirectResponse:
    """Save what was edited."""
    fields = await read_form(desk.request)
    try:
        text = _read_lesson(fields)
        await _learning(desk).learning.patterns.write(id_, text, desk.principal.name, datetime.now(UTC))
    except (Rejected, Transient) as error:
        return desk.back(f"/patterns/{id_}/edit", refusal=error.sentence, unsent=longest_text(fields))
    return desk.back(f"/patterns/{id_}", notice="Saved.")


@router.post("/patterns/{id_}/retire")
async def retire_lesson(desk: AtDesk, id_: str) -> RedirectResponse:
    """Out of use."""
    doing = _learning(desk).learning.patterns.retire(id_, desk.principal.name, datetime.now(UTC))
    try:
        await doing
    except (Rejected, Transient) as error:
        return desk.back(f"/patterns/{id_}", refusal=error.sentence)
    return desk.back("/patterns", notice="Retired. It can still be read under its address.")


@router.post("/tags/{kind}/{id_}")
async def give_tags(desk: AtDesk, kind: Taggable, id_: str) -> RedirectResponse:
    """Exactly these."""
    fields = await read_form(desk.request)
    places = {Taggable.INCIDENT: f"/incidents/{id_}", Taggable.REVIEW: f"/reviews/{id_}"}
    place = places.get(kind, f"/patterns/{id_}")
    tags = _words(fields.get("tags", ""))
    doing = _learning(desk).learning.patterns.tag(kind, id_, tags, desk.principal.name, datetime.now(UTC))
    return await attempt(desk, place, doing, "Tags saved.")


def _read_lesson(fields: dict[str, Any]) -> LessonText:
    given: dict[str, Any] = {name: fields[name] for name in ("title", "body", "revision") if name in fields}
    given["tags"] = _words(fields.get("tags", ""))
    given["incidents"] = _words(fields.get("incidents", ""))
    given.setdefault("title", "")
    given.setdefault("body", "")
    return read_model(LessonText, given)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.replace("\n", ",").split(",") if word.strip())
