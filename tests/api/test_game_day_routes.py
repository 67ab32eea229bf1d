"""Game days over HTTP and from the command line: what is defined and due, one now, halted, paused; on a real engine."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from icalendar import Calendar

from activities.actions import specs
from domain.game_day import GameDayPhase, GameDayState
from domain.ids import game_day_workflow_id, standing_approval_workflow_id
from domain.record import Projection, ProjectionKind, RecordBatch
from domain.run import Verdict, Vote
from domain.standing_approval import GrantStanding, StandingStart
from domain.timeline import automation, person
from runbooks.game_day_catalog import GameDayCatalog
from runbooks.game_day_schema import GameDayStart
from tests.support.api_world import CONFIGURATION, World, api_world
from tests.support.engine import working
from tests.support.world import ROOT
from workers.schedules import keep_schedules
from workflows.standing_approval import StandingApproval

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = """\
schema_version: 1
name: drill
title: A drill
owner: sre
hypothesis: We notice
parameters:
  url: {default: "http://127.0.0.1:1/"}
match: {drillable: "yes"}
targets: {shop: {names: [shop]}}
steady_state: [{id: health, action: check.http, with: {url: "{{ params.url }}"}}]
faults:
  - id: kill
    action: process.kill
    targets: shop
    with: {process: shop}
    duration: 5m
    undo: {action: release.restart, with: {target: shop}}
expectations: [{expect: page, within: 60s}]
"""
SETTINGS = """
drill_targets:
  shop: {environment: test, drillable: true}
game_days:
  drill: {cron: "0 10 * * 2", audience: [ana]}
  quarterly: {cron: "0 10 1 * *", paused: true}
  hourly: {every: 1h, jitter: 10m}
  pressed: {cron: "0 10 * * 2"}
