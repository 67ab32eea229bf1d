"""Levers, reports, findings and the map over HTTP and from the command line; on a real engine with real workers."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from domain.game_day import GameDayState, GameDayVerdict, Judgement
from domain.ids import game_day_workflow_id
from tests.api.test_game_day_routes import TEXT, hotwash
from tests.domain.test_game_day_reports_and_coverage import DETECT
from tests.support.api_world import CONFIGURATION, World, api_world
from tests.support.held import KILL, START, held, projection
from tests.support.records import batch

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = """
drill_targets:
  shop: {service: checkout, environment: staging, drillable: true}
"""
LEVERS = "/api/v1/safety-levers"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Engine, workers, API and store, with two game days in the record."""
    async with api_world(tmp_path_factory.mktemp("home")) as opened:
        opened.home.configuration.write_text(CONFIGURATION + SETTINGS)
        (opened.home.game_days / "drill.yaml").write_text(TEXT)
        ended_at = datetime.now(UTC) - timedelta(hours=1)
        failed = DETECT.model_copy(
            update={"judgement": Judgement.LATE, "observed_after_seconds": 41.0, "evidence": "a | b"}
        )
        checkout = held().targets.model_copy(
            update={"targets": {"shop": (held().targets.all()[0].model_copy(update={"service": "checkout"}),)}}
        )
        filled = KILL.model_copy(update={"action": "disk.fill"})
        usual = {"targets": checkout, "finished_at": ended_at}
        await recorded(opened, held(id="drill-1", roles={"owner": ("ben",)}, **usual))
        second = {"verdict": GameDayVerdict.FAILED, "expectations": (failed,), "faults": (filled,)}
        await recorded(opened, held(id="drill-2", roles={"owner": ("sre",)}, **usual, **second))
        yield opened


async def recorded(world: World, state: GameDayState) -> None:
    """A game day as its workflow would have left it in the record."""
    await world.store.record.save(batch(game_day_workflow_id(state.id), pictures=(projection(state),)))


async def pull(world: World, verb: str, scope: str = "global", **body: Any) -> dict[str, Any]:
    """Engage or release; the lever as it then stands."""
    answer = await world.admin.post(f"{LEVERS}/{scope}/{verb}", json={"by": "ana", "reason": "so"} | body)
    assert answer.status_code == 200, answer.text
    lever: dict[str, Any] = answer.json()
    return lever


@pytest.mark.parametrize("scope", ["global", "staging"])
async def test_an_engaged_lever_lets_no_game_day_begin(world: World, scope: str) -> None:
    """Refused with who pulled it and why; twice is once; released, it lets them begin, and only once."""
    lever = await pull(world, "engage", scope, reason="a customer is calling")
    again = await pull(world, "engage", scope, reason="another reason")
    assert (lever["engaged"], again["reason"], again["by"]["name"]) == (True, "a customer is calling", "ana")
    refused = await world.admin.post("/api/v1/game-days/drill/start")
    assert refused.status_code == 409, refused.text
    assert f"the safety lever ({scope}) is engaged by ana" in refused.json()["detail"]
    assert "a customer is calling" in refused.json()["detail"]
    assert (await hotwash(world, "game-day", "start", "drill", "--no-wait")).exit_code == 1
    released = await pull(world, "release", scope)
    assert (released["engaged"], len(released["changes"])) == (False, 2)
    twice = await world.admin.post(f"{LEVERS}/{scope}/release", json={"reason": "so"})
    assert (twice.status_code, "is not engaged" in twice.json()["detail"]) == (409, True)


async def test_a_lever_of_another_environment_stops_nothing_here(world: World) -> None:
    """The one of production is for production."""
    await pull(world, "engage", "production")
    started = await world.admin.post("/api/v1/game-days/drill/start", headers={"Idempotency-Key": "elsewhere"})
    assert started.status_code == 201, started.text
    await pull(world, "release", "production")


async def test_a_fault_of_which_nobody_can_tell_says_so_on_its_page(world: World) -> None:
    """Undone, and its target ought to know and did not answer: neither clean nor nothing at all."""
    undone = {"undone_at": START, "is_leased": True, "clean": None, "clean_detail": "nobody answers there"}
    await recorded(world, held(id="drill-3", faults=(KILL.model_copy(update=undone),)))
    page = await world.admin.get("/game-days/drill-3", headers={"Accept": "text/html"})
    assert "cannot tell whether it is clean" in page.text
    assert "nobody answers there" in page.text
    clean = await world.admin.get("/game-days/drill-1", headers={"Accept": "text/html"})
    assert (clean.status_code, "cannot tell" in clean.text) == (200, False)


async def test_a_pull_without_a_reason_or_for_nowhere_is_refused(world: World) -> None:
    """A lever for a mistyped environment would stop nothing, so there is none."""
    for path, body, status, words in (
        ("global/engage", {"reason": " "}, 422, "the reason to engage the safety lever must not be empty"),
        ("global/engage", {}, 422, "reason"),
        ("stagng/engage", {"reason": "so"}, 404, "did you mean 'staging'"),
        ("staging/release", {"reason": "so"}, 409, "is not engaged"),
    ):
        answer = await world.admin.post(f"{LEVERS}/{path}", json=body)
        assert answer.status_code == status, answer.text
        assert words in answer.json()["detail"]


