"""A reviewed incident becomes a drill over HTTP, on a page and from the command line; an unreviewed one does not."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from activities.actions import specs
from runbooks.game_day_catalog import GameDayCatalog
from tests.support.api_world import CONFIGURATION, World, api_world
from tests.support.world import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="module")
TARGETS = """
drill_targets:
  checkout-1:
    service: checkout
    environment: staging
    drillable: true
    with: {process: checkout, health_url: "http://127.0.0.1:1/healthz"}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Engine, workers, API and store."""
    async with api_world(tmp_path_factory.mktemp("home")) as opened:
        opened.home.configuration.write_text(CONFIGURATION + TARGETS)
        yield opened


async def test_only_what_was_reviewed_becomes_a_drill(world: World) -> None:
    """Before that: a sentence that says what is missing. Nothing that is written: what to do instead."""
    open_ = await world.declare(services=["checkout"])
    assert "resolve it and review it first" in await refusal(world, open_["id"])
    draft = await resolved(world, services=["checkout"])
    assert "is draft" in await refusal(world, draft)
    assert (await world.admin.post("/api/v1/incidents/inc-20261122-none/drill-proposal")).status_code == 404
    breach = await reviewed(world, title="Somebody read what they should not", services=["checkout"], type="security")
    assert "hold a tabletop" in await refusal(world, breach)
    assert "no drill is proposed with 'meteor.strike'" in await refusal(world, breach, fault="meteor.strike")


async def test_the_proposal_is_a_game_day_that_may_be_held(world: World) -> None:
    """From what the review found; saved as it is, the catalogue takes it, and the schedule holds it again."""
    incident = await reviewed(world, "The process was killed by nobody knows what", services=["checkout"])
    answer = await proposal(world, incident)
    found, written = answer["proposal"], answer["written"]
    assert (found["fault"]["action"], found["target"]) == ("process.kill", "checkout-1")
    assert found["fault"]["because"].startswith("a contributing factor says 'process'")
    # Nobody posted an update, and no alert came.
    assert [each["expect"] for each in found["demands"] if each["went_wrong"]] == [
        "detect",
        "acknowledge",
        "communicate",
    ]
    name = found["name"]
    (world.home.game_days / written["file"]).write_text(written["text"])
    configuration = world.app.state.configuration.current()
    catalog = GameDayCatalog([world.home.game_days], specs())
    document, findings = catalog.lint(name, configuration)
    assert findings == ()
    assert document is not None
    assert written["schedule"].startswith("game_days:\n")
    assert f"--drill {name}" in answer["action_item"]


async def test_the_page_of_a_review_leads_to_it(world: World) -> None:
    """A link, the text, and what is left to do; a refusal comes back to the review."""
    incident = await reviewed(world, "The process was killed <b>hard</b>", services=["checkout"])
    page = await world.admin.get(f"/reviews/{incident}", headers={"Accept": "text/html"})
    assert f'href="/reviews/{incident}/drill"' in page.text
    shown = await world.admin.get(f"/reviews/{incident}/drill", headers={"Accept": "text/html"})
    assert shown.status_code == 200
    assert "process.kill" in shown.text
    assert "&lt;b&gt;hard" in shown.text
    assert "<b>hard" not in shown.text
    refused = await world.admin.get(f"/reviews/{incident}/drill?fault=meteor.strike", headers={"Accept": "text/html"})
    assert refused.status_code == 303
    assert refused.headers["location"].startswith(f"/reviews/{incident}")


async def test_the_command_line_saves_it_once(world: World, tmp_path: Path) -> None:
    """Into a folder under its own name, never over what is there; JSON for machines; the refusal's sentence and 1."""
    incident = await reviewed(world, "The process was killed", services=["checkout"])
    code, out, err = await hotwash(world, "game-day", "from-incident", incident, "-o", str(tmp_path))
    name = f"again-{incident.removeprefix('inc-')}"
    assert (code, out) == (0, "")
    assert "process.kill" in err
    assert (tmp_path / f"{name}.yaml").read_text().startswith(f"# Recreates {incident}.")
    again = await hotwash(world, "game-day", "from-incident", incident, "-o", str(tmp_path))
    assert again[0] == 1
    assert "is there already" in again[2]
    wrong = await hotwash(world, "game-day", "from-incident", incident, "-o", str(tmp_path / "other.yaml"))
    assert wrong[0] == 1
    assert f"name the file {name}.yaml" in wrong[2]
    code, out, _ = await hotwash(world, "game-day", "from-incident", incident, "--fault", "disk.fill", "--json")
    answer = json.loads(out)
    assert (code, answer["proposal"]["fault"]["source"]) == (0, "asked")
    assert [each["parameter"] for each in answer["proposal"]["blanks"] if each["parameter"]] == ["disk"]
    assert "FILL IN" in answer["written"]["schedule"]
    unknown = await hotwash(world, "game-day", "from-incident", "inc-20261122-none")
    assert unknown[0] == 1


async def proposal(world: World, incident: str, **body: Any) -> dict[str, Any]:
    """The answer of the API."""
    answer = await world.admin.post(f"/api/v1/incidents/{incident}/drill-proposal", json=body)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def refusal(world: World, incident: str, **body: Any) -> str:
    """Why there is none."""
    answer = await world.admin.post(f"/api/v1/incidents/{incident}/drill-proposal", json=body)
    assert answer.status_code == 409, answer.text
    detail: str = answer.json()["detail"]
    return detail


async def resolved(world: World, **fields: Any) -> str:
    """An incident that is over, and whose review has begun."""
    incident: str = (await world.declare(**fields))["id"]
    done = await world.admin.post(f"/api/v1/incidents/{incident}/resolve", json={"summary": "Over", "by": "ana"})
    assert done.status_code == 200, done.text
    await world.until_recorded(f"/api/v1/reviews/{incident}", lambda review: review["markdown"])
    return incident


async def reviewed(world: World, factor: str = "", **fields: Any) -> str:
    """The same with what was found, signed off."""
    incident = await resolved(world, **fields)
    steps: list[tuple[str, dict[str, Any]]] = [
        ("assign", {"owner": "ana", "reason": "hers", "by": "cleo"}),
        ("submit", {"by": "ana", "fewer_factors_because": "a test"}),
        ("sign-off", {"by": "ben"}),
    ]  # fmt: skip
    if factor:
        steps.insert(0, ("findings", {"kind": "contributing_factor", "text": factor, "by": "ana"}))
    for verb, body in steps:
        # What was found, or a new owner, is written into the draft first.
        await world.until_recorded(f"/api/v1/reviews/{incident}", lambda review: not review["draft_wanted"])
        answer = await world.admin.post(f"/api/v1/reviews/{incident}/{verb}", json=body)
        assert answer.status_code == 200, f"{verb}: {answer.text}"
    return incident


async def hotwash(world: World, *arguments: str) -> tuple[int, str, str]:
    """The command as a process: exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", "--url", world.url, "--token", world.home.admin_token(), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()
