"""`aws.fis.start_experiment`: let the AWS Fault Injection Service do harm, and stop it.

The one thing to know: nothing on the worker's machine can take the harm back, only FIS can, when its experiment is
stopped or its actions' durations are over. So the lease is a process here that stops the experiment when it is told to
end, and a template whose own durations are not within the fault's is refused: they hold even when this machine is gone.
What FIS itself never takes back (a failover, a reboot, a termination) no undo takes back either.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol

from pydantic import Field
from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.aws import Aws, AwsDoor, AwsParameters, tag, token
from activities.actions.switches import named
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import End, Leases, LeaseState, RevertedBy, Run
from activities.ports import ConfigurationSource
from activities.waiting import until
from domain.cloud_targets import AwsKeys, AwsTarget
from domain.errors import HotwashError, Rejected, RejectionKind, Transient, UnknownOutcome
from domain.fis_template import OVER, Template, hindrance, proof, template_of

# Between SIGTERM and SIGKILL for the process that stops the experiment: some calls, and FIS's own post actions.
STOP_SECONDS = 60.0
# FIS itself takes some time to begin and to clean up after itself; then its durations are over, whoever has stopped it.
_ROOM_SECONDS = 120.0
# $0: the file of `Stoppers`; $1: when FIS has ended it by itself, as Unix time.
_IS_STOPPED = (
    'test ! -e "$0" || test "$(date +%s)" -ge "$1" || { echo "nobody has stopped the experiment, see FIS"; exit 1; }'
)
# A token makes it harmless to ask again; throttling and a lost answer are over within this many attempts or not at all.
_STARTS = 3


class StartExperimentParameters(FaultParameters, AwsParameters):
    """Which template, and what of it is known and accepted."""

    template: str = Field(min_length=1)
    # FIS watches no alarm of yours while it runs; the game day's own stop conditions are all there is.
    without_stop_condition: bool = False
    # Some of its actions are never taken back by FIS; the target comes back by itself.
    without_duration: bool = False


class StartedExperiment(Injected):
    """Which template, and the tag by which its experiment is found."""

    template: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Experiment:
    """One experiment as FIS tells of it."""

    id: str
    status: str
    reason: str
    began_at: datetime | None
    ended_at: datetime | None
    template: Template
    # Of each action; empty in lists.
    states: Mapping[str, str]

    @property
    def is_over(self) -> bool:
        """Whether it does no harm any more."""
        return self.status in OVER

    @property
    def told(self) -> str:
        """As half a sentence."""
        return f"{self.id} is {self.status}" + (f" ({self.reason})" if self.reason else "")


class Experiments:
    """The experiments of one template that bear one tag; also used by the process that stops them."""

    def __init__(self, door: AwsDoor, where: AwsParameters, template: str, mark: str) -> None:
        self._door = door
        self._where = where
        self._template = template
        self._mark = mark

    async def all(self, call: Call) -> list[Experiment]:
        """In the order in which they were started."""
        found: list[Experiment] = []
        async for page in self._door.pages(
            self._where, call, "ListExperiments", "nextToken", experimentTemplateId=self._template
        ):
            found += [_experiment(one) for one in page["experiments"] if self._mark in (one.get("tags") or {})]
        return sorted(found, key=lambda one: one.began_at.timestamp() if one.began_at else 0.0)

    async def look(self, call: Call, id_: str) -> Experiment:
        """One, with its actions."""
        return _experiment((await self._door.ask(self._where, call, "GetExperiment", id=id_))["experiment"])

    async def start(self, call: Call) -> str:
        """Start one, once per key whatever becomes of the answer; returns its id."""
        for attempt in range(1, _STARTS + 1):
            try:
                started = await self._door.tell(
                    self._where,
                    call,
                    resource_of(self._template),
                    "StartExperiment",
                    clientToken=token(call.key),
                    experimentTemplateId=self._template,
                    tags={self._mark: ""},
                )
                return str(started["experiment"]["id"])
            except (Transient, UnknownOutcome):
                if attempt == _STARTS:
                    raise
        raise AssertionError

    async def stop_all(self, call: Call) -> list[Experiment]:
        """Stop each that may do harm, and see it end; returns all as they were found."""
        found = await self.all(call)
        for one in found:
            if not one.is_over:
                await self._stop(call, one)
        return found

    async def _stop(self, call: Call, one: Experiment) -> None:
        if one.status != "stopping":
            try:
                await self._door.tell(self._where, call, resource_of(self._template), "StopExperiment", id=one.id)
            except Rejected:
                # It may have ended a moment ago.
                if not (await self.look(call, one.id)).is_over:
                    raise

        async def waiting() -> str | None:
            now = await self.look(call, one.id)
            return None if now.is_over else f"it is {now.status}"

        await until(waiting, f"the end of {one.id}", call.seconds_left)


@dataclass(frozen=True)
class StopOrder:
    """What a process needs to stop an experiment without anybody's help."""

    target_name: str
    target: AwsTarget
    # What the references of the target's credentials stand for; None: ambient ones.
    secrets: Mapping[str, str] | None = field(repr=False)
    template: str
    mark: str
    # It stops it by itself after this.
    seconds: float


