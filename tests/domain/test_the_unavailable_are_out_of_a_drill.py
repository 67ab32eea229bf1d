"""Who is declared unavailable does nothing in a drill, until it is over; a real incident knows no such thing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.absence import Absence, demand_present, is_away, present
from domain.configuration import OnCall, OnCallLevel
from domain.errors import Rejected, RejectionKind
from domain.escalation import answer, begin, page_next_level
from domain.game_day import ActiveDrill
from domain.incident import (
    AcceptRole,
    Acknowledge,
    AddNote,
    Command,
    Escalate,
    IncidentContext,
    IncidentStart,
    IncidentState,
    ObserveDrillEnd,
    OfferRole,
    Resolve,
    Role,
    RunSummary,
)
from domain.incident_decisions import begin as declare
from domain.incident_decisions import decide
from domain.incident_effects import StartPage, TellRunDrillEnd
from domain.page import AcknowledgePage, EscalationStart, EscalationStatus
from domain.severity import Severity
from domain.timeline import automation, person

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ANA, BO, GAME_DAY = person("ana"), person("bo"), automation("game-day")
AWAY = Absence(people=("ana",), game_day="process-dies", until=NOW + 10 * MINUTE)
ON_CALL = OnCall(levels=(OnCallLevel(people=("ana",)), OnCallLevel(people=("ana", "bo"))))
PAGE = EscalationStart(
    id="inc-20261122-k7qd.1", incident_id="inc-20261122-k7qd", title="Checkout fails", severity=Severity.SEV1,
    reason="SEV-1 was declared", on_call=ON_CALL, acknowledge_within_seconds=300, repeat_after_seconds=120,
    people=("ana", "bo"), drill=True, game_day_workflow="game-day/process-dies/1",
)  # fmt: skip


def incident(absence: Absence | None = AWAY, **changes: Any) -> IncidentState:
    """A drill's incident."""
    start = IncidentStart(
        id="inc-20261122-k7qd", title="Checkout fails", severity=Severity.SEV1, declared_by=automation("triage"),
        drill=absence is not None, absence=absence, context=IncidentContext(people=("ana", "bo"), on_call=ON_CALL),
    )  # fmt: skip
    return declare(start, NOW).state.model_copy(update=changes)


@pytest.mark.parametrize(
    ("command", "kind", "says"),
    [
        (Acknowledge(by=ANA), RejectionKind.FORBIDDEN, "takes no part until it ends (03:10 UTC"),
        (AcceptRole(by=ANA, role=Role.COMMANDER), RejectionKind.FORBIDDEN, "declared unavailable"),
        (AddNote(by=ANA, text="I see it"), RejectionKind.FORBIDDEN, "halt the game day if this is real"),
        (Resolve(by=ANA), RejectionKind.FORBIDDEN, "'process-dies'"),
        (OfferRole(by=BO, role=Role.SCRIBE, person="ana"), RejectionKind.CONFLICT, "name somebody else"),
        (ObserveDrillEnd(by=BO), RejectionKind.FORBIDDEN, "only the game day itself"),
    ],
)
def test_whoever_is_away_does_nothing_in_the_incident(command: Command, kind: RejectionKind, says: str) -> None:
    """No command of theirs counts, and nobody hands them a role; each refusal says who, until when, and what else."""
    with pytest.raises(Rejected) as refused:
        decide(incident(), command, NOW)
    assert refused.value.kind is kind
    assert says in refused.value.sentence


def test_others_and_real_incidents_are_not_held_up() -> None:
    """Bo acknowledges the drill; ana acknowledges what is real."""
    assert decide(incident(), Acknowledge(by=BO), NOW).state.roles == {Role.COMMANDER: "bo"}
    assert decide(incident(absence=None), Acknowledge(by=ANA), NOW).state.roles == {Role.COMMANDER: "ana"}


def test_the_end_of_the_drill_brings_them_back_here_and_in_open_runs() -> None:
    """Said once; runs that are over need not hear it."""
    runs = (
        RunSummary(id="inc-20261122-k7qd.mend.1", runbook="mend", status="succeeded"),
        RunSummary(id="inc-20261122-k7qd.mend.2", runbook="mend", status="waiting"),
    )
    after = decide(incident(runs=runs), ObserveDrillEnd(by=GAME_DAY), NOW)
    assert [each.summary for each in after.entries] == ["the game day 'process-dies' is over: ana may act again"]
    assert [each.run_id for each in after.effects if isinstance(each, TellRunDrillEnd)] == [runs[1].id]
    assert decide(after.state, Acknowledge(by=ANA), NOW).state.acknowledged_at == NOW
    again = decide(after.state, ObserveDrillEnd(by=GAME_DAY), NOW)
    assert (again.entries, again.effects) == ((), ())


def test_an_absence_is_over_by_itself_when_the_game_day_cannot_say_so() -> None:
    """At its latest end, to the second."""
    for seconds, away in ((0, True), (599, True), (600, False)):
        assert is_away(AWAY, "ana", NOW + timedelta(seconds=seconds)) is away, seconds
    assert present(AWAY, ("ana", "bo"), NOW) == ("bo",)
    demand_present(AWAY, automation("ana"), NOW)
    demand_present(None, ANA, NOW)


@pytest.mark.parametrize(
    ("unavailable", "over_by", "known"),
    [((), NOW, False), (("ana",), None, False), (("ana",), NOW, True)],
)
def test_a_drill_knows_of_an_absence_only_with_its_end(
    unavailable: tuple[str, ...], over_by: datetime | None, *, known: bool
) -> None:
    """One without an end would lock people out for ever."""
    drill = ActiveDrill(workflow_id="game-day/x", name="x", unavailable=unavailable, over_by=over_by)
    assert (drill.absence() is not None) is known


def test_a_level_of_people_who_are_away_has_its_time_all_the_same() -> None:
    """Nobody is paged, five minutes pass, then the next level's remaining person is; the timeline says both."""
    paged = page_next_level(PAGE, begin(PAGE, NOW), NOW, away=("ana",))
    assert paged is not None
    assert (paged.people, paged.state.next_level_at) == ((), NOW + 5 * MINUTE)
    assert [each.summary for each in paged.entries] == [
        "paging level 1 of 2: nobody is there",
        "ana is unavailable in this drill and not paged; level 1 has its 5m all the same",
    ]
    second = page_next_level(PAGE, paged.state, NOW + 5 * MINUTE, away=("ana",))
    assert second is not None
    assert second.people == ("bo",)


def test_a_page_takes_no_answer_of_theirs_unless_the_incident_has_counted_it() -> None:
    """By a signal past the incident; what the incident let through is never doubted again."""
    paged = page_next_level(PAGE, begin(PAGE, NOW), NOW, away=("ana",))
    assert paged is not None
    with pytest.raises(Rejected, match="somebody else has to answer"):
        answer(PAGE, paged.state, AcknowledgePage(by=ANA), NOW)
    counted = answer(PAGE, paged.state, AcknowledgePage(by=ANA, is_counted=True), NOW)
    assert counted.state.status is EscalationStatus.ACKNOWLEDGED


def test_a_page_asks_only_where_somebody_is_away() -> None:
    """A drill in which everybody is there costs its pages no question, nor does a real incident."""
    for absence, asks in ((AWAY, True), (None, False)):
        effects = decide(incident(absence=absence), Escalate(by=BO, reason="again"), NOW).effects
        assert [each.start.asks_who_is_away for each in effects if isinstance(each, StartPage)] == [asks]
