"""Operators' orders about one step that end it without its own work: skip it, or take this as its output."""

from domain.run import OverrideOutput, RunCommand, SkipStep, StepStatus
from domain.timeline import EntryKind
from workflows.steps.desk import RunDesk
from workflows.steps.state import StepEnd


def ordered(desk: RunDesk, path: str, command: RunCommand | None) -> StepEnd:
    """How the step ends by order; the order and its reason land in the timeline under the person's name."""
    if isinstance(command, SkipStep):
        desk.note(EntryKind.STEP, f"{command.by.name} skips step {path}: {command.reason}", command.by, path=path)
        return StepEnd(status=StepStatus.SKIPPED, reason="skipped_by_person", sentence=command.reason)
    if isinstance(command, OverrideOutput):
        desk.note(
            EntryKind.STEP, f"{command.by.name} sets the output of step {path}: {command.reason}", command.by, path=path
        )
        return StepEnd(
            status=StepStatus.SUCCEEDED, reason="overridden_by_person", output=command.output, sentence=command.reason
        )
    message = f"step {path!r} cannot obey {type(command).__name__}"
    raise ValueError(message)
