"""Switches (HAProxy, nginx, Redis, flags): moved once per key, and back only from where they were moved to."""

import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from tests.support.action_world import KEY, World

OFF = {"provider": "shop", "flag": "new-checkout", "value": False}
WEB1 = {"target": "edge", "backend": "shop", "server": "web1"}


def journal(world: World, name: str) -> Path:
    """The file that remembers."""
    return Path(world.actions.journal_folder) / f"{name}.json"


async def test_the_worker_died_right_after_the_switch(world: World) -> None:
    """The journal knows what was before: the repetition keeps it, and so the undo brings back the right thing."""
    world.case("haproxy.weight")
    await world.perform("haproxy.weight", WEB1 | {"weight": 10})
    file = journal(world, "haproxy-edge")
    file.write_text(file.read_text().replace('"done": true', '"done": false'))
    world.ledger.leave_unsettled(KEY)
    again = await world.perform("haproxy.weight", WEB1 | {"weight": 10}, attempt=2)
    assert again.output["previous"] == 100
    await world.undo("haproxy.weight", WEB1 | {"weight": 10}, None)
    assert world.site.haproxy.weights["web1"] == 100


async def test_an_undo_does_not_trample_on_what_somebody_did_since(world: World) -> None:
    """A person has set another value meanwhile: the undo asks."""
    world.case("flag.set")
    done = await world.perform("flag.set", OFF)
    world.site.flags.value = "canary"
    with pytest.raises(ApplicationError, match="was moved on to 'canary'") as refused:
        await world.undo("flag.set", OFF, done.output)
    assert refused.value.type == "NeedsHuman"
    assert world.site.flags.value == "canary"


async def test_an_undo_on_another_machine_goes_by_the_output(world: World) -> None:
    """The journal is not there, the run's record is."""
    world.case("flag.set")
    done = await world.perform("flag.set", OFF)
    journal(world, "flag-shop-new-checkout").unlink()
    await world.undo("flag.set", OFF, done.output)
    assert world.site.flags.value is True


async def test_an_undo_that_knows_nothing_asks_instead_of_doing_nothing(world: World) -> None:
    """No journal, no output, and the switch is where the step wanted it: nobody here knows what was before."""
    world.case("flag.set")
    await world.perform("flag.set", OFF)
    journal(world, "flag-shop-new-checkout").unlink()
    with pytest.raises(ApplicationError, match="nobody here knows what it was before") as refused:
        await world.undo("flag.set", OFF, None)
    assert refused.value.type == "NeedsHuman"


async def test_what_is_so_already_is_not_set_again(world: World) -> None:
    """And its undo changes nothing either."""
    world.case("flag.set")
    done = await world.perform("flag.set", OFF | {"value": True})
    assert done.detail == "it was True already"
    await world.undo("flag.set", OFF | {"value": True}, done.output)
    assert world.site.flags.changes == []


async def test_true_is_not_one(world: World) -> None:
    """A flag's value is JSON: switching from true to 1 is a change."""
    world.case("flag.set")
    await world.perform("flag.set", OFF | {"value": 1})
    assert json.dumps(world.site.flags.value) == "1"


async def test_a_flag_that_somebody_sets_in_the_same_moment_is_read_again(world: World) -> None:
    """If-Match: nothing is overwritten unread; the next attempt sees the new value."""
    world.case("flag.set")
    world.site.flags.somebody_is_faster = True
    with pytest.raises(ApplicationError, match="somebody else has set the flag") as refused:
        await world.perform("flag.set", OFF)
    assert refused.value.type == "Transient"
    assert world.site.flags.changes == []
    world.site.flags.somebody_is_faster = False
    await world.perform("flag.set", OFF, attempt=2)
    assert world.site.flags.keys == [KEY]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (OFF | {"provider": "else"}, r"define it under actions\.flags"),
        (OFF | {"flag": "another"}, r"allow it under actions\.flags\.shop\.flags"),
        (OFF | {"flag": "../admin"}, "flag: String should match pattern"),
    ],
)
async def test_only_named_flags_are_set(world: World, parameters: dict[str, Any], message: str) -> None:
    """hotwash.yaml says which; a name cannot leave its place in the URL."""
    world.case("flag.set")
    with pytest.raises(ApplicationError, match=message):
        await world.perform("flag.set", parameters)
    assert world.site.flags.changes == []


async def test_a_haproxy_that_is_away_is_tried_again(world: World) -> None:
    """Nothing was changed, and the error says where it was looked for."""
    world.case("haproxy.drain")
    server = world.actions.haproxy["edge"].model_copy(update={"socket": "/no/such/socket"})
    world.actions = world.actions.model_copy(update={"haproxy": {"edge": server}})
    with pytest.raises(ApplicationError, match="/no/such/socket cannot be reached") as failed:
        await world.perform("haproxy.drain", WEB1)
    assert failed.value.type == "Transient"


async def test_two_steps_on_one_haproxy_do_not_undo_each_other(world: World) -> None:
    """Each key remembers its own step: weight and state of one server come back one by one."""
    world.case("haproxy.weight")
    await world.perform("haproxy.weight", WEB1 | {"weight": 10}, key="one")
    await world.perform("haproxy.drain", WEB1, key="two")
    await world.undo("haproxy.weight", WEB1 | {"weight": 10}, None, key="one")
    assert (world.site.haproxy.weights["web1"], world.site.haproxy.states["web1"]) == (100, "drain")
