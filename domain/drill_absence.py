"""The end of an absence: the game day is over, and its incident goes on with everybody. Called by the decisions."""

from datetime import datetime

from domain.absence import demand_said_by_the_game_day
from domain.incident import IncidentState, ObserveDrillEnd
from domain.incident_effects import Outcome, TellRunDrillEnd, changed, entry
from domain.run_decisions import OVER
from domain.timeline import EntryKind


def observe_drill_end(state: IncidentState, command: ObserveDrillEnd, now: datetime) -> Outcome:
    """Whoever was away is back, here and in the runs that still go on. Hearing it again changes nothing."""
    demand_said_by_the_game_day(command.by)
    if state.absence is None:
        return Outcome(state)
    people = ", ".join(state.absence.people)
    summary = f"the game day {state.absence.game_day!r} is over: {people} may act again"
    line = entry(now, EntryKind.GAME_DAY, command.by, summary, people=list(state.absence.people))
    over = {status.value for status in OVER}
    told = tuple(TellRunDrillEnd(run_id=run.id, by=command.by) for run in state.runs if run.status not in over)
    return Outcome(changed(state, absence=None), (line,), told)
