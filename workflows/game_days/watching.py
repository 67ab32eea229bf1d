"""While the faults are there: probes, stop conditions and the surroundings, each asked in a task of its own.

The one thing to know: a question that hangs holds up nothing else, and above all not the leases.
"""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from temporalio import workflow

from domain import game_day_decisions as decisions
from domain import game_day_sight as sight
from domain.game_day import Expectation
from domain.game_day_faults import THERE
from domain.game_day_probes import ProbeRun, StopRun, fold, judge_stop
from runbooks.game_day_parts import DURING, StopCondition
from workflows.game_days import faults, preflight, stopping
from workflows.game_days.desk import DrillDesk

# How often levers, real incidents and other alerts are looked at. A lever tells by itself; this is for one that was
# pulled in the very moment in which the game day began, and for incidents, which tell nobody.
_LOOK_EVERY = timedelta(seconds=3)
# A look that takes longer is none. Two that hang, with the pause between, are just more than `sight.UNSEEN_AT_MOST`.
_LOOKED_WITHIN = timedelta(seconds=9)


async def hold(desk: DrillDesk) -> None:
    """INJECTING to WATCHING: make the faults, watch, and end the watching once nothing is left to be seen."""
    tasks = [asyncio.create_task(each) for each in _questions(desk)]
    lives = [asyncio.create_task(faults.live(desk, run.key)) for run in desk.state.faults]
    leases = asyncio.create_task(faults.keep_leases(desk))
    terms = desk.start.document.terms()
    while not desk.is_handing_over and not decisions.is_watching_over(desk.state, workflow.now(), terms):
        if workflow.info().is_continue_as_new_suggested():
            desk.is_handing_over = True
            break
        before = desk.state
        ends_at = decisions.watching_ends_at(desk.state, workflow.now(), terms)
        await desk.wait_until(ends_at, lambda: desk.state is not before)  # noqa: B023 - asked in this round only
    if desk.is_handing_over:
        # A call that is on its way may take a while; until it has come back, everything else is looked after.
        await asyncio.gather(*lives)
        desk.is_at_rest = True
        await leases
    else:
        desk.adopt(decisions.begin_restoring(desk.state, workflow.now(), terms))
        await asyncio.gather(*lives, leases)
        if decisions.all_over(desk.state):
            desk.adopt(decisions.begin_verifying(desk.state))
    for task in tasks:
        task.cancel()


async def restore(desk: DrillDesk) -> None:
    """RESTORING, taken up by the next run: undo what is left."""
    leases = asyncio.create_task(faults.keep_leases(desk))
    await asyncio.gather(*(faults.live(desk, run.key) for run in desk.state.faults), leases)
    if decisions.all_over(desk.state):
        desk.adopt(decisions.begin_verifying(desk.state))


def _questions(desk: DrillDesk) -> list[Coroutine[Any, Any, None]]:
    modes = {mode.value for mode in DURING}
    probes = [_probe(desk, run) for run in desk.state.probes if run.mode in modes]
    conditions = [_stop_condition(desk, each) for each in stopping.asking(desk)]
    return [*probes, *conditions, _surroundings(desk)]


async def _probe(desk: DrillDesk, run: ProbeRun) -> None:
    every = desk.written_probe(run).every or desk.start.document.probe_every
    while desk.is_watching():
        are_there = any(each.state in THERE for each in desk.state.faults)
        seen = await desk.ask_probe(run)
        if not desk.is_watching():
            return
        # A question on both sides of the fault's making or its end says nothing about either.
        still = any(each.state in THERE for each in desk.state.faults)
        if run.mode == "continuous" or (are_there and still):
            folded = fold(desk.probe(run.key), seen, workflow.now(), counts=are_there and still)
            desk.adopt(decisions.with_probe(desk.state, folded, workflow.now()))
        await _pause(desk, every)


async def _stop_condition(desk: DrillDesk, condition: StopCondition) -> None:
    while desk.is_watching():
        desk.questions += 1
        answer = await desk.check(f"stop/{condition.id}", f"stop/{condition.id}/{desk.questions}")
        if not desk.is_watching():
            return
        _judge(desk, condition, stopping.trouble_in(desk, condition, answer), answer.detail)
        await _pause(desk, condition.every)


async def _surroundings(desk: DrillDesk) -> None:
    looking = stopping.looking(desk)
    expected = [each.expect for each in desk.start.document.expectations]
    # In a storm each group that is asked takes time from the response; nobody asks for nothing.
    alerts = Expectation.NO_OTHER_ALERTS in expected or any(each.alarm is not None for each in looking)
    while desk.is_watching():
        began_at = workflow.now()
        seen = await preflight.look_around(desk, alerts=alerts, within=_LOOKED_WITHIN)
        if not desk.is_watching():
            return
        services, now = preflight.services_of(desk), workflow.now()
        if isinstance(seen, str):
            desk.adopt(sight.saw_nothing(desk.state, seen, began_at, now))
        else:
            desk.adopt(sight.saw(desk.state, seen, services, now))
        for condition in looking if desk.state.halted is None else ():
            told = (None, seen) if isinstance(seen, str) else stopping.own_source(condition, seen, services)
            _judge(desk, condition, *told)
        await _pause(desk, _LOOK_EVERY)


def _judge(desk: DrillDesk, condition: StopCondition, trouble: bool | None, detail: str) -> None:
    now = workflow.now()
    before: StopRun = next(each for each in desk.state.stop_conditions if each.id == condition.id)
    stops = condition.on_no_data == "stop"
    after = judge_stop(before, trouble, detail, now, times=condition.times, stop_on_no_data=stops)
    desk.adopt(decisions.with_stop_condition(desk.state, after, now, no_data=trouble is None))


async def _pause(desk: DrillDesk, pause: timedelta) -> None:
    await desk.wait_until(workflow.now() + pause, lambda: not desk.is_watching())
