"""`notify.post` says something through a channel of `hotwash.yaml`, once, and knows which channels can tell."""

import pytest
from temporalio.exceptions import ApplicationError

from tests.support.action_world import KEY, World

HELLO = {"channel": "chat", "text": "Rolling back\nshop to v1"}


async def test_a_post_carries_its_key_and_its_incident(world: World) -> None:
    """The far side can tell a repetition, and whether it is a drill; the first line is the subject."""
    await world.perform("notify.post", HELLO, run_id="inc-20261122-k7qd.mitigate.1")
    [message] = world.chat.arrived
    assert (message.key, message.subject, message.text) == (KEY, "Rolling back", HELLO["text"])
    assert message.payload == {
        "incident_id": "inc-20261122-k7qd",
        "run_id": "inc-20261122-k7qd.mitigate.1",
        "drill": True,
    }


async def test_a_channel_that_knows_no_keys_is_not_repeated_in_doubt(world: World) -> None:
    """Mail has no memory: a dead worker's post is unknown, and a person decides."""
    world.chat.honours_key = False
    await world.perform("notify.post", HELLO)
    world.ledger.leave_unsettled(KEY)
    with pytest.raises(ApplicationError) as refused:
        await world.perform("notify.post", HELLO, attempt=2)
    assert refused.value.type == "UnknownOutcome"
    assert len(world.chat.arrived) == 1


@pytest.mark.parametrize("parameters", [{"channel": "chta"}, {"text": ""}, {"text": "x" * 10_000}])
async def test_a_post_that_cannot_be_is_refused(world: World, parameters: dict[str, str]) -> None:
    """An unknown channel, nothing to say, too much to say: refused before anything is claimed."""
    with pytest.raises(ApplicationError) as refused:
        await world.perform("notify.post", HELLO | parameters)
    assert refused.value.type == "Rejected"
    assert world.chat.arrived == []
    assert world.ledger.outcomes == {}
