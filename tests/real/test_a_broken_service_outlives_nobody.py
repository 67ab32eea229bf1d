"""Worker, API and engine are killed while real servers are broken; every one of them is as it was, without us.

Where the lease has a watchdog it is the lease that does it, and where the server itself ends the fault, the server.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.action_world import TOKEN
from tests.support.fault_house import FaultHouse, a_fault_house, everybody_dies
from tests.support.fault_world import FaultCase
from tests.support.postgres_pair import PASSWORD, TOGETHER, Pair
from tests.support.real_servers import Children, until
from tests.support.service_places import KINDS, Places

pytestmark = pytest.mark.real
# Real servers are broken within a second or two each, on a machine with nothing else to do.
LEASE = "8s"
SERVICES = ("alerting.mute", "haproxy.server_down", "redis.pause")


async def test_all_are_killed_and_postgres_is_as_before(tmp_path: Path, pairs: list[Pair]) -> None:
    """A killed primary, a cut replication, a lock, no connection left, slow queries: all at once."""

    def prepare(house: FaultHouse) -> None:
        house.lease = LEASE
        for pair, faults in zip(pairs, TOGETHER, strict=True):
            for fault in faults:
                house.add_target(fault, _case(pair, fault), {"postgres": {"pair": pair.cluster(lockable=["orders"])}})

    async with a_fault_house(tmp_path, prepare=prepare, environment={"PG": PASSWORD}) as (house, world):
        await everybody_dies(house, world)
    for number, pair in enumerate(pairs):
        until(lambda pair=pair, number=number: pair.write(number), "a write")
        until(lambda pair=pair, number=number: pair.orders("b") == [number], "replication")


async def test_all_are_killed_and_the_services_are_as_before(
    tmp_path: Path,
    server_folder: Path,
    children: Children,
    free_port: Callable[[], int],
    needs: Callable[..., None],
) -> None:
    """A Redis that keeps its clients waiting, a server out of HAProxy, alerts that reach nobody: all at once."""
    needs("redis-server", "haproxy", "prometheus-alertmanager")
    with ExitStack() as running:
        places = Places(server_folder, children, free_port, running)

        def prepare(house: FaultHouse) -> None:
            house.lease = LEASE
            for fault in SERVICES:
                place = KINDS[fault](places)
                case = FaultCase(place.parameters | {"duration": "1m"}, list, place.shows)
                house.add_target(fault, case, place.settings)

        async with a_fault_house(tmp_path, prepare=prepare, environment={"TOKEN": TOKEN}) as (house, world):
            await everybody_dies(house, world)


def _case(pair: Pair, fault: str) -> FaultCase:
    table = {"table": "orders"} if fault == "postgres.lock" else {}
    return FaultCase({"cluster": "pair", "duration": "1m", **table}, list, lambda: pair.shows(fault))
