"""`hotwash api` as a process: it serves without an engine, says what keeps it from starting, and ends with 0."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from api.main import listen
from domain.errors import Rejected
from store.opening import open_store
from tests.support.records import batch, incident
from tests.support.routes import INCIDENT

# What the launcher of the command line does.
PROGRAM = "from api.main import run_api; from runtime.settings import load_settings; run_api(load_settings())"
ROOT = Path(__file__).parents[2]


async def test_it_serves_without_an_engine_and_ends_with_zero(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """/readyz is 503 while nothing else is there; SIGTERM is obeyed in seconds, open streams or not, with 0."""
    await _record_an_incident(tmp_path)
    port = free_port()
    settings = {"HOTWASH_HOME": str(tmp_path), "HOTWASH_PORT": str(port), "HOTWASH_TEMPORAL_PORT": str(free_port())}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, cwd=ROOT, env=os.environ | settings, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            await _until_it_serves(client)
            assert (await client.get("/readyz")).status_code == 503
            token = (tmp_path / "admin-token").read_text().strip()
            headers = {"Authorization": f"Bearer {token}"}
            assert (await client.get("/api/v1/me", headers=headers)).status_code == 200
            async with client.stream("GET", f"/api/v1/incidents/{INCIDENT}/events", headers=headers) as room:
                assert room.status_code == 200
                process.send_signal(signal.SIGTERM)
                _, log = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    assert token not in log.decode()
    assert "Traceback" not in log.decode()


async def _record_an_incident(folder: Path) -> None:
    store = open_store(f"sqlite:///{folder}/store.db")
    await store.migrate()
    await store.record.save(batch("test", pictures=(incident(INCIDENT),)))
    await store.close()


async def _until_it_serves(client: httpx.AsyncClient) -> None:
    for _ in range(1800):
        try:
            if (await client.get("/healthz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)
    raise AssertionError("the API does not serve")


def test_a_taken_port_is_named_with_its_option() -> None:
    """The sentence says which port, and how to choose another."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Rejected, match=rf"127\.0\.0\.1:{port} cannot be used .*--port"):
            listen("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_named_with_its_option() -> None:
    """A host name that leads nowhere is a sentence, too."""
    with pytest.raises(Rejected, match="--host"):
        listen("no.such.host.invalid", 8080)
