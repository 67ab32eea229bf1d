"""The meeting of a review, its date, its poll and its readers, over REST, from the command line and on the page."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.api_world import World
from tests.support.command_line import hotwash

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_meeting_is_recorded_polled_published_and_read(world: World) -> None:
    """Who was there, two questions to them without names, then who has read what was signed."""
    declared = await world.declare("Meeting of a near miss", severity="SEV-5", near_miss=True, services=["checkout"])
    id_ = str(declared["id"])
    for verb in ("acknowledge", "resolve"):
        assert (await world.admin.post(f"/api/v1/incidents/{id_}/{verb}", json={"by": "ana"})).is_success
    path = f"/api/v1/reviews/{id_}"
    await world.until_recorded(path, lambda review: review["revision"] and review["due_at"])

    code, out = await hotwash(world, "reviews", "meeting", id_, "-a", "ana", "-a", "ben", "-d", " ", "--by", "ana")
    assert code == 1
    assert "must not be empty" in " ".join(out.split())
    said = ("-d", "Ben saw it first", "--by", "ana")
    code, out = await hotwash(world, "reviews", "meeting", id_, "-a", "ana", "-a", "ben", *said, "--json")
    assert code == 0, out
    assert json.loads(out)["meeting"]["attended"] == ["ana", "ben"]
    async with world.as_person("ben") as ben:
        page = (await ben.get(f"/reviews/{id_}")).text
        assert "Answer without my name" in page
        sent = await ben.post(f"/reviews/{id_}/poll", data={"learned": "true", "spoke_freely": "false"})
        assert sent.status_code == 303
        page = (await ben.get(f"/reviews/{id_}")).text
    assert "1 of 2 answered: 1 learned something, 0 could speak freely" in page
    assert "Answer without my name" not in page

    code, out = await hotwash(world, "reviews", "publish", id_, "--by", "ana")
    assert (code, "not signed off yet" in " ".join(out.split())) == (1, True)
    submitted = await world.admin.post(f"{path}/submit", json={"by": "ana", "fewer_factors_because": "it was one"})
    assert submitted.is_success, submitted.text
    assert (await world.admin.post(f"{path}/sign-off", json={"by": "cleo"})).json()["state"] == "reviewed"
    code, out = await hotwash(world, "reviews", "publish", id_, "--to", "cleo", "--by", "ana", "--json")
    assert code == 0, out
    assert "cleo" in json.loads(out)["readers"]
    code, out = await hotwash(world, "reviews", "read", id_, "--by", "cleo")
    assert code == 0, out
    async with world.as_person("ana") as ana:
        assert (await ana.post(f"/reviews/{id_}/read", data={})).status_code == 303
    review = await world.until_recorded(path, lambda found: len(found["readings"]) == 2)
    assert [each["name"] for each in review["readings"]] == ["cleo", "ana"]
    lines = await world.until_recorded(
        f"/api/v1/incidents/{id_}/timeline?limit=500",
        lambda found: any("ana has read the review" in line["summary"] for line in found["items"]),
    )
    assert any(line["summary"].startswith("Review meeting held with ana, ben") for line in lines["items"])


async def test_a_meeting_is_proposed_fixed_and_moved(world: World) -> None:
    """The page offers the date and fixes it in the office's time; the command line moves it and says it is late."""
    declared = await world.declare("Date of a meeting", severity="SEV-1", services=["checkout"])
    id_ = str(declared["id"])
    path = f"/api/v1/reviews/{id_}"
    for verb in ("acknowledge", "resolve"):
        assert (await world.admin.post(f"/api/v1/incidents/{id_}/{verb}", json={"by": "ana"})).is_success
    review = await world.until_recorded(path, lambda found: found["meeting_plan"])
    assert review["meeting_plan"]["fixed_by"] is None
    async with world.as_person("ana") as ana:
        page = (await ana.get(f"/reviews/{id_}")).text
        assert "Nobody is invited until somebody fixes the date." in page
        assert "Fix this date and invite" in page
        assert (await ana.post(f"/reviews/{id_}/meeting-date", data={})).status_code == 303
        review = await world.until_recorded(path, lambda found: found["meeting_plan"]["fixed_by"])
        assert "ana" in review["meeting_plan"]["invited"]
        far = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=20)
        await ana.post(f"/reviews/{id_}/meeting-date", data={"at": far.strftime("%Y-%m-%dT%H:%M"), "reason": "holiday"})
        review = await world.until_recorded(path, lambda found: found["meeting_plan"]["moved"] == 1)
        assert datetime.fromisoformat(review["meeting_plan"]["at"]) == far
        page = (await ana.get(f"/reviews/{id_}")).text
        assert "This is later than the policy allows" in page
        assert "moved 1 times" in page
    farther = (far + timedelta(days=1)).isoformat()
    code, out = await hotwash(world, "reviews", "meeting-date", id_, "--at", farther, "--by", "ana", "--json")
    assert code == 0, out
    assert (json.loads(out)["meeting_plan"]["moved"], json.loads(out)["meeting_plan"]["is_late"]) == (2, True)
    code, out = await hotwash(world, "reviews", "meeting-date", id_, "--at", "2020-01-01T10:00:00Z", "--by", "ana")
    assert (code, "must be in the future" in " ".join(out.split())) == (1, True)
    later = (far + timedelta(days=2)).isoformat()
    code, out = await hotwash(world, "reviews", "meeting-date", id_, "--at", later, "--by", "ana")
    assert (code, "LATER THAN THE POLICY ALLOWS" in " ".join(out.split())) == (0, True)


async def test_an_item_of_the_last_minutes_says_so(world: World) -> None:
    """The API knows when the meeting was; callers cannot say it."""
    declared = await world.declare("Hurried items", severity="SEV-3", services=["checkout"])
    id_ = str(declared["id"])
    path = f"/api/v1/reviews/{id_}"
    for verb in ("acknowledge", "resolve"):
        assert (await world.admin.post(f"/api/v1/incidents/{id_}/{verb}", json={"by": "ana"})).is_success
    await world.until_recorded(path, lambda found: found["due_at"])
    held = {"by": "ana", "attended": ["ana"], "dissent": "it was slow before"}
    assert (await world.admin.post(f"{path}/meeting", json=held)).is_success
    item = {"by": "ana", "incident_id": id_, "title": "Add an alert on the queue", "owner": "ana", "done_when": "fires"}
    made = await world.admin.post("/api/v1/action-items", json=item)
    assert made.status_code == 201, made.text
    # The meeting ended a moment ago: too late for the last minutes, too early to decide.
    item_path = f"/api/v1/action-items/{made.json()['id']}"
    found = await world.until_recorded(item_path, lambda each: each.get("hints"))
    assert [each["says"][:25] for each in found["hints"] if each["rule"] == "A04"] == ["it was decided before 202"]
    proposed = await world.admin.post("/api/v1/action-items", json=item | {"is_proposed": True})
    path = f"/api/v1/action-items/{proposed.json()['id']}"
    await world.until_recorded(path)
    claimed = {"by": "ana", "override_reason": "it burns", "meeting": None}
    assert (await world.admin.post(f"{path}/accept", json=claimed)).status_code == 422
    accepted = await world.admin.post(f"{path}/accept", json={"by": "ana", "override_reason": "it burns"})
    assert accepted.json()["hints"][0]["rule"] == "A04"
