"""`process.run`: start a program that `hotwash.yaml` allows by name, with arguments that it allows by pattern.

The one thing to know: there is no shell anywhere; an argument is one argument, whatever characters it holds.
"""

import re
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints
from typing_extensions import override

from activities.action import Action, Call
from activities.actions.ports import Program, ProgramRunner
from activities.ports import ConfigurationSource
from domain.configuration import AllowedProgram
from domain.errors import Rejected, RejectionKind, Transient
from domain.model import Model
from domain.run import Effect, Idempotency

# No NUL: the kernel would end the argument there, behind the pattern's back.
Argument = Annotated[str, StringConstraints(max_length=4096, pattern=r"^[^\x00]*$")]
_SHOWN_OF_AN_ERROR = 500


class ProcessRunParameters(Model):
    """Which program and with what."""

    # A name of `actions.programs`, never a path.
    program: str
    arguments: tuple[Argument, ...] = Field(default=(), max_length=64)
    timeout_seconds: float = Field(default=60.0, gt=0, le=3600)


class ProcessRunResult(Model):
    """How it ended: always with exit code 0, everything else is a failure of the step."""

    exit_code: int
    stdout: str
    stderr: str


class ProcessRun(Action[ProcessRunParameters, ProcessRunResult]):
    """One program, run to its end."""

    name = "process.run"
    summary = "Run a program that actions.programs allows, without a shell; exit code 0 is success."
    effect = Effect.MUTATING
    # The program sees our key as HOTWASH_KEY, but nothing makes it look.
    idempotency = Idempotency.AT_MOST_ONCE
    parameters_model = ProcessRunParameters
    result_model = ProcessRunResult
    example: ClassVar = {"program": "drain-node", "arguments": ["--node", "web-3"], "timeout_seconds": 120}

    def __init__(self, configuration: ConfigurationSource, programs: ProgramRunner) -> None:
        self._configuration = configuration
        self._programs = programs

    @override
    async def perform(self, parameters: ProcessRunParameters, call: Call) -> ProcessRunResult:
        allowed = allowed_program(self._configuration, parameters.program)
        demand_allowed_arguments(parameters.program, allowed, parameters.arguments)
        limit = call.timeout_seconds
        seconds = parameters.timeout_seconds if limit is None else min(parameters.timeout_seconds, limit)
        environment = {"HOTWASH_KEY": call.key, "HOTWASH_INCIDENT": call.incident_id or ""}
        argv = (allowed.program, *parameters.arguments)
        ended = await self._programs.run(Program(argv, allowed.directory, seconds, environment))
        if ended.exit_code == 0:
            return ProcessRunResult(exit_code=0, stdout=ended.stdout, stderr=ended.stderr)
        last_words = (ended.stderr or ended.stdout).strip()[-_SHOWN_OF_AN_ERROR:]
        if ended.exit_code is None:
            raise Transient(f"{parameters.program} did not end within {seconds:g} s and was ended: {last_words}")
        raise Transient(f"{parameters.program} ended with exit code {ended.exit_code}: {last_words}")

    @override
    def sentence(self, result: ProcessRunResult) -> str:
        return "ended with exit code 0"


def allowed_program(configuration: ConfigurationSource, name: str) -> AllowedProgram:
    """A program of `actions.programs`; Rejected when there is none of that name."""
    allowed = configuration.current().actions.programs.get(name)
    if allowed is None:
        raise Rejected(
            f"no program is called {name!r}; define it under actions.programs in hotwash.yaml", RejectionKind.NOT_FOUND
        )
    return allowed


def demand_allowed_arguments(name: str, allowed: AllowedProgram, arguments: tuple[str, ...]) -> None:
    """Rejected unless one of the patterns fits: as many arguments as it has, each matched from end to end."""
    try:
        fits = any(
            len(patterns) == len(arguments)
            and all(re.fullmatch(pattern, argument) for pattern, argument in zip(patterns, arguments, strict=True))
            for patterns in allowed.arguments
        )
    except re.error as error:
        raise Rejected(f"actions.programs.{name} in hotwash.yaml holds a broken pattern: {error}") from None
    if not fits:
        raise Rejected(
            f"{name} may not be run with the arguments {list(arguments)!r}; "
            f"see actions.programs.{name}.arguments in hotwash.yaml",
            RejectionKind.FORBIDDEN,
        )
