"""What `network.delay` does beyond the laws of faults: whose packets, whose interface, and a kernel without netem.

Where this kernel has no netem a plain queue stands in for it (`tests/support/netem_stand_in.py`); root, class, filter,
counters, refusals and removal are the kernel's own either way.
"""

import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pydantic import ValidationError
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.actions.network_delay import DelayedPathParameters
from activities.faults import FaultActivities
from activities.steps import CheckResult
from domain.configuration import ActionSettings
from domain.fault_targets import NetworkPath
from tests.support import netem_stand_in
from tests.support.action_world import World
from tests.support.fault_world import skip_without_needs
from tests.support.little_wire import LittleWire

DELAY = "network.delay"
WISH = {"network": "wire", "latency": "20ms", "duration": "1m"}


@pytest.fixture
def wire(world: World) -> Iterator[LittleWire]:
    """An interface to break; the world's worker finds tc with netem."""
    skip_without_needs(DELAY)
    wire = LittleWire()
    if not netem_stand_in.has_netem():
        netem_stand_in.install(world.folder / "stand-ins")
    name_it(world, NetworkPath(address=wire.address, port=wire.port, interface=wire.interface))
    yield wire
    wire.close()


def name_it(world: World, path: NetworkPath) -> None:
    """What hotwash.yaml says of the path."""
    world.actions = ActionSettings.model_validate(world.actions.model_dump() | {"networks": {"wire": path}})


async def capability(world: World, wish: dict[str, Any] = WISH) -> CheckResult:
    """As the engine asks before a game day."""
    activities = FaultActivities(world.registry, world.secrets)
    return await ActivityEnvironment().run(activities.capability, world.request(DELAY, wish))


async def refusal(world: World) -> str:
    """How it was refused."""
    with pytest.raises(ApplicationError) as failure:
        await world.perform(DELAY, WISH)
    assert failure.value.type == "Rejected"
    return str(failure.value.message)


def send(address: str, port: int, source: tuple[str, int] | None = None) -> None:
    """One packet at least."""
    with suppress(OSError):
        socket.create_connection((address, port), 0.05, source_address=source).close()


def met(wire: LittleWire) -> int:
    """So many packets have gone through the delayed class."""
    return int(next(one["packets"] for one in wire.disciplines() if not one.get("root")))


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({}, "write a 'latency', a 'loss_percent', or both"),
        ({"latency": "10ms", "jitter": "20ms"}, "'jitter' is 10ms at most"),
        ({"latency": "2m"}, "latency"),
        ({"loss_percent": 101}, "loss_percent"),
    ],
)
def test_a_delay_that_makes_no_sense_is_refused(wish: dict[str, Any], sentence: str) -> None:
    """With a sentence that says what to write."""
    with pytest.raises(ValidationError, match=sentence):
        DelayedPathParameters.model_validate({"network": "wire", "duration": "1m"} | wish)


@pytest.mark.parametrize(
    ("wish", "words", "told"),
    [
        ({"latency": "100ms"}, "delay 100ms", "late by 100ms"),
        ({"latency": "1s", "jitter": "20ms"}, "delay 1000ms 20ms", "late by 1s, give or take 20ms"),
        ({"loss_percent": 1.5}, "loss 1.500000%", "lost by 1.5 %"),
        ({"latency": "1ms", "loss_percent": 100}, "delay 1ms loss 100.000000%", "late by 1ms and lost by 100 %"),
    ],
)
def test_a_delay_is_told_to_tc_and_to_people(wish: dict[str, Any], words: str, told: str) -> None:
    """Each in its own words."""
    parameters = DelayedPathParameters.model_validate({"network": "wire", "duration": "1m"} | wish)
    assert (" ".join(parameters.netem()), parameters.words()) == (words, told)


@pytest.mark.real
async def test_a_kernel_without_netem_is_refused_with_its_cure(world: World, wire: LittleWire) -> None:
    """By the real tc of this machine: nothing is made, and nothing stands at the interface."""
    if netem_stand_in.has_netem():
        pytest.skip("this kernel has netem")
    shutil.rmtree(world.folder / "stand-ins")
    found = await capability(world)
    assert found.holds is False
    assert "this kernel has no netem" in found.detail
    assert "tcp.latency" in found.detail
    assert await refusal(world) == found.detail
    assert (wire.disciplines(), world.faults.leases()) == ([], [])


@pytest.mark.real
async def test_only_the_packets_of_the_path_are_late(world: World, wire: LittleWire) -> None:
    """Another port of the same address is not; and nobody has met it before somebody has sent something."""
    await world.perform(DELAY, WISH)
    assert met(wire) == 0
    send(wire.address, wire.port + 1)
    assert met(wire) == 0
    send(wire.address, wire.port)
    assert met(wire) >= 1
    found = await world.check(DELAY, WISH)
    assert (found.holds, "packets have met it" in found.detail) == (True, True)


@pytest.mark.real
async def test_answers_of_a_service_here_are_late(world: World, wire: LittleWire) -> None:
    """Direction `in`: by the port that they come from. While nobody has sent any, nobody can tell."""
    here = str(wire.address).rpartition(".")[0] + f".{int(wire.address.rpartition('.')[2]) - 1}"
    name_it(world, NetworkPath(address=here, port=9876, direction="in", interface=wire.interface))
    await world.perform(DELAY, WISH)
    send(wire.address, 1234)
    assert (await world.check(DELAY, WISH)).holds is None
    send(wire.address, 1234, (here, 9876))
    assert (await world.check(DELAY, WISH)).holds is True


@pytest.mark.real
async def test_a_path_of_ipv6_is_delayed_as_well(world: World, wire: LittleWire) -> None:
    """By its own filter."""
    wire.speak_ipv6("fd00:198:18::1/64", "fd00:198:18::9")
    name_it(world, NetworkPath(address="fd00:198:18::9", port=5432, interface=wire.interface))
    await world.perform(DELAY, WISH)
    send("fd00:198:18::9", 5433)
    assert met(wire) == 0
    send("fd00:198:18::9", 5432)
    assert met(wire) >= 1


@pytest.mark.real
async def test_what_somebody_else_has_put_there_is_never_touched(world: World, wire: LittleWire) -> None:
    """Neither replaced by the fault, nor removed by its undo once it stands where the fault has stood."""
    wire.limit("5:")
    found = await capability(world)
    assert (found.holds, "somebody else (5:)" in found.detail) == (False, True)
    assert await refusal(world) == found.detail
    assert wire.roots() == ["5:"]
    wire.clear()
    await world.perform(DELAY, WISH, key="game-day/another")
    wire.clear()
    wire.limit("5:")
    await world.undo(DELAY, WISH, None, key="game-day/another")
    assert wire.roots() == ["5:"]


@pytest.mark.real
async def test_an_interface_that_is_not_there_is_refused_and_one_that_goes_takes_the_fault_along(
    world: World, wire: LittleWire
) -> None:
    """With the place to mend; and the undo has nothing left to do."""
    path = NetworkPath(address=wire.address, port=wire.port)
    name_it(world, path)
    assert "names no interface" in await refusal(world)
    name_it(world, path.model_copy(update={"interface": "nobody0"}))
    assert "no interface 'nobody0'" in await refusal(world)
    name_it(world, path.model_copy(update={"interface": wire.interface}))
    await world.perform(DELAY, WISH, key="game-day/another")
    wire.close()
    undone = await world.undo(DELAY, WISH, None, key="game-day/another")
    assert undone.output["discipline"]["interface"] == wire.interface
