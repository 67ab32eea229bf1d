"""Game days: whatever the probes, the response, people and the faults themselves do, the judgement is an honest one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain import game_day_decisions as decisions
from domain import game_day_faults as life
from domain import game_day_judgement as judgement
from domain.configuration import Configuration
from domain.errors import Rejected
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
    Milestone,
    MilestoneKind,
    PreflightCheck,
    Seen,
    Stopped,
)
from domain.game_day_decisions import Outcome
from domain.game_day_faults import FaultRun, FaultStage, LeaseAnswer, LeaseStatus, UndoneBy
from domain.game_day_probes import ProbeRun, fold
from domain.run import ApprovalState, ApprovalStatus
from domain.safety_lever import LeverEngaged
from domain.timeline import EntryKind, automation, person

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
TERMS = GameDayTerms(
    takes_effect_within=timedelta(seconds=10), duration=timedelta(minutes=5), restored_within=timedelta(seconds=60)
)
EXPECTED = (
    ExpectationResult(expectation=Expectation.DETECT, within_seconds=30),
    ExpectationResult(expectation=Expectation.PAGE, within_seconds=60),
    ExpectationResult(expectation=Expectation.RECOVER, within_seconds=120),
)
HOLDS, FAILS, DOUBT = Seen(holds=True), Seen(holds=False, detail="answered 503"), Seen(holds=None, detail="no answer")
HALT = HaltGameDay(by=person("dana"), reason="a customer is calling")
KILL = FaultRun(id="kill", action="process.kill", target="shop-1", duration_seconds=240)
HEALTH = ProbeRun(id="health", mode="continuous")
FINE = (PreflightCheck(name="steady state", holds=True),)


def at(seconds: float) -> datetime:
    """So many seconds after the game day began."""
    return START + timedelta(seconds=seconds)


def state(**fields: object) -> GameDayState:
    """A game day that has just begun."""
    given_: dict[str, object] = {
        "id": "process-dies-1", "name": "process-dies", "title": "The process dies", "phase": GameDayPhase.CHECKING,
        "started_at": START, "expectations": EXPECTED, "requested_by": person("dana"), "faults": (KILL,),
        "probes": (HEALTH,), "environment": "staging",
    }  # fmt: skip
    return GameDayState.model_validate(given_ | fields)


def checked(before: GameDayState, *checks: PreflightCheck, seconds: float = 1, approval: bool = False) -> Outcome:
    """The preflight said so."""
    return decisions.checked(before, checks or FINE, at(seconds), START, approval_wanted=approval)


def begun(**fields: object) -> GameDayState:
    """Everything is in order, and the fault is about to be made."""
    return decisions.begin(checked(state(**fields)).state, at(1)).state


def made(**fields: object) -> GameDayState:
    """The fault was made without a problem."""
    before = begun(**fields)
    run = life.made(life.asked(before.faults[0], at(1)), at(2), {})
    return decisions.with_fault(before, run, at(2)).state


def probed(before: GameDayState, seen: Seen, seconds: float, key: str = "health") -> GameDayState:
    """A probe answered while the fault was there."""
    run = next(each for each in before.probes if each.key == key)
    return decisions.with_probe(before, fold(run, seen, at(seconds), counts=True), at(seconds)).state


def proved(before: GameDayState, holds: bool | None, seconds: float, *, late: bool = False) -> GameDayState:
    """The fault's own check answered."""
    broke = before.broke_at is not None
    run = life.proved(before.faults[0], holds, "so it says", is_late=late, steady_state_broke=broke)
    return decisions.with_fault(before, run, at(seconds)).state


def broken(**fields: object) -> GameDayState:
    """The fault has taken effect, and the steady state does not hold."""
    return proved(probed(made(**fields), FAILS, 3), True, 3)


def over(before: GameDayState, seconds: float = 400) -> GameDayState:
    """The watching is over, and everything was undone by the game day."""
    current = decisions.begin_restoring(before, at(seconds), TERMS).state
    return undone(current, seconds)


def undone(before: GameDayState, seconds: float, problem: str = "", *, clean: bool | None = None) -> GameDayState:
    """The undo of the one fault ended like this."""
    run = life.ending(before.faults[0]).model_copy(update={"undo_asked_at": at(seconds)})
    run = life.verified(run, clean, "it is frozen")
    run = life.undo_failed(run, problem) if problem else life.undone(run, at(seconds))
    current = decisions.with_fault(before, life.closed(run), at(seconds)).state
    return decisions.begin_verifying(current).state


def restored(before: GameDayState, seen: Seen = HOLDS, seconds: float = 500) -> GameDayState:
    """The end, when the probes say this."""
    current = before
    for number in range(decisions.RESTORE_ROUNDS):
        current = decisions.judge_restore(current, seen, at(seconds + number)).state
        if current.restored is not None:
            return decisions.conclude(current, at(seconds + number)).state
    raise AssertionError("it goes on for ever")


