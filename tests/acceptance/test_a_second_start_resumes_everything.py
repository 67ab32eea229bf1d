"""`hotwash up` again on the same home: every open incident is there, and its timers have gone on meanwhile."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.home import Home
from tests.support.house import SIGNING_SECRET, key_of, prepare
from tests.support.mailbox import Mailbox
from tests.support.receiver import Receiver
from tests.workers.conftest import Up, start_up

__all__ = ["start_up"]

# What alice has to acknowledge; long enough that a second start falls into it, short enough to wait for.
_LEVEL_SECONDS = 4


@pytest.mark.parametrize("end", ["by SIGTERM", "by kill -9"])
def test_open_incidents_go_on_where_they_were(start_up: Any, tmp_path: Path, end: str) -> None:
    """The clock of a page runs while nothing does: overdue at the second start, the next level is paged at once."""
    with Mailbox() as mailbox, Receiver(SIGNING_SECRET) as chat:
        home = Home(tmp_path / "home")
        home.prepare()
        prepare(home.folder, mailbox, chat, shops=tmp_path, level=f"{_LEVEL_SECONDS}s")
        up: Up = start_up().ready()
        token = {"Authorization": f"Bearer {home.admin_token()}"}
        with httpx.Client(base_url=f"{up.url}/api/v1", headers=token, timeout=20, trust_env=False) as http:
            body = {"title": "Open over a restart", "severity": "SEV-2", "services": ["shop"], "by": "carol"}
            incident = http.post("/incidents", json=body).json()["id"]
            up.until(lambda: _pages(mailbox, "alice"), "the page to alice")
            paged_at = time.monotonic()
            if end == "by SIGTERM":
                assert up.end() == 0
            else:
                up.kill()
            again: Up = start_up().ready()
            assert http.get(f"/incidents/{incident}").json()["status"] == "declared"
            again.until(lambda: _pages(mailbox, "bob"), "the page to bob")
            assert time.monotonic() - paged_at > _LEVEL_SECONDS - 1
            again.until(lambda: "bob was paged" in http.get(f"/incidents/{incident}/timeline").text, "the record")
            assert http.post(f"/incidents/{incident}/acknowledge", json={"by": "bob"}).status_code == 200
            timeline = http.get(f"/incidents/{incident}/timeline").json()["items"]
            assert [line["seq"] for line in timeline] == list(range(1, len(timeline) + 1))
        assert (len(_pages(mailbox, "alice")), len(_pages(mailbox, "bob"))) == (1, 1)
        assert len({mail["Message-ID"] for mail in mailbox.mails}) == len(mailbox.mails)
        assert again.end() == 0


def _pages(mailbox: Mailbox, to: str) -> list[Any]:
    return [mail for mail in mailbox.mails if key_of(mail).startswith("page/") and f"{to}@" in str(mail["To"])]
