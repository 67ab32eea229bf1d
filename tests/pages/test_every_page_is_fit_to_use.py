"""Laws of all pages: nothing sticks out, all can be read, named, reached and tapped, and the browser is silent."""

from itertools import cycle

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from domain.game_day import (
    Change,
    Difference,
    Expectation,
    ExpectationResult,
    GameDayVerdict,
    Judgement,
    PreflightCheck,
    Scores,
)
from domain.game_day_faults import FaultStage
from domain.game_day_probes import ProbeRun, StopRun
from tests.support.browser import DESK, PHONE
from tests.support.held import KILL, START, held, record_game_day
from tests.support.night import alert_group, an_alert, ask_two, declare, log_in, recorded, visit
from tests.support.world import World

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

# What a machine writes: no space where a line could break.
_UNBROKEN = "checkout-7d9f8c6b5-" + "x" * 90 + ".svc.cluster.local"
_OPEN_TO_ALL = ("/login", "/status")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def paths(world: World) -> list[str]:
    """One of everything, in its liveliest state, with texts that are hard to lay out."""
    busy = await declare(world, f"Checkout fails on {_UNBROKEN}", severity="SEV-1", summary=_UNBROKEN)
    room = f"/incidents/{busy['id']}"
    approval = await ask_two(world, busy["id"], _UNBROKEN)
    await world.post(f"{room}/timeline", {"by": "bob", "text": f"look at https://graphs.example/{_UNBROKEN}"})
    await world.post(f"{room}/tasks", {"by": "bob", "title": f"Restart {_UNBROKEN}", "assignee": "carol"})
    await world.post(f"{room}/roles", {"by": "dana", "role": "scribe", "person": "carol"})
    drill = await declare(world, "A drill", drill=True)
    over = await declare(world, "It is over")
    await world.post(f"/incidents/{over['id']}/acknowledge", {"by": "alice"})
    await world.post(f"/incidents/{over['id']}/resolve", {"by": "alice", "summary": "restarted"})
    await recorded(world, f"/reviews/{over['id']}", lambda review: review["revision"])
    item = await world.post(
        "/action-items",
        {"by": "bob", "incident_id": over["id"], "title": f"Alert on {_UNBROKEN}", "done_when": "so", "owner": "bob"},
    )
    table = (await world.post("/game-days/data-loss-scare-after-hours/start", {"by": "dana"}))["id"]
    played = await recorded(world, f"/game-days/{table}", lambda state: state["incident_id"])
    learned = await _reviewed(world)
    alert = an_alert("Fills", labels={"kind": "few", "instance": _UNBROKEN})
    await world.alert(alert, group={"alertname": "Fills"})
    group = await alert_group(world, "Fills", "triage")
    week = await _met(world)
    return [
        *("/operations-reviews", f"/operations-reviews/{week}"),
        *("/", "/incidents", "/incidents?q=nothing-is-called-this", "/declare", "/approvals", "/action-items"),
        *("/action-items/new", "/reviews", "/game-days"),
        *("/game-days/calendar", "/game-days/calendar?month=2031-05", "/game-days/coverage", "/safety-levers"),
        f"/game-days/{await _held(world)}",
        *("/search?q=checkout", "/insights", "/patterns", "/patterns/new", "/search/runbooks/free-disk-space"),
        *(room, f"{room}?all=1", f"/incidents/{drill['id']}", f"/incidents/{over['id']}"),
        *(f"/approvals/{approval['id']}", f"/runs/{approval['run_id']}", f"/triage/{group['id']}"),
        *(f"/game-days/{table}", f"/incidents/{played['incident_id']}", f"/reviews/{learned}/drill"),
        *(f"/reviews/{over['id']}", f"/action-items/{item['id']}", *_OPEN_TO_ALL),
    ]


async def _reviewed(world: World) -> str:
    """An incident whose review is signed, so that a drill can be made of it."""
    incident: str = (await declare(world, f"The process was killed on {_UNBROKEN}", services=["books"]))["id"]
    await world.post(f"/incidents/{incident}/acknowledge", {"by": "alice"})
    await world.post(f"/incidents/{incident}/resolve", {"by": "alice", "summary": "restarted"})
    found = {"kind": "contributing_factor", "text": f"The process was killed: {_UNBROKEN}", "by": "alice"}
    steps: list[tuple[str, dict[str, object]]] = [
        ("findings", found),
        ("submit", {"by": "alice", "fewer_factors_because": _UNBROKEN}),
        ("sign-off", {"by": "bob"}),
    ]
    for verb, body in steps:
        # What was found is written into the draft first.
        await recorded(world, f"/reviews/{incident}", lambda review: not review["draft_wanted"])
        await world.post(f"/reviews/{incident}/{verb}", body)
    await recorded(world, f"/reviews/{incident}", lambda review: review["state"] == "reviewed")
    return incident


async def _met(world: World) -> str:
    """The week's operations review, in the middle of its meeting."""
    week: str = (await world.post("/operations-reviews", {"by": "dana"}))["id"]
    await recorded(world, f"/operations-reviews/{week}", lambda review: review["state"] == "open")
    for text in (f"Mend {_UNBROKEN}", "Read what the runbook says, and say it shorter"):
        await world.post(f"/operations-reviews/{week}/decisions", {"by": "dana", "text": text, "owner": "bob"})
    return week


