"""What a rehearsed run meets instead of the world: activities of the same names, whose results the scenario scripts.

Registered by `workers/rehearsal.py`. The one thing to know: several runs are played at the same time, and everything
that reaches a stage names its incident, which is another one for each scenario.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from activities.errors import translated
from activities.steps import CheckResult, StepRequest, StepResult, UndoRequest
from domain.errors import HotwashError, Interrupted, Rejected, RejectionKind, TimedOut, Transient, UnknownOutcome
from domain.message import Delivery, DeliveryStatus, Message, MessageReceipt
from domain.record import NumberedEntry, ProjectionKind, RecordBatch
from domain.run import ActionSpec, ApprovalState, Effect
from runbooks.action_parameters import mistakes_in
from runbooks.example import example_of
from runbooks.scenario import Outcome, Scenario, found_in, scripted
from runbooks.schema import PinnedRunbook, StopCondition
from runbooks.verdict import PlayedLine, PlayedMessage

Activity = Callable[..., Any]
_UNDO = "/undo"
_ERRORS: dict[str, Callable[[str], HotwashError]] = {
    "fail": Transient,
    "refuse": Rejected,
    "time_out": TimedOut,
    "vanish": Interrupted,
    "unknown": UnknownOutcome,
}
_SAYS = {
    "fail": "it failed",
    "refuse": "it was refused",
    "time_out": "it did not end in time",
    "vanish": "its worker vanished",
    "unknown": "nobody knows what became of it",
}


class Stage:
    """One scenario's world, and everything that came to it."""

    def __init__(self, scenario: Scenario, runbook: PinnedRunbook, specs: Mapping[str, ActionSpec]) -> None:
        self.approvals: dict[str, ApprovalState] = {}
        self.performed: list[str] = []
        self.undone: list[str] = []
        self.messages: list[tuple[datetime, Message]] = []
        self.undo_attempts: Counter[str] = Counter()
        # Called whenever the run has told something, with the time of the oldest thing that it tells and the time when
        # it came to tell it; the run's clock stands still for as long as that takes.
        self.attend: Callable[[datetime, datetime], Awaitable[None]] | None = None
        self._scenario = scenario
        self._stop_conditions = {each.id for each in found_in(runbook, StopCondition)}
        self._specs = specs
        self._entries: dict[tuple[str, int], NumberedEntry] = {}
        self._attempts: Counter[str] = Counter()

    async def perform(self, path: str, request: StepRequest) -> StepResult:
        """End an attempt as scripted; its parameters and its output are held to what the action declares."""
        self.performed.append(path)
        spec = self._fit(request)
        if spec.effect is Effect.FAULT and not request.drill:
            raise Rejected(f"{request.action} does harm on purpose and runs in a drill only", RejectionKind.FORBIDDEN)
        outcome = scripted(self._scenario.actions, path, request.action, self._attempts[path])
        self._attempts[path] += 1
        output = example_of(spec.result) | _ended(outcome)
        return StepResult(output=output, detail=f"{request.action} succeeds")

    async def undo(self, path: str, request: StepRequest) -> StepResult:
        """Take back as scripted."""
        self._fit(request)
        outcome = scripted(self._scenario.undos, path, request.action, self.undo_attempts[path])
        self.undo_attempts[path] += 1
        output = _ended(outcome)
        self.undone.append(path)
        return StepResult(output=output, detail=f"{request.action} takes it back")

    async def check(self, path: str, request: StepRequest) -> CheckResult:
        """Answer as scripted; what is not scripted is as it should be."""
        spec = self._fit(request)
        asked = f"{path}?"
        answer = scripted(self._scenario.checks, path, request.action, self._attempts[asked])
        self._attempts[asked] += 1
        if answer is None and path.rpartition(".")[2] in self._stop_conditions:
            return CheckResult(holds=False, detail="there is no reason to stop", output={})
        output = {**example_of(spec.result), **((answer.holds if answer else None) or {})}
        if answer is None or answer.holds is not None:
            return CheckResult(holds=True, detail=f"{request.action} holds", output=output)
        if answer.does_not_hold is not None:
            return CheckResult(holds=False, detail=answer.does_not_hold or f"{request.action} does not hold", output={})
        return CheckResult(holds=None, detail=answer.cannot_tell or f"{request.action} cannot tell", output={})

    async def save(self, batch: RecordBatch) -> None:
        """Keep what the run tells, once, and let people react to it before its clock goes on."""
        told = [each for each in batch.entries if (batch.origin, each.number) not in self._entries]
        self._entries.update({(batch.origin, each.number): each for each in told})
        for picture in batch.projections:
            if picture.kind is ProjectionKind.APPROVAL:
                approval = ApprovalState.model_validate(picture.document)
                self.approvals[approval.step_id] = approval
        if self.attend is not None:
            now = activity.info().current_attempt_scheduled_time
            await self.attend(min((each.entry.at for each in told), default=now), now)

    def lines(self, since: datetime) -> tuple[PlayedLine, ...]:
        """The timeline, by the run's clock."""
        found = sorted((each.entry for each in self._entries.values()), key=lambda entry: entry.at)
        return tuple(
            PlayedLine(at=max(e.at - since, timedelta()), kind=e.kind, actor=e.actor.name, summary=e.summary)
            for e in found
        )

    def letters(self, since: datetime) -> tuple[PlayedMessage, ...]:
        """The messages that reached people."""
        return tuple(
            PlayedMessage(at=at - since, template=m.template, people=m.people, step=m.context.get("step"))
            for at, m in self.messages
        )

    def _fit(self, request: StepRequest) -> ActionSpec:
        spec = self._specs[request.action]
        mistakes = mistakes_in(request.parameters, spec.parameters)
        if mistakes:
            raise Rejected(f"{request.action}: " + "; ".join(each.sentence for each in mistakes))
        return spec


