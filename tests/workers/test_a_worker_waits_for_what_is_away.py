"""`hotwash worker` starts whether or not engine and store are there, takes up work when they come, drains when told."""

import asyncio
from pathlib import Path

from tests.support.world import World


async def test_a_worker_that_comes_before_the_engine_waits_for_it(tmp_path: Path) -> None:
    """It says so in one sentence, and polls as soon as the engine is there."""
    world = World(tmp_path, {})
    try:
        await world.start("worker", "api")
        await world.eventually(_log(world), lambda text: "waiting for the engine" in text, "word of the wait")
        await world.start("engine")
        await world.ready()
        assert "Traceback" not in world.logs()
    finally:
        await world.close()


async def test_a_worker_is_told_to_stop_while_it_waits(tmp_path: Path) -> None:
    """SIGTERM ends it with 0, engine or no engine."""
    world = World(tmp_path, {})
    try:
        await world.start("worker")
        await world.eventually(_log(world), lambda text: "waiting for the engine" in text, "word of the wait")
        assert await world.stop("worker") == 0
    finally:
        await world.close()


async def test_a_store_that_is_away_holds_nothing_up(tmp_path: Path) -> None:
    """An incident is declared and worked on while the record is away, and the worker says that it waits."""
    world = World(tmp_path, {"HOTWASH_STORE_URL": "postgresql://u:hunter2@127.0.0.1:1/record"})
    try:
        await world.start()
        await world.eventually(
            _log(world), lambda text: "waiting_for=the store" in text.replace("'", ""), "word of the wait"
        )
        client = await world.engine()
        await world.eventually(_log(world), lambda text: "the worker polls" in text, "polling")
        await world.listening()
        declared = await world.post("/incidents", {"title": "x", "severity": "SEV-3"})
        handle = client.get_workflow_handle(f"incident/{declared['id']}")
        assert (await handle.query("view"))["title"] == "x"
        assert "hunter2" not in world.logs(1000)
    finally:
        await world.close()


def _log(world: World):
    async def read() -> str:
        return await asyncio.to_thread((world.home.logs / "worker.log").read_text)

    return read
