"""`check.program`: what a program says that only looks; allowed by name in `hotwash.yaml`, like those of `process.run`.

The one thing to know: a probe is asked every second or so, so a program is run here only if its owner has said that it
changes nothing (`read_only: true`).
"""

from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.checking import Checking, Seen
from activities.actions.ports import Program, ProgramRunner
from activities.actions.process_run import Argument, allowed_program, demand_allowed_arguments
from activities.ports import ConfigurationSource
from domain.errors import Rejected, RejectionKind
from domain.model import Model

_SHOWN = 200


class CheckProgramParameters(Model):
    """Which program and with what, and what is wanted of it."""

    # A name of `actions.programs` with `read_only: true`, never a path.
    program: str
    arguments: tuple[Argument, ...] = Field(default=(), max_length=64)
    # With which it has to end.
    exit_code: int = Field(default=0, ge=0, le=255)
    # What its output has to hold besides; None: anything.
    says: str | None = Field(default=None, min_length=1, max_length=4096)
    # A program that looks is done in a second or two; a probe that takes longer shows nothing of now.
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)


class CheckProgramResult(Seen):
    """How it ended; `exit_code` None: it did not end in time, or by a signal."""

    exit_code: int | None
    stdout: str
    stderr: str


class CheckProgram(Checking[CheckProgramParameters, CheckProgramResult]):
    """One program, run to its end."""

    name = "check.program"
    summary = "Run a program that actions.programs allows as read_only, and look at its exit code and what it says."
    parameters_model = CheckProgramParameters
    result_model = CheckProgramResult
    example: ClassVar = {"program": "queue-length", "arguments": ["--queue", "orders"], "says": "empty"}

    def __init__(self, configuration: ConfigurationSource, programs: ProgramRunner) -> None:
        self._configuration = configuration
        self._programs = programs

    @override
    async def look(self, parameters: CheckProgramParameters, call: Call) -> CheckProgramResult:
        allowed = allowed_program(self._configuration, parameters.program)
        if not allowed.read_only:
            raise Rejected(
                f"{parameters.program} may change something, and a check changes nothing; if it only looks, say "
                f"`read_only: true` at actions.programs.{parameters.program} in hotwash.yaml",
                RejectionKind.FORBIDDEN,
            )
        demand_allowed_arguments(parameters.program, allowed, parameters.arguments)
        argv = (allowed.program, *parameters.arguments)
        limit = call.timeout_seconds
        seconds = parameters.timeout_seconds if limit is None else min(parameters.timeout_seconds, limit)
        ended = await self._programs.run(Program(argv, allowed.directory, seconds))
        reason = f"{parameters.program} ended with exit code {ended.exit_code}"
        says_it = parameters.says is None or parameters.says in ended.stdout
        if ended.exit_code is None:
            reason = f"{parameters.program} did not end within {seconds:g} s and was ended"
        elif ended.exit_code != parameters.exit_code:
            words = " ".join((ended.stderr or ended.stdout).split())[:_SHOWN]
            reason += f", wanted {parameters.exit_code}" + (f": {words}" if words else "")
        elif not says_it:
            reason += f" and does not say {parameters.says!r}"
        return CheckProgramResult(
            holds=ended.exit_code == parameters.exit_code and says_it,
            reason=reason,
            exit_code=ended.exit_code,
            stdout=ended.stdout,
            stderr=ended.stderr,
        )