class Stages:
    """The activities; each finds the stage that it is meant for."""

    def __init__(self) -> None:
        self._stages: dict[str, Stage] = {}

    def add(self, incident_id: str, stage: Stage) -> None:
        """From now on what concerns the incident happens on this stage."""
        self._stages[incident_id] = stage

    def bookkeeping(self) -> list[Activity]:
        """Stand-ins for what the control queue runs."""
        return [self.save, self.send, self.without_stand_in]

    def steps(self) -> list[Activity]:
        """Stand-ins for what a steps queue runs."""
        return [self.perform, self.check, self.undo]

    @activity.defn(name="steps.perform")
    @translated
    async def perform(self, request: StepRequest) -> StepResult:
        """Perform, or take back by an action of the runbook's own."""
        path = _path(request)
        stage = self._stages[request.incident_id or ""]
        return await (stage.undo if request.key.endswith(_UNDO) else stage.perform)(path, request)

    @activity.defn(name="steps.undo")
    @translated
    async def undo(self, request: UndoRequest) -> StepResult:
        """Take back by the action's own undo."""
        return await self._stages[request.incident_id or ""].undo(_path(request), request)

    @activity.defn(name="steps.check")
    @translated
    async def check(self, request: StepRequest) -> CheckResult:
        """Ask."""
        return await self._stages[request.incident_id or ""].check(_path(request), request)

    @activity.defn(name="record.save")
    @translated
    async def save(self, batch: RecordBatch) -> None:
        """Keep a batch; all of it is of one workflow, and so of one incident."""
        owners = {each.incident_id for each in batch.entries} | {each.incident_id for each in batch.projections}
        for owner in owners:
            await self._stages[owner or ""].save(batch)

    @activity.defn(name="messages.send")
    @translated
    async def send(self, message: Message) -> MessageReceipt:
        """Reach everybody at once."""
        sent_at = activity.info().current_attempt_scheduled_time
        self._stages[message.incident_id or ""].messages.append((sent_at, message))
        reached = [("mail", name) for name in message.people]
        reached += [(d.channel, to) for d in message.destinations for to in (d.to or (d.channel,))]
        return MessageReceipt(
            subject=message.template.value,
            text="",
            deliveries=tuple(Delivery(channel=way, to=to, status=DeliveryStatus.DELIVERED) for way, to in reached),
        )

    @activity.defn(dynamic=True)
    async def without_stand_in(self, _: Sequence[RawValue]) -> None:
        """Say of an activity that nobody has written a stand-in for, and do not let the run try it for ever."""
        name = activity.info().activity_type
        raise ApplicationError(f"a rehearsal has no stand-in for {name!r}", type="Rejected", non_retryable=True)


def _ended(outcome: Outcome | None) -> dict[str, Any]:
    """The output; raises as the activity would."""
    if outcome is None:
        return {}
    for word, error in _ERRORS.items():
        said = getattr(outcome, word)
        if said is not None:
            raise error(said or _SAYS[word])
    return outcome.succeed or {}


def _path(request: StepRequest) -> str:
    # Workflow id, `/`, path, and then perhaps `/again-2` and `/undo`; a path has no slash.
    return request.key.removeprefix(f"{activity.info().workflow_id}/").partition("/")[0]
