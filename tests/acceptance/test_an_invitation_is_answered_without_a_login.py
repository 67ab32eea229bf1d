"""Who is invited to a review gets one mail with a link of their own, answers through it, and can do nothing else."""

import re
from email.message import EmailMessage

import httpx
import pytest

from tests.support.house import House

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_mailed_link_is_answered_and_stays_out_of_the_record(house: House) -> None:
    """From the mail server to the review: erin's words, in erin's name, and the link itself is written down nowhere."""
    incident = await house.declared("The pages of the shop are empty")
    await house.world.post(f"/incidents/{incident}/acknowledge", {"by": "carol"})
    await house.world.post(f"/incidents/{incident}/resolve", {"by": "carol", "summary": "refilled"})
    await house.eventually(
        lambda: house.look(f"/reviews/{incident}"), lambda it: it and it["due_at"] and it["markdown"], "the draft"
    )
    await house.world.post(f"/reviews/{incident}/invite", {"person": "erin", "role": "support", "by": "carol"})
    await house.until(lambda: _links(house, incident), "the invitation of erin")
    (link,) = _links(house, incident)
    assert link.startswith(f"{house.world.url}/perspectives/")
    async with httpx.AsyncClient(trust_env=False, timeout=30) as nobody:
        asked = await nobody.get(link)
        assert (asked.status_code, "You answer as <strong>erin</strong>" in asked.text) == (200, True)
        answered = await nobody.post(link, data={"saw": "forty calls in ten minutes", "hard": "no text to read out"})
        assert answered.status_code == 303
        assert "Thank you" in (await nobody.get(f"{link}?done=1")).text
        for elsewhere in (f"/reviews/{incident}", f"/incidents/{incident}", "/"):
            assert (await nobody.get(house.world.url + elsewhere)).status_code == 401, elsewhere
    review = await house.look(f"/reviews/{incident}")
    assert [(each["name"], each["saw"]) for each in review["perspectives"]] == [("erin", "forty calls in ten minutes")]
    token = link.rpartition("/")[2]
    told = await house.world.http.get(f"/api/v1/incidents/{incident}/timeline", params={"limit": 1000})
    assert token not in told.text
    assert token not in str(review)
    logs = [file.read_text(errors="replace") for file in house.world.home.folder.rglob("*.log")]
    assert not any(token in text for text in logs)
    assert len(house.mails(f"review/{incident}", "erin")) == 1
    assert house.has_no_second_mail()


def _links(house: House, incident: str) -> list[str]:
    return [link for mail in house.mails(f"review/{incident}", "erin") for link in _addresses(mail)]


def _addresses(mail: EmailMessage) -> list[str]:
    return re.findall(r"https?://\S+/perspectives/\S+", mail.get_content())
