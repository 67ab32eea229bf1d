"""Failover and rejoin of a PostgreSQL cluster: who is what is asked of the servers, how far we got of the journal.

Implements `Clusters` over `Node`s, so that the order of things can be read, and tested, apart from how each is done
(`postgres_node.py`). The one thing to know: everything before `promote` can be taken back, and is when it fails.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from activities.actions.ports import Program, ProgramRunner
from activities.actions.postgres import ClusterPlace, Failover, FailoverParameters, Loss, Rejoined, RejoinParameters
from activities.actions.postgres import too_much as refusal
from activities.clients.journal import Journal, write_durably
from activities.clients.switchboard import journal_at
from domain.errors import HotwashError, NeedsHuman, Rejected, RejectionKind, Transient
from domain.model import Model

# A standby that streams has what the primary had within milliseconds; one that has not after this lags.
_CATCH_UP_SECONDS = 5.0
_POLL_SECONDS = 0.05
_ASK_SECONDS = 5.0
_REPOINT_SECONDS = 30.0
# A primary that was stopped in good order starts within seconds.
_UNFENCE_SECONDS = 30.0


@dataclass(frozen=True)
class NodeState:
    """What a server is. `down` with a `standby.signal` is a `stopped standby`, without one a `stopped primary`."""

    role: Literal["primary", "standby", "stopped primary", "stopped standby", "lost"]
    # Written (primary) or received (standby), in bytes from the beginning of all WAL.
    lsn: int | None = None
    streaming: bool = False
    why: str = ""


class Node(Protocol):
    """One server."""

    async def look(self) -> NodeState:
        """What it is now. Raises nothing but Rejected."""

    async def fence(self, seconds: float) -> None:
        """Stop it so that it comes back as a standby, whoever starts it. Rejected: it cannot be made sure."""

    async def unfence(self, seconds: float, *, start: bool) -> None:
        """Let it come back as the primary that it was; start it, if so asked."""

    async def lost_after(self, lsn: int) -> Loss:
        """What a stopped primary has written after that; may be unknown."""

    async def promote(self, seconds: float) -> None:
        """Make a standby the primary."""

    async def follow(self, primary: "Node") -> bool:
        """Let a running standby follow another primary; False when somebody has to look after it."""

    async def rejoin(self, primary: "Node", method: str, seconds: float) -> None:
        """Make it a running standby of the primary, throwing away what the primary has not."""

    @property
    def address(self) -> tuple[str, int]:
        """Where clients reach it."""


class _Plan(Model):
    """A failover, as the journal remembers it."""

    previous: str | None
    current: str
    loss: Loss
    # Whether the old primary ran when we came: only then it is started again when we give up.
    was_running: bool
    fenced: bool = False
    done: bool = False
    following: tuple[str, ...] = ()
    left_behind: tuple[str, ...] = ()

    def failover(self) -> Failover:
        return Failover.model_validate(self.model_dump(exclude={"was_running", "done"}))


class PostgresClusters:
    """Implements `Clusters`; `nodes` makes the servers of a place by their names."""

    def __init__(self, nodes: Callable[[ClusterPlace], dict[str, Node]], programs: ProgramRunner) -> None:
        self._nodes = nodes
        self._programs = programs

    async def fail_over(self, place: ClusterPlace, wish: FailoverParameters, key: str, seconds: float) -> Failover:
        """Another primary, as `Clusters` promises."""
        journal = journal_at(place.journal)
        async with journal.alone(f"the cluster {place.name}", seconds):
            return await self._fail_over(place, journal, wish, key, seconds)

    async def fail_back(
        self, place: ClusterPlace, key: str, performed: Failover | None, seconds: float
    ) -> Failover | None:
        """The old primary again, as `Clusters` promises."""
        journal, nodes = journal_at(place.journal), self._nodes(place)
        async with journal.alone(f"the cluster {place.name}", seconds):
            plan = _remembered(journal, key)
            change = plan.failover() if plan is not None else performed
            if change is None or change.previous in (None, change.current):
                return None
            old, new = nodes[str(change.previous)], nodes[change.current]
            undone = _remembered(journal, f"{key}/undo")
            if undone is not None and undone.done and (await new.look()).role == "standby":
                return undone.failover()
            now = {name: (await node.look()).role for name, node in nodes.items()}
            if plan is not None and not plan.done and now[change.current] == "standby":
                # It never came to the promotion: taking the fence away is all there is to undo.
                if now[str(change.previous)] == "stopped standby":
                    await old.unfence(seconds, start=plan.was_running)
                return change.model_copy(update={"previous": change.current, "current": change.previous})
            if now[str(change.previous)] != "primary":
                await self._rejoin(place, nodes, str(change.previous), "rewind", seconds)
            wish = FailoverParameters(cluster=place.name, to=str(change.previous))
            back = await self._fail_over(place, journal, wish, f"{key}/undo", seconds)
            if (await new.look()).role != "standby":
                await self._rejoin(place, nodes, change.current, "rewind", seconds)
            return back

    async def failed_over(self, place: ClusterPlace, key: str) -> Failover | None:
        """What a key has done, as `Clusters` promises."""
        journal = journal_at(place.journal)
        async with journal.alone(f"the cluster {place.name}", _ASK_SECONDS):
            plan = _remembered(journal, key)
        return plan.failover() if plan is not None and plan.done else None

    async def rejoin(self, place: ClusterPlace, wish: RejoinParameters, key: str, seconds: float) -> Rejoined:
        """See a server follow, as `Clusters` promises."""
        journal, nodes = journal_at(place.journal), self._nodes(place)
        _demand_node(place, nodes, wish.node)
        async with journal.alone(f"the cluster {place.name}", seconds):
            entry = journal.entry(key)
            if entry is not None:
                return Rejoined.model_validate(entry)
            done = await self._rejoin(place, nodes, wish.node, wish.method, seconds)
            journal.put(key, done.model_dump())
            return done

    async def rejoined(self, place: ClusterPlace, key: str) -> Rejoined | None:
        """What a key has made to follow, as `Clusters` promises."""
        journal = journal_at(place.journal)
        async with journal.alone(f"the cluster {place.name}", _ASK_SECONDS):
            entry = journal.entry(key)
        return None if entry is None else Rejoined.model_validate(entry)

    async def _fail_over(
        self, place: ClusterPlace, journal: Journal, wish: FailoverParameters, key: str, seconds: float
    ) -> Failover:
        nodes, until = self._nodes(place), time.monotonic() + seconds
        plan = _remembered(journal, key)
        if plan is not None and plan.done:
            return plan.failover()
        if plan is None or (await nodes[plan.current].look()).role != "primary":
            plan = await _planned(place, nodes, wish, plan)
            if plan.previous != plan.current:
                journal.put(key, plan.model_dump())
                plan = await _fenced(place, nodes, wish, plan, until)
                journal.put(key, plan.model_dump())
                await nodes[plan.current].promote(max(1.0, until - time.monotonic()))
        await self._repoint(place, nodes[plan.current])
        following, left_behind = await _followers(nodes, plan)
        done = plan.model_copy(update={"done": True, "following": following, "left_behind": left_behind})
        journal.put(key, done.model_dump())
        return done.failover()

    async def _rejoin(
        self, place: ClusterPlace, nodes: dict[str, Node], name: str, method: str, seconds: float
    ) -> Rejoined:
        states = {each: await node.look() for each, node in nodes.items()}
        primary = _only_primary(place, states)
        if primary is None or primary == name:
            why = "there is no running primary" if primary is None else f"{name} is the primary itself"
            raise Rejected(f"{name} cannot follow in {place.name}: {why}", RejectionKind.CONFLICT)
        if states[name].role == "standby" and states[name].streaming:
            return Rejoined(node=name, primary=primary, method=None)
        await nodes[name].rejoin(nodes[primary], method, seconds)
        return Rejoined.model_validate({"node": name, "primary": primary, "method": method})

    async def _repoint(self, place: ClusterPlace, primary: Node) -> None:
        """Tell clients. It is the last thing and may be repeated: a failure leaves a promoted server behind."""
        host, port = primary.address
        cluster = place.cluster
        if cluster.address_file is not None:
            try:
                write_durably(Path(cluster.address_file), f"{host}:{port}\n")
            except OSError as error:
                raise Transient(f"{cluster.address_file} cannot be written: {error.strerror}") from None
        if cluster.repoint:
            environment = {"HOTWASH_PRIMARY_HOST": host, "HOTWASH_PRIMARY_PORT": str(port)}
            ended = await self._programs.run(Program(cluster.repoint, None, _REPOINT_SECONDS, environment))
            if ended.exit_code != 0:
                raise Transient(
                    f"{host}:{port} is the primary, and {cluster.repoint[0]}, which should tell its clients, failed: "
                    f"{ended.stderr[-300:].strip()}"
                )


async def _planned(place: ClusterPlace, nodes: dict[str, Node], wish: FailoverParameters, begun: _Plan | None) -> _Plan:
    """Who follows whom, and the first measurement; refuses before anything has been touched."""
    states = {name: await node.look() for name, node in nodes.items()}
    if wish.to is not None:
        _demand_node(place, nodes, wish.to)
    primary = _only_primary(place, states) or (begun.previous if begun else _stopped_primary(place, states))
    if primary is not None and primary == wish.to and states[primary].role == "primary":
        nothing = Loss(bytes=0, transactions=0, measured="it was the primary already")
        return _Plan(previous=primary, current=primary, loss=nothing, was_running=True)
    heir = wish.to or _most_received(place, states)
    if states[heir].role != "standby":
        why = f" ({states[heir].why})" if states[heir].why else ""
        raise Rejected(f"{heir} is no running standby but a {states[heir].role}{why}", RejectionKind.CONFLICT)
    loss = await _first_measure(nodes, states, primary, heir)
    reason = refusal(loss, place.cluster.rpo_bytes, accept_unknown=wish.accept_unknown_loss)
    if reason is not None:
        await _give_up(begun, nodes)
        is_passing = primary is not None and states[primary].role == "primary"
        sentence = f"{heir} is not promoted: {reason}"
        raise Transient(sentence) if is_passing else Rejected(sentence, RejectionKind.CONFLICT)
    was_running = begun.was_running if begun else primary is not None and states[primary].role == "primary"
    return _Plan(previous=primary, current=heir, loss=loss, was_running=was_running)


async def _fenced(
    place: ClusterPlace, nodes: dict[str, Node], wish: FailoverParameters, plan: _Plan, until: float
) -> _Plan:
    """Stop the old primary for good, and measure what it has written in its last moments."""
    if plan.previous is None:
        if wish.without_fence:
            return plan
        raise Rejected(
            f"nobody can tell which server of {place.name} was the primary, so it cannot be fenced; see without_fence",
            RejectionKind.CONFLICT,
        )
    old, heir = nodes[plan.previous], nodes[plan.current]
    try:
        await old.fence(max(1.0, until - time.monotonic()))
    except (Rejected, Transient) as error:
        if not wish.without_fence:
            await _give_up(plan, nodes)
            raise Rejected(
                f"{plan.previous} cannot be fenced, so {plan.current} is not promoted: {error.sentence}; "
                "see without_fence",
                RejectionKind.CONFLICT,
            ) from None
        return plan
    loss = await old.lost_after((await heir.look()).lsn or 0)
    if loss.bytes is None:
        # Its disk tells nothing: what was measured while it ran still stands.
        loss = plan.loss
    reason = refusal(loss, place.cluster.rpo_bytes, accept_unknown=wish.accept_unknown_loss)
    if reason is not None:
        await _give_up(plan, nodes)
        raise Rejected(f"{plan.current} is not promoted: {reason}", RejectionKind.CONFLICT)
    return plan.model_copy(update={"fenced": True, "loss": loss})


async def _give_up(plan: _Plan | None, nodes: dict[str, Node]) -> None:
    """Take the fence away, and start the old primary again if it ran when we came."""
    if plan is None or plan.previous is None:
        return
    old = nodes[plan.previous]
    if (await old.look()).role != "stopped standby":
        return
    try:
        await old.unfence(_UNFENCE_SECONDS, start=plan.was_running)
    except HotwashError as error:
        raise NeedsHuman(
            f"{plan.previous} was fenced, {plan.current} may not be promoted, and {plan.previous} cannot be started "
            f"again: {error.sentence}; there is no primary"
        ) from None


async def _first_measure(nodes: dict[str, Node], states: dict[str, NodeState], primary: str | None, heir: str) -> Loss:
    """What the heir lacks of what the primary had when it was asked."""
    received = states[heir].lsn or 0
    if primary is None:
        return Loss(bytes=None, measured="no server says that it was the primary")
    state = states[primary]
    if state.role != "primary" or state.lsn is None:
        return await nodes[primary].lost_after(received)
    until = time.monotonic() + _CATCH_UP_SECONDS
    while received < state.lsn and time.monotonic() < until:
        await asyncio.sleep(_POLL_SECONDS)
        received = (await nodes[heir].look()).lsn or 0
    lag = max(0, state.lsn - received)
    return Loss(bytes=lag, measured=f"it was {lag} bytes behind the running primary")


async def _followers(nodes: dict[str, Node], plan: _Plan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Let the other standbys follow the new primary; who did, and who has to be looked after."""
    following: list[str] = []
    left_behind: list[str] = []
    for name, node in nodes.items():
        if name not in (plan.current, plan.previous):
            running = (await node.look()).role == "standby"
            done = running and await node.follow(nodes[plan.current])
            (following if done else left_behind).append(name)
    return tuple(following), tuple(left_behind)


