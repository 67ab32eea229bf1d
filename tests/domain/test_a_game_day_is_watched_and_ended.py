"""Game days: whatever the probes, the response, people and the faults themselves do, the judgement is an honest one."""

from datetime import timedelta

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
    GameDayPhase,
    GameDayVerdict,
    Judgement,
    Milestone,
    MilestoneKind,
    PreflightCheck,
    Seen,
    Stopped,
)
from domain.game_day_decisions import Outcome
from domain.game_day_faults import FaultRun, FaultStage, LeaseAnswer, LeaseStatus
from domain.game_day_probes import ProbeRun, fold
from domain.run import ApprovalStatus
from domain.safety_lever import LeverEngaged
from domain.timeline import automation, person
from tests.support.game_day_states import (
    APPROVAL,
    DOUBT,
    FAILS,
    HALT,
    HEALTH,
    HOLDS,
    START,
    TERMS,
    at,
    broken,
    judgements,
    made,
    milestone,
    over,
    probed,
    proved,
    restored,
    state,
    undone,
)

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
        self.confirmed = self.confirmed or holds is True or (broke and holds is None)
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
