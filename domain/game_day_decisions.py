"""The way of a game day, phase by phase: what people say, what was seen, and what comes of it.

Called by `workflows/game_day.py`; pure. `domain/game_day_judgement.py` judges, `domain/game_day_faults.py` knows one
fault. The one thing to know: whatever stops a game day, its end is the same: undo, verify, tell.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.configuration import Configuration
from domain.errors import Rejected, RejectionKind
from domain.follow_up import demand_text
from domain.game_day import (
    Expectation,
    ExpectationResult,
    GameDayKind,
    GameDayPhase,
    GameDayState,
    GameDayTerms,
    GameDayVerdict,
    HaltGameDay,
    Judgement,
    PreflightCheck,
    Seen,
    Stopped,
)
from domain.game_day_faults import (
    OVER,
    EffectProof,
    FaultRun,
    FaultStage,
    UndoneBy,
    doubt_of,
    in_words,
    is_doubtful,
    is_settled,
)
from domain.game_day_judgement import counted_anew, give_up, halted_words, held_throughout, observe, verdict
from domain.game_day_probes import ProbeRun, StopRun, steady
from domain.game_day_score import scores
from domain.run import ApprovalState, ApprovalStatus
from domain.safety_lever import GLOBAL, LeverEngaged
from domain.timeline import Actor, ActorKind, Entry, EntryKind, automation

ME = automation("game-day")
# A fault is made when people expect it: a game day that no worker took up for this long is not held any more.
BEGINS_WITHIN = timedelta(minutes=2)
# A worker may have been away for longer than the restoring may take; the target still gets this many tries.
RESTORE_ROUNDS = 3
# Only these say something about what an action item waits for; the others measured nothing.
CONCLUSIVE = (GameDayVerdict.PASSED, GameDayVerdict.FAILED)
# The faults are there, or being made.
RUNNING = frozenset({GameDayPhase.INJECTING, GameDayPhase.PROVING, GameDayPhase.WATCHING})
UNDOING = frozenset({GameDayPhase.RESTORING, GameDayPhase.VERIFYING})


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
    if state.phase in UNDOING:
        raise Rejected(f"game day {state.id!r} is over and being undone already", RejectionKind.CONFLICT)
    if state.halted is not None:
        raise Rejected(f"game day {state.id!r} was halted by {state.halted.by.name} already", RejectionKind.CONFLICT)
    if not command.by.name.strip():
        raise Rejected("say who halts the game day")
    reason = demand_text(command.reason, "the reason to halt a game day")
    said = entry(state, now, f"Game day halted by {command.by.name}: {reason}", by=command.by)
    return Outcome(changed(state, halted=command.model_copy(update={"reason": reason})), (said,))


def lever_engaged(state: GameDayState, news: LeverEngaged, now: datetime) -> Outcome:
    """Halt, if the lever is for where this game day's targets are; before they are known its own look says so."""
    if news.scope != GLOBAL and news.scope not in {state.environment, *state.targets.environments()}:
        return Outcome(state)
    if state.halted is not None or state.phase in UNDOING or state.phase is GameDayPhase.FINISHED:
        return Outcome(state)
    reason = f"the safety lever ({news.scope}) was engaged: {news.reason.strip() or 'no reason given'}"
    return halt(state, HaltGameDay(by=news.by, reason=reason), now)


# --- before anything is touched ---


