"""The numbers of insight against a quarter that was counted by hand, and every number against its own drill-down."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.errors import Rejected
from domain.insight.evidence import Evidence, Subject, Which
from domain.insight.report import Grade, Insight, Table
from domain.insight.words import Dimension, Window
from domain.record import Projection, ProjectionKind
from store import Store
from store.insight import SqlInsight
from store.interface import InsightReader
from tests.support.quarter import BEGIN, NOW, incident, save_quarter
from tests.support.records import batch, picture

TEAMS = {"web": ("shop", "search"), "post": ("mail",), "empty": ()}
WINDOW = Window(since=BEGIN, until=NOW)


@pytest.fixture
async def reader(store: Store) -> InsightReader:
    """Over the quarter, in Berlin."""
    await save_quarter(store)
    return store.insight(WINDOW, TEAMS, "Europe/Berlin")


def counts(insight: Insight, title: str) -> dict[str, tuple[int, ...]]:
    """Name to numbers of the table with a title."""
    table: Table = next(table for table in insight.tables if table.title == title)
    return {row.name: tuple(number.value for number in row.numbers) for row in table.rows}


async def test_what_recurs(reader: InsightReader) -> None:
    """Factors, services and alerts that came back, with their open and overdue items; what happened once does not."""
    found = await reader.insight("recurrence")
    assert found.sentence == (
        "Factor ‘capacity’ was part of 3 of 12 incidents in 90 days; 4 action items of theirs are still open."
    )
    assert counts(found, "The same factor") == {"capacity": (3, 4, 1, 0), "change": (2, 0, 0, 0)}
    assert counts(found, "The same service") == {"shop": (5, 4, 1, 0), "mail": (4, 0, 0, 0), "search": (3, 0, 0, 0)}
    assert counts(found, "The same alert") == {"Errors": (2, 1, 0, 0)}
    assert counts(found, "Incidents") == {"these 90 days": (12, 0), "the 90 days before": (0, 0)}
    assert found.caveats == ("12 incidents in 180 days are fewer than 20: no trend can be told.",)


async def test_action_debt_is_set_against_recurrence(reader: InsightReader) -> None:
    """What recurs most in debt comes first."""
    found = await reader.insight("action-debt")
    assert found.sentence == (
        "Service ‘shop’ came back in 5 incidents while 4 action items of these incidents are open, 1 of them overdue."
    )
    assert counts(found, "All action items") == {"now": (4, 1)}


async def test_hot_spots(reader: InsightReader) -> None:
    """Services, teams, vendors; hours and weekdays in local time, summer time included."""
    found = await reader.insight("hot-spots")
    assert found.sentence == "shop had 5 of the 12 incidents in 90 days."
    assert counts(found, "By team") == {"web": (8,), "post": (4,)}
    assert counts(found, "By vendor") == {"acme": (3,)}
    # Until 25 October Berlin is two hours ahead: incidents 1 to 8 at 3 to 10; then one: 9 to 12 at 10 to 13.
    hours = {name: many for name, (many,) in counts(found, "By hour of the day").items() if many}
    assert hours == {f"{hour:02}": (2 if hour == 10 else 1) for hour in range(3, 14)}
    assert {name: many for name, (many,) in counts(found, "By weekday").items() if many} == {"Mon": 12}


async def test_times_are_distributions(reader: InsightReader) -> None:
    """n, median, 90th percentile by nearest rank, the interval between order statistics; the open one is left out."""
    found = await reader.insight("times")
    assert found.sentence == "Half of 11 incidents were mitigated within 1h, 9 in 10 within 1h40m."
    mitigation = next(spread for spread in found.spreads if spread.name == "Mitigation")
    seen = mitigation.distribution
    # Of 11 values the 2nd and the 10th hold the median with 98.8 %; the 3rd and the 9th only with 93.5 %.
    assert (seen.n, seen.median, seen.p90, seen.low, seen.high) == (11, 3600, 6000, 1200, 6000)
    assert mitigation.sentence == (
        "median 1h (95 % interval 20m to 1h40m), 9 in 10 within 1h40m, of 11 incidents; "
        "fewer than 20, so take it as examples"
    )
    assert dict(mitigation.classes)["under 1h"] == 3
    detection = next(spread for spread in found.spreads if spread.name == "Detection").distribution
    assert (detection.n, detection.median) == (12, 240)


async def test_communication_kept_and_broken(reader: InsightReader) -> None:
    """An update at its time keeps the promise; one that came late and one that never came break it."""
    found = await reader.insight("communication")
    assert found.sentence == "2 of 4 promised updates came in time; 2 did not."
    assert counts(found, "By audience") == {"external": (0, 1), "internal": (2, 1)}
    assert "Of those broken, 1 came late and 1 never came." in found.caveats


async def test_alert_noise_counts_episodes(reader: InsightReader) -> None:
    """Each episode of a group counts; what belonged to a cancelled incident did not matter."""
    found = await reader.insight("alert-noise")
    assert found.sentence == "5 of 8 alerts needed nobody; DiskFull fired 4 times and mattered once."
    assert counts(found, "The noise league") == {"DiskFull": (4, 1, 3), "Flap": (2, 0, 2)}
    assert counts(found, "Altogether") == {"all rules": (8, 3, 5)}


async def test_load_is_by_person_and_band(reader: InsightReader) -> None:
    """Two channels are one page, an undelivered one is none; sleep until 8 local time, business from 8 to 18."""
    found = await reader.insight("on-call-load")
    # Berlin: incidents 1 to 5 at 3 to 7 o'clock are in sleep hours, all others on Mondays in business hours.
    assert counts(found, "Interruptions") == {"ana": (12, 5, 0), "ben": (1, 0, 0)}
    assert counts(found, "Hours with an interrupt") == {"ana": (12, 5, 0), "ben": (1, 0, 0)}
    assert found.sentence == "13 pages in 90 days, 5 of them in sleep hours."
    told = {spread.name: spread.distribution for spread in found.spreads}
    assert (told["Hours with an interrupt"].n, told["Hours with an interrupt"].median) == (2, 6.5)
    assert told["Of these in sleep hours"].p90 == 5
    assert found.spreads[0].sentence.startswith("median 6.5 hours, 9 in 10 within 12 hours, of 2 responders;")


async def test_reviews_are_held_to_the_first_deadline(reader: InsightReader) -> None:
    """An extension makes a review no more punctual; a waived one is counted apart."""
    found = await reader.insight("reviews")
    assert counts(found, "Reviews by outcome") == {
        "on time": (6,),
        "within an extension": (1,),
        "late": (1,),
        "waived": (1,),
        "past the first deadline and not done": (1,),
    }
    assert found.sentence == "6 of 9 reviews that fell due were done on time; 1 is still owed."


async def test_the_scorecard_stands_on_its_data(reader: InsightReader) -> None:
    """Responsive: 11 of 12 acknowledged, 6 of 9 reviews in time. Not proactive: 6 of 9 are fewer than 80 %."""
    found = await reader.insight("maturity")
    assert found.sentence == ("The record shows a responsive team; next is: reviews on time, 6 of 9, 80 % asked.")
    told = {(grade.level, grade.name): grade.holds for grade in found.grades}
    assert told["proactive", "incidents found by alerts, not by people"] is True
    assert told["proactive", "promised updates kept"] is None
    assert told["automated", "incidents in which a runbook ran"] is True
    assert told["predictive", "drills for each incident"] is False


async def test_imported_incidents_are_in_no_grade(store: Store, reader: InsightReader) -> None:
    """Nobody wrote down who noticed them: they would make a reactive team of any that brings its past along."""
    before = {(each.level, each.name): (each.part.value, each.whole.value) for each in await grades(reader)}
    past = [incident(2, id_=f"inc-past-{number}", retrospective=True, runs=[]) for number in range(40)]
    await store.record.save(batch("import", pictures=tuple(past)))
    assert counts(await reader.insight("recurrence"), "Incidents")["these 90 days"] == (52, 0)
    assert {(each.level, each.name): (each.part.value, each.whole.value) for each in await grades(reader)} == before
    assert before["responsive", "incidents that somebody acknowledged"] == (11, 12)


async def grades(reader: InsightReader) -> tuple[Grade, ...]:
    """Of the scorecard."""
    return (await reader.insight("maturity")).grades


async def test_no_number_contradicts_its_drill_down(reader: InsightReader) -> None:
    """Each number of each insight is the length of the list that it leads to, and each median that of its values."""
    seen = 0
    for insight in await reader.insights():
        for number in insight.numbers:
            assert number.evidence is not None
            assert number.value == len(await everything(reader, number.evidence)), (insight.name, number)
            seen += 1
        for place, spread in enumerate(insight.spreads):
            if spread.of == "responder":
                # Each value is a number of the first table, which was recounted above; the list has the people.
                values = sorted(row.numbers[place].value for row in insight.tables[0].rows)
            else:
                values = sorted(each["seconds"] for each in await everything(reader, spread.evidence))
            middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
            assert spread.distribution.median == middle
            assert sum(many for _, many in spread.classes) == len(values)
    assert seen > 100


async def everything(reader: InsightReader, evidence: Evidence) -> list[dict[str, object]]:
    """Read a list to its end, in small pages; nothing comes twice."""
    found: list[dict[str, object]] = []
    cursor = None
    while True:
        page = await reader.listing(evidence, cursor, 5)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            assert len({each["id"] for each in found}) == len(found)
            return found


async def test_the_trail_ends_at_single_things(reader: InsightReader) -> None:
    """Each thing of a list has its title and its place in the console."""
    page = await reader.listing(Evidence(of=Subject.PAGE, since=BEGIN, until=NOW, values=("ben",)))
    assert [(each["title"], each["url"], each["person"]) for each in page.items] == [
        ("Incident 12", "/incidents/inc-12", "ben")
    ]
    page = await reader.listing(Evidence(of=Subject.ACTION_ITEM, since=BEGIN, until=NOW, which=Which.OVERDUE))
    assert [each["url"] for each in page.items] == ["/action-items/ai-2"]


async def test_an_empty_record_says_so(store: Store) -> None:
    """Nothing happened, and each insight says it in a sentence."""
    reader = store.insight(WINDOW, TEAMS, "UTC")
    sentences = {insight.name: insight.sentence for insight in await reader.insights()}
    assert sentences["recurrence"] == "No incident in 90 days."
    assert sentences["times"] == "No incident was mitigated in 90 days."
    assert "too short to grade" in sentences["maturity"]


async def test_a_rebuild_changes_no_number(store: Store, reader: InsightReader) -> None:
    """Facts made anew from the record are the facts that were kept while it was written."""
    before = {insight.name: insight for insight in await reader.insights()}
    await store.rebuild()
    after = {i.name: i for i in await store.insight(WINDOW, TEAMS, "Europe/Berlin").insights()}
    assert after == before


async def test_a_cancelled_incident_takes_its_facts_along(store: Store, reader: InsightReader) -> None:
    """What hangs on an incident follows it, whenever it turns out to have been none."""
    late = incident(1, status="cancelled")
    await store.record.save(batch("later", pictures=(late.model_copy(update={"version": 9}),)))
    found = await store.insight(WINDOW, TEAMS, "Europe/Berlin").insight("alert-noise")
    assert counts(found, "Altogether") == {"all rules": (8, 2, 6)}
    assert await reader.count(Evidence(of=Subject.PAGE, since=BEGIN, until=NOW + timedelta(days=1))) == 12


async def test_near_misses_are_counted_apart(store: Store, reader: InsightReader) -> None:
    """A near miss at the shop is no incident in any number; it stands beside them, and its number leads to it."""
    before = {insight.name: insight for insight in await reader.insights()}
    await store.record.save(batch("miss", pictures=(incident(2, id_="inc-near", near_miss=True),)))
    after = {i.name: i for i in await store.insight(WINDOW, TEAMS, "Europe/Berlin").insights()}
    assert counts(after["recurrence"], "The same service")["shop"] == (5, 4, 1, 1)
    assert counts(after["recurrence"], "Incidents")["these 90 days"] == (12, 1)
    assert {name for name in after if after[name] != before[name]} == {"recurrence"}
    near = Evidence(of=Subject.NEAR_MISS, since=BEGIN, until=NOW, dimension=Dimension.SERVICE, values=("shop",))
    assert [each["id"] for each in (await reader.listing(near)).items] == ["inc-near"]
    await store.rebuild()
    assert {i.name: i for i in await store.insight(WINDOW, TEAMS, "Europe/Berlin").insights()} == after


async def test_an_incident_of_two_services_of_a_team_counts_once(store: Store) -> None:
    """Of one service, of two of one team, of one each of two teams, of all three, and of one that nobody owns."""
    owned = {"one": ("shop", "mail"), "two": ("search",), "idle": ("never",), "empty": ()}
    had = (("shop",), ("shop", "mail"), ("mail", "search"), ("shop", "mail", "search"), ("fax", "shop"))
    pictures = tuple(incident(n, id_=f"inc-{n}", services=list(services)) for n, services in enumerate(had, start=1))
    await store.record.save(batch("a", pictures=pictures))
    reader = store.insight(WINDOW, owned, "UTC")
    spots = await reader.insight("hot-spots")
    teams = counts(spots, "By team")
    assert teams == {"one": (5,), "two": (2,)}
    for table in spots.tables:
        for row in table.rows:
            for number in row.numbers:
                assert number.evidence is None or await reader.count(number.evidence) == number.value, row.name


async def test_an_insight_alone_says_what_it_says_among_all(reader: InsightReader, store: Store) -> None:
    """All of them share their looks at the record; one has its own."""
    for insight in await reader.insights():
        assert await store.insight(WINDOW, TEAMS, "Europe/Berlin").insight(insight.name) == insight


async def test_open_items_are_counted_once_for_each_value(store: Store) -> None:
    """Of a factor, of a service, and of an alert that two groups of one incident share."""
    await save_quarter(store)
    reader = store.insight(WINDOW, TEAMS, "UTC")
    assert isinstance(reader, SqlInsight)
    owed = await reader.items_of((Dimension.FACTOR, Dimension.SERVICE, Dimension.ALERT))
    assert (owed[Dimension.FACTOR, "capacity"], owed[Dimension.SERVICE, "shop"]) == ((4, 1), (4, 1))
    assert owed[Dimension.ALERT, "DiskFull"] == (2, 1)


async def test_a_question_that_makes_no_sense_is_refused(reader: InsightReader) -> None:
    """Unknown names and conditions of another subject are sentences."""
    with pytest.raises(Rejected, match="there are recurrence"):
        await reader.insight("mttr")
    with pytest.raises(Rejected, match="says nothing of reviews"):
        await reader.count(Evidence(of=Subject.REVIEW, since=BEGIN, until=NOW, which=Which.KEPT))
    with pytest.raises(Rejected, match="cursor"):
        await reader.listing(Evidence(of=Subject.REVIEW, since=BEGIN, until=NOW), "made-up")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"])
async def test_hours_with_an_interrupt_are_counted_as_on_the_wall(store: Store, zone: str) -> None:
    """Several pages of an hour are one; zones half an hour apart, and clocks put back in the night, change nothing."""
    window = Window(since=datetime(2026, 10, 24, tzinfo=UTC), until=datetime(2026, 10, 26, tzinfo=UTC))
    # Every 17 minutes over the night in which Berlin's clocks go back: no hour without a page, most with several.
    moments = [window.since + timedelta(minutes=17 * each) for each in range(160)]
    moments = [each for each in moments if each < window.until and each.hour % 3 != 1]
    deliveries = [
        {"person": "ana", "channel": "mail", "status": "delivered", "level": 1, "round": n, "at": at.isoformat()}
        for n, at in enumerate(moments)
    ]
    page = picture(ProjectionKind.PAGE, "inc-1.1", incident_id="inc-1", deliveries=deliveries)
    real = incident(1)
    await store.record.save(batch("incident/inc-1", pictures=(real, page)))
    reader = store.insight(window, {}, zone)
    found = await reader.insight("on-call-load")
    there = ZoneInfo(zone)
    hours: dict[tuple[int, int], int] = {}
    for each in moments:
        local = each.astimezone(there)
        offset = local.utcoffset() or timedelta()
        hours[int((each + offset).timestamp() // 3600), int(offset.total_seconds())] = local.hour
    asleep = sum(hour >= 22 or hour < 8 for hour in hours.values())
    numbers = counts(found, "Hours with an interrupt")["ana"]
    assert numbers[:2] == (len(hours), asleep)
    for number in found.tables[0].rows[0].numbers:
        assert number.evidence is not None
        assert number.value == len(await everything(reader, number.evidence)) == await reader.count(number.evidence)


def alert_group(id_: str, at: datetime, *alerts: dict[str, object], **more: object) -> Projection:
    """A group as the engine pictures it."""
    seen = [
        {"fingerprint": str(n), "count": 1, "title": "t", "status": "resolved", "labels": {}, "annotations": {}} | each
        for n, each in enumerate(alerts)
    ]
    body = {"status": "cleared", "first_seen": at.isoformat(), "alerts": seen} | more
    return picture(ProjectionKind.ALERT_GROUP, id_, incident_id=None, **body)


async def test_what_alert_rules_lack_is_counted_by_the_alerts_that_lack_it(store: Store) -> None:
    """A good rule is in no row; a drill counts for a year back; every number is the length of its list."""
    disk, mail = {"alertname": "DiskFull"}, {"alertname": "MailDown"}
    whole = {"summary": "Nearly full", "description": "9 of 10 GB", "runbook_url": "https://runbooks.example/disk"}
    good, named = {"labels": disk, "annotations": whole}, {"summary": "Mail waits"}
    groups = [
        alert_group("g-1", BEGIN + timedelta(days=1), good),
        alert_group("g-2", BEGIN + timedelta(days=2), good, {"labels": mail, "status": "firing", "annotations": named}),
        alert_group("g-3", BEGIN + timedelta(days=3), {"labels": mail, "status": "firing", "annotations": whole}),
        alert_group("g-4", BEGIN - timedelta(days=100), good, game_day_id="disk-fills"),
    ]
    for each in groups:
        await store.record.save(batch(f"alerts/{each.id}", pictures=(each,)))
    found = await store.insight(WINDOW, TEAMS, "UTC").insight("alert-hygiene")
    assert found.sentence == (
        "1 of 2 alert rules lack something: 1 a drill, 1 a runbook link, 1 an end by itself, 1 what was measured."
    )
    assert counts(found, "Rules that lack something") == {"MailDown": (2, 1, 0, 1, 0, 0)}
    for number in found.numbers:
        assert number.evidence is not None
        assert number.value == len(await everything(store.insight(WINDOW, TEAMS, "UTC"), number.evidence))
    drilled = Evidence(of=Subject.DRILL_ALERT, since=BEGIN - timedelta(days=200), until=NOW, values=("DiskFull",))
    listed = await store.insight(WINDOW, TEAMS, "UTC").listing(drilled)
    assert [(each["title"], each["url"]) for each in listed.items] == [("DiskFull", "/triage/g-4")]
