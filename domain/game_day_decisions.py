"""The way of a game day, phase by phase, and its judgement: what was met, late or missed, and what that makes of it.

Called by `workflows/game_day.py`; pure. The one thing to know: a doubt never helps. What cannot be told is neither a
steady state nor an effect nor a recovery, so that a game day passes on what was seen and on nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.configuration import Configuration
from domain.errors import Rejected, RejectionKind
from domain.follow_up import demand_text
from domain.game_day import (
    Expectation,
    ExpectationResult,
    GameDayPhase,
    GameDayState,
    GameDayTerms,
    GameDayVerdict,
    HaltGameDay,
    Judgement,
    Milestone,
    MilestoneKind,
    Seen,
)
from domain.timeline import Actor, ActorKind, Entry, EntryKind, automation

ME = automation("game-day")
# A fault is made when people expect it: a game day that no worker took up for this long is not held any more.
BEGINS_WITHIN = timedelta(minutes=2)
# A worker may have been away for longer than the restoring may take; the target still gets this many tries.
RESTORE_ROUNDS = 3
# Only these say something about what an action item waits for; the others measured nothing.
CONCLUSIVE = (GameDayVerdict.PASSED, GameDayVerdict.FAILED)

# Which milestone shows which expectation. `recover` has none: it is the steady state seen by the game day's own probes.
SHOWN_BY: dict[MilestoneKind, Expectation] = {
    MilestoneKind.DETECTED: Expectation.DETECT,
    MilestoneKind.DECLARED: Expectation.DECLARE,
    MilestoneKind.PAGED: Expectation.PAGE,
    MilestoneKind.ACKNOWLEDGED: Expectation.ACKNOWLEDGE,
    MilestoneKind.MITIGATED: Expectation.MITIGATE,
}


@dataclass(frozen=True)
class Outcome:
    """The new state, and lines for the timeline."""

    state: GameDayState
    entries: tuple[Entry, ...] = ()


# --- what people and other workflows say ---


def halt(state: GameDayState, command: HaltGameDay, now: datetime) -> Outcome:
    """Remember to stop; Rejected when there is nothing left to stop."""
    if state.phase is GameDayPhase.FINISHED:
        raise Rejected(f"game day {state.id!r} has already ended", RejectionKind.CONFLICT)
    if state.phase is GameDayPhase.RESTORING:
        raise Rejected(f"game day {state.id!r} is over and being undone already", RejectionKind.CONFLICT)
    if state.halted is not None:
        raise Rejected(f"game day {state.id!r} was halted by {state.halted.by.name} already", RejectionKind.CONFLICT)
    if not command.by.name.strip():
        raise Rejected("say who halts the game day")
    reason = demand_text(command.reason, "the reason to halt a game day")
    said = _entry(state, now, f"Game day halted by {command.by.name}: {reason}", by=command.by)
    return Outcome(_with(state, halted=command.model_copy(update={"reason": reason})), (said,))


def observe_milestone(state: GameDayState, milestone: Milestone) -> GameDayState:
    """Take in what an alert group or the incident says.

    What happened before the fault proves nothing, and what happened after the watching is the restoring's doing.
    """
    # People may signal by hand, and a time without a zone cannot be compared.
    at = milestone.at if milestone.at.tzinfo else milestone.at.replace(tzinfo=UTC)
    if state.injected_at is None or at < state.injected_at or state.phase is GameDayPhase.FINISHED:
        return state
    known = _with(state, incident_id=state.incident_id or milestone.incident_id)
    expectation = SHOWN_BY.get(milestone.kind)
    if expectation is None or (state.watched_until is not None and at > state.watched_until):
        return known
    return observe(known, expectation, at, milestone.evidence)


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

    return _with(state, expectations=tuple(judged(r) for r in state.expectations))


# --- the way through, one phase each ---


def decide_fault(state: GameDayState, seen: Seen, now: datetime, asked_at: datetime) -> Outcome:
    """CHECKING: make the fault only while the steady state is seen to hold, in time, and nobody has halted."""
    if state.halted is not None:
        return _finish(state, GameDayVerdict.ABORTED, f"{_halted(state.halted)}; nothing was touched", now)
    if now - asked_at > BEGINS_WITHIN:
        late = f"it was to begin at {asked_at:%H:%M:%S} and could not until {now:%H:%M:%S}; nothing was touched"
        return _finish(state, GameDayVerdict.REFUSED, late, now)
    if seen.holds is not True:
        word = "does not hold" if seen.holds is False else "cannot be told"
        return _finish(state, GameDayVerdict.REFUSED, f"the steady state {word}{_why(seen)}; nothing was touched", now)
    return Outcome(_with(state, phase=GameDayPhase.INJECTING, injected_at=now))


def refuse(state: GameDayState, problem: str, now: datetime) -> Outcome:
    """CHECKING: it cannot even be asked."""
    return _finish(state, GameDayVerdict.REFUSED, f"{problem}; nothing was touched", now)


def after_fault(
    state: GameDayState, problem: str | None, now: datetime, terms: GameDayTerms, *, nothing_done: bool = False
) -> Outcome:
    """INJECTING: watch, unless it is sure that there is nothing to be seen. Who cannot tell looks."""
    if problem is None:
        line = _entry(state, now, "The fault was made")
    else:
        line = _entry(state, now, f"The fault was not made as asked: {problem}", kind=EntryKind.TROUBLE)
    told = _with(state, fault_problem=problem or "")
    if nothing_done or state.halted is not None:
        return Outcome(_begin_restoring(told, now, terms), (line,))
    watching = _with(told, phase=GameDayPhase.WATCHING, effect_due_at=now + terms.takes_effect_within)
    return Outcome(watching, (line,))


def watch(state: GameDayState, seen: Seen, now: datetime, terms: GameDayTerms) -> Outcome:
    """WATCHING: note the effect and the recovery; go on to undo it once nothing is left to be seen."""
    entries: list[Entry] = []
    if state.took_effect_at is None and seen.holds is False:
        state = _with(state, took_effect_at=now)
        entries.append(_entry(state, now, f"The fault has taken effect{_why(seen)}"))
    elif state.took_effect_at is not None and seen.holds is True:
        before, state = state, observe(state, Expectation.RECOVER, now, seen.detail or "the steady state holds again")
        if state != before:
            entries.append(_entry(state, now, "The steady state holds again"))
    if not _is_watching_over(state, now, terms):
        return Outcome(state, tuple(entries))
    if state.took_effect_at is None and state.halted is None:
        entries.append(_entry(state, now, "The fault did not take effect"))
    return Outcome(_begin_restoring(state, now, terms), tuple(entries))


def must_restore(state: GameDayState, seen: Seen) -> bool:
    """RESTORING: whether the target has to be put right by us.

    Not when the response did: the steady state was seen to break and to hold again, and a restore would only disturb.
    A steady state that never broke shows nothing, so there the fault is undone.
    """
    return not state.restore_done and not (state.took_effect_at is not None and seen.holds is True)


def after_restore(state: GameDayState, problem: str | None, now: datetime) -> Outcome:
    """RESTORING: remember how the restoring action went."""
    if problem is None:
        return Outcome(_with(state, restore_done=True, restore_problem=""))
    line = _entry(state, now, f"The target could not be restored: {problem}", kind=EntryKind.TROUBLE)
    is_new = problem != state.restore_problem
    return Outcome(_with(state, restore_problem=problem), (line,) if is_new else ())


def judge_restore(state: GameDayState, seen: Seen, now: datetime) -> Outcome:
    """RESTORING: finish once the target is right, or once it is a person's turn."""
    rounds = state.restore_rounds + 1
    state = _with(state, restore_rounds=rounds)
    is_restored = seen.holds is True and (state.restore_done or state.took_effect_at is not None)
    is_time_over = state.restore_by is None or now >= state.restore_by
    if not is_restored and not (is_time_over and rounds >= RESTORE_ROUNDS):
        return Outcome(state)
    state = give_up(_with(state, restored=is_restored, restored_at=now if is_restored else None))
    who = "by the game day" if state.restore_done else "by the response itself"
    problem = state.restore_problem or seen.detail or "the steady state does not hold"
    said = f"Target restored {who}" if is_restored else f"Target NOT restored: {problem}"
    line = _entry(state, now, said, kind=EntryKind.GAME_DAY if is_restored else EntryKind.TROUBLE)
    word, reason = verdict(state)
    finished = _finish(state, word, reason, now)
    return Outcome(finished.state, (line, *finished.entries))


