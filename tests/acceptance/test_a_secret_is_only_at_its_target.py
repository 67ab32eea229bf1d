"""A secret stands in no history, no log, no argv, no error and no record, whatever an action does with it.

The other half of the law: the note, which takes the same ways without being secret, is found at every one of them. So
this test fails when the looking breaks, too. And ten megabytes of output fit into a run.
"""

import asyncio
import base64
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.http_target import Target, http_target
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
  - id: send
    action: http.request
    with:
      method: POST
      url: GOOD
      headers: {Authorization: {secret: "{{ params.key }}", prefix: "Bearer "}, X-Note: "{{ params.note }}"}
  - id: deny
    action: http.request
    on_failure: continue
    with:
      method: POST
      url: BAD
      headers: {X-Note: "{{ params.note }}", X-Key: {secret: "{{ params.key }}"}}
  - id: tell
    action: process.run
    with: {program: tell, arguments: [-c, "PROGRAM", "{{ params.key }}", "{{ params.note }}", "0"]}
  - id: fall
    action: process.run
    on_failure: continue
    with: {program: tell, arguments: [-c, "PROGRAM", "{{ params.key }}", "{{ params.note }}", "3"]}
"""
# Says all that it was given, stays long enough to be seen, and ends as it is told.
PROGRAM = "import os, sys, time; print(sys.argv, dict(os.environ)); time.sleep(1); sys.exit(int(sys.argv[3]))"
CONFIGURATION = """
actions:
  http_allow: [GOOD, BAD]
  programs:
    tell: {program: PYTHON, arguments: [[-c, ".*", ".*", ".*", "[03]"]]}
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


@pytest.fixture
def places() -> Iterator[tuple[Target, Target]]:
    """Two targets that answer with all that they were sent: one is content, the other refuses."""
    with http_target() as good, http_target() as bad:
        good.echo = bad.echo = True
        bad.status = 403
        yield good, bad


def _filled(text: str, places: tuple[Target, Target]) -> str:
    for word, value in zip(("GOOD", "BAD"), places, strict=True):
        text = text.replace(word, value.url)
    return text.replace("PROGRAM", PROGRAM).replace("PYTHON", sys.executable)


async def test_a_secret_is_only_where_it_belongs(tmp_path: Path, places: tuple[Target, Target]) -> None:
    """Every place is read from outside: the engine's histories, the log files, /proc, the API, the store's file."""
    packages = install(tmp_path / "packages")
    environment = {"PYTHONPATH": str(packages), "LEAKY_KEY": SECRET}
    argv: set[str] = set()
    async with a_world(tmp_path / "world", _filled(CONFIGURATION, places), environment) as world:
        books = world.settings.home / "runbooks"
        books.mkdir(exist_ok=True)
        (books / "leak.yaml").write_text(_filled(RUNBOOK, places))
        looking = asyncio.create_task(_argv_of_all(argv))
        incident = (await world.post("/incidents", {"title": "A leak", "severity": "SEV-4"}))["id"]
        body = {"incident_id": incident, "runbook": "leak", "parameters": {"note": NOTE}}
        run = (await world.post("/runs", body))["id"]

        async def now() -> dict[str, object]:
            return await world.get(f"/runs/{run}")

        ended = await world.eventually(
            now, lambda it: it["status"] in {"succeeded", "failed"}, "the end of the run", 80
        )
        said = await world.get(f"/incidents/{incident}/timeline")
        looking.cancel()
        histories = await _histories(world)
        looked_at = {
            "histories": b"".join(histories.values()).decode(errors="replace"),
            "logs": _files(world.home.logs, "*.log"),
            "argv": "\n".join(argv),
            "errors": json.dumps([step["error"] for step in ended["steps"]]),
            "record": json.dumps([ended, said]) + _files(world.settings.home, "*.db*"),
        }
    assert ended["status"] == "succeeded", ended["reason"]
    assert "… [truncated]" in json.dumps(ended["steps"][2]["output"], ensure_ascii=False)
    sent = [one.headers for target in places for one in target.asked("POST")]
    assert [headers.get("authorization", headers.get("x-key")) for headers in sent] == [f"Bearer {SECRET}", SECRET]
    steps = {step["id"]: step for step in ended["steps"]}
    assert "[redacted]" in steps["send"]["output"]["body"]
    assert "answered 403" in steps["deny"]["error"]
    assert "[redacted]" in steps["deny"]["error"]
    # The program was given the reference, as anybody may read it.
    assert "env:LEAKY_KEY" in steps["tell"]["output"]["stdout"]
    assert "exit code 3" in steps["fall"]["error"]
    assert any(PROGRAM in line and NOTE in line for line in argv)
    assert max(map(len, histories.values())) < _MOST_BYTES_OF_A_HISTORY
    for place, text in looked_at.items():
        assert NOTE in text, f"{place} were not looked at"
        for spelling in ("hx7Qz9", base64.b64encode(SECRET.encode()).decode()[:16]):
            assert spelling not in text, f"a secret is in the {place}: …{text[text.index(spelling) - 200 :][:400]}"
