"""A queueing discipline of a fault's own at an interface, for the packets of one path; used by `network.delay`.

The one thing to know: HTB at the root lets everything pass at once, a filter sends one path's packets into a class of
it, and netem delays what is in that class. The root has a handle that only this fault has: whatever has another one was
put there by somebody else, and is neither replaced nor removed. The kernel ends none of it by itself; the lease does.
"""

import hashlib
import json
from ipaddress import ip_address
from typing import Any

from activities.actions.machine import Machine
from activities.actions.ports import Program, ProgramRunner
from activities.leases import Run
from domain.errors import Rejected, RejectionKind, Transient
from domain.model import Model

_TC_SECONDS = 10.0
# What tc says when no qdisc has that handle, and when the interface is gone, and the discipline with it.
_GONE = ("Invalid handle", "Cannot find device")
# Handles from 8000: on are given out by the kernel, and people write small ones.
_FIRST_HANDLE, _HANDLES = 0x1000, 0x3000
# netem holds so many packets at most; its usual 1000 are 12 MB/s at 100 ms, and would lose what was to be late.
_HELD_PACKETS = 10_000
# More than HTB can count in 32 bits would be 34 Gbit/s; the burst is what the clock of the kernel needs for that.
_CLASS = ("htb", "rate", "32gbit", "burst", "1mb", "quantum", "60000")
# In a network namespace of its own, which ends with it: nobody's packets are touched. $0 is tc.
_PROBE = (
    '"$0" qdisc add dev lo root handle 1: htb default 0 && '
    '"$0" class add dev lo parent 1: classid 1:1 htb rate 1gbit && '
    '"$0" filter add dev lo parent 1: protocol ip prio 1 u32 match ip dport 1 0xffff flowid 1:1 && '
    '"$0" qdisc add dev lo parent 1:1 handle 2: netem delay 1ms'
)


class Discipline(Model):
    """What is done to whose packets."""

    interface: str = ""
    program: str = "tc"
    # As tc writes it, `1f0:`; the root's. The one behind it has the next.
    handle: str = ""
    address: str = "127.0.0.1"
    port: int = 1
    # out: packets to that address and port; in: answers from there.
    direction: str = "out"
    # netem's own words.
    does: tuple[str, ...] = ()


class Met(Model):
    """What the kernel has counted."""

    packets: int
    lost: int