def checked(
    state: GameDayState,
    checks: Sequence[PreflightCheck],
    now: datetime,
    asked_at: datetime,
    *,
    approval_wanted: bool,
) -> Outcome:
    """CHECKING: go on only when every question was answered well, in time, and nobody has halted."""
    state = changed(state, preflight=tuple(checks))
    if state.halted is not None:
        return finish(state, GameDayVerdict.ABORTED, f"{halted_words(state.halted)}; nothing was touched", now)
    if now - asked_at > BEGINS_WITHIN:
        late = f"it was to begin at {asked_at:%H:%M:%S} and could not until {now:%H:%M:%S}; nothing was touched"
        return finish(state, GameDayVerdict.REFUSED, late, now)
    problems = [_refusal(check) for check in checks if check.holds is not True]
    if problems:
        return finish(state, GameDayVerdict.REFUSED, f"{'; '.join(problems)}; nothing was touched", now)
    if state.kind is GameDayKind.DRY:
        return finish(state, GameDayVerdict.PREVIEWED, "a dry run: everything is in order, nothing was touched", now)
    if approval_wanted and state.approval is None:
        return Outcome(changed(state, phase=GameDayPhase.AWAITING_APPROVAL))
    return Outcome(changed(state, phase=GameDayPhase.ANNOUNCING))


def refuse(state: GameDayState, problem: str, now: datetime, check: str = "") -> Outcome:
    """It cannot go on, and nothing was touched yet; `check` names what was not in order, for the report."""
    if check:
        failed = PreflightCheck(name=check, holds=False, detail=problem)
        state = changed(state, preflight=(*state.preflight, failed))
    if state.halted is not None:
        return finish(state, GameDayVerdict.ABORTED, f"{halted_words(state.halted)}; nothing was touched", now)
    return finish(state, GameDayVerdict.REFUSED, f"{problem}; nothing was touched", now)


def after_approval(state: GameDayState, approval: ApprovalState, now: datetime) -> Outcome:
    """AWAITING_APPROVAL: look again when people said yes, for the answers are as old as their decision."""
    known = changed(state, approval=approval)
    if approval.state is ApprovalStatus.PENDING:
        return Outcome(known)
    line = entry(known, now, f"Targets {approval.state.value}: {approval.reason}", kind=EntryKind.APPROVAL)
    if approval.state is ApprovalStatus.APPROVED:
        return Outcome(changed(known, phase=GameDayPhase.CHECKING), (line,))
    refused = refuse(known, f"its targets were not approved: {approval.reason}", now)
    return Outcome(refused.state, (line, *refused.entries))


def is_as_approved(state: GameDayState, digest: str) -> str | None:
    """Why what would be done is not what people approved or were told; None when it is, or when nobody knows of it."""
    approval = state.approval
    known, what = (approval.digest, "approved") if approval is not None else (state.targets_digest, "announced")
    if digest == known or (approval is None and state.phase is not GameDayPhase.ANNOUNCING):
        return None
    return (
        f"the targets or what would be done to them have changed since they were {what}"
        f" ({known[:19]}… is {digest[:19]}… now); start it again and have it {what} anew"
    )


def headline(title: str, runs: Sequence[FaultRun]) -> str:
    """What people are asked for, in one line."""
    return f"Game day {title!r}: {', '.join(map(in_words, runs)) or 'nothing'}"


def begin(state: GameDayState, now: datetime) -> Outcome:
    """ANNOUNCING: from now on what happens is the game day's doing."""
    if state.halted is not None:
        return finish(state, GameDayVerdict.ABORTED, f"{halted_words(state.halted)}; nothing was touched", now)
    return Outcome(changed(state, phase=GameDayPhase.INJECTING, injected_at=now))


# --- while the faults are there ---


def with_fault(state: GameDayState, run: FaultRun, now: datetime) -> Outcome:
    """Take over what became of one fault, with a line for each step that people want to know."""
    before = next(each for each in state.faults if each.key == run.key)
    if run == before:
        return Outcome(state)
    state = changed(state, faults=tuple(run if each.key == run.key else each for each in state.faults))
    state = _first_injection(state)
    if state.took_effect_at is None and run.effect is EffectProof.CONFIRMED:
        state = changed(state, took_effect_at=now)
    return Outcome(_in_phase(state), tuple(_fault_lines(state, before, run, now)))


