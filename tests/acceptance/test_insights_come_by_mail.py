"""Insights by mail on real processes: the Schedule, a request, HTML over SMTP, each mail once whatever dies."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from domain.ids import insight_mail_schedule_id
from tests.support.house import House, a_house

MAIL = """
insight_mail:
  audience: [alice]
  destinations: [{channel: mail, to: [heads@shop.example]}]
  insights: [recurrence, on-call-load]
  days: 30
"""


@pytest.fixture
async def own_house(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose numbers are mailed every month."""
    async with a_house(tmp_path, more=MAIL) as house:
        yield house


async def hotwash(house: House, *arguments: str) -> tuple[int, str]:
    """The command line: its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", *arguments, env=house.world.environment() | {"HOTWASH_URL": house.world.url},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


def texts(mail: EmailMessage) -> tuple[str, str]:
    """The text and the HTML of a mail."""
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


async def test_the_numbers_are_mailed_once_when_they_are_due_and_when_somebody_asks(own_house: House) -> None:
    """The mail server is away and the worker dies: one mail for each address, kept with what became of it."""
    house = own_house
    await house.declared("Till <b>stuck</b> on Sunday")
    schedule = await house.world.schedule(insight_mail_schedule_id())
    (calendar,) = (await schedule.describe()).schedule.spec.calendars
    assert [(each.start, each.end) for each in (*calendar.day_of_month, *calendar.hour)] == [(1, 1), (9, 9)]

    house.mailbox.close()
    await schedule.trigger()
    await house.eventually(
        lambda: house.look("/insights/mails"),
        lambda it: bool(it) and [each["state"] for each in it["items"]] == ["sending"],
        "the numbers",
    )
    await house.world.restart("worker")
    house.mailbox.open()
    about = "insight-mail/scheduled"
    await house.until(lambda: len(house.mails(about)) == 2, "the mails")
    assert sorted(str(mail["To"]) for mail in house.mails(about)) == ["alice@shop.example", "heads@shop.example"]
    for mail in house.mails(about):
        text, html = texts(mail)
        assert str(mail["Subject"]).startswith("Insights of 30 days: What comes back")
        assert "- Load on people: " in text
        assert f'<a href="{house.world.url}/insights/evidence?of=incident' in html
        assert "<b>" not in html
    await house.eventually(
        lambda: house.world.get("/insights/mails", state="sent"), lambda it: len(it["items"]) == 1, "the record of it"
    )
    (sent,) = (await house.world.get("/insights/mails", state="sent"))["items"]
    assert sorted((each["to"], each["status"]) for each in sent["deliveries"]) == [
        ("alice", "delivered"), ("heads@shop.example", "delivered"),
    ]  # fmt: skip

    # Somebody asks, for one insight and for themselves; asked again with the same key it is the same mail.
    body = {"by": "bob", "people": ["bob"], "insights": ["maturity"], "days": 7}
    keyed = {"Idempotency-Key": "monday-numbers"}
    first, second = [
        (await house.world.http.post("/api/v1/insights/mail", json=body, headers=keyed)).json() for _ in range(2)
    ]
    assert (first["id"], first["is_new"], second["is_new"]) == (second["id"], True, False)
    await house.until(lambda: len(house.mails(f"insight-mail/{first['id']}")) == 1, "the mail that was asked for")
    code, out = await hotwash(house, "insights", "mail", "--to", "carol", "--only", "times", "--json")
    assert code == 0, out
    asked = f"insight-mail/{json.loads(out)['id']}"
    await house.until(lambda: len(house.mails(asked)) == 1, "the mail of the command line")
    assert house.mails(asked)[0]["To"] == "carol@shop.example"
    for refused, sentence in (
        (("--to", "eve"), "'eve' is not among the people"),
        (("--to", "bob", "--only", "moods"), "there is no insight 'moods'"),
    ):
        code, out = await hotwash(house, "insights", "mail", *refused)
        assert (code, sentence in " ".join(out.split())) == (1, True)
    code, out = await hotwash(house, "rebuild")
    assert code == 0, out
    assert len((await house.world.get("/insights/mails"))["items"]) == 3
    assert house.has_no_second_mail()
