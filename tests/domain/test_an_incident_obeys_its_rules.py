"""The decisions about incidents, driven at random: whatever is asked in whatever order, the rules hold."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.configuration import OnCall, OnCallLevel
from domain.errors import Rejected
from domain.incident import (
    COMMANDS,
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
    CompleteTask,
    DeclineRole,
    Escalate,
    IncidentContext,
    IncidentStart,
    IncidentState,
    IncidentStatus,
    Merge,
    ObserveActionItem,
    ObserveComms,
    ObserveDrillEnd,
    ObserveReview,
    ObserveRun,
    OfferRole,
    PostUpdate,
    RecordDecision,
    Reopen,
    Resolve,
    Role,
    RunSummary,
    StartRun,
)
from domain.incident_decisions import begin, decide
from domain.incident_effects import LaunchRun, StartComms, StartPage, StartReview
from domain.incident_paging import page_if_silent, silent_at
from domain.lifecycle import ENDED_REVIEWS, open_runs
from domain.policy import Audience
from domain.severity import Severity
from domain.timeline import Actor, automation, person

PEOPLE = ("ana", "bo", "cy")
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
# Their news changes the state; the line about it is written by whoever reports.
REPORTS = (ObserveRun, ObserveComms, ObserveReview, ObserveActionItem)

speakers = st.sampled_from(
    [*(person(name) for name in PEOPLE), person("mallory"), person("admin"), automation("triage")]
)
texts = st.sampled_from(["because", "", "  "])
names = st.sampled_from([*PEOPLE, "mallory", "admin"])
roles = st.sampled_from(list(Role))
run_states = st.sampled_from(["starting", "running", "waiting", "succeeded", "failed", "stopped"])
COMMAND_STRATEGIES: dict[type[Command], st.SearchStrategy[Command]] = {
    Acknowledge: st.builds(Acknowledge, by=speakers),
    ChangeSeverity: st.builds(ChangeSeverity, by=speakers, severity=st.sampled_from(Severity), reason=texts),
    ChangeImpact: st.builds(ChangeImpact, by=speakers, customers_affected=st.sampled_from([None, -1, 0, 40])),
    OfferRole: st.builds(OfferRole, by=speakers, role=roles, person=names),
    AcceptRole: st.builds(AcceptRole, by=speakers, role=roles),
    ObserveDrillEnd: st.builds(ObserveDrillEnd, by=speakers),
    DeclineRole: st.builds(DeclineRole, by=speakers, role=roles),
    ChangeStatus: st.builds(ChangeStatus, by=speakers, status=st.sampled_from(IncidentStatus), reason=texts),
    PostUpdate: st.builds(
        PostUpdate, by=speakers, audience=st.sampled_from(Audience), text=texts, key=st.sampled_from(["", "k"])
    ),
    AddTask: st.builds(AddTask, by=speakers, title=texts, assignee=st.one_of(st.none(), names)),
    CompleteTask: st.builds(CompleteTask, by=speakers, task_id=st.sampled_from(["task-1", "task-2"])),
    RecordDecision: st.builds(RecordDecision, by=speakers, text=texts),
    AddNote: st.builds(AddNote, by=speakers, text=texts),
    Resolve: st.builds(Resolve, by=speakers, summary=texts),
    Reopen: st.builds(Reopen, by=speakers, reason=texts),
    Merge: st.builds(Merge, by=speakers, into=st.sampled_from(["inc-20261122-0000", "inc-20261122-aaaa", "x"])),
    Close: st.builds(Close, by=speakers),
    Cancel: st.builds(Cancel, by=speakers, reason=texts),
    StartRun: st.builds(
        StartRun, by=speakers, runbook=st.sampled_from(["a", "b", " "]), key=st.sampled_from(["", "k"])
    ),
    Escalate: st.builds(Escalate, by=speakers, reason=texts),
    AttachAlerts: st.builds(
        AttachAlerts,
        by=st.just(automation("triage")),
        group_id=st.sampled_from(["g1", "g2"]),
        firing=st.booleans(),
        note=st.just("two more"),
    ),
    ObserveRun: st.builds(
        ObserveRun,
        by=st.just(automation("runbook:a")),
        run=st.builds(RunSummary, id=st.just("inc-20261122-0000.a.1"), runbook=st.just("a"), status=run_states),
        mitigated=st.booleans(),
    ),
    ObserveComms: st.builds(
        ObserveComms, by=st.just(automation("comms")), next_update_by=st.just({Audience.INTERNAL: NOW})
    ),
    ObserveReview: st.builds(
        ObserveReview,
        by=st.just(automation("review")),
        review_id=st.just("inc-20261122-0000"),
        state=st.sampled_from(["draft", "in_review", "reviewed", "waived"]),
    ),
    ObserveActionItem: st.builds(
        ObserveActionItem,
        by=st.just(automation("action-item")),
        item=st.builds(
            ActionItemSummary, id=st.just("act-1"), title=st.just("t"), state=st.sampled_from(["open", "done", "?"])
        ),
    ),
}
# Those that end the incident or need luck come rarely among so many; the machine below gives them rules of their own.
anything = st.one_of(*(strategy for kind, strategy in COMMAND_STRATEGIES.items() if kind not in (Merge, Cancel)))


class AnyIncident(RuleBasedStateMachine):
    """An incident to which anything is said by anybody."""

    state: IncidentState
    now: datetime

    @initialize(
        severity=st.sampled_from(Severity),
        has_on_call=st.booleans(),
        runbook=st.sampled_from([None, "a"]),
        by=st.sampled_from([person("ana"), automation("triage")]),
    )
    def declare(self, severity: Severity, has_on_call: bool, runbook: str | None, by: Actor) -> None:
        """Any severity, with or without somebody on call."""
        self.now = NOW
        on_call = OnCall(levels=(OnCallLevel(people=("ana",)),)) if has_on_call else None
        outcome = begin(
            IncidentStart(
                id="inc-20261122-0000",
                title="Checkout fails",
                severity=severity,
                declared_by=by,
                runbook=runbook,
                context=IncidentContext(people=PEOPLE, on_call=on_call),
            ),
            self.now,
        )
        assert outcome.entries[0].kind == "declared"
        assert sum(isinstance(effect, StartComms) for effect in outcome.effects) == 1
        assert any(isinstance(effect, LaunchRun) for effect in outcome.effects) == (runbook is not None)
        self.state = outcome.state

    @rule(command=anything, minutes=st.integers(0, 40))
    def say(self, command: Command, minutes: int) -> None:
        """Somebody says something."""
        self.now += timedelta(minutes=minutes)
        self._say(command)

    @rule(command=st.one_of(COMMAND_STRATEGIES[Merge], COMMAND_STRATEGIES[Cancel]))
    def end(self, command: Command) -> None:
        """Somebody says that it is none, or another."""
        self._say(command)

    @precondition(lambda self: self.state.status in RESPONDING)
    @rule()
    def resolve(self) -> None:
        """A person resolves; that is always possible while people respond."""
        self._say(Resolve(by=person("ana"), summary="Gone"))
        assert self.state.status is IncidentStatus.RESOLVED

    @precondition(lambda self: self.state.review_id is not None)
    @rule(state=st.sampled_from(["in_review", "reviewed", "waived"]))
    def learn(self, state: str) -> None:
        """The review goes on, and somebody tries to close."""
        self._say(ObserveReview(by=automation("review"), review_id="inc-20261122-0000", state=state))
        self._say(Close(by=person("bo")))

    @rule()
    def time_passes(self) -> None:
        """The watch over silence."""
        self.now += timedelta(minutes=31)
        before, at = self.state, silent_at(self.state)
        outcome = page_if_silent(before, self.now)
        assert (outcome.state is not before) == (at is not None and at <= self.now)
        assert bool(outcome.entries) == (outcome.state is not before)
        self.state = outcome.state

    def _say(self, command: Command) -> None:
        before = self.state.model_copy(deep=True)
        try:
            outcome = decide(self.state, command, self.now)
        except Rejected as error:
            self._check_refusal(before, error)
            return
        assert self.state == before, "a decision leaves the old state alone"
        assert before.status not in FINISHED, "a finished incident takes no commands"
        assert command.by != person("mallory"), "strangers decide nothing"
        if outcome.state != before and not isinstance(command, (*REPORTS, PostUpdate)):
            assert outcome.entries, "no decision without a line"
        if outcome.state.status is not before.status:
            assert any(entry.kind == "status" for entry in outcome.entries), "a new status has its line"
        for entry in outcome.entries:
            assert entry.summary
            assert entry.at == self.now
        for effect in outcome.effects:
            if isinstance(effect, StartPage):
                assert effect.number == outcome.state.open_page == outcome.state.pages
        if any(isinstance(effect, StartReview) for effect in outcome.effects):
            assert outcome.state.review_id == outcome.state.id
        again = decide(self.state, command, self.now)
        assert again == outcome, "the same question has the same answer"
        self.state = outcome.state

    def _check_refusal(self, before: IncidentState, error: Rejected) -> None:
        assert self.state == before, "a refusal changes nothing"
        assert len(error.sentence) > 15, "a refusal is a sentence"

    @invariant()
    def people_of_the_house_hold_the_roles(self) -> None:
        """One holder a role, and only people of hotwash.yaml."""
        if hasattr(self, "state"):
            assert set(self.state.roles.values()) <= set(PEOPLE)
            assert {offer.to for offer in self.state.offers} <= set(PEOPLE)
            assert len({offer.role for offer in self.state.offers}) == len(self.state.offers)

    @invariant()
    def the_milestones_are_in_order(self) -> None:
        """Nothing is over before it began."""
        if hasattr(self, "state"):
            state = self.state
            moments = [state.declared_at, state.mitigated_at, state.resolved_at, state.closed_at]
            if state.status in {IncidentStatus.MERGED, IncidentStatus.CANCELLED}:
                moments = [state.declared_at, state.closed_at]
            known = [moment for moment in moments if moment is not None]
            assert known == sorted(known)
            assert (state.resolved_at is not None) == (
                state.status in {IncidentStatus.RESOLVED, IncidentStatus.REVIEWING, IncidentStatus.CLOSED}
            )
            if state.status is IncidentStatus.MONITORING:
                assert state.mitigated_at is not None

    @invariant()
    def closed_means_that_the_learning_is_done(self) -> None:
        """A closed incident has its review behind it, no run under way and only known action items."""
        if hasattr(self, "state") and self.state.status is IncidentStatus.CLOSED:
            assert self.state.review_id is None or self.state.review_state in ENDED_REVIEWS
            assert not open_runs(self.state)
            assert all(item.state != "?" for item in self.state.action_items)

    @invariant()
    def nobody_is_paged_for_what_is_over(self) -> None:
        """Paging ends with the response."""
        if hasattr(self, "state") and self.state.status not in RESPONDING:
            assert self.state.open_page is None
            assert silent_at(self.state) is None


# 100 incidents of up to 60 commands take about two seconds.
AnyIncident.TestCase.settings = settings(
    max_examples=100, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_whatever_is_said_the_rules_hold = AnyIncident.TestCase


def test_every_command_is_asked_of_the_machine():
    """A command that is added later must join the random game, or this fails."""
    assert set(COMMAND_STRATEGIES) == set(COMMANDS.values())
