"""Stop conditions: asked once before anything is touched, and all the time while the faults are there.

Called by `preflight` and `watching`. The one thing to know: some ask the world by an action, the others are read off
what goes on around the game day, and both kinds count beforehand: one that is met already would at once undo what it
let begin.
"""

import asyncio

from domain import game_day_sight as sight
from domain.game_day import PreflightCheck
from domain.game_day_probes import has_no_data
from domain.game_day_surroundings import Surroundings
from runbooks.game_day_parts import StopCondition
from workflows.game_days.desk import Answer, DrillDesk


def asking(desk: DrillDesk) -> list[StopCondition]:
    """Those whose source is an action."""
    return [each for each in desk.start.document.stop_conditions if f"stop/{each.id}" in desk.calls]


def looking(desk: DrillDesk) -> list[StopCondition]:
    """Those of which Hotwash itself knows: alarms and real incidents."""
    return [each for each in desk.start.document.stop_conditions if f"stop/{each.id}" not in desk.calls]


async def asked_before(desk: DrillDesk) -> list[PreflightCheck]:
    """What the sources say that are actions."""
    written = asking(desk)
    answers = await asyncio.gather(*(desk.check(f"stop/{each.id}", f"stop/{each.id}/0") for each in written))
    return [
        _before(each, trouble_in(desk, each, answer), answer.detail, is_refused=answer.is_refused)
        for each, answer in zip(written, answers, strict=True)
    ]


def seen_before(desk: DrillDesk, seen: Surroundings, services: tuple[str, ...]) -> list[PreflightCheck]:
    """What the others say."""
    return [_before(each, *own_source(each, seen, services)) for each in looking(desk)]


def trouble_in(desk: DrillDesk, condition: StopCondition, answer: Answer) -> bool | None:
    """Whether a stop condition is met by an answer; None: there is no data."""
    if has_no_data(answer.holds, answer.output):
        return None
    holds = desk.read(condition.tolerance, answer).holds
    return None if holds is None else holds is condition.stops_when_held


def own_source(condition: StopCondition, seen: Surroundings, services: tuple[str, ...]) -> tuple[bool | None, str]:
    """The same of what was seen; `services` are those of the game day."""
    written = condition.real_incident
    if written is not None:
        return sight.incident_met(seen, written.services or services, written.severity)
    return sight.alarm_met(condition.alarm or {}, seen)


def _before(condition: StopCondition, trouble: bool | None, detail: str, *, is_refused: bool = False) -> PreflightCheck:
    if trouble is None and condition.on_no_data == "go_on" and not is_refused:
        trouble = False
    return sight.stop_condition_check(condition.id, trouble, detail)
