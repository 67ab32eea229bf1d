"""What each command does to an incident, and with which sentence it is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.configuration import OnCall, OnCallLevel
from domain.errors import Rejected, RejectionKind
from domain.incident import (
    FINISHED,
    RESPONDING,
    AcceptRole,
    Acknowledge,
    ActionItemSummary,
    AddNote,
    AddTask,
    AttachAlerts,
    Cancel,
    ChangeImpact,
    ChangeSeverity,
    ChangeStatus,
    Close,
    Command,
    DeclineRole,
    Escalate,
    IncidentContext,
    IncidentStart,
    IncidentState,
    IncidentStatus,
    Merge,
    ObserveActionItem,
    ObserveReview,
    ObserveRun,
    OfferRole,
    PostUpdate,
    Reopen,
    Resolve,
    Role,
    RunSummary,
    StartRun,
)
from domain.incident_decisions import begin, decide
from domain.incident_effects import (
    FindAlike,
    FinishComms,
    LaunchRun,
    Outcome,
    PageAnswered,
    PublishUpdate,
    RedirectAlerts,
    RefreshComms,
    StartComms,
    StartPage,
    StartReview,
    StopPage,
    TellPeople,
)
from domain.incident_paging import silent_at
from domain.lifecycle import MOVES
from domain.policy import Audience
from domain.severity import Severity
from domain.timeline import automation, person

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
ANA, BO = person("ana"), person("bo")
ON_CALL = OnCall(levels=(OnCallLevel(people=("ana",)), OnCallLevel(people=("bo",))))


def incident(**changes: Any) -> IncidentState:
    """A SEV-1 incident, just declared, being paged for."""
    start = IncidentStart(
        id="inc-20261122-k7qd",
        title="Checkout fails",
        severity=Severity.SEV1,
        services=("checkout",),
        declared_by=automation("triage"),
        context=IncidentContext(people=("ana", "bo", "cy", "mia"), on_call=ON_CALL, team_manager="mia"),
    )
    return begin(start, NOW).state.model_copy(update=changes)


def commanded(**changes: Any) -> IncidentState:
    """The same, acknowledged and commanded by ana."""
    return decide(incident(), Acknowledge(by=ANA), NOW).state.model_copy(update=changes)


def resolved(**changes: Any) -> IncidentState:
    """The same, over."""
    return decide(commanded(), Resolve(by=ANA, summary="Rolled back"), NOW).state.model_copy(update=changes)


def refused(state: IncidentState, command: Command) -> Rejected:
    """The refusal of a command."""
    with pytest.raises(Rejected) as error:
        decide(state, command, NOW)
    return error.value


def sorts(outcome: Outcome) -> list[str]:
    """The sorts of effects, in order."""
    return [type(effect).__name__ for effect in outcome.effects]


def test_a_declaration_pages_and_communicates():
    """Both begin at once; the page goes to the on-call at the severity's pace."""
    outcome = begin(
        IncidentStart(
            id="inc-20261122-k7qd",
            title="Checkout fails",
            severity=Severity.SEV3,
            declared_by=ANA,
            runbook="roll-back",
            context=IncidentContext(people=("ana",), on_call=ON_CALL),
        ),
        NOW,
    )
    page, run, comms, alike = outcome.effects
    assert isinstance(page, StartPage)
    assert isinstance(run, LaunchRun)
    assert isinstance(comms, StartComms)
    assert isinstance(alike, FindAlike)
    assert page.start.acknowledge_within_seconds == 900
    assert run.run_id == "inc-20261122-k7qd.roll-back.1"
    assert [entry.kind for entry in outcome.entries] == ["declared", "page", "run"]


def test_sev_5_pages_nobody():
    """An informational incident wakes nobody."""
    start = IncidentStart(
        id="inc-20261122-k7qd",
        title="FYI",
        severity=Severity.SEV5,
        declared_by=ANA,
        context=IncidentContext(people=("ana",), on_call=ON_CALL),
    )
    assert sorts(begin(start, NOW)) == ["StartComms", "FindAlike"]


