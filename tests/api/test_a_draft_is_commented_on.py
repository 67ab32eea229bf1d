"""Comments on a draft, over REST, from the command line and on the page (rule P09)."""

import json

import pytest

from tests.support.api_world import World
from tests.support.command_line import hotwash

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_comment_is_said_answered_and_waited_for(world: World) -> None:
    """Ben comments on the page, the sign-off waits, ana answers one and carries the other on."""
    declared = await world.declare("Comments of a near miss", severity="SEV-5", near_miss=True, services=["search"])
    id_ = str(declared["id"])
    for verb in ("acknowledge", "resolve"):
        assert (await world.admin.post(f"/api/v1/incidents/{id_}/{verb}", json={"by": "ana"})).is_success
    path = f"/api/v1/reviews/{id_}"
    await world.until_recorded(path, lambda review: review["revision"] and review["due_at"])
    async with world.as_person("ben") as ben:
        page = (await ben.get(f"/reviews/{id_}")).text
        assert "<option>Timeline</option>" in page
        said = {"section": "Timeline", "text": "It began <b>before</b> the alert"}
        assert (await ben.post(f"/reviews/{id_}/comment", data=said)).status_code == 303
        page = (await ben.get(f"/reviews/{id_}")).text
    assert "It began &lt;b&gt;before&lt;/b&gt; the alert" in page
    assert "1 comment waits for an answer" in page
    # A list is the record's, which comes a moment later.
    listed = f"/api/v1/reviews?incident_id={id_}"
    await world.until_recorded(listed, lambda found: found["items"] and found["items"][0]["comments"])
    assert "1 comment waits" in (await world.admin.get("/reviews")).text
    code, out = await hotwash(world, "reviews", "comment", id_, "Who else knew?", "--by", "cleo")
    assert code == 0, out
    assert "Who else knew?" in (await world.admin.get(f"{path}/calibration")).text

    submitted = await world.admin.post(f"{path}/submit", json={"by": "ana", "fewer_factors_because": "it was one"})
    assert submitted.is_success, submitted.text
    refused = await world.admin.post(f"{path}/sign-off", json={"by": "cleo"})
    assert refused.status_code == 409
    assert refused.json()["detail"].startswith("2 comments are open: 1 by ben on Timeline, 2 by cleo")

    async with world.as_person("ana") as ana:
        fields = {"comment": "1", "answer": "Added", "carry": "false"}
        assert (await ana.post(f"/reviews/{id_}/resolve-comment", data=fields)).status_code == 303
    await world.until_recorded(path, lambda review: review["comments"][0]["state"] == "resolved")
    code, out = await hotwash(world, "reviews", "comments", id_, "--open", "--json")
    assert (code, [each["number"] for each in json.loads(out)]) == (0, [2])
    given = ("-a", "nobody remembers", "--carry", "--by", "ana", "--json")
    code, out = await hotwash(world, "reviews", "resolve-comment", id_, "2", *given)
    assert code == 0, out
    assert json.loads(out)["findings"][0]["text"] == "Who else knew? (nobody remembers)"
    code, out = await hotwash(world, "reviews", "comments", id_)
    assert (code, "nobody remembers" in " ".join(out.split())) == (0, True)
    assert (await world.admin.post(f"{path}/sign-off", json={"by": "cleo"})).json()["state"] == "reviewed"
