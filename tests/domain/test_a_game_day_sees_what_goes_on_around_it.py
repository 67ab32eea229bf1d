"""Game days and their surroundings: what is seen stops them, what cannot be seen does so, too, and a doubt is told."""

from datetime import timedelta

import pytest

from domain import game_day_decisions as decisions
from domain import game_day_faults as life
from domain import game_day_judgement as judgement
from domain import game_day_sight as sight
from domain.chaos_journal import journal_of
from domain.game_day import Expectation, ExpectationResult, GameDayPhase, GameDayState, GameDayVerdict, MilestoneKind
from domain.game_day_faults import FaultRun, FaultStage
from domain.game_day_report import report
from domain.game_day_surroundings import FiringGroup, OpenIncident, Surroundings, incident_at_the_start
from domain.safety_lever import LeverState
from domain.severity import Severity
from domain.timeline import EntryKind, person
from tests.support.game_day_states import (
    APPROVAL,
    HALT,
    HOLDS,
    KILL,
    TERMS,
    at,
    broken,
    milestone,
    over,
    probed,
    restored,
    state,
    undone,
)

LEVER = LeverState(scope="global", engaged=True, by=person("olga"), reason="the sale begins")
OUTAGE = OpenIncident(id="inc-1", title="Down", severity=Severity.SEV2, services=("shop",))
MILD = OUTAGE.model_copy(update={"severity": Severity.SEV4})
DISK = FiringGroup(id="g", title="DiskFull", labels={"alertname": "DiskFull"}, firing_since=at(5))
STORM = "more than 200 alert groups are open"
NOTHING_ELSE = (ExpectationResult(expectation=Expectation.NO_OTHER_ALERTS, within_seconds=0),)


# --- before anything is touched ---


@pytest.mark.parametrize(
    ("one", "is_in_the_way"),
    [
        (OUTAGE, True), (MILD, True), (MILD.model_copy(update={"services": ("search", "shop")}), True),
        (MILD.model_copy(update={"services": ("search",)}), False), (MILD.model_copy(update={"services": ()}), False),
        (OUTAGE.model_copy(update={"services": ()}), True), (MILD.model_copy(update={"near_miss": True}), False),
        (OUTAGE.model_copy(update={"services": ("search",)}), False),
    ],
)  # fmt: skip
def test_any_real_incident_on_a_target_lets_none_begin(one: OpenIncident, *, is_in_the_way: bool) -> None:
    """However mild; elsewhere only one of which nobody knows what it touches, when it is bad."""
    assert (incident_at_the_start([one], ("shop",)) is not None) is is_in_the_way


@pytest.mark.parametrize(
    ("trouble", "holds", "words"),
    [(True, False, "it is met already: so"), (None, None, "its source does not answer: so"), (False, True, "so")],
)
def test_a_stop_condition_that_is_met_already_is_named(trouble: bool | None, holds: bool | None, words: str) -> None:
    """It is one of the answers that refuse a game day."""
    check = sight.stop_condition_check("disk", trouble, "so")
    assert (check.name, check.holds, check.detail) == ("stop condition disk", holds, f"stop condition 'disk': {words}")


def test_an_alarm_of_which_nobody_can_tell_has_no_data() -> None:
    """What was found counts also when not all were asked."""
    alarm = {"alertname": "DiskFull"}
    assert sight.alarm_met(alarm, Surroundings()) == (False, "it does not fire")
    assert sight.alarm_met(alarm, Surroundings(alerts_untold=STORM)) == (None, STORM)
    assert sight.alarm_met(alarm, Surroundings(alerts=(DISK,), alerts_untold=STORM)) == (True, "DiskFull fires")


@pytest.mark.parametrize(
    ("before", "digest", "words"),
    [
        (state(phase=GameDayPhase.ANNOUNCING, targets_digest="sha256:one"), "sha256:two", "since they were announced"),
        (state(phase=GameDayPhase.ANNOUNCING, targets_digest="sha256:one"), "sha256:one", None),
        (
            state(phase=GameDayPhase.ANNOUNCING, targets_digest="sha256:two", approval=APPROVAL),
            "sha256:two",
            "approved",
        ),
        (state(), "sha256:two", None),
    ],
)
def test_what_was_announced_is_what_is_done(before: GameDayState, digest: str, words: str | None) -> None:
    """People had their time to speak against these targets and no others; where there is an approval, it counts."""
    said = decisions.is_as_approved(before, digest)
    assert (said is None) if words is None else (said is not None and words in said)


# --- while the faults are there ---


def test_what_is_seen_ends_it() -> None:
    """A lever before an incident; a mild incident, and one elsewhere, end nothing that is under way."""
    halted = sight.saw(broken(), Surroundings(levers=(LEVER,), incidents=(OUTAGE,)), ("shop",), at(9)).state
    assert halted.halted is not None
    assert (halted.halted.by, halted.stopped) == (person("olga"), None)
    stopped = sight.saw(broken(), Surroundings(incidents=(OUTAGE,)), ("shop",), at(9)).state.stopped
    assert stopped is not None
    assert (stopped.is_real_incident, stopped.reason) == (True, "inc-1 (SEV-2, Down) was declared")
    elsewhere = OUTAGE.model_copy(update={"services": ("search",)})
    assert sight.saw(broken(), Surroundings(incidents=(MILD, elsewhere)), ("shop",), at(9)).state.stopped is None