def test_sev_4_pages_in_working_hours_only():
    """The page is given the calendar."""
    start = IncidentStart(
        id="inc-20261122-k7qd",
        title="Slow",
        severity=Severity.SEV4,
        declared_by=ANA,
        context=IncidentContext(people=("ana",), on_call=ON_CALL),
    )
    page = begin(start, NOW).effects[0]
    assert isinstance(page, StartPage)
    assert page.start.working_hours == start.context.policy.calendar


def test_without_on_call_and_manager_the_timeline_says_that_nobody_was_paged():
    """Nobody to page is trouble, said with what to do about it."""
    start = IncidentStart(id="inc-20261122-k7qd", title="x", severity=Severity.SEV1, declared_by=automation("t"))
    outcome = begin(start, NOW)
    assert sorts(outcome) == ["StartComms", "FindAlike"]
    assert outcome.state.open_page is None
    assert "nobody was paged" in outcome.entries[-1].summary


def test_a_tabletop_pages_nobody_whoever_is_on_call_and_however_silent_it_is():
    """Not at declaration, not because a player asks, not for silence; who would be paged is said instead."""
    playing = incident().model_copy(update={"tabletop_workflow": "game-day/story", "open_page": None, "pages": 0})
    start = IncidentStart(
        id="inc-20261122-k7qd",
        title="A story",
        severity=Severity.SEV1,
        declared_by=ANA,
        tabletop_workflow="game-day/story",
        context=playing.context,
    )
    begun = begin(start, NOW)
    assert sorts(begun) == ["StartComms", "FindAlike"]
    assert begun.state.open_page is None
    assert "ana would be paged" in begun.entries[-1].summary
    asked = decide(playing, Escalate(by=BO, reason="she does not answer"), NOW)
    assert "StartPage" not in sorts(asked)
    assert "ana would be paged: she does not answer" in asked.entries[0].summary
    assert silent_at(decide(playing, Acknowledge(by=ANA), NOW).state) is None


def test_the_first_to_acknowledge_takes_command_and_ends_the_page():
    """The second one only acknowledges; saying it again changes nothing."""
    outcome = decide(incident(), Acknowledge(by=ANA), NOW)
    assert outcome.state.roles == {Role.COMMANDER: "ana"}
    assert outcome.state.acknowledged_at == NOW
    assert sorts(outcome) == ["RefreshComms", "PageAnswered"]
    again = decide(outcome.state, Acknowledge(by=BO), NOW)
    assert (again.state, again.entries, again.effects) == (outcome.state, (), ())


def test_the_administrator_and_automation_acknowledge_without_taking_command():
    """Only a person of hotwash.yaml commands."""
    for by in (person("admin"), automation("game-day")):
        outcome = decide(incident(), Acknowledge(by=by), NOW)
        assert outcome.state.roles == {}
        assert any(isinstance(effect, PageAnswered) for effect in outcome.effects)


@pytest.mark.parametrize("before", RESPONDING)
@pytest.mark.parametrize("after", list(IncidentStatus))
def test_a_status_is_set_where_the_table_allows_it_and_refused_with_what_is_possible(
    before: IncidentStatus, after: IncidentStatus
):
    """Each pair of the table; a refusal names the way that leads on."""
    state, command = commanded(status=before), ChangeStatus(by=ANA, status=after, reason="seen so")
    if after in MOVES[before]:
        assert decide(state, command, NOW).state.status is after
    else:
        sentence = refused(state, command).sentence
        assert any(word in sentence for word in ("it can go to", "is reached by", "already"))


@pytest.mark.parametrize("status", FINISHED)
def test_a_finished_incident_takes_no_commands(status: IncidentStatus):
    """Closed is closed."""
    error = refused(commanded(status=status), Acknowledge(by=ANA))
    assert error.kind is RejectionKind.CONFLICT
    assert status.value in error.sentence


