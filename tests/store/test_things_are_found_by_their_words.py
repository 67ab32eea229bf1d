"""Search: the same query language and the same answers on both databases, in step with what is saved."""

import pytest

from domain.record import Projection, ProjectionKind
from domain.search import Found, parse_query
from store import Store
from store.interface import ShelvedRunbook
from tests.support.records import batch, entry, incident, picture


async def found(store: Store, typed: str, *kinds: Found) -> set[str]:
    """The ids of what is found."""
    return {hit.id for hit in (await store.search.search(parse_query(typed), kinds=kinds)).hits}


def item(id_: str, title: str, version: int = 1, **more: object) -> Projection:
    """An action item."""
    body = {"title": title, "state": "open", "owner": "ana"} | more
    return picture(ProjectionKind.ACTION_ITEM, id_, version, "inc-1", **body)


async def test_everything_that_has_words_is_found(store: Store) -> None:
    """Incidents, lines of timelines, reviews, action items and runbooks, each with its permalink."""
    review = picture(
        ProjectionKind.REVIEW, "inc-1", 1, "inc-1", title="x", markdown="The replica lagged.", state="draft"
    )
    await store.record.save(
        batch(
            "a",
            entry(1, "failover of the replica begins"),
            pictures=(incident("inc-1", title="Replica lag at checkout"), review, item("ai-1", "Alert on replica lag")),
        )
    )
    await store.search.shelve_runbooks([ShelvedRunbook("fail-over", "Fail over", "promotes the replica")])
    hits = (await store.search.search(parse_query("replica"))).hits
    assert {(hit.kind.value, hit.url) for hit in hits} == {
        ("incident", "/incidents/inc-1"),
        ("entry", "/incidents/inc-1?all=1#e1"),
        ("review", "/reviews/inc-1"),
        ("action_item", "/action-items/ai-1"),
        ("runbook", "/search/runbooks/fail-over"),
    }
    assert await found(store, "replica", Found.RUNBOOK) == {"fail-over"}
    assert next(hit.snippet for hit in hits if hit.kind is Found.REVIEW) == "The replica lagged. inc-1"


@pytest.mark.parametrize(
    ("typed", "ids"),
    [
        ("disk", {"inc-1", "inc-2"}),
        ("DISKS", {"inc-1", "inc-2"}),
        ("disk full", {"inc-1", "inc-2"}),
        ('"disk full"', {"inc-1"}),
        ("disk -kasse", {"inc-1"}),
        ('disk -"full disk"', {"inc-1"}),
        ("kas*", {"inc-2"}),
        ("kas", set()),
        ("-disk", set()),
        ("the disk", {"inc-1"}),
        ("db1.example.com", {"inc-1"}),
        ("10%", {"inc-2"}),
        ("Größe", {"inc-2"}),
    ],
)
async def test_the_query_language_means_the_same_on_both(store: Store, typed: str, ids: set[str]) -> None:
    """Words, phrases, beginnings, exclusions; stems and no stop words; punctuation parts words."""
    pictures = (
        incident("inc-1", title="The disk full on db1.example.com"),
        incident("inc-2", title="Full disk", summary="Kasse: nur 10% der Größe"),
    )
    await store.record.save(batch("a", pictures=pictures))
    assert await found(store, typed, Found.INCIDENT) == ids


@pytest.mark.parametrize(
    "typed",
    [
        '"',
        "*",
        "-",
        '-"',
        "AND",
        "a OR",
        "NEAR(",
        "title:",
        "(((",
        "a:*b",
        "'",
        "\\",
        "\0",
        "^x",
        "&|!",
        "<->",
        "NOT a",
        "🙂",
    ],
)
async def test_nothing_that_is_typed_is_an_error(store: Store, typed: str) -> None:
    """Operators of either database are words or nothing."""
    await store.record.save(batch("a", pictures=(incident("inc-1", title="plain"),)))
    assert await found(store, typed) == set()
    assert await found(store, f"plain {typed}") <= {"inc-1"}