def with_probe(state: GameDayState, run: ProbeRun, now: datetime) -> Outcome:
    """Take over what a probe says: the steady state breaks, and holds again."""
    state = changed(state, probes=tuple(run if each.key == run.key else each for each in state.probes))
    if state.phase not in RUNNING:
        return Outcome(state)
    seen = steady_now(state)
    if state.broke_at is None and seen.holds is False:
        state = changed(state, broke_at=now)
        return Outcome(state, (entry(state, now, f"The steady state has stopped holding{why(seen)}"),))
    if state.broke_at is None or state.recovered_at is not None or seen.holds is not True:
        return Outcome(state)
    state = changed(state, recovered_at=now)
    if not _undoing_has_begun(state):
        # Only then it is the response's doing.
        state = observe(state, Expectation.RECOVER, now, seen.detail or "the steady state holds again")
    return Outcome(state, (entry(state, now, "The steady state holds again"),))


def steady_now(state: GameDayState) -> Seen:
    """What the probes that are asked all the time say together."""
    return steady([each for each in state.probes if each.mode == "continuous"])


def with_stop_condition(state: GameDayState, run: StopRun, now: datetime, *, no_data: bool) -> Outcome:
    """Take over what a stop condition says; the first that is met ends the watching."""
    state = changed(state, stop_conditions=tuple(run if each.id == run.id else each for each in state.stop_conditions))
    if run.met_at is None:
        return Outcome(state)
    return stop(state, Stopped(condition=run.id, reason=run.detail, for_want_of_data=no_data, at=now), now)


def stop(state: GameDayState, stopped: Stopped, now: datetime) -> Outcome:
    """End the watching early; the first reason counts."""
    if state.stopped is not None or state.phase not in RUNNING:
        return Outcome(state)
    line = entry(state, now, f"Stopped by {stopped.condition}: {stopped.reason}")
    return Outcome(changed(state, stopped=stopped), (line,))


def is_watching_over(state: GameDayState, now: datetime, terms: GameDayTerms) -> bool:
    """Whether nothing is left to be seen, or nothing more may be waited for."""
    if state.halted is not None or state.stopped is not None or state.injected_at is None:
        return True
    if now >= state.injected_at + terms.duration:
        return True
    if any(run.state in {FaultStage.INJECTING, FaultStage.PROVING} for run in state.faults):
        return False
    tried = [run for run in state.faults if run.state is not FaultStage.WAITING]
    if tried and not any(run.effect is EffectProof.CONFIRMED for run in tried):
        return True
    are_over = all(run.state in OVER for run in state.faults)
    pending = _pending(state)
    if are_over:
        return all(now >= state.injected_at + timedelta(seconds=each.within_seconds) for each in pending)
    is_waiting = any(run.state is FaultStage.WAITING for run in state.faults)
    return not terms.lasts and not is_waiting and not pending and _has_observable(state)


def watching_ends_at(state: GameDayState, now: datetime, terms: GameDayTerms) -> datetime | None:
    """When `is_watching_over` may change though nothing happens; None: it is over."""
    if state.injected_at is None:
        return None
    limits = [timedelta(seconds=each.within_seconds) for each in _pending(state)]
    times = [state.injected_at + limit for limit in (terms.duration, *limits)]
    return min((time for time in times if time > now), default=None)


# --- the end ---


def begin_restoring(state: GameDayState, now: datetime, terms: GameDayTerms) -> Outcome:
    """Whatever is there is undone now."""
    entries = []
    if state.took_effect_at is None and state.halted is None and state.stopped is None:
        entries.append(entry(state, now, "The fault did not take effect"))
    begun = changed(
        state,
        phase=GameDayPhase.RESTORING,
        watched_until=now,
        undoing_at=state.undoing_at or now,
        restore_by=now + terms.restored_within,
    )
    return Outcome(begun, tuple(entries))


def all_over(state: GameDayState) -> bool:
    """No fault is there any more, as far as anybody can do something about it."""
    return all(run.state in OVER for run in state.faults)


def begin_verifying(state: GameDayState) -> Outcome:
    """RESTORING: everything was undone; now it has to show."""
    return Outcome(changed(state, phase=GameDayPhase.VERIFYING))


