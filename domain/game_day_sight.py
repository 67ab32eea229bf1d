"""What a game day makes of what goes on around it, before its faults are there and while they are. Pure.

Called by `workflows/game_days/`. The one thing to know: a game day that cannot see what goes on around it stops, for a
real incident, a lever and an alarm would be overlooked just as well.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from domain.game_day import GameDayState, HaltGameDay, PreflightCheck, Stopped
from domain.game_day_decisions import ME, Outcome, changed, entry, halt, stop
from domain.game_day_surroundings import Surroundings, alerts_since, incident_in_the_way
from domain.routing import matches
from domain.severity import Severity
from domain.timeline import EntryKind

# Some six looks (one every three seconds): one that was lost on a busy machine ends nothing, and a fault stays for no
# longer than this in a house that may be burning unseen.
UNSEEN_AT_MOST = timedelta(seconds=20)
_WHAT = "whether a real incident is open or the safety lever engaged"


def saw(state: GameDayState, seen: Surroundings, services: Collection[str], now: datetime) -> Outcome:
    """A look around while the faults are there: a lever halts, a bad incident on a target stops, alerts are noted."""
    lines = () if state.unseen_since is None else (entry(state, now, f"It can be told again {_WHAT}"),)
    state = _with_alerts(changed(state, unseen_since=None), seen, now)
    ended = Outcome(state)
    incident = incident_in_the_way(seen.incidents, services)
    if seen.levers and state.halted is None:
        lever = seen.levers[0]
        reason = f"the safety lever ({lever.scope}) is engaged: {lever.reason}"
        ended = halt(state, HaltGameDay(by=lever.by or ME, reason=reason), now)
    elif not seen.levers and incident is not None:
        reason = f"{incident.id} ({incident.severity.value}, {incident.title}) was declared"
        ended = stop(state, Stopped(condition="a real incident", reason=reason, is_real_incident=True, at=now), now)
    return Outcome(ended.state, (*lines, *ended.entries))


def saw_nothing(state: GameDayState, problem: str, since: datetime, now: datetime) -> Outcome:
    """A look that began at `since` and failed. The first one is told; when no later one is better, it stops."""
    first = state.unseen_since is None
    since = state.unseen_since or since
    state = changed(state, unseen_since=since, alerts_unseen_since=state.alerts_unseen_since or since)
    if first:
        return Outcome(state, (entry(state, now, f"It cannot be told {_WHAT}: {problem}", kind=EntryKind.TROUBLE),))
    if now - since < UNSEEN_AT_MOST:
        return Outcome(state)
    unseen = (now - since).total_seconds()
    reason = f"for {unseen:.0f} s it could not be told {_WHAT}: {problem}"
    return stop(state, Stopped(condition="missing data", reason=reason, for_want_of_data=True, at=now), now)


def alarm_met(alarm: Mapping[str, str], seen: Surroundings) -> tuple[bool | None, str]:
    """Whether an alert of ours with these labels fires; None: not all of them could be asked."""
    firing = next((each for each in seen.alerts if matches(dict(alarm), each.labels)), None)
    if firing is not None:
        return True, f"{firing.title or firing.id} fires"
    return (None, seen.alerts_untold) if seen.alerts_untold else (False, "it does not fire")


def incident_met(seen: Surroundings, services: Collection[str], severity: Severity) -> tuple[bool, str]:
    """Whether a real incident, this bad or worse, is open on one of the services."""
    incident = incident_in_the_way(seen.incidents, services, severity)
    return incident is not None, f"{incident.id}: {incident.title}" if incident else "no real incident"


def stop_condition_check(condition: str, trouble: bool | None, detail: str) -> PreflightCheck:
    """What a stop condition says before anything is touched: one that is met already lets nothing begin."""
    said = {None: f"its source does not answer: {detail}", True: f"it is met already: {detail}"}
    return PreflightCheck(
        name=f"stop condition {condition}",
        holds=None if trouble is None else not trouble,
        detail=f"stop condition {condition!r}: {said.get(trouble, detail)}",
    )


def _with_alerts(state: GameDayState, seen: Surroundings, now: datetime) -> GameDayState:
    if state.injected_at is None:
        return state
    since = state.alerts_unseen_since
    if seen.alerts_untold:
        since = since or now
    elif since is not None and now - since <= UNSEEN_AT_MOST:
        # What began to fire in so short a time fires still. After a longer one nobody knows what came and went.
        since = None
    found = alerts_since(seen.alerts, state.injected_at)
    if seen.alerts_untold and not found:
        return changed(state, alerts_unseen_since=since)
    others = tuple(dict.fromkeys((*(state.other_alerts or ()), *found)))
    return changed(state, alerts_unseen_since=since, other_alerts=others)
