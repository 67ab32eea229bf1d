"""HAProxy's runtime API: one command per connection, read until it hangs up.

Called through `Switches`. The columns of `show servers state` are looked up by their names in the answer's own head
line, which is the same from HAProxy 1.6 on.
"""

import asyncio
from pathlib import Path

from typing_extensions import override

from activities.actions.switches import Change, HaproxyStatePlace, HaproxyWeightPlace
from activities.clients.journal import write_durably
from activities.clients.switchboard import Setting, Written
from domain.action_targets import HaproxyServer
from domain.errors import Rejected, RejectionKind, Transient

# The runtime API answers from memory; one that takes longer is stuck.
_ANSWER_SECONDS = 5.0
_MOST_BYTES = 4 * 1024 * 1024
# SRV_ADMF_* of HAProxy: set by hand, as opposed to inherited or configured.
_FORCED_MAINT, _FORCED_DRAIN = 0x01, 0x08
_FORGETS = "it is lost when HAProxy reloads, for actions.haproxy names no state_file"
# How HAProxy begins a refusal that better rights would cure.
_NO_RIGHT = ("Permission denied",)


class _OnServer(Setting):
    """What both settings have in common."""

    def __init__(self, place: HaproxyWeightPlace | HaproxyStatePlace) -> None:
        self._place = place
        self._api = RuntimeApi(place.server)

    async def _row(self) -> dict[str, str]:
        return await self._api.server(self._place.backend, self._place.name)

    async def _set(self, what: str) -> Written:
        await self._api.tell(f"set server {self._place.backend}/{self._place.name} {what}")
        return Written(note=await self._api.keep())


class HaproxyWeightSetting(_OnServer):
    """How much traffic a server gets."""

    @override
    async def read(self) -> int:
        return int((await self._row())["srv_uweight"])

    @override
    async def write(self, value: int, undone: Change[int] | None) -> Written:
        return await self._set(f"weight {value}")


class HaproxyStateSetting(_OnServer):
    """Whether a server gets traffic."""

    @override
    async def read(self) -> str:
        return _state_of(await self._row())

    @override
    async def write(self, value: str, undone: Change[str] | None) -> Written:
        return await self._set(f"state {value}")


class HaproxyTraffic:
    """Implements `TrafficControl`, for drills: what it does is not written into the state file."""

    async def state(self, haproxy: HaproxyServer, backend: str, server: str) -> str:
        """Ask, as `TrafficControl` promises."""
        return _state_of(await RuntimeApi(haproxy).server(backend, server))

    async def take_down(self, haproxy: HaproxyServer, backend: str, server: str) -> None:
        """Tell it, as `TrafficControl` promises."""
        api = RuntimeApi(haproxy)
        await api.tell(f"set server {backend}/{server} state maint")
        await api.tell(f"shutdown sessions server {backend}/{server}")

    async def others_up(self, haproxy: HaproxyServer, backend: str, server: str) -> int:
        """Count them, as `TrafficControl` promises."""
        rows = await RuntimeApi(haproxy).servers(backend)
        return sum(row["srv_name"] != server and _state_of(row) == "ready" for row in rows)


class RuntimeApi:
    """One HAProxy."""

    def __init__(self, server: HaproxyServer) -> None:
        self._server = server

    async def server(self, backend: str, name: str) -> dict[str, str]:
        """A server's line of `show servers state`; Rejected when there is none."""
        for row in await self.servers(backend):
            if row.get("srv_name") == name:
                return row
        raise Rejected(f"HAProxy has no server {name!r} behind {backend!r}", RejectionKind.NOT_FOUND)

    async def servers(self, backend: str) -> list[dict[str, str]]:
        """The lines of a backend's servers; Rejected when there is no such backend."""
        answer = await self.ask(f"show servers state {backend}")
        if answer.startswith("Can't find backend"):
            raise Rejected(f"HAProxy has no backend {backend!r}", RejectionKind.NOT_FOUND)
        lines = [line.removeprefix("# ").split() for line in answer.splitlines()]
        head = next((line for line in lines if "srv_name" in line), None)
        if head is None:
            raise _refused(answer)
        rows = (dict(zip(head, line, strict=False)) for line in lines if line is not head)
        return [row for row in rows if row.get("be_name") == backend]

    async def tell(self, command: str) -> None:
        """A command that answers nothing when all is well."""
        answer = (await self.ask(command)).strip()
        if answer:
            raise _refused(answer)

    async def keep(self) -> str:
        """Write the state file that HAProxy loads when it reloads; says so, or that there is none."""
        if self._server.state_file is None:
            return _FORGETS
        state = await self.ask("show servers state")
        try:
            write_durably(Path(self._server.state_file), state)
        except OSError as error:
            return f"it is lost when HAProxy reloads, for {self._server.state_file} cannot be written: {error.strerror}"
        return f"it is kept in {self._server.state_file}"

    async def ask(self, command: str) -> str:
        """Send one command and read its answer."""
        where = self._server.socket
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                reader, writer = await _connect(where)
                try:
                    writer.write(f"{command}\n".encode())
                    await writer.drain()
                    return await _whole(reader)
                finally:
                    writer.close()
        except TimeoutError:
            raise Transient(f"HAProxy at {where} does not answer within {_ANSWER_SECONDS:g} s") from None
        except OSError as error:
            raise Transient(f"HAProxy at {where} cannot be reached ({error.strerror or error})") from None


def _state_of(row: dict[str, str]) -> str:
    flags = int(row["srv_admin_state"])
    if flags & _FORCED_MAINT:
        return "maint"
    return "drain" if flags & _FORCED_DRAIN else "ready"


async def _connect(where: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if where.startswith("/"):
        return await asyncio.open_unix_connection(where)
    host, _, port = where.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _whole(reader: asyncio.StreamReader) -> str:
    answer = bytearray()
    while piece := await reader.read(64 * 1024):
        answer += piece
        if len(answer) > _MOST_BYTES:
            raise Rejected("HAProxy's answer is too long to be believed", RejectionKind.TOO_LARGE)
    return answer.decode(errors="replace")


def _refused(answer: str) -> Rejected:
    said = answer.strip().splitlines()[0][:200] if answer.strip() else "nothing"
    kind = RejectionKind.FORBIDDEN if said.startswith(_NO_RIGHT) else RejectionKind.INVALID
    cure = "; the socket needs 'level admin'" if kind is RejectionKind.FORBIDDEN else ""
    return Rejected(f"HAProxy refused: {said}{cure}", kind)
