"""`python -m benchmarks.action_items`: thousands of open action items, and how late their reminders are.

Not part of `make bench`, because it takes a quarter of an hour. The same number of bare workflows, each with a timer
and an activity, is measured beside it in a house of its own. What cannot be loaded within `--load-seconds` is left out
and said, so that a slow machine gives an honest smaller figure.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psutil
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from benchmarks.bare import BARE_QUEUE, BareReminder
from benchmarks.house import House
from domain.action_item import ActionItemStart
from domain.action_item_decisions import open_item
from domain.ids import action_item_workflow_id, suffix_from_number
from domain.policy import Policy
from domain.timeline import person
from workflows.action_item import ActionItem
from workflows.options import CONTROL_QUEUE

AT_ONCE = 50
# Started at once, then worked off: as many as a worker keeps in memory at ease. With twenty thousand at once each would
# be read anew from its history for each of its first steps, and no team begins so many in a minute.
WAVE = 500
# So much before the first of them is due they are begun, and so much more for each: by then all have been worked off.
LEAD, LEAD_FOR_EACH = timedelta(seconds=30), timedelta(milliseconds=250)
# Of those that stay open the incidents have ended, as in life; those that fall due belong to incidents that listen.
PER_INCIDENT = 20


def percentile(sample: list[float], share: float) -> float:
    """The value below which this share lies."""
    ordered = sorted(sample)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Load:
    """One house with many open workflows."""

    def __init__(self, house: House, client: Client, http: httpx.AsyncClient, asked: argparse.Namespace) -> None:
        self._house, self._client, self._http = house, client, http
        self._most, self._seconds = asked.items, asked.load_seconds

    async def fill(self, start: Callable[[int], Awaitable[Any]]) -> tuple[int, float]:
        """Start as many as there is time for, each wave worked off; how many there are, and how many a second."""
        began, slots, done = time.monotonic(), asyncio.Semaphore(AT_ONCE), 0

        async def one(number: int) -> None:
            async with slots:
                await start(number)

        while done < self._most and time.monotonic() - began < self._seconds:
            wave = range(done, min(done + WAVE, self._most))
            await asyncio.gather(*map(one, wave))
            await self.settle()
            done = wave.stop
            print(f"{done:,} open after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        return done, done / (time.monotonic() - began)

    async def settle(self) -> None:
        """Until the processes have had nothing to do for a second."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            before = self._cpu_seconds()
            await asyncio.sleep(1)
            if self._cpu_seconds() - before < 0.2:
                return

    def memory(self) -> dict[str, float]:
        """Resident megabytes of the engine and of the workers."""
        sums: dict[str, float] = {}
        for process in self._house.processes():
            sums[_kind(process)] = sums.get(_kind(process), 0) + process.memory_info().rss / 1e6
        return {name: round(size) for name, size in sums.items()}

    async def idle_cpu(self) -> float:
        """Share of one core while nobody asks for anything."""
        before, began = self._cpu_seconds(), time.monotonic()
        await asyncio.sleep(10)
        return (self._cpu_seconds() - before) / (time.monotonic() - began)

    def _cpu_seconds(self) -> float:
        return sum(sum(each.cpu_times()[:2]) for each in self._house.processes())


