"""`make bench`: what Hotwash costs over the bare engine, measured in one run on this machine, as ratios.

The machine is noisy; figures are medians over interleaved rounds, and the ratio is what counts.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.actions import specs
from benchmarks.bare import BARE_QUEUE, BareActivities, BareInbox, BareNothing
from benchmarks.house import House
from benchmarks.stop import last_begun_after_stop
from domain.ids import RunId, run_workflow_id
from runbooks.catalog import LIBRARY
from runbooks.lint import lint

STEPS = 50
# Of fifty steps and of the floor by turns; on a machine with other work five are too few to tell 1.2 from 1.3.
ROUNDS = 11
STOPS = 5
ITEMS = 1000
ENDED = {"succeeded", "failed", "stopped"}
Sample = list[float]


def body(kind: str, name: str) -> dict[str, Any]:
    """An Alertmanager webhook with one firing alert in a group of its own."""
    labels = {"alertname": name, "kind": kind, "severity": "warning"}
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": f"benchmark {name}"},
        "startsAt": "2026-11-22T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": uuid.uuid5(uuid.NAMESPACE_URL, name).hex[:16],
    }
    return {
        "version": "4", "groupKey": name, "status": "firing", "receiver": "hotwash", "groupLabels": {"alertname": name},
        "commonLabels": labels, "commonAnnotations": {}, "externalURL": "http://bench.invalid", "alerts": [alert],
    }  # fmt: skip


def percentile(sample: Sample, share: float) -> float:
    """The value below which this share of the sample lies."""
    ordered = sorted(sample)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Bench:
    """All measurements of one run."""

    def __init__(self, house: House, client: Client, http: httpx.AsyncClient) -> None:
        self._house, self._client, self._http = house, client, http
        self._webhook_headers = {"Authorization": f"Bearer {house.webhook_secret}"}
        self.rows: list[dict[str, Any]] = []

    async def run(self) -> None:
        """Everything, the latency measurements first while the engine is fresh."""
        await self._webhook_latency()
        await self._steps()
        await self._items()
        await self._stop()
        await self._first_step()
        await self._rates()

    def _row(self, what: str, ours: float, floor: float | None, unit: str, goal: str = "") -> None:
        ratio = ours / floor if floor else None
        self.rows.append({"what": what, "hotwash": ours, "floor": floor, "ratio": ratio, "unit": unit, "goal": goal})

    async def _post(self, document: dict[str, Any]) -> None:
        response = await self._http.post("/webhooks/alertmanager", json=document, headers=self._webhook_headers)
        if response.status_code != httpx.codes.ACCEPTED:
            raise SystemExit(f"webhook answered {response.status_code}: {response.text}")

    async def _bare_signal(self, name: str, document: dict[str, Any]) -> None:
        await self._client.start_workflow(
            BareInbox.run, id=f"bare-inbox/{name}", task_queue=BARE_QUEUE, start_signal="receive",
            start_signal_args=[document],
        )  # fmt: skip

    async def _webhook_latency(self) -> None:
        ours: dict[str, Sample] = {"new": [], "duplicate": []}
        floor: dict[str, Sample] = {"new": [], "duplicate": []}
        for number in range(150):
            for kind, name in (("new", f"latency-{number}"), ("duplicate", "latency-same")):
                document = body("triage", name)
                floor[kind].append(await timed(lambda d=document, n=name: self._bare_signal(n, d)))
                ours[kind].append(await timed(lambda d=document: self._post(d)))
        for kind, sample in ours.items():
            for label, share in (("p50", 0.5), ("p99", 0.99)):
                self._row(
                    f"webhook, {kind} group, {label} / bare signal-with-start",
                    percentile(sample, share) * 1000,
                    percentile(floor[kind], share) * 1000,
                    "ms",
                    "p99 < 3×" if label == "p99" else "",
                )

    async def _steps(self) -> None:
        incident = (await self._declare())["id"]
        ours, reading, floor, starts = [], [], [], []
        for number in range(ROUNDS + 1):
            seconds = await self._client.execute_workflow(
                BareActivities.run, STEPS, id=f"bare-steps/{number}", task_queue=BARE_QUEUE
            )
            floor.append(seconds / STEPS)
            ours.append(await self._fifty_steps(incident, "fifty-steps") / STEPS)
            reading.append(await self._fifty_steps(incident, "fifty-expressions") / STEPS)
            starts.append(await timed(lambda n=number: self._client.execute_workflow(
                BareNothing.run, id=f"bare-nothing/{n}", task_queue=BARE_QUEUE)))  # fmt: skip
        # The first round warms both up.
        step, bare = statistics.median(ours[1:]), statistics.median(floor[1:])
        self._row("an interpreted step / a bare activity on another queue", step * 1000, bare * 1000, "ms", "≤ 1.3×")
        asking = statistics.median(reading[1:])
        self._row("a step with an expression / a bare activity", asking * 1000, bare * 1000, "ms")
        self._row("steps per second, one run", 1 / step, 1 / bare, "1/s")
        self._row("no-op workflow, start to result (floor only)", statistics.median(starts) * 1000, None, "ms")

    async def _declare(self) -> dict[str, Any]:
        response = await self._http.post("/api/v1/incidents", json={"title": "Benchmark", "severity": "SEV-5"})
        document: dict[str, Any] = response.raise_for_status().json()
        return document

    async def _fifty_steps(self, incident: str, runbook: str) -> float:
        started = await self._http.post("/api/v1/runs", json={"incident_id": incident, "runbook": runbook})
        run = started.raise_for_status().json()["id"]
        # Waited for as the floor is, by one long poll: asking five times a second would be a load of its own.
        await self._client.get_workflow_handle(run_workflow_id(RunId(run))).result()
        document = (await self._http.get(f"/api/v1/runs/{run}")).json()
        if document["status"] != "succeeded":
            raise SystemExit(f"the benchmark's run {document['status']}: {document['reason']}")
        moments = [step[at] for step in document["steps"] for at in ("started_at", "finished_at")]
        return seconds_between(min(moments), max(moments))

    async def _items(self) -> None:
        """A thousand items, fifty at a time: how long, and how much history each of them costs."""
        incident = (await self._declare())["id"]
        body = {"incident_id": incident, "runbook": "thousand-items"}
        run = (await self._http.post("/api/v1/runs", json=body)).raise_for_status().json()["id"]
        began = time.perf_counter()
        while (status := (await self._http.get(f"/api/v1/runs/{run}")).json()["status"]) not in ENDED:
            await asyncio.sleep(0.2)
        seconds = time.perf_counter() - began
        if status != "succeeded":
            raise SystemExit(f"the run of a thousand items {status}")
        self._row("items per second, foreach of 1,000, 50 at a time", ITEMS / seconds, None, "1/s")

    async def _stop(self) -> None:
        incident = (await self._declare())["id"]
        seconds = max([await last_begun_after_stop(self._house, self._http, incident) for _ in range(STOPS)])
        self._row(f"stop sent → last step begun, worst of {STOPS}", seconds * 1000, None, "ms", "< 1 s")

    async def _first_step(self) -> None:
        """From the moment the webhook is sent until the first step of the route's runbook was begun."""
        sample: Sample = []
        for number in range(25):
            name = f"first-step-{number}"
            sent = time.time()
            await self._post(body("incident", name))
            began = await self._step_of(name)
            sample.append(began - sent)
        for label, share in (("p50", 0.5), ("p99", 0.99)):
            self._row(f"alert → first step begun, {label}", percentile(sample, share) * 1000, None, "ms")

    async def _step_of(self, name: str) -> float:
        while True:
            for group in (await self._http.get("/api/v1/alert-groups", params={"limit": 50})).json()["items"]:
                if group["labels"].get("alertname") == name and group["incident_id"]:
                    run = await self._http.get(f"/api/v1/runs/{group['incident_id']}.one-step.1")
                    steps = run.json().get("steps") if run.is_success else None
                    if steps and steps[0]["started_at"]:
                        return datetime.fromisoformat(steps[0]["started_at"]).timestamp()
            await asyncio.sleep(0.05)

    async def _rates(self) -> None:
        count, clients = 600, 50
        same = body("triage", "rate-same")
        plans: list[tuple[str, Callable[[int], Awaitable[None]], Callable[[int], Awaitable[None]]]] = [
            ("duplicate", lambda _: self._post(same), lambda _: self._bare_signal("rate-same", same)),
            (
                "new",
                lambda n: self._post(body("triage", f"rate-{n}")),
                lambda n: self._bare_signal(f"rate-{n}", body("triage", f"rate-{n}")),
            ),
        ]
        for kind, ours, bare in plans:
            floor = await rate(bare, count, clients)
            mine = await rate(ours, count, clients)
            self._row(f"alerts accepted per second, {kind}, {clients} clients", mine, floor, "1/s")


