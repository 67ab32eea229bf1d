"""The desk of one run: everything that is known of it, and the only place where that changes.

`RunbookRun`'s handlers put commands on it, step kinds work off it, and it keeps timeline and pictures up to date. All
of it fits into one `Carried` model, so that a run may continue as new between any two pieces of work.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

from domain.approval import supersede
from domain.ids import RunId, approval_id
from domain.message import DeliveryStatus, Message, MessageReceipt, Template
from domain.record import ProjectionKind
from domain.run import (
    RUN_COMMANDS,
    ApprovalState,
    ApprovalStatus,
    Effect,
    RunCommand,
    RunState,
    RunStatus,
    StepState,
    StepStatus,
)
from domain.run_decisions import Desk, status_of
from domain.timeline import Actor, Entry, EntryKind, automation
from runbooks.expressions import with_aliases
from runbooks.schema import RunStart, Step
from runbooks.walk import ANY_ITEM, Level, levels, visible_from, walk
from workflows.courier import Courier
from workflows.locks import LockDesk
from workflows.recorder import Recorder
from workflows.steps.showing import brief, is_iteration, shown_steps, size
from workflows.steps.state import (
    BlockState,
    Carried,
    Ending,
    Happened,
    LineEnd,
    Phase,
    StepEnd,
    packed,
    unpacked,
)

# All outputs together, half of what Temporal takes as the input of a continued run (2 MB).
_KEPT_BYTES = 1024 * 1024
# A line that waits for a continued run is not kept waiting for long by another line's slow step ...
_PARKING_PATIENCE = timedelta(minutes=1)
# ... but tried again after so many further events, and from here on waited for: Temporal warns at 10,240 events.
_EVENTS_BETWEEN = 2_000
_EVENTS_AT_MOST = 8_000


class RunDesk:
    """State and record of one run; step kinds get it as their only argument besides the step."""

    def __init__(self, start: RunStart) -> None:
        self.start = start
        self.document = start.runbook.document
        self.specs = start.runbook.actions
        self.me: Actor = automation(f"runbook:{start.runbook.reference.name}")
        self.recorder = Recorder(start.recorder, wakes_often=True)
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
        # By key, in the order in which they came about.
        self.happened: dict[str, Happened] = {}
        self.blocks: dict[str, BlockState] = {}
        self.line_ends: dict[str, LineEnd] = {}
        # Prefixes of lines that have lost or run out of time: nothing new begins there.
        self.stopped: set[str] = set()
        # How often work has stopped to wait for a continued run.
        self.parkings = 0
        # Lines of blocks under way at this moment.
        self.lines_under_way = 0
        self.locks = LockDesk(self.me)
        self.nested = {name: each.document for name, each in start.runbook.nested.items()}
        self.reported: RunStatus | None = None
        self.final_status: RunStatus | None = None
        self._steps: dict[str, Step] = {}
        self._sizes: dict[str, int] = {}
        self._happened_bytes = 0
        self._park_from = 0
        for found in walk(self.document):
            if ANY_ITEM not in found.pattern.split("."):
                self.open(found.step, found.pattern)
        if start.carried is not None:
            self._take_up(unpacked(start.carried))

    # --- what is known ---

    @property
    def workflow_id(self) -> str:
        """Leads every idempotency key."""
        return workflow.info().workflow_id

    def is_stopping(self, path: str = "") -> bool:
        """Whether no new forward work may start: nowhere in the run, or not in the line in which the step stands."""
        if self.phase is Phase.FORWARD and self.ending is not None:
            return True
        return any(path.startswith(prefix) for prefix in self.stopped)

    def open(self, step: Step, path: str) -> StepState:
        """The state of a step; met for the first time, it is pending."""
        self._steps[path] = step
        if path not in self.states:
            self.states[path] = StepState(id=step.id, path=path, kind=step.kind, title=step.title, action=step.action)
        return self.states[path]

    def step(self, path: str) -> Step:
        """The step as it is written."""
        if path not in self._steps:
            self._steps[path] = self.way(path)[-1].step
        return self._steps[path]

    def way(self, path: str) -> list[Level]:
        """The steps around a step, outermost first, and the step."""
        return levels(path, self.document, self.nested)

    def block(self, path: str) -> BlockState:
        """What a block remembers."""
        return self.blocks.setdefault(path, BlockState())

    def key(self, path: str) -> str:
        """The idempotency key of a step: never of an attempt; a new one only where it was decided to do it anew."""
        again = self.states[path].again
        return f"{self.workflow_id}/{path}" + (f"/again-{again}" if again else "")

    def scope(self, path: str, own_output: Any = None) -> dict[str, Any]:
        """What expressions of a step may read."""
        way = self.way(path)
        document, parameters, items = self.document, self.parameters, dict[str, Any]()
        for level in way[:-1]:
            block = self.blocks.get(level.path, BlockState())
            if level.step.runbook is not None:
                # A nested runbook knows its parameters, and nothing of who nests it.
                document, parameters, items = self.nested[level.step.runbook.name], block.parameters or {}, {}
            elif level.step.foreach is not None:
                items[level.step.foreach.as_] = (block.items or [])[int(level.line)]
        steps = {
            name: {"output": state.output, "status": state.status.value, "error": state.error}
            for name, where in visible_from(way).items()
            if (state := self.states.get(where)) is not None
        }
        return {
            **items,
            "params": with_aliases(parameters),
            "steps": with_aliases(steps),
            "incident": {"id": self.start.incident_id, **self.start.incident},
            "run": {"id": self.start.id, "drill": self.start.drill, "runbook": document.name},
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
        is_unwinding = self.phase is not Phase.FORWARD or self.ending is not None
        asks, decided = frozenset(self.asks), frozenset(self.instructions)
        return Desk(is_paused=self.is_paused, is_unwinding=is_unwinding, asks=asks, decided=decided)

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
            steps=shown_steps(self.states.values(), self.asks),
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
        kept = end.output if self._has_room_for(end.output) else brief(end.output)
        self._sizes[path] = size(kept)
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
        if good and is_iteration(path):
            # A line per item and step would bury the timeline; the loop says how many went well.
            return
        state = self.states[path]
        sentence = f" - {end.sentence}" if end.sentence else ""
        self.note(EntryKind.STEP, f"Step {path}: {end.status.value}{sentence}", path=path, reason=end.reason,
                  status=state.status.value, attempts=state.attempts)  # fmt: skip

    def remember(self, path: str, key: str, output: Any) -> None:
        """An effect is (or may be) there."""
        self.forget(key)
        if is_iteration(path) and not self.can_undo(path):
            return
        kept = output if isinstance(output, dict) else None
        if kept is not None and self._happened_bytes + size(kept) > _KEPT_BYTES:
            sentence = f"Step {path}: its output is not kept for its undo, because the run keeps {_KEPT_BYTES} bytes"
            self.note(EntryKind.TROUBLE, sentence, path=path)
            kept = None
        self._happened_bytes += size(kept)
        self.happened[key] = Happened(path=path, key=key, output=kept)

    def forget(self, key: str) -> None:
        """An effect is surely not there (any more)."""
        gone = self.happened.pop(key, None)
        if gone is not None:
            self._happened_bytes -= size(gone.output)

    def can_undo(self, path: str) -> bool:
        """Whether anything takes a step's effect back."""
        step = self.step(path)
        if step.undo == "auto":
            spec = self.specs.get(step.action or "")
            return spec is not None and spec.has_undo and spec.effect is not Effect.READ_ONLY
        return step.undo != "none"

    def drop(self, path: str) -> None:
        """Forget a step of an item that went well."""
        del self.states[path]
        self._sizes.pop(path, None)
        self._steps.pop(path, None)

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
        self._close("", "run_ended")

    def close_under(self, prefix: str, reason: str) -> None:
        """The same for the lines of a block."""
        self._close(prefix, reason)

    def _close(self, prefix: str, reason: str) -> None:
        now = workflow.now()
        why = self.ending.reason if self.ending else f"the {reason.replace('_', ' has ')}"
        paths = [path for path in self.states if path.startswith(prefix) and not self._is_yet_to_come(path)]
        for path in paths:
            state = self.states[path]
            if state.status in {StepStatus.RUNNING, StepStatus.WAITING}:
                self.set(path, status=StepStatus.CANCELLED, reason=reason, finished_at=now, waiting_for=None)
                self.note(EntryKind.STEP, f"Step {path}: cancelled", path=path, reason=reason)
            elif state.status is StepStatus.PENDING:
                self.set(path, status=StepStatus.SKIPPED, reason=reason)
            if path in self.asks:
                self.answered(path)
        for path, approval in self.approvals.items():
            if path.startswith(prefix) and approval.state is ApprovalStatus.PENDING:
                self.set_approval(path, supersede(approval, why, now))

    def _is_yet_to_come(self, path: str) -> bool:
        """Whether a step is a final one, of the run or of a nested runbook, and the run has not ended."""
        return self.phase is not Phase.OVER and any(
            level.sequence is level.document.finally_ for level in self.way(path)
        )

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
        if self._is_long():
            self.parkings += 1
            await workflow.wait_condition(lambda: not self._is_long())

    def may_hand_over(self) -> bool:
        """Whether history is long enough, and nothing is under way."""
        return self.working == 0 and self._is_long()

    async def keep_parking_short(self) -> None:
        """Where lines run side by side, let the parked ones go on when another one is at a slow step; start it once."""
        while True:
            await workflow.wait_condition(lambda: self.lines_under_way > 1 and self.working > 0 and self._is_long())
            try:
                await workflow.wait_condition(lambda: self.working == 0, timeout=_PARKING_PATIENCE)
            except TimeoutError:
                if workflow.info().get_current_history_length() < _EVENTS_AT_MOST:
                    self._park_from = workflow.info().get_current_history_length() + _EVENTS_BETWEEN

    def _is_long(self) -> bool:
        info = workflow.info()
        return info.is_continue_as_new_suggested() and info.get_current_history_length() >= self._park_from

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
            happened=tuple(self.happened.values()),
            reported=self.reported,
            confirmed_not_done=tuple(sorted(self.confirmed_not_done)),
            instructions={
                path: (next(name for name, kind in RUN_COMMANDS.items() if type(command) is kind), command.model_dump())
                for path, command in self.instructions.items()
            },
            blocks=self.blocks,
            line_ends=self.line_ends,
            locks=self.locks.carry(),
        )
        update = {
            "carried": packed(carried),
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
        self._sizes = {state.path: size(state.output) for state in carried.steps}
        self.approvals = dict(carried.approvals)
        self.asks = dict(carried.asks)
        self.happened = {each.key: each for each in carried.happened}
        self._happened_bytes = sum(size(each.output) for each in carried.happened)
        self.blocks = dict(carried.blocks)
        self.line_ends = dict(carried.line_ends)
        self.locks = LockDesk(self.me, carried.locks)
        self.reported = carried.reported
        self.confirmed_not_done = set(carried.confirmed_not_done)
        self.instructions = {
            path: RUN_COMMANDS[name].model_validate(body) for path, (name, body) in carried.instructions.items()
        }

    def remaining(self) -> timedelta:
        """Until the run's own timeout."""
        return max(self.started_at + self.document.timeout - workflow.now(), timedelta())

    def _has_room_for(self, output: Any) -> bool:
        return sum(self._sizes.values()) + size(output) <= _KEPT_BYTES