def milestone(kind: MilestoneKind, seconds: float, **more: object) -> Milestone:
    """Something happened so long after the start."""
    fields = {"kind": kind, "at": at(seconds), "incident_id": "inc-20261122-k7qd", "evidence": f"{kind.value} it was"}
    return Milestone.model_validate(fields | more)


def judgements(end: GameDayState) -> dict[str, str]:
    """The score sheet."""
    return {result.expectation.value: result.judgement.value for result in end.expectations}


# --- before the fault ---


@pytest.mark.parametrize(
    ("name", "holds", "words"),
    [
        ("steady state", False, "the steady state does not hold (answered 503)"),
        ("steady state", None, "the steady state cannot be told"),
        ("surroundings", False, "answered 503"),
        ("stop condition slow", None, "answered 503"),
    ],
)
def test_a_question_that_is_not_answered_well_touches_nothing(name: str, holds: bool | None, words: str) -> None:
    """Refused whether it is a no or cannot be told, and no expectation is called missed."""
    end = checked(state(), *FINE, PreflightCheck(name=name, holds=holds, detail="answered 503")).state
    assert (end.phase, end.verdict, end.injected_at) == (GameDayPhase.FINISHED, GameDayVerdict.REFUSED, None)
    assert words in end.reason
    assert end.reason.endswith("nothing was touched")
    assert set(judgements(end).values()) == {"not_observable"}
    assert end.faults[0].state is FaultStage.SKIPPED


def test_every_problem_is_told_at_once() -> None:
    """A person mends all of it in one go."""
    bad = [PreflightCheck(name=name, holds=False, detail=f"{name} is bad") for name in ("one", "two")]
    assert checked(state(), *bad).state.reason.startswith("one is bad; two is bad")


def test_who_halts_before_the_fault_prevents_it() -> None:
    """Aborted, and the fault was never made."""
    end = checked(decisions.halt(state(), HALT, START).state).state
    assert (end.verdict, end.injected_at, end.restored) == (GameDayVerdict.ABORTED, None, None)
    later = decisions.begin(decisions.halt(checked(state()).state, HALT, at(1)).state, at(1)).state
    assert (later.verdict, later.injected_at) == (GameDayVerdict.ABORTED, None)


def test_a_game_day_that_no_worker_took_up_in_time_is_not_held() -> None:
    """A fault at ten is expected by people, at three in the night it is not."""
    end = checked(state(), seconds=decisions.BEGINS_WITHIN.total_seconds() + 1).state
    assert (end.verdict, end.injected_at) == (GameDayVerdict.REFUSED, None)


def test_a_dry_run_ends_before_anything_is_touched() -> None:
    """Previewed, which is no pass; whatever is not in order refuses it like any other."""
    end = checked(state(kind=GameDayKind.DRY), approval=True).state
    assert (end.verdict, end.injected_at, end.approval) == (GameDayVerdict.PREVIEWED, None, None)
    assert end.verdict not in decisions.CONCLUSIVE
    bad = checked(state(kind=GameDayKind.DRY), PreflightCheck(name="x", holds=False)).state
    assert bad.verdict is GameDayVerdict.REFUSED


APPROVAL = ApprovalState(
    id="game-day~process-dies-1:targets", run_id="process-dies-1", step_id="targets", incident_id="",
    state=ApprovalStatus.PENDING, digest="sha256:one", shown={}, min_approvals=1, requested_by=person("dana"),
    requested_at=START, expires_at=None,
)  # fmt: skip


@pytest.mark.parametrize(
    ("word", "phase", "verdict"),
    [
        (ApprovalStatus.APPROVED, GameDayPhase.CHECKING, None),
        (ApprovalStatus.REJECTED, GameDayPhase.FINISHED, GameDayVerdict.REFUSED),
        (ApprovalStatus.EXPIRED, GameDayPhase.FINISHED, GameDayVerdict.REFUSED),
        (ApprovalStatus.PENDING, GameDayPhase.AWAITING_APPROVAL, None),
    ],
)
def test_without_a_yes_nothing_is_touched(word: ApprovalStatus, phase: GameDayPhase, verdict: str | None) -> None:
    """And after a yes everything is asked once more."""
    asked = checked(state(), approval=True).state
    assert asked.phase is GameDayPhase.AWAITING_APPROVAL
    decided = decisions.after_approval(asked, APPROVAL.model_copy(update={"state": word}), at(60)).state
    assert (decided.phase, decided.verdict, decided.injected_at) == (phase, verdict, None)
    if word is ApprovalStatus.APPROVED:
        assert checked(decided, approval=True).state.phase is GameDayPhase.ANNOUNCING


def test_what_was_approved_is_what_is_done() -> None:
    """Another digest is refused, with the cure."""
    approved = state(approval=APPROVAL)
    assert decisions.is_as_approved(approved, "sha256:one") is None
    assert "start it again and have it approved anew" in str(decisions.is_as_approved(approved, "sha256:two"))
    assert decisions.is_as_approved(state(), "sha256:two") is None


# --- milestones ---


