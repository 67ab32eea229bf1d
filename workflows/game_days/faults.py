"""The life of one fault at one target, in a task of its own: wait, make, prove, hold, undo, verify.

The one thing to know: whatever stage it is in when the game day ends, the way leads through the undo; and when history
has grown long it stops between two calls, so that the next run takes it up where it stood.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from temporalio import workflow

from domain import game_day_decisions as decisions
from domain import game_day_faults as life
from domain.game_day_faults import OVER, FaultRun, FaultStage, LeaseAnswer, LeaseStatus
from domain.timeline import EntryKind
from runbooks.game_day_parts import AFTER
from runbooks.schema import ActionCall
from workflows.game_days.desk import Answer, DrillDesk


async def live(desk: DrillDesk, key: str) -> None:
    """Go from stage to stage until it is over, or until the next run goes on."""
    stages: dict[FaultStage, Callable[[DrillDesk, FaultRun], Awaitable[None]]] = {
        FaultStage.WAITING: _wait,
        FaultStage.INJECTING: _inject,
        FaultStage.PROVING: _prove,
        FaultStage.ACTIVE: _hold,
        FaultStage.UNDOING: _undo,
    }
    while not desk.is_handing_over and (run := desk.fault(key)).state not in OVER:
        await stages[run.state](desk, run)


async def _wait(desk: DrillDesk, run: FaultRun) -> None:
    began_at = desk.state.injected_at or workflow.now()
    before = {each.key: each.state for each in desk.state.faults if each.id in run.start_after}
    due_at = life.ready_at(run, desk.state.faults, began_at)
    if due_at is None or due_at > workflow.now():
        await desk.wait_until(
            due_at,
            lambda: not desk.is_running() or any(desk.fault(key).state is not state for key, state in before.items()),
        )
    if desk.is_handing_over:
        return
    if desk.is_ending:
        desk.adopt_fault(life.ending(run))
    elif (due_at := life.ready_at(run, desk.state.faults, began_at)) is not None and due_at <= workflow.now():
        desk.adopt_fault(life.asked(run, workflow.now()))


async def _inject(desk: DrillDesk, run: FaultRun) -> None:
    call = f"fault/{run.key}"
    desk.note(EntryKind.GAME_DAY, f"The fault {run.name} is made: {_in_words(desk.calls[call])}")
    making = asyncio.create_task(desk.perform(call, call))
    await workflow.wait_condition(lambda: making.done() or desk.is_ending)
    if not making.done():
        making.cancel()
    ended = await making
    now = workflow.now()
    if ended.problem is None:
        desk.adopt_fault(life.made(run, now, ended.output))
    else:
        desk.adopt_fault(life.not_made(run, now, ended.problem, nothing_done=ended.nothing_done))


async def _prove(desk: DrillDesk, run: FaultRun) -> None:
    if desk.is_ending:
        desk.adopt_fault(life.ending(run))
        return
    desk.questions += 1
    answer = await desk.check(f"fault/{run.key}", f"fault/{run.key}")
    now = workflow.now()
    terms = desk.start.document.terms()
    late_at = (run.made_at or now) + terms.takes_effect_within
    broke = desk.state.broke_at is not None
    current = desk.fault(run.key)
    if current.state is not FaultStage.PROVING:
        return
    proved = life.proved(
        current, answer.holds, answer.detail, is_late=now >= late_at, steady_state_broke=broke and _is_alone(desk, run)
    )
    desk.adopt_fault(proved)
    if proved.state is FaultStage.PROVING:
        pause_until = min(now + desk.start.document.probe_every, late_at)
        await desk.wait_until(
            pause_until, lambda: not desk.is_running() or (desk.state.broke_at is not None and not broke)
        )


async def _hold(desk: DrillDesk, run: FaultRun) -> None:
    """Nothing but time; the lease is renewed beside it."""
    ends_at = life.ends_at(run, workflow.now())
    await desk.wait_until(ends_at, lambda: not desk.is_running() or desk.fault(run.key).state is not FaultStage.ACTIVE)
    current = desk.fault(run.key)
    if current.state is FaultStage.ACTIVE and (desk.is_ending or workflow.now() >= ends_at):
        desk.adopt_fault(life.ending(current))


async def _undo(desk: DrillDesk, run: FaultRun) -> None:
    began_at = run.undo_asked_at or workflow.now()
    run = desk.adopt_fault(run.model_copy(update={"undo_asked_at": began_at}))
    rounds = 0
    while not desk.is_handing_over:
        rounds += 1
        # What was undone well, and only cannot be told to be gone, is not undone again: its target is asked again.
        is_doubt = rounds > 1 and life.is_doubtful(run)
        run = await (_asked(desk, run) if is_doubt else _undo_once(desk, run, is_first=rounds == 1))
        desk.adopt_fault(run)
        now = workflow.now()
        is_clear = life.is_settled(run) and not life.is_doubtful(run)
        if is_clear or not decisions.may_try_again(desk.state, rounds, began_at, now, desk.start.document.terms()):
            desk.adopt_fault(life.closed(run))
            return
        await desk.wait_until(now + desk.start.document.probe_every, lambda: desk.is_handing_over)


async def _undo_once(desk: DrillDesk, run: FaultRun, *, is_first: bool) -> FaultRun:
    fault = desk.written(run)
    call = f"fault/{run.key}"
    spec = desk.start.actions.get(run.action)
    if is_first and run.effect is life.EffectProof.CONFIRMED and run.undone_by is None and run.is_leased:
        run = await _who_was_first(desk, run)
    problem = ""
    if spec is not None and spec.has_undo:
        problem = (await desk.undo(call, call, run.performed)).problem or ""
    if fault.undo is not None:
        run, problem = await _own_undo(desk, run)
    if run.is_leased:
        run = await _asked(desk, run)
        if fault.undo is not None and run.clean is True:
            problem = ""
    return life.undone(run, workflow.now()) if not problem else life.undo_failed(run, problem)


async def _asked(desk: DrillDesk, run: FaultRun) -> FaultRun:
    """What the target says of it now: whether anything is left, and who has ended it."""
    call = f"fault/{run.key}"
    answer = await desk.is_clean(call, call)
    return _told_who(life.verified(run, answer.holds, answer.detail), answer)


def _told_who(run: FaultRun, clean: Answer) -> FaultRun:
    """Our undo may have come after the lease's: while nobody was there, or while the fault was still being made."""
    by, at = clean.output.get("reverted_by"), clean.output.get("reverted_at")
    if run.undone_by is not None or by in {None, "undo"} or at is None:
        return run
    told = LeaseAnswer(state=LeaseStatus.REVERTED, by=str(by), at=datetime.fromisoformat(str(at)))
    return life.renewed(run, told, workflow.now())