async def test_levers_are_pulled_and_seen_from_the_command_line(world: World) -> None:
    """Engage, show, release; as JSON for machines, and exit code 1 for what is refused."""
    engaged = await hotwash(world, "safety-lever", "engage", "-e", "staging", "-r", "too loud", "--by", "ben")
    assert (engaged.exit_code, "is engaged" in engaged.stdout) == (0, True), engaged
    shown = await hotwash(world, "safety-lever", "show", "--json")
    levers = {each["scope"]: each for each in json.loads(shown.stdout)}
    assert list(levers) == ["global", "production", "staging"]
    assert (levers["staging"]["engaged"], levers["staging"]["by"]["name"]) == (True, "ben")
    assert "too loud" in (await hotwash(world, "safety-lever", "show")).stdout
    assert (await hotwash(world, "safety-lever", "release", "-e", "staging", "-r", "quiet")).exit_code == 0
    assert (await hotwash(world, "safety-lever", "release", "-e", "staging", "-r", "quiet")).exit_code == 1
    assert (await hotwash(world, "safety-lever", "engage")).exit_code == 2


async def test_the_report_is_json_markdown_and_a_page(world: World) -> None:
    """The same report three times, over HTTP and from the command line; none of what is not there."""
    path = "/api/v1/game-days/drill-2/report"
    report = (await world.admin.get(path)).json()
    assert (report["verdict"], report["findings"][0]["key"]) == ("failed", "drill/detect")
    markdown = await world.admin.get(path, params={"format": "markdown"})
    assert markdown.headers["content-type"].startswith("text/markdown")
    assert "| detect | 30 s | 41.0 s | late | a \\| b |" in markdown.text
    html = await world.admin.get(path, params={"format": "html"})
    assert html.headers["content-type"].startswith("text/html")
    assert "<td>a | b</td>" in html.text
    assert (await world.admin.get(path, params={"format": "pdf"})).status_code == 422
    assert (await world.admin.get("/api/v1/game-days/drill-9/report")).status_code == 404
    said = await hotwash(world, "game-day", "report", "drill-2")
    assert (said.exit_code, said.stdout) == (0, markdown.text)
    as_json = await hotwash(world, "game-day", "report", "drill-2", "--format", "json")
    assert json.loads(as_json.stdout)["findings"] == report["findings"]
    assert (await hotwash(world, "game-day", "report", "drill-9")).exit_code == 1


async def test_one_finding_becomes_one_action_item(world: World) -> None:
    """Pressed by two people at once and again later: one item, which is real work and waits for the game day."""
    path, body = "/api/v1/game-days/drill-2/action-items", {"finding": "drill/detect"}
    async with world.as_person("ana") as ana, world.as_person("ben") as ben:
        answers = await asyncio.gather(ana.post(path, json=body), ben.post(path, json=body), ana.post(path, json=body))
    assert sorted(each.status_code for each in answers) == [200, 200, 201], [each.text for each in answers]
    [id_] = {each.json()["id"] for each in answers}
    item = await world.until_recorded(f"/api/v1/action-items/{id_}")
    assert (item["requires_drill"], item["drill"], item["services"]) == ("drill", False, ["checkout"])
    assert item["title"] == "Detect came after 41 s (expected within 30 s)"
    again = await hotwash(world, "game-day", "to-action-item", "drill-2", "drill/detect", "--by", "ben")
    assert (again.exit_code, again.stdout.strip()) == (0, id_)


async def test_a_finding_that_is_not_there_becomes_nothing(world: World) -> None:
    """404 with those that are there; and an item needs an owner who is a person."""
    answer = await world.admin.post("/api/v1/game-days/drill-2/action-items", json={"finding": "drill/page"})
    assert answer.status_code == 404, answer.text
    assert "there are: drill/detect" in answer.json()["detail"]
    nothing = await world.admin.post("/api/v1/game-days/drill-1/action-items", json={"finding": "x"})
    assert "there are: none" in nothing.json()["detail"]


async def test_the_map_shows_what_was_withstood(world: World) -> None:
    """Services without a drill are there, too; faults that nobody makes are named."""
    found = (await world.admin.get("/api/v1/game-days/coverage")).json()
    cells = {(row["service"], cell["kind"]): cell for row in found["rows"] for cell in row["cells"]}
    assert (cells["checkout", "process.kill"]["standing"], cells["checkout", "disk.fill"]["standing"]) == (100, 50)
    assert cells["search", "process.kill"]["runs"] == 0
    assert "dns.fail" in found["untried"]
    said = await hotwash(world, "game-day", "coverage")
    assert (said.exit_code, "Never drilled: search" in said.stdout) == (0, True), said
    assert json.loads((await hotwash(world, "game-day", "coverage", "--json")).stdout)["looked_at"] >= 2
