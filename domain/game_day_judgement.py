"""The judgement of a game day: each expectation by the first time it was seen, and the verdict of the whole. Pure.

Called by `domain/game_day_decisions.py`. The one thing to know: a doubt never helps. What cannot be told is neither an
effect nor a recovery, so that a game day passes on what was seen and on nothing else.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from domain.game_day import (
    Expectation,
    ExpectationResult,
    GameDayState,
    GameDayVerdict,
    HaltGameDay,
    Judgement,
    Milestone,
    MilestoneKind,
)
from domain.game_day_faults import EffectProof, FaultRun, FaultStage, UndoneBy, doubt_of, is_doubtful, is_settled
from domain.routing import matches

# Which milestone shows which expectations. `recover` has none: it is the steady state seen by the probes.
SHOWN_BY: dict[MilestoneKind, tuple[Expectation, ...]] = {
    MilestoneKind.DETECTED: (Expectation.DETECT,),
    MilestoneKind.DECLARED: (Expectation.DECLARE,),
    MilestoneKind.PAGED: (Expectation.PAGE, Expectation.ROUTE),
    MilestoneKind.ACKNOWLEDGED: (Expectation.ACKNOWLEDGE,),
    MilestoneKind.MITIGATED: (Expectation.MITIGATE,),
    MilestoneKind.COMMUNICATED: (Expectation.COMMUNICATE,),
}
NEVER_BROKE = "the steady state never stopped holding"


def observe_milestone(state: GameDayState, milestone: Milestone) -> GameDayState:
    """Take in what an alert group or the incident says.

    What happened before the fault proves nothing, and what happened after the watching is the restoring's doing.
    """
    # People may signal by hand, and a time without a zone cannot be compared.
    at = milestone.at if milestone.at.tzinfo else milestone.at.replace(tzinfo=UTC)
    if state.injected_at is None or at < state.injected_at or state.finished_at is not None:
        return state
    known = state.model_copy(update={"incident_id": state.incident_id or milestone.incident_id})
    if state.watched_until is not None and at > state.watched_until:
        return known
    for expectation in SHOWN_BY.get(milestone.kind, ()):
        known = _judged(known, expectation, lambda one: _by_milestone(state, one, milestone, at))
    return known


def observe(state: GameDayState, expectation: Expectation, at: datetime, evidence: str) -> GameDayState:
    """Judge one expectation by the first time it was seen; seeing it again changes nothing."""
    return _judged(state, expectation, lambda result: _seen(state, result, at, evidence))


def counted_anew(state: GameDayState) -> GameDayState:
    """The same after the fault turned out to have been made a little earlier or later than it was asked for."""

    def again(result: ExpectationResult) -> ExpectationResult:
        if result.observed_at is None:
            return result
        return _seen(state, result, result.observed_at, result.evidence)

    return state.model_copy(update={"expectations": tuple(again(each) for each in state.expectations)})


def give_up(state: GameDayState) -> GameDayState:
    """The watching is over: what was not seen was missed, or there was no way to see it."""

    def ended(result: ExpectationResult) -> ExpectationResult:
        if result.judgement is not Judgement.PENDING:
            return result
        if result.expectation is Expectation.NO_OTHER_ALERTS:
            return _no_other_alerts(state, result)
        if result.expectation is Expectation.RECOVER and _withstood(state):
            return result.model_copy(
                update={"judgement": Judgement.MET, "observed_after_seconds": 0.0, "evidence": NEVER_BROKE}
            )
        end = Judgement.MISSED if _had_its_time(state, result) else Judgement.NOT_OBSERVABLE
        return result.model_copy(update={"judgement": end})

    return state.model_copy(update={"expectations": tuple(ended(each) for each in state.expectations)})


def verdict(state: GameDayState) -> tuple[GameDayVerdict, str]:
    """The end, with its reason. A target that was not put right fails the game day whatever else was seen."""
    return _cut_short(state) or _unproved(state) or _judged_whole(state)


def _cut_short(state: GameDayState) -> tuple[GameDayVerdict, str] | None:
    left = [run for run in state.faults if not _is_right(run)]
    if state.restored is not True or left:
        return (
            GameDayVerdict.FAILED,
            f"the target could not be restored{_left(state, left)}; a person must look at it now",
        )
    doubts = [doubt_of(run) for run in state.faults if is_doubtful(run)]
    undone = "; ".join(doubts) or "the fault was undone"
    if state.halted is not None:
        return GameDayVerdict.ABORTED, f"{halted_words(state.halted)}; {undone}"
    if state.stopped is not None:
        aborted = state.stopped.for_want_of_data or state.stopped.is_real_incident
        word = GameDayVerdict.ABORTED if aborted else GameDayVerdict.FAILED
        return word, f"stopped by {state.stopped.condition}: {state.stopped.reason}; {undone}"
    if doubts:
        return GameDayVerdict.INCONCLUSIVE, f"{undone}; a person should look"
    return None


def _unproved(state: GameDayState) -> tuple[GameDayVerdict, str] | None:
    early = [run for run in state.faults if run.ended_early and run.undone_by is not UndoneBy.RESPONSE]
    if early:
        return GameDayVerdict.INCONCLUSIVE, "; ".join(map(_ended_early, early))
    if not any(run.effect is EffectProof.CONFIRMED for run in state.faults):
        return GameDayVerdict.INCONCLUSIVE, f"the fault had no effect, {NEVER_BROKE}{_why_no_effect(state)}"
    unproved = [run for run in state.faults if run.effect not in {None, EffectProof.CONFIRMED}]
    if unproved:
        return GameDayVerdict.INCONCLUSIVE, "; ".join(f"{run.name}: {_proof(run)}" for run in unproved)
    return None


def _judged_whole(state: GameDayState) -> tuple[GameDayVerdict, str]:
    bad = [_sentence(each) for each in state.expectations if each.judgement is not Judgement.MET]
    bad += _objectives_missed(state)
    if bad:
        return GameDayVerdict.FAILED, "; ".join(bad)
    return GameDayVerdict.PASSED, "every expectation was met and the target is restored"


def halted_words(command: HaltGameDay) -> str:
    """Who halted it, and why."""
    return f"halted by {command.by.name}: {command.reason}"


def held_throughout(state: GameDayState) -> bool | None:
    """Whether what had to hold while the fault was there did so; None: it cannot be told."""
    demanding = [probe for probe in state.probes if probe.mode == "during_fault"]
    if state.took_effect_at is None:
        return None
    if any(probe.broke_at is not None for probe in demanding):
        return False
    if any(probe.held == 0 for probe in demanding):
        return None
    return state.broke_at is None or state.recovered_at is not None


# --- one expectation ---


def _judged(
    state: GameDayState, expectation: Expectation, judge: Callable[[ExpectationResult], ExpectationResult]
) -> GameDayState:
    if state.injected_at is None:
        return state

    def one(result: ExpectationResult) -> ExpectationResult:
        if result.expectation is not expectation or result.judgement is not Judgement.PENDING:
            return result
        return judge(result)

    return state.model_copy(update={"expectations": tuple(one(each) for each in state.expectations)})


def _by_milestone(
    state: GameDayState, result: ExpectationResult, milestone: Milestone, at: datetime
) -> ExpectationResult:
    evidence = milestone.evidence
    if result.alert and not matches(result.alert, milestone.labels):
        return result.model_copy(update={"evidence": f"another alert came: {evidence}"})
    if result.to and not set(result.to) & set(milestone.people):
        return result.model_copy(update={"evidence": f"paged, but not {' or '.join(result.to)}: {evidence}"})
    away = set(state.roles.get("unavailable", ()))
    if result.expectation is Expectation.ACKNOWLEDGE and milestone.people and set(milestone.people) <= away:
        return result.model_copy(update={"evidence": f"{evidence}, who is declared unavailable"})
    seen = _seen(state, result, at, evidence)
    return seen.model_copy(
        update={"alert_started_at": milestone.alert_started_at, "alert_received_at": milestone.alert_received_at}
    )


def _seen(state: GameDayState, result: ExpectationResult, at: datetime, evidence: str) -> ExpectationResult:
    since = state.undoing_at if result.after == "undo" else state.injected_at
    if since is None:
        return result
    after = (at - since).total_seconds()
    return result.model_copy(
        update={
            "judgement": Judgement.MET if after <= result.within_seconds else Judgement.LATE,
            "observed_after_seconds": after,
            "observed_at": at,
            "evidence": evidence,
        }
    )


def _no_other_alerts(state: GameDayState, result: ExpectationResult) -> ExpectationResult:
    if state.other_alerts is None or state.took_effect_at is None:
        return result.model_copy(update={"judgement": Judgement.NOT_OBSERVABLE})
    if state.other_alerts:
        evidence = f"fired as well: {', '.join(state.other_alerts)}"
        return result.model_copy(update={"judgement": Judgement.MISSED, "evidence": evidence})
    if state.alerts_unseen_since is not None:
        evidence = f"what fired could not be told from {state.alerts_unseen_since:%H:%M:%S} on"
        return result.model_copy(update={"judgement": Judgement.NOT_OBSERVABLE, "evidence": evidence})
    return result.model_copy(update={"judgement": Judgement.MET, "evidence": "nothing else fired"})


def _withstood(state: GameDayState) -> bool:
    """The fault was there for all of its time, and the steady state held."""
    watched = any(probe.mode == "continuous" and probe.held > 0 for probe in state.probes)
    cut_short = state.halted is not None or state.stopped is not None
    return watched and not cut_short and state.took_effect_at is not None and state.broke_at is None


def _had_its_time(state: GameDayState, result: ExpectationResult) -> bool:
    if state.took_effect_at is None or state.injected_at is None or state.watched_until is None:
        return False
    watched = (state.watched_until - state.injected_at).total_seconds()
    cut_short = state.halted is not None or state.stopped is not None
    return not cut_short or watched > result.within_seconds


# --- the words of a verdict ---


def _is_right(run: FaultRun) -> bool:
    return run.state is FaultStage.SKIPPED or (run.state is FaultStage.UNDONE and is_settled(run))


def _left(state: GameDayState, left: list[FaultRun]) -> str:
    why = "; ".join(f"{run.name}: {run.undo_problem or run.clean_detail or 'it is still there'}" for run in left)
    why = why or state.restore_problem
    return f" ({why})" if why else ""


def _ended_early(run: FaultRun) -> str:
    when = f" at {run.undone_at:%H:%M:%S}" if run.undone_at else ""
    if run.undone_by is UndoneBy.SWEEP:
        return f"{run.name} was reverted{when} by a worker that found it left over, before its time"
    if run.undone_by is UndoneBy.LEASE:
        return f"{run.name} was reverted{when} by its lease, because nobody renewed it"
    return f"{run.name} ended before its time, and nobody can say who ended it"


def _why_no_effect(state: GameDayState) -> str:
    whys = [run.problem or run.effect_detail for run in state.faults if run.problem or run.effect_detail]
    return f": {'; '.join(dict.fromkeys(whys))}" if whys else ""


def _proof(run: FaultRun) -> str:
    why = f": {run.problem or run.effect_detail}" if run.problem or run.effect_detail else ""
    if run.effect is EffectProof.MISMATCH:
        return f"the fault did not take effect{why}"
    return f"it cannot be told whether the fault took effect{why}"


def _sentence(result: ExpectationResult) -> str:
    name = result.expectation.value.replace("_", " ")
    limit = f" (expected within {result.within_seconds:g} s)" if result.within_seconds else ""
    if result.judgement is Judgement.LATE:
        return f"{name} came after {result.observed_after_seconds:.1f} s, expected within {result.within_seconds:g} s"
    why = f": {result.evidence}" if result.evidence else ""
    return f"{name} was {result.judgement.value.replace('_', ' ')}{limit}{why}"


def _objectives_missed(state: GameDayState) -> list[str]:
    said = [
        f"{probe.name} stopped holding while the fault was there: {probe.detail}"
        for probe in state.probes
        if probe.mode == "during_fault" and probe.broke_at is not None
    ]
    said += [
        f"{probe.name} could not be told while the fault was there: {probe.detail}"
        for probe in state.probes
        if probe.mode == "during_fault" and probe.broke_at is None and probe.held == 0
    ]
    limit, took = state.rto_limit_seconds, state.rto_seconds
    if limit is not None and (took is None or took > limit):
        said.append(f"the recovery took {'too long' if took is None else f'{took:.1f} s'}, the RTO is {limit:g} s")
    if state.rpo_limit is not None:
        if state.rpo is None:
            said.append(f"what was lost could not be told: {state.rpo_detail}")
        elif state.rpo > state.rpo_limit:
            said.append(f"{state.rpo:g} {state.rpo_unit} were lost, the RPO is {state.rpo_limit:g}".replace("  ", " "))
    return said