game_day_policy: {standing_approval_at_most: 60d}
policy:
  freezes: [{name: sale, from: "2000-01-01T00:00:00Z", until: "2100-01-01T00:00:00Z", applies_to: [frozen]}]
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Engine, API and store; no worker, so that a game day that was started stays where it is."""
    async with api_world(tmp_path_factory.mktemp("home"), has_workers=False) as opened:
        home = opened.home
        home.configuration.write_text(CONFIGURATION + SETTINGS)
        (home.game_days / "drill.yaml").write_text(TEXT)
        (home.game_days / "quarterly.yaml").write_text(TEXT.replace("name: drill", "name: quarterly"))
        for name in ("hourly", "pressed"):
            (home.game_days / f"{name}.yaml").write_text(TEXT.replace("name: drill", f"name: {name}"))
        (home.game_days / "free.yaml").write_text(TEXT.replace("name: drill", "name: free"))
        (home.game_days / "broken.yaml").write_text(TEXT.replace("name: drill", "nam: broken"))
        configuration = opened.app.state.configuration.current()
        assert opened.engine_client is not None
        await keep_schedules(opened.engine_client, configuration, GameDayCatalog([home.game_days], specs()))
        yield opened


async def definition(world: World, name: str = "drill") -> dict[str, Any]:
    """One line of the list."""
    answer = await world.admin.get("/api/v1/game-days/definitions")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = next(each for each in answer.json()["items"] if each["name"] == name)
    return found


class Said(NamedTuple):
    """What a command printed, and how it ended."""

    exit_code: int
    stdout: str
    stderr: str


async def hotwash(world: World, *arguments: str) -> Said:
    """The command, as a person gives it."""
    command = (sys.executable, "-m", "cli.main", "--url", world.url, "--token", world.home.admin_token(), *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    stdout, stderr = await process.communicate()
    return Said(process.returncode or 0, stdout.decode(), stderr.decode())


async def test_the_list_says_what_is_due_and_what_is_wrong(world: World) -> None:
    """Schedule, next time, who paused it; a file with a mistake is there, with the mistake and its place."""
    drill = await definition(world)
    next_at = datetime.fromisoformat(drill["next_at"])
    assert (drill["schedule"], drill["is_paused"], drill["problems"]) == ("0 10 * * 2", False, [])
    assert next_at > datetime.now(UTC)
    assert next_at.weekday() == 1
    quarterly = await definition(world, "quarterly")
    assert (quarterly["is_paused"], quarterly["next_at"]) == (True, None)
    assert (await definition(world, "free"))["schedule"] is None
    assert "broken.yaml:2:1: unknown key 'nam'; did you mean 'name'?" in (await definition(world, "broken"))["problems"]
    shown = await hotwash(world, "game-day", "list", "--json")
    assert shown.exit_code == 0, shown
    assert {each["name"] for each in json.loads(shown.stdout)} >= {"drill", "quarterly", "broken", "process-dies"}


async def test_an_approval_that_stands_is_shown_and_revoked_on_the_page(world: World) -> None:
    """Who gave it, until when, and what was shown; a reason takes it away, and twice is refused."""
    client = world.engine_client
    assert client is not None
    place = "/game-days/drill/revoke-standing-approval"
    until = datetime.now(UTC) + timedelta(days=30)
    vote = Vote(
        by=person("ana"), verdict=Verdict.APPROVE, digest="sha256:1", at=datetime.now(UTC), standing_until=until
    )
    command = GrantStanding(
        by=automation("game day"), approval_id="game-day~drill-1~targets", digest="sha256:1", votes=(vote,), until=until
    )

    async def shown() -> str:
        return (await world.admin.get("/game-days", headers={"Accept": "text/html"})).text

    assert "standing approval" not in await shown()
    async with working(client, "standing", workflows=[StandingApproval], activities=[]):
        handle = await client.start_workflow(
            StandingApproval.run, StandingStart(name="drill"), id=standing_approval_workflow_id("drill"),
            task_queue="standing",
        )  # fmt: skip
        await handle.execute_update("grant", command)
        page = await shown()
        assert "for every run that is exactly the same, by ana" in page
        assert 'href="/approvals/game-day~drill-1~targets"' in page
        await world.admin.post(place, data={"reason": " "})
        assert "by ana" in await shown()
        await world.admin.post(place, data={"reason": "the <b>sale</b> begins"})
        page = await shown()
        assert "Its standing approval was revoked by admin: the &lt;b&gt;sale&lt;/b&gt; begins" in page
        refused = await world.admin.post(
            f"/api/v1{place}".replace("revoke-standing-approval", "standing-approval/revoke"),
            json={"reason": "again", "by": "ana"},
        )
        assert (refused.status_code, "stands" in refused.json()["detail"]) == (409, True)
    # Somebody who terminates it in the engine takes it away as well.
    await handle.terminate()
    assert "standing approval" not in await shown()


async def test_a_schedule_is_paused_and_resumed_with_a_reason(world: World) -> None:
    """By whom and why is shown; what the file pauses is not resumed here, and what has no schedule is not found."""
    paused = await world.admin.post("/api/v1/game-days/drill/pause", json={"reason": "holidays", "by": "ana"})
    assert paused.status_code == 204, paused.text
    drill = await definition(world)
    assert (drill["is_paused"], drill["next_at"], drill["note"]) == (True, None, "ana: holidays")
    resumed = await hotwash(world, "game-day", "resume", "drill", "--reason", "back", "--by", "ana")
    assert resumed.exit_code == 0, resumed
    drill = await definition(world)
    assert (drill["is_paused"], drill["note"]) == (False, "ana: back")
    assert (await hotwash(world, "game-day", "pause", "drill", "--reason", "again")).exit_code == 0
    assert (await definition(world))["is_paused"] is True
    assert (await hotwash(world, "game-day", "resume", "drill", "--reason", "and again")).exit_code == 0
    for name, body, status, words in (
        ("quarterly", {"reason": "r"}, 409, "paused in hotwash.yaml"),
        ("free", {"reason": "r"}, 404, "there is no schedule of game day free"),
        ("drill", {"reason": " "}, 422, "must not be empty"),
        ("drill", {}, 422, "reason"),
    ):
        answer = await world.admin.post(f"/api/v1/game-days/{name}/resume", json=body)
        assert answer.status_code == status, answer.text
        assert words in answer.json()["detail"]


async def test_a_start_with_one_key_is_one_game_day(world: World) -> None:
    """201 the first time, 200 afterwards, also when they come at once; another one is refused while it is under way."""
    path, headers = "/api/v1/game-days/drill/start", {"Idempotency-Key": "quarterly-1"}
    all_at_once = await asyncio.gather(*(world.admin.post(path, headers=headers) for _ in range(3)))
    again = await world.admin.post(path, headers=headers)
    assert again.status_code == 200, again.text
    made = {each.json()["id"] for each in (*all_at_once, again)}
    assert len(made) == 1
    assert sorted(each.status_code for each in all_at_once) == [200, 200, 201]
    await until_listed(world, made.pop())
    other = await world.admin.post(path)
    assert other.status_code == 409, other.text
    assert "is under way; wait for it or halt it" in other.json()["detail"]
    assert (await world.admin.post("/api/v1/game-days/free/start")).status_code == 201


async def until_listed(world: World, id_: str) -> None:
    """Wait until the engine lists a game day as running: its list lags behind what it has started."""
    assert world.engine_client is not None
    query = f'WorkflowId = "{game_day_workflow_id(id_)}" AND ExecutionStatus = "Running"'
    for _ in range(1500):
        if [each async for each in world.engine_client.list_workflows(query)]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{id_} is not listed")


async def test_a_game_day_is_read_as_a_journal_of_the_chaos_toolkit(world: World) -> None:
    """One that was never held has none."""
    missing = await world.admin.get("/api/v1/game-days/never-2026-11-22T10:00:00Z/journal")
    assert (missing.status_code, "never" in missing.json()["detail"]) == (404, True)
    state = GameDayState(
        id="drill-2026-11-22T10:00:00Z", name="drill", title="A drill", phase=GameDayPhase.FINISHED,
        started_at=datetime(2026, 11, 22, 10, tzinfo=UTC), requested_by=person("ana"),
    )  # fmt: skip
    picture = Projection(
        kind=ProjectionKind.GAME_DAY, id=state.id, version=1, incident_id=None, document=state.model_dump(mode="json")
    )
    await world.store.record.save(RecordBatch(origin="test/journal", projections=(picture,)))
    journal = (await world.admin.get(f"/api/v1/game-days/{state.id}/journal")).json()
    assert (journal["experiment"]["title"], journal["hotwash"]["id"], journal["run"]) == ("A drill", state.id, [])


async def test_what_cannot_be_held_is_refused_with_the_reason(world: World) -> None:
    """A file with mistakes, an unknown parameter, an unknown name: nothing is started."""
    for name, body, status, words in (
        ("broken", {}, 422, "broken.yaml:2:1: unknown key 'nam'"),
        ("drill", {"parameters": {"ulr": "x"}}, 422, "did you mean 'url'"),
        ("drli", {}, 404, "did you mean 'drill'"),
        ("drill", {"paramters": {}}, 422, "did you mean 'parameters'"),
    ):
        answer = await world.admin.post(f"/api/v1/game-days/{name}/start", json=body)
        assert answer.status_code == status, answer.text
        assert words in answer.json()["detail"]
    refused = await hotwash(world, "game-day", "start", "drill", "--no-wait", "-p", "ulr=x")
    assert (refused.exit_code, "did you mean 'url'" in refused.stderr.replace("\n", " ")) == (1, True)


async def test_nobody_halts_what_is_not_there(world: World) -> None:
    """404 with a sentence, and exit code 1."""
    answer = await world.admin.post("/api/v1/game-days/drill-never/halt", json={"reason": "r"})
    assert answer.status_code == 404, answer.text
    assert (await hotwash(world, "game-day", "halt", "drill-never", "--reason", "r")).exit_code == 1
    assert (await hotwash(world, "game-day", "show", "drill-never")).exit_code == 1


async def until_defined(world: World, name: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """One line of the list, once the engine shows it so."""
    for _ in range(1500):
        found = await definition(world, name)
        if holds(found):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{name} did not become as wanted: {found}")


def soon() -> datetime:
    """Longer than a test takes to skip something."""
    return datetime.now(UTC) + timedelta(seconds=15)


async def test_the_next_one_is_skipped_and_only_that_one(world: World) -> None:
    """Twice with the time that was seen is once; it stays skipped when the workers start anew; jitter hides no time."""
    for name, apart in (("drill", timedelta(days=7)), ("hourly", timedelta(hours=1))):
        # Not one that comes while it is being skipped.
        seen = await until_defined(world, name, lambda d: datetime.fromisoformat(d["next_at"]) > soon())
        first = datetime.fromisoformat(seen["next_at"])
        body = {"reason": "holidays", "by": "ana", "at": first.isoformat()}
        for _ in range(2):
            answer = await world.admin.post(f"/api/v1/game-days/{name}/skip-next", json=body)
            assert (answer.status_code, answer.json()["name"]) == (200, name), answer.text
        after = await until_defined(world, name, lambda d: len(d["skipped"]) == 1)
        [skipped] = after["skipped"]
        assert skipped["note"] == "ana: holidays"
        assert timedelta() <= first - datetime.fromisoformat(skipped["at"]) < timedelta(minutes=10)
        second = datetime.fromisoformat(after["next_at"])
        assert abs(second - first - apart) < timedelta(minutes=10)
        configuration = world.app.state.configuration.current()
        assert world.engine_client is not None
        await keep_schedules(world.engine_client, configuration, GameDayCatalog([world.home.game_days], specs()))
        again = await definition(world, name)
        assert (again["skipped"], datetime.fromisoformat(again["next_at"])) == ([skipped], second)


async def test_what_has_no_next_time_is_not_skipped(world: World) -> None:
    """Paused, not scheduled, a time that is not the next one, no reason."""
    at = "2030-01-01T10:00:00Z"
    for name, body, status, words in (
        ("quarterly", {"reason": "r"}, 409, "is paused; there is no next time to skip"),
        ("free", {"reason": "r"}, 404, "there is no schedule of game day free"),
        ("pressed", {"reason": "r", "at": at}, 409, "the next time of game day 'pressed' is"),
        ("pressed", {"reason": ""}, 422, "must not be empty"),
    ):
        answer = await world.admin.post(f"/api/v1/game-days/{name}/skip-next", json=body)
        assert answer.status_code == status, answer.text
        assert words in answer.json()["detail"]
    said = await hotwash(world, "game-day", "skip-next", "quarterly", "--reason", "r")
    assert (said.exit_code, "is paused" in said.stderr) == (1, True)


async def test_a_schedule_is_triggered_once(world: World) -> None:
    """It starts what is pinned, in the name of whoever wants it; not while it is held, and not without a schedule."""
    (world.home.game_days / "pressed.yaml").write_text(
        TEXT.replace("name: drill", "name: pressed").replace("60s", "61s")
    )
    said = await hotwash(world, "game-day", "trigger", "pressed", "--json")
    assert said.exit_code == 0, said
    id_ = json.loads(said.stdout)["id"]
    assert id_.startswith("pressed-2")
    assert world.engine_client is not None
    begun = await world.engine_client.get_workflow_handle(f"game-day/{id_}").fetch_history()
    payloads = begun.events[0].workflow_execution_started_event_attributes.input.payloads
    [start] = await world.engine_client.data_converter.decode(list(payloads), [GameDayStart])
    # Not the schedule: whoever has started it may not approve it, and no approval that stands is for it.
    assert (start.requested_by.name, start.document.expectations[0].within) == ("admin", timedelta(seconds=60))
    for name, status, words in (("pressed", 409, "game day 'pressed"), ("free", 404, "there is no schedule")):
        answer = await world.admin.post(f"/api/v1/game-days/{name}/trigger")
        assert answer.status_code == status, answer.text
        assert words in answer.json()["detail"]


async def test_the_calendar_shows_what_is_due_paused_and_skipped(world: World) -> None:
    """Soonest first, with what the engine does not tell; a span that is none is refused."""
    since = datetime.now(UTC)
    until = since + timedelta(days=60)
    params = {"since": since.isoformat(), "until": until.isoformat()}
    found = (await world.admin.get("/api/v1/game-days/calendar", params=params)).json()
    times = [each["at"] for each in found["entries"]]
    assert times == sorted(times)
    kinds = {(each["name"], each["kind"]) for each in found["entries"]}
    assert {("pressed", "due"), ("hourly", "due"), ("drill", "skipped"), ("quarterly", "paused")} <= kinds
    assert "hourly" in found["told_until"]
    assert [each["name"] for each in found["freezes"]] == ["sale"]
    month = f"{since:%Y-%m}"
    for arguments in ((), ("--month", month), ("--json",)):
        assert (await hotwash(world, "game-day", "calendar", *arguments)).exit_code == 0
    assert (await hotwash(world, "game-day", "calendar", "--month", "soon")).exit_code == 2
    wrong = await world.admin.get("/api/v1/game-days/calendar", params={"since": until.isoformat(), "until": times[0]})
    assert (wrong.status_code, "up to 92 days" in wrong.json()["detail"]) == (422, True)


async def test_one_is_linted_as_the_running_hotwash_sees_it(world: World) -> None:
    """The place of a mistake; nothing for what can be held; 404 for what is not there."""
    path = "/api/v1/game-days/definitions"
    broken = (await world.admin.get(f"{path}/broken/lint")).json()
    assert "broken.yaml:2:1: unknown key 'nam'; did you mean 'name'?" in broken["problems"]
    assert (await world.admin.get(f"{path}/free/lint")).json() == {"name": "free", "problems": []}
    assert (await world.admin.get(f"{path}/nowhere/lint")).status_code == 404


async def test_a_calendar_program_reads_the_feed_by_a_link(world: World) -> None:
    """Without a header; the link opens the calendar only, and a wrong one opens nothing."""
    made = await hotwash(world, "game-day", "calendar", "--link")
    assert made.exit_code == 0, made
    url = made.stdout.strip()
    async with httpx.AsyncClient(timeout=30) as program:
        feed = await program.get(url)
        assert (feed.status_code, feed.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
        link = url.partition("?link=")[2]
        for path in ("/api/v1/game-days/calendar", "/api/v1/incidents", "/game-days/calendar"):
            assert (await program.get(f"{world.url}{path}?link={link}")).status_code in {303, 401}
        for wrong in (f"{url[:-4]}AAAA", url.partition("?")[0], f"{url.partition('=')[0]}={world.home.admin_token()}"):
            assert (await program.get(wrong)).status_code == 401
        assert (await program.post(url)).status_code == 401
    calendar = Calendar.from_ical(feed.text)
    ids = {str(each["UID"]).rpartition("-2")[0]: str(each["STATUS"]) for each in calendar.walk("VEVENT")}
    assert ids["game-day/drill"] in {"CONFIRMED", "CANCELLED"}
    assert ids["game-day/quarterly"] == "TENTATIVE"
    assert str(calendar["X-WR-CALNAME"]).startswith("Game days")
    # What is due has the id that the schedule will give it: without its jitter.
    hourly = [str(each["UID"]) for each in calendar.walk("VEVENT") if str(each["UID"]).startswith("game-day/hourly-")]
    assert hourly
    assert all(each.endswith(":00:00Z@hotwash") for each in hourly)
    said = await hotwash(world, "game-day", "calendar", "--ics")
    assert (said.exit_code, said.stdout.startswith("BEGIN:VCALENDAR")) == (0, True)
    assert (await hotwash(world, "game-day", "calendar", "--ics", "--link")).exit_code == 2
    page = (await world.admin.get("/game-days/calendar", headers={"Accept": "text/html"})).text
    assert "webcal://" in page
    assert "/api/v1/game-days/calendar.ics?link=" in page
