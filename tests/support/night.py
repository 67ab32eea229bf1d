"""The world that pages are tested in: a small team, an approval by two, alerts below and above their threshold.

Used by tests/pages. The one thing to know: one world serves all of them, so each test declares incidents of its own and
looks for those only.
"""

import uuid
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from tests.support.browser import Visitor, visiting
from tests.support.world import World, a_world

CONFIGURATION = """
organization: Night Shop
people:
  alice: {name: Alice, email: alice@shop.example, groups: [sre], manager: dana}
  bob: {name: Bob, email: bob@shop.example, groups: [sre], manager: dana}
  carol: {name: Carol, email: carol@shop.example, groups: [sre], manager: dana}
  dana: {name: Dana, email: dana@shop.example, groups: [managers]}
on_call:
  shop:
    levels:
      - {people: [alice], acknowledge_within: 30m}
services:
  checkout: {name: Checkout, on_call: shop, public: true, public_name: Online checkout}
  search: {name: Search, on_call: shop, public: true}
  books: {name: Books}
drill_targets:
  books-1: {service: books, environment: staging, drillable: true}
actions:
  processes: {shelf: shelf.pid}
game_days:
  shelf-falls: {cron: "0 10 * * 2"}
policy:
  freezes: [{name: spring sale, from: "2031-05-10T00:00:00Z", until: "2031-05-12T00:00:00Z"}]
integrations:
  alertmanager: {secret: "file:secrets/alertmanager"}
routes:
  - name: few
    match: {kind: few}
    group_by: [alertname]
    service: search
    severity: SEV-4
    threshold: {count: 3}
  - name: all
    group_by: [alertname]
    service: search
    severity: SEV-4
"""
# Asks two people and then does nothing, so that it can run beside every other test.
RUNBOOK = """
schema_version: 1
name: two-agree
title: Two agree, then nothing happens
owner: sre
parameters:
  word: {default: again}
steps:
  - id: ask
    approval: {covers: [act], approvers: [sre], min_approvals: 2, message: Shall it happen?, expires_after: 20m}
  - id: act
    title: Say the word
    action: noop
    with: {echo: {said: "{{ params.word }}"}}
"""
# Waits for a yes before it would touch anything, so that it can be looked at and stopped.
GAME_DAY = """
schema_version: 1
name: shelf-falls
title: A shelf falls over
owner: dana
hypothesis: Somebody hears it.
parameters:
  url: {default: "http://127.0.0.1:1/"}
match: {drillable: shelf}
targets: {shelf: {names: [books-1]}}
steady_state: [{id: stands, action: check.http, with: {url: "{{ params.url }}"}}]
faults:
  - id: push
    action: process.pause
    targets: shelf
    with: {process: shelf}
    duration: 1m
expectations: [{expect: detect, within: 30s}]
approval: {required: true, approvers: [sre]}
"""


def night_world(folder: Path) -> AbstractAsyncContextManager[World]:
    """Engine, worker and API as real processes, with this configuration."""
    runbooks = folder / "home" / "runbooks"
    runbooks.mkdir(parents=True)
    (runbooks / "two-agree.yaml").write_text(RUNBOOK)
    game_days = folder / "home" / "game_days"
    game_days.mkdir()
    (game_days / "shelf-falls.yaml").write_text(GAME_DAY)
    return a_world(folder, CONFIGURATION)


async def log_in(visitor: Visitor, world: World, person: str) -> None:
    """By a one-time link, as from a page's mail."""
    link = await world.post("/login-links", {"person": person})
    await visitor.page.goto(link["path"])


def visit(browser: Browser, world: World, **options: Any) -> AbstractAsyncContextManager[Visitor]:
    """Somebody's browser, not logged in."""
    return visiting(browser, world.url, **options)


async def declare(world: World, title: str = "Checkout is down", **fields: Any) -> dict[str, Any]:
    """A new incident, with a title of its own."""
    body = {"by": "dana", "title": f"{title} {uuid.uuid4().hex[:6]}", "severity": "SEV-3", "services": ["checkout"]}
    incident: dict[str, Any] = await world.post("/incidents", body | fields)
    await recorded(world, f"/incidents/{incident['id']}")
    return incident


async def ask_two(world: World, incident: str, word: str = "again") -> dict[str, Any]:
    """Alice starts the runbook; returns the approval that is then pending."""
    body = {"by": "alice", "incident_id": incident, "runbook": "two-agree", "parameters": {"word": word}}
    await world.post("/runs", body)

    def ours(page: dict[str, Any]) -> list[dict[str, Any]]:
        return [each for each in page["items"] if each["incident_id"] == incident]

    return ours(await recorded(world, f"/approvals?state=pending&incident_id={incident}", ours))[0]


async def recorded(world: World, path: str, holds: Any = bool) -> Any:
    """What a GET below /api/v1 answers once it is 200 and as wanted."""

    async def ask() -> Any:
        answer = await world.http.get(f"/api/v1{path}")
        return answer.json() if answer.is_success else None

    return await world.eventually(ask, lambda body: body is not None and holds(body), path)


def an_alert(name: str, **more: Any) -> dict[str, Any]:
    """One alert as Alertmanager sends it."""
    labels = {"alertname": name} | more.pop("labels", {})
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": f"{name} happens"},
        "startsAt": "2026-11-22T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.test/graph",
        "fingerprint": uuid.uuid4().hex[:16],
    } | more


async def alert_group(world: World, name: str, status: str) -> dict[str, Any]:
    """The group of an alert's name, once it stands as wanted."""

    def ours(page: dict[str, Any]) -> list[dict[str, Any]]:
        return [g for g in page["items"] if g["labels"].get("alertname") == name and g["status"] == status]

    return ours(await recorded(world, "/alert-groups", ours))[0]
