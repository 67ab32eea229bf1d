"""The kind `approval`: show exactly what will run, ask the right people, remind them, and hold the steps to it."""

from datetime import datetime
from typing import Any

from temporalio import workflow

from domain.absence import present
from domain.approval import escalate, expire, people_asked
from domain.errors import Rejected
from domain.message import Template
from domain.run import ApprovalState, ApprovalStatus, StepKind, StepStatus
from domain.timeline import EntryKind
from runbooks.parameters import bind_parameters
from runbooks.schema import ActionCall, Approval, Step, covered_ids, digest_of
from runbooks.walk import BLOCKS, Level, lines_of
from workflows.steps.calls import rendered
from workflows.steps.desk import RunDesk
from workflows.steps.state import BlockState, StepEnd

CONDITION_FALSE = "condition_false"


async def run_approval(desk: RunDesk, step: Step, path: str) -> StepEnd:
    """Wait until enough people have said yes, one has said no, or time is up. Nothing covered runs before."""
    asked = _written(step)
    approval = desk.approvals.get(path)
    if approval is None or approval.state is not ApprovalStatus.PENDING:
        try:
            with desk.busy():
                approval = await _asked_for(desk, asked, path, round_=desk.states[path].attempts + 1)
        except Rejected as error:
            return StepEnd(status=StepStatus.FAILED, reason="not_rendered", sentence=error.sentence)
        _announce(desk, approval, path)
    await _decision(desk, asked, path)
    return _end(desk, path)


async def demand_approved(desk: RunDesk, step: Step, path: str, call: ActionCall) -> None:
    """Rejected unless every approval that covers the step, or a block around it, was given for exactly this call."""
    way = desk.way(path)
    for number, level in enumerate(way):
        for gate in _gates(level):
            if desk.states[gate].reason == CONDITION_FALSE:
                # The author says when the approval is needed, and it was not.
                continue
            approval = desk.approvals.get(gate)
            if approval is None or approval.state is not ApprovalStatus.APPROVED:
                raise Rejected(f"approval {gate!r} was not given, so this does not run")
            if _subject(desk, way[number:], step, call) not in approval.shown["steps"]:
                raise Rejected(f"what would run is not what was approved in {gate!r} ({approval.digest}); ask anew")


def _gates(level: Level) -> list[str]:
    """The paths of the approvals that cover a step."""
    return [
        f"{level.prefix}{each.id}"
        for index, each in enumerate(level.sequence)
        if level.step.id in covered_ids(level.sequence, index)
    ]


def _subject(desk: RunDesk, way: list[Level], step: Step, call: ActionCall) -> dict[str, Any]:
    """What of a covered block stands for the step: the step itself, or the first loop or nested runbook around it.

    The steps inside those are fixed by the pinned text, and the lint lets them read nothing that was not known when
    the approval was asked for; so their items and parameters bind them.
    """
    for level in way[:-1]:
        block = desk.blocks.get(level.path, BlockState())
        if level.step.foreach is not None:
            return describe(level.step, level.path, block.items)
        if level.step.runbook is not None:
            return _nested(desk, level.step, level.path, block.parameters)
    return describe(step, way[-1].path, call.with_)


def describe(step: Step, path: str, rendered_: Any) -> dict[str, Any]:
    """A step as people are shown it, and as it must be when it runs; `rendered_` are parameters, or a loop's items."""
    body = step.model_dump(mode="json", exclude_defaults=True)
    shown: dict[str, Any] = {"path": path, "kind": step.kind.value}
    shown.update({key: body[key] for key in ("title", "if", "site", "verify", "undo") if key in body})
    if step.kind is StepKind.ACTION:
        return {**shown, "action": step.action, "with": rendered_}
    if step.foreach is not None:
        return {**shown, "foreach": {**body["foreach"], "items": rendered_}}
    if step.kind in BLOCKS:
        # What stands inside is shown step by step.
        inside = {"cases": [case.if_ for case in step.switch.cases]} if step.switch else {}
        return {**shown, **inside, **({"join": step.parallel.join} if step.parallel else {})}
    return {**shown, step.kind.value: body.get(step.kind.value)}


def _nested(desk: RunDesk, step: Step, path: str, parameters: dict[str, Any] | None) -> dict[str, Any]:
    name = step.runbook.name if step.runbook else ""
    reference = desk.start.runbook.nested[name].reference.model_dump()
    return {**describe(step, path, None), "runbook": reference, "parameters": parameters}


def _written(step: Step) -> Approval:
    if step.approval is None:
        message = f"step {step.id!r} is no approval"
        raise ValueError(message)
    return step.approval


async def _asked_for(desk: RunDesk, asked: Approval, path: str, round_: int) -> ApprovalState:
    shown: dict[str, Any] = {
        "runbook": desk.start.runbook.reference.model_dump(),
        "incident": desk.start.incident_id,
        "steps": [shown for step, where in _covered(desk, path) for shown in await _shown(desk, step, where)],
    }
    if round_ > 1:
        # A decision of an earlier round must not count in this one.
        shown["round"] = round_
    now = workflow.now()
    message = str(await rendered(desk, asked.message, path))
    desk.set(path, attempts=round_)
    approval = ApprovalState(
        id=desk.approval_id(path),
        run_id=desk.start.id,
        step_id=path,
        incident_id=desk.start.incident_id,
        state=ApprovalStatus.PENDING,
        digest=digest_of(shown),
        shown=shown,
        message=message,
        min_approvals=asked.min_approvals,
        approvers=asked.approvers,
        requested_by=desk.start.requested_by,
        requested_at=now,
        expires_at=now + asked.expires_after,
    )
    desk.set_approval(path, approval)
    return approval


