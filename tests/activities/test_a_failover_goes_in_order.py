"""The order of a failover: measure, fence, measure again, promote, re-point; and what is taken back when it stops."""

from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.actions.postgres import Loss, too_much
from tests.support.action_world import KEY, World
from tests.support.little_cluster import LittleCluster, LittleNode

ORDERS: dict[str, Any] = {"cluster": "orders"}


@pytest.fixture
def cluster(world: World) -> LittleCluster:
    """`a` is the primary of `b`."""
    world.case("postgres.failover")
    return world.site.cluster


def address(world: World) -> str | None:
    """Where clients are sent."""
    file = Path(world.actions.postgres["orders"].address_file or "")
    return file.read_text().strip() if file.exists() else None


@pytest.mark.parametrize(
    ("loss", "accept_unknown", "refused"),
    [
        (Loss(bytes=0, measured="x"), False, False),
        (Loss(bytes=100, measured="x"), False, False),
        (Loss(bytes=101, measured="x"), False, True),
        (Loss(bytes=101, transactions=1, measured="x"), True, True),
        (Loss(bytes=10_000, transactions=0, measured="x"), False, False),
        (Loss(bytes=None, measured="x"), False, True),
        (Loss(bytes=None, measured="x"), True, False),
    ],
)
def test_only_a_loss_within_the_rpo_is_taken(loss: Loss, accept_unknown: bool, refused: bool) -> None:
    """WAL without a commit is no loss; accepting the unknown does not accept the known."""
    assert (too_much(loss, 100, accept_unknown=accept_unknown) is not None) is refused


async def test_the_old_primary_is_fenced_before_the_new_one_is_promoted(world: World, cluster: LittleCluster) -> None:
    """And clients are told last."""
    await world.perform("postgres.failover", ORDERS)
    assert cluster.log == ["fence a", "promote b"]
    assert address(world) == "b:5432"


async def test_what_cannot_be_fenced_is_not_replaced(world: World, cluster: LittleCluster) -> None:
    """Two primaries are worse than none; a runbook that takes the risk says so where approvers read it."""
    cluster.nodes["a"].fails.add("fence")
    with pytest.raises(ApplicationError, match="a cannot be fenced, so b is not promoted"):
        await world.perform("postgres.failover", ORDERS)
    assert cluster.roles() == {"a": "primary", "b": "standby"}
    done = await world.perform("postgres.failover", ORDERS | {"without_fence": True}, key="risky")
    assert done.output["fenced"] is False
    assert "a is NOT fenced" in done.detail


async def test_a_loss_that_shows_after_the_fence_brings_the_old_primary_back(
    world: World, cluster: LittleCluster
) -> None:
    """Its last moments were not received: it is started again, and nothing has changed."""
    cluster.nodes["a"].commits = 3

    async def write_on(seconds: float, fence: Any = cluster.nodes["a"].fence) -> None:
        cluster.nodes["a"].lsn += 500
        await fence(seconds)

    cluster.nodes["a"].fence = write_on  # type: ignore[method-assign]
    with pytest.raises(ApplicationError, match="500 bytes with 3 committed transactions would be lost") as refused:
        await world.perform("postgres.failover", ORDERS)
    assert refused.value.type == "Rejected"
    assert cluster.log == ["fence a", "unfence a"]
    assert cluster.roles() == {"a": "primary", "b": "standby"}
    assert address(world) is None


async def test_a_promotion_that_fails_is_tried_again_behind_the_fence(world: World, cluster: LittleCluster) -> None:
    """The next attempt carries on; the old primary is not fenced a second time for nothing."""
    cluster.nodes["b"].fails.add("promote")
    with pytest.raises(ApplicationError, match="b does not promote"):
        await world.perform("postgres.failover", ORDERS)
    assert cluster.roles() == {"a": "stopped standby", "b": "standby"}
    cluster.nodes["b"].fails.clear()
    done = await world.perform("postgres.failover", ORDERS, attempt=2)
    assert (done.output["previous"], done.output["current"]) == ("a", "b")
    assert cluster.promoted == ["b"]


async def test_undoing_a_failover_that_was_given_up_starts_the_old_primary(
    world: World, cluster: LittleCluster
) -> None:
    """Fenced and never promoted: taking the fence away is all there is to undo."""
    cluster.nodes["b"].fails.add("promote")
    with pytest.raises(ApplicationError):
        await world.perform("postgres.failover", ORDERS)
    await world.undo("postgres.failover", ORDERS, None)
    assert cluster.roles() == {"a": "primary", "b": "standby"}
    assert cluster.promoted == []


async def test_two_primaries_are_left_to_a_person(world: World, cluster: LittleCluster) -> None:
    """A machine that chose one would throw the other's writes away."""
    cluster.nodes["b"].role = "primary"
    with pytest.raises(ApplicationError, match="2 primaries") as refused:
        await world.perform("postgres.failover", ORDERS)
    assert refused.value.type == "NeedsHuman"
    assert cluster.log == []


async def test_an_unreachable_primary_is_not_replaced_unless_both_risks_are_taken(
    world: World, cluster: LittleCluster
) -> None:
    """Nobody knows what it has written and nobody can stop it: the runbook must accept the one and the other."""
    cluster.nodes["a"].role, cluster.nodes["a"].commits = "lost", None
    cluster.nodes["a"].fails.add("fence")
    for wish in ({}, {"accept_unknown_loss": True}, {"without_fence": True}):
        with pytest.raises(ApplicationError):
            await world.perform("postgres.failover", ORDERS | wish, key=f"{KEY}{wish}")
    done = await world.perform("postgres.failover", ORDERS | {"accept_unknown_loss": True, "without_fence": True})
    assert cluster.promoted == ["b"]
    assert "what is lost is unknown" in done.detail


async def test_the_standby_that_has_received_most_is_promoted_and_the_others_follow(
    world: World, cluster: LittleCluster
) -> None:
    """Who does not follow is named, for a person to look after."""
    cluster.nodes["c"] = LittleNode(cluster, "c", "standby", lsn=200)
    cluster.nodes["a"].lsn = 200
    cluster.nodes["b"].fails.add("follow")
    world.actions = world.actions.model_copy(
        update={"postgres": {"orders": type(world.actions.postgres["orders"]).model_validate(_three(world))}}
    )
    done = await world.perform("postgres.failover", ORDERS)
    assert (done.output["current"], done.output["left_behind"]) == ("c", ["b"])
    assert "b must be made to follow it" in done.detail


async def test_only_a_running_standby_is_promoted(world: World, cluster: LittleCluster) -> None:
    """Not one that is stopped, and not one that hotwash.yaml does not name."""
    cluster.nodes["b"].role = "stopped standby"
    with pytest.raises(ApplicationError, match="no running standby"):
        await world.perform("postgres.failover", ORDERS)
    with pytest.raises(ApplicationError, match="has no node 'z'"):
        await world.perform("postgres.failover", ORDERS | {"to": "z"}, key="another")


def _three(world: World) -> dict[str, Any]:
    cluster = world.actions.postgres["orders"].model_dump()
    node = cluster["nodes"]["a"]
    return cluster | {"nodes": {name: node | {"host": name} for name in "abc"}}