def test_an_expectation_is_judged_by_when_it_was_first_seen() -> None:
    """In time to the second is met, later is late, never is missed; the second time changes nothing."""
    seen = judgement.observe_milestone(broken(), milestone(MilestoneKind.DETECTED, 31))
    seen = judgement.observe_milestone(seen, milestone(MilestoneKind.DETECTED, 90))
    seen = judgement.observe_milestone(seen, milestone(MilestoneKind.PAGED, 62))
    assert judgements(seen) == {"detect": "met", "page": "late", "recover": "pending"}
    assert judgements(judgement.give_up(seen))["recover"] == "not_observable", "the watching has not ended"
    assert judgements(judgement.give_up(over(seen)))["recover"] == "missed"


def test_what_happened_before_the_fault_or_after_the_watching_proves_nothing() -> None:
    """An old alert is no detection, and what our own undo brings about is no success of the response."""
    assert judgement.observe_milestone(broken(), milestone(MilestoneKind.DETECTED, 0.5)) == broken()
    ended = over(broken())
    assert judgement.observe_milestone(ended, milestone(MilestoneKind.PAGED, 401)).expectations == ended.expectations
    assert judgements(judgement.observe_milestone(ended, milestone(MilestoneKind.PAGED, 40)))["page"] == "met"


def test_a_time_without_a_zone_is_utc() -> None:
    """Who signals by hand does not break the workflow."""
    bare = Milestone(kind=MilestoneKind.PAGED, at=at(40).replace(tzinfo=None))
    assert judgements(judgement.observe_milestone(broken(), bare))["page"] == "met"


@pytest.mark.parametrize(
    ("expected", "said", "word"),
    [
        ({"expectation": "route", "to": ("bob", "olga")}, milestone(MilestoneKind.PAGED, 9, people=("olga",)), "met"),
        ({"expectation": "route", "to": ("bob",)}, milestone(MilestoneKind.PAGED, 9, people=("olga",)), "missed"),
        ({"expectation": "route", "to": ("bob",)}, milestone(MilestoneKind.PAGED, 9), "missed"),
        ({"expectation": "detect", "alert": {"alertname": "Down"}},
         milestone(MilestoneKind.DETECTED, 9, labels={"alertname": "Down"}), "met"),
        ({"expectation": "detect", "alert": {"alertname": "Down"}},
         milestone(MilestoneKind.DETECTED, 9, labels={"alertname": "Slow"}), "missed"),
        ({"expectation": "acknowledge"}, milestone(MilestoneKind.ACKNOWLEDGED, 9, people=("bob",)), "met"),
        ({"expectation": "acknowledge"}, milestone(MilestoneKind.ACKNOWLEDGED, 9, people=("alice",)), "missed"),
        ({"expectation": "communicate"}, milestone(MilestoneKind.COMMUNICATED, 9), "met"),
    ],
)  # fmt: skip
def test_only_the_right_alert_and_the_right_people_count(
    expected: dict[str, object], said: Milestone, word: str
) -> None:
    """The page reaches whom it should, the alert is the one that was meant, and who is away does not answer."""
    sheet = (ExpectationResult.model_validate({"within_seconds": 60, **expected}),)
    before = broken(expectations=sheet, roles={"unavailable": ("alice",)})
    end = judgement.give_up(over(judgement.observe_milestone(before, said)))
    assert end.expectations[0].judgement == word
    assert end.expectations[0].evidence


@pytest.mark.parametrize(("others", "word"), [(None, "not_observable"), ((), "met"), (("DiskFull",), "missed")])
def test_other_alerts_are_counted_at_the_end(others: tuple[str, ...] | None, word: str) -> None:
    """What could not be looked at is no good news."""
    sheet = (ExpectationResult(expectation=Expectation.NO_OTHER_ALERTS, within_seconds=0),)
    end = judgement.give_up(over(broken(expectations=sheet, other_alerts=others)))
    assert end.expectations[0].judgement == word


def test_the_evidence_holds_the_alerts_own_times() -> None:
    """When its sender says that it began, and when it came in."""
    said = milestone(MilestoneKind.DETECTED, 9, alert_started_at=at(5), alert_received_at=at(9))
    result = judgement.observe_milestone(broken(), said).expectations[0]
    assert (result.alert_started_at, result.alert_received_at, result.observed_after_seconds) == (at(5), at(9), 8.0)


# --- the fault ---


def test_the_injectors_own_time_counts() -> None:
    """What was judged by the time of asking is judged again by the time that the injector says."""
    before = judgement.observe_milestone(begun(), milestone(MilestoneKind.DETECTED, 31.5))
    asked = life.asked(before.faults[0], at(1))
    assert judgements(before)["detect"] == "late"
    told = {"injected_at": at(1.8).isoformat()}
    after = decisions.with_fault(before, life.made(asked, at(2), told), at(2)).state
    assert (after.injected_at, judgements(after)["detect"]) == (at(1.8), "met")
    wild = life.made(asked, at(2), {"injected_at": at(-900).isoformat()})
    assert wild.injected_at == at(1), "a clock that is far off is of no use"


