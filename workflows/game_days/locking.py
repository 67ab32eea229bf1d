"""One game day at a target at a time: the lock is taken before anybody is told, and kept until the target is right.

Called by `ending.announce` and `workflows/game_day.py`. The one thing to know: what the engine lists lags by seconds,
so the preflight sees most of what is in the way; two that begin in the same instant are told apart only here.
"""

from datetime import timedelta

from temporalio import workflow

from domain import game_day_decisions as decisions
from domain.errors import Rejected
from domain.game_day import HaltGameDay
from domain.ids import drill_target_resource
from domain.run import ObserveLock
from workflows.game_days.desk import DrillDesk

# A game day that was terminated in the engine keeps others from its targets for so long at most.
_LEASE = timedelta(minutes=5)
# A lock that says nothing for so long may be anybody's.
_ANSWERED_WITHIN = timedelta(seconds=30)


async def take(desk: DrillDesk) -> str | None:
    """Hold the lock of every target, in the order of their names, so that of two one gets all; else why not."""
    for target in sorted({each.name for each in desk.state.targets.all()}):
        resource = drill_target_resource(target)
        if resource in desk.locks.held:
            continue
        await desk.locks.ask(resource, _LEASE, queue=False)
        await _answered(desk, resource)
        if resource not in desk.locks.held:
            who = desk.locks.held_by.get(resource)
            if who is None:
                return f"it cannot be told whether another game day is at {target}: its lock does not answer"
            return f"{who} is at {target}; two at once prove nothing"
    return None


def observe(desk: DrillDesk, news: ObserveLock) -> None:
    """A lock has spoken; without it another game day may come, so this one ends."""
    desk.locks.observe(news)
    if not news.lost or news.resource not in desk.locks.claimed:
        return
    reason = f"its lock {news.resource!r} was lost: {news.why}"
    try:
        desk.adopt(decisions.halt(desk.state, HaltGameDay(by=decisions.ME, reason=reason), workflow.now()))
    except Rejected:
        # It is being undone already, which is all that is left to do.
        return


async def _answered(desk: DrillDesk, resource: str) -> None:
    until = workflow.now() + _ANSWERED_WITHIN
    await desk.wait_until(until, lambda: desk.locks.is_answered(resource) or desk.state.halted is not None)
