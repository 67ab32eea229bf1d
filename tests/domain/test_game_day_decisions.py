"""Game days: whatever the probes, the response, people and the fault itself do, the judgement is an honest one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain import game_day_decisions as decisions
from domain.configuration import Configuration
from domain.errors import Rejected
from domain.game_day import (
    Expectation,
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
from domain.game_day_decisions import Outcome
from domain.timeline import EntryKind, automation, person

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
TERMS = GameDayTerms(
    takes_effect_within=timedelta(seconds=10), duration=timedelta(minutes=5), restored_within=timedelta(seconds=60)
)
EXPECTED = [
    (Expectation.DETECT, timedelta(seconds=30)),
    (Expectation.PAGE, timedelta(seconds=60)),
    (Expectation.RECOVER, timedelta(seconds=120)),
]
HOLDS, FAILS, DOUBT = Seen(holds=True), Seen(holds=False, detail="answered 503"), Seen(holds=None, detail="no answer")
HALT = HaltGameDay(by=person("dana"), reason="a customer is calling")


def at(seconds: float) -> datetime:
    """So many seconds after the game day began."""
    return START + timedelta(seconds=seconds)


def state(**fields: object) -> GameDayState:
    """A game day that has just begun."""
    given_: dict[str, object] = {
        "id": "process-dies-1", "name": "process-dies", "title": "The process dies", "phase": GameDayPhase.CHECKING,
        "started_at": START, "expectations": decisions.results_of(EXPECTED), "requested_by": person("dana"),
    }  # fmt: skip
    return GameDayState.model_validate(given_ | fields)


def begun() -> GameDayState:
    """The steady state holds, and the fault is about to be made."""
    return decisions.decide_fault(state(), HOLDS, at(1), START).state


def watching() -> GameDayState:
    """The fault was made without a problem."""
    return decisions.after_fault(begun(), None, at(2), TERMS).state


def broken() -> GameDayState:
    """The fault has taken effect."""
    return decisions.watch(watching(), FAILS, at(3), TERMS).state


def milestone(kind: MilestoneKind, seconds: float) -> Milestone:
    """Something happened so long after the start."""
    return Milestone(kind=kind, at=at(seconds), incident_id="inc-20261122-k7qd", evidence=f"{kind.value} it was")


def judgements(end: GameDayState) -> dict[str, str]:
    """The score sheet."""
    return {result.expectation.value: result.judgement.value for result in end.expectations}


# --- before the fault ---


@pytest.mark.parametrize(("seen", "words"), [(FAILS, "does not hold (answered 503)"), (DOUBT, "cannot be told")])
def test_without_a_steady_state_nothing_is_touched(seen: Seen, words: str) -> None:
    """Refused whether it is seen not to hold or cannot be seen, and no expectation is called missed."""
    end = decisions.decide_fault(state(), seen, at(1), START).state
    assert (end.phase, end.verdict, end.injected_at) == (GameDayPhase.FINISHED, GameDayVerdict.REFUSED, None)
    assert words in end.reason
    assert end.reason.endswith("nothing was touched")
    assert set(judgements(end).values()) == {"not_observable"}


def test_who_halts_before_the_fault_prevents_it() -> None:
    """Aborted, and the fault was never made."""
    halted = decisions.halt(state(), HALT, START).state
    end = decisions.decide_fault(halted, HOLDS, at(1), START).state
    assert (end.verdict, end.injected_at, end.restored) == (GameDayVerdict.ABORTED, None, None)


def test_a_game_day_that_no_worker_took_up_in_time_is_not_held() -> None:
    """A fault at ten is expected by people, at three in the night it is not."""
    late = START + decisions.BEGINS_WITHIN + timedelta(seconds=1)
    end = decisions.decide_fault(state(), HOLDS, late, START).state
    assert (end.verdict, end.injected_at) == (GameDayVerdict.REFUSED, None)


def test_an_expectation_is_judged_by_when_it_was_first_seen() -> None:
    """In time to the second is met, later is late, never is missed; the second time changes nothing."""
    seen = decisions.observe_milestone(broken(), milestone(MilestoneKind.DETECTED, 31))
    seen = decisions.observe_milestone(seen, milestone(MilestoneKind.DETECTED, 90))
    seen = decisions.observe_milestone(seen, milestone(MilestoneKind.PAGED, 62))
    assert judgements(seen) == {"detect": "met", "page": "late", "recover": "pending"}
    assert judgements(decisions.give_up(seen))["recover"] == "not_observable", "the watching has not ended"
    over = decisions.watch(seen, FAILS, at(400), TERMS).state
    assert judgements(decisions.give_up(over))["recover"] == "missed"


def test_what_happened_before_the_fault_proves_nothing() -> None:
    """An old alert of the same labels does not count as detection, and its incident is not the drill's."""
    seen = decisions.observe_milestone(broken(), milestone(MilestoneKind.DETECTED, 0.5))
    assert seen == broken()


