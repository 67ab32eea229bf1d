"""The people of a rehearsal: each does what the scenario says, at the run's own time. Used by `workers/rehearsal.py`.

A person acts at a time after the start, or when a step asks. The one thing to know: who waits for a step to ask is
called from inside an activity of the run (`Stage.attend`), while the run's clock stands still, so no deadline passes
before a person who is quicker has spoken.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from domain.run import ApprovalState, ApprovalStatus, RunState, RunStatus, StepKind, StepState, StepStatus
from domain.timeline import person
from runbooks.scenario import Deed, PersonActs, Scenario, matches
from workers.rehearsal_stage import Stage
from workers.virtual_time import VirtualTime
from workflows.runbook_run import RunbookRun

Question = tuple[object, ...]
Handle = WorkflowHandle[RunbookRun, RunState]
_ASKS_AFTER = frozenset({StepStatus.FAILED, StepStatus.TIMED_OUT, StepStatus.UNKNOWN, StepStatus.UNDO_FAILED})

_VOTES = frozenset({Deed.APPROVE, Deed.REJECT})
_ABOUT_THE_RUN = frozenset({Deed.STOP, Deed.PAUSE, Deed.RESUME})
# A run saves what it has to tell a quarter of a second later at most; the rest is for a machine that is very slow.
_TELLS_WITHIN = timedelta(seconds=5)


@dataclass(frozen=True)
class Asked:
    """A step that asks, since when, and which time of asking it is."""

    path: str
    question: Question
    # Whether a vote is the answer, and not a decision about the step.
    is_vote: bool = False
    # None: since just now.
    since: datetime | None = None


@dataclass
class _Role:
    """One entry under `people`."""

    acts: PersonActs
    # Since the start; None as long as nobody has asked.
    moment: timedelta | None = None
    step: str | None = None
    is_over: bool = False

    def waits_for(self, asked: Asked) -> bool:
        """Whether it is for this step to ask, and for something that this can answer."""
        acts = self.acts
        if self.moment is not None or acts.when is None or not matches(asked.path, acts.when):
            return False
        return acts.do in _ABOUT_THE_RUN or asked.is_vote == (acts.do in _VOTES)


class People:
    """Everybody who acts in one scenario."""

    def __init__(self, scenario: Scenario, stage: Stage, handle: Handle, clock: VirtualTime, limit: timedelta) -> None:
        self.troubles: list[str] = []
        # The engine has passed over a timer that was just being fired (seen with 1.32): the run came to tell something
        # only at its next timer, and whoever should have acted before could not. It has to be played again.
        self.was_overrun = False
        # When the run began, by its own clock; known once it has told anything.
        self.started_at: datetime | None = None
        self._scenario = scenario
        self._stage = stage
        self._handle = handle
        self._clock = clock
        # The run is played for this long at most.
        self._limit = limit
        self._roles = [_Role(acts, step=acts.step) for acts in scenario.people]
        self._answered: dict[Question, list[PersonActs]] = {}
        # The main line and `attend` both act and both move the limit of the clock; one at a time.
        self._turn = asyncio.Lock()
        # Up to where the clock runs now, since the start; None: it has come there, and goes on as ordinary clocks do.
        self._bound: timedelta | None = limit
        self._attended = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether the run was played for as long as it is to be."""
        return self._bound is None and self._next() >= self._limit

    async def go_on(self) -> None:
        """Wait until something is due, another limit was set, or the run is over; then do what is due."""
        if not await self._clock.reached():
            return
        async with self._turn:
            self._bound = None
            self._attended.clear()
            obeyed = await self._act()
        if obeyed:
            # The run tells what it was asked to do, and then its clock is moved from inside that.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._attended.wait(), _TELLS_WITHIN.total_seconds())
        async with self._turn:
            if not self.is_over:
                await self._move()

    async def attend(self, told_at: datetime, now: datetime) -> None:
        """See who is asked, let those act who do so at once, and set the clock's limit to when the next one acts.

        `told_at` is the time of the oldest thing that the run has to tell now.
        """
        async with self._turn:
            self._begin(told_at)
            self.was_overrun = self.was_overrun or now - told_at > _TELLS_WITHIN
            await self._look(now)
            await self._act()
            await self._move()
            self._attended.set()

    async def _move(self) -> None:
        wanted = self._next()
        if wanted != self._bound and self.started_at is not None:
            self._bound = wanted
            await self._clock.run_until(self.started_at + wanted)

    def leave(self) -> None:
        """The run is over: say who never came to act; who had a time of their own finds it over."""
        for role in self._roles:
            acts = role.acts
            if role.is_over:
                continue
            if acts.when is not None and role.moment is None:
                self.troubles.append(f"{acts.by} was to {_deed(acts)}, but step {acts.when!r} never asked")
            else:
                self._compare(acts, "the run is over")

    def _next(self) -> timedelta:
        return min([self._limit, *(r.moment for r in self._roles if r.moment is not None and not r.is_over)])

    def _begin(self, told_at: datetime) -> None:
        if self.started_at is None:
            # The first thing that a run tells is that it has started.
            self.started_at = told_at
            for role in self._roles:
                role.moment = role.acts.at

    async def _look(self, now: datetime) -> None:
        """Give every question that is open to those who are waiting for it."""
        if self.started_at is None or all(role.moment is not None for role in self._roles):
            return
        run = await self._handle.query(RunbookRun.view)
        for asked in questions(run, self._stage.approvals, self._stage.undo_attempts):
            answers = self._answered.setdefault(asked.question, [])
            for role in self._roles:
                if role.waits_for(asked) and _may_still_answer(role.acts, answers):
                    answers.append(role.acts)
                    role.moment = (asked.since or now) - self.started_at + role.acts.after
                    role.step = role.acts.step or asked.path

    async def _act(self) -> bool:
        """Do what is due; whether the run obeyed anything."""
        if self.started_at is None or all(role.is_over or role.moment is None for role in self._roles):
            return False
        now = await self._clock.now() - self.started_at
        due = [(role.moment, role) for role in self._roles if role.moment is not None and not role.is_over]
        obeyed = False
        for moment, role in sorted(due, key=lambda each: each[0]):
            if moment > now:
                break
            role.is_over = True
            refusal = await self._tell(role)
            self._compare(role.acts, refusal)
            obeyed = obeyed or refusal is None
        return obeyed

    async def _tell(self, role: _Role) -> str | None:
        """The sentence of a refusal; None when the run obeys."""
        name, body = self._command(role.acts, role.step or "")
        try:
            await self._handle.execute_update(name, {"by": person(role.acts.by).model_dump(mode="json"), **body})
        except WorkflowUpdateFailedError as error:
            return error.cause.message if isinstance(error.cause, ApplicationError) else str(error.cause)
        except RPCError as error:
            return f"the run is over: {error.message}"
        return None

    def _command(self, acts: PersonActs, path: str) -> tuple[str, dict[str, Any]]:
        match acts.do:
            case Deed.APPROVE | Deed.REJECT:
                return "decide", self._vote(acts, path)
            case Deed.COMPLETE | Deed.COULD_NOT:
                succeeded = acts.do is Deed.COMPLETE
                return "complete", {"path": path, "succeeded": succeeded, "note": acts.says, "output": acts.output}
            case Deed.OVERRIDE:
                return "override", {"path": path, "reason": acts.says, "output": acts.output}
            case Deed.SKIP | Deed.RETRY:
                return acts.do.value, {"path": path, "reason": acts.says}
            case Deed.STOP:
                return "stop", {"reason": acts.says, "undo": acts.undo}
            case _:
                return acts.do.value, {"reason": acts.says}

    def _vote(self, acts: PersonActs, path: str) -> dict[str, Any]:
        approval = self._stage.approvals.get(path)
        groups = [name for name, members in self._scenario.groups.items() if acts.by in members]
        return {
            "approval_id": approval.id if approval else f"none:{path}",
            "decision": acts.do.value,
            "digest": approval.digest if approval else "",
            "comment": acts.says,
            "groups": groups,
        }

    def _compare(self, acts: PersonActs, refusal: str | None) -> None:
        if refusal is not None and acts.refused is None:
            self.troubles.append(f"{acts.by} was to {_deed(acts)}, but was refused: {refusal}")
        elif acts.refused is not None and refusal is None:
            self.troubles.append(f"{acts.by} was to be refused to {_deed(acts)} ({acts.refused!r}), but was obeyed")
        elif acts.refused is not None and acts.refused not in (refusal or ""):
            self.troubles.append(
                f"{acts.by} was to be refused to {_deed(acts)} with {acts.refused!r}, but was with: {refusal}"
            )


