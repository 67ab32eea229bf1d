"""At declaration: earlier incidents like this one, why, what helped then, and what of them is still owed."""

from datetime import UTC, datetime, timedelta

from domain.record import ProjectionKind
from store import Store
from tests.support.quarter import NOW, save_quarter
from tests.support.records import batch, incident, picture


async def test_the_same_alert_and_service_come_first_and_say_why(store: Store) -> None:
    """Each reason is a sentence with its weight, and the score is their sum."""
    await save_quarter(store)
    now = incident("inc-now", title="Incident again", services=["shop"], declared_at=NOW.isoformat())
    await store.record.save(batch("now", pictures=(now,)))
    found = await store.alike.alike("inc-now", rules=("Errors",))
    assert found[0].incident_id == "inc-2"
    assert [(reason.feature, reason.sentence, reason.weight) for reason in found[0].reasons] == [
        ("alert", "the same alert ‘Errors’", 3.0),
        ("service", "the same service ‘shop’", 1.5),
        ("words", "the words ‘incident’", 0.525),
        ("time", "83 days apart", 0.5),
    ]
    assert found[0].score == 5.525
    assert [item.id for item in found[0].open_items] == ["ai-3"]
    assert found[0].runbooks == ("roll-back",)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert "inc-now" not in {each.incident_id for each in found}


async def test_what_the_review_says_helped_is_shown(store: Store) -> None:
    """Words alone make an incident alike too."""
    findings = [{"kind": "helped", "text": "Draining the queue by hand"}, {"kind": "hindered", "text": "No dashboard"}]
    review = picture(ProjectionKind.REVIEW, "inc-1", 1, "inc-1", state="closed", findings=findings)
    await store.record.save(batch("a", pictures=(incident("inc-1", title="Certificate of the mirror expired"), review)))
    found = await store.alike.alike("inc-9", title="Mirror certificate expired again")
    assert [(each.incident_id, each.helped) for each in found] == [("inc-1", ("Draining the queue by hand",))]


async def test_what_was_said_of_it_in_short_counts_as_its_title_does(store: Store) -> None:
    """Two people call the same thing by two names; the summary of the first has the words of the second."""
    before = incident("inc-1", title="Shop is slow", summary="The replica of the ledger lags behind its primary.")
    other = incident("inc-2", title="Shop is slow", summary="A promotion brought ten times the visitors.")
    await store.record.save(batch("a", pictures=(before, other)))
    found = await store.alike.alike("inc-9", title="Ledger replica lags")
    assert [(each.incident_id, each.reasons[0].sentence) for each in found] == [
        ("inc-1", "the words ‘lags’, ‘ledger’, ‘replica’")
    ]


async def test_drills_and_what_was_no_incident_are_not_alike(store: Store) -> None:
    """Neither teaches anything about this one."""
    pictures = (
        incident("inc-1", title="Certificate expired", drill=True),
        incident("inc-2", title="Certificate expired", status="cancelled"),
    )
    await store.record.save(batch("a", pictures=pictures))
    assert await store.alike.alike("inc-9", title="Certificate expired", services=("checkout",)) == []


async def test_a_service_alone_is_not_alike(store: Store) -> None:
    """Everything of a small team happens to one of three services."""
    await store.record.save(batch("a", pictures=(incident("inc-1", title="Certificate expired"),)))
    assert await store.alike.alike("inc-9", title="Disk full", services=("checkout",)) == []


async def test_a_service_of_late_is_shown_while_it_owes_something(store: Store) -> None:
    """Its open action item is flagged (rule O03), and no longer when that is done."""
    before = incident(
        "inc-1", title="Certificate expired", declared_at=(datetime.now(UTC) - timedelta(days=9)).isoformat()
    )
    item = {"title": "Renew it by itself", "owner": "ana", "created_at": NOW.isoformat()}
    open_ = picture(ProjectionKind.ACTION_ITEM, "act-1", 1, "inc-1", state="open", **item)
    await store.record.save(batch("a", pictures=(before, open_)))
    (found,) = await store.alike.alike("inc-9", title="Disk full", services=("checkout",))
    assert ([each.id for each in found.open_items], found.reasons[-1].sentence) == (
        ["act-1"],
        "action items still open",
    )
    done = picture(ProjectionKind.ACTION_ITEM, "act-1", 2, "inc-1", state="done", **item)
    await store.record.save(batch("b", pictures=(done,)))
    assert await store.alike.alike("inc-9", title="Disk full", services=("checkout",)) == []


async def test_hostile_titles_are_words(store: Store) -> None:
    """Nothing in a title is an operator of a search."""
    await store.record.save(batch("a", pictures=(incident("inc-1", title="x"),)))
    for title in ('"', "AND OR NOT", "a:b*", "((", "\0", "&|!", ""):
        assert await store.alike.alike("inc-9", title=title) == []
