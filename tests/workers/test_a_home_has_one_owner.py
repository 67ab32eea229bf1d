"""The lock of a home, what is left behind, and ports: the small parts of `hotwash up`, with real processes."""

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from domain.errors import Rejected
from runtime.home import Home
from workers import tether
from workers.child import describe_exit
from workers.instance import (
    Process,
    Status,
    demand_free_port,
    end_left_behind,
    only_instance,
    process_of,
    read_status,
    write_status,
)

STATUS = Status(pid=4711, url="http://127.0.0.1:1", engine_address="127.0.0.1:2", engine_ui=None)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that was used before."""
    made = Home(tmp_path / "home")
    made.prepare()
    return made


def test_the_lock_goes_with_its_holder(home: Home) -> None:
    """Taken twice it is refused with the pid; afterwards it is free, also when the status file is rubbish."""
    write_status(home, STATUS)
    with only_instance(home), pytest.raises(Rejected, match="pid 4711"), only_instance(home):
        pass
    home.status.write_text("[1, 2")
    with only_instance(home), pytest.raises(Rejected, match="already running"), only_instance(home):
        pass
    assert read_status(home) is None
    with only_instance(home):
        pass


def test_what_a_killed_one_left_behind_is_ended_and_nobody_else(home: Home) -> None:
    """A child that still lives is ended; a stranger that got the same number later is not."""
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    left, stranger = subprocess.Popen(sleep), subprocess.Popen(sleep)
    try:
        mine = process_of(left.pid)
        assert mine is not None
        reused = Process(stranger.pid, psutil.Process(stranger.pid).create_time() - 100)
        write_status(home, replace(STATUS, children={"engine": mine, "worker": reused, "api": Process(2**22 + 1, 0.0)}))
        assert end_left_behind(home) == ["engine"]
        assert not psutil.pid_exists(left.pid)
        assert stranger.poll() is None
        assert end_left_behind(home) == []
    finally:
        for process in (left, stranger):
            process.kill()
            process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends what is left behind")
def test_a_tethered_program_dies_with_its_parent() -> None:
    """`kill -9` of the parent, and the program is gone without any help."""
    sleep = f"[{sys.executable!r}, '-c', 'import time; time.sleep(60)']"
    parent_code = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-I', '-S', {tether.__file__!r}, str(os.getpid()), *{sleep}])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert psutil.wait_procs([child], timeout=30)[1] == []


def test_a_program_whose_parent_is_gone_already_does_not_start() -> None:
    """The parent may die before the wish to die with it was made."""
    command = [sys.executable, "-I", "-S", tether.__file__, "1", sys.executable, "-c", "print('ran')"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")


def test_ports_are_refused_by_option() -> None:
    """Taken, not ours, no such host; each with the option that mends it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Rejected, match="is taken by another program; name another with --port"):
            demand_free_port("127.0.0.1", taken.getsockname()[1], "--port")
    with pytest.raises(Rejected, match="--host"):
        demand_free_port("no-such-host.invalid", 1234, "--port")


@pytest.mark.parametrize(("status", "said"), [(0, "exit status 0"), (-9, "signal SIGKILL"), (-99, "signal 99")])
def test_an_end_is_described(status: int, said: str) -> None:
    """In the words of the log."""
    assert describe_exit(status) == said