def _kind(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    if "server start-dev" in line or process.name().startswith("temporal"):
        return "engine"
    return "bare worker" if "benchmarks.bare" in line else "worker" if "worker" in line else "other"


async def items(load: Load, client: Client, http: httpx.AsyncClient, due: int, window: timedelta) -> dict[str, Any]:
    """Open action items, and the reminders of those that fall due."""
    incidents = [await _declared(http, number) for number in range(-(-due // PER_INCIDENT))]
    far = datetime.now(UTC) + timedelta(days=90)
    policy = Policy(action_item_start_days=0)

    async def begin(number: int, incident: str, due_at: datetime, *, is_new: bool) -> None:
        given = ActionItemStart(
            id=f"act-{suffix_from_number(number, 6)}", incident_id=incident, title=f"Bench item {number}", owner="ana",
            done_when="the benchmark is over", due_at=due_at, created_by=person("ana"), people=("ana",), policy=policy,
        )  # fmt: skip
        if not is_new:
            # As it goes on after its history was cut: everybody has been told of it.
            given = given.model_copy(update={"state": open_item(given, datetime.now(UTC)).state})
        await client.start_workflow(
            ActionItem.run, given, id=action_item_workflow_id(given.id), task_queue=CONTROL_QUEUE
        )

    async def start(number: int) -> None:
        await begin(number, f"inc-20260101-{suffix_from_number(number // PER_INCIDENT, 4)}", far, is_new=False)

    count, rate = await load.fill(start)
    memory, cpu = load.memory(), await load.idle_cpu()
    opens = datetime.now(UTC) + LEAD + due * LEAD_FOR_EACH
    planned = [opens + window * number / due for number in range(due)]
    slots = asyncio.Semaphore(AT_ONCE)

    async def soon(number: int) -> None:
        async with slots:
            await begin(1_000_000 + number, incidents[number % len(incidents)], planned[number], is_new=True)

    await asyncio.gather(*(soon(number) for number in range(due)))
    late = await _reminders(http, incidents, due)
    return {"open": count, "worked off a second": rate, "memory MB": memory,
            "idle cores": cpu, "reminders": len(late), **_lateness(late), "memory after MB": load.memory()}  # fmt: skip


async def _declared(http: httpx.AsyncClient, number: int) -> str:
    body = {"title": f"Bench {number}", "severity": "SEV-5", "drill": True}
    return str((await http.post("/api/v1/incidents", json=body)).raise_for_status().json()["id"])


async def _reminders(http: httpx.AsyncClient, incidents: list[str], wanted: int) -> list[float]:
    """How late each reminder was written, by the record."""
    late: list[float] = []
    after, deadline = dict.fromkeys(incidents, 0), time.monotonic() + 600
    while len(late) < wanted and time.monotonic() < deadline:
        for incident in incidents:
            late += await _news_of(http, incident, after)
        await asyncio.sleep(5)
    return late


async def _news_of(http: httpx.AsyncClient, incident: str, after: dict[str, int]) -> list[float]:
    path, late = f"/api/v1/incidents/{incident}/timeline", []
    for each in (await http.get(path, params={"after": after[incident], "limit": 1000})).json()["items"]:
        after[incident] = each["seq"]
        details = each.get("details") or {}
        if each["kind"] == "reminder" and details.get("reason") == "due":
            at, planned = datetime.fromisoformat(each["at"]), datetime.fromisoformat(details["planned_at"])
            late.append((at - planned).total_seconds())
    return late


async def bare(load: Load, client: Client, due: int, window: timedelta) -> dict[str, Any]:
    """As many workflows that only wait, and as many that wake and call one activity."""
    far = datetime.now(UTC) + timedelta(days=90)

    async def start(number: int) -> None:
        await client.start_workflow(BareReminder.run, far, id=f"bare/{number}", task_queue=BARE_QUEUE)

    count, rate = await load.fill(start)
    memory, cpu = load.memory(), await load.idle_cpu()
    opens = datetime.now(UTC) + LEAD + due * LEAD_FOR_EACH
    handles = []
    for number in range(due):
        at = opens + window * number / due
        handles.append(
            await client.start_workflow(BareReminder.run, at, id=f"bare-due/{number}", task_queue=BARE_QUEUE)
        )
    late = [await handle.result() for handle in handles]
    return {"open": count, "worked off a second": rate, "memory MB": memory,
            "idle cores": cpu, "reminders": len(late), **_lateness(late)}  # fmt: skip


def _lateness(late: list[float]) -> dict[str, float]:
    if not late:
        return {}
    return {"late s p50": percentile(late, 0.5), "late s p99": percentile(late, 0.99), "late s max": max(late)}


async def measure(arguments: argparse.Namespace, what: str) -> dict[str, Any]:
    """One house, one measurement."""
    with House() as house:
        client = await Client.connect(house.engine, data_converter=pydantic_data_converter)
        headers = {"Authorization": f"Bearer {house.admin_token}"}
        async with httpx.AsyncClient(base_url=house.url, headers=headers, timeout=60) as http:
            # Those that are due in the window; the others are due in months, which is what keeps them open.
            window = timedelta(seconds=arguments.window_seconds)
            load = Load(house, client, http, arguments)
            if what == "bare":
                return await bare(load, client, arguments.due, window)
            return await items(load, client, http, arguments.due, window)


def main() -> None:
    """Both, and what they came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--due", type=int, default=500)
    parser.add_argument("--load-seconds", type=float, default=1_800.0)
    parser.add_argument("--window-seconds", type=float, default=120.0)
    arguments = parser.parse_args()
    for what in ("items", "bare"):
        result = asyncio.run(measure(arguments, what))
        print(json.dumps({"what": what, **{k: round(v, 2) if isinstance(v, float) else v for k, v in result.items()}}),
              flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
