"""Judging a game day: which expectation was met, late or missed, and what that makes of the whole.

Called by `workflows/game_day.py`; pure.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.game_day import (
    Expectation,
    ExpectationResult,
    GameDayState,
    GameDayVerdict,
    Judgement,
    Milestone,
    MilestoneKind,
)

# Which milestone shows which expectation. `recover` has none: it is the steady state seen by the game day's own probes.
SHOWN_BY: dict[MilestoneKind, Expectation] = {
    MilestoneKind.DETECTED: Expectation.DETECT,
    MilestoneKind.DECLARED: Expectation.DECLARE,
    MilestoneKind.PAGED: Expectation.PAGE,
    MilestoneKind.ACKNOWLEDGED: Expectation.ACKNOWLEDGE,
    MilestoneKind.MITIGATED: Expectation.MITIGATE,
}


def observe_milestone(state: GameDayState, milestone: Milestone) -> GameDayState:
    """Take in what an alert group or the incident says; a milestone before the fault proves nothing and is ignored."""
    if state.injected_at is None or milestone.at < state.injected_at:
        return state
    known = state.model_copy(update={"incident_id": state.incident_id or milestone.incident_id})
    expectation = SHOWN_BY.get(milestone.kind)
    return observe(known, expectation, milestone.at, milestone.evidence) if expectation else known


def observe(state: GameDayState, expectation: Expectation, at: datetime, evidence: str) -> GameDayState:
    """Judge one expectation by the first time it was seen; seeing it again changes nothing."""
    injected_at = state.injected_at
    if injected_at is None:
        return state

    def judged(result: ExpectationResult) -> ExpectationResult:
        if result.expectation is not expectation or result.judgement is not Judgement.PENDING:
            return result
        after = (at - injected_at).total_seconds()
        in_time = after <= result.within_seconds
        return result.model_copy(
            update={
                "judgement": Judgement.MET if in_time else Judgement.LATE,
                "observed_after_seconds": after,
                "evidence": evidence,
            }
        )

    return state.model_copy(update={"expectations": tuple(judged(r) for r in state.expectations)})


def give_up(state: GameDayState, *, took_effect: bool) -> GameDayState:
    """The watching is over: what was not seen was missed, or could not be observed because there was no fault."""
    end = Judgement.MISSED if took_effect else Judgement.NOT_OBSERVABLE
    return state.model_copy(
        update={
            "expectations": tuple(
                r.model_copy(update={"judgement": end}) if r.judgement is Judgement.PENDING else r
                for r in state.expectations
            )
        }
    )


def is_watching_over(state: GameDayState, now: datetime, duration: timedelta) -> bool:
    """Nothing is left to see, or the fault has stayed as long as it may."""
    all_judged = all(r.judgement is not Judgement.PENDING for r in state.expectations)
    return all_judged or (state.injected_at is not None and now >= state.injected_at + duration)


def verdict(state: GameDayState, *, took_effect: bool, halted: bool) -> tuple[GameDayVerdict, str]:
    """The end, with its reason. A target that was not put right fails the game day whatever else was seen."""
    if state.restored is False:
        return GameDayVerdict.FAILED, "the target could not be restored; a person must look at it now"
    if halted:
        return GameDayVerdict.ABORTED, "halted by a person; the fault was undone"
    if not took_effect:
        return GameDayVerdict.INCONCLUSIVE, "the fault was injected but the steady state never stopped holding"
    bad = [r for r in state.expectations if r.judgement is not Judgement.MET]
    if bad:
        return GameDayVerdict.FAILED, "; ".join(_sentence(r) for r in bad)
    return GameDayVerdict.PASSED, "every expectation was met and the target is restored"


def _sentence(result: ExpectationResult) -> str:
    limit = f"{result.within_seconds:g} s"
    if result.judgement is Judgement.LATE:
        return f"{result.expectation.value} came after {result.observed_after_seconds:.1f} s, expected within {limit}"
    return f"{result.expectation.value} was {result.judgement.value.replace('_', ' ')} (expected within {limit})"


def results_of(expected: Sequence[tuple[Expectation, timedelta]]) -> tuple[ExpectationResult, ...]:
    """The empty score sheet."""
    return tuple(ExpectationResult(expectation=e, within_seconds=w.total_seconds()) for e, w in expected)
