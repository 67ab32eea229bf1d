"""`process.start`, `process.stop`, `process.restart`: daemons that hotwash.yaml names by how they start and stop.

The one thing to know: a daemon is known by its pid and the time it started, so a number that the kernel gave to
somebody else is never touched, and a repetition finds the very process that the first attempt started or ended.
"""

from typing import ClassVar, Generic, Protocol, TypeVar

from typing_extensions import override

from activities.action import Action, Call, Finding
from activities.actions.switches import named, seconds
from activities.ports import ConfigurationSource
from domain.action_targets import Daemon
from domain.model import Model
from domain.run import Effect, Idempotency

# Longer than any daemon's `stop_within` and `start_within` together should be; a step's own timeout may say less.
_DAEMON_SECONDS = 120.0


class DaemonParameters(Model):
    """Which daemon."""

    # A name of `actions.daemons`.
    daemon: str


class StopParameters(DaemonParameters):
    """Which daemon, and whether it may be made to end."""

    # SIGKILL once `stop_within` has passed; else the step fails and the daemon is as it was.
    force: bool = False


class DaemonChange(Model):
    """The process before and after, by pid; None: it was not running, or is not any more."""

    previous: int | None
    current: int | None
    # When the current one started, as the kernel counts: with the pid it names one process for ever.
    started: float | None = None


class Daemons(Protocol):
    """Daemons by their pid files. Each key starts or ends at most one process; one mover at a time."""

    async def start(self, daemon: Daemon, key: str, seconds: float) -> DaemonChange:
        """See it running and settled; one that runs already is left alone."""

    async def stop(self, daemon: Daemon, key: str, seconds: float, *, force: bool) -> DaemonChange:
        """See it gone; one that does not run is left alone."""

    async def restart(self, daemon: Daemon, key: str, seconds: float, *, force: bool) -> DaemonChange:
        """End the process that runs now, and see another one running and settled."""

    async def undo_start(
        self, daemon: Daemon, key: str, performed: DaemonChange | None, seconds: float
    ) -> DaemonChange:
        """End the process that the key has started, and no other."""

    async def undo_stop(self, daemon: Daemon, key: str, performed: DaemonChange | None, seconds: float) -> DaemonChange:
        """Start it, if the key has ended it and it is not running."""

    async def changed(self, daemon: Daemon, key: str) -> DaemonChange | None:
        """The finished change of that key; None when it did not happen, or not to its end."""


P = TypeVar("P", bound=DaemonParameters)


class _OnDaemon(Action[P, DaemonChange], Generic[P]):
    """What all have in common: where they act and how they are checked."""

    effect = Effect.MUTATING
    # The journal beside the pid file knows our key.
    idempotency = Idempotency.KEYED
    result_model = DaemonChange

    def __init__(self, configuration: ConfigurationSource, daemons: Daemons) -> None:
        self._configuration = configuration
        self._daemons = daemons

    @override
    async def check(self, parameters: P, call: Call) -> Finding:
        change = await self._daemons.changed(self._daemon(parameters), call.performed_key)
        return self.remembered(change, f"changed {parameters.daemon}")

    @override
    def sentence(self, result: DaemonChange) -> str:
        if result.previous == result.current:
            return f"it ran already as {result.current}" if result.current else "it was not running"
        before = f"{result.previous} ended" if result.previous else "it was not running"
        now = f"it runs as {result.current}" if result.current else "nothing runs in its place"
        return f"{before}, {now}"

    def _daemon(self, parameters: P) -> Daemon:
        return named(self._configuration.current().actions.daemons, parameters.daemon, "daemons", "daemon")


class ProcessStart(_OnDaemon[DaemonParameters]):
    """Start what does not run."""

    name = "process.start"
    summary = "Start a daemon of actions.daemons and see that it stays."
    parameters_model = DaemonParameters
    example: ClassVar = {"daemon": "shop"}

    @override
    async def perform(self, parameters: DaemonParameters, call: Call) -> DaemonChange:
        return await self._daemons.start(self._daemon(parameters), call.key, seconds(call, _DAEMON_SECONDS))

    @override
    async def undo(self, parameters: DaemonParameters, performed: DaemonChange | None, call: Call) -> DaemonChange:
        limit = seconds(call, _DAEMON_SECONDS)
        return await self._daemons.undo_start(self._daemon(parameters), call.performed_key, performed, limit)


class ProcessStop(_OnDaemon[StopParameters]):
    """Stop what runs."""

    name = "process.stop"
    summary = "Stop a daemon of actions.daemons and see it gone."
    parameters_model = StopParameters
    example: ClassVar = {"daemon": "importer", "force": True}

    @override
    async def perform(self, parameters: StopParameters, call: Call) -> DaemonChange:
        limit = seconds(call, _DAEMON_SECONDS)
        return await self._daemons.stop(self._daemon(parameters), call.key, limit, force=parameters.force)

    @override
    async def undo(self, parameters: StopParameters, performed: DaemonChange | None, call: Call) -> DaemonChange:
        limit = seconds(call, _DAEMON_SECONDS)
        return await self._daemons.undo_stop(self._daemon(parameters), call.performed_key, performed, limit)


class ProcessRestart(_OnDaemon[StopParameters]):
    """End it and see another one in its place. There is nothing that an undo could bring back."""

    name = "process.restart"
    summary = "End a daemon of actions.daemons and see it running anew."
    parameters_model = StopParameters
    example: ClassVar = {"daemon": "shop"}

    @override
    async def perform(self, parameters: StopParameters, call: Call) -> DaemonChange:
        limit = seconds(call, _DAEMON_SECONDS)
        return await self._daemons.restart(self._daemon(parameters), call.key, limit, force=parameters.force)