# --- the judgement ---


def give_up(state: GameDayState) -> GameDayState:
    """The watching is over: what was not seen was missed, or there was no way to see it."""

    def ended(result: ExpectationResult) -> ExpectationResult:
        if result.judgement is not Judgement.PENDING:
            return result
        end = Judgement.MISSED if _had_its_time(state, result) else Judgement.NOT_OBSERVABLE
        return result.model_copy(update={"judgement": end})

    return _with(state, expectations=tuple(ended(r) for r in state.expectations))


def verdict(state: GameDayState) -> tuple[GameDayVerdict, str]:
    """The end, with its reason. A target that was not put right fails the game day whatever else was seen."""
    bad = [r for r in state.expectations if r.judgement is not Judgement.MET]
    if state.restored is not True:
        why = f" ({state.restore_problem})" if state.restore_problem else ""
        return GameDayVerdict.FAILED, f"the target could not be restored{why}; a person must look at it now"
    if state.halted is not None:
        return GameDayVerdict.ABORTED, f"{_halted(state.halted)}; the fault was undone"
    if state.took_effect_at is None:
        why = f": {state.fault_problem}" if state.fault_problem else ""
        return GameDayVerdict.INCONCLUSIVE, f"the fault had no effect, the steady state never stopped holding{why}"
    if bad:
        return GameDayVerdict.FAILED, "; ".join(_sentence(r) for r in bad)
    return GameDayVerdict.PASSED, "every expectation was met and the target is restored"