def lint_library(rows: list[dict[str, Any]]) -> None:
    """The library, over and over, until 500 runbooks were read; before anything else runs on the machine."""
    declared = specs()
    texts = [(path.name, path.read_text()) for path in sorted(LIBRARY.glob("*.yaml"))]
    began = time.perf_counter()
    for name, text in itertools.islice(itertools.cycle(texts), 500):
        lint(text, name, declared)
    seconds = time.perf_counter() - began
    rows.append(
        {"what": "lint of 500 runbooks", "hotwash": seconds, "floor": None, "ratio": None, "unit": "s", "goal": "< 5 s"}
    )


async def timed(doing: Callable[[], Awaitable[object]]) -> float:
    """Seconds that it took."""
    began = time.perf_counter()
    await doing()
    return time.perf_counter() - began


async def rate(doing: Callable[[int], Awaitable[None]], count: int, clients: int) -> float:
    """How often per second it was done, `clients` at a time."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await doing(number)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(clients)))
    return count / (time.perf_counter() - began)


def seconds_between(first: str, last: str) -> float:
    """Between two ISO 8601 moments."""
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def show(rows: list[dict[str, Any]]) -> None:
    """The report."""
    table = Table(title="Hotwash and the bare engine, same machine, same run")
    for name in ("measured", "Hotwash", "bare engine", "ratio", "goal"):
        table.add_column(name, justify="left" if name == "measured" else "right")
    for row in rows:
        floor = f"{row['floor']:.1f} {row['unit']}" if row["floor"] is not None else "–"
        ratio = f"{row['ratio']:.2f}×" if row["ratio"] is not None else "–"
        table.add_row(row["what"], f"{row['hotwash']:.1f} {row['unit']}", floor, ratio, row["goal"])
    Console().print(table)


async def main(as_json: bool) -> None:
    """Start a house, measure, report."""
    rows: list[dict[str, Any]] = []
    lint_library(rows)
    with House() as house:
        client = await Client.connect(house.engine, data_converter=pydantic_data_converter)
        headers = {"Authorization": f"Bearer {house.admin_token}"}
        async with httpx.AsyncClient(base_url=house.url, headers=headers, timeout=30) as http:
            bench = Bench(house, client, http)
            await bench.run()
    if as_json:
        print(json.dumps(rows + bench.rows, indent=2, ensure_ascii=False))
    else:
        show(rows + bench.rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="Print the rows as JSON.")
    asyncio.run(main(parser.parse_args().json))