@pytest.mark.parametrize(
    "command",
    [
        ChangeSeverity(by=ANA, severity=Severity.SEV2, reason=" "),
        Cancel(by=ANA, reason=""),
        PostUpdate(by=ANA, audience=Audience.INTERNAL, text="\n"),
        ChangeImpact(by=ANA),
        ChangeImpact(by=ANA, started_at=NOW + timedelta(minutes=1)),
        ChangeImpact(by=ANA, started_at=NOW.replace(tzinfo=None)),
        AddTask(by=ANA, title="look", assignee="mallory"),
        AddTask(by=ANA, title="look", due_within=timedelta(days=999_999_999)),
        PostUpdate(by=ANA, audience=Audience.INTERNAL, text="x", next_update_within=timedelta(days=-1)),
        OfferRole(by=ANA, role=Role.SCRIBE, person="mallory"),
        Acknowledge(by=person("mallory")),
        Merge(by=ANA, into="inc-20261122-k7qd"),
        StartRun(by=ANA, runbook=""),
    ],
)
def test_what_is_incomplete_or_names_strangers_is_invalid(command: Command):
    """The caller can mend it, so the kind is `invalid`."""
    assert refused(commanded(), command).kind is RejectionKind.INVALID


def test_going_back_and_getting_milder_need_a_reason_and_going_on_needs_none():
    """Nobody is held up on the way forward; who turns back says why."""
    monitoring = decide(commanded(), ChangeStatus(by=ANA, status=IncidentStatus.MONITORING), NOW).state
    assert monitoring.mitigated_at == NOW
    assert "goes back" in refused(monitoring, ChangeStatus(by=ANA, status=IncidentStatus.MITIGATING)).sentence
    milder = commanded(severity=Severity.SEV3)
    assert decide(milder, ChangeSeverity(by=ANA, severity=Severity.SEV1), NOW).state.severity is Severity.SEV1
    assert decide(commanded(), Resolve(by=ANA), NOW).state.summary == "normal service is back"


def test_a_command_that_is_too_long_is_refused():
    """History keeps every command, so a pasted log is refused before it gets there."""
    assert refused(incident(), AddNote(by=ANA, text="x" * 40_000)).kind is RejectionKind.TOO_LARGE


def test_a_stranger_is_pointed_to_the_configuration():
    """The sentence names the person and the file."""
    sentence = refused(incident(), Acknowledge(by=person("mallory"))).sentence
    assert "mallory" in sentence
    assert "hotwash.yaml" in sentence


def test_monitoring_means_mitigated_until_it_comes_back():
    """The impact is over, and is back when the status goes back."""
    over = decide(commanded(), ChangeStatus(by=ANA, status=IncidentStatus.MONITORING, reason="errors gone"), NOW)
    assert over.state.mitigated_at == NOW
    back = ChangeStatus(by=ANA, status=IncidentStatus.INVESTIGATING, reason="errors again")
    assert decide(over.state, back, NOW).state.mitigated_at is None


def test_a_mitigating_run_moves_the_incident_to_monitoring():
    """Only when the run says so."""
    run = RunSummary(id="inc-20261122-k7qd.a.1", runbook="a", status="succeeded")
    quiet = decide(commanded(), ObserveRun(by=automation("runbook:a"), run=run), NOW)
    assert quiet.state.status is IncidentStatus.DECLARED
    told = decide(quiet.state, ObserveRun(by=automation("runbook:a"), run=run, mitigated=True), NOW)
    assert (told.state.status, told.state.mitigated_at) == (IncidentStatus.MONITORING, NOW)


def test_a_worse_severity_pages_anew_while_nobody_has_acknowledged():
    """The page at the old pace ends; an acknowledged incident is not paged for again."""
    worse = ChangeSeverity(by=BO, severity=Severity.SEV1, reason="all customers")
    unanswered = incident(severity=Severity.SEV3)
    assert sorts(decide(unanswered, worse, NOW)) == ["RefreshComms", "StopPage", "StartPage"]
    assert sorts(decide(commanded(severity=Severity.SEV3), worse, NOW)) == ["RefreshComms"]
    mild = decide(incident(), ChangeSeverity(by=BO, severity=Severity.SEV5, reason="a test alert"), NOW)
    assert any(isinstance(effect, StopPage) for effect in mild.effects)