async def _held(world: World) -> str:
    """A game day that failed in every way, as its workflow would have left it in the record."""
    expectations = tuple(
        ExpectationResult(
            expectation=each, within_seconds=30, judgement=how, observed_after_seconds=41, evidence=_UNBROKEN
        )
        for each, how in zip(Expectation, cycle(Judgement), strict=False)
    )
    change = Change(what=_UNBROKEN, before=_UNBROKEN, now=_UNBROKEN, is_better=False)
    stuck = KILL.model_copy(update={"state": FaultStage.UNDO_FAILED, "undo_problem": _UNBROKEN, "clean": False})
    await record_game_day(
        world,
        held(
            id="shelf-falls-bad", name="shelf-falls", title=f"It falls on {_UNBROKEN}", verdict=GameDayVerdict.FAILED,
            reason=_UNBROKEN, hypothesis=_UNBROKEN, hypothesis_held=False, expectations=expectations,
            faults=(stuck, KILL), scores=Scores(resilience=10, detection=75, undo_safety=0), rto_limit_seconds=60,
            rto_seconds=90, probes=(ProbeRun(id="health", mode="during_fault", broke_at=START, detail=_UNBROKEN),),
            difference=Difference(last_id="shelf-falls-0", last_at=START, changes=(change,)),
            stop_conditions=(StopRun(id="stop", met_at=START, detail=_UNBROKEN),),
            preflight=(PreflightCheck(name="calendar", holds=None, detail=_UNBROKEN),),
        ),
    )  # fmt: skip
    return "shelf-falls-bad"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_every_page_keeps_the_laws(world: World, browser: Browser, paths: list[str], size: dict, scheme: str):
    """At 390 and 1280 px, light and dark, with every drawer open too: see tests/support/page_laws.js."""
    wrong = []
    async with visit(browser, world, viewport=size, color_scheme=scheme) as visitor:
        await log_in(visitor, world, "carol")
        for path in paths:
            answer = await visitor.page.goto(path)
            assert answer is not None
            assert answer.status == 200, path
            wrong += [f"{path}: {each}" for each in await visitor.broken_laws()]
            await visitor.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            wrong += [f"{path} opened: {each}" for each in await visitor.broken_laws()]
        assert sorted(set(wrong)) == []
        assert visitor.complaints == []


async def test_what_is_printed_has_its_numbers(world: World, browser: Browser, paths: list[str]):
    """On paper nothing can be folded out: every table of the insights stands there, every button is gone."""
    assert "/insights" in paths
    async with visit(browser, world, viewport=DESK) as visitor:
        await log_in(visitor, world, "carol")
        await visitor.page.goto("/insights")
        tables = visitor.page.locator(".insight details table")
        assert await tables.count() > 3
        assert not await tables.first.is_visible()
        await visitor.page.emulate_media(media="print")
        for number in range(await tables.count()):
            assert await tables.nth(number).is_visible()
        assert await visitor.page.locator("form:visible, summary:visible, button:visible").count() == 0


async def test_everything_is_reached_with_the_keyboard_alone(world: World, browser: Browser, paths: list[str]):
    """The first Tab finds the way past the bar; then every link, button and field of the room has its turn, visibly."""
    room = next(path for path in paths if path.startswith("/incidents/inc-"))
    async with visit(browser, world, viewport=DESK) as visitor:
        await log_in(visitor, world, "carol")
        page = visitor.page
        await page.goto(room)
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
        wanted = await page.evaluate(
            "[...document.querySelectorAll('main a[href], main button, main input:not([type=hidden]), main summary, "
            "main select, main textarea')].filter((each) => each.checkVisibility()).length"
        )
        for reached in range(wanted):
            await page.keyboard.press("Tab")
            shown = await page.evaluate(
                "(() => { const e = document.activeElement; const s = getComputedStyle(e);"
                " return [Boolean(e.closest('main')), s.outlineStyle, e.outerHTML.slice(0, 80)]; })()"
            )
            assert shown[0], f"{reached} of {wanted} reached, then {shown}"
            assert shown[1] != "none", f"the focus is not seen on {shown}"
        assert wanted > 10


async def test_a_page_that_is_not_there_says_so_as_a_page(world: World, browser: Browser):
    """An unknown incident, run, approval, group, item or review: a sentence and a way back, no stack trace."""
    missing = ("incidents/inc-20200101-zzzz", "runs/inc-20200101-zzzz.x.1", "approvals/inc-20200101-zzzz.x.1:y")
    async with visit(browser, world) as visitor:
        await log_in(visitor, world, "carol")
        for path in (*missing, "triage/none", "action-items/act-zzzzzz", "reviews/inc-20200101-zzzz", "nowhere"):
            answer = await visitor.page.goto(f"/{path}")
            assert answer is not None
            assert answer.status == 404, path
            assert await visitor.page.get_by_role("link", name="Back to what is open").count() == 1
            assert "Traceback" not in await visitor.page.content()


async def test_nothing_is_shown_to_somebody_who_is_not_logged_in(world: World, browser: Browser, paths: list[str]):
    """Every page but the public ones leads to the login, and a used link does not work again."""
    async with visit(browser, world) as nobody:
        for path in paths:
            if path in _OPEN_TO_ALL:
                continue
            await nobody.page.goto(path)
            assert nobody.page.url.endswith("/login"), path
        link = (await world.post("/login-links", {"person": "carol"}))["path"]
        await nobody.page.goto(link)
        await nobody.page.get_by_role("button", name="Log out").click()
        await nobody.page.goto(link)
        assert "used before" in await nobody.page.get_by_role("alert").inner_text()
