"""The faults of PostgreSQL on a real primary with a real standby: each shows at the server, and ends without us."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.clients.site import site_ports
from activities.fault import FaultAction
from tests.support.action_world import KEY, World
from tests.support.doomed_worker import doomed
from tests.support.ports import a_free_port
from tests.support.postgres_pair import PASSWORD, Pair
from tests.support.real_servers import until

pytestmark = pytest.mark.real
CLUSTER = {"cluster": "orders", "duration": "1m"}
BRIEF = {"cluster": "orders", "duration": "1m", "lease": "3s"}
SECRETS = {"env:PG": PASSWORD}
LOCK = {"table": "orders"}
ALL = ["postgres.kill_primary", "postgres.cut_replication", "postgres.exhaust_connections", "postgres.slow_query"]
ALL += ["postgres.lock"]


@pytest.fixture
def pair(pair_template: Pair | None, server_user: Sequence[str], server_folder: Path) -> Iterator[Pair]:
    """A primary with three orders, and its standby."""
    if pair_template is None:
        pytest.skip("needs postgresql: make test-real as root installs it")
    pair = Pair(server_folder, server_user, (a_free_port(), a_free_port()), pair_template.binaries)
    pair.copy_of(pair_template)
    for value in (1, 2, 3):
        assert pair.write(value)
    yield pair
    pair.close()


@pytest.fixture
def orders(world: World, pair: Pair) -> World:
    """A worker whose hotwash.yaml names the pair."""
    world.secrets.values |= SECRETS
    cluster = pair.cluster(lockable=["orders"])
    world.actions = world.actions.model_copy(update={"postgres": {"orders": cluster}})
    world.use_real_services()
    clusters = site_ports(world.programs, world.http).clusters
    for name in ("postgres.failover", "postgres.rejoin"):
        world.registry.get(name)._clusters = clusters
    return world


def more(name: str) -> dict[str, Any]:
    """What one of them needs beside the cluster."""
    return LOCK if name == "postgres.lock" else {}


@pytest.mark.parametrize("name", ALL)
async def test_a_fault_shows_at_the_server_and_is_undone(orders: World, pair: Pair, name: str) -> None:
    """The check says what the server says, before, while and after; undoing twice is undoing once."""
    parameters = CLUSTER | more(name)
    assert not pair.shows(name)
    assert not (await orders.check(name, parameters)).holds
    done = await orders.perform(name, parameters)
    until(lambda: pair.shows(name), name)
    assert (await orders.check(name, parameters)).holds
    await orders.undo(name, parameters, done.output)
    until(lambda: not pair.shows(name), f"the end of {name}")
    assert not (await orders.check(name, parameters)).holds
    await orders.undo(name, parameters, done.output)
    assert pair.write(4)
    until(lambda: pair.orders("b") == [1, 2, 3, 4], "replication")


@pytest.mark.parametrize("name", ALL)
async def test_the_fault_of_a_worker_that_was_killed_ends_with_its_lease(orders: World, pair: Pair, name: str) -> None:
    """Kill -9 of the only one who knows the password: three seconds later the cluster is as it was."""
    await asyncio.to_thread(doomed, orders.actions, name, BRIEF | more(name), KEY, SECRETS)
    until(lambda: not pair.shows(name), f"the end of {name}")
    until(lambda: pair.write(4), "a write")
    until(lambda: pair.orders("b") == [1, 2, 3, 4], "replication")


@pytest.mark.parametrize("name", ["postgres.exhaust_connections", "postgres.slow_query", "postgres.lock"])
async def test_no_password_is_where_others_can_read_it(orders: World, name: str) -> None:
    """Neither argv nor environment of any process, nor a file of the leases, holds it while the fault is there."""
    parameters = CLUSTER | more(name)
    await orders.perform(name, parameters)
    fault = orders.registry.get(name)
    assert isinstance(fault, FaultAction)
    holders = await fault.leases.started(KEY)
    assert holders
    assert PASSWORD.encode() not in all_that_is_readable(holders, orders.faults.lease_folder)
    await orders.undo(name, parameters, None)
    assert await fault.leases.started(KEY) == []


def all_that_is_readable(pids: list[int], folder: Path) -> bytes:
    """What processes show of themselves, and what the files of a folder hold."""
    seen = [Path(f"/proc/{pid}/{what}").read_bytes() for pid in pids for what in ("cmdline", "environ")]
    return b"".join([*seen, *(file.read_bytes() for file in folder.iterdir() if file.is_file())])


async def test_a_primary_that_was_replaced_comes_back_as_a_standby(orders: World, pair: Pair) -> None:
    """A runbook fails over while the fault is there; its undo rejoins the old primary, and no order is lost."""
    done = await orders.perform("postgres.kill_primary", CLUSTER)
    await orders.perform("postgres.failover", {"cluster": "orders"}, key="failover")
    assert pair.write(4)
    await orders.undo("postgres.kill_primary", CLUSTER, done.output)
    assert (pair.role("a"), pair.role("b")) == ("standby", "primary")
    until(lambda: pair.orders("a") == [1, 2, 3, 4], "replication")


async def test_a_lease_that_ends_after_a_failover_makes_no_second_primary(orders: World, pair: Pair) -> None:
    """The standby was promoted by somebody who fenced nobody; the watchdog starts the old primary as a standby."""
    await asyncio.to_thread(doomed, orders.actions, "postgres.kill_primary", BRIEF | {"lease": "10s"}, KEY, SECRETS)
    pair.sql("b", "select pg_promote(true, 30)")
    until(lambda: pair.role("a") != "down", "the end of the lease")
    assert (pair.role("a"), pair.role("b")) == ("standby", "primary")
    assert not pair.sql("a", "insert into orders values (99) returning id")


async def test_what_others_give_back_is_taken(orders: World, pair: Pair) -> None:
    """A client that ends its connection does not get another one; with `leave`, somebody does."""
    held = threading.Event()
    asking = threading.Thread(target=lambda: (pair.sql("a", "select pg_sleep(8)", user="clerk"), held.set()))
    asking.start()
    until(lambda: pair.sql("a", "select count(*) from pg_stat_activity where usename = 'clerk'") == "1", "a client")
    await orders.perform("postgres.exhaust_connections", CLUSTER)
    await asyncio.to_thread(held.wait, 30)
    asking.join()
    until(lambda: not pair.admits(), "no connection left")
    await orders.undo("postgres.exhaust_connections", CLUSTER, None)
    until(pair.admits, "a connection")


async def test_only_tables_that_may_be_locked_are(orders: World, pair: Pair) -> None:
    """Another table, one that does not exist, and one that somebody else holds: refused, and nothing is left."""
    with pytest.raises(ApplicationError, match="may not be locked; name it under"):
        await orders.perform("postgres.lock", CLUSTER | {"table": "pg_authid"})
    cluster = pair.cluster(lockable=["orders", "nowhere"])
    orders.actions = orders.actions.model_copy(update={"postgres": {"orders": cluster}})
    with pytest.raises(ApplicationError, match="has no table nowhere"):
        await orders.perform("postgres.lock", CLUSTER | {"table": "nowhere"})
    assert pair.write(4)


async def test_a_cluster_without_a_primary_is_not_harmed_further(orders: World, pair: Pair) -> None:
    """Somebody's real outage: refused before anything is touched."""
    pair.crash("a")
    for name in ALL:
        with pytest.raises(ApplicationError, match=r"no running primary|no standby of orders streams"):
            await orders.perform(name, CLUSTER | more(name), key=name)
    assert (pair.role("a"), pair.role("b")) == ("down", "standby")
