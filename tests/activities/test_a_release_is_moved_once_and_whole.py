"""`release.activate` and `release.rollback`: the symlink moves once per key, at once, and back to where it was."""
# ruff: noqa: ASYNC110, ASYNC220, ASYNC221, ASYNC240 - small files of a test's own; nothing else waits for this loop.

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.actions.ports import ReleaseMove
from activities.clients.journal import Journal
from activities.clients.programs import Programs
from activities.clients.releases import ReleaseDirectories
from domain.configuration import ReleaseTarget
from domain.errors import NeedsHuman, Rejected, Transient
from tests.support.action_world import APPEND, KEY, World, current_release, lines, make_releases

ROOT = Path(__file__).parents[2]
SECONDS = 30.0


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Three releases: v2 is current, v1 was before."""
    return make_releases(tmp_path / "shop")


@pytest.fixture
def releases() -> ReleaseDirectories:
    """The client under test."""
    return ReleaseDirectories(Programs())


async def test_a_move_tells_from_where_to_where(world: World) -> None:
    """The output names both releases, the sentence is fit for the timeline, the process was restarted once."""
    result = await world.perform("release.rollback", {"target": "shop"})
    assert result.output == {"previous": "v2", "current": "v1", "restarted": True}
    assert result.detail == "v1 is current, v2 was"
    assert current_release(world.shop) == "v1"
    assert lines(world.restarts) == ["restarted"]


async def test_a_rollback_goes_by_the_record_and_not_by_the_alphabet(shop: Path, releases: ReleaseDirectories) -> None:
    """What ran before is what the history says, whoever wrote it, with whatever repetitions."""
    (shop / "history").write_text("v1\nv3\nv2\nv2\n")
    move = await releases.roll_back(ReleaseTarget(directory=str(shop)), KEY, SECONDS)
    assert (move.previous, move.current) == ("v2", "v3")
    assert lines(shop / "history") == ["v1", "v3"]


async def test_a_second_rollback_goes_further_back_and_never_forth(shop: Path, releases: ReleaseDirectories) -> None:
    """Rolling back from a release takes it out of the history: the bad one does not come back by a rollback."""
    target = ReleaseTarget(directory=str(shop))
    await releases.activate(target, "v3", "k1", SECONDS)
    assert [(await releases.roll_back(target, key, SECONDS)).current for key in ("k2", "k3")] == ["v2", "v1"]
    with pytest.raises(Rejected, match="no release before 'v1' is on record"):
        await releases.roll_back(target, "k4", SECONDS)
    assert current_release(shop) == "v1"


async def test_without_a_record_a_rollback_refuses_to_guess(shop: Path, releases: ReleaseDirectories) -> None:
    """A directory with three releases and no history says nothing of what ran before."""
    (shop / "history").unlink()
    with pytest.raises(Rejected, match="let deploys append to that file"):
        await releases.roll_back(ReleaseTarget(directory=str(shop)), KEY, SECONDS)
    assert current_release(shop) == "v2"


async def test_a_deploy_that_only_moved_the_symlink_is_noticed(shop: Path, releases: ReleaseDirectories) -> None:
    """The history is behind: what is current now is what is rolled back from."""
    (shop / "current").unlink()
    (shop / "current").symlink_to(shop / "releases" / "v3")
    move = await releases.roll_back(ReleaseTarget(directory=str(shop)), KEY, SECONDS)
    assert (move.previous, move.current) == ("v3", "v2")


async def test_a_rollback_to_a_release_that_was_cleaned_away_is_refused(
    shop: Path, releases: ReleaseDirectories
) -> None:
    """`current` never points to nothing."""
    (shop / "releases" / "v1").rmdir()
    with pytest.raises(Rejected, match="there is no release 'v1'"):
        await releases.roll_back(ReleaseTarget(directory=str(shop)), KEY, SECONDS)
    assert current_release(shop) == "v2"


@pytest.mark.parametrize(
    "name",
    [
        "../releases/v1",
        "..",
        ".",
        "",
        "/",
        "/etc",
        "v1/",
        "v1/../../..",
        "v1\n",
        "v1\0",
        "-rf",
        ".hidden",
        "v9",
        "linked",
    ],
)
async def test_a_release_is_a_folder_right_below_releases(world: World, name: str) -> None:
    """No name, and no symlink, leads out of `releases/`."""
    (world.shop / "releases" / ".hidden").mkdir()
    (world.shop / "releases" / "linked").symlink_to("/etc")
    with pytest.raises(ApplicationError) as refused:
        await world.perform("release.activate", {"target": "shop", "release": name})
    assert refused.value.type == "Rejected"
    assert current_release(world.shop) == "v2"
    assert lines(world.restarts) == []


@pytest.mark.parametrize("target", ["shop2", "../shop", "/srv/shop"])
async def test_a_target_has_a_name_and_not_a_path(world: World, target: str) -> None:
    """What is not in `actions.releases` is not touched."""
    with pytest.raises(ApplicationError, match=r"define it under actions\.releases"):
        await world.perform("release.rollback", {"target": target})


@pytest.mark.parametrize("current", ["a folder", "/etc", "releases", "releases/v1/inner", "../shop"])
async def test_a_current_that_is_no_symlink_into_releases_is_left_alone(
    shop: Path, releases: ReleaseDirectories, current: str
) -> None:
    """A directory that somebody arranged otherwise is for people."""
    (shop / "current").unlink()
    if current == "a folder":
        (shop / "current").mkdir()
    else:
        (shop / "current").symlink_to(current)
    with pytest.raises(Rejected, match="no symlink into"):
        await releases.activate(ReleaseTarget(directory=str(shop)), "v1", KEY, SECONDS)


async def test_a_directory_that_is_not_there_is_a_sentence(tmp_path: Path, releases: ReleaseDirectories) -> None:
    """A mistake in the configuration names the path."""
    with pytest.raises(Rejected, match="nowhere"):
        await releases.roll_back(ReleaseTarget(directory=str(tmp_path / "nowhere")), KEY, SECONDS)


async def test_whoever_looks_always_finds_a_release(shop: Path, releases: ReleaseDirectories) -> None:
    """The symlink is replaced in one step: a process that starts at any moment finds the old release or the new one."""
    target = ReleaseTarget(directory=str(shop))
    found: set[bool] = set()
    enough = threading.Event()

    def look() -> None:
        while not enough.is_set():
            found.add((shop / "current" / ".").is_dir())

    looking = threading.Thread(target=look)
    looking.start()
    for number in range(30):
        await releases.activate(target, f"v{number % 3 + 1}", f"k{number}", SECONDS)
    enough.set()
    looking.join()
    assert found == {True}


async def test_a_failed_restart_leaves_nothing_behind_and_may_be_tried_again(world: World) -> None:
    """The step has failed, the old release is current and restarted, the history is as before; the retry succeeds."""
    good = world.actions.releases["shop"]
    script = (
        "import os, sys; broken = os.environ['HOTWASH_RELEASE'] == 'v3'; broken and sys.exit('port is taken');" + APPEND
    )
    bad = good.model_copy(update={"restart": (sys.executable, "-c", script, str(world.restarts), "old")})
    parameters = {"target": "shop", "release": "v3"}
    world.actions = world.actions.model_copy(update={"releases": {"shop": bad}})
    with pytest.raises(ApplicationError, match=r"exit code 1\): port is taken; 'v2' is current again$") as failure:
        await world.perform("release.activate", parameters)
    assert failure.value.type == "Transient"
    assert current_release(world.shop) == "v2"
    assert lines(world.shop / "history") == ["v1", "v2"]
    assert lines(world.restarts) == ["old"]
    assert (await world.check("release.activate", parameters)).holds is False
    world.actions = world.actions.model_copy(update={"releases": {"shop": good}})
    result = await world.perform("release.activate", parameters, attempt=2)
    assert result.output == {"previous": "v2", "current": "v3", "restarted": True}
    assert lines(world.restarts) == ["old", "restarted"]


@pytest.mark.parametrize("restart", ["/bin/false", "/does/not/exist"])
async def test_a_restart_that_never_works_is_told_and_leaves_the_old_release(world: World, restart: str) -> None:
    """Neither release can be started: the sentence says both, and the symlink is where it was."""
    bad = world.actions.releases["shop"].model_copy(update={"restart": (restart,)})
    world.actions = world.actions.model_copy(update={"releases": {"shop": bad}})
    with pytest.raises(ApplicationError, match="'v2' is current again, but its restart failed too"):
        await world.perform("release.rollback", {"target": "shop"})
    assert current_release(world.shop) == "v2"


async def test_a_move_that_was_stopped_in_its_restart_is_undone(world: World) -> None:
    """The run is stopped while the new release starts: the undo finds what was moved, without any output."""
    started = world.folder / "started"
    slow = (sys.executable, "-c", "import sys, time; open(sys.argv[1], 'w').close(); time.sleep(60)", str(started))
    good = world.actions.releases["shop"]
    parameters = {"target": "shop", "release": "v3"}
    world.actions = world.actions.model_copy(update={"releases": {"shop": good.model_copy(update={"restart": slow})}})
    environment = ActivityEnvironment()
    running = asyncio.create_task(environment.run(world.steps.perform, world.request("release.activate", parameters)))
    await _exists(started)
    environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert current_release(world.shop) == "v3"
    world.actions = world.actions.model_copy(update={"releases": {"shop": good}})
    await world.undo("release.activate", parameters, None)
    assert current_release(world.shop) == "v2"
    assert lines(world.shop / "history") == ["v1", "v2"]
    assert lines(world.restarts) == ["restarted"]


@pytest.mark.parametrize("kind", ["activate", "roll_back"])
async def test_a_worker_killed_between_move_and_restart_is_carried_on_from(
    shop: Path, releases: ReleaseDirectories, kind: str, tmp_path: Path
) -> None:
    """After kill -9 in the middle the next attempt goes no release further, restarts, and knows what was before."""
    deadly = ReleaseTarget(directory=str(shop), restart=(sys.executable, "-c", "import os; os.kill(os.getppid(), 9)"))
    call = f"activate(target, 'v1', {KEY!r}, 30)" if kind == "activate" else f"roll_back(target, {KEY!r}, 30)"
    worker = (
        "import asyncio\n"
        "from activities.clients.programs import Programs\n"
        "from activities.clients.releases import ReleaseDirectories\n"
        "from domain.configuration import ReleaseTarget\n"
        f"target = ReleaseTarget.model_validate_json({deadly.model_dump_json()!r})\n"
        f"asyncio.run(ReleaseDirectories(Programs()).{call})\n"
    )
    died = subprocess.run([sys.executable, "-c", worker], cwd=ROOT, check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert current_release(shop) == "v1"
    restarts = tmp_path / "restarts"
    target = ReleaseTarget(directory=str(shop), restart=(sys.executable, "-c", APPEND, str(restarts), "restarted"))
    assert await releases.moved(target, KEY) is None
    again = [await _move(releases, kind, target) for _ in range(2)]
    assert again == [ReleaseMove(previous="v2", current="v1", restarted=True)] * 2
    assert lines(restarts) == ["restarted"]
    assert await releases.moved(target, KEY) == again[0]
    await releases.undo(target, KEY, again[0], SECONDS)
    assert current_release(shop) == "v2"
    assert lines(shop / "history") == ["v1", "v2"]


async def _move(releases: ReleaseDirectories, kind: str, target: ReleaseTarget) -> ReleaseMove:
    if kind == "activate":
        return await releases.activate(target, "v1", KEY, SECONDS)
    return await releases.roll_back(target, KEY, SECONDS)


async def test_two_moves_at_once_take_turns(shop: Path, releases: ReleaseDirectories, tmp_path: Path) -> None:
    """Each move's restart ends before the next symlink moves; the record tells one story."""
    seen = tmp_path / "seen"
    script = (
        "import os, sys, time; look = lambda: os.readlink('current').split('/')[1]; first = look(); time.sleep(0.1);"
        "open(sys.argv[1], 'a').write(f'{first} {look()}' + chr(10))"
    )
    target = ReleaseTarget(directory=str(shop), restart=(sys.executable, "-c", script, str(seen)))
    names = ["v1", "v3", "v1", "v3"]
    moves = await asyncio.gather(
        *(releases.activate(target, name, f"k{number}", SECONDS) for number, name in enumerate(names))
    )
    told = [line.split() for line in lines(seen)]
    assert len(told) == len(names)
    assert all(before == after for before, after in told)
    assert sorted(move.current or "" for move in moves) == sorted(names)
    assert lines(shop / "history")[-1] == current_release(shop) == told[-1][0]


