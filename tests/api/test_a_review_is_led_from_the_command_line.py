"""Who takes part, what proved wrong, what is new, and the way to the end, from the command line and on the page."""

import json

import pytest

from tests.support.api_world import World
from tests.support.command_line import hotwash

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _drafted(world: World, title: str, **fields: object) -> str:
    """An incident of ana whose review is drafted."""
    declared = await world.declare(title, **{"severity": "SEV-5", "near_miss": True, "services": ["search"]} | fields)
    id_ = str(declared["id"])
    for verb in ("acknowledge", "resolve"):
        assert (await world.admin.post(f"/api/v1/incidents/{id_}/{verb}", json={"by": "ana"})).is_success
    await world.until_recorded(f"/api/v1/reviews/{id_}", lambda review: review["revision"] and review["due_at"])
    return id_


async def _said(world: World, *words: str) -> str:
    """What the command answers, in one line."""
    code, out = await hotwash(world, "reviews", *words)
    assert code == 0, out
    return " ".join(out.split())


async def test_who_takes_part_is_said_by_command(world: World) -> None:
    """Owner, facilitator, guests, views; and it goes back and forth until it is closed."""
    id_ = await _drafted(world, "Led by command")
    assert "owner ben" in await _said(world, "assign", id_, "ben", "--reason", "ana is away", "--by", "ana")
    assert "facilitator cleo" in await _said(world, "facilitator", id_, "cleo", "--by", "ben")
    assert "facilitator" not in await _said(world, "change-authors", id_, "cleo", "--by", "ben")
    invited = json.loads(await _said(world, "invite", id_, "cleo", "--role", "support", "--by", "ben", "--json"))
    assert {"name": "cleo", "role": "support"}.items() <= invited["participants"][-1].items()
    await _said(world, "perspective", id_, "--saw", "a green dashboard", "--by", "cleo")
    fewer = ("--fewer-factors-because", "it was one")
    assert "in_review" in await _said(world, "submit", id_, *fewer, "--by", "ben", "--json")
    lines = f"/api/v1/incidents/{id_}/timeline?limit=500"
    found = await world.until_recorded(lines, lambda each: "Review submitted" in str(each))
    (line,) = [each["summary"] for each in found["items"] if each["summary"].startswith("Review submitted")]
    assert "blanks are still to be filled in: " in line
    assert "nobody has said" not in line
    async with world.as_person("cleo") as cleo:
        page = (await cleo.get(f"/reviews/{id_}")).text
    before = page.partition("Before you sign:")[2]
    assert "blanks are still to be filled in: " in before
    assert "no action item came of it" in before
    assert '"draft"' in await _said(world, "return", id_, "--reason", "a line is missing", "--by", "cleo", "--json")
    await _said(world, "submit", id_, *fewer, "--by", "ben")
    assert "closes by itself" in await _said(world, "sign-off", id_, "--by", "cleo")
    assert '"closed"' in await _said(world, "close", id_, "--by", "ben", "--json")


async def test_what_proves_wrong_is_withdrawn_and_what_is_new_comes_in(world: World) -> None:
    """A note of afterwards is told to the review; whoever does not wait redraws it; a finding goes from the text."""
    id_ = await _drafted(world, "Withdrawn and redrawn")
    path = f"/api/v1/reviews/{id_}"
    note = {"by": "ben", "text": "The lag began at ten to"}
    assert (await world.admin.post(f"/api/v1/incidents/{id_}/timeline", json=note)).is_success
    await world.until_recorded(path, lambda review: review["news_at"])
    await world.until_recorded(f"/api/v1/incidents/{id_}/timeline?limit=500", lambda found: "ten to" in str(found))
    await _said(world, "redraw", id_, "--by", "ana")
    await world.until_recorded(path, lambda review: "The lag began at ten to" in review["markdown"])
    for text in ("the cache was cold", "the switch was at hand"):
        await _said(world, "add-finding", id_, text, "--kind", "helped", "--by", "ana")
    await world.until_recorded(path, lambda review: "- the cache was cold" in review["markdown"])
    assert "the switch was at hand" in await _said(world, "findings", id_)
    async with world.as_person("ana") as ana:
        assert "finding 2</span>" in (await ana.get(f"/reviews/{id_}")).text
        gone = {"finding": "1", "reason": "it was warm"}
        assert (await ana.post(f"/reviews/{id_}/withdraw-finding", data=gone)).status_code == 303
        review = await world.until_recorded(path, lambda each: "the cache was cold" not in each["markdown"])
        page = (await ana.get(f"/reviews/{id_}")).text
        assert (await ana.post(f"/reviews/{id_}/redraw", data={})).status_code == 303
    assert "Withdrawn (1)" in page
    assert "it was warm" in page
    assert [each["number"] for each in review["findings"]] == [2]
    after = json.loads(
        await _said(world, "withdraw-finding", id_, "2", "--reason", "nor that", "--by", "ana", "--json")
    )
    assert [each["finding"]["number"] for each in after["withdrawn"]] == [1, 2]


async def test_a_waiver_is_asked_for_and_agreed_to(world: World) -> None:
    """The first call is answered with the question, the second person's with the end."""
    id_ = await _drafted(world, "Waived by two", severity="SEV-4", near_miss=False)
    path = f"/api/v1/reviews/{id_}"
    asked = await world.admin.post(f"{path}/waive", json={"by": "ben", "reason": "known cause"})
    assert (asked.status_code, asked.json()["state"], asked.json()["waiver_asked"]["by"]["name"]) == (
        200,
        "draft",
        "ben",
    )
    async with world.as_person("cleo") as cleo:
        assert "Agree to the waiver" in (await cleo.get(f"/reviews/{id_}")).text
    async with world.as_person("ben") as ben:
        assert "Agree to the waiver" not in (await ben.get(f"/reviews/{id_}")).text
    agreed = await world.admin.post(f"{path}/waive", json={"by": "cleo", "reason": "seen before"})
    assert agreed.json()["state"] == "waived"


async def test_a_time_that_is_none_is_refused_with_an_example(world: World) -> None:
    """From the command line and over REST."""
    id_ = await _drafted(world, "Tomorrow")
    for words in (("meeting-date", id_, "--at", "tomorrow"), ("extend", id_, "--until", "tomorrow", "-r", "ill")):
        code, out = await hotwash(world, "reviews", *words, "--by", "ana")
        assert (code, "'tomorrow' is not a date and time; write for example 2026-12-01T10:00:00Z" in out) == (1, True)
    refused = await world.admin.post(f"/api/v1/reviews/{id_}/meeting-date", json={"by": "ana", "at": "tomorrow"})
    assert refused.status_code == 422
    assert refused.json()["detail"] == "body.at: is not a date and time; write for example 2026-12-01T10:00:00Z"
