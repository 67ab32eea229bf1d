"""The store is away for a while: the incident goes on, and afterwards the record holds everything exactly once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.world import a_world


@pytest.mark.timeout(300)
async def test_what_was_said_while_the_store_was_away_is_recorded_afterwards(tmp_path: Path, own_postgres: Any) -> None:
    """Commands are obeyed meanwhile; every note is in the timeline once, in order, without a gap in `seq`."""
    async with a_world(tmp_path, environment={"HOTWASH_STORE_URL": own_postgres.get_uri()}) as world:
        incident = (await world.post("/incidents", {"title": "x", "severity": "SEV-3"}))["id"]
        await world.post(f"/incidents/{incident}/timeline", {"text": "before"})

        async def timeline() -> list[dict[str, Any]]:
            answer = await world.http.get(f"/api/v1/incidents/{incident}/timeline")
            # A store that is being made, or is away, answers later; any other refusal is one.
            assert answer.status_code in {200, 503}, answer.text
            return answer.json()["items"] if answer.status_code == 200 else []

        def notes(entries: list[dict[str, Any]]) -> list[str]:
            return [entry["summary"] for entry in entries if entry["kind"] == "note"]

        await world.eventually(timeline, notes, "the first note in the record")
        await asyncio.to_thread(own_postgres.stop)
        for number in range(5):
            await world.post(f"/incidents/{incident}/timeline", {"text": f"away {number}"})
        view = await world.get(f"/incidents/{incident}")
        assert view["status"] == "declared"
        await asyncio.to_thread(own_postgres.start)

        entries = await world.eventually(
            timeline, lambda found: len(notes(found)) == 6, "a complete record", seconds=90
        )
        assert notes(entries) == ["before", *(f"away {number}" for number in range(5))]
        assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