async def test_a_target_that_stays_busy_is_tried_again_later(shop: Path, releases: ReleaseDirectories) -> None:
    """Somebody else's move takes long: Transient, and nothing has changed."""
    async with Journal(shop / ".hotwash-journal.json").alone("shop", 1):
        with pytest.raises(Transient, match="being changed by somebody else"):
            await releases.activate(ReleaseTarget(directory=str(shop)), "v1", KEY, 0.05)
    assert current_release(shop) == "v2"


async def test_a_restart_moves_nothing_and_happens_once(world: World) -> None:
    """The current release is started again, once per key, and the history is left as it is."""
    for _ in range(2):
        result = await world.perform("release.restart", {"target": "shop"})
        assert result.output == {"previous": "v2", "current": "v2", "restarted": True}
    assert lines(world.restarts) == ["restarted"]
    assert lines(world.shop / "history") == ["v1", "v2"]
    (world.shop / "current").unlink()
    with pytest.raises(ApplicationError, match="no release is current"):
        await world.perform("release.restart", {"target": "shop"}, key="another")


# A restart as a supervisor does it: another process writes the pid file, and a line is noted. Told to, it then kills
# the worker that has asked for it.
SUPERVISOR = """
import os, pathlib, subprocess, sys
pid_file, noted, deadly = sys.argv[1:]
child = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True, stdin=-3, stdout=-3, stderr=-3)
pathlib.Path(pid_file + ".new").write_text(str(child.pid))
os.rename(pid_file + ".new", pid_file)
open(noted, "a").write(f"{child.pid}\\n")
deadly == "deadly" and os.kill(os.getppid(), 9)
sys.exit(deadly == "broken")
"""


