"""What people do at three in the morning, on a phone, in a real browser against the real house."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.support.browser import DESK
from tests.support.night import an_alert, ask_two, declare, log_in, recorded, visit
from tests.support.world import World

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]


async def test_a_login_link_leads_to_the_incident_and_one_tap_acknowledges_it(world: World, browser: Browser):
    """The link logs in, the first page shows the incident, its room has one button at the thumb, and that is all."""
    incident = await declare(world, "Nobody can pay")
    async with visit(browser, world) as alice:
        await log_in(alice, world, "alice")
        await alice.page.get_by_role("link", name=incident["title"]).click()
        acknowledge = alice.page.get_by_role("button", name="Acknowledge")
        box = await acknowledge.bounding_box()
        assert box is not None
        assert box["y"] > 700, "the button is not at the thumb"
        await acknowledge.click()
        await expect(alice.page.get_by_role("status")).to_contain_text("Acknowledged")
        await expect(acknowledge).to_have_count(0)
        assert alice.complaints == []
    assert (await world.get(f"/incidents/{incident['id']}"))["roles"]["commander"] == "alice"


async def test_two_people_see_exactly_what_will_run_and_approve_it(world: World, browser: Browser):
    """The room shows the rendered step; bob's one tap there counts one, carol's on the approval's page runs it."""
    incident = await declare(world)
    approval = await ask_two(world, incident["id"], "only-this-word")
    async with visit(browser, world) as bob:
        await log_in(bob, world, "bob")
        await bob.page.goto(f"/incidents/{incident['id']}")
        asked = bob.page.locator(".next article")
        await expect(asked).to_contain_text("only-this-word")
        await expect(asked).to_contain_text("0 of 2 approvals")
        await asked.get_by_role("button", name="Approve").click()
        await expect(bob.page.get_by_role("status")).to_contain_text("Approved")
        await expect(asked).to_contain_text("1 of 2 approvals")
        await expect(asked).to_contain_text("Bob has already voted")
        assert bob.complaints == []
    async with visit(browser, world) as carol:
        await log_in(carol, world, "carol")
        await carol.page.goto("/approvals")
        await carol.page.locator(f"a[href='/approvals/{approval['id']}']").click()
        await expect(carol.page.get_by_role("heading", name="Exactly this will run")).to_be_visible()
        await carol.page.get_by_label("Comment").fill("seen")
        await carol.page.get_by_role("button", name="Approve").click()
        await expect(carol.page.get_by_role("status")).to_contain_text("Approved")
        assert carol.complaints == []
    run = await recorded(world, f"/runs/{approval['run_id']}", lambda run: run["status"] == "succeeded")
    assert run["steps"][1]["output"] == {"echo": {"said": "only-this-word"}}


async def test_the_one_who_asked_is_told_why_their_word_does_not_count(world: World, browser: Browser):
    """No button is offered that would be refused; the domain's own sentence stands in its place."""
    incident = await declare(world)
    approval = await ask_two(world, incident["id"])
    for person, why in (("alice", "Alice asked for this run"), ("dana", "Dana is not among the approvers")):
        async with visit(browser, world) as visitor:
            await log_in(visitor, world, person)
            for path in (f"/incidents/{incident['id']}", f"/approvals/{approval['id']}"):
                await visitor.page.goto(path)
                await expect(visitor.page.locator(".closed-to-me")).to_contain_text(why)
                await expect(visitor.page.get_by_role("button", name="Approve")).to_have_count(0)


async def test_a_refusal_is_a_banner_with_the_reason(world: World, browser: Browser):
    """A page that was open too long still has its button; pressing it changes nothing and says why."""
    incident = await declare(world)
    approval = await ask_two(world, incident["id"])
    async with visit(browser, world, java_script_enabled=False) as bob:
        await log_in(bob, world, "bob")
        await bob.page.goto(f"/approvals/{approval['id']}")
        word = {"by": "bob", "decision": "approve", "digest": approval["digest"]}
        await world.post(f"/approvals/{approval['id']}/decision", word)
        await bob.page.get_by_role("button", name="Approve").click()
        await expect(bob.page.get_by_role("alert")).to_contain_text("Not done. Bob has already voted")
    votes = (await world.get(f"/approvals/{approval['id']}"))["votes"]
    assert len(votes) == 1


