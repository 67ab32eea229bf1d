"""Game days before and at the fault: what is asked, what a milestone proves, what a fault has to show."""

import pytest

from domain import game_day_decisions as decisions
from domain import game_day_faults as life
from domain import game_day_judgement as judgement
from domain.game_day import (
    Expectation,
    ExpectationResult,
    GameDayKind,
    GameDayPhase,
    GameDayVerdict,
    Milestone,
    MilestoneKind,
    PreflightCheck,
    Seen,
)
from domain.game_day_faults import FaultRun, FaultStage, LeaseAnswer, LeaseStatus, UndoneBy
from domain.run import ApprovalStatus
from domain.timeline import EntryKind
from tests.support.game_day_states import (
    APPROVAL,
    DOUBT,
    FAILS,
    FINE,
    HALT,
    HOLDS,
    START,
    TERMS,
    at,
    begun,
    broken,
    checked,
    judgements,
    made,
    milestone,
    over,
    probed,
    proved,
    restored,
    state,
)

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
        (True, False, HOLDS, "confirmed"), (False, False, FAILS, None), (None, False, FAILS, "confirmed"),
        (False, True, HOLDS, "mismatch"), (None, True, HOLDS, "inconclusive"), (None, False, HOLDS, None),
        (False, True, FAILS, "mismatch"), (False, True, DOUBT, "mismatch"), (None, True, DOUBT, "inconclusive"),
    ],
)  # fmt: skip
def test_a_fault_has_to_show(holds: bool | None, late: bool, seen: Seen, proof: str | None) -> None:
    """By its action's own check or, where that cannot tell, by the steady state; a doubt is no proof."""
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