def supervised(shop: Path, folder: Path, how: str) -> ReleaseTarget:
    """A target whose process is known by its pid file."""
    pid_file = folder / "shop.pid"
    argv = (sys.executable, "-c", SUPERVISOR, str(pid_file), str(folder / "restarts"), how)
    return ReleaseTarget(directory=str(shop), restart=argv, pid_file=str(pid_file))


@pytest.mark.parametrize("call", ["restart(target", "activate(target, 'v1'", "roll_back(target"])
async def test_a_worker_killed_after_the_restart_does_not_restart_again(
    shop: Path, releases: ReleaseDirectories, tmp_path: Path, call: str
) -> None:
    """Kill -9 between the restart and the journal's entry: another process runs than before, and that is enough."""
    await releases.restart(supervised(shop, tmp_path, "well"), "before", SECONDS)
    deadly = supervised(shop, tmp_path, "deadly")
    worker = (
        "import asyncio\n"
        "from activities.clients.programs import Programs\n"
        "from activities.clients.releases import ReleaseDirectories\n"
        "from domain.configuration import ReleaseTarget\n"
        f"target = ReleaseTarget.model_validate_json({deadly.model_dump_json()!r})\n"
        f"asyncio.run(ReleaseDirectories(Programs()).{call}, {KEY!r}, 30))\n"
    )
    died = subprocess.run([sys.executable, "-c", worker], cwd=ROOT, check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    try:
        target = supervised(shop, tmp_path, "well")
        kind = {"restart(target": "restart", "roll_back(target": "roll_back"}.get(call, "activate")
        again = await (releases.restart(target, KEY, SECONDS) if kind == "restart" else _move(releases, kind, target))
        assert again.restarted is True
        assert len(lines(tmp_path / "restarts")) == 2
    finally:
        for pid in lines(tmp_path / "restarts"):
            os.kill(int(pid), signal.SIGKILL)


async def test_a_restart_that_said_that_it_failed_is_tried_again(
    shop: Path, releases: ReleaseDirectories, tmp_path: Path
) -> None:
    """Another process runs, and the restart program is not content with it: that is no success for the next attempt."""
    try:
        with pytest.raises(Transient, match="exit code 1"):
            await releases.restart(supervised(shop, tmp_path, "broken"), KEY, SECONDS)
        await releases.restart(supervised(shop, tmp_path, "well"), KEY, SECONDS)
        assert len(lines(tmp_path / "restarts")) == 2
    finally:
        for pid in lines(tmp_path / "restarts"):
            os.kill(int(pid), signal.SIGKILL)


async def test_an_undo_does_not_take_back_what_others_did_since(shop: Path, releases: ReleaseDirectories) -> None:
    """Somebody has deployed v3 meanwhile: whether v2 is to come back is for a person."""
    target = ReleaseTarget(directory=str(shop))
    move = await releases.roll_back(target, "k1", SECONDS)
    await releases.activate(target, "v3", "k2", SECONDS)
    with pytest.raises(NeedsHuman, match="has moved on to 'v3'"):
        await releases.undo(target, "k1", move, SECONDS)
    assert current_release(shop) == "v3"


async def test_the_first_release_of_all_is_undone_to_none(tmp_path: Path, releases: ReleaseDirectories) -> None:
    """There was no `current` before: there is none after."""
    (tmp_path / "releases" / "v1").mkdir(parents=True)
    target = ReleaseTarget(directory=str(tmp_path))
    move = await releases.activate(target, "v1", KEY, SECONDS)
    assert move == ReleaseMove(previous=None, current="v1")
    await releases.undo(target, KEY, move, SECONDS)
    assert not os.path.lexists(tmp_path / "current")


async def test_a_journal_that_cannot_be_read_is_for_a_person(shop: Path, releases: ReleaseDirectories) -> None:
    """Without its memory a second move with one key could go unnoticed."""
    (shop / ".hotwash-journal.json").write_text("{")
    with pytest.raises(NeedsHuman, match="cannot be read"):
        await releases.roll_back(ReleaseTarget(directory=str(shop)), KEY, SECONDS)
    assert current_release(shop) == "v2"


async def test_a_supervised_process_is_told_to_reload(shop: Path, releases: ReleaseDirectories, tmp_path: Path) -> None:
    """Without a restart command SIGHUP goes to the process of the pid file, and to no process that came after it."""
    told, pid_file = tmp_path / "told", tmp_path / "shop.pid"
    script = (
        "import os, pathlib, signal, sys, time\n"
        "told = lambda *_: open(sys.argv[1], 'a').write('hup' + chr(10))\n"
        "signal.signal(signal.SIGHUP, told)\n"
        "pathlib.Path(sys.argv[2] + '.new').write_text(str(os.getpid()))\n"
        "os.rename(sys.argv[2] + '.new', sys.argv[2])\n"
        "time.sleep(60)\n"
    )
    target = ReleaseTarget(directory=str(shop), pid_file=str(pid_file))
    assert (await releases.activate(target, "v1", "early", SECONDS)).restarted is False
    child = subprocess.Popen([sys.executable, "-c", script, str(told), str(pid_file)])
    try:
        await _exists(pid_file)
        assert (await releases.activate(target, "v3", "k1", SECONDS)).restarted is True
        while lines(told) != ["hup"]:
            await asyncio.sleep(0.01)
        # As if the file were left from before a reboot and the number were another program's now.
        os.utime(pid_file, (1_000_000_000, 1_000_000_000))
        assert (await releases.activate(target, "v1", "k2", SECONDS)).restarted is False
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()
    assert lines(told) == ["hup"]


async def _exists(path: Path) -> None:
    while not path.exists():
        await asyncio.sleep(0.01)
