"""The worker is killed with -9 between any two steps of a rollback: no second mail, no second rollback."""

import asyncio
import random
import re
from typing import Any

import pytest

from tests.support.house import AXE, House, Releases

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

STEPS = ["look", "announce", "approve", "rollback", "mail", "confirm"]


async def test_a_worker_that_dies_between_steps_costs_nothing(house: House) -> None:
    """Killed at every boundary of one run: one rollback, one restart, and each word to people once."""
    shop = house.shop()
    await house.eventually(shop.sells, lambda it: it == "v2", "a shop that sells")
    incident = await house.declared("The worker dies between steps")
    run = await house.run(incident, "roll-back", target=shop.name, url=f"{shop.url}/checkout")
    hand = random.Random("between steps")
    for number in range(1, len(STEPS)):
        await _rests(house, run, number)
        await asyncio.sleep(hand.uniform(0, 0.05))
        await house.world.restart("worker")
        if STEPS[number] == "approve":
            await _say_yes(house, run, "bob")
            await house.world.restart("worker")
            await _say_yes(house, run, "carol")
    ended = await house.ended(run)
    assert ended["status"] == "succeeded", ended
    assert [step["attempts"] for step in ended["steps"] if step["kind"] == "action"] == [1, 1, 1, 1, 1]
    assert shop.starts() == ["v2", "v1"]
    assert shop.is_rolled_back_once()
    assert await shop.sells() == "v1"
    await _told_once(house, incident, run)


async def test_a_worker_that_dies_with_an_effect_in_its_hands_does_not_repeat_it(house: House) -> None:
    """The far side has it, the worker never heard: a post is recognised, a rollback carried on, a mail asked about."""
    shop = Releases(house.folder / AXE)
    incident = await house.declared("The worker dies inside steps")
    loop = asyncio.get_running_loop()
    dead = asyncio.Event()

    def strike(*_: object) -> None:
        if not dead.is_set():
            house.world.kill("worker")
            loop.call_soon_threadsafe(dead.set)

    async def start_again() -> None:
        await asyncio.wait_for(dead.wait(), 90)
        house.harm_nobody()
        await house.world.start("worker")
        dead.clear()

    house.chat.on_accepted = lambda post: strike() if "About to" in post["text"] else None
    run = await house.run(incident, "roll-back", target=AXE, url=f"{house.world.url}/healthz")
    await start_again()
    (house.folder / AXE / "victim").write_text(str(house.world.pid("worker")))
    for name in ("bob", "carol"):
        await _say_yes(house, run, name)
    await house.until(lambda: not house.world.is_alive("worker"), "the worker's end in the rollback")
    house.world.kill("worker")
    house.mailbox.on_mail = lambda mail: strike() if "owner@" in str(mail["To"]) else None
    await house.world.start("worker")
    await start_again()
    await _say_that_it_was_sent(house, run)
    ended = await house.ended(run)
    assert ended["status"] == "succeeded", ended
    assert shop.is_rolled_back_once()
    # The release that is current was started again, because nobody could know; it was not moved again.
    assert shop.starts() == ["v1", "v1"]
    await _told_once(house, incident, run)


async def _rests(house: House, run: str, number: int) -> None:
    """Wait until the run is between two steps."""

    def resting(state: dict[str, Any] | None) -> bool:
        return state is not None and any(
            step["id"] == f"rest-{number}" and step["status"] in {"running", "waiting"} for step in state["steps"]
        )

    await house.eventually(lambda: house.look(f"/runs/{run}"), resting, f"rest {number}")


async def _say_yes(house: House, run: str, name: str) -> None:
    approval = await house.approval(run)
    answer = await house.vote(approval, name)
    assert answer.status_code == 200, answer.text


async def _say_that_it_was_sent(house: House, run: str) -> None:
    """Whoever looks into the mailbox tells the run, which waits for that: a mail server cannot be asked."""
    await house.eventually(
        lambda: house.look(f"/runs/{run}"), lambda it: it and "mail" in (it["waiting_for"] or ""), "the question"
    )
    body = {"by": "bob", "path": "mail", "succeeded": True, "note": "It is in the owner's mailbox"}
    await house.world.post(f"/runs/{run}/complete", body)


async def _told_once(house: House, incident: str, run: str) -> None:
    """Nobody was told twice; whoever may not have been told is named as unknown; the chat got one announcement."""
    for person in ("bob", "carol"):
        # A worker that dies with a mail in its hands leaves a doubt, which is said and never resolved by a second mail.
        await _mailed_or_in_doubt(house, incident, person)
    told = [str(mail["To"]) for mail in house.mails(f"run/{incident}/")]
    assert len(told) == len(set(told)), run
    assert "owner@shop.example" in told
    assert len(house.posts(incident, None)) == 1
    assert house.has_no_second_mail()
    timeline = await house.timeline(incident)
    assert [line["seq"] for line in timeline] == list(range(1, len(timeline) + 1))


async def _mailed_or_in_doubt(house: House, incident: str, person: str) -> None:
    async def is_so() -> bool:
        lines = [each["summary"] for each in await house.timeline(incident)]
        return bool(house.mails(f"run/{incident}/", person)) or any(
            re.search(f"{person}.*unknown", line) for line in lines
        )

    await house.eventually(is_so, bool, f"a mail to {person}, or a doubt")
