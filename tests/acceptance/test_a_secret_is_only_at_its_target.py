"""A secret stands in no history, no log, no argv, no error and no record, whatever an action does with it.

The other half of the law: the note, which takes the same ways without being secret, is found at every one of them. So
this test fails when the looking breaks, too. And ten megabytes of output fit into a run.
"""

import asyncio
import base64
import json
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.leaky_actions import install
from tests.support.world import World, a_world

SECRET = 'hx7Qz9/leak+me "now"'
NOTE = "plain-note-of-a-run"
RUNBOOK = """
schema_version: 1
name: leak
title: Leak
owner: sre
parameters:
  key: {type: secret, default: "env:LEAKY_KEY"}
  note: {}
steps:
  - {id: return, action: leak.return, with: {token: "{{ params.key }}", note: "{{ params.note }}"}}
  - {id: repeat, action: noop, with: {echo: {was: "{{ steps.return.output.texts }}"}}}
  - {id: flood, action: leak.flood, with: {token: "{{ params.key }}", note: "{{ params.note }}"}}
  - {id: break, action: leak.break, on_failure: continue, with: {token: "{{ params.key }}", note: "{{ params.note }}"}}
  - id: refuse
    action: leak.refuse
    on_failure: continue
    with: {token: "{{ params.key }}", note: "{{ params.note }}"}
"""
# A text over ten megabytes becomes at most 64 KiB a step; twice, because the outcome is in two events of some steps.
_MOST_BYTES_OF_A_HISTORY = 400 * 1024


async def _argv_of_all(seen: set[str]) -> None:
    """Look at every process of the machine until told to stop."""
    while True:
        seen |= _argv_now()
        await asyncio.sleep(0.1)


def _argv_now() -> set[str]:
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.add(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


async def _histories(world: World) -> dict[str, bytes]:
    client = await world.engine()
    found = {}
    async for each in client.list_workflows():
        history = await client.get_workflow_handle(each.id, run_id=each.run_id).fetch_history()
        found[each.id] = b"".join(event.SerializeToString() for event in history.events)
    return found


def _files(folder: Path, pattern: str) -> str:
    return "\n".join(file.read_bytes().decode(errors="replace") for file in sorted(folder.glob(pattern)))


@pytest.mark.timeout(120)
async def test_a_secret_is_only_where_it_belongs(tmp_path: Path) -> None:
    """Every place is read from outside: the engine's histories, the log files, /proc, the API, the store's file."""
    packages = install(tmp_path / "packages")
    environment = {"PYTHONPATH": str(packages), "LEAKY_KEY": SECRET}
    argv: set[str] = set()
    async with a_world(tmp_path / "world", environment=environment) as world:
        books = world.settings.home / "runbooks"
        books.mkdir(exist_ok=True)
        (books / "leak.yaml").write_text(RUNBOOK)
        looking = asyncio.create_task(_argv_of_all(argv))
        incident = (await world.post("/incidents", {"title": "A leak", "severity": "SEV-4"}))["id"]
        body = {"incident_id": incident, "runbook": "leak", "parameters": {"note": NOTE}}
        run = (await world.post("/runs", body))["id"]

        async def now() -> dict[str, object]:
            return await world.get(f"/runs/{run}")

        ended = await world.eventually(now, lambda it: it["status"] in {"succeeded", "failed"}, "the end of the run")
        said = await world.get(f"/incidents/{incident}/timeline")
        looking.cancel()
        histories = await _histories(world)
        places = {
            "histories": b"".join(histories.values()).decode(errors="replace"),
            "logs": _files(world.home.logs, "*.log"),
            "argv": "\n".join(argv),
            "errors": json.dumps([step["error"] for step in ended["steps"]]),
            "record": json.dumps([ended, said]) + _files(world.settings.home, "*.db*"),
        }
    assert ended["status"] == "succeeded", ended["reason"]
    assert "… [truncated]" in json.dumps(ended["steps"][2]["output"], ensure_ascii=False)
    assert max(map(len, histories.values())) < _MOST_BYTES_OF_A_HISTORY
    for place, text in places.items():
        assert NOTE in text, f"{place} were not looked at"
        for spelling in ("hx7Qz9", base64.b64encode(SECRET.encode()).decode()[:16]):
            assert spelling not in text, f"a secret is in the {place}: …{text[text.index(spelling) - 200 :][:400]}"