async def test_what_happens_appears_without_a_reload(world: World, browser: Browser):
    """A note, a question and a change of severity reach an open room by themselves, and it stays the same page."""
    incident = await declare(world)
    path = f"/incidents/{incident['id']}"
    async with visit(browser, world) as bob:
        await log_in(bob, world, "bob")
        await bob.page.goto(path)
        await bob.page.evaluate("window.isTheSame = true")
        await expect(bob.page.locator("[data-state]")).to_have_text("live,")
        await world.post(f"{path}/timeline", {"by": "alice", "text": "the queue is full"})
        line = bob.page.locator(".timeline li", has_text="the queue is full")
        await expect(line).to_be_visible()
        await expect(line).to_have_class(re.compile("fresh"))
        await ask_two(world, incident["id"])
        await expect(bob.page.get_by_role("button", name="Approve")).to_be_enabled()
        await world.post(f"{path}/severity", {"by": "alice", "severity": "SEV-2", "reason": "everybody is hit"})
        await expect(bob.page.locator("[data-part=head]")).to_contain_text("SEV-2")
        assert await bob.page.evaluate("window.isTheSame")
        assert bob.complaints == []


async def test_what_somebody_types_is_not_taken_from_them(world: World, browser: Browser):
    """A form that is open or being filled in survives what happens meanwhile."""
    incident = await declare(world)
    path = f"/incidents/{incident['id']}"
    async with visit(browser, world) as bob:
        await log_in(bob, world, "bob")
        await bob.page.goto(path)
        await bob.page.get_by_text("Run a runbook").click()
        await bob.page.get_by_label("Parameters").fill("word=half")
        await world.post(f"{path}/timeline", {"by": "alice", "text": "something else happened"})
        await expect(bob.page.locator(".timeline")).to_contain_text("something else happened")
        await expect(bob.page.get_by_label("Parameters")).to_have_value("word=half")


async def test_a_run_is_stopped_in_one_tap(world: World, browser: Browser):
    """From the top of the room, without typing; the timeline says who and from where."""
    incident = await declare(world)
    approval = await ask_two(world, incident["id"])
    async with visit(browser, world) as bob:
        await log_in(bob, world, "bob")
        await bob.page.goto(f"/incidents/{incident['id']}")
        await expect(bob.page.locator(".next")).to_contain_text("waits for 2 approvals by sre")
        await bob.page.get_by_role("button", name="Stop and undo").click()
        await expect(bob.page.get_by_role("status")).to_contain_text("Stopping")
        await expect(bob.page.locator(".timeline")).to_contain_text("bob stops the run: from the incident room")
    await recorded(world, f"/runs/{approval['run_id']}", lambda run: run["status"] == "stopped")


async def test_what_is_published_for_customers_is_public(world: World, browser: Browser):
    """An external update is on /status for somebody who is nobody; an internal one is not."""
    incident = await declare(world, severity="SEV-2")
    async with visit(browser, world) as carol:
        await log_in(carol, world, "carol")
        for audience, text in (("external", "Paying by card fails at times."), ("internal", "db-3 is on fire")):
            await carol.page.goto(f"/incidents/{incident['id']}")
            await carol.page.get_by_text("Tell an audience").click()
            await carol.page.get_by_label("Audience").select_option(audience)
            await carol.page.get_by_label("What is affected").fill(text)
            await carol.page.get_by_role("button", name="Publish").click()
            await expect(carol.page.get_by_role("status")).to_contain_text("Published")
    async with visit(browser, world) as nobody:

        async def public() -> str:
            await nobody.page.goto("/status")
            return await nobody.page.inner_text("main")

        text = await world.eventually(public, lambda text: "Paying by card fails" in text, "the update is public")
        assert "db-3" not in text
        assert incident["title"] not in text
        assert "ongoing incident" in text
        assert nobody.complaints == []
    await world.post(f"/incidents/{incident['id']}/resolve", {"by": "carol", "summary": "mended"})


