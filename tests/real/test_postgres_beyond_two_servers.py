"""Three real PostgreSQL servers, and servers that are only reached through a real sshd."""

import getpass
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.clients.site import site_ports
from tests.support.action_world import World
from tests.support.ports import a_free_port
from tests.support.postgres_pair import PASSWORD, Pair, newest_bin
from tests.support.real_servers import Children, a_folder, until
from tests.support.ssh_server import SshServer

pytestmark = pytest.mark.real
ORDERS = {"cluster": "orders"}


@pytest.fixture(scope="module")
def template(server_user: Sequence[str]) -> Iterator[Pair | None]:
    """A stopped primary and two stopped standbys; None without PostgreSQL."""
    binaries = newest_bin()
    if binaries is None:
        yield None
        return
    with a_folder(server_user) as folder:
        three = Pair(folder, server_user, (a_free_port(), a_free_port(), a_free_port()), binaries)
        three.make()
        yield three


@pytest.fixture
def three(template: Pair | None, server_user: Sequence[str], server_folder: Path) -> Iterator[Pair]:
    """A primary with three orders, and two standbys."""
    if template is None:
        pytest.skip("needs postgresql: make test-real as root installs it")
    ports = (a_free_port(), a_free_port(), a_free_port())
    three = Pair(server_folder, server_user, ports, template.binaries)
    three.copy_of(template)
    for value in (1, 2, 3):
        assert three.write(value)
    yield three
    three.close()


@pytest.fixture
def orders(world: World, three: Pair) -> World:
    """A worker whose hotwash.yaml names the three."""
    world.secrets.values["env:PG"] = PASSWORD
    world.actions = world.actions.model_copy(update={"postgres": {"orders": three.cluster()}})
    clusters = site_ports(world.programs, world.http).clusters
    for name in ("postgres.failover", "postgres.rejoin"):
        world.registry.get(name)._clusters = clusters
    return world


async def test_the_other_standby_follows_the_new_primary(orders: World, three: Pair) -> None:
    """It keeps its place by a slot, which the new primary has to be given; what is written then reaches it."""
    done = await orders.perform("postgres.failover", {**ORDERS, "to": "b"})
    assert (done.output["current"], done.output["following"], done.output["left_behind"]) == ("b", ["c"], [])
    assert three.streams("c")
    assert three.write(4)
    until(lambda: three.orders("c") == [1, 2, 3, 4], "replication to the other standby")
    assert three.sql("b", "select active from pg_replication_slots where slot_name = 'place_of_c'") == "t"


async def test_undo_puts_all_three_back(orders: World, three: Pair) -> None:
    """The old primary rejoins, catches up and is promoted; both others follow it, and no order is lost."""
    done = await orders.perform("postgres.failover", {**ORDERS, "to": "b"})
    assert three.write(4)
    await orders.undo("postgres.failover", {**ORDERS, "to": "b"}, done.output)
    assert [three.role(name) for name in "abc"] == ["primary", "standby", "standby"]
    assert three.write(5)
    for name in "bc":
        until(lambda name=name: three.orders(name) == [1, 2, 3, 4, 5], f"replication to {name}")


async def test_the_standby_that_has_received_most_is_promoted(orders: World, three: Pair) -> None:
    """`c` is cut off and misses an order; `b` has it. Nobody was named, and nothing is lost."""
    three.sql("c", "alter system set primary_conninfo = 'host=127.0.0.1 port=1'")
    three.sql("c", "select pg_reload_conf()")
    until(lambda: not three.streams("c"), "the cut of c")
    assert three.write(4)
    until(lambda: three.orders("b") == [1, 2, 3, 4], "replication to b")
    three.crash("a")
    done = await orders.perform("postgres.failover", ORDERS)
    assert done.output["current"] == "b"
    assert done.output["loss"]["transactions"] == 0
    until(lambda: three.orders("c") == [1, 2, 3, 4], "what c had missed")


async def test_a_stopped_standby_is_named_as_left_behind(orders: World, three: Pair) -> None:
    """The failover does not wait for it, and says that somebody has to look."""
    three.crash("c")
    done = await orders.perform("postgres.failover", ORDERS)
    assert (done.output["following"], done.output["left_behind"]) == ([], ["c"])
    assert "c must be made to follow it" in done.detail


@pytest.fixture
def sshd(
    needs: Callable[..., None], children: Children, tmp_path: Path, server_folder: Path, server_user: Sequence[str]
) -> SshServer:
    """A way to the servers' user that carries no environment of ours; the password lies there, as it must."""
    needs("ssh", "/usr/sbin/sshd")
    passwords = server_folder / "pgpass"
    passwords.write_text(f"*:*:*:*:{PASSWORD}\n")
    login = "postgres" if server_user else getpass.getuser()
    passwords.chmod(0o600)
    if server_user:
        shutil.chown(passwords, "postgres")
    server = SshServer(server_folder, tmp_path, server_user)
    server.start(children, login, f"SetEnv PGPASSFILE={passwords}")
    return server


async def test_servers_behind_ssh_fail_over_and_rejoin(orders: World, three: Pair, sshd: SshServer) -> None:
    """Fence, measure, promote and rewind go through a shell on the other side; the password does not."""
    remote = three.cluster({name: sshd.via(name) for name in "abc"})
    orders.actions = orders.actions.model_copy(update={"postgres": {"orders": remote}})
    until(lambda: three.orders("b") == [1, 2, 3], "replication")
    three.crash("a")
    done = await orders.perform("postgres.failover", {**ORDERS, "to": "b"})
    assert (done.output["fenced"], done.output["loss"]["transactions"]) == (True, 0)
    assert three.write(4)
    rejoined = await orders.perform("postgres.rejoin", {**ORDERS, "node": "a"}, key="rejoin")
    assert rejoined.output == {"node": "a", "primary": "b", "method": "rewind"}
    until(lambda: three.orders("a") == [1, 2, 3, 4], "replication back")


async def test_a_server_behind_ssh_rejoins_by_a_base_backup(orders: World, three: Pair, sshd: SshServer) -> None:
    """A copy of everything, which takes a password on the other side too."""
    remote = three.cluster({name: sshd.via(name) for name in "abc"})
    orders.actions = orders.actions.model_copy(update={"postgres": {"orders": remote}})
    await orders.perform("postgres.failover", {**ORDERS, "to": "b"})
    await orders.perform("postgres.rejoin", {**ORDERS, "node": "a", "method": "basebackup"}, key="rejoin")
    assert three.streams("a")


async def test_a_primary_whose_host_is_away_is_not_replaced(orders: World, three: Pair, sshd: SshServer) -> None:
    """Neither the server nor its ssh answers: nobody can fence it or read its disk, and it may be alive. A refusal."""
    remote = three.cluster({name: sshd.via(name) for name in "abc"})
    orders.actions = orders.actions.model_copy(update={"postgres": {"orders": remote}})
    three.crash("a")
    sshd.kill()
    with pytest.raises(ApplicationError, match="b is not promoted: nobody knows what would be lost") as refused:
        await orders.perform("postgres.failover", {**ORDERS, "to": "b"})
    assert refused.value.type == "Rejected"
    assert three.role("b") == "standby"
