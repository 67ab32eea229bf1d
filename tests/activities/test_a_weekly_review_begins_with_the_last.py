"""The document of a week names what the last meeting decided, so that the next one asks what became of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.operations_review import OperationsReviewActivities, WeekRequest
from domain.configuration import Configuration
from domain.record import ProjectionKind
from store import open_store
from tests.support.records import batch, picture

BEGIN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


class Plain:
    """A configuration of nothing but an address."""

    def current(self) -> Configuration:
        """As it is."""
        return Configuration(base_url="https://hotwash.example")


def decided(number: int, text: str, **more: Any) -> dict[str, Any]:
    """A decision."""
    return {"number": number, "text": text, "by": {"kind": "person", "name": "dana"}, "at": BEGIN.isoformat()} | more


async def test_it_says_what_was_decided_last_time_and_nothing_older(tmp_path: Path) -> None:
    """Of the newest meeting before it that decided something; what outsiders wrote stays text; its own comes later."""
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    await store.migrate()
    activities = OperationsReviewActivities(store, Plain())
    request = WeekRequest(week="2026-W48", since=BEGIN, until=BEGIN + timedelta(days=7))
    first = await ActivityEnvironment().run(activities.prepare, request)
    assert "Decided last time" not in first.markdown
    weeks = {
        "2026-W45": [decided(1, "Older")],
        "2026-W46": [decided(1, "Raise *the* limit", owner="ben"), decided(2, "Silence the <b>rule</b>")],
        "2026-W47": [],
        "2026-W48": [decided(1, "Now")],
    }
    made = [
        picture(ProjectionKind.OPERATIONS_REVIEW, week, incident_id=None, title=week, state="held", decisions=decisions)
        for week, decisions in weeks.items()
    ]
    await store.record.save(batch("weeks", pictures=tuple(made)))
    found = (await ActivityEnvironment().run(activities.prepare, request)).markdown
    await store.close()
    assert "## Decided last time\n" in found
    assert "/operations-reviews/2026-W46)" in found
    assert "the\\* limit (ben)" in found
    assert "<b>" not in found
    assert "Older" not in found
    assert "Now" not in found