@pytest.mark.parametrize("with_script", [True, False], ids=["with JavaScript", "without"])
async def test_pressing_declare_twice_makes_one_incident(world: World, browser: Browser, with_script: bool):
    """An impatient finger does not page twice."""
    title = f"Search is slow, pressed twice {with_script}"
    async with visit(browser, world, java_script_enabled=with_script) as bob:
        await log_in(bob, world, "bob")
        await bob.page.goto("/declare")
        await bob.page.get_by_label("What is wrong").fill(title)
        await bob.page.get_by_label("Service").select_option("search")
        await bob.page.get_by_role("button", name="Declare and page").dblclick()
        await expect(bob.page.get_by_role("heading", level=1)).to_have_text(title)
    page = await recorded(
        world, "/incidents?q=pressed twice", lambda page: title in [each["title"] for each in page["items"]]
    )
    assert [each["title"] for each in page["items"]].count(title) == 1


async def test_what_an_alert_smuggles_in_stays_text(world: World, browser: Browser):
    """Script, template and javascript: links in labels and annotations are shown as written, and nothing runs."""
    hostile = "<script>alert(1)</script>{{7*7}}<img src=x onerror=alert(2)>"
    alert = an_alert(
        "Hostile",
        labels={"team": hostile},
        annotations={"summary": hostile, "description": hostile},
        generatorURL="javascript:alert(3)",
    )
    assert (await world.alert(alert, group={"alertname": "Hostile"})).status_code == 202
    listed = await recorded(world, "/incidents?service=search", lambda page: _with_title(page, hostile))
    incident = _with_title(listed, hostile)
    await world.post(f"/incidents/{incident['id']}/timeline", {"by": "bob", "text": hostile})
    group = incident["alert_groups"][0]
    await recorded(world, f"/alert-groups/{group}")
    async with visit(browser, world, viewport=DESK) as visitor:
        await log_in(visitor, world, "bob")
        for path in ("/", "/incidents", f"/incidents/{incident['id']}?all=1", f"/triage/{group}"):
            await visitor.page.goto(path)
            await expect(visitor.page.get_by_text(hostile, exact=True).first).to_be_attached()
            assert await visitor.page.locator("a[href^='javascript']").count() == 0
            assert await visitor.page.locator("main img, main script").count() == 0
        assert visitor.complaints == []


def _with_title(page: dict, title: str) -> dict:
    return next((each for each in page["items"] if each["title"] == title), {})


async def test_everything_can_be_done_without_javascript(world: World, browser: Browser):
    """Acknowledge, note, severity, the whole timeline: plain forms and links."""
    incident = await declare(world)
    async with visit(browser, world, java_script_enabled=False) as alice:
        await log_in(alice, world, "alice")
        await alice.page.goto(f"/incidents/{incident['id']}")
        await alice.page.get_by_role("button", name="Acknowledge").click()
        await alice.page.get_by_label("Add a line").fill("looking at the database")
        await alice.page.get_by_role("button", name="Add", exact=True).click()
        await expect(alice.page.get_by_role("status")).to_contain_text("Added")
        await alice.page.locator("summary", has_text="Severity").click()
        form = alice.page.locator("form[action$='/severity']")
        await form.get_by_label("Severity").select_option("SEV-4")
        await form.get_by_label("Why").fill("only a few are hit")
        await form.get_by_role("button", name="Change").click()
        await expect(alice.page.get_by_role("status")).to_contain_text("Severity changed")
        await recorded(
            world,
            f"/incidents/{incident['id']}/timeline",
            lambda page: "looking at the database" in [each["summary"] for each in page["items"]],
        )
        await alice.page.get_by_role("link", name="Everything").click()
        await expect(alice.page.locator(".timeline")).to_contain_text("looking at the database")
        await alice.page.get_by_role("link", name="Key moments").click()
        assert alice.complaints == []


async def test_what_changes_by_itself_leaves_the_keyboard_where_it_was(world: World, browser: Browser) -> None:
    """What is to be done next is replaced under the focus: the next Tab goes on there, not at the top of the page."""
    incident = await declare(world)
    async with visit(browser, world) as alice:
        await log_in(alice, world, "alice")
        page = alice.page
        await page.goto(f"/incidents/{incident['id']}")
        await page.get_by_role("button", name="Acknowledge").first.focus()
        await world.post(f"/incidents/{incident['id']}/acknowledge", {"by": "bob"})
        await expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
        assert await page.evaluate("Boolean(document.activeElement.closest('main'))")
