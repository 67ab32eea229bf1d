"""The weekly operations review on real processes: its Schedule, its HTML mail over SMTP, its meeting, and a rebuild."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.ids import operations_review_schedule_id
from domain.operations_review_decisions import week_of
from tests.support.house import House, a_house

REVIEW = """
operations_review:
  audience: [alice]
  destinations: [{channel: mail, to: [ops@shop.example]}]
"""


@pytest.fixture
async def own_house(tmp_path: Path) -> AsyncIterator[House]:
    """A house that has a weekly meeting."""
    async with a_house(tmp_path, more=REVIEW) as house:
        yield house


async def hotwash(house: House, *arguments: str) -> str:
    """The command line; anything but success fails the test with what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", *arguments, env=house.world.environment() | {"HOTWASH_URL": house.world.url},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return out.decode()


def parts(mail: EmailMessage) -> tuple[str, str]:
    """The text and the HTML of a mail."""
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


async def _recorded(house: House) -> set[str]:
    """The ids of all incidents in the record; none while the first worker still makes its tables."""
    answer = await house.world.http.get("/api/v1/incidents")
    return {each["id"] for each in answer.json()["items"]} if answer.is_success else set()


async def test_a_week_is_prepared_mailed_once_and_its_meeting_recorded(own_house: House) -> None:
    """The worker dies while the mail server is away: one HTML mail for each, one review, and decisions that stay."""
    house, week = own_house, week_of(datetime.now(UTC))
    incident = await house.declared("Till <b>stuck</b> on Sunday")
    # What is counted is the record, which hears of it a moment later.
    await house.eventually(lambda: _recorded(house), lambda ids: incident in ids, "the record")
    schedule = await house.world.schedule(operations_review_schedule_id())
    # The engine turns a cron line into calendars: Mondays at nine.
    (calendar,) = (await schedule.describe()).schedule.spec.calendars
    assert [(each.start, each.end) for each in (*calendar.day_of_week, *calendar.hour)] == [(1, 1), (9, 9)]

    house.mailbox.close()
    # What the engine does on Monday at nine.
    await schedule.trigger()
    path = f"/operations-reviews/{week}"
    await house.eventually(lambda: house.look(path), lambda it: it and it["state"] == "open", "the document")
    await house.world.restart("worker")
    house.mailbox.open()
    about = f"operations-review/{week}"
    await house.until(lambda: len(house.mails(about)) == 2, "the mails")
    assert sorted(str(mail["To"]) for mail in house.mails(about)) == ["alice@shop.example", "ops@shop.example"]
    for mail in house.mails(about):
        text, html = parts(mail)
        assert str(mail["Subject"]).startswith(f"Operations review {week}: 1 incident this week")
        assert f"{house.world.url}{path}" in text
        assert f'<a href="{house.world.url}/incidents/{incident}"' in html
        assert "<h2>Noise league</h2>" in html
        # A title from outside stays text.
        assert "<b>" not in html
        assert "&lt;b&gt;stuck&lt;/b&gt;" in html

    # A second Monday of the same week changes nothing.
    await schedule.trigger()
    made = await house.world.post("/operations-reviews", {"by": "dana"})
    assert (made["id"], made["is_new"]) == (week, False)

    await _hold(house, week)
    before = await house.world.get(path)
    await _rebuilt(house)
    assert await house.world.get(path) == before
    assert [each["id"] for each in (await house.world.get("/operations-reviews", state="held"))["items"]] == [week]
    assert len(house.mails(about)) == 2
    assert house.has_no_second_mail()


async def _hold(house: House, week: str) -> None:
    """The meeting: one decision over REST, one by the command line, then it is closed."""
    path = f"/operations-reviews/{week}"
    decision = {"by": "bob", "text": "Mend the till", "owner": "alice"}
    await house.world.post(f"{path}/decisions", decision)
    assert await hotwash(house, "operations-review", "decide", week, "Silence nothing", "--owner", "carol")
    shown = await hotwash(house, "operations-review", "show", week)
    assert "# Operations review" in shown
    assert "Decision 1: Mend the till (alice)\nDecision 2: Silence nothing (carol)" in shown
    empty = await house.world.http.post(f"/api/v1{path}/decisions", json={"by": "bob", "text": " "})
    assert empty.status_code == 422
    assert "must not be empty" in empty.json()["detail"]
    await hotwash(house, "operations-review", "close", week, "--notes", "Short and good")

    async def decide_late() -> httpx.Response:
        return await house.world.http.post(f"/api/v1{path}/decisions", json=decision)

    # While its last words are on their way it says that it is over.
    late = await house.eventually(
        decide_late, lambda it: it.status_code != 409 or "is over" not in it.json()["detail"], "the end"
    )
    assert (late.status_code, late.json()["detail"]) == (
        409,
        f"operations review {week} has ended; it takes no more commands",
    )
    held: Any = json.loads(await hotwash(house, "operations-review", "show", week, "--json"))
    assert (held["state"], held["notes"], len(held["decisions"])) == ("held", "Short and good", 2)


async def _rebuilt(house: House) -> None:
    """Search and insight are made anew from the record, which they were counted from; a new review says the same."""
    evidence = {"of": "incident", "since": "2020-01-01T00:00:00Z", "until": datetime.now(UTC).isoformat()}
    counted = await house.world.get("/insights/evidence", **evidence)
    assert "Made anew from" in await hotwash(house, "rebuild")
    assert (await house.world.get("/insights/evidence", **evidence))["items"] == counted["items"]
