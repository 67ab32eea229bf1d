"""The kind `manual`: a person does something and says so; until then they are reminded."""

from datetime import datetime

from temporalio import workflow

from domain.approval import people_asked
from domain.errors import Rejected
from domain.message import Template
from domain.run import CompleteManualStep, StepStatus
from domain.timeline import EntryKind
from runbooks.schema import Manual, Step
from workflows.steps.calls import rendered
from workflows.steps.desk import RunDesk
from workflows.steps.orders import ordered
from workflows.steps.state import StepEnd


async def run_manual(desk: RunDesk, step: Step, path: str) -> StepEnd:
    """Tell the assignee, remind them, and wait for what they say; `deadline` limits it."""
    manual = step.manual or Manual(instructions="")
    if desk.states[path].status is not StepStatus.WAITING:
        try:
            text = str(await rendered(desk, manual.instructions, path))
        except Rejected as error:
            return StepEnd(status=StepStatus.FAILED, reason="not_rendered", sentence=error.sentence)
        who = manual.assignee or desk.start.commander or "the commander"
        desk.set(path, rendered={"instructions": text}, attempts=desk.states[path].attempts + 1)
        desk.wait(path, f"{who}: {text}")
        desk.note(EntryKind.STEP, f"Step {path}: waits for {who} - {text}", path=path)
        _tell(desk, manual, path, reminder=0)
    return await _said(desk, step, manual, path)


async def _said(desk: RunDesk, step: Step, manual: Manual, path: str) -> StepEnd:
    began = desk.states[path].started_at or workflow.now()
    until = began + step.deadline if step.deadline else None
    while True:
        now = workflow.now()
        if until is not None and now >= until:
            return StepEnd(
                status=StepStatus.TIMED_OUT, reason="deadline_passed", sentence="nobody said that it is done"
            )
        reminder = int((now - began) / manual.remind_every) + 1
        remind_at = began + reminder * manual.remind_every
        if await _ordered_before(desk, path, min(remind_at, until or remind_at)):
            return _end(desk, path)
        if until is None or workflow.now() < until:
            _tell(desk, manual, path, reminder)


async def _ordered_before(desk: RunDesk, path: str, then: datetime) -> bool:
    try:
        await workflow.wait_condition(lambda: path in desk.instructions, timeout=then - workflow.now())
    except TimeoutError:
        return False
    return True


def _end(desk: RunDesk, path: str) -> StepEnd:
    command = desk.take(path)
    if isinstance(command, CompleteManualStep):
        desk.note(
            EntryKind.STEP, f"{command.by.name} says of step {path}: {command.note or 'done'}", command.by, path=path
        )
        status = StepStatus.SUCCEEDED if command.succeeded else StepStatus.FAILED
        reason = "completed" if command.succeeded else "could_not_be_done"
        sentence = command.note or f"{reason.replace('_', ' ')} by {command.by.name}"
        return StepEnd(status=status, reason=reason, output=command.output, sentence=sentence, key=desk.key(path))
    return ordered(desk, path, command)


def _tell(desk: RunDesk, manual: Manual, path: str, reminder: int) -> None:
    named = (manual.assignee,) if manual.assignee else ()
    commander = (desk.start.commander,) if desk.start.commander else ()
    # The one who started the run may well do its manual steps, so nobody is left out here.
    people = people_asked(named, desk.start.groups, desk.me, None) if named else commander
    state = desk.states[path]
    about = {
        "title": state.title or path,
        "instructions": (state.rendered or {}).get("instructions", manual.instructions),
    }
    desk.tell(Template.MANUAL_STEP, f"{path}/{state.attempts}/{reminder}", path, people, about)
