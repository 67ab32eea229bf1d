"""Commands: each name in a workflow's table is an Update (refused with a sentence) and a signal of the same name.

One dynamic handler of each sort serves the whole table, so that a new command is a class in the domain and a rule for
it, and nothing here. A refused Update costs no history; a refused signal can answer nobody and leaves a timeline line.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from domain.errors import HotwashError, Rejected, RejectionKind

with workflow.unsafe.imports_passed_through():
    from activities.errors import to_application_error

C = TypeVar("C", bound=BaseModel)


class CommandHandlers(Generic[C]):
    """Mix into a workflow that takes commands; handlers only change state, the workflow's main loop acts on it."""

    commands: ClassVar[Mapping[str, type[BaseModel]]] = {}

    def refuse(self, command: C) -> None:
        """Raise Rejected with a sentence when the command is not possible now. Must change nothing."""

    def obey(self, command: C) -> BaseModel:
        """Change the state; the answer goes back to the caller of an Update."""
        raise NotImplementedError

    def note_refused_signal(self, name: str, sentence: str) -> None:
        """Leave a line in the timeline about a signal that was refused."""

    def read_command(self, name: str, args: Sequence[RawValue]) -> C:
        """The command behind a name and its raw payload; Rejected when there is none such or it does not fit."""
        kind = self.commands.get(name)
        if kind is None:
            message = f"there is no command {name!r} here; there are {', '.join(sorted(self.commands))}"
            raise Rejected(message, RejectionKind.NOT_FOUND)
        if len(args) != 1:
            message = f"{name!r} takes one JSON object"
            raise Rejected(message)
        try:
            command = cast("C", workflow.payload_converter().from_payload(args[0].payload, kind))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or name
            message = f"{name!r}: {place}: {first['msg']}"
            raise Rejected(message) from error
        except Exception as error:
            # The converter wraps JSON errors in its own RuntimeError; whatever it is, the payload does not fit.
            message = f"{name!r}: the payload is not a JSON object of the right form"
            raise Rejected(message) from error
        return command

    @workflow.update(dynamic=True)
    async def on_update(self, name: str, args: Sequence[RawValue]) -> BaseModel:
        """Obey a command that the validator let through."""
        try:
            return self.obey(self.read_command(name, args))
        except HotwashError as error:
            raise to_application_error(error) from error

    @on_update.validator
    def validate_update(self, name: str, args: Sequence[RawValue]) -> None:
        """Refuse before anything is written to history."""
        try:
            self.refuse(self.read_command(name, args))
        except HotwashError as error:
            raise to_application_error(error) from error

    @workflow.signal(dynamic=True)
    async def on_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """The same command from the Temporal CLI, the UI or another workflow."""
        try:
            command = self.read_command(name, args)
            self.refuse(command)
            self.obey(command)
        except (HotwashError, ApplicationError) as error:
            self.note_refused_signal(name, str(error))