async def test_the_index_follows_the_newest_picture(store: Store) -> None:
    """Old words are gone, late and old pictures change nothing, and an unsaved batch leaves no trace."""
    await store.record.save(batch("a", pictures=(item("ai-1", "Alert on disks", 1),)))
    await store.record.save(batch("a", pictures=(item("ai-1", "Alert on memory", 3),)))
    await store.record.save(batch("a", pictures=(item("ai-1", "Alert on disks again", 2),)))
    assert await found(store, "disks") == set()
    assert await found(store, "memory") == {"ai-1"}


async def test_the_title_counts_more_than_the_text(store: Store) -> None:
    """Who has the word in the title comes first."""
    pictures = (
        incident("inc-1", title="Slow pages", summary="the certificate was renewed in time"),
        incident("inc-2", title="Certificate expired", summary="pages were slow"),
    )
    await store.record.save(batch("a", pictures=pictures))
    hits = (await store.search.search(parse_query("certificate"))).hits
    assert [hit.id for hit in hits] == ["inc-2", "inc-1"]


async def test_of_a_common_word_the_newest_are_ranked(store: Store) -> None:
    """Six hundred lines of noise: said to be cut, the best first; what is rare or of another kind is found as well."""
    best, rare = "noise noise noise noise", "one quiet line"
    lines = [entry(n, best if n == 599 else rare if n == 3 else f"noise number {n}") for n in range(1, 601)]
    near = [incident(f"inc-{n}", minutes=n, title=f"noisy night {n}") for n in range(2, 260)]
    await store.record.save(batch("a", *lines, pictures=(incident("inc-1", title="Noise at the door"), *near)))
    answer = await store.search.search(parse_query("noise"), kinds=(Found.ENTRY, Found.INCIDENT), limit=30)
    assert answer.is_cut
    assert next(hit.id for hit in answer.hits if hit.kind is Found.ENTRY) == "inc-1#599"
    assert len(answer.hits) == 30
    other = await store.search.search(parse_query("door"), limit=30)
    assert ([hit.id for hit in other.hits], other.is_cut) == (["inc-1"], False)
    rarely = await store.search.search(parse_query("quiet"))
    assert ([hit.id for hit in rarely.hits], rarely.is_cut) == (["inc-1#3"], False)
    alike = await store.alike.alike("inc-1000", title="noisy night", services=("checkout",))
    assert {int(each.incident_id.removeprefix("inc-")) for each in alike} <= set(range(60, 260))


async def test_of_incidents_alike_the_rare_word_decides(store: Store) -> None:
    """Each shares two words with it and the service; one that nobody else has counts for more than being newer."""
    shop = {"services": ["shop"]}
    every_day = [incident(f"inc-{n}", minutes=n, title="Checkout queue slow", **shop) for n in range(2, 42)]
    rare = incident("inc-1", title="Certificate of the checkout expired", **shop)
    await store.record.save(batch("a", pictures=(rare, *every_day)))
    found = await store.alike.alike("inc-1000", title="Certificate, checkout, slow", services=("shop",))
    assert found[0].incident_id == "inc-1"
    assert found[0].reasons[1].sentence == "the words ‘certificate’, ‘checkout’"
    assert found[1].reasons[1].sentence == "the words ‘slow’, ‘checkout’"
    assert found[0].score > found[1].score


async def test_a_runbook_that_is_gone_is_not_found(store: Store) -> None:
    """The shelf holds exactly what the catalogue has."""
    await store.search.shelve_runbooks([ShelvedRunbook("a", "Drain", "x"), ShelvedRunbook("b", "Drain too", "y")])
    await store.search.shelve_runbooks([ShelvedRunbook("b", "Drain too", "z")])
    assert await found(store, "drain") == {"b"}
    assert await found(store, "z") == {"b"}
    await store.search.shelve_runbooks([])
    assert await found(store, "drain") == set()


async def test_search_can_be_made_anew_from_the_record(store: Store) -> None:
    """A rebuild finds what was found before, and once each."""
    await store.record.save(
        batch("a", entry(1, "replica fails"), pictures=(incident("inc-1", title="Replica"), item("ai-1", "Replica")))
    )
    await store.search.shelve_runbooks([ShelvedRunbook("b", "Replica", "y")])
    before = await found(store, "replica")
    assert await store.rebuild() == 3
    assert await found(store, "replica") == before == {"inc-1", "inc-1#1", "ai-1", "b"}
