"""The desk of one run: everything that is known of it, and the only place where that changes.

`RunbookRun`'s handlers put commands on it, step kinds work off it, and it keeps timeline and pictures up to date. All
of it fits into one `Carried` model, so that a run may continue as new between any two pieces of work.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import Field
from temporalio import workflow

from domain.approval import supersede
from domain.ids import RunId, approval_id
from domain.message import DeliveryStatus, Message, MessageReceipt, Template
from domain.model import Model
from domain.record import ProjectionKind
from domain.run import (
    RUN_COMMANDS,
    ApprovalState,
    ApprovalStatus,
    RunCommand,
    RunState,
    RunStatus,
    StepState,
    StepStatus,
)
from domain.run_decisions import Desk, status_of
from domain.timeline import Actor, Entry, EntryKind, automation
from runbooks.expressions import with_aliases
from runbooks.schema import RunStart, Step, covered_ids
from workflows.courier import Courier
from workflows.recorder import Recorder

# What pictures, queries and answers show of one output; the whole of it is on the step's page in the engine.
_SHOWN_BYTES = 4 * 1024
# All outputs together, half of what Temporal takes as the input of a continued run (2 MB).
_KEPT_BYTES = 1024 * 1024


class Phase(StrEnum):
    """The stages of a run, in their order."""

    FORWARD = "forward"
    UNDOING = "undoing"
    FINAL = "final"
    OVER = "over"


class StepEnd(Model):
    """How a step ended; every kind gives one."""

    status: StepStatus
    # A named reason, for machines and golden files.
    reason: str
    output: Any = None
    # What happened, or what went wrong, as a sentence.
    sentence: str = ""
    # The step failed, was stopped or is in doubt, and its effect may be there all the same: undo counts it in.
    may_have_happened: bool = False
    # Under which idempotency key.
    key: str | None = None


class Happened(Model):
    """An effect that an undo has to take back."""

    path: str
    key: str
    # As the action returned it; the undo reads it.
    output: dict[str, Any] | None = None


class Ending(Model):
    """Why the forward work ends before its last step."""

    status: RunStatus
    reason: str
    undo: bool


class Carried(Model):
    """What continue-as-new takes along."""

    phase: Phase
    is_paused: bool
    started_at: datetime
    parameters: dict[str, Any]
    ending: Ending | None
    steps: tuple[StepState, ...]
    approvals: dict[str, ApprovalState]
    asks: dict[str, str]
    happened: tuple[Happened, ...]
    reported: RunStatus | None
    confirmed_not_done: tuple[str, ...] = ()
    # Commands about steps that have not been reached yet: path to the command's name and body.
    instructions: dict[str, tuple[str, dict[str, Any]]] = Field(default_factory=dict)


class RunDesk:
    """State and record of one run; step kinds get it as their only argument besides the step."""

    def __init__(self, start: RunStart) -> None:
        self.start = start
        self.document = start.runbook.document
        self.specs = start.runbook.actions
        self.me: Actor = automation(f"runbook:{start.runbook.reference.name}")
        self.recorder = Recorder(start.recorder)
        self.courier = Courier(self._on_receipt, start.courier)
        self.phase = Phase.FORWARD
        self.ending: Ending | None = None
        self.is_paused = False
        self.is_dirty = False
        self.working = 0
        self.started_at = workflow.now()
        self.finished_at: datetime | None = None
        self.parameters = dict(start.parameters)
        self.states: dict[str, StepState] = {}
        self.approvals: dict[str, ApprovalState] = {}
        self.asks: dict[str, str] = {}
        self.instructions: dict[str, RunCommand] = {}
        self.confirmed_not_done: set[str] = set()
        self.happened: list[Happened] = []
        self.reported: RunStatus | None = None
        self.final_status: RunStatus | None = None
        self._steps: dict[str, Step] = {}
        self._sizes: dict[str, int] = {}
        self._approved_by: dict[str, tuple[str, ...]] = {}
        for block in (self.document.steps, self.document.finally_):
            for index, step in enumerate(block):
                self.open(step, step.id)
                for name in covered_ids(block, index):
                    self._approved_by[name] = (*self._approved_by.get(name, ()), step.id)
        if start.carried is not None:
            self._take_up(Carried.model_validate(start.carried))

    # --- what is known ---

    @property
    def workflow_id(self) -> str:
        """Leads every idempotency key."""
        return workflow.info().workflow_id

    @property
    def is_stopping(self) -> bool:
        """Whether no new forward work may start."""
        return self.phase is Phase.FORWARD and self.ending is not None

    def open(self, step: Step, path: str) -> StepState:
        """The state of a step; met for the first time, it is pending."""
        self._steps[path] = step
        if path not in self.states:
            self.states[path] = StepState(id=step.id, path=path, kind=step.kind, title=step.title, action=step.action)
        return self.states[path]

    def step(self, path: str) -> Step:
        """The step as it is written."""
        return self._steps[path]

    def approvals_of(self, step: Step) -> tuple[str, ...]:
        """The approvals that cover a step."""
        return self._approved_by.get(step.id, ())

    def key(self, path: str) -> str:
        """The idempotency key of a step: never of an attempt; a new one only where it was decided to do it anew."""
        again = self.states[path].again
        return f"{self.workflow_id}/{path}" + (f"/again-{again}" if again else "")

    def scope(self, own_output: Any = None) -> dict[str, Any]:
        """What expressions may read."""
        steps = {
            path: {"output": state.output, "status": state.status.value, "error": state.error}
            for path, state in self.states.items()
        }
        return {
            "params": with_aliases(self.parameters),
            "steps": with_aliases(steps),
            "incident": {"id": self.start.incident_id, **self.start.incident},
            "run": {"id": self.start.id, "drill": self.start.drill, "runbook": self.document.name},
            "output": own_output,
        }

    def status(self) -> RunStatus:
        """How the run stands."""
        if self.final_status is not None:
            return self.final_status
        return status_of(
            self.states.values(),
            is_paused=self.is_paused,
            is_undoing=self.phase is Phase.UNDOING,
            asks=self.asks,
        )

    def decisions(self) -> Desk:
        """What is open, for the rules about commands."""
        return Desk(
            is_paused=self.is_paused,
            is_unwinding=self.phase is not Phase.FORWARD or self.ending is not None,
            asks=frozenset(self.asks),
            decided=frozenset(self.instructions),
        )

    def view(self) -> RunState:
        """The run as everybody sees it."""
        return RunState(
            id=self.start.id,
            incident_id=self.start.incident_id,
            runbook=self.start.runbook.reference,
            title=self.document.title,
            status=self.status(),
            requested_by=self.start.requested_by,
            parameters=self.parameters,
            steps=tuple(state.model_copy(update={"output": _brief(state.output)}) for state in self.states.values()),
            started_at=self.started_at,
            finished_at=self.finished_at,
            reason=self.ending.reason if self.ending else None,
            waiting_for=self._waiting_for(),
            drill=self.start.drill,
        )

    def _waiting_for(self) -> str | None:
        if self.final_status is not None:
            return None
        for sentence in self.asks.values():
            return sentence
        if self.is_paused:
            return "a person who resumes the run"
        return next((state.waiting_for for state in self.states.values() if state.waiting_for), None)

    # --- what changes ---

    def set(self, path: str, **changes: Any) -> StepState:
        """Change what is known of a step."""
        self.states[path] = self.states[path].model_copy(update=changes)
        self.is_dirty = True
        return self.states[path]

    def begin(self, path: str, **changes: Any) -> None:
        """A step is under way; one that a continued run takes up again keeps its start."""
        started_at = self.states[path].started_at or workflow.now()
        self.set(path, status=StepStatus.RUNNING, started_at=started_at, error=None, finished_at=None, **changes)

    def wait(self, path: str, waiting_for: str) -> None:
        """A step waits, and says for whom or what."""
        started_at = self.states[path].started_at or workflow.now()
        self.set(path, status=StepStatus.WAITING, started_at=started_at, waiting_for=waiting_for)

    def settle(self, path: str, end: StepEnd) -> None:
        """A step has ended."""
        kept = end.output if self._has_room_for(end.output) else _brief(end.output)
        self._sizes[path] = _size(kept)
        good = end.status in {StepStatus.SUCCEEDED, StepStatus.SKIPPED}
        self.set(
            path,
            status=end.status,
            output=kept,
            error=None if good else end.sentence,
            reason=end.reason,
            finished_at=workflow.now(),
            waiting_for=None,
        )
        if end.key is not None and end.status is StepStatus.SUCCEEDED:
            self.remember(path, end.key, end.output)
        elif end.key is not None and not end.may_have_happened:
            self.forget(end.key)
        state = self.states[path]
        sentence = f" - {end.sentence}" if end.sentence else ""
        self.note(EntryKind.STEP, f"Step {path}: {end.status.value}{sentence}", path=path, reason=end.reason,
                  status=state.status.value, attempts=state.attempts)  # fmt: skip

    def remember(self, path: str, key: str, output: Any) -> None:
        """An effect is (or may be) there."""
        self.forget(key)
        self.happened.append(Happened(path=path, key=key, output=output if isinstance(output, dict) else None))

    def forget(self, key: str) -> None:
        """An effect is surely not there (any more)."""
        self.happened = [each for each in self.happened if each.key != key]

    def take(self, path: str) -> RunCommand | None:
        """The command about a step that waits to be carried out, once."""
        return self.instructions.pop(path, None)

    def ask(self, path: str, sentence: str) -> None:
        """A person has to decide about a step; the commander is told."""
        is_new = path not in self.asks
        self.asks[path] = sentence
        self.set(path, waiting_for=sentence)
        if is_new:
            self.note(EntryKind.TROUBLE, f"Step {path} waits for {sentence}", path=path)
            people = (self.start.commander,) if self.start.commander else ()
            attempts = self.states[path].attempts
            about = {"title": f"Decide about step {path}", "instructions": sentence}
            self.tell(
                Template.MANUAL_STEP, f"{path}/ask/{self.states[path].status.value}-{attempts}", path, people, about
            )

    def answered(self, path: str) -> None:
        """The person has decided."""
        self.asks.pop(path, None)
        self.set(path, waiting_for=None)

    def end(self, status: RunStatus, reason: str, *, undo: bool) -> None:
        """No new forward work; the first reason counts."""
        if self.ending is None:
            self.ending = Ending(status=status, reason=reason, undo=undo)
            self.is_dirty = True

    def close_forward(self) -> None:
        """Nothing more goes forward: say so of every step that is left, and of every open question."""
        now = workflow.now()
        why = self.ending.reason if self.ending else "the run has ended"
        finals = {step.id for step in self.document.finally_}
        for path, state in self.states.items():
            if path in finals and self.phase is not Phase.OVER:
                continue
            if state.status in {StepStatus.RUNNING, StepStatus.WAITING}:
                self.set(path, status=StepStatus.CANCELLED, reason="run_ended", finished_at=now, waiting_for=None)
                self.note(EntryKind.STEP, f"Step {path}: cancelled", path=path, reason="run_ended")
            elif state.status is StepStatus.PENDING:
                self.set(path, status=StepStatus.SKIPPED, reason="run_ended")
            if path in self.asks:
                self.answered(path)
        for path, approval in self.approvals.items():
            if approval.state is ApprovalStatus.PENDING:
                self.set_approval(path, supersede(approval, why, now))

    def set_approval(self, path: str, approval: ApprovalState) -> None:
        """Keep and show an approval."""
        self.approvals[path] = approval
        self.recorder.picture(ProjectionKind.APPROVAL, approval.id, approval, self.start.incident_id)

    def approval_id(self, path: str) -> str:
        """The id under which people decide."""
        return approval_id(RunId(self.start.id), path)

    # --- what is told ---

    def note(self, kind: EntryKind, summary: str, by: Actor | None = None, **details: Any) -> None:
        """A line of the incident's timeline."""
        entry = Entry(
            at=workflow.now(), kind=kind, actor=by or self.me, summary=summary,
            details={"run_id": self.start.id, **details},
        )  # fmt: skip
        self.recorder.note(entry, self.start.incident_id)
        self.is_dirty = True

    def tell(self, template: Template, key: str, path: str, people: tuple[str, ...], about: dict[str, Any]) -> None:
        """A message to people; with nobody to tell, the timeline says so instead."""
        if not people:
            self.note(EntryKind.TROUBLE, f"Step {path}: there is nobody to tell; see the console", path=path)
            return
        context = {
            "incident": {"id": self.start.incident_id, **self.start.incident},
            "run": {"id": self.start.id, "title": self.document.title},
            "step": path,
            **about,
        }
        self.courier.send(
            Message(
                key=f"{self.workflow_id}/{key}", template=template, context=context, people=people,
                incident_id=self.start.incident_id, drill=self.start.drill,
            )
        )  # fmt: skip

    def paint(self) -> None:
        """Queue the newest picture of the run."""
        self.is_dirty = False
        self.recorder.picture(ProjectionKind.RUN, self.start.id, self.view(), self.start.incident_id)

    def _on_receipt(self, message: Message, receipt: MessageReceipt | None, problem: str) -> None:
        if receipt is None:
            self.note(EntryKind.TROUBLE, f"A message could not be sent: {problem}", message=message.key)
            return
        for delivery in receipt.deliveries:
            what, became = (word.value.replace("_", " ") for word in (message.template, delivery.status))
            kind = EntryKind.REMINDER if delivery.status is DeliveryStatus.DELIVERED else EntryKind.TROUBLE
            summary = f"{what} to {delivery.to} over {delivery.channel}: {became}"
            self.note(kind, summary, message=message.key, deliveries=[delivery.model_dump(mode="json")])

    # --- continuing as new ---

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Something is under way that a continued run could not take up in the middle."""
        self.working += 1
        try:
            yield
        finally:
            self.working -= 1

    async def parked(self) -> None:
        """Between two pieces of work: when history is long enough, stay here until the run continues as new."""
        if workflow.info().is_continue_as_new_suggested():
            await workflow.wait_condition(lambda: False)

    def may_hand_over(self) -> bool:
        """Whether history is long enough, and nothing is under way."""
        return self.working == 0 and workflow.info().is_continue_as_new_suggested()

    def carry(self) -> RunStart:
        """The input of the continued run."""
        carried = Carried(
            phase=self.phase,
            is_paused=self.is_paused,
            started_at=self.started_at,
            parameters=self.parameters,
            ending=self.ending,
            steps=tuple(self.states.values()),
            approvals=self.approvals,
            asks=self.asks,
            happened=tuple(self.happened),
            reported=self.reported,
            confirmed_not_done=tuple(sorted(self.confirmed_not_done)),
            instructions={
                path: (next(name for name, kind in RUN_COMMANDS.items() if type(command) is kind), command.model_dump())
                for path, command in self.instructions.items()
            },
        )
        update = {
            "carried": carried.model_dump(mode="json"),
            "recorder": self.recorder.carry(),
            "courier": self.courier.carry(),
        }
        return self.start.model_copy(update=update)

    def _take_up(self, carried: Carried) -> None:
        self.phase = carried.phase
        self.is_paused = carried.is_paused
        self.started_at = carried.started_at
        self.parameters = carried.parameters
        self.ending = carried.ending
        self.states.update({state.path: state for state in carried.steps})
        self._sizes = {state.path: _size(state.output) for state in carried.steps}
        self.approvals = dict(carried.approvals)
        self.asks = dict(carried.asks)
        self.happened = list(carried.happened)
        self.reported = carried.reported
        self.confirmed_not_done = set(carried.confirmed_not_done)
        self.instructions = {
            path: RUN_COMMANDS[name].model_validate(body) for path, (name, body) in carried.instructions.items()
        }

    def remaining(self) -> timedelta:
        """Until the run's own timeout."""
        return max(self.started_at + self.document.timeout - workflow.now(), timedelta())

    def _has_room_for(self, output: Any) -> bool:
        return sum(self._sizes.values()) + _size(output) <= _KEPT_BYTES


def _size(output: Any) -> int:
    return 0 if output is None else len(json.dumps(output))


def _brief(output: Any) -> Any:
    if _size(output) <= _SHOWN_BYTES:
        return output
    return {"truncated": json.dumps(output)[:_SHOWN_BYTES] + "… [truncated]"}