def test_what_happens_after_the_watching_is_the_restorings_doing() -> None:
    """A mitigation by our own restore is no success of the response; word that comes late still counts."""
    over = decisions.watch(broken(), FAILS, at(400), TERMS).state
    assert over.phase is GameDayPhase.RESTORING
    assert decisions.observe_milestone(over, milestone(MilestoneKind.PAGED, 401)).expectations == over.expectations
    assert judgements(decisions.observe_milestone(over, milestone(MilestoneKind.PAGED, 40)))["page"] == "met"


def test_a_time_without_a_zone_is_utc() -> None:
    """Who signals by hand does not break the workflow."""
    bare = Milestone(kind=MilestoneKind.PAGED, at=at(40).replace(tzinfo=None))
    assert judgements(decisions.observe_milestone(broken(), bare))["page"] == "met"


# --- restoring and the verdict ---


def restored(from_: GameDayState, problem: str | None = None, seen: Seen = HOLDS, seconds: float = 500) -> GameDayState:
    """What becomes of it when the restore ends like this."""
    current = from_
    for number in range(decisions.RESTORE_ROUNDS):
        if current.phase is GameDayPhase.FINISHED:
            break
        if decisions.must_restore(current, seen):
            current = decisions.after_restore(current, problem, at(seconds + number)).state
        current = decisions.judge_restore(current, seen, at(seconds + number)).state
    return current


def test_a_fault_without_effect_never_passes() -> None:
    """However well everything else went: inconclusive, and undone all the same, for nobody knows what it did."""
    seen = watching()
    for kind in MilestoneKind:
        seen = decisions.observe_milestone(seen, milestone(kind, 5))
    over = decisions.watch(seen, HOLDS, at(13), TERMS).state
    assert over.phase is GameDayPhase.RESTORING
    assert decisions.must_restore(over, HOLDS)
    assert restored(over).verdict is GameDayVerdict.INCONCLUSIVE


def test_a_doubt_is_neither_effect_nor_recovery() -> None:
    """A probe that could not be asked says nothing."""
    assert decisions.watch(watching(), DOUBT, at(3), TERMS).state.took_effect_at is None
    assert decisions.watch(broken(), DOUBT, at(30), TERMS).state.expectations == broken().expectations
    assert decisions.must_restore(broken(), DOUBT)
    assert restored(broken_and_over(), seen=DOUBT, seconds=900).restored is False


def broken_and_over() -> GameDayState:
    """In effect until its time was over."""
    return decisions.watch(broken(), FAILS, at(400), TERMS).state


def test_a_response_that_has_mended_it_is_left_alone() -> None:
    """Restarting what runs again would be a second outage."""
    assert not decisions.must_restore(broken_and_over(), HOLDS)
    assert restored(broken_and_over()).restored is True


@pytest.mark.parametrize(("problem", "seen"), [("no such target", FAILS), ("no such target", DOUBT), (None, FAILS)])
def test_a_target_that_is_not_put_right_fails_the_game_day(problem: str | None, seen: Seen) -> None:
    """It is a person's turn, and the timeline says so as trouble; even when it was halted."""
    for before in (broken_and_over(), _halted(broken())):
        end = restored(before, problem, seen, seconds=900)
        assert (end.verdict, end.restored) == (GameDayVerdict.FAILED, False)
        assert "a person must look at it now" in end.reason


