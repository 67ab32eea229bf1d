"""`postgres.failover` and `postgres.rejoin` on a real primary with a real streaming standby: nothing is lost unseen."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.clients.site import site_ports
from tests.support.action_world import KEY, World
from tests.support.ports import a_free_port
from tests.support.postgres_pair import PASSWORD, Pair
from tests.support.real_servers import until

pytestmark = pytest.mark.real
ORDERS = {"cluster": "orders"}


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
    world.secrets.values["env:PG"] = PASSWORD
    world.actions = world.actions.model_copy(update={"postgres": {"orders": pair.cluster()}})
    clusters = site_ports(world.programs, world.http).clusters
    for name in ("postgres.failover", "postgres.rejoin"):
        world.registry.get(name)._clusters = clusters
    return world


async def test_a_planned_failover_loses_nothing_and_fences_the_old_primary(orders: World, pair: Pair) -> None:
    """Clients write on without an order lost, and who starts the old primary gets a server that takes no writes."""
    done = await orders.perform("postgres.failover", ORDERS)
    assert (done.output["previous"], done.output["current"], done.output["fenced"]) == ("a", "b", True)
    assert done.output["loss"]["transactions"] == 0
    assert (pair.role("a"), pair.role("b")) == ("down", "primary")
    assert pair.write(4)
    assert pair.orders("b") == [1, 2, 3, 4]
    pair.start("a")
    assert pair.role("a") == "standby"
    assert not pair.sql("a", "insert into orders values (99) returning id")


async def test_a_crashed_primary_is_replaced_and_its_wal_says_that_nothing_is_lost(orders: World, pair: Pair) -> None:
    """The loss is measured on its disk, for nobody can ask it."""
    until(lambda: pair.orders("b") == [1, 2, 3], "replication")
    pair.crash("a")
    done = await orders.perform("postgres.failover", ORDERS)
    assert done.output["loss"]["transactions"] == 0
    assert pair.write(4)
    assert pair.orders("b") == [1, 2, 3, 4]


async def test_a_lagging_standby_is_not_promoted_and_the_primary_goes_on(orders: World, pair: Pair) -> None:
    """The primary runs: the step may try again once the standby has caught up. Nothing was touched."""
    pair.cut("a")
    assert pair.write(4)
    with pytest.raises(ApplicationError, match=r"b is not promoted: \d+ bytes would be lost") as refused:
        await orders.perform("postgres.failover", ORDERS)
    assert refused.value.type == "Transient"
    assert (pair.role("a"), pair.role("b")) == ("primary", "standby")
    assert pair.write(5)


async def test_a_loss_beyond_the_rpo_is_counted_and_refused(orders: World, pair: Pair) -> None:
    """The primary lagged and crashed: its WAL tells how many orders would be gone, and a person decides."""
    pair.cut("a")
    assert all(pair.write(value) for value in (4, 5))
    pair.crash("a")
    with pytest.raises(ApplicationError, match="with 2 committed transactions would be lost") as refused:
        await orders.perform("postgres.failover", ORDERS)
    assert refused.value.type == "Rejected"
    assert pair.role("b") == "standby"
    pair.start("a")
    assert pair.role("a") == "primary"
    assert pair.orders("a") == [1, 2, 3, 4, 5]


async def test_a_loss_within_the_rpo_is_taken_and_said(orders: World, pair: Pair) -> None:
    """hotwash.yaml allows a megabyte: the timeline says what was lost."""
    orders.actions = orders.actions.model_copy(update={"postgres": {"orders": pair.cluster(rpo_bytes=1_000_000)}})
    pair.cut("a")
    assert pair.write(4)
    pair.crash("a")
    done = await orders.perform("postgres.failover", ORDERS)
    assert done.output["loss"]["transactions"] == 1
    assert "bytes with 1 committed transactions are lost" in done.detail
    assert pair.orders("b") == [1, 2, 3]


async def test_the_old_primary_rejoins_by_rewinding(orders: World, pair: Pair) -> None:
    """What it had written and nobody received is gone; it streams, on its own port, and can be promoted again."""
    orders.actions = orders.actions.model_copy(update={"postgres": {"orders": pair.cluster(rpo_bytes=1_000_000)}})
    pair.cut("a")
    assert pair.write(4)
    pair.crash("a")
    await orders.perform("postgres.failover", ORDERS)
    assert pair.write(5)
    done = await orders.perform("postgres.rejoin", {**ORDERS, "node": "a"}, key="rejoin")
    assert done.output == {"node": "a", "primary": "b", "method": "rewind"}
    assert pair.streams("a")
    until(lambda: pair.orders("a") == [1, 2, 3, 5], "replication back")
    again = await orders.perform("postgres.rejoin", {**ORDERS, "node": "a"}, key="again")
    assert again.output["method"] is None


async def test_a_server_rejoins_by_a_base_backup(orders: World, pair: Pair) -> None:
    """The old data folder stays beside the new one."""
    await orders.perform("postgres.failover", ORDERS)
    await orders.perform("postgres.rejoin", {**ORDERS, "node": "a", "method": "basebackup"}, key="rejoin")
    assert pair.streams("a")
    assert list(pair.folder.glob("a.before-*"))


async def test_undo_brings_the_old_primary_back_without_losing_what_came_since(orders: World, pair: Pair) -> None:
    """It is rejoined, catches up and is promoted; the other one is its standby again, as before. Twice is once."""
    done = await orders.perform("postgres.failover", ORDERS)
    assert pair.write(4)
    first = await orders.undo("postgres.failover", ORDERS, done.output)
    assert (pair.role("a"), pair.role("b")) == ("primary", "standby")
    assert pair.write(5)
    until(lambda: pair.orders("b") == [1, 2, 3, 4, 5], "replication as before")
    orders.ledger.leave_unsettled(f"{KEY}/undo")
    assert (await orders.undo("postgres.failover", ORDERS, None)).output == first.output


async def test_the_worker_died_between_the_promotion_and_telling_clients(orders: World, pair: Pair) -> None:
    """The next attempt promotes nobody; it tells clients, which is what was missing."""
    broken = pair.cluster(address_file="/no/such/folder/primary")
    orders.actions = orders.actions.model_copy(update={"postgres": {"orders": broken}})
    with pytest.raises(ApplicationError, match="cannot be written"):
        await orders.perform("postgres.failover", ORDERS)
    assert pair.role("b") == "primary"
    assert (await orders.check("postgres.failover", ORDERS)).holds is False
    orders.actions = orders.actions.model_copy(update={"postgres": {"orders": pair.cluster()}})
    done = await orders.perform("postgres.failover", ORDERS, attempt=2)
    assert (done.output["previous"], done.output["current"]) == ("a", "b")
    assert pair.write(4)


async def test_the_password_stands_in_no_argv_and_no_answer(orders: World, pair: Pair) -> None:
    """It travels in the environment and in the protocol."""
    told: list[Any] = []
    run = orders.programs.run

    async def watched(program: Any) -> Any:
        told.extend(program.argv)
        return await run(program)

    orders.programs.run = watched
    done = await orders.perform("postgres.failover", ORDERS)
    assert pair.role("b") == "primary"
    told.append(done.model_dump_json())
    assert len(told) > 5
    assert PASSWORD not in " ".join(told)
