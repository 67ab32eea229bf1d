"""The drills of the weekly review: what was held last is found however long ago, and one that passed is due again."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.operations_review import OperationsReviewActivities, WeekRequest
from domain.configuration import Configuration
from domain.record import Projection, ProjectionKind
from store import open_store
from store.interface import Store
from tests.support.records import batch

UNTIL = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
DRILLS = {
    "daily": {"cron": "0 9 * * *"},
    "monthly": {"cron": "0 9 1 * *"},
    "yearly": {"every": "365d"},
    "forgotten": {"cron": "0 9 1 1 *"},
    "missed": {"every": "7d", "jitter": "1h"},
    "failed": {},
    "only-looked-at": {},
    "never": {},
}


class Scheduled:
    """A configuration of these drills."""

    def current(self) -> Configuration:
        """As it is."""
        return Configuration.model_validate({"game_days": DRILLS})


def held(name: str, days_ago: float, verdict: str = "passed", **more: Any) -> Projection:
    """A game day that ended so long before the review."""
    at = (UNTIL - timedelta(days=days_ago)).isoformat()
    id_ = f"{name}-{days_ago}"
    document = {"id": id_, "name": name, "title": name, "phase": "finished", "verdict": verdict, "kind": "live"}
    document |= {"started_at": at, "finished_at": at} | more
    return Projection(kind=ProjectionKind.GAME_DAY, id=id_, version=1, incident_id=None, document=document)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A record of its own."""
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    await opened.migrate()
    yield opened
    await opened.close()


async def test_a_drill_is_due_when_it_has_not_passed_or_no_longer_counts(store: Store) -> None:
    """By its schedule where that says how often, else as long as a score counts in full; dry runs show nothing."""
    daily = [held("daily", 0.5 + day) for day in range(300)]
    others = [
        held("monthly", 25),
        held("monthly", 3, "refused"),
        held("monthly", 2, "previewed", kind="dry"),
        held("yearly", 200),
        held("forgotten", 1500),
        held("missed", 9),
        held("failed", 400),
        held("failed", 6, "failed"),
        held("only-looked-at", 5, "previewed", kind="dry"),
    ]
    await store.record.save(batch("drills", pictures=(*daily, *others)))
    request = WeekRequest(week="2026-W48", since=UNTIL - timedelta(days=7), until=UNTIL)
    made = await ActivityEnvironment().run(OperationsReviewActivities(store, Scheduled()).prepare, request)
    assert "Drills due: failed, forgotten, missed, never, only-looked-at." in made.headlines
    section = made.markdown.partition("## Drills due\n\n")[2].strip().splitlines()
    assert section == [
        "- failed: last failed on 2026-11-24",
        "- forgotten: last passed on 2022-10-22, longer ago than 30d",
        "- missed: last passed on 2026-11-21, longer ago than 7d1h",
        "- never: never held",
        "- only-looked-at: never held",
        "- Passed and not due: daily (2026-11-29), monthly (2026-11-05), yearly (2026-05-14)",
    ]
