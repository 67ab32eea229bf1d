"""The faults of cgroups on version 2, on a machine that has its controllers in version 1.

Freezing needs no controller: that, and how processes get into a cgroup and out again, is asked of the real kernel here.
`cpu.max` and `memory.max` are asked of a folder that has the shape of version 2 and no kernel behind it.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.clients import lease_files
from activities.clients.cgroups import KernelCgroups
from activities.faults import FaultActivities
from domain.fault_targets import MEBIBYTE
from tests.support.action_world import World
from tests.support.fault_world import FaultCase, skip_without_needs
from tests.support.real_servers import until

MOUNTS = Path("/proc/mounts")
CAGES = ["process.freeze", "process.cpu", "process.memory"]
LIMITS = {
    "process.cpu": ({"percent": 5}, "cpu.max", "5000 100000", "max 100000"),
    "process.memory": ({"limit_bytes": 16 * MEBIBYTE}, "memory.max", "16777216", "max"),
}


def use(world: World, mounts: str) -> None:
    """From now on the worker sees these mounts, and no others."""
    file = world.folder / "mounts"
    file.write_text(mounts)
    for name in CAGES:
        world.registry.get(name).cgroups = KernelCgroups(file)


def caged(pid: int) -> str | None:
    """The cgroup of a process in version 2, if it is one of a fault."""
    line = next(line for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::"))
    return line.removeprefix("0::") if "hotwash-" in line else None


def cages(top: Path) -> list[Path]:
    """The cgroups of faults below a folder."""
    return list(top.glob("hotwash-*"))


@pytest.fixture
def frozen(world: World) -> Iterator[FaultCase]:
    """What may be frozen, in the real version 2 of this machine."""
    skip_without_needs("process.freeze")
    second = [line for line in MOUNTS.read_text().splitlines() if line.split()[2] == "cgroup2"]
    if not second:
        pytest.skip("needs cgroups of version 2: mount -t cgroup2 none /sys/fs/cgroup/unified")
    case = world.fault_case("process.freeze")
    use(world, "\n".join(second) + "\n")
    yield case
    assert caged(world.faults.victim_pid()) is None


@pytest.fixture
def shape(world: World) -> Iterator[Path]:
    """A folder like the top of version 2; what the kernel would do there nobody does."""
    if "\n0::" not in "\n" + Path("/proc/self/cgroup").read_text():
        pytest.skip("this kernel names no process's cgroup of version 2")
    top = world.folder / "cgroup2"
    top.mkdir()
    (top / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    (top / "cgroup.subtree_control").write_text("cpu memory\n")
    (top / "cgroup.procs").write_text("")
    use(world, f"cgroup2 {top} cgroup2 rw,nosuid 0 0\n")
    world.start_victim()
    world.configure_faults()
    yield top
    # The kernel's files go with their folder, these do not.
    for folder in cages(top):
        shutil.rmtree(folder)


@pytest.mark.real
async def test_a_process_is_frozen_and_thawed_by_the_kernel(world: World, frozen: FaultCase) -> None:
    """`cgroup.events` says so; undone, it runs where it ran before, and no cgroup is left."""
    pid, parameters = world.faults.victim_pid(), frozen.parameters
    assert not (await world.check("process.freeze", parameters)).holds
    done = await world.perform("process.freeze", parameters)
    assert done.output["place"]["version"] == 2
    found = await world.check("process.freeze", parameters)
    assert (found.holds, "frozen 1" in found.detail) == (True, True)
    assert caged(pid) is not None
    folder = Path(done.output["place"]["folder"])
    assert (folder / "cgroup.freeze").read_text() == "1\n"
    await world.undo("process.freeze", parameters, done.output)
    assert (caged(pid), cages(folder.parent), world.faults.victim_runs()) == (None, [], True)


@pytest.mark.real
async def test_a_frozen_process_that_nobody_holds_is_thawed(world: World, frozen: FaultCase) -> None:
    """By the watchdog, when the lease is over."""
    pid = world.faults.victim_pid()
    await world.perform("process.freeze", frozen.parameters)
    for lease in world.faults.leases():
        lease_files.write_beat(lease, 0)
    until(lambda: caged(pid) is None, "the end of the lease")
    until(lambda: json.loads(world.faults.leases()[0].read_text())["by"] == "lease", "the word of it")


@pytest.mark.parametrize("name", sorted(LIMITS))
async def test_a_limit_is_written_as_version_2_wants_it(world: World, shape: Path, name: str) -> None:
    """In a cgroup at the top, for no other may have processes beside cgroups; the proof is what the file says."""
    more, file, limit, unlimited = LIMITS[name]
    parameters = {"process": "victim", "duration": "1m", **more}
    activities = FaultActivities(world.registry, world.secrets)
    able = await ActivityEnvironment().run(activities.capability, world.request(name, parameters))
    assert able.detail.endswith("(cgroup v2)"), able.detail
    done = await world.perform(name, parameters)
    (folder,) = cages(shape)
    assert done.output["place"]["folder"] == str(folder)
    assert ((folder / file).read_text(), (folder / "cgroup.procs").read_text()) == (
        limit,
        str(world.faults.victim_pid()),
    )
    assert (await world.check(name, parameters)).holds is True
    (folder / file).write_text(f"{unlimited}\n")
    assert (await world.check(name, parameters)).holds is False
    (recipe,) = (json.loads(lease.read_text())["recipe"] for lease in world.faults.leases())
    assert [(step["do"], step["folder"]) for step in recipe] == [("leave_cgroup", str(folder))]


@pytest.mark.parametrize("name", sorted(LIMITS))
async def test_a_controller_that_is_not_handed_down_is_refused_with_its_cure(
    world: World, shape: Path, name: str
) -> None:
    """Nothing is made."""
    (shape / "cgroup.subtree_control").write_text("pids\n")
    activities = FaultActivities(world.registry, world.secrets)
    request = world.request(name, {"process": "victim", "duration": "1m"})
    found = await ActivityEnvironment().run(activities.capability, request)
    assert found.holds is False
    assert f"write +{name.partition('.')[2]} into cgroup.subtree_control at the top" in found.detail
    assert cages(shape) == []
