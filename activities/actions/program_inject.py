"""`program.inject`: a fault that a program of yours makes and another one unmakes; also for injectors of other tools.

The one thing to know: the program may be run twice with the same HOTWASH_KEY (a worker that dies in between makes it
so), and the program that reverts may be run when nothing was made; both must bear it.
"""

from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.machine import Machine, cannot_run
from activities.actions.ports import Ended, Program, ProgramRunner
from activities.actions.process_run import Argument, demand_allowed_arguments
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, LeaseStatus, Run
from activities.ports import ConfigurationSource
from domain.configuration import AllowedProgram
from domain.errors import Rejected, RejectionKind, Transient

# As long as a step of a recipe gets (activities/leases.py: Run), so that making it takes no longer than unmaking it.
_SECONDS = 20.0
_SHOWN_OF_AN_ERROR = 500
_MOST_ARGUMENTS = 64


class ProgramInjectParameters(FaultParameters):
    """Which programs; names of `actions.programs`, never paths. No argument may be a secret."""

    program: str
    arguments: tuple[Argument, ...] = Field(default=(), max_length=_MOST_ARGUMENTS)
    revert_program: str
    revert_arguments: tuple[Argument, ...] = Field(default=(), max_length=_MOST_ARGUMENTS)
    # Ends with exit code 0 while the fault is there; left out: nobody can ask, and only the steady state shows it.
    check_program: str | None = None
    check_arguments: tuple[Argument, ...] = Field(default=(), max_length=_MOST_ARGUMENTS)


class InjectedByProgram(Injected):
    """Which program did it."""

    program: str = ""


class ProgramInject(FaultAction[ProgramInjectParameters, InjectedByProgram]):
    """One program that breaks something, and one that mends it."""

    name = "program.inject"
    summary = "Let a program of actions.programs break something, in a drill only; another one mends it."
    parameters_model = ProgramInjectParameters
    result_model = InjectedByProgram
    example: ClassVar = {
        "program": "break-shop",
        "revert_program": "mend-shop",
        "check_program": "is-shop-broken",
        "duration": "2m",
    }

    def __init__(
        self, configuration: ConfigurationSource, leases: Leases, machine: Machine, programs: ProgramRunner
    ) -> None:
        super().__init__(configuration, leases)
        self._machine = machine
        self._programs = programs

    @override
    async def capability(self, parameters: ProgramInjectParameters, call: Call) -> Finding:
        for name, arguments in _all(parameters):
            allowed = self._allowed(name, arguments)
            problem = cannot_run(self._machine, allowed.program, f"actions.programs.{name}")
            if problem is not None:
                return Finding(holds=False, detail=problem)
        return Finding(holds=True, detail=f"{parameters.program} and {parameters.revert_program} can be run")

    @override
    async def plan(self, parameters: ProgramInjectParameters, call: Call) -> Plan[InjectedByProgram]:
        back = self._allowed(parameters.revert_program, parameters.revert_arguments)
        argv = (back.program, *parameters.revert_arguments)
        result = InjectedByProgram(what=f"{parameters.program} was run", program=parameters.program)
        return Plan(result, (Run(argv=argv, seconds=_SECONDS, directory=back.directory),))

    @override
    async def inject(self, parameters: ProgramInjectParameters, result: InjectedByProgram, call: Call) -> None:
        ended = await self._run(parameters.program, parameters.arguments, call)
        if ended.exit_code != 0:
            how = "did not end in time" if ended.exit_code is None else f"ended with exit code {ended.exit_code}"
            words = (ended.stderr or ended.stdout).strip()[-_SHOWN_OF_AN_ERROR:]
            raise Transient(f"{parameters.program} {how}: {words}")

    @override
    async def observe(self, parameters: ProgramInjectParameters, result: InjectedByProgram, call: Call) -> Finding:
        if parameters.check_program is None:
            return Finding(holds=None, detail=f"{parameters.program} has no check_program that could be asked")
        ended = await self._run(parameters.check_program, parameters.check_arguments, call)
        return Finding(holds=ended.exit_code == 0, detail=_said(parameters.check_program, ended))

    @override
    async def residue(self, parameters: ProgramInjectParameters, result: InjectedByProgram, call: Call) -> Finding:
        if parameters.check_program is not None:
            ended = await self._run(parameters.check_program, parameters.check_arguments, call)
            is_clean = None if ended.exit_code is None else ended.exit_code != 0
            return Finding(holds=is_clean, detail=_said(parameters.check_program, ended))
        lease = await self.leases.find(call.performed_key)
        is_back = lease is not None and lease.status is LeaseStatus.REVERTED
        detail = f"{parameters.revert_program} {'has ended with exit code 0' if is_back else 'was not run'}"
        return Finding(holds=is_back, detail=detail)

    def _allowed(self, name: str, arguments: tuple[str, ...]) -> AllowedProgram:
        allowed = self.configuration.current().actions.programs.get(name)
        if allowed is None:
            raise Rejected(
                f"no program is called {name!r}; define it under actions.programs in hotwash.yaml",
                RejectionKind.NOT_FOUND,
            )
        demand_allowed_arguments(name, allowed, arguments)
        return allowed

    async def _run(self, name: str, arguments: tuple[str, ...], call: Call) -> Ended:
        allowed = self._allowed(name, arguments)
        limit = call.seconds_left
        seconds = _SECONDS if limit is None else min(_SECONDS, max(limit, 0.1))
        environment = {"HOTWASH_KEY": call.performed_key}
        return await self._programs.run(Program((allowed.program, *arguments), allowed.directory, seconds, environment))


def _all(parameters: ProgramInjectParameters) -> list[tuple[str, tuple[str, ...]]]:
    named = [
        (parameters.program, parameters.arguments),
        (parameters.revert_program, parameters.revert_arguments),
    ]
    return named + ([(parameters.check_program, parameters.check_arguments)] if parameters.check_program else [])


def _said(name: str, ended: Ended) -> str:
    return f"{name} {'did not end in time' if ended.exit_code is None else f'ended with exit code {ended.exit_code}'}"
