"""Records one history of every workflow shape: `python -m tests.histories.record` plays the demo and keeps it.

Run it before a release, and commit what it wrote. The one thing to know: the files carry the version. Those of a
version that was released stay for good, and a change that cannot follow them needs `workflow.patched`; those of the
version that is being made are written anew.
"""

import asyncio
import base64
import gzip
import json
import re
import socket
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from temporalio import activity
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.worker import Worker

from cli.demo.story import Story
from cli.demo.world import World
from domain.fault_sweep import FaultSweepStart, LeftOver
from domain.ids import fault_sweep_workflow_id, safety_lever_workflow_id, standing_approval_workflow_id
from domain.run import Verdict, Vote
from domain.safety_lever import EngageLever, LeverStart, ReleaseLever
from domain.standing_approval import GrantStanding, RevokeStanding, StandingStart
from domain.timeline import automation, person
from domain.tracker import TrackerSyncStart
from runtime.settings import Settings
from runtime.temporal import connect
from workers.composition import WORKFLOWS
from workflows.fault_sweep import FaultSweep
from workflows.options import CONTROL_QUEUE, machine_queue
from workflows.safety_lever import SafetyLever
from workflows.standing_approval import StandingApproval
from workflows.tracker_sync import TrackerSync

FOLDER = Path(__file__).parent
# What would tell something of the machine or open a door.
TELLTALES = re.compile(
    r"(?<![\w.])/(tmp|home|root|work|Users|private|var/folders)/|whsec_|Bearer |BEGIN [A-Z ]*PRIVATE KEY"
)
# A fault stays on its machine, so a game day has the name of this one in its history.
_HERE, _ELSEWHERE = socket.gethostname(), "machine-1"
# This machine's own sweep.
OURS = {fault_sweep_workflow_id(_HERE, None)}
# What the demo does not show: a run that takes a lock.
_ONE_AT_A_TIME = """\
schema_version: 1
name: one-at-a-time
title: Restart the shop while nobody else does
owner: sre
locks: {resources: [shop]}
steps:
  - {id: restart, action: release.restart, with: {target: shop}}
"""
# The last timeline entries are saved and the last mails delivered after the story has ended.
_ENDS_WITHIN_SECONDS = 15.0
_LOOK_EVERY_SECONDS = 0.1


def record() -> None:
    """Play the whole story on a real engine, and write one file per workflow type."""
    world = World()
    try:
        world.open()
        Story(world, Console()).tell()
        _take_a_lock(world)
        _hold_an_operations_review(world)
        _play_a_tabletop(world)
        _mail_insights(world)
        for name, history in asyncio.run(_histories(world)).items():
            problem = telltale(history)
            if problem:
                sys.exit(f"{name} tells too much: {problem}")
            text = json.dumps(history, separators=(",", ":"))
            file = FOLDER / f"{name}-{version('hotwash')}.json.gz"
            # No time and no name in the file: the same history is the same bytes.
            file.write_bytes(gzip.compress(text.encode(), mtime=0))
            sys.stdout.write(f"{file.name}: {len(history['events'])} events, {file.stat().st_size} bytes\n")
    finally:
        world.close()


def _take_a_lock(world: World) -> None:
    (world.home / "runbooks" / "one-at-a-time.yaml").write_text(_ONE_AT_A_TIME)
    drill = world.get("/incidents", drill="true")["items"][0]["id"]
    run = world.post("/runs", by="alice", incident_id=drill, runbook="one-at-a-time")["id"]
    world.until("the lock is given back", 30, lambda: world.get(f"/runs/{run}")["status"] == "succeeded")


def _hold_an_operations_review(world: World) -> None:
    week = world.post("/operations-reviews", by="alice")["id"]
    path = f"/operations-reviews/{week}"
    world.until("the week is laid out", 30, lambda: world.get(path)["state"] == "open")
    world.post(f"{path}/decisions", by="alice", text="Mend the noisiest alert")
    world.post(f"{path}/close", by="alice")


def _mail_insights(world: World) -> None:
    id_ = world.post("/insights/mail", by="alice", people=["alice"], insights=["recurrence"])["id"]
    path = f"/insights/mails/{id_}"
    world.until("it is mailed", 30, lambda: world.get(path)["state"] not in {"preparing", "sending"})


def _play_a_tabletop(world: World) -> None:
    cast = {"players": "alice,bob", "game_master": "dana"}
    id_ = world.post("/game-days/bad-release-confusing-clues/start", by="dana", parameters=cast)["id"]
    path = f"/game-days/{id_}"
    room = world.until("the room is open", 30, lambda: world.get(path).get("incident_id"))
    world.post(f"/incidents/{room}/acknowledge", by="alice")
    world.post(f"{path}/next", by="dana")
    world.post(f"{path}/stop-clock", by="dana", reason="coffee")
    world.post(f"{path}/start-clock", by="dana")
    world.post(f"{path}/inject", by="dana", text="The lights go out", sender="Caretaker")
    world.post(f"{path}/end", by="dana", debrief="Sooner")
    world.until("it is over", 30, lambda: world.get(path)["phase"] == "finished")