@pytest.mark.parametrize(
    ("holds", "late", "seen", "proof"),
    [
        (True, False, HOLDS, "confirmed"), (False, False, FAILS, "confirmed"), (None, False, FAILS, "confirmed"),
        (False, True, HOLDS, "mismatch"), (None, True, HOLDS, "inconclusive"), (None, False, HOLDS, None),
        (False, True, DOUBT, "mismatch"), (None, True, DOUBT, "inconclusive"),
    ],
)  # fmt: skip
def test_a_fault_has_to_show(holds: bool | None, late: bool, seen: Seen, proof: str | None) -> None:
    """By its action's own check or by the steady state; a doubt is no proof."""
    assert proved(probed(made(), seen, 3), holds, 4, late=late).faults[0].effect == proof


def test_a_fault_that_was_surely_not_made_is_undone_all_the_same() -> None:
    """Nobody waits for an alert that cannot come; one of unknown outcome has to be looked at."""
    before = begun()
    asked = life.asked(before.faults[0], at(1))
    refused = decisions.with_fault(before, life.not_made(asked, at(2), "no such process", nothing_done=True), at(2))
    assert refused.state.faults[0].state is FaultStage.UNDOING
    assert [line.kind for line in refused.entries] == [EntryKind.TROUBLE]
    assert decisions.is_watching_over(refused.state, at(2), TERMS)
    end = restored(over(refused.state, 3))
    assert (end.verdict, end.reason.endswith("no such process")) == (GameDayVerdict.INCONCLUSIVE, True)
    unknown = life.not_made(asked, at(2), "its worker vanished", nothing_done=False)
    assert unknown.state is FaultStage.PROVING


def test_faults_come_in_their_order() -> None:
    """After others have ended, after their delay, one target after the other."""
    first = FaultRun(id="a", action="x", target="one", duration_seconds=10, delay_seconds=5)
    second = FaultRun(id="b", action="x", target="one", duration_seconds=10, start_after=("a",), delay_seconds=3)
    assert life.ready_at(first, (first, second), at(1)) == at(6)
    assert life.ready_at(second, (first, second), at(1)) is None
    done = first.model_copy(update={"state": FaultStage.UNDONE, "undone_at": at(20)})
    assert life.ready_at(second, (done, second), at(1)) == at(23)


@pytest.mark.parametrize(
    ("answer", "by", "early"),
    [
        (LeaseAnswer(state=LeaseStatus.REVERTED, by="lease", at=at(30)), UndoneBy.LEASE, True),
        (LeaseAnswer(state=LeaseStatus.REVERTED, by="duration", at=at(241)), UndoneBy.LEASE, False),
        (LeaseAnswer(state=LeaseStatus.REVERTED, by="sweep", at=at(30)), UndoneBy.SWEEP, True),
        (LeaseAnswer(state=LeaseStatus.LOST), None, True),
    ],
)
def test_who_ended_a_fault_is_told_as_it_was(answer: LeaseAnswer, by: UndoneBy | None, early: bool) -> None:
    """A lease that ran out while nobody was there never passes silently, however well everything else went."""
    seen = broken()
    for kind in (MilestoneKind.DETECTED, MilestoneKind.PAGED):
        seen = judgement.observe_milestone(seen, milestone(kind, 5))
    seen = probed(seen, HOLDS, 20)
    run = life.renewed(seen.faults[0], answer, at(40))
    assert (run.state, run.undone_by, run.ended_early) == (FaultStage.UNDOING, by, early)
    # Also when we hear of it only after its time would have been over.
    assert life.renewed(seen.faults[0], answer, at(4000)).ended_early == early
    end = restored(over(decisions.with_fault(seen, run, at(40)).state))
    assert (end.verdict is GameDayVerdict.PASSED) == (not early)
    if early:
        assert end.verdict is GameDayVerdict.INCONCLUSIVE
        assert "kill on shop-1" in end.reason
    assert end.faults[0].undone_by == (by or UndoneBy.WORKFLOW)


# --- watching ---


def test_everything_met_passes() -> None:
    """Detected, paged, recovered, restored: over at once."""
    seen = judgement.observe_milestone(broken(), milestone(MilestoneKind.DETECTED, 5))
    seen = judgement.observe_milestone(seen, milestone(MilestoneKind.PAGED, 6))
    assert not decisions.is_watching_over(seen, at(7), TERMS)
    seen = probed(seen, HOLDS, 20)
    assert decisions.is_watching_over(seen, at(20), TERMS)
    end = restored(over(seen, 21), seconds=22)
    assert (end.verdict, end.rto_seconds, end.recovered_at) == (GameDayVerdict.PASSED, 19.0, at(20))
    assert end.scores.model_dump() == {
        "resilience": pytest.approx(75.0), "detection": 100.0, "response": 100.0, "undo_safety": 100.0,
        "coverage": 100.0,
    }  # fmt: skip