def results_of(expected: Sequence[tuple[Expectation, timedelta]]) -> tuple[ExpectationResult, ...]:
    """The empty score sheet."""
    return tuple(ExpectationResult(expectation=e, within_seconds=w.total_seconds()) for e, w in expected)


def answerable(configuration: Configuration, owner: str, service: str | None) -> tuple[str, ...]:
    """Who hears at once of a target that was not put right: the first on call for the service, and the owner.

    The owner of a game day is a person, a team or a group of `hotwash.yaml`.
    """
    people: list[str] = []
    known = configuration.services.get(service) if service else None
    if known is not None and known.on_call:
        people += configuration.on_call[known.on_call].levels[0].people
    if owner in configuration.people:
        people.append(owner)
    elif owner in configuration.teams:
        people += configuration.teams[owner].members
    else:
        people += [name for name, each in configuration.people.items() if owner in each.groups]
    return tuple(dict.fromkeys(people))


def listeners(state: GameDayState, audience: Sequence[str], answerable_people: Sequence[str]) -> tuple[str, ...]:
    """Who gets the report: the audience; when the target is still broken, everybody who could mend it, too."""
    people = list(audience)
    if state.restored is False:
        people += answerable_people
        if state.requested_by.kind is ActorKind.PERSON:
            people.append(state.requested_by.name)
    return tuple(dict.fromkeys(people))


def _is_watching_over(state: GameDayState, now: datetime, terms: GameDayTerms) -> bool:
    if state.halted is not None or (state.injected_at is not None and now >= state.injected_at + terms.duration):
        return True
    if state.took_effect_at is None:
        return state.effect_due_at is not None and now >= state.effect_due_at
    return all(r.judgement is not Judgement.PENDING for r in state.expectations)


def _had_its_time(state: GameDayState, result: ExpectationResult) -> bool:
    if state.took_effect_at is None or state.injected_at is None or state.watched_until is None:
        return False
    watched = (state.watched_until - state.injected_at).total_seconds()
    return state.halted is None or watched > result.within_seconds


def _begin_restoring(state: GameDayState, now: datetime, terms: GameDayTerms) -> GameDayState:
    return _with(state, phase=GameDayPhase.RESTORING, watched_until=now, restore_by=now + terms.restored_within)


def _finish(state: GameDayState, word: GameDayVerdict, reason: str, now: datetime) -> Outcome:
    ended = give_up(_with(state, phase=GameDayPhase.FINISHED, verdict=word, reason=reason, finished_at=now))
    return Outcome(ended, (_entry(ended, now, f"Game day {word.value}: {reason}"),))


def _with(state: GameDayState, **changes: object) -> GameDayState:
    return state.model_copy(update=changes)


def _entry(
    state: GameDayState, now: datetime, summary: str, *, kind: EntryKind = EntryKind.GAME_DAY, by: Actor = ME
) -> Entry:
    return Entry(at=now, kind=kind, actor=by, summary=summary, details={"game_day_id": state.id})


def _why(seen: Seen) -> str:
    return f" ({seen.detail})" if seen.detail else ""


def _halted(command: HaltGameDay) -> str:
    return f"halted by {command.by.name}: {command.reason}"


def _sentence(result: ExpectationResult) -> str:
    limit = f"{result.within_seconds:g} s"
    if result.judgement is Judgement.LATE:
        return f"{result.expectation.value} came after {result.observed_after_seconds:.1f} s, expected within {limit}"
    return f"{result.expectation.value} was {result.judgement.value.replace('_', ' ')} (expected within {limit})"
