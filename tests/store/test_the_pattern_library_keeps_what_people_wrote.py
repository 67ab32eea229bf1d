"""Lessons and tags: written once, changed knowingly, found by words and tags."""

from datetime import UTC, datetime

import pytest

from domain.errors import Rejected
from domain.pattern import LessonText, Taggable
from domain.search import parse_query
from store import Store

NOW = datetime(2026, 11, 27, tzinfo=UTC)
TEXT = LessonText(
    title="Connection pools run dry",
    body="Look at *waiting clients* first; raising the limit only moves it.",
    tags=("Connection Pool", "postgres"),
    incidents=("inc-20261122-k7qd",),
)


async def test_a_lesson_is_written_found_and_retired(store: Store) -> None:
    """By words, tag and incident; a retired one only by its id."""
    written = await store.patterns.write("pools", TEXT, "ana", NOW)
    assert (written.revision, written.tags) == (1, ("connection-pool", "postgres"))
    assert await store.patterns.write("pools", TEXT, "ana", NOW) == written
    assert [hit.url for hit in (await store.search.search(parse_query("waiting client"))).hits] == ["/patterns/pools"]
    assert await store.patterns.lessons(tag="postgres") == [written]
    assert await store.patterns.lessons(incident_id="inc-20261122-k7qd") == [written]
    assert await store.patterns.lessons(tag="redis") == []
    await store.patterns.retire("pools", "ben", NOW)
    assert await store.patterns.lessons() == []
    assert (await store.search.search(parse_query("waiting"))).hits == []
    assert (await store.patterns.lesson("pools")).is_retired


async def test_nobody_overwrites_what_they_have_not_read(store: Store) -> None:
    """Of two who edit the same revision the second hears so."""
    await store.patterns.write("pools", TEXT, "ana", NOW)
    mine = TEXT.model_copy(update={"body": "mine", "revision": 1})
    theirs = TEXT.model_copy(update={"body": "theirs", "revision": 1})
    assert (await store.patterns.write("pools", mine, "ana", NOW)).revision == 2
    with pytest.raises(Rejected, match="has changed since you read it"):
        await store.patterns.write("pools", theirs, "ben", NOW)


async def test_tags_are_exactly_those_given(store: Store) -> None:
    """One spelling; what is not given any more is gone."""
    assert await store.patterns.tag(Taggable.INCIDENT, "inc-1", ["DNS", "dns", "third party"], "ana", NOW) == (
        "dns",
        "third-party",
    )
    await store.patterns.tag(Taggable.INCIDENT, "inc-1", ["dns"], "ben", NOW)
    assert await store.patterns.tags_of(Taggable.INCIDENT, "inc-1") == ("dns",)
    assert await store.patterns.tagged("dns") == [(Taggable.INCIDENT, "inc-1")]
    assert await store.patterns.all_tags() == [("dns", 1)]
    await store.patterns.tag(Taggable.INCIDENT, "inc-1", [], "ben", NOW)
    assert await store.patterns.all_tags() == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"title": " "}, "needs a title"),
        ({"body": ""}, "needs a title"),
        ({"tags": ("a/b",)}, "is no tag"),
        ({"incidents": ("42",)}, "is no incident"),
        ({"title": "x" * 300}, "longer than"),
    ],
)
async def test_what_is_no_lesson_is_refused(store: Store, changes: dict[str, object], sentence: str) -> None:
    """With a sentence, and nothing kept."""
    with pytest.raises(Rejected, match=sentence):
        await store.patterns.write("bad", TEXT.model_copy(update=changes), "ana", NOW)
    with pytest.raises(Rejected, match="there is no lesson"):
        await store.patterns.lesson("bad")