def test_a_target_that_withstands_recovers_in_no_time() -> None:
    """The fault was there for all of its time and the steady state held: that is what redundancy is for."""
    sheet = (ExpectationResult(expectation=Expectation.RECOVER, within_seconds=120),)
    seen = proved(probed(made(expectations=sheet), HOLDS, 2), True, 3)
    assert not decisions.is_watching_over(seen, at(20), TERMS), "the fault still is there"
    end = restored(over(seen, 241))
    assert (end.verdict, end.rto_seconds, end.hypothesis_held) == (GameDayVerdict.PASSED, 0.0, True)


def test_a_recovery_by_our_own_undo_is_none_of_the_response() -> None:
    """It counts where the document says `after: undo`, from the undo on."""
    recover = ExpectationResult(expectation=Expectation.RECOVER, within_seconds=10)
    for after, word in (("fault", "missed"), ("undo", "met")):
        seen = broken(expectations=(recover.model_copy(update={"after": after}),))
        end = restored(over(seen, 200), seconds=205)
        assert judgements(end)["recover"] == word, after
        assert end.rto_seconds == 204.0


def test_the_faults_stay_for_all_their_time_where_something_has_to_hold() -> None:
    """And what stops holding fails the game day, whatever else was met."""
    sheet = (ExpectationResult(expectation=Expectation.DETECT, within_seconds=30),)
    demanding = ProbeRun(id="reads", mode="during_fault")
    seen = proved(made(expectations=sheet, probes=(HEALTH, demanding)), True, 3)
    seen = judgement.observe_milestone(seen, milestone(MilestoneKind.DETECTED, 5))
    assert decisions.is_watching_over(seen, at(6), TERMS)
    assert not decisions.is_watching_over(seen, at(6), TERMS.model_copy(update={"lasts": True}))
    held = restored(over(probed(seen, HOLDS, 7, "reads")))
    assert held.verdict is GameDayVerdict.PASSED
    failed = restored(over(probed(seen, FAILS, 7, "reads")))
    assert (failed.verdict, failed.hypothesis_held) == (GameDayVerdict.FAILED, False)
    untold = restored(over(seen))
    assert (untold.verdict, untold.hypothesis_held) == (GameDayVerdict.FAILED, None)


def test_the_watching_ends_when_its_time_is_over() -> None:
    """Or once nothing is there any more and nothing could be in time any more."""
    assert decisions.is_watching_over(broken(), at(301), TERMS)
    assert not decisions.is_watching_over(broken(), at(300), TERMS)
    gone = undone(broken(), 50).model_copy(update={"phase": GameDayPhase.WATCHING})
    assert not decisions.is_watching_over(gone, at(100), TERMS)
    assert decisions.is_watching_over(gone, at(121), TERMS)
    assert decisions.watching_ends_at(broken(), at(3), TERMS) == at(31)


@pytest.mark.parametrize(
    ("stopped", "verdict"),
    [
        (Stopped(condition="slow", reason="0.9", at=at(9)), GameDayVerdict.FAILED),
        (Stopped(condition="slow", reason="no data", for_want_of_data=True, at=at(9)), GameDayVerdict.ABORTED),
        (Stopped(condition="real", reason="inc-1", is_real_incident=True, at=at(9)), GameDayVerdict.ABORTED),
    ],
)
def test_a_stop_condition_ends_it_at_once(stopped: Stopped, verdict: GameDayVerdict) -> None:
    """It fails where the target did worse than was allowed; where nobody knows, it is aborted. The first one counts."""
    outcome = decisions.stop(broken(), stopped, at(9))
    assert decisions.is_watching_over(outcome.state, at(9), TERMS)
    again = decisions.stop(outcome.state, stopped.model_copy(update={"reason": "another"}), at(10)).state
    end = restored(over(again, 10))
    assert (end.verdict, end.restored) == (verdict, True)
    assert stopped.reason in end.reason
    assert set(judgements(end).values()) == {"not_observable"}


@pytest.mark.parametrize(("scope", "halts"), [("global", True), ("staging", True), ("production", False), ("", False)])
def test_the_lever_halts_where_it_reaches(scope: str, halts: bool) -> None:
    """The one for everything, and the one of its environment; told twice is told once."""
    news = LeverEngaged(scope=scope, by=person("olga"), reason="the sale begins")
    after = decisions.lever_engaged(broken(), news, at(9)).state
    assert (after.halted is not None) == halts
    assert decisions.lever_engaged(after, news, at(10)).state == after
    if halts:
        end = restored(over(after, 10))
        assert end.verdict is GameDayVerdict.ABORTED
        assert "the sale begins" in end.reason


# --- the end ---


def test_a_fault_without_effect_never_passes() -> None:
    """However well everything else went: inconclusive, and undone all the same, for nobody knows what it did."""
    seen = proved(made(), False, 13, late=True)
    for kind in MilestoneKind:
        seen = judgement.observe_milestone(seen, milestone(kind, 5))
    assert decisions.is_watching_over(seen, at(13), TERMS)
    assert restored(over(seen, 13)).verdict is GameDayVerdict.INCONCLUSIVE


