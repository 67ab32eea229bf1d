"""Whom a Redis server replicates, measured before it is changed. Called through `Switches`.

The one thing to know: loss is the distance between what the primary has written and what the replica has received, in
bytes of the replication stream; when the primary cannot be asked, nobody knows it.
"""

from typing_extensions import override

from activities.actions.switches import Change, RedisPlace
from activities.clients.resp import redis_connection
from activities.clients.switchboard import Setting, Written
from domain.action_targets import RedisServer
from domain.errors import NeedsHuman, Rejected, RejectionKind, Transient


class RedisSetting(Setting):
    """`HOST:PORT` of the primary, or empty."""

    def __init__(self, place: RedisPlace) -> None:
        self._place = place
        self._server = place.servers[place.name]

    @override
    async def read(self) -> str:
        return _primary_of(await self._replication(self._server))

    @override
    async def write(self, value: str, undone: Change[str] | None) -> Written:
        now = await self._replication(self._server)
        if value:
            await self._follow(value, now, undone)
            return Written()
        note = "" if not _primary_of(now) else await self._demand_little_loss(now)
        await self._tell("NO", "ONE")
        return Written(note=note, mark=(await self._replication(self._server))["master_repl_offset"])

    async def _follow(self, primary: str, now: dict[str, str], undone: Change[str] | None) -> None:
        """Become a replica again; what was written since would be gone."""
        host, _, port = primary.rpartition(":")
        if not _primary_of(now) and not self._place.discard_writes:
            if undone is None or not undone.mark:
                raise NeedsHuman(
                    f"nobody knows what was written to {self._place.name} since it was promoted, and following "
                    f"{primary} would throw it away; set discard_writes or decide"
                )
            since = int(now["master_repl_offset"]) - int(undone.mark)
            if since > 0:
                raise NeedsHuman(
                    f"{since} bytes were written to {self._place.name} since it was promoted, and following {primary} "
                    "would throw them away; set discard_writes or decide"
                )
        await self._tell(host, port)

    async def _demand_little_loss(self, now: dict[str, str]) -> str:
        """Refuse to promote when more would be lost than allowed; says what was measured."""
        primary = _primary_of(now)
        received = int(now.get("slave_repl_offset", "0"))
        try:
            written = int((await self._replication(self._named(primary)))["master_repl_offset"])
        except Transient as error:
            if self._place.accept_unknown_loss:
                return f"what was lost is unknown, for {error.sentence}"
            raise Rejected(
                f"nobody knows what promoting {self._place.name} would lose, for {error.sentence}; "
                "set accept_unknown_loss if that is to be risked",
                RejectionKind.CONFLICT,
            ) from None
        loss = max(0, written - received)
        allowed = self._server.rpo_bytes
        if loss > allowed:
            raise Transient(
                f"promoting {self._place.name} would lose {loss} bytes, and its rpo_bytes allow {allowed}; "
                "let it catch up, or fence its primary first"
            )
        return f"{loss} bytes behind"

    def _named(self, primary: str) -> RedisServer:
        for server in self._place.servers.values():
            if f"{server.host}:{server.port}" == primary:
                return server
        raise Transient(f"its primary {primary} is not named under actions.redis")

    async def _replication(self, server: RedisServer) -> dict[str, str]:
        async with redis_connection(server, self._place.password(server)) as connection:
            text = await connection.ask("INFO", "replication")
        pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
        return {name: value.strip() for name, value in pairs}

    async def _tell(self, host: str, port: str) -> None:
        async with redis_connection(self._server, self._place.password(self._server)) as connection:
            await connection.ask("REPLICAOF", host, port)


def _primary_of(replication: dict[str, str]) -> str:
    if replication.get("role") == "master":
        return ""
    return f"{replication['master_host']}:{replication['master_port']}"
