"""An alert becomes exactly one incident, one page and one first notice, whatever is killed with -9 and when."""

import asyncio
import random
from email.message import EmailMessage

import pytest

from tests.support.house import House, key_of
from tests.support.world import PARTS

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

# Where the axe falls: while the alert is on its way in, when it is stored, when the incident is declared, and inside
# the mail server: it hears for whom a page is, or has just taken the page (or the notice) and has not said so yet.
MOMENTS = ("on its way", "stored", "declared", "page offered", "page taken", "notice taken")


async def test_one_alert_is_one_of_each(house: House) -> None:
    """One incident, a page to the first level only, a notice by mail and by signed post; and again is no news."""
    group = await house.send("Undisturbed")
    incident = await house.incident_of(group)
    await _all_told(house, incident)
    assert await house.send("Undisturbed") == group
    assert await house.incident_of(group) == incident
    await house.eventually(
        lambda: house.look(f"/alert-groups/{group}"), lambda it: it and it["count"] == 2, "the count"
    )
    await _exactly_one_of_each(house, "Undisturbed", incident)
    page = house.mails(f"page/{incident}")[0]
    assert f"{house.world.url}/incidents/{incident}" in page.get_content()
    assert house.chat.forgeries == 0


@pytest.mark.parametrize("part", PARTS)
async def test_it_stays_one_of_each_when_something_dies(house: House, part: str) -> None:
    """Killed at each moment in turn, by a seeded hand; the sender repeats what was not accepted, as senders do."""
    hand = random.Random(f"kill the {part}")
    groups = {}
    for moment in MOMENTS:
        name = f"{part} dies {moment}"
        groups[name] = await _send_and_kill(house, name, part, moment, hand)
    incidents = {name: await house.incident_of(group) for name, group in groups.items()}
    for name, incident in incidents.items():
        await _all_told(house, incident)
        # What is repeated while it fires is counted and no more.
        assert await house.send(name) == groups[name]
    await house.world.ready()
    for name, incident in incidents.items():
        await _exactly_one_of_each(house, name, incident)
    assert house.has_no_second_mail()


async def _send_and_kill(house: House, name: str, part: str, moment: str, hand: random.Random) -> str:
    """Send an alert, kill the part at that moment, start it again; the alert's group."""
    struck = asyncio.Event()
    loop = asyncio.get_running_loop()

    def strike(mail: EmailMessage | None = None) -> None:
        if struck.is_set() or (mail is not None and not _is_about(mail, name, moment)):
            return
        house.world.kill(part)
        loop.call_soon_threadsafe(struck.set)

    if moment == "page offered":
        house.mailbox.on_recipient = lambda address: strike() if address.startswith("alice@") else None
    if moment.endswith("taken"):
        house.mailbox.on_mail = strike
    sending = asyncio.create_task(house.send(name))
    if moment == "on its way":
        await asyncio.sleep(hand.uniform(0, 0.02))
        strike()
    elif moment in {"stored", "declared"}:
        group = await sending
        if moment == "declared":
            await house.incident_of(group)
        await asyncio.sleep(hand.uniform(0, 0.01))
        strike()
    async with asyncio.timeout(90):
        await struck.wait()
    house.harm_nobody()
    await house.world.start(part)
    return await sending


def _is_about(mail: EmailMessage, name: str, moment: str) -> bool:
    wanted = "page/" if moment.startswith("page") else "comms/"
    return name in str(mail["Subject"]) + mail.get_content() and key_of(mail).startswith(wanted)


async def _all_told(house: House, incident: str) -> None:
    """Everything has arrived, and the timeline says what became of it: nothing is under way that could come later."""
    # What was cut off by the death of the worker is in doubt, is never sent again, and the timeline says so.
    await house.told(incident, "alice was paged over mail|page to alice over mail is unknown")
    if not await _is_page_in_doubt(house, incident):
        await house.until(lambda: house.mails(f"page/{incident}"), "the page")
    await house.told(incident, "Internal update 1: ")
    doubts = await _doubts(house, incident)
    if "mail" not in doubts:
        await house.until(lambda: house.mails(f"comms/{incident}"), "the mail of the first notice")
    if "chat" not in doubts:
        await house.until(lambda: house.posts(incident), "a post to the chat")
    await house.told(incident, "declared as SEV-2")


async def _is_page_in_doubt(house: House, incident: str) -> bool:
    """Whether nobody can tell if the mail server took the page; the next level is paged in its time."""
    return any("page to alice over mail is unknown" in each["summary"] for each in await house.timeline(incident))


async def _doubts(house: House, incident: str) -> set[str]:
    """The channels of the first notice of which nobody can tell whether they took it."""
    lines = [each for each in await house.timeline(incident) if each["summary"].startswith("Internal update 1: ")]
    deliveries = [each for line in lines for each in line["details"]["deliveries"]]
    return {each["channel"] for each in deliveries if each["status"] == "unknown"}


async def _exactly_one_of_each(house: House, name: str, incident: str) -> None:
    found = await house.world.get("/incidents", q=name, limit=200)
    # The words may stand in other incidents, too.
    assert [each["id"] for each in found["items"] if name in each["title"]] == [incident]
    pages = [str(mail["To"]) for mail in house.mails(f"page/{incident}")]
    assert pages == ["alice@shop.example"] or (not pages and await _is_page_in_doubt(house, incident))
    doubts = await _doubts(house, incident)
    notices = [str(mail["To"]) for mail in house.mails(f"comms/{incident}")]
    assert notices == ["everybody@shop.example"] or ("mail" in doubts and not notices)
    assert len(house.posts(incident)) == 1 or ("chat" in doubts and not house.posts(incident))
    timeline = await house.timeline(incident)
    assert [line["seq"] for line in timeline] == list(range(1, len(timeline) + 1))
    assert len([line for line in timeline if line["kind"] == "declared"]) == 1