def test_a_doubt_is_neither_effect_nor_recovery() -> None:
    """A probe that could not be asked says nothing."""
    assert probed(made(), DOUBT, 3).broke_at is None
    assert probed(broken(), DOUBT, 30).expectations == broken().expectations
    assert restored(over(broken()), DOUBT, seconds=900).restored is False


@pytest.mark.parametrize(
    ("problem", "clean", "seen"),
    [("no such target", None, FAILS), ("", None, FAILS), ("", None, DOUBT), ("", False, HOLDS), ("away", None, HOLDS)],
)
def test_a_target_that_is_not_put_right_fails_the_game_day(problem: str, clean: bool | None, seen: Seen) -> None:
    """It is a person's turn, and the timeline says so as trouble; even when it was halted, even when it looks well."""
    for before in (broken(), decisions.halt(broken(), HALT, at(10)).state):
        ending = decisions.begin_restoring(before, at(400), TERMS).state
        end = restored(undone(ending, 400, problem, clean=clean), seen, seconds=900)
        assert (end.verdict, end.restored) == (GameDayVerdict.FAILED, False)
        assert "a person must look at it now" in end.reason
        assert (end.scores.undo_safety == 0.0) == bool(problem or clean is False)


def test_an_undo_is_tried_again_before_it_is_given_up() -> None:
    """Also when a worker that was away has eaten up the time."""
    ending = decisions.begin_restoring(broken(), at(400), TERMS).state
    for rounds in range(1, decisions.RESTORE_ROUNDS):
        assert decisions.may_try_again(ending, rounds, at(400), at(9000), TERMS)
    assert not decisions.may_try_again(ending, decisions.RESTORE_ROUNDS, at(400), at(9000), TERMS)
    assert decisions.may_try_again(ending, 50, at(400), at(459), TERMS)


def test_who_halts_gets_the_fault_undone() -> None:
    """Aborted; what had no time to be seen is not called missed."""
    halted = decisions.halt(broken(), HALT, at(10)).state
    assert decisions.is_watching_over(halted, at(10), TERMS)
    end = restored(over(halted, 10))
    assert (end.verdict, end.restored) == (GameDayVerdict.ABORTED, True)
    assert set(judgements(end).values()) == {"not_observable"}
    assert "a customer is calling" in end.reason


def test_halting_is_refused_where_it_can_change_nothing() -> None:
    """Twice, while it is being undone, after the end, and without a reason."""
    halted = decisions.halt(broken(), HALT, at(10)).state
    for after in (halted, over(broken()), restored(over(broken()))):
        with pytest.raises(Rejected):
            decisions.halt(after, HALT, at(11))
    with pytest.raises(Rejected):
        decisions.halt(broken(), HALT.model_copy(update={"reason": " "}), at(11))


@pytest.mark.parametrize(
    ("fields", "rpo", "words"),
    [
        ({"rto_limit_seconds": 10.0}, None, "the recovery took 204.0 s, the RTO is 10 s"),
        ({"rpo_limit": 3.0, "rpo_unit": "rows"}, 5.0, "5 rows were lost, the RPO is 3"),
        ({"rpo_limit": 3.0}, None, "what was lost could not be told"),
        ({"rpo_limit": 5.0, "rto_limit_seconds": 204.0}, 5.0, ""),
    ],
)
def test_the_objectives_are_held_against_what_was_measured(
    fields: dict[str, object], rpo: float | None, words: str
) -> None:
    """How long it took, and how much was lost."""
    sheet = (ExpectationResult(expectation=Expectation.DETECT, within_seconds=30),)
    seen = judgement.observe_milestone(broken(expectations=sheet, **fields), milestone(MilestoneKind.DETECTED, 5))
    current = decisions.judge_restore(over(seen, 200), HOLDS, at(205)).state
    end = decisions.conclude(decisions.measured_rpo(current, rpo, ""), at(206)).state
    assert (end.verdict is GameDayVerdict.PASSED) == (words == "")
    assert words in end.reason


@given(seconds=st.floats(min_value=0.01, max_value=1000), within=st.integers(min_value=1, max_value=900))
def test_the_limit_divides_met_from_late(seconds: float, within: int) -> None:
    """At the very limit is met."""
    expected = (ExpectationResult(expectation=Expectation.PAGE, within_seconds=within),)
    seen = judgement.observe(
        state(injected_at=START, expectations=expected), Expectation.PAGE, at(seconds), "a mail"
    ).expectations[0]
    after = (at(seconds) - START).total_seconds()
    assert seen.judgement is (Judgement.MET if after <= within else Judgement.LATE)


# --- who hears of it ---