def test_command_is_offered_by_the_commander_alone_and_stays_until_accepted():
    """An incident is never without a commander in between."""
    state = commanded()
    assert refused(state, OfferRole(by=BO, role=Role.COMMANDER, person="cy")).kind is RejectionKind.FORBIDDEN
    assert refused(state, OfferRole(by=BO, role=Role.COMMANDER, person="bo")).kind is RejectionKind.FORBIDDEN
    offered = decide(state, OfferRole(by=ANA, role=Role.COMMANDER, person="bo", reason="end of shift"), NOW)
    assert offered.state.roles[Role.COMMANDER] == "ana"
    telling = offered.effects[-1]
    assert isinstance(telling, TellPeople)
    assert telling.people == ("bo",)
    assert refused(offered.state, AcceptRole(by=person("cy"), role=Role.COMMANDER)).kind is RejectionKind.CONFLICT
    declined = decide(offered.state, DeclineRole(by=BO, role=Role.COMMANDER, reason="asleep"), NOW)
    assert (declined.state.offers, declined.state.roles[Role.COMMANDER]) == ((), "ana")
    accepted = decide(offered.state, AcceptRole(by=BO, role=Role.COMMANDER), NOW)
    assert (accepted.state.offers, accepted.state.roles[Role.COMMANDER]) == ((), "bo")


def test_a_free_role_is_taken_at_once_and_a_held_one_is_not():
    """Whoever wants a role that nobody has, has it."""
    scribe = decide(commanded(), OfferRole(by=BO, role=Role.SCRIBE, person="bo"), NOW).state
    assert scribe.roles[Role.SCRIBE] == "bo"
    theft = OfferRole(by=person("cy"), role=Role.SCRIBE, person="cy")
    assert refused(scribe, theft).kind is RejectionKind.FORBIDDEN
    by_commander = decide(scribe, OfferRole(by=ANA, role=Role.SCRIBE, person="cy"), NOW)
    assert by_commander.state.roles[Role.SCRIBE] == "bo"


def test_automation_of_a_persons_name_takes_no_role():
    """A name is not a person."""
    offered = decide(commanded(), OfferRole(by=ANA, role=Role.COMMANDER, person="bo"), NOW).state
    assert refused(offered, AcceptRole(by=automation("bo"), role=Role.COMMANDER)).kind is RejectionKind.CONFLICT


def test_resolve_ends_paging_and_communication_and_begins_the_review():
    """In this order for the plan: how things stand, then the closing notice."""
    outcome = decide(incident(), Resolve(by=ANA, summary="Gone by itself"), NOW)
    assert sorts(outcome) == ["RefreshComms", "StopPage", "FinishComms", "StartReview"]
    review = outcome.effects[-1]
    assert isinstance(review, StartReview)
    assert review.start.owner == "mia", "without a commander the team's manager owns the review"
    assert outcome.state.mitigated_at == outcome.state.resolved_at == NOW
    assert outcome.state.review_state == "draft"


def test_sev_5_needs_no_review_and_closes_at_once():
    """No deadline, no review."""
    outcome = decide(commanded(severity=Severity.SEV5), Resolve(by=ANA, summary="Done"), NOW)
    assert not any(isinstance(effect, StartReview) for effect in outcome.effects)
    assert decide(outcome.state, Close(by=ANA), NOW).state.status is IncidentStatus.CLOSED


def test_close_names_everything_that_is_still_open():
    """One refusal, all reasons."""
    item = ActionItemSummary(id="act-1", title="Add a canary", state="untracked")
    run = RunSummary(id="inc-20261122-k7qd.a.1", runbook="a", status="waiting")
    sentence = refused(resolved(action_items=(item,), runs=(run,)), Close(by=ANA)).sentence
    for part in ("its review is draft", "act-1", "inc-20261122-k7qd.a.1"):
        assert part in sentence


