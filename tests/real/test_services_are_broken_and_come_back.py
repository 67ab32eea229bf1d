"""Faults of Redis, HAProxy, Alertmanager and of traffic, on the real ones: each shows, and ends without us."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.faults import FaultActivities
from domain.configuration import ActionSettings
from tests.support.action_world import KEY, TOKEN, World
from tests.support.doomed_worker import doomed
from tests.support.real_servers import Children, until
from tests.support.service_places import KINDS, Place, Places

pytestmark = pytest.mark.real
LONG = {"duration": "1m"}
BRIEF = {"duration": "1m", "lease": "3s"}
# Renewed many times in its length also where nobody has time.
RENEWED = {"duration": "1m", "lease": "8s"}


@pytest.fixture
def places(
    server_folder: Path, children: Children, free_port: Callable[[], int], needs: Callable[..., None]
) -> Iterator[Places]:
    """Servers for one test."""
    needs("redis-server", "haproxy", "prometheus-alertmanager")
    with ExitStack() as running:
        yield Places(server_folder, children, free_port, running)


def allow(world: World, place: Place) -> None:
    """Name the place in hotwash.yaml."""
    world.actions = ActionSettings.model_validate(world.actions.model_dump() | place.settings)


@pytest.mark.parametrize("name", sorted(KINDS))
async def test_a_fault_shows_and_is_undone(world: World, places: Places, name: str) -> None:
    """The check says what a client sees, before, while and after."""
    place = KINDS[name](places)
    allow(world, place)
    parameters = place.parameters | LONG
    await asyncio.to_thread(until, lambda: not place.shows(), "an answer")
    assert not (await world.check(name, parameters)).holds
    done = await world.perform(name, parameters)
    assert await asyncio.to_thread(place.shows)
    assert (await world.check(name, parameters)).holds
    await world.undo(name, parameters, done.output)
    await asyncio.to_thread(until, lambda: not place.shows(), f"the end of {name}")
    assert not (await world.check(name, parameters)).holds


@pytest.mark.parametrize("name", sorted(KINDS))
async def test_the_fault_of_a_worker_that_was_killed_ends_with_its_lease(
    world: World, places: Places, name: str
) -> None:
    """Kill -9 right after the injection; nobody renews, and the service is as it was."""
    place = KINDS[name](places)
    allow(world, place)
    secrets = {"env:TOKEN": TOKEN}
    await asyncio.to_thread(doomed, world.actions, name, place.parameters | BRIEF, KEY, secrets)
    await asyncio.to_thread(until, lambda: not place.shows(), f"the end of {name}")


@pytest.mark.parametrize("name", ["alerting.mute", "redis.pause", "tcp.blackhole"])
async def test_what_the_server_ends_by_itself_stays_while_it_is_renewed(
    world: World, places: Places, name: str
) -> None:
    """Renewed for longer than its lease it is there all the time; no longer renewed it goes."""
    place = KINDS[name](places)
    allow(world, place)
    await world.perform(name, place.parameters | RENEWED)
    faults = FaultActivities(world.registry, world.secrets)
    end = datetime.now(UTC) + timedelta(seconds=12)
    while datetime.now(UTC) < end:
        held = await ActivityEnvironment().run(faults.renew, world.request(name, place.parameters | RENEWED))
        assert held.state == "held"
        assert await asyncio.to_thread(place.shows)
    await asyncio.to_thread(until, lambda: not place.shows(), f"the end of {name}")
    state = await ActivityEnvironment().run(faults.renew, world.request(name, place.parameters | RENEWED))
    clean = await ActivityEnvironment().run(faults.is_clean, world.request(name, place.parameters | RENEWED))
    assert (state.state, clean.holds) == ("reverted", True)


async def test_a_muted_alert_reaches_nobody(world: World, places: Places) -> None:
    """It fires, Alertmanager keeps it, and the receiver hears of it only once the mute is undone."""
    place, receiver, fire = places.alertmanager()
    allow(world, place)
    parameters = place.parameters | LONG
    await world.perform(place.name, parameters)
    fire("ShopDown")
    fire("Other")
    await asyncio.to_thread(until, lambda: len(receiver.seen) == 1, "the other alert")
    assert "ShopDown" not in receiver.seen[0].body

    async def one_is_kept() -> bool:
        return "keeps 1 alerts from people" in (await world.check(place.name, parameters)).detail

    while not await one_is_kept():  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    assert len(receiver.seen) == 1
    await world.undo(place.name, parameters, None)
    await asyncio.to_thread(until, lambda: len(receiver.seen) == 2, "the alert that was muted")
    assert "ShopDown" in receiver.seen[1].body


async def test_a_redis_that_is_paused_whole_goes_on_within_five_seconds(world: World, places: Places) -> None:
    """Nobody can end that, so it may not be longer; the check sees it, and the undo waits for its end."""
    place = places.redis("all")
    allow(world, place)
    with pytest.raises(ApplicationError, match="'duration' is 5s at most"):
        await world.perform(place.name, place.parameters | {"duration": "6s"})
    parameters = place.parameters | {"duration": "4s"}
    await world.perform(place.name, parameters)
    assert place.shows()
    assert (await world.check(place.name, parameters)).holds
    await world.undo(place.name, parameters, None)
    assert not place.shows()


async def test_a_pause_of_somebody_else_is_not_ended(world: World, places: Places) -> None:
    """The undo of a fault that never came about leaves what others do alone; a second pause is refused."""
    place = places.redis()
    allow(world, place)
    await world.perform(place.name, place.parameters | LONG)
    await world.undo(place.name, place.parameters | LONG, None, key="another/undo")
    assert place.shows()
    with pytest.raises(ApplicationError, match="keeps its clients waiting already"):
        await world.perform(place.name, place.parameters | LONG, key="another too")


async def test_a_proxy_that_is_not_there_is_said_so(world: World, places: Places) -> None:
    """Before anything is touched, with the command that starts it."""
    place, proxied = places.proxy("tcp.reset")
    allow(world, place)
    proxied.kill()
    with pytest.raises(ApplicationError, match=r"start it with 'hotwash fault-proxy' 'db' under a supervisor"):
        await world.perform(place.name, place.parameters | LONG)


async def test_a_proxy_that_nobody_uses_shows_nothing(world: World, places: Places) -> None:
    """In force and not felt: the check cannot tell, so a drill would be inconclusive and never passed."""
    place, _ = places.proxy("tcp.blackhole")
    allow(world, place)
    await world.perform(place.name, place.parameters | LONG)
    found = await world.check(place.name, place.parameters | LONG)
    assert found.holds is None
    assert "nothing has come through db since" in found.detail
    threads = [threading.Thread(target=place.shows)]
    for thread in threads:
        thread.start()
    assert (await world.check(place.name, place.parameters | LONG)).holds
    for thread in threads:
        thread.join()


async def test_the_fault_of_a_proxy_that_died_ends_with_it(world: World, places: Places) -> None:
    """There is nothing to take back; the undo says so, and does not wait for a proxy that may never come."""
    place, proxied = places.proxy("tcp.blackhole")
    allow(world, place)
    done = await world.perform(place.name, place.parameters | LONG)
    proxied.kill()
    await world.undo(place.name, place.parameters | LONG, done.output)
