"""`python -m benchmarks.game_days`: what a game day costs, how fast the lever is, and whether the clock is honest.

Three questions, in one run on this machine, with real processes: an experiment that does nothing next to the same one
by the real Chaos Toolkit; from the safety lever to the last fault reverted, as the kernel sees it; and when an alert
was detected by Hotwash's word next to when it was really sent. The machine is noisy: ratios and medians count.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from activities.clients import kernel
from benchmarks.house import House

ROUNDS = 7
DRILLS = 10
_LOOK_SECONDS = 0.05
# How exactly the truth is known: what the kernel says is asked for this often.
_INJECTOR_LOOKS_SECONDS = 0.001
_GAME_DAY = """\
schema_version: 1
name: NAME
title: NAME
owner: ana
kind: KIND
hypothesis: Nothing happens
match: {drill: "NAME"}
targets: {one: {names: [NAME]}}
steady_state: [{id: health, action: check.http, with: {url: "HEALTH"}, mode: edge}]
probe_every: 200ms
faults:
  - {id: pause, action: process.pause, targets: one, with: {process: "NAME"}, duration: 5m, lease: 1m}
expectations: [{expect: detect, within: 5m}]
duration: 5m
"""
# The same question once before and once after, and one action that does nothing.
_EXPERIMENT: dict[str, Any] = {
    "title": "Nothing",
    "description": "Nothing happens",
    "method": [
        {
            "type": "action",
            "name": "nothing",
            "provider": {"type": "python", "module": "os.path", "func": "exists", "arguments": {"path": "."}},
        }
    ],
}


class Practice:
    """A house with victims, one per game day."""

    def __init__(self, house: House, http: httpx.AsyncClient, folder: Path, victims: dict[str, int]) -> None:
        self._house, self._http, self._folder, self._victims = house, http, folder, victims
        self._health = f"{house.url}/healthz"
        self.rows: list[dict[str, Any]] = []

    async def run(self) -> None:
        """All three."""
        await self._overhead()
        await self._detection()
        await self._lever()

    def _row(self, what: str, value: float, floor: float | None, unit: str, goal: str = "") -> None:
        ratio = value / floor if floor else None
        self.rows.append({"what": what, "hotwash": value, "floor": floor, "ratio": ratio, "unit": unit, "goal": goal})

    # --- an experiment that does nothing ---

    async def _overhead(self) -> None:
        self._write("v0", kind="dry")
        probe = {"type": "probe", "name": "health", "tolerance": 200, "provider": {"type": "http", "url": self._health}}
        experiment = {**_EXPERIMENT, "steady-state-hypothesis": {"title": "well", "probes": [probe]}}
        file = self._folder / "experiment.json"
        file.write_text(json.dumps(experiment))
        ours, theirs = [], []
        for _ in range(ROUNDS):
            theirs.append(await _timed(self._by_the_toolkit(file)))
            ours.append(await _timed(self._dry("v0")))
        # The first round warms both up.
        self._row(
            "an experiment that does nothing, start to report / the Chaos Toolkit",
            statistics.median(ours[1:]),
            statistics.median(theirs[1:]),
            "s",
        )

    async def _by_the_toolkit(self, file: Path) -> None:
        argv = [str(Path(sys.executable).with_name("chaos")), "--no-version-check", "run", "--journal-path", "j.json"]
        child = await asyncio.create_subprocess_exec(
            *argv, str(file), cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        _, said = await child.communicate()
        if child.returncode or json.loads((self._folder / "j.json").read_text())["status"] != "completed":
            raise SystemExit(f"the Chaos Toolkit failed: {said.decode()[-500:]}")

    async def _dry(self, name: str) -> None:
        end = await self._until(await self._start(name), lambda it: it["phase"] == "finished")
        if end["verdict"] != "previewed":
            raise SystemExit(f"{name} {end['verdict']}: {end['reason']}")

    # --- detection ---

    async def _detection(self) -> None:
        """The injector knows when the alert began and when it was sent; the game day says what it saw."""
        errors, from_fault = [], []
        for number in range(DRILLS):
            name = f"v{number}"
            self._write(name, kind="live")
            id_ = await self._start(name)
            while not self._is_paused(name):
                await asyncio.sleep(_INJECTOR_LOOKS_SECONDS)
            paused = time.time()
            await self._until(id_, lambda it: it["took_effect_at"])
            sent = time.time()
            await self._alert(name, sent)
            taken = time.time()
            state = await self._until(id_, lambda it: it["expectations"][0]["judgement"] != "pending")
            (seen,) = state["expectations"]
            received = datetime.fromisoformat(seen["alert_received_at"]).timestamp()
            # It was received at some moment between the two; what lies outside is the error.
            errors.append(max(0.0, sent - received, received - taken))
            from_fault.append(abs(seen["observed_after_seconds"] - (sent - paused)))
            await self._until(id_, lambda it: it["phase"] == "finished")
        self._row("detection: error of the receipt's time, worst", max(errors) * 1000, None, "ms", "< 100 ms")
        self._row("detection: latency by Hotwash − by the injector, median", statistics.median(from_fault) * 1000, None,
                  "ms", "< 100 ms")  # fmt: skip
        self._row("detection: latency by Hotwash − by the injector, worst", max(from_fault) * 1000, None, "ms",
                  "< 100 ms")  # fmt: skip

    async def _alert(self, name: str, at: float) -> None:
        began = datetime.fromtimestamp(at).astimezone().isoformat()
        labels = {"alertname": name, "kind": "triage", "drill": name}
        alert = {"status": "firing", "labels": labels, "annotations": {}, "startsAt": began,
                 "endsAt": "0001-01-01T00:00:00Z", "fingerprint": f"{name}-drill"}  # fmt: skip
        document = {
            "version": "4", "groupKey": name, "status": "firing", "receiver": "hotwash",
            "groupLabels": {"alertname": name}, "commonLabels": labels, "commonAnnotations": {},
            "externalURL": "http://bench.invalid", "truncatedAlerts": 0, "alerts": [alert],
        }  # fmt: skip
        headers = {"Authorization": f"Bearer {self._house.webhook_secret}"}
        (await self._http.post("/webhooks/alertmanager", json=document, headers=headers)).raise_for_status()

    # --- the lever ---

    async def _lever(self) -> None:
        names = [f"v{number}" for number in range(DRILLS, DRILLS * 2)]
        for name in names:
            self._write(name, kind="live")
            await self._until(await self._start(name), lambda it: it["took_effect_at"])
        if not all(self._is_paused(name) for name in names):
            raise SystemExit("a victim is not paused")
        began = time.perf_counter()
        body = {"reason": "the benchmark", "by": "ana"}
        pull = asyncio.create_task(self._http.post("/api/v1/safety-levers/global/engage", json=body))
        while any(self._is_paused(name) for name in names):
            await asyncio.sleep(_INJECTOR_LOOKS_SECONDS)
        self._row(
            f"safety lever → the last of {DRILLS} faults reverted", time.perf_counter() - began, None, "s", "< 5 s"
        )
        (await pull).raise_for_status()

    def _is_paused(self, name: str) -> bool:
        return (kernel.stat_of(self._victims[name]) or ("", 0))[0] in {"T", "t"}

    # --- small things ---

    def _write(self, name: str, kind: str) -> None:
        text = _GAME_DAY.replace("NAME", name).replace("KIND", kind).replace("HEALTH", self._health)
        (self._house.home / "game_days").mkdir(exist_ok=True)
        (self._house.home / "game_days" / f"{name}.yaml").write_text(text)

    async def _start(self, name: str) -> str:
        headers = {"Idempotency-Key": f"{name}-{time.time_ns()}"}
        answer = await self._http.post(f"/api/v1/game-days/{name}/start", json={"by": "ana"}, headers=headers)
        id_: str = answer.raise_for_status().json()["id"]
        return id_

    async def _until(self, id_: str, holds: Any) -> dict[str, Any]:
        while True:
            state: dict[str, Any] = (await self._http.get(f"/api/v1/game-days/{id_}")).json()
            if "phase" in state and holds(state):
                return state
            if state.get("verdict") == "refused":
                raise SystemExit(f"{id_} was refused: {state['reason']}")
            await asyncio.sleep(_LOOK_SECONDS)


async def _timed(doing: Any) -> float:
    began = time.perf_counter()
    await doing
    return time.perf_counter() - began


def _configuration(folder: Path, names: list[str]) -> str:
    processes = "".join(f'    {name}: "{folder}/{name}.pid"\n' for name in names)
    targets = "".join(f"  {name}: {{service: shop, environment: test, drillable: true}}\n" for name in names)
    return f'actions:\n  lease_folder: "{folder}/leases"\n  processes:\n{processes}drill_targets:\n{targets}'


async def main(*, as_json: bool) -> None:
    """Start a house with victims, measure, report."""
    from benchmarks.__main__ import show  # noqa: PLC0415 - a program of its own that has the table

    names = [f"v{number}" for number in range(DRILLS * 2)]
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="hotwash-bench-")))
        victims = {}
        for name in names:
            child = await asyncio.create_subprocess_exec("/bin/sleep", "3600")
            running.callback(child.kill)
            (folder / f"{name}.pid").write_text(f"{child.pid}\n")
            victims[name] = child.pid
        house = running.enter_context(House(_configuration(folder, names)))
        headers = {"Authorization": f"Bearer {house.admin_token}"}
        async with httpx.AsyncClient(base_url=house.url, headers=headers, timeout=30) as http:
            practice = Practice(house, http, folder, victims)
            await practice.run()
    if as_json:
        print(json.dumps(practice.rows, indent=2, ensure_ascii=False))
    else:
        show(practice.rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="Print the rows as JSON.")
    asyncio.run(main(as_json=parser.parse_args().json))
