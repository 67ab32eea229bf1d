"""One run, taken over by API, page and command line in turn: every order has a reason, and all are in the timeline."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.api_world import World
from tests.support.world import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="module")
RUNBOOK = """
schema_version: 1
name: taken-over
title: Taken over
owner: sre
steps:
  - id: done
    action: noop
    with: {echo: {a: b}}
    undo: {action: noop, with: {echo: {x: "{{ steps.done.output.echo.nope }}"}}}
  - {id: first, manual: {instructions: Look}}
  - {id: second, manual: {instructions: Look}}
  - {id: third, manual: {instructions: Look}}
  - {id: broken, action: noop, on_failure: pause, with: {echo: {x: "{{ steps.done.output.echo.nope }}"}}}
  - {id: last, manual: {instructions: Look}}
"""


class Operator:
    """Ana, who has a browser, a token and a terminal."""

    def __init__(self, world: World, api: httpx.AsyncClient, browser: httpx.AsyncClient, run_id: str) -> None:
        self._world = world
        self._api = api
        self._browser = browser
        self._run = run_id

    async def until(self, step: str, status: str) -> dict[str, Any]:
        """The run once the step stands so."""

        def holds(found: dict[str, Any]) -> bool:
            return any(each["path"] == step and each["status"] == status for each in found["steps"])

        run: dict[str, Any] = await self._world.until_recorded(f"/api/v1/runs/{self._run}", holds)
        return run

    async def api(self, verb: str, **body: Any) -> None:
        """Refused without a reason, obeyed with one."""
        path = f"/api/v1/runs/{self._run}/{verb}"
        unreasoned = await self._api.post(path, json={**body, "reason": " "})
        assert unreasoned.status_code in {409, 422}, unreasoned.text
        obeyed = await self._api.post(path, json=body)
        assert obeyed.status_code == 200, obeyed.text

    async def page(self, verb: str, **fields: str) -> None:
        """Send the form that the page shows for it; without its reason it is refused in a sentence."""
        page = (await self._browser.get(f"/runs/{self._run}")).text
        forms = re.findall(rf'<form method="post" action="/runs/[^"]*/{verb}">(.*?)</form>', page, re.DOTALL)
        about = [form for form in forms if "path" not in fields or f'name="path" value="{fields["path"]}"' in form]
        assert about, f"the page offers no {verb} of {fields}"
        # A browser asks for these; whoever answers without is refused all the same.
        needed = re.findall(r'<(?:input|textarea) name="(\w+)" required', about[0])
        if "reason" in needed:
            refused = await self._send(verb, fields | {"reason": ""})
            assert "reason" in refused or "say why" in refused
        assert set(needed) <= set(fields)
        await self._send(verb, fields)

    async def terminal(self, *arguments: str) -> None:
        """Type it."""
        token = self._api.headers["authorization"].removeprefix("Bearer ")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.main", "--url", self._world.url, "--token", token, "runbook"),
            *(arguments[0], self._run, *arguments[1:]),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()

    async def _send(self, verb: str, fields: dict[str, str]) -> str:
        answer = await self._browser.post(f"/runs/{self._run}/{verb}", data=fields, headers={"Origin": self._world.url})
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest_asyncio.fixture(loop_scope="module")
async def operator(world: World) -> AsyncIterator[Operator]:
    """A run that waits at its first manual step."""
    (world.home.runbooks / "taken-over.yaml").write_text(RUNBOOK)
    incident = await world.declare()
    body = {"incident_id": incident["id"], "runbook": "taken-over"}
    run = (await world.admin.post("/api/v1/runs", json=body)).json()
    link = (await world.admin.post("/api/v1/login-links", json={"person": "ana"})).json()["path"]
    async with (
        world.as_person("ana") as api,
        httpx.AsyncClient(base_url=world.url, follow_redirects=True, timeout=30) as browser,
    ):
        await browser.get(link)
        yield Operator(world, api, browser, run["id"])


@pytest.mark.timeout(240)
async def test_every_order_reaches_the_run_with_its_reason(world: World, operator: Operator) -> None:
    """Skip, override, complete, retry, pause, resume, stop; and a failed undo is put back by hand on the page."""
    await operator.until("first", "waiting")
    await operator.page("skip", path="first", reason="reason one")
    await operator.until("second", "waiting")
    await operator.page("override", path="second", reason="reason two", output='{"seen": "it"}')
    await operator.until("third", "waiting")
    await operator.terminal("skip", "third", "--reason", "reason three")
    await operator.until("broken", "failed")
    await operator.page("retry", path="broken", reason="reason four")
    await asyncio.gather(operator.until("broken", "failed"))
    await operator.api("override", path="broken", reason="reason five", output={"echo": {}})
    await operator.until("last", "waiting")
    await operator.page("pause", reason="reason six")
    await operator.api("resume", reason="reason seven")
    await operator.page("stop", reason="reason eight")
    run = await operator.until("done", "undo_failed")
    await operator.page("retry", path="done", reason="reason nine")
    await operator.until("done", "undo_failed")
    await operator.page("complete", path="done", note="reason ten", succeeded="yes")
    run = await operator.until("done", "undone")
    run = await world.until_recorded(f"/api/v1/runs/{run['id']}", lambda found: found["finished_at"])
    assert run["status"] == "stopped"
    steps = {each["path"]: each for each in run["steps"]}
    assert (steps["first"]["status"], steps["second"]["output"]) == ("skipped", {"seen": "it"})
    timeline = f"/api/v1/incidents/{run['incident_id']}/timeline?limit=200"
    numbers = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    told = await world.until_recorded(timeline, lambda found: "reason ten" in str(found["items"]))
    by_ana = [entry["summary"] for entry in told["items"] if entry["actor"]["name"] == "ana"]
    assert [sum(f"reason {number}" in said for said in by_ana) for number in numbers] == [1] * 10, by_ana
