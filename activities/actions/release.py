"""`release.activate`, `release.rollback`, `release.restart`: point a service at another of its releases, and back.

A target is a folder with `releases/<name>` and a `current` symlink, named in `actions.releases`. They keep a
journal there, so they can always tell what a vanished worker had done: none ever ends in an unknown outcome.
"""

from typing import ClassVar, Generic, TypeVar

from typing_extensions import override

from activities.action import Action, Call, Finding
from activities.actions.ports import ReleaseMove, Releases
from activities.ports import ConfigurationSource
from domain.configuration import ReleaseTarget
from domain.errors import Rejected, RejectionKind
from domain.model import Model
from domain.run import Effect, Idempotency

# A restart that takes longer is a failed one; a step's own timeout may say less.
_RESTART_SECONDS = 60.0


class RollbackParameters(Model):
    """Which service."""

    # A name of `actions.releases`.
    target: str


class ActivateParameters(RollbackParameters):
    """Which service and which of its releases."""

    # The name of a folder in `releases/`.
    release: str


P = TypeVar("P", bound=RollbackParameters)


class _OnReleases(Action[P, ReleaseMove], Generic[P]):
    """What all have in common: where they act and how they are checked."""

    effect = Effect.MUTATING
    # The journal in the target's folder knows our key.
    idempotency = Idempotency.KEYED
    result_model = ReleaseMove

    def __init__(self, configuration: ConfigurationSource, releases: Releases) -> None:
        self._configuration = configuration
        self._releases = releases

    @override
    async def check(self, parameters: P, call: Call) -> Finding:
        move = await self._releases.moved(self._target(parameters), call.performed_key)
        return self.remembered(move, f"changed {parameters.target}")

    @override
    def sentence(self, result: ReleaseMove) -> str:
        if result.previous == result.current:
            return f"{result.current} was current already"
        return f"{result.current or 'no release'} is current, {result.previous or 'no release'} was"

    def _target(self, parameters: P) -> ReleaseTarget:
        target = self._configuration.current().actions.releases.get(parameters.target)
        if target is None:
            raise Rejected(
                f"no release target is called {parameters.target!r}; define it under actions.releases in hotwash.yaml",
                RejectionKind.NOT_FOUND,
            )
        return target


class _Move(_OnReleases[P], Generic[P]):
    """Those that move `current` are undone by moving it back."""

    @override
    async def undo(self, parameters: P, performed: ReleaseMove | None, call: Call) -> ReleaseMove:
        return await self._releases.undo(self._target(parameters), call.performed_key, performed, _seconds(call))


class ReleaseActivate(_Move[ActivateParameters]):
    """Go to a release by name."""

    name = "release.activate"
    summary = "Point a service at a release by name and restart it."
    parameters_model = ActivateParameters
    example: ClassVar = {"target": "shop", "release": "v1"}

    @override
    async def perform(self, parameters: ActivateParameters, call: Call) -> ReleaseMove:
        return await self._releases.activate(self._target(parameters), parameters.release, call.key, _seconds(call))


class ReleaseRollback(_Move[RollbackParameters]):
    """Go back one release."""

    name = "release.rollback"
    summary = "Point a service at the release it ran before, by its recorded history, and restart it."
    parameters_model = RollbackParameters
    example: ClassVar = {"target": "shop"}

    @override
    async def perform(self, parameters: RollbackParameters, call: Call) -> ReleaseMove:
        return await self._releases.roll_back(self._target(parameters), call.key, _seconds(call))


class ReleaseRestart(_OnReleases[RollbackParameters]):
    """Start again what is current. There is nothing that an undo could bring back."""

    name = "release.restart"
    summary = "Start a service's current release again."
    parameters_model = RollbackParameters
    example: ClassVar = {"target": "shop"}

    @override
    async def perform(self, parameters: RollbackParameters, call: Call) -> ReleaseMove:
        return await self._releases.restart(self._target(parameters), call.key, _seconds(call))

    @override
    def sentence(self, result: ReleaseMove) -> str:
        return f"{result.current} was started again"


def _seconds(call: Call) -> float:
    return _RESTART_SECONDS if call.timeout_seconds is None else min(_RESTART_SECONDS, call.timeout_seconds)