def test_what_cannot_be_seen_ends_it_after_a_while() -> None:
    """The first failure is told; one that stays counts as missing data, so the fault is undone and nothing passes."""
    first = sight.saw_nothing(broken(), "the engine is away", at(10), at(14))
    assert [line.kind for line in first.entries] == [EntryKind.TROUBLE]
    assert first.state.stopped is None
    soon = sight.saw_nothing(first.state, "the engine is away", at(17), at(29.9))
    assert (soon.state.stopped, soon.entries) == (None, ())
    late = sight.saw_nothing(soon.state, "the engine is away", at(29), at(30))
    assert late.state.stopped is not None
    assert late.state.stopped.for_want_of_data
    assert late.entries[0].summary.startswith("Stopped by missing data: for 20 s it could not be told whether a real")
    end = restored(over(late.state, 31))
    assert (end.verdict, end.restored) == (GameDayVerdict.ABORTED, True)


def test_sight_that_came_back_ends_nothing() -> None:
    """It counts anew from the next failure on."""
    first = sight.saw_nothing(broken(), "the engine is away", at(10), at(14))
    back = sight.saw(first.state, Surroundings(), ("shop",), at(25))
    assert [line.summary for line in back.entries] == [
        "It can be told again whether a real incident is open or the safety lever engaged"
    ]
    again = sight.saw_nothing(back.state, "the engine is away", at(28), at(40)).state
    assert (again.stopped, again.unseen_since) == (None, at(28))


def calm(*looks: tuple[float, Surroundings | None]) -> str:
    """How `no_other_alerts` is judged after these looks; None: one that failed."""
    current = broken(expectations=NOTHING_ELSE)
    for seconds, seen in looks:
        if seen is None:
            current = sight.saw_nothing(current, "away", at(seconds), at(seconds)).state
        else:
            current = sight.saw(current, seen, (), at(seconds)).state
    return judgement.give_up(over(current)).expectations[0].judgement.value


def test_nothing_else_fired_only_if_somebody_looked_to_the_end() -> None:
    """One good look is worth nothing when all later ones failed; what was found counts in any case."""
    fine, storm, found = Surroundings(), Surroundings(alerts_untold=STORM), Surroundings(alerts=(DISK,))
    assert calm() == "not_observable"
    assert calm((4, fine)) == "met"
    assert calm((4, fine), (7, None)) == "not_observable"
    assert calm((4, fine), (7, storm)) == "not_observable"
    assert calm((4, storm)) == "not_observable"
    assert calm((4, fine), (7, None), (10, fine)) == "met", "what began in between fires still"
    assert calm((4, fine), (7, storm), (28, fine), (31, fine)) == "not_observable", "what came has gone"
    assert calm((4, found), (7, None)) == "missed"
    assert calm((4, Surroundings(alerts=(DISK,), alerts_untold=STORM)), (7, None)) == "missed"


def test_the_faults_own_check_has_the_last_word() -> None:
    """Something else has broken the steady state where the action itself says that its fault is not there."""
    run = life.made(life.asked(KILL, at(1)), at(2), {})
    waits = life.proved(run, False, "it runs", is_late=False, steady_state_broke=True)
    assert (waits.state, waits.effect) == (FaultStage.PROVING, None)
    late = life.proved(run, False, "it runs", is_late=True, steady_state_broke=True)
    assert (late.effect, late.effect_detail) == ("mismatch", "it runs")
    assert life.proved(run, None, "", is_late=False, steady_state_broke=True).effect == "confirmed"


# --- the end ---


def doubtful(before: GameDayState) -> GameDayState:
    """Undone well, and its target did not say whether anything is left."""
    leased = before.faults[0].model_copy(update={"is_leased": True})
    ending = decisions.begin_restoring(before.model_copy(update={"faults": (leased,)}), at(400), TERMS).state
    return restored(undone(ending, 400, clean=None))


def met() -> GameDayState:
    """All that was expected has come."""
    seen = judgement.observe_milestone(broken(), milestone(MilestoneKind.DETECTED, 5))
    return probed(judgement.observe_milestone(seen, milestone(MilestoneKind.PAGED, 6)), HOLDS, 20)


def test_a_doubt_whether_it_is_clean_never_passes() -> None:
    """However well everything else went: inconclusive, no full undo safety, and somebody has to look."""
    end = doubtful(met())
    assert (end.verdict, end.restored) == (GameDayVerdict.INCONCLUSIVE, True)
    assert "kill on shop-1 was undone, and whether anything of it is left cannot be told" in end.reason
    assert end.scores.undo_safety == 50.0
    [finding] = report(end).findings
    assert (finding.key, finding.is_urgent) == ("process-dies/undo/kill/shop-1", True)
    assert journal_of(end, "1")["rollbacks"][0]["status"] == "failed"


def test_a_doubt_is_told_whatever_else_ended_it() -> None:
    """Who halted it does not hear that the fault was undone when nobody knows."""
    end = doubtful(decisions.halt(broken(), HALT, at(10)).state)
    assert end.verdict is GameDayVerdict.ABORTED
    assert end.reason.endswith("whether anything of it is left cannot be told: it is frozen")


def test_only_who_ought_to_know_can_leave_a_doubt() -> None:
    """A fault without a lease has nobody to ask; one that was not made, or is known to be there, is no doubt."""
    run = FaultRun(id="a", action="x", duration_seconds=1, is_leased=True)
    assert not life.is_doubtful(run)
    gone = life.undone(run, at(1))
    assert life.is_doubtful(gone)
    assert not life.is_doubtful(gone.model_copy(update={"is_leased": False}))
    for clean in (True, False):
        assert not life.is_doubtful(life.verified(gone, clean, ""))
    assert not life.is_doubtful(life.undo_failed(gone, "away"))
    told = decisions.with_fault(broken(faults=(run,)), life.closed(gone), at(1) + timedelta(seconds=1))
    assert [line.kind for line in told.entries][-1] is EntryKind.TROUBLE
