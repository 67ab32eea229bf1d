"""`hotwash up` with real processes: ready, alone on its home, restarts what crashes, resumes, leaves nothing behind."""

import asyncio
import json
import re
import socket
import stat
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

from domain.errors import Transient
from runtime.home import Home
from runtime.settings import Settings
from runtime.temporal import connect
from tests.support.ports import a_free_port
from tests.workers.conftest import StartUp, Up


def lives(pid: int) -> bool:
    """Whether a process is there and no zombie; it may end while it is looked at."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def gone(pids: dict[str, int]) -> bool:
    """Whether none of these processes lives."""
    return not any(map(lives, pids.values()))


async def start_timer_workflow(up: Up, id_: str) -> None:
    """Something open in the engine that must be there again after a crash."""
    client = await connect(Settings(home=up.home, temporal_port=up.ports[1]))
    await client.start_workflow("NobodyRunsThis", id=id_, task_queue="nobody")


async def status_of(up: Up, id_: str) -> str:
    """The status of a workflow, once the engine answers."""
    for _ in range(100):
        try:
            client = await connect(Settings(home=up.home, temporal_port=up.ports[1]))
            description = await client.get_workflow_handle(id_).describe()
        except Transient:
            await asyncio.sleep(0.1)
        else:
            return description.status.name if description.status else "NONE"
    return "AWAY"


def test_up_is_ready_and_shows_the_way_in(start_up: StartUp) -> None:
    """The link that is printed logs in once; the token file is private; SIGTERM ends it with 0 and nothing stays."""
    up = start_up().ready()
    up.until(up.is_ready, "readiness")
    link = re.search(r"http://\S+/login\?link=\S+", up.output)
    assert link is not None
    with httpx.Client(trust_env=False, timeout=30) as browser:
        first = browser.get(link[0])
        assert first.status_code in {200, 303}
        assert "hotwash_session" in browser.cookies
        assert browser.get(f"{up.url}/api/v1/me").json()["name"] == "admin"
    with httpx.Client(trust_env=False, timeout=30) as other:
        assert other.get(link[0]).status_code == 401
    home = Home(up.home)
    assert stat.S_IMODE(home.admin_token_file.stat().st_mode) == 0o600
    assert home.url.read_text().strip() == up.url
    children = up.children()
    assert set(children) == {"engine", "worker", "api"}
    assert up.end() == 0
    assert gone(children)
    assert not home.status.exists()
    assert home.admin_token() not in up.output
    assert "Traceback" not in up.output


def test_a_second_one_on_the_same_home_says_who_has_it(start_up: StartUp) -> None:
    """It names the pid and ends with 1; the first one goes on undisturbed."""
    up = start_up().ready()
    other = start_up(other_ports=(a_free_port(), a_free_port(), a_free_port()))
    assert other.process.wait(60) == 1
    assert f"already running on {up.home} (pid {up.process.pid}" in other.output
    assert "Traceback" not in other.output
    up.until(up.is_ready, "readiness")


def test_a_taken_port_is_named_with_its_option(start_up: StartUp) -> None:
    """For each of the three ports: which one, and how to choose another; exit status 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        for place, option in enumerate(("--port", "--temporal-port", "--temporal-ui-port")):
            ports = [a_free_port(), a_free_port(), a_free_port()]
            ports[place] = number
            up = start_up(other_ports=tuple(ports))
            assert up.process.wait(60) == 1
            assert f"port {number} on 127.0.0.1 is taken" in up.output
            assert up.output.rstrip().endswith(f"name another with {option}")
            assert "Traceback" not in up.output


def test_a_mistake_in_the_configuration_ends_it_with_its_line(start_up: StartUp, tmp_path: Path) -> None:
    """Before anything is started, and without a stack trace."""
    home = Home(tmp_path / "home")
    home.prepare()
    home.configuration.write_text("people: {}\nroutse: []\n")
    up = start_up()
    assert up.process.wait(60) == 1
    assert "hotwash.yaml:2:1: unknown key 'routse'; did you mean 'routes'?" in up.output
    assert "Traceback" not in up.output


def test_a_crashed_child_is_started_again_with_a_visible_line(start_up: StartUp) -> None:
    """Each child in turn is killed with -9: the log names it and its end, and everything answers again."""
    up = start_up("--log-format", "json").ready()
    for name in ("worker", "api", "engine"):
        before = up.children()[name]
        psutil.Process(before).kill()
        up.until(lambda name=name, before=before: up.children().get(name, before) != before, f"a new {name}")
        up.until(up.is_ready, f"readiness after {name}")
        # The last line may be half written.
        lines = [json.loads(line) for line in up.output.rpartition("\n")[0].splitlines() if line.startswith("{")]
        said = [line for line in lines if line.get("child") == name]
        assert said, up.output
        assert said[0]["ended_with"] == "signal SIGKILL"
        assert said[0]["level"] == "error"
    assert up.end() == 0


async def test_after_kill_9_of_everything_it_carries_on(start_up: StartUp) -> None:
    """What was open is open again; no child outlives the supervisor; the same login and keys are in force."""
    up = await asyncio.to_thread(start_up().ready)
    await start_timer_workflow(up, "open-before-the-crash")
    token = Home(up.home).admin_token()
    children = up.children()
    up.kill()
    await asyncio.to_thread(up.until, lambda: gone(children), "the end of the children")
    again = await asyncio.to_thread(start_up().ready)
    assert await status_of(again, "open-before-the-crash") == "RUNNING"
    async with httpx.AsyncClient(trust_env=False, timeout=30) as browser:
        answer = await browser.get(f"{again.url}/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert again.process.poll() is None
    assert await asyncio.to_thread(again.end) == 0
    assert "First start" not in again.output
