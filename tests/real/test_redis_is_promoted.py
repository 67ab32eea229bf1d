"""`redis.promote` on a real primary with a real replica: the lag is measured, and undo throws nothing away unasked."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.clients.resp import redis_connection
from domain.action_targets import RedisServer
from domain.configuration import ActionSettings
from tests.support.action_world import KEY, TOKEN, World
from tests.support.real_servers import Children, listens, until

pytestmark = pytest.mark.real
B: dict[str, Any] = {"target": "b"}


class Sessions:
    """Two servers, `b` a replica of `a`."""

    def __init__(self, world: World, folder: Path, children: Children, ports: tuple[int, int]) -> None:
        self.world = world
        self.ports = dict(zip("ab", ports, strict=True))
        self.processes: dict[str, Any] = {}
        secret = ["--requirepass", TOKEN, "--masterauth", TOKEN]
        for name, port in self.ports.items():
            home = folder / name
            home.mkdir()
            argv = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", home, "--save", "", *secret]
            # A ping is replicated like a write: it would be bytes that the replica is behind by, or has written.
            argv += ["--repl-ping-replica-period", "3600", "--repl-timeout", "7200"]
            replica = ["--replicaof", "127.0.0.1", ports[0]] if name == "b" else []
            self.processes[name] = children.start([*argv, *replica], folder / f"{name}.log")
            until(lambda port=port: listens(port), f"the start of {name}")
        servers = {
            name: {"host": "127.0.0.1", "port": port, "password": "env:TOKEN"} for name, port in self.ports.items()
        }
        world.actions = ActionSettings.model_validate(world.actions.model_dump() | {"redis": servers})

    async def ask(self, name: str, *words: str) -> str:
        """A client's command."""
        server = RedisServer(host="127.0.0.1", port=self.ports[name])
        async with redis_connection(server, TOKEN) as connection:
            return await connection.ask(*words)

    async def replicates(self) -> None:
        """Wait until the replica has what the primary has."""
        while "master_link_status:up" not in await self.ask("b", "INFO", "replication"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        while await self.ask("b", "DBSIZE") != await self.ask("a", "DBSIZE"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.fixture
def sessions(
    world: World, tmp_path: Path, children: Children, free_port: Callable[[], int], needs: Callable[..., None]
) -> Sessions:
    """A primary and its replica."""
    needs("redis-server")
    folder = tmp_path / "redis"
    folder.mkdir()
    return Sessions(world, folder, children, (free_port(), free_port()))


async def test_a_replica_becomes_the_primary_and_a_replica_again(sessions: Sessions) -> None:
    """Promoted it takes writes; undone it follows its old primary."""
    await sessions.ask("a", "SET", "cart", "1")
    await sessions.replicates()
    done = await sessions.world.perform("redis.promote", B)
    assert done.detail == f"it is the primary, it was a replica of 127.0.0.1:{sessions.ports['a']}; 0 bytes behind"
    assert "role:master" in await sessions.ask("b", "INFO", "replication")
    await sessions.world.undo("redis.promote", B, done.output)
    assert "role:slave" in await sessions.ask("b", "INFO", "replication")


async def test_undo_does_not_throw_writes_away_unasked(sessions: Sessions) -> None:
    """A write since the promotion would be gone: a person decides, or the runbook has said so."""
    await sessions.replicates()
    done = await sessions.world.perform("redis.promote", B)
    await sessions.ask("b", "SET", "cart", "2")
    with pytest.raises(ApplicationError, match=r"\d+ bytes were written to b since") as refused:
        await sessions.world.undo("redis.promote", B, done.output)
    assert refused.value.type == "NeedsHuman"
    assert "role:master" in await sessions.ask("b", "INFO", "replication")
    sessions.world.ledger.outcomes.clear()
    await sessions.world.undo("redis.promote", B | {"discard_writes": True}, done.output)
    assert "role:slave" in await sessions.ask("b", "INFO", "replication")


async def test_a_dead_primary_makes_the_loss_unknown(sessions: Sessions) -> None:
    """Redis replicates after it has answered: nobody can tell what the primary had last."""
    await sessions.replicates()
    sessions.processes["a"].kill()
    sessions.processes["a"].wait()
    with pytest.raises(ApplicationError, match="set accept_unknown_loss") as refused:
        await sessions.world.perform("redis.promote", B)
    assert refused.value.type == "Rejected"
    done = await sessions.world.perform("redis.promote", B | {"accept_unknown_loss": True}, key="accepted")
    assert "what was lost is unknown" in done.detail
    assert await sessions.ask("b", "SET", "cart", "3") == "OK"


async def test_a_replica_that_lags_is_not_promoted(sessions: Sessions) -> None:
    """It was let in no more, and the primary went on: the bytes are counted and the primary stays."""
    await sessions.replicates()
    await sessions.ask("b", "CONFIG", "SET", "masterauth", "wrong")
    await sessions.ask("a", "CLIENT", "KILL", "TYPE", "replica")
    await sessions.ask("a", "SET", "cart", "x" * 1000)
    with pytest.raises(ApplicationError, match=r"promoting b would lose \d{4} bytes") as refused:
        await sessions.world.perform("redis.promote", B)
    assert refused.value.type == "Transient"
    assert "role:slave" in await sessions.ask("b", "INFO", "replication")


async def test_a_wrong_password_is_refused_without_being_told(sessions: Sessions) -> None:
    """It is mended in hotwash.yaml."""
    sessions.world.secrets.values["env:TOKEN"] = "not-the-password"
    with pytest.raises(ApplicationError, match="refused AUTH: WRONGPASS") as refused:
        await sessions.world.perform("redis.promote", B)
    assert refused.value.type == "Rejected"
    assert "not-the-password" not in refused.value.message
    assert (await sessions.world.check("redis.promote", B, key=KEY)).holds is False