def test_a_restore_is_tried_again_before_it_is_given_up() -> None:
    """Also when a worker that was away has eaten up the time."""
    current = broken_and_over()
    for number in range(decisions.RESTORE_ROUNDS):
        assert current.phase is GameDayPhase.RESTORING
        assert decisions.must_restore(current, FAILS)
        current = decisions.after_restore(current, "away", at(9000 + number)).state
        outcome = decisions.judge_restore(current, FAILS, at(9000 + number))
        current = outcome.state
    assert current.phase is GameDayPhase.FINISHED
    assert [e.kind for e in outcome.entries] == [EntryKind.TROUBLE, EntryKind.GAME_DAY]


def _halted(before: GameDayState) -> GameDayState:
    return decisions.watch(decisions.halt(before, HALT, at(10)).state, DOUBT, at(10), TERMS).state


def test_who_halts_gets_the_fault_undone() -> None:
    """Aborted; what had no time to be seen is not called missed."""
    end = restored(_halted(broken()))
    assert (end.verdict, end.restored) == (GameDayVerdict.ABORTED, True)
    assert set(judgements(end).values()) == {"not_observable"}
    assert "a customer is calling" in end.reason


def test_halting_is_refused_where_it_can_change_nothing() -> None:
    """Twice, while it is being undone, after the end, and without a reason."""
    for after in (_halted(broken()), broken_and_over(), restored(broken_and_over())):
        with pytest.raises(Rejected):
            decisions.halt(after, HALT, at(11))
    with pytest.raises(Rejected):
        decisions.halt(broken(), HALT.model_copy(update={"reason": " "}), at(11))


def test_a_fault_that_was_surely_not_made_ends_the_watching() -> None:
    """Nobody waits for an alert that cannot come; one of unknown outcome is watched."""
    refused = decisions.after_fault(begun(), "no such process", at(2), TERMS, nothing_done=True).state
    assert refused.phase is GameDayPhase.RESTORING
    end = restored(refused)
    assert (end.verdict, end.reason.endswith("no such process")) == (GameDayVerdict.INCONCLUSIVE, True)
    unknown = decisions.after_fault(begun(), "its worker vanished", at(2), TERMS).state
    assert unknown.phase is GameDayPhase.WATCHING
    assert decisions.watch(unknown, FAILS, at(3), TERMS).state.took_effect_at == at(3)


def test_everything_met_passes() -> None:
    """Detected, paged, recovered, restored."""
    seen = decisions.observe_milestone(broken(), milestone(MilestoneKind.DETECTED, 5))
    seen = decisions.observe_milestone(seen, milestone(MilestoneKind.PAGED, 6))
    over = decisions.watch(seen, HOLDS, at(20), TERMS).state
    assert over.phase is GameDayPhase.RESTORING
    assert restored(over).verdict is GameDayVerdict.PASSED