def test_a_broken_target_is_told_to_whoever_can_mend_it() -> None:
    """The audience, the first on call, the owner and who asked for it; a restored one to the audience alone."""
    configuration = Configuration.model_validate(
        {
            "people": {name: {"name": name, "groups": ["sre"] if name == "ann" else []} for name in ("ann", "bob")},
            "teams": {"shop": {"name": "Shop", "members": ["bob"]}},
            "on_call": {"shop": {"levels": [{"people": ["bob"]}, {"people": ["ann"]}]}},
            "services": {"shop": {"name": "Shop", "on_call": "shop"}},
        }
    )
    assert decisions.answerable(configuration, "sre", "shop") == ("bob", "ann")
    assert decisions.answerable(configuration, "shop", None) == ("bob",)
    assert decisions.answerable(configuration, "ann", "nothing") == ("ann",)
    assert decisions.answerable(configuration, "strangers", None) == ()
    fine, bad = restored(over(broken())), restored(over(broken()), seen=FAILS, seconds=900)
    assert decisions.listeners(fine, ("cleo",), ("bob",)) == ("cleo",)
    assert decisions.listeners(bad, ("cleo",), ("bob",)) == ("cleo", "bob", "dana")
    by_schedule = bad.model_copy(update={"requested_by": automation("schedule")})
    assert decisions.listeners(by_schedule, (), ()) == ()


# --- anything in any order ---