def clean(part: Any, key: str = "") -> Any:
    """The history without the names of machines and without stack traces; no replay reads either."""
    if isinstance(part, dict):
        return {name: clean(value, name) for name, value in part.items() if name not in {"identity", "stackTrace"}}
    if isinstance(part, list):
        return [clean(each) for each in part]
    if not isinstance(part, str):
        return part
    if key != "data":
        return part.replace(f"@{_HERE}", f"@{_ELSEWHERE}")
    told = base64.b64decode(part).replace(f'"machine":"{_HERE}"'.encode(), f'"machine":"{_ELSEWHERE}"'.encode())
    return base64.b64encode(told).decode()


def texts(part: Any, key: str = "") -> list[str]:
    """Every text of a history, payloads decoded."""
    if isinstance(part, dict):
        return [text for name, value in part.items() for text in texts(value, name)]
    if isinstance(part, list):
        return [text for each in part for text in texts(each)]
    if not isinstance(part, str):
        return []
    # A payload's content is base64; a marker has an object under the same name.
    return [base64.b64decode(part).decode("utf-8", "replace")] if key == "data" else [part]


def telltale(history: Any) -> str | None:
    """The first place that tells of a machine's folders or holds a secret; None when there is none."""
    for text in texts(history):
        found = TELLTALES.search(text)
        if found:
            return text[max(0, found.start() - 60) : found.end() + 60]
    return None


async def _histories(world: World) -> dict[str, Any]:
    """Of each type the execution with the longest history, which is the one of the real incident."""
    settings = Settings(home=world.home, temporal_port=world.engine_port)
    client = await connect(settings, process="record")
    await _pull_a_lever(client)
    await _let_an_approval_stand(client)
    await _sweep_a_machine(client)
    # The demo has no tracker either: the poll of one that hotwash.yaml does not have asks once and ends.
    poll = TrackerSyncStart(tracker="issues")
    await client.execute_workflow(TrackerSync.run, poll, id="tracker-sync/issues", task_queue=CONTROL_QUEUE)
    found = {}
    for each in WORKFLOWS:
        name = each.__name__
        executions = [one async for one in client.list_workflows(f'WorkflowType = "{name}"') if one.id not in OURS]
        longest = max(executions, key=lambda one: one.history_length)
        found[name] = await _history_of(client, longest)
    return found


async def _pull_a_lever(client: Client) -> None:
    """Pulled and let go, where no game day is."""
    by = person("dana")
    id_ = safety_lever_workflow_id("nowhere")
    handle = await client.start_workflow(SafetyLever.run, LeverStart(scope="nowhere"), id=id_, task_queue=CONTROL_QUEUE)
    await handle.execute_update("engage", EngageLever(by=by, reason="the sale begins"))
    await handle.execute_update("release", ReleaseLever(by=by, reason="the sale is over"))


async def _let_an_approval_stand(client: Client) -> None:
    """Given and taken back, for a game day that is nowhere."""
    id_ = standing_approval_workflow_id("nowhere")
    start = StandingStart(name="nowhere")
    handle = await client.start_workflow(StandingApproval.run, start, id=id_, task_queue=CONTROL_QUEUE)
    now = datetime.now(UTC)
    until = now + timedelta(days=30)
    vote = Vote(by=person("bob"), verdict=Verdict.APPROVE, digest="sha256:0", at=now, standing_until=until)
    grant = GrantStanding(by=automation("game day"), approval_id="x", digest="sha256:0", votes=(vote,), until=until)
    await handle.signal("grant", grant)
    await handle.execute_update("revoke", RevokeStanding(by=person("dana"), reason="the sale begins"))


async def _sweep_a_machine(client: Client) -> None:
    """One that is nowhere: the history of our own machine would tell its name."""
    start = FaultSweepStart(machine="nowhere")
    id_ = fault_sweep_workflow_id("nowhere", None)
    handle = await client.start_workflow(FaultSweep.run, start, id=id_, task_queue=CONTROL_QUEUE)
    async with Worker(client, task_queue=machine_queue("nowhere", None), activities=[_find_nothing]):
        while not (await handle.query(FaultSweep.view)).swept_at:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(_LOOK_EVERY_SECONDS)


@activity.defn(name="faults.sweep")
async def _find_nothing() -> list[LeftOver]:
    return []


async def _history_of(client: Client, execution: WorkflowExecution) -> Any:
    handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
    for _ in range(int(_ENDS_WITHIN_SECONDS / _LOOK_EVERY_SECONDS)):
        if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
            break
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    return clean((await handle.fetch_history()).to_json_dict())


if __name__ == "__main__":
    record()
