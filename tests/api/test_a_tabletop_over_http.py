"""A tabletop over HTTP on the real engine with the real workers: started, played by its game master, and reported."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.api_world import CONFIGURATION, World, api_world

pytestmark = pytest.mark.asyncio(loop_scope="module")

STORY = """\
schema_version: 1
name: story
title: A story
owner: sre
kind: tabletop
incident_title: Checkout fails
severity: SEV-3
injects:
  - {id: one, at: 0m, from: Sam, text: It looks bad, clue: very, expected: [{expect: commanded, within: 5m, rule: R01}]}
  - {id: two, at: 30m, text: The boss joins, expected: [{expect: judged, text: She got a place}]}
"""

# No schedule plays a tabletop, and a target without its owner's word is not touched.
SETTINGS = """
drill_targets: {shop: {environment: test, with: {process: shop, url: "http://127.0.0.1:1/"}}}
game_days:
  story: {every: 1h}
  process-hangs: {parameters: {target: shop}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Engine, workers, API and store."""
    async with api_world(tmp_path_factory.mktemp("home")) as opened:
        (opened.home.game_days / "story.yaml").write_text(STORY)
        (opened.home.game_days / "odd.yaml").write_text(STORY.replace("name: story", "name: odd").replace("R01", "R99"))
        opened.home.configuration.write_text(CONFIGURATION + SETTINGS)
        yield opened


async def test_it_is_played_and_reported(world: World) -> None:
    """Every verb of the game master; a player's deed counts; the report has rules and findings, one click each."""
    key = {"Idempotency-Key": "one"}
    cast = {"parameters": {"players": "ana", "game_master": "ben"}, "by": "ben"}
    begun = await world.admin.post("/api/v1/game-days/story/start", json=cast, headers=key)
    again = await world.admin.post("/api/v1/game-days/story/start", json=cast, headers=key)
    assert (begun.status_code, again.status_code, begun.json()["id"]) == (201, 200, again.json()["id"])
    path = f"/api/v1/game-days/{begun.json()['id']}"
    state = await world.until_recorded(path, lambda seen: seen.get("incident_id"))
    room = f"/api/v1/incidents/{state['incident_id']}"
    await world.until_recorded(room)
    taken = await world.admin.post(f"{room}/acknowledge", json={"by": "ana"})
    assert taken.status_code == 200, taken.text
    await world.until_recorded(path, lambda seen: seen["tabletop"]["deeds"])
    refused = await world.admin.post(f"{path}/next", json={"by": "ana"})
    assert (refused.status_code, refused.json()["detail"]) == (403, "ben is the game master here; ask them")
    for verb, body in (
        ("stop-clock", {"reason": "coffee"}), ("start-clock", {}), ("next", {}), ("answer", {"text": "No."}),
        ("inject", {"text": "The lights go out", "sender": "Caretaker"}),
        ("mark", {"key": "two/1", "is_met": False, "reason": "She was argued with"}), ("end", {"debrief": "Again."}),
    ):  # fmt: skip
        answer = await world.admin.post(f"{path}/{verb}", json={"by": "ben", **body})
        assert answer.status_code == 200, (verb, answer.text)
    end = await world.until_recorded(path, lambda seen: seen["phase"] == "finished")
    assert (end["kind"], end["verdict"]) == ("tabletop", "failed")
    report = (await world.admin.get(f"{path}/report")).json()
    sentences = [each["sentence"] for each in report["findings"]]
    assert any("She got a place was missed: She was argued with" in each for each in sentences)
    markdown = (await world.admin.get(f"{path}/report?format=markdown")).text
    assert "## Rules of practice" in markdown
    assert "one/1 | commanded | R01 | met" in markdown
    found = {"finding": report["findings"][0]["key"], "by": "ben", "owner": "ben"}
    made = [await world.admin.post(f"{path}/action-items", json=found) for _ in range(2)]
    assert [each.status_code for each in made] == [201, 200]
    lines = (await world.admin.get(f"{room}/timeline")).json()["items"]
    said = " ".join(each["summary"] for each in lines)
    assert "Inject. Sam: It looks bad" in said
    assert "very" not in said
    assert (await world.admin.get(f"{room}")).json()["drill"] is True


async def test_a_tabletop_with_mistakes_is_not_started(world: World) -> None:
    """The place of the mistake, an unknown player, and a schedule that nobody would play."""
    odd = await world.admin.post("/api/v1/game-days/odd/start", json={"by": "ben"})
    assert (odd.status_code, "there is no rule 'R99'" in odd.text) == (422, True), odd.text
    body = {"parameters": {"players": "anna"}, "by": "ben"}
    unknown = await world.admin.post("/api/v1/game-days/story/start", json=body)
    assert (unknown.status_code, "there is no person 'anna'" in unknown.text) == (422, True), unknown.text
    linted = (await world.admin.get("/api/v1/game-days/definitions/odd/lint")).json()
    assert any("R99" in each for each in linted["problems"])
    listed = (await world.admin.get("/api/v1/game-days/definitions")).json()["items"]
    found = {each["name"]: each for each in listed}
    story, hangs = found["story"], found["process-hangs"]
    assert (story["kind"], story["schedule"], story["problems"]) == ("tabletop", None, [])
    assert "it is started by hand and not by a schedule; take `cron` and `every` out of" in story["schedule_problem"]
    page = (await world.admin.get("/game-days")).text
    assert "by a schedule; take `cron` and `every` out of game_days.story" in page
    assert 'action="/game-days/story/start"' in page
    # --- and one that breaks something, judged with hotwash.yaml as well ---
    (problem,) = hangs["problems"]
    assert "'shop' may not be drilled: its owner has to set `drillable: true` under drill_targets.shop" in problem
    assert 'action="/game-days/process-hangs/start"' not in page
