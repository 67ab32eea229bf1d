"""The mail server is away: deliveries wait and say so, the incident goes on; it is back, and each mail comes once."""

import pytest

from tests.support.house import House

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_mails_wait_for_their_server_and_come_once(house: House) -> None:
    """Pending in the timeline; acknowledged and noted meanwhile; the other channel is not held up."""
    house.mailbox.close()
    try:
        incident = await house.declared("The mail server is away")
        await house.told(incident, "page to alice over mail is pending: mail server 127.0.0.1:[0-9]+ is away")
        await house.told(incident, "Internal update 1: .*pending")
        await house.until(lambda: house.posts(incident), "the post to the chat")
        note = await house.world.post(f"/incidents/{incident}/timeline", {"text": "Going on by telephone", "by": "bob"})
        assert note["status"] == "declared"
        changed = await house.world.post(f"/incidents/{incident}/status", {"status": "investigating", "by": "bob"})
        assert changed["status"] == "investigating"
        assert house.mails(f"page/{incident}") == []
    finally:
        house.mailbox.open()
    await house.told(incident, "alice was paged over mail")
    await house.told(incident, "Internal update 1: delivered to everybody@")
    assert [str(mail["To"]) for mail in house.mails(f"page/{incident}")] == ["alice@shop.example"]
    assert [str(mail["To"]) for mail in house.mails(f"comms/{incident}")] == ["everybody@shop.example"]
    assert len(house.posts(incident)) == 1
    assert house.has_no_second_mail()