def _only_primary(place: ClusterPlace, states: dict[str, NodeState]) -> str | None:
    running = [name for name, state in states.items() if state.role == "primary"]
    if len(running) > 1:
        raise NeedsHuman(f"{place.name} has {len(running)} primaries ({', '.join(running)}): stop all but one first")
    return running[0] if running else None


def _stopped_primary(place: ClusterPlace, states: dict[str, NodeState]) -> str | None:
    stopped = [name for name, state in states.items() if state.role == "stopped primary"]
    if len(stopped) > 1:
        raise NeedsHuman(f"{place.name} has {len(stopped)} stopped primaries ({', '.join(stopped)}); look at them")
    if stopped:
        return stopped[0]
    # One that cannot be asked at all was the primary when all others are standbys.
    lost = [name for name, state in states.items() if state.role == "lost"]
    return lost[0] if len(lost) == 1 else None


def _most_received(place: ClusterPlace, states: dict[str, NodeState]) -> str:
    standbys = {name: state.lsn or 0 for name, state in states.items() if state.role == "standby"}
    if not standbys:
        roles = ", ".join(f"{name} is a {state.role}" for name, state in states.items())
        raise Rejected(f"{place.name} has no running standby: {roles}", RejectionKind.CONFLICT)
    return max(sorted(standbys), key=lambda name: standbys[name])


def _demand_node(place: ClusterPlace, nodes: dict[str, Node], name: str) -> None:
    if name not in nodes:
        raise Rejected(f"{place.name} has no node {name!r}; it has {', '.join(nodes)}", RejectionKind.NOT_FOUND)


def _remembered(journal: Journal, key: str) -> _Plan | None:
    entry: dict[str, Any] | None = journal.entry(key)
    return None if entry is None else _Plan.model_validate(entry)