async def _who_was_first(desk: DrillDesk, run: FaultRun) -> FaultRun:
    """Whether the fault was gone before we came: by its lease, or because the response has put the target right."""
    call = f"fault/{run.key}"
    if (await desk.check(call, call)).holds is not False:
        return run
    lease = await desk.renew(call, call)
    if lease is not None and lease.state is not LeaseStatus.HELD:
        return life.renewed(run, lease, workflow.now())
    return life.found_gone(run, workflow.now())


async def _own_undo(desk: DrillDesk, run: FaultRun) -> tuple[FaultRun, str]:
    """The document's own undo, unless the response has already done it: doing it again would only disturb."""
    seen = await desk.ask_probes(*(mode.value for mode in AFTER))
    if desk.state.broke_at is not None and seen.holds is True:
        return life.found_gone(run, workflow.now()), ""
    desk.questions += 1
    # An undo of unknown outcome is done anew, whatever the ledger knows: twice is better than never.
    ended = await desk.perform(f"undo/{run.key}", f"undo/{run.key}/{desk.questions}")
    # Where the action has an undo of its own as well, whether it was enough shows at the target.
    return run, ended.problem or ""


def _in_words(call: ActionCall) -> str:
    return " ".join([call.action, *(f"{name}={value}" for name, value in call.with_.items())])


def _is_alone(desk: DrillDesk, run: FaultRun) -> bool:
    """Whether a broken steady state can only be this fault's doing."""
    return all(each.key == run.key or each.injected_at is None for each in desk.state.faults)


async def keep_leases(desk: DrillDesk) -> None:
    """Renew what is due, each in its own time, for as long as the faults are there."""
    await asyncio.gather(*(_keep_lease(desk, run.key) for run in desk.state.faults if run.is_leased))


async def _keep_lease(desk: DrillDesk, key: str) -> None:
    def is_there() -> bool:
        return desk.fault(key).state in life.THERE

    while not desk.is_at_rest and desk.fault(key).state not in OVER:
        if not is_there():
            await workflow.wait_condition(lambda: is_there() or desk.is_at_rest or desk.fault(key).state in OVER)
            continue
        due_at: datetime = life.renew_at(desk.fault(key), workflow.now())
        await desk.wait_until(due_at, lambda: not is_there() or desk.is_at_rest)
        if not is_there() or desk.is_at_rest:
            continue
        answer = await desk.renew(f"fault/{key}", f"fault/{key}")
        current = desk.fault(key)
        if answer is not None:
            desk.adopt_fault(life.renewed(current, answer, workflow.now()))
        else:
            # Nobody answered: again soon, for a lease that is still held may just be saved.
            await desk.wait_until(workflow.now() + timedelta(seconds=1), lambda: not is_there() or desk.is_at_rest)
