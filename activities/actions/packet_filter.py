"""An nftables table of a fault's own, whose rules stop by themselves when nobody renews them; for `network.*` and DNS.

The one thing to know: the rules match a set whose only element has the lease as its timeout. When nobody renews it the
kernel itself lets packets through again, even with the watchdog dead; the empty table is what the sweep removes.
"""

import hashlib
from datetime import timedelta
from ipaddress import ip_address
from typing import Literal

from activities.action import Finding
from activities.actions.machine import Machine
from activities.actions.ports import Program, ProgramRunner
from activities.leases import LeaseState, Run
from domain.errors import Rejected, RejectionKind, Transient
from domain.model import Model

_NFT_SECONDS = 10.0
_GONE = "No such file or directory"


class Rules(Model):
    """One table: what it stops, and how."""

    table: str = ""
    program: str = "nft"
    hook: Literal["input", "output"] = "output"
    address: str = "127.0.0.1"
    port: int = 1
    # What else a packet must be: `meta l4proto tcp`.
    match: str = "meta l4proto tcp"
    verdict: str = "drop"
    timeout: timedelta = timedelta(seconds=15)


class PacketFilter:
    """Makes, renews and looks for such tables."""

    def __init__(self, machine: Machine, programs: ProgramRunner) -> None:
        self._machine = machine
        self._programs = programs

    def table_of(self, *about: object) -> str:
        """A name that only this fault has."""
        return "hotwash_" + hashlib.sha256(" ".join(map(str, about)).encode()).hexdigest()[:16]

    def program(self) -> str:
        """Where nft is; its mere name when it is not installed."""
        return self._machine.program("nft") or "nft"

    async def trouble(self, rules: Rules) -> str | None:
        """Why these rules cannot be made here, and how to mend that; None when they can. Changes nothing."""
        if self._machine.program("nft") is None:
            return "nft is not installed on this machine: apt-get install nftables"
        words = await self._nft(rules, "--check", _script(rules))
        if words is None:
            return None
        return f"nftables cannot be used here ({words}); run this worker as root, with the kernel's nf_tables"

    async def make(self, rules: Rules) -> None:
        """Make the table anew, whatever was there."""
        words = await self._nft(rules, _script(rules))
        if words is not None:
            raise Rejected(f"nft refused the rules of {rules.table}: {words}", RejectionKind.CONFLICT)

    async def renewed(self, rules: Rules, state: LeaseState) -> LeaseState:
        """What a renewal of the lease came to, once the kernel's own timeout is renewed as well."""
        # Emptied and filled in one transaction: no packet gets through in between.
        words = await self._nft(rules, f"flush set inet {rules.table} ports; {_element(rules)}")
        if words is None:
            return state
        return LeaseState(state="lost", detail=f"the kernel's own timeout could not be renewed: {words}")

    async def residue(self, rules: Rules) -> Finding:
        """Whether the table is gone."""
        words = await self._nft(rules, f"list table inet {rules.table}")
        if words is None:
            return Finding(holds=False, detail=f"the table {rules.table} is still there")
        if _GONE in words:
            return Finding(holds=True, detail=f"the table {rules.table} is gone")
        return Finding(holds=None, detail=f"nft does not say whether {rules.table} is there: {words}")

    async def _nft(self, rules: Rules, *arguments: str) -> str | None:
        """Run one transaction; None when it went well, else nft's own words."""
        ended = await self._programs.run(Program((rules.program, *arguments), None, _NFT_SECONDS))
        if ended.exit_code is None:
            raise Transient("nft did not end")
        return None if ended.exit_code == 0 else " ".join(ended.stderr.split())[:300]


def removing(rules: Rules) -> Run:
    """The way back: without the table nothing is stopped."""
    argv = (rules.program, "delete", "table", "inet", rules.table)
    return Run(argv=argv, seconds=_NFT_SECONDS, fine_if_says=(_GONE,))


def _element(rules: Rules) -> str:
    milliseconds = round(rules.timeout.total_seconds() * 1000)
    return f"add element inet {rules.table} ports {{ {rules.port} timeout {milliseconds}ms }}"


def _script(rules: Rules) -> str:
    """The whole table, made anew whatever was there: one transaction."""
    family = "ip" if ip_address(rules.address).version == 4 else "ip6"  # noqa: PLR2004
    table = f"inet {rules.table}"
    where = f"{family} daddr {rules.address} th dport @ports"
    return "; ".join(
        (
            f"add table {table}",
            f"delete table {table}",
            f"add table {table}",
            f"add set {table} ports {{ type inet_service; flags timeout; }}",
            # Before the filters of others: what is to be cut must not be accepted by an earlier rule of theirs.
            f"add chain {table} cut {{ type filter hook {rules.hook} priority -10; policy accept; }}",
            f"add rule {table} cut {rules.match} {where} counter {rules.verdict}",
            _element(rules),
        )
    )
