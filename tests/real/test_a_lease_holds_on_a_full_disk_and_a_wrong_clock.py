"""What the second way out of a fault has to bear on a real machine: a full disk, and a clock that somebody sets."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from activities.clients import kernel, lease_files, lease_watchdog
from activities.clients.leases import FileLeases
from activities.leases import LeaseOrder, Remove
from domain.configuration import ActionSettings, Configuration
from domain.errors import Rejected
from tests.support.real_servers import until

pytestmark = pytest.mark.real
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
KEY = "game-day/shop/1/fault"


class Here:
    """A configuration whose leases are in a folder."""

    def __init__(self, folder: Path) -> None:
        self._configuration = Configuration(actions=ActionSettings(lease_folder=str(folder)))

    def current(self) -> Configuration:
        """As ConfigurationSource promises."""
        return self._configuration


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    if os.getuid() != 0:
        pytest.skip("mounting needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def an_order(folder: Path, lease: timedelta = timedelta(minutes=1)) -> LeaseOrder:
    """About a file on the disk."""
    recipe = (Remove(path=str(folder / "fault")),)
    return LeaseOrder(
        key=KEY, action="test", what="a file is there", recipe=recipe, lease=lease, duration=timedelta(minutes=1)
    )


def fill(disk: Path) -> None:
    """Leave no byte."""
    with (disk / "fault").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    assert shutil.disk_usage(disk).free == 0


async def test_a_full_disk_is_refused_before_anything_is_injected(small_disk: Path) -> None:
    """There is no room for a way back, so there is no fault; the refusal says how to mend it."""
    fill(small_disk)
    with pytest.raises(Rejected, match=r"nothing was injected.*set actions\.lease_folder"):
        await FileLeases(Here(small_disk / "leases")).open(an_order(small_disk))


async def test_a_disk_that_fills_up_later_keeps_nobody_from_renewing_and_reverting(small_disk: Path) -> None:
    """The lease is on the very disk that was filled: it is renewed in its place, ends by itself, and is told."""
    leases = FileLeases(Here(small_disk / "leases"))
    await leases.open(an_order(small_disk))
    fill(small_disk)
    assert (await leases.renew(KEY)).state == "held"
    (lease,) = (small_disk / "leases").glob("*.json")
    lease_files.write_beat(lease, 0)
    until(lambda: json.loads(lease.read_text())["state"] == "reverted", "the revert is written down")
    assert not (small_disk / "fault").exists()


async def test_a_clock_that_is_set_moves_no_lease(tmp_path: Path) -> None:
    """The watchdog's own clock jumps a day ahead: the fault stays; renewals stop: it goes, on time."""
    if LIBRARY is None:
        pytest.skip("needs faketime: make test-real as root installs it")
    leases = FileLeases(Here(tmp_path / "leases"))
    await leases.open(an_order(tmp_path))
    (tmp_path / "fault").touch()
    (lease,) = (tmp_path / "leases").glob("*.json")
    pid, started = lease_files.read_lease(lease)["watchdog"]
    kernel.signal_process(pid, started, "KILL")
    until(lambda: kernel.stat_of(pid) is None, "the first watchdog is gone")
    # A watchdog for which the time of day can be set, and only that, as `date -s` does for all.
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    faked = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    command = [sys.executable, "-I", "-S", lease_watchdog.__file__, "watch", str(lease)]
    second = await asyncio.create_subprocess_exec(*command, env=faked)
    assert await second.wait() == 0
    clock.write_text("+1d\n")
    assert lease_files.guard(lease) is None
    for _ in range(3):
        assert (await leases.renew(KEY)).state == "held"
    assert (tmp_path / "fault").exists()
    lease_files.write_beat(lease, 0)
    until(lambda: not (tmp_path / "fault").exists(), "the fault is gone")