class TrafficControl:
    """Makes, looks for and removes such disciplines."""

    def __init__(self, machine: Machine, programs: ProgramRunner) -> None:
        self._machine = machine
        self._programs = programs

    def program(self) -> str:
        """Where tc is; its mere name when it is not installed."""
        return self._machine.program("tc") or "tc"

    def handle_of(self, *about: object) -> str:
        """A root's handle that only this fault has."""
        number = int.from_bytes(hashlib.sha256(" ".join(map(str, about)).encode()).digest()[:4])
        # Even ones: the next is for what stands behind it.
        return f"{_FIRST_HANDLE + number % _HANDLES * 2:x}:"

    async def trouble(self, discipline: Discipline) -> str | None:
        """Why it cannot be made here, and how to mend that; None when it can. Changes nothing."""
        if self._machine.program("tc") is None or self._machine.program("unshare") is None:
            return "tc or unshare is not installed on this machine: apt-get install iproute2 util-linux"
        ended = await self._run("unshare", "--net", "sh", "-c", _PROBE, discipline.program)
        if ended is not None:
            if "qdisc kind is unknown" in ended:
                return (
                    f"this kernel has no netem, or no HTB to put it behind ({ended}); load sch_netem and sch_htb "
                    "(modprobe), or delay the traffic in a fault proxy (tcp.latency), which needs nothing of the kernel"
                )
            return f"tc cannot be used here ({ended}); run this worker as root, with CAP_NET_ADMIN and CAP_SYS_ADMIN"
        try:
            await self._demand_free(discipline)
        except Rejected as refused:
            return refused.sentence
        return None

    async def make(self, discipline: Discipline) -> None:
        """Make it anew if it is ours, whole or half done; Rejected when somebody else's stands there."""
        if await self._demand_free(discipline):
            await self._tc(discipline, *_removal(discipline))
        root, leaf = discipline.handle, _next(discipline.handle)
        at, behind = ("dev", discipline.interface), ("parent", root)
        await self._tc(discipline, "qdisc", "add", *at, "root", "handle", root, "htb", "default", "0")
        await self._tc(discipline, "class", "add", *at, *behind, "classid", f"{root}1", *_CLASS)
        netem = ("netem", "limit", str(_HELD_PACKETS), *discipline.does)
        await self._tc(discipline, "qdisc", "add", *at, "parent", f"{root}1", "handle", leaf, *netem)
        # Last, so that no packet meets a half of it.
        await self._tc(discipline, "filter", "add", *at, *behind, *_filter(discipline), "flowid", f"{root}1")

    async def look(self, discipline: Discipline) -> Met | None:
        """What has met it; None when it is not there. Rejected when there is no such interface."""
        for one in await self._show(discipline):
            if one.get("kind") == "netem" and one.get("handle") == _next(discipline.handle):
                return Met(packets=one.get("packets", 0), lost=one.get("drops", 0))
        return None

    async def is_there(self, discipline: Discipline) -> bool:
        """Whether the root is ours; an interface that is gone has none."""
        try:
            return _root(await self._show(discipline)) == discipline.handle
        except Rejected:
            return False

    async def _demand_free(self, discipline: Discipline) -> bool:
        """Whether it is there already; Rejected when something else is that the kernel has not put there itself."""
        root = _root(await self._show(discipline))
        if root not in {None, "0:", discipline.handle}:
            raise Rejected(
                f"at {discipline.interface} stands a queueing discipline of somebody else ({root}), which is not "
                f"replaced; see `tc qdisc show dev {discipline.interface}`",
                RejectionKind.CONFLICT,
            )
        return root == discipline.handle

    async def _show(self, discipline: Discipline) -> list[dict[str, Any]]:
        argv = (discipline.program, "-json", "-statistics", "qdisc", "show", "dev", discipline.interface)
        ended = await self._programs.run(Program(argv, None, _TC_SECONDS))
        if ended.exit_code is None:
            raise Transient("tc did not end")
        words = " ".join(ended.stderr.split())
        if "Cannot find device" in words:
            raise Rejected(
                f"there is no interface {discipline.interface!r} on this machine; mend it under actions.networks",
                RejectionKind.NOT_FOUND,
            )
        try:
            return list(json.loads(ended.stdout))
        except ValueError:
            raise Transient(f"tc does not say what stands at {discipline.interface}: {words[:300]}") from None

    async def _tc(self, discipline: Discipline, *arguments: str) -> None:
        words = await self._run(discipline.program, *arguments)
        if words is not None:
            raise Rejected(f"tc refused {' '.join(arguments[:2])}: {words}", RejectionKind.CONFLICT)

    async def _run(self, *argv: str) -> str | None:
        """None when it went well, else its own words."""
        ended = await self._programs.run(Program(argv, None, _TC_SECONDS))
        if ended.exit_code is None:
            raise Transient(f"{argv[0]} did not end")
        return None if ended.exit_code == 0 else " ".join(ended.stderr.split())[:300]


def removing(discipline: Discipline) -> Run:
    """The way back: with the root goes all that is behind it, and the kernel puts its own there again."""
    return Run(argv=(discipline.program, *_removal(discipline)), seconds=_TC_SECONDS, fine_if_says=_GONE)


def _removal(discipline: Discipline) -> tuple[str, ...]:
    # By its handle: the kernel refuses when another one stands there.
    return ("qdisc", "del", "dev", discipline.interface, "root", "handle", discipline.handle)


def _filter(discipline: Discipline) -> tuple[str, ...]:
    version = ip_address(discipline.address).version
    protocol, ip, bits = ("ip", "ip", 32) if version == 4 else ("ipv6", "ip6", 128)  # noqa: PLR2004
    host, port = ("dst", "dport") if discipline.direction == "out" else ("src", "sport")
    wanted = ((host, f"{discipline.address}/{bits}"), ("protocol", "6", "0xff"), (port, str(discipline.port), "0xffff"))
    return ("protocol", protocol, "prio", "1", "u32", *(word for each in wanted for word in ("match", ip, *each)))


def _root(shown: list[dict[str, Any]]) -> str | None:
    return next((str(one.get("handle")) for one in shown if one.get("root")), None)


def _next(handle: str) -> str:
    return f"{int(handle.removesuffix(':'), 16) + 1:x}:"