class Stoppers(Protocol):
    """Processes that stop experiments."""

    def armed_file(self, key: str) -> str:
        """A file that is there while an experiment may run that nobody has stopped."""

    async def stand_by(self, key: str, order: StopOrder) -> None:
        """Start one under the held lease of this key, which stops the experiments when it is told to end. Once per key.

        Rejected when it cannot be, or the lease is over.
        """

    async def dismiss(self, key: str) -> None:
        """There is nothing left to stop: the file goes, and the process need not ask AWS when it is told to end."""


class FisStartExperiment(FaultAction[StartExperimentParameters, StartedExperiment]):
    """One experiment per key, whatever becomes of workers and answers; one that fails is not tried again."""

    name = "aws.fis.start_experiment"
    summary = "Start an experiment of the AWS Fault Injection Service, in a drill only; undo and lease stop it."
    parameters_model = StartExperimentParameters
    result_model = StartedExperiment
    example: ClassVar = {"target": "shop-eu", "template": "EXT1a2b3c4d5e6f7", "duration": "10m"}

    def __init__(self, configuration: ConfigurationSource, leases: Leases, aws: Aws, stoppers: Stoppers) -> None:
        super().__init__(configuration, leases)
        self._door = AwsDoor(configuration, aws, "fis")
        self._stoppers = stoppers

    @override
    async def capability(self, parameters: StartExperimentParameters, call: Call) -> Finding:
        self._door.demand_changeable(parameters, resource_of(parameters.template))
        answer = await self._door.ask(parameters, call, "GetExperimentTemplate", id=parameters.template)
        template = template_of(answer["experimentTemplate"])
        trouble = hindrance(
            template,
            parameters.duration,
            without_stop_condition=parameters.without_stop_condition,
            without_duration=parameters.without_duration,
        )
        if trouble is not None:
            return Finding(holds=False, detail=trouble)
        does = ", ".join(dict.fromkeys(one.does for one in template.actions.values()))
        return Finding(holds=True, detail=f"the template {parameters.template} does {does}")

    @override
    async def plan(self, parameters: StartExperimentParameters, call: Call) -> Plan[StartedExperiment]:
        key = call.performed_key
        result = StartedExperiment(
            what=f"an experiment of {parameters.template} runs at {parameters.target}",
            template=parameters.template,
            mark=tag(key),
        )
        over_at = time.time() + parameters.duration.total_seconds() + _ROOM_SECONDS
        is_stopped = ("/bin/sh", "-c", _IS_STOPPED, self._stoppers.armed_file(key), f"{over_at:.0f}")
        # The process may have been killed before it has stopped anything: then this is not reverted.
        end = End(identity_file=self.leases.identity_file(key), seconds=STOP_SECONDS)
        return Plan(result, (end, Run(argv=is_stopped)))

    @override
    async def inject(self, parameters: StartExperimentParameters, result: StartedExperiment, call: Call) -> None:
        await self._stoppers.stand_by(call.performed_key, self._order(parameters, result, call))
        experiments = self._experiments(parameters, call)
        earlier = await experiments.all(call)
        id_ = earlier[-1].id if earlier else await experiments.start(call)

        async def waiting() -> str | None:
            one = await experiments.look(call, id_)
            if one.is_over and one.status != "completed":
                raise Rejected(f"{one.told}; it is not tried again, start a new game day", RejectionKind.CONFLICT)
            return f"it is {one.status}" if one.status in {"pending", "initiating"} else None

        await until(waiting, f"{id_} of {parameters.template}", call.seconds_left)

    @override
    async def observe(self, parameters: StartExperimentParameters, result: StartedExperiment, call: Call) -> Finding:
        one = await self._last(parameters, call)
        if one is None:
            return Finding(holds=None, detail=f"FIS lists no experiment of {parameters.template} with our tag (yet)")
        holds, detail = proof(one.template, one.states, one.status)
        return Finding(holds=holds, detail=f"{one.id}: {detail}")

    @override
    async def residue(self, parameters: StartExperimentParameters, result: StartedExperiment, call: Call) -> Finding:
        try:
            found = await self._experiments(parameters, call).all(call)
        except Transient as away:
            return Finding(holds=None, detail=away.sentence)
        alive = next((one for one in found if not one.is_over), None)
        if alive is not None:
            return Finding(holds=False, detail=alive.told)
        return Finding(holds=True, detail=found[-1].told if found else "FIS lists no experiment of it")

    @override
    async def perform(self, parameters: StartExperimentParameters, call: Call) -> StartedExperiment:
        try:
            return await super().perform(parameters, call)
        except HotwashError:
            # Its lease is over by now, and the process that would have stopped it with it; it may have begun after.
            if await self.leases.find(call.performed_key) is not None:
                with suppress(HotwashError):
                    await self._experiments(parameters, call).stop_all(call)
            raise

    @override
    async def undo(
        self, parameters: StartExperimentParameters, performed: StartedExperiment | None, call: Call
    ) -> StartedExperiment:
        # By its tag: the lease folder may be lost, and the process with its machine.
        found = await self._experiments(parameters, call).stop_all(call)
        # A key has one experiment at most. While none is listed, the process that looks again is left to it.
        if found or not await self.leases.started(call.performed_key):
            await self._stoppers.dismiss(call.performed_key)
        return await super().undo(parameters, performed, call)

    @override
    async def is_clean(self, parameters: StartExperimentParameters, call: Call) -> Finding:
        found = await super().is_clean(parameters, call)
        if await self.leases.find(call.performed_key) is not None:
            return found
        return await self.residue(parameters, StartedExperiment(), call)

    @override
    async def renew(self, parameters: StartExperimentParameters, call: Call) -> LeaseState:
        held = await super().renew(parameters, call)
        if held.state != "held":
            return held
        try:
            one = await self._last(parameters, call)
        except HotwashError:
            # The process that stops it holds on, and FIS ends it in any case.
            return held
        if one is None or not one.is_over or proof(one.template, one.states, one.status)[0]:
            return held
        by = RevertedBy.DURATION if one.status == "completed" else RevertedBy.LEASE
        return LeaseState(state="reverted", detail=one.told, by=by, at=one.ended_at)

    async def _last(self, parameters: StartExperimentParameters, call: Call) -> Experiment | None:
        experiments = self._experiments(parameters, call)
        found = await experiments.all(call)
        return await experiments.look(call, found[-1].id) if found else None

    def _experiments(self, parameters: StartExperimentParameters, call: Call) -> Experiments:
        return Experiments(self._door, parameters, parameters.template, tag(call.performed_key))

    def _order(self, parameters: StartExperimentParameters, result: StartedExperiment, call: Call) -> StopOrder:
        target = named(self.configuration.current().actions.aws, parameters.target, "aws", "AWS target")
        return StopOrder(
            target_name=parameters.target,
            target=target,
            secrets=_secrets(target, call),
            template=parameters.template,
            mark=result.mark,
            seconds=parameters.duration.total_seconds(),
        )


def resource_of(template: str) -> str:
    """As `resources` of the target name it."""
    return f"fis/{template}"


def _secrets(target: AwsTarget, call: Call) -> dict[str, str] | None:
    keys = target.credentials
    if not isinstance(keys, AwsKeys):
        return None
    references = [keys.access_key_id, keys.secret_access_key, keys.session_token]
    return {reference: call.secret(reference) for reference in references if reference is not None}


def _experiment(one: dict[str, Any]) -> Experiment:
    state = one["state"]
    return Experiment(
        id=one["id"],
        status=state["status"],
        reason=state.get("reason") or "",
        began_at=one.get("creationTime"),
        ended_at=one.get("endTime"),
        template=template_of(one),
        states={
            name: action.get("state", {}).get("status", "pending") for name, action in one.get("actions", {}).items()
        },
    )