def _covered(desk: RunDesk, path: str) -> list[tuple[Step, str]]:
    """The steps that an approval covers, and their paths."""
    level = desk.way(path)[-1]
    names = covered_ids(level.sequence, level.sequence.index(level.step))
    return [(each, f"{level.prefix}{each.id}") for each in level.sequence if each.id in names]


async def _shown(desk: RunDesk, step: Step, path: str) -> list[dict[str, Any]]:
    """A step and, where they are known, all that it holds, as they will run."""
    try:
        if step.foreach is not None:
            items = step.foreach.items
            listed = await rendered(desk, list(items) if isinstance(items, tuple) else items, path)
            return [describe(step, path, listed)]
        if step.runbook is not None:
            given = await rendered(desk, step.runbook.parameters, path)
            return [_nested(desk, step, path, bind_parameters(desk.nested[step.runbook.name], given))]
        shown = [describe(step, path, await rendered(desk, step.with_, path))]
    except Rejected as error:
        raise Rejected(f"step {path!r}, which needs approval, cannot be shown: {error.sentence}") from error
    for line in lines_of(step):
        for each in line.steps:
            shown += await _shown(desk, each, f"{path}.{line.name}.{each.id}")
    return shown


def _announce(desk: RunDesk, approval: ApprovalState, path: str) -> None:
    who = ", ".join(approval.approvers) or "any person"
    many = "s" if approval.min_approvals > 1 else ""
    desk.wait(path, f"{approval.min_approvals} approval{many} by {who}")
    desk.note(
        EntryKind.APPROVAL, f"Approval wanted for {', '.join(s['path'] for s in approval.shown['steps'])} from {who}",
        path=path, approval_id=approval.id, digest=approval.digest,
    )  # fmt: skip
    _ask(desk, approval, path, reminder=0)


def _ask(desk: RunDesk, approval: ApprovalState, path: str, reminder: int) -> None:
    people = people_asked(approval.approvers, desk.start.groups, approval.requested_by, desk.start.commander)
    voted = {vote.by.name for vote in approval.votes}
    people = present(desk.start.absence, (name for name in people if name not in voted), workflow.now())
    key = f"{path}/{desk.states[path].attempts}/{reminder}"
    about = {"approval": approval.model_dump(mode="json"), "title": approval.message or desk.document.title}
    desk.tell(Template.APPROVAL_REQUEST, key, path, people, about)


async def _decision(desk: RunDesk, asked: Approval, path: str) -> None:
    while True:
        approval = desk.approvals[path]
        if approval.state is not ApprovalStatus.PENDING:
            return
        now = workflow.now()
        if approval.expires_at is not None and now >= approval.expires_at:
            desk.set_approval(path, expire(approval, now))
            return
        escalate_at = None
        if asked.escalate_after is not None and not approval.escalated:
            escalate_at = approval.requested_at + asked.escalate_after
            if now >= escalate_at:
                _escalate(desk, approval, asked, path)
                continue
        reminder = int((now - approval.requested_at) / asked.remind_every) + 1
        remind_at = approval.requested_at + reminder * asked.remind_every
        wake_at = min(remind_at, approval.expires_at or remind_at, escalate_at or remind_at)
        if await _decided_before(desk, path, wake_at):
            return
        if escalate_at is not None and workflow.now() < remind_at:
            continue
        if workflow.now() < (approval.expires_at or datetime.max):  # noqa: DTZ901 - only compared when there is one
            _ask(desk, desk.approvals[path], path, reminder)


def _escalate(desk: RunDesk, approval: ApprovalState, asked: Approval, path: str) -> None:
    desk.set_approval(path, escalate(approval, asked.escalate_to))
    who = ", ".join(asked.escalate_to)
    desk.note(
        EntryKind.APPROVAL, f"Nobody has decided about step {path}; {who} are asked as well", path=path,
        approval_id=approval.id, digest=approval.digest,
    )  # fmt: skip
    people = people_asked(asked.escalate_to, desk.start.groups, approval.requested_by, None)
    people = present(desk.start.absence, people, workflow.now())
    key = f"{path}/{desk.states[path].attempts}/escalated"
    about = {"approval": approval.model_dump(mode="json"), "title": approval.message or desk.document.title}
    desk.tell(Template.APPROVAL_REQUEST, key, path, people, about)


async def _decided_before(desk: RunDesk, path: str, then: datetime) -> bool:
    """Wait for the votes or for the time; a vote that arrives meanwhile changes the approval on the desk."""
    try:
        await workflow.wait_condition(
            lambda: desk.approvals[path].state is not ApprovalStatus.PENDING, timeout=then - workflow.now()
        )
    except TimeoutError:
        return False
    return True


def _end(desk: RunDesk, path: str) -> StepEnd:
    approval = desk.approvals[path]
    names = [vote.by.name for vote in approval.votes]
    desk.note(
        EntryKind.APPROVAL, f"Approval {path}: {approval.reason}", path=path, approval_id=approval.id,
        state=approval.state.value,
    )  # fmt: skip
    if approval.state is ApprovalStatus.APPROVED:
        output = {"approved": True, "by": names, "digest": approval.digest}
        return StepEnd(status=StepStatus.SUCCEEDED, reason="approved", output=output, sentence=approval.reason or "")
    status = StepStatus.TIMED_OUT if approval.state is ApprovalStatus.EXPIRED else StepStatus.FAILED
    covered = ", ".join(each["path"] for each in approval.shown["steps"])
    sentence = f"{approval.reason}; the target was not touched: {covered} did not run"
    return StepEnd(status=status, reason=approval.state.value, sentence=sentence)