@pytest.mark.parametrize("state", ["reviewed", "closed", "waived"])
def test_open_action_items_outlive_the_incident(state: str):
    """A tracked item does not keep the incident open."""
    item = ObserveActionItem(
        by=automation("action-item"), item=ActionItemSummary(id="act-1", title="Add a canary", state="open")
    )
    seen = decide(resolved(), item, NOW).state
    done = decide(seen, ObserveReview(by=automation("review"), review_id=seen.id, state=state), NOW).state
    closed = decide(done, Close(by=ANA), NOW).state
    assert (closed.status, closed.closed_at) == (IncidentStatus.CLOSED, NOW)


def test_reopen_needs_a_reason_and_begins_again():
    """Resolution is taken back; the plan and the page start again."""
    assert refused(resolved(), Reopen(by=BO, reason="")).kind is RejectionKind.INVALID
    outcome = decide(resolved(), Reopen(by=BO, reason="errors again"), NOW)
    assert (outcome.state.status, outcome.state.resolved_at) == (IncidentStatus.INVESTIGATING, None)
    assert {"StartComms", "StartPage"} <= set(sorts(outcome))
    assert refused(commanded(), Reopen(by=BO, reason="again")).kind is RejectionKind.CONFLICT


def test_alerts_that_fire_again_reopen_a_resolved_incident_and_those_that_never_stopped_do_not():
    """The difference is whether the group had cleared."""
    firing = AttachAlerts(by=automation("triage"), group_id="g1", firing=True, note="1 alert fires")
    cleared = firing.model_copy(update={"firing": False, "note": "all cleared"})
    assert decide(resolved(firing_groups=("g1",)), firing, NOW).state.status is IncidentStatus.RESOLVED
    quiet = decide(resolved(firing_groups=("g1",)), cleared, NOW).state
    assert decide(quiet, firing, NOW).state.status is IncidentStatus.INVESTIGATING


@pytest.mark.parametrize("command", [Cancel(by=ANA, reason="a test"), Merge(by=ANA, into="inc-20261122-aaaa")])
def test_an_incident_with_a_running_runbook_is_neither_cancelled_nor_merged(command: Command):
    """Nobody would watch the run any more."""
    run = RunSummary(id="inc-20261122-k7qd.a.1", runbook="a", status="running")
    assert "stop it first" in refused(commanded(runs=(run,)), command).sentence
    outcome = decide(commanded(), command, NOW)
    assert outcome.state.status in FINISHED
    finish = next(effect for effect in outcome.effects if isinstance(effect, FinishComms))
    assert finish.outcome == outcome.state.status.value


def test_the_alerts_of_a_merged_incident_go_to_the_other_one():
    """Each of its groups is told where later alerts belong."""
    outcome = decide(commanded(alert_groups=("g1", "g2")), Merge(by=ANA, into="inc-20261122-aaaa"), NOW)
    redirected = {each.group_id: each.follow for each in outcome.effects if isinstance(each, RedirectAlerts)}
    assert set(redirected) == {"g1", "g2"}
    assert all(follow.incident_id == "inc-20261122-aaaa" for follow in redirected.values())


def test_a_repeated_key_is_answered_and_not_repeated():
    """A run and an update each happen once per key."""
    run = StartRun(by=ANA, runbook="a", key="k")
    once = decide(commanded(), run, NOW)
    assert decide(once.state, run, NOW) == Outcome(once.state)
    update = PostUpdate(by=ANA, audience=Audience.INTERNAL, text="We are on it", key="k")
    posted = decide(once.state, update, NOW)
    assert [type(effect) for effect in posted.effects] == [PublishUpdate]
    assert decide(posted.state, update, NOW).effects == ()


def test_the_plan_hears_of_every_change_that_messages_show():
    """Severity, status, roles, impact: a brief that differs is handed on."""
    outcome = decide(commanded(), ChangeImpact(by=ANA, summary="Nobody can pay"), NOW)
    assert [type(effect) for effect in outcome.effects] == [RefreshComms]