def may_try_again(state: GameDayState, rounds: int, since: datetime, now: datetime, terms: GameDayTerms) -> bool:
    """Whether an undo that did not work is tried once more."""
    until = state.restore_by or since + terms.restored_within
    return now < until or rounds < RESTORE_ROUNDS


def judge_restore(state: GameDayState, seen: Seen, now: datetime) -> Outcome:
    """VERIFYING: note that the target is right, or that it is a person's turn. `restored` stays None till then."""
    rounds = state.restore_rounds + 1
    state = changed(state, restore_rounds=rounds)
    left = [run for run in state.faults if run.state is not FaultStage.SKIPPED and not is_settled(run)]
    is_restored = seen.holds is True and not left
    is_time_over = state.restore_by is None or now >= state.restore_by
    if not is_restored and not left and not (is_time_over and rounds >= RESTORE_ROUNDS):
        return Outcome(state)
    problem = "; ".join(f"{run.name}: {run.undo_problem or run.clean_detail}" for run in left)
    problem = problem or seen.detail or "the steady state does not hold"
    state = changed(
        state,
        restored=is_restored,
        restored_at=now if is_restored else None,
        restore_problem="" if is_restored else problem,
    )
    if is_restored:
        state = _recovered(state, now, seen)
    said = f"Target restored by {_who(state)}" if is_restored else f"Target NOT restored: {problem}"
    line = entry(state, now, said, kind=EntryKind.GAME_DAY if is_restored else EntryKind.TROUBLE)
    return Outcome(state, (line,))


def measured_rpo(state: GameDayState, value: float | None, detail: str) -> GameDayState:
    """How much was lost; None: it could not be told."""
    return changed(state, rpo=value, rpo_detail=detail)


def conclude(state: GameDayState, now: datetime) -> Outcome:
    """VERIFYING: the verdict."""
    state = give_up(state)
    state = changed(state, hypothesis_held=held_throughout(state))
    word, reason = verdict(state)
    return finish(state, word, reason, now)


def finish(state: GameDayState, word: GameDayVerdict, reason: str, now: datetime) -> Outcome:
    """The end, judged and scored."""
    skipped = tuple(
        run.model_copy(update={"state": FaultStage.SKIPPED}) if run.state is FaultStage.WAITING else run
        for run in state.faults
    )
    ended = give_up(
        changed(state, phase=GameDayPhase.FINISHED, verdict=word, reason=reason, finished_at=now, faults=skipped)
    )
    ended = changed(ended, scores=scores(ended))
    return Outcome(ended, (entry(ended, now, f"Game day {word.value}: {reason}"),))


# --- who is told ---


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


# --- small things that the other modules of a game day use, too ---


def changed(state: GameDayState, **changes: object) -> GameDayState:
    """The state with something else in it."""
    return state.model_copy(update=changes)


def entry(
    state: GameDayState, now: datetime, summary: str, *, kind: EntryKind = EntryKind.GAME_DAY, by: Actor = ME
) -> Entry:
    """A line of the timeline."""
    return Entry(at=now, kind=kind, actor=by, summary=summary, details={"game_day_id": state.id})


def why(seen: Seen) -> str:
    """What was seen, in brackets."""
    return f" ({seen.detail})" if seen.detail else ""


def _refusal(check: PreflightCheck) -> str:
    if check.name == "steady state":
        word = "does not hold" if check.holds is False else "cannot be told"
        return f"the steady state {word}" + (f" ({check.detail})" if check.detail else "")
    return check.detail or f"{check.name} is not as it should be"


def _first_injection(state: GameDayState) -> GameDayState:
    times = [run.injected_at for run in state.faults if run.injected_at is not None]
    if not times or min(times) == state.injected_at:
        return state
    return counted_anew(changed(state, injected_at=min(times)))