@given(seconds=st.floats(min_value=0.01, max_value=1000), within=st.integers(min_value=1, max_value=900))
def test_the_limit_divides_met_from_late(seconds: float, within: int) -> None:
    """At the very limit is met."""
    expected = decisions.results_of([(Expectation.PAGE, timedelta(seconds=within))])
    seen = decisions.observe(
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
    fine, bad = restored(broken_and_over()), restored(broken_and_over(), "no", FAILS, seconds=900)
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
        self.fault_may_be_there = False
        self.target_is_right = True
        self.saw_it_fail = False

    def adopt(self, outcome: Outcome) -> None:
        """Go on with it."""
        assert all(entry.at == self.now for entry in outcome.entries)
        self.before, self.state = self.state, outcome.state

    @rule(seconds=st.sampled_from([0.1, 1, 5, 30, 200]))
    def time_passes(self, seconds: float) -> None:
        """Nothing happens by itself."""
        self.now += timedelta(seconds=seconds)

    @rule(kind=st.sampled_from(list(MilestoneKind)), ago=st.sampled_from([0, 1, 60, 1000]))
    def milestone_arrives(self, kind: MilestoneKind, ago: float) -> None:
        """At once or late."""
        word = Milestone(kind=kind, at=self.now - timedelta(seconds=ago), incident_id="inc-1")
        self.adopt(Outcome(decisions.observe_milestone(self.state, word)))

    @rule()
    def somebody_halts(self) -> None:
        """It may be refused, and then it has changed nothing."""
        try:
            self.adopt(decisions.halt(self.state, HALT, self.now))
        except Rejected:
            assert self.state.halted or self.state.phase in {GameDayPhase.RESTORING, GameDayPhase.FINISHED}

    @precondition(lambda self: self.state.phase is GameDayPhase.CHECKING)
    @rule(seen=st.sampled_from([HOLDS, HOLDS, HOLDS, FAILS, DOUBT]))
    def the_steady_state_is_checked(self, seen: Seen) -> None:
        """Before the fault."""
        self.adopt(decisions.decide_fault(self.state, seen, self.now, START))

    @precondition(lambda self: self.state.phase is GameDayPhase.INJECTING)
    @rule(problem=st.sampled_from([None, None, "vanished"]), nothing_done=st.booleans(), works=st.booleans())
    def the_fault_is_made(self, problem: str | None, *, nothing_done: bool, works: bool) -> None:
        """Or not."""
        nothing_done = nothing_done and problem is not None
        self.fault_may_be_there = not nothing_done
        self.target_is_right = nothing_done or not works
        self.adopt(decisions.after_fault(self.state, problem, self.now, TERMS, nothing_done=nothing_done))

    @precondition(lambda self: self.state.phase is GameDayPhase.WATCHING)
    @rule(mended=st.booleans(), doubt=st.booleans())
    def the_response_is_watched(self, *, mended: bool, doubt: bool) -> None:
        """The response may mend it."""
        self.target_is_right = self.target_is_right or mended
        self.saw_it_fail = self.saw_it_fail or (not doubt and not self.target_is_right)
        self.adopt(decisions.watch(self.state, self.look(doubt), self.now, TERMS))

    @precondition(lambda self: self.state.phase is GameDayPhase.RESTORING)
    @rule(problem=st.sampled_from([None, "no such target"]), works=st.booleans(), doubt=st.booleans())
    def the_target_is_restored(self, problem: str | None, *, works: bool, doubt: bool) -> None:
        """Or not."""
        if decisions.must_restore(self.state, self.look(doubt)):
            self.target_is_right = self.target_is_right or (problem is None and works)
            self.adopt(decisions.after_restore(self.state, problem, self.now))
        self.adopt(decisions.judge_restore(self.state, self.look(doubt), self.now))

    def look(self, doubt: bool) -> Seen:
        """What a probe says."""
        return DOUBT if doubt else Seen(holds=self.target_is_right)

    @invariant()
    def it_ends_with_a_verdict_and_not_before(self) -> None:
        """And never changes it."""
        is_over = self.state.phase is GameDayPhase.FINISHED
        assert is_over == (self.state.verdict is not None) == (self.state.finished_at is not None)
        if self.before.phase is GameDayPhase.FINISHED:
            assert self.state == self.before
        if is_over:
            assert all(result.judgement is not Judgement.PENDING for result in self.state.expectations)

    @invariant()
    def nothing_that_was_touched_is_left_without_restoring(self) -> None:
        """Whoever made a fault ends restored, or failed with a person's turn."""
        if self.state.phase is not GameDayPhase.FINISHED:
            return
        if self.state.injected_at is None:
            assert self.state.verdict in {GameDayVerdict.REFUSED, GameDayVerdict.ABORTED}
            assert self.state.restored is None
        else:
            assert (self.state.restored is False) == ("a person must look" in self.state.reason)
            assert self.target_is_right or self.state.verdict is GameDayVerdict.FAILED

    @invariant()
    def passing_takes_a_fault_that_was_seen(self) -> None:
        """And every expectation met, and nobody who halted."""
        if self.state.verdict is GameDayVerdict.PASSED:
            assert self.saw_it_fail
            assert self.state.halted is None
            assert self.state.restored is True
            assert all(result.judgement is Judgement.MET for result in self.state.expectations)

    @invariant()
    def what_was_judged_stays_so(self) -> None:
        """The first time that something was seen is the one that counts."""
        for old, new in zip(self.before.expectations, self.state.expectations, strict=True):
            assert old.judgement in {Judgement.PENDING, new.judgement}


TestGameDayMachine = GameDayMachine.TestCase
TestGameDayMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