def questions(
    run: RunState, approvals: Mapping[str, ApprovalState], undo_attempts: Mapping[str, int]
) -> Sequence[Asked]:
    """The steps that ask somebody now; another round of asking is another question."""
    found = [_awaited(step, approvals.get(step.path)) for step in run.steps]
    if run.status in {RunStatus.PAUSED, RunStatus.NEEDS_HUMAN}:
        found += [_in_trouble(step, undo_attempts.get(step.path, 0)) for step in run.steps]
    return [asked for asked in found if asked is not None]


def _awaited(step: StepState, approval: ApprovalState | None) -> Asked | None:
    """A step whose work is to ask."""
    if approval is not None and approval.state is ApprovalStatus.PENDING and step.kind is StepKind.APPROVAL:
        question = (step.path, approval.id, approval.requested_at)
        return Asked(step.path, question, is_vote=True, since=approval.requested_at)
    if step.kind is StepKind.MANUAL and step.status is StepStatus.WAITING and step.started_at is not None:
        return Asked(step.path, (step.path, step.started_at, step.attempts), since=step.started_at)
    return None


def _in_trouble(step: StepState, undo_attempts: int) -> Asked | None:
    """A step about which somebody has to decide; another failure is another question."""
    if step.status in _ASKS_AFTER and step.waiting_for is not None:
        return Asked(step.path, (step.path, step.status, step.finished_at, undo_attempts))
    return None


def _may_still_answer(acts: PersonActs, answers: Sequence[PersonActs]) -> bool:
    """Whether a question leaves room for one more: each person votes once, everything else is answered once."""
    counted = [each for each in answers if each.refused is None]
    if acts.do in _VOTES:
        return all(each.by != acts.by for each in counted)
    return not counted


def _deed(acts: PersonActs) -> str:
    words = "say that they could not do" if acts.do is Deed.COULD_NOT else acts.do.value
    return f"{words} {acts.path!r}" if acts.path else f"{words} the run"