class GameDayMachine(RuleBasedStateMachine):
    """A game day, and everything that may happen to it, in any order and after any time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.state = state()
        self.before = self.state
        self.fault_is_there = False
        self.confirmed = False

    def adopt(self, outcome: Outcome) -> None:
        """Go on with it."""
        assert all(entry.at == self.now for entry in outcome.entries)
        self.before, self.state = self.state, outcome.state

    def fault(self, run: FaultRun) -> None:
        """Something became of the fault."""
        self.adopt(decisions.with_fault(self.state, run, self.now))

    @property
    def run(self) -> FaultRun:
        """The fault."""
        return self.state.faults[0]

    @rule(seconds=st.sampled_from([0.1, 1, 5, 30, 200]))
    def time_passes(self, seconds: float) -> None:
        """Nothing happens by itself."""
        self.now += timedelta(seconds=seconds)

    @rule(kind=st.sampled_from(list(MilestoneKind)), ago=st.sampled_from([0, 1, 60, 1000]))
    def milestone_arrives(self, kind: MilestoneKind, ago: float) -> None:
        """At once or late."""
        word = Milestone(kind=kind, at=self.now - timedelta(seconds=ago), incident_id="inc-1")
        self.adopt(Outcome(judgement.observe_milestone(self.state, word)))

    @rule()
    def somebody_halts(self) -> None:
        """It may be refused, and then it has changed nothing."""
        try:
            self.adopt(decisions.halt(self.state, HALT, self.now))
        except Rejected:
            over_already = {*decisions.UNDOING, GameDayPhase.FINISHED}
            assert self.state.halted or self.state.phase in over_already

    @rule(scope=st.sampled_from(["global", "elsewhere"]))
    def a_lever_is_engaged(self, scope: str) -> None:
        """It is never refused."""
        news = LeverEngaged(scope=scope, by=person("olga"), reason="stop")
        self.adopt(decisions.lever_engaged(self.state, news, self.now))

    @precondition(lambda self: self.state.phase is GameDayPhase.CHECKING)
    @rule(holds=st.sampled_from([True, True, True, False, None]), wanted=st.booleans())
    def everything_is_asked(self, holds: bool | None, wanted: bool) -> None:
        """Before the fault."""
        checks = (PreflightCheck(name="steady state", holds=holds),)
        approval = self.state.approval
        asked_at = START if approval is None else approval.decided_at or START
        self.adopt(decisions.checked(self.state, checks, self.now, asked_at, approval_wanted=wanted))

    @precondition(lambda self: self.state.phase is GameDayPhase.AWAITING_APPROVAL)
    @rule(word=st.sampled_from(list(ApprovalStatus)))
    def people_decide(self, word: ApprovalStatus) -> None:
        """Or not yet."""
        approval = APPROVAL.model_copy(update={"state": word, "decided_at": self.now})
        self.adopt(decisions.after_approval(self.state, approval, self.now))

    @precondition(lambda self: self.state.phase is GameDayPhase.ANNOUNCING)
    @rule()
    def it_begins(self) -> None:
        """From now on it is the game day's doing."""
        self.adopt(decisions.begin(self.state, self.now))

    @precondition(lambda self: self.state.phase in decisions.RUNNING and self.run.state is FaultStage.WAITING)
    @rule(problem=st.sampled_from([None, None, "vanished"]), nothing_done=st.booleans(), works=st.booleans())
    def the_fault_is_made(self, problem: str | None, *, nothing_done: bool, works: bool) -> None:
        """Or not."""
        self.fault(life.asked(self.run, self.now))
        self.fault_is_there = works and not (problem and nothing_done)
        if problem is None:
            self.fault(life.made(self.run, self.now, {}))
        else:
            self.fault(life.not_made(self.run, self.now, problem, nothing_done=nothing_done))

    @precondition(lambda self: self.state.phase in decisions.RUNNING and self.run.state is FaultStage.PROVING)
    @rule(doubt=st.booleans(), late=st.booleans())
    def the_fault_is_proved(self, *, doubt: bool, late: bool) -> None:
        """Its action looks at the target."""
        holds = None if doubt else self.fault_is_there
        broke = self.state.broke_at is not None
        run = life.proved(self.run, holds, "", is_late=late, steady_state_broke=broke)
        self.confirmed = self.confirmed or holds is True or broke
        self.fault(run)

    @precondition(lambda self: self.state.phase in decisions.RUNNING)
    @rule(seen=st.sampled_from([HOLDS, FAILS, DOUBT]))
    def the_target_is_probed(self, seen: Seen) -> None:
        """It never breaks without the fault here."""
        if seen.holds is False and not self.fault_is_there:
            seen = HOLDS
        run = fold(self.state.probes[0], seen, self.now, counts=self.run.state in life.THERE)
        self.adopt(decisions.with_probe(self.state, run, self.now))

    @precondition(lambda self: self.run.state in life.THERE)
    @rule(by=st.sampled_from(["lease", "duration", "sweep"]))
    def its_lease_ends(self, by: str) -> None:
        """Nobody renewed it."""
        self.fault_is_there = False
        self.fault(life.renewed(self.run, LeaseAnswer(state=LeaseStatus.REVERTED, by=by, at=self.now), self.now))

    @precondition(lambda self: self.state.phase in decisions.RUNNING)
    @rule()
    def nothing_is_left_to_be_seen(self) -> None:
        """Then it is undone."""
        if decisions.is_watching_over(self.state, self.now, TERMS):
            self.adopt(decisions.begin_restoring(self.state, self.now, TERMS))

    @precondition(lambda self: self.state.phase is GameDayPhase.RESTORING)
    @rule(works=st.booleans())
    def the_fault_is_undone(self, *, works: bool) -> None:
        """Or not."""
        run = life.ending(self.run)
        if run.state is FaultStage.UNDOING:
            run = life.undone(run, self.now) if works else life.undo_failed(run, "no such target")
            self.fault_is_there = self.fault_is_there and not works
            run = life.closed(run)
        self.fault(run)
        assert decisions.all_over(self.state)
        self.adopt(decisions.begin_verifying(self.state))

    @precondition(lambda self: self.state.phase is GameDayPhase.VERIFYING)
    @rule(seen=st.sampled_from([HOLDS, HOLDS, FAILS, DOUBT]))
    def the_target_is_verified(self, seen: Seen) -> None:
        """Until it is right or a person has to come."""
        self.adopt(decisions.judge_restore(self.state, seen, self.now))
        if self.state.restored is not None:
            self.adopt(decisions.conclude(self.state, self.now))

    @invariant()
    def it_ends_with_a_verdict_and_not_before(self) -> None:
        """And never changes it."""
        is_over = self.state.phase is GameDayPhase.FINISHED
        assert is_over == (self.state.verdict is not None) == (self.state.finished_at is not None)
        if self.before.phase is GameDayPhase.FINISHED:
            assert self.state == self.before
        if is_over:
            assert all(result.judgement is not Judgement.PENDING for result in self.state.expectations)
            assert all(run.state in life.OVER for run in self.state.faults)

    @invariant()
    def nothing_that_was_touched_is_left_without_an_undo(self) -> None:
        """Whoever made a fault ends restored, or failed with a person's turn."""
        if self.state.phase is not GameDayPhase.FINISHED:
            return
        if self.state.injected_at is None:
            assert self.state.verdict in {GameDayVerdict.REFUSED, GameDayVerdict.ABORTED}
            assert self.state.restored is None
            assert self.run.state is FaultStage.SKIPPED
        else:
            assert (self.state.restored is False) == ("a person must look" in self.state.reason)
            assert not self.fault_is_there or self.state.verdict is GameDayVerdict.FAILED

    @invariant()
    def passing_takes_a_fault_that_was_seen(self) -> None:
        """And every expectation met, nobody who halted, nobody who voted no, and no lease that ran out."""
        if self.state.verdict is GameDayVerdict.PASSED:
            assert self.confirmed
            assert self.state.halted is None
            assert self.state.restored is True
            assert not self.run.ended_early
            assert all(result.judgement is Judgement.MET for result in self.state.expectations)

    @invariant()
    def what_was_judged_stays_so(self) -> None:
        """The first time that something was seen is the one that counts."""
        for old, new in zip(self.before.expectations, self.state.expectations, strict=True):
            assert old.judgement in {Judgement.PENDING, new.judgement}

    @invariant()
    def what_needs_approval_is_not_touched_without_it(self) -> None:
        """A pending or a negative word lets nothing begin."""
        if self.state.approval is not None and self.state.approval.state is not ApprovalStatus.APPROVED:
            assert self.state.injected_at is None


TestGameDayMachine = GameDayMachine.TestCase
TestGameDayMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