def _in_phase(state: GameDayState) -> GameDayState:
    if state.phase not in RUNNING:
        return state
    if all(run.state in {FaultStage.WAITING, FaultStage.INJECTING} for run in state.faults):
        return changed(state, phase=GameDayPhase.INJECTING)
    is_proving = any(run.state in {FaultStage.PROVING, FaultStage.INJECTING} for run in state.faults)
    return changed(state, phase=GameDayPhase.PROVING if is_proving else GameDayPhase.WATCHING)


def _fault_lines(state: GameDayState, before: FaultRun, run: FaultRun, now: datetime) -> Iterable[Entry]:
    if run.state is not before.state and before.state in {FaultStage.WAITING, FaultStage.INJECTING}:
        if run.problem:
            said = f"The fault {run.name} was not made as asked: {run.problem}"
            yield entry(state, now, said, kind=EntryKind.TROUBLE)
        elif run.state is FaultStage.PROVING:
            yield entry(state, now, f"The fault {run.name} was made")
    if run.effect is not before.effect and run.effect is EffectProof.CONFIRMED:
        yield entry(state, now, f"The fault {run.name} has taken effect ({run.effect_detail})")
    if run.ended_early and not before.ended_early:
        who = run.undone_by.value if run.undone_by else "nobody knows whom"
        yield entry(state, now, f"The fault {run.name} ended before its time, by {who}", kind=EntryKind.TROUBLE)
    if run.undo_problem and run.undo_problem != before.undo_problem:
        said = f"The fault {run.name} could not be undone: {run.undo_problem}"
        yield entry(state, now, said, kind=EntryKind.TROUBLE)
    if run.state is FaultStage.UNDONE and before.state is not FaultStage.UNDONE:
        yield entry(state, now, f"The fault {run.name} was undone by {_by(run)}")
        if is_doubtful(run):
            yield entry(state, now, f"The fault {doubt_of(run)}", kind=EntryKind.TROUBLE)


def _by(run: FaultRun) -> str:
    words = {
        UndoneBy.WORKFLOW: "the game day",
        UndoneBy.RESPONSE: "the response itself",
        UndoneBy.LEASE: "its lease",
        UndoneBy.SWEEP: "the sweep of a worker",
    }
    return words[run.undone_by] if run.undone_by else "nobody knows whom"


def _who(state: GameDayState) -> str:
    names = [_by(run) for run in state.faults if run.state is FaultStage.UNDONE]
    return " and ".join(dict.fromkeys(names)) or "the game day"


def _undoing_has_begun(state: GameDayState) -> bool:
    return any(run.undo_asked_at is not None or run.undone_at is not None for run in state.faults)


def _pending(state: GameDayState) -> list[ExpectationResult]:
    return [
        each
        for each in state.expectations
        if each.judgement is Judgement.PENDING
        and each.expectation is not Expectation.NO_OTHER_ALERTS
        and each.after == "fault"
    ]


def _has_observable(state: GameDayState) -> bool:
    return any(each.judgement is not Judgement.PENDING for each in state.expectations)


def _recovered(state: GameDayState, now: datetime, seen: Seen) -> GameDayState:
    at = state.recovered_at or now
    if state.injected_at is not None:
        took = (at - state.injected_at).total_seconds() if state.broke_at is not None else 0.0
        state = changed(state, recovered_at=at if state.broke_at else state.recovered_at, rto_seconds=max(took, 0.0))
    ends = [run.undone_at for run in state.faults if run.undone_at is not None]
    # From the end of the faults on, whoever ended them.
    state = changed(state, undoing_at=max(ends) if ends else state.undoing_at)
    after_undo = [e for e in state.expectations if e.expectation is Expectation.RECOVER and e.after == "undo"]
    if after_undo and state.took_effect_at is not None and state.broke_at is not None:
        evidence = seen.detail or "the steady state holds again"
        seen_at = max(at, state.undoing_at) if state.undoing_at else at
        return observe(state, Expectation.RECOVER, seen_at, evidence)
    return state
