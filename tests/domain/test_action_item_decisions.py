"""Action items, whatever people and drills report in whatever order: done with evidence, dropped with a reason."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.action_item import (
    ActionItemCommand,
    ActionItemStart,
    ActionItemState,
    ActionItemStatus,
    AddEvidence,
    ApproveExtension,
    DropItem,
    ExtendItem,
    FinishItem,
    ObserveDrill,
    Priority,
    ReassignItem,
    StartWork,
)
from domain.action_item_clocks import next_ring, ring
from domain.action_item_decisions import FINISHED, decide, drill_is_passed, is_over, open_item
from domain.action_item_verification import MAX_KEPT
from domain.calendar import due_after
from domain.errors import Rejected
from domain.policy import Policy
from domain.severity import Severity
from domain.timeline import Actor, automation, person

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
PEOPLE = ("alice", "bob", "mona")
actors = st.sampled_from([*map(person, PEOPLE), automation("game-day")])
texts = st.sampled_from(["", " ", "because", "x" * 20_000])
addresses = st.sampled_from([None, "https://ci.example/1", "javascript:alert(1)", "http://[", "ftp://x/y"])


def terms(**fields: object) -> ActionItemStart:
    """An item of alice."""
    given = {
        "id": "act-7k2m9q", "incident_id": "inc-20261122-k7qd", "title": "Probe it", "owner": "alice",
        "done_when": "a probe alerts", "created_by": person("bob"), "managers": {"alice": "mona"},
        "people": PEOPLE, "policy": Policy(extension_needs_approver=True),
    }  # fmt: skip
    return ActionItemStart.model_validate(given | fields)


class ActionItemMachine(RuleBasedStateMachine):
    """An action item, and everything that anybody may try."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.refusals: list[str] = []
        self.terms = terms()
        self.state: ActionItemState = open_item(self.terms, self.now).state
        self.last_drill: bool | None = None
        self.games = 0

    @initialize(drill=st.sampled_from([None, "process-dies"]))
    def open(self, drill: str | None) -> None:
        """With or without a drill that must pass."""
        self.terms = terms(requires_drill=drill)
        self.state = open_item(self.terms, self.now).state

    def attempt(self, command: ActionItemCommand) -> bool:
        """Whether the command was obeyed; a refusal has a sentence."""
        before = self.state
        try:
            self.state = decide(self.state, command, self.now, self.terms).state
        except Rejected as refusal:
            self.refusals.append(refusal.sentence)
            return False
        assert not is_over(before)
        return True

    @rule(seconds=st.integers(1, 10**6))
    def time_passes(self, seconds: int) -> None:
        """Every clock that is due rings, and none rings for ever."""
        self.now += timedelta(seconds=seconds)
        rung = next_ring(self.state, self.now, self.terms)
        while rung is not None and rung.at <= self.now:
            outcome = ring(self.state, rung.clock, self.now, self.terms)
            assert all(self.state.owner in notice.people for notice in outcome.notices)
            assert outcome.state != self.state
            self.state = outcome.state
            rung = next_ring(self.state, self.now, self.terms)

    @rule(by=actors)
    def start(self, by: Actor) -> None:
        """Once."""
        self.attempt(StartWork(by=by))

    @rule(by=actors, kind=st.sampled_from(["note", "drill", "drill_failed"]), text=texts, url=addresses)
    def add_evidence(self, by: Actor, kind: str, text: str, url: str | None) -> None:
        """Never a drill by hand, never a link that is none."""
        if self.attempt(AddEvidence(by=by, kind=kind, text=text, url=url)):
            assert (kind, text) == ("note", "because")
            assert url in {None, "https://ci.example/1"}

    @rule(by=actors, text=st.none() | texts, url=addresses)
    def finish(self, by: Actor, text: str | None, url: str | None) -> None:
        """With evidence, and with the drill when one is required."""
        self.attempt(FinishItem(by=by, evidence=text, url=url))

    @rule(by=actors, reason=texts)
    def drop(self, by: Actor, reason: str) -> None:
        """With a reason, and accepted by another than the owner."""
        owner = self.state.owner
        if self.attempt(DropItem(by=by, reason=reason)) and self.state.state is ActionItemStatus.DROPPED:
            assert by.name != owner
            assert by.kind == "person"

    @rule(by=actors, reason=texts, hours=st.integers(-500, 500))
    def extend(self, by: Actor, reason: str, hours: int) -> None:
        """Only to a later time that is yet to come, and nothing moves before a second person has agreed."""
        before = self.state.due_at
        assert before is not None
        if self.attempt(ExtendItem(by=by, due_at=before + timedelta(hours=hours), reason=reason)):
            assert self.state.due_at == before
            assert self.state.extension_asked is not None
            assert self.state.extension_asked.until > max(before, self.now)

    @rule(by=actors)
    def approve_extension(self, by: Actor) -> None:
        """Never by who asked."""
        wish, before = self.state.extension_asked, self.state.due_at
        if self.attempt(ApproveExtension(by=by)):
            assert wish is not None
            assert before is not None
            assert (by.kind, by.name != wish.by.name) == ("person", True)
            assert self.state.due_at == wish.until > max(before, self.now)

    @rule(by=actors, owner=st.sampled_from([*PEOPLE, "mallory"]))
    def reassign(self, by: Actor, owner: str) -> None:
        """Only to people who are known."""
        self.attempt(ReassignItem(by=by, owner=owner))
        assert self.state.owner in PEOPLE

    @rule(by=actors, name=st.sampled_from(["process-dies", "another"]), passed=st.booleans(), is_new=st.booleans())
    def observe_drill(self, by: Actor, name: str, passed: bool, is_new: bool) -> None:
        """Only by a game day of the right name; the same report twice counts once."""
        self.games += is_new
        before = self.state
        report = ObserveDrill(by=by, game_day=name, game_day_id=f"g{self.games}-{passed}", passed=passed)
        if self.attempt(report):
            assert by.kind == "automation"
            assert name == self.state.requires_drill
            if self.state != before:
                self.last_drill = passed

    @invariant()
    def every_refusal_says_why(self) -> None:
        """Never an empty sentence."""
        assert all(self.refusals)

    @invariant()
    def the_end_has_its_proof(self) -> None:
        """Done has evidence and its drill; dropped has a reason; and only the end has a time."""
        state = self.state
        if state.state is ActionItemStatus.DONE:
            assert any(each.kind != "drill_failed" for each in state.evidence)
            assert not state.requires_drill or self.last_drill
        assert (state.state is ActionItemStatus.DROPPED) == bool(state.dropped_because)
        assert (state.state in FINISHED) == (state.finished_at is not None) == (state.ladder is None)

    @invariant()
    def the_last_drill_counts(self) -> None:
        """What was observed last is what the item knows."""
        assert drill_is_passed(self.state) == bool(self.last_drill)


TestActionItemMachine = ActionItemMachine.TestCase
TestActionItemMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize(
    ("severity", "priority", "days"),
    [
        (Severity.SEV1, Priority.URGENT, 15),
        (Severity.SEV1, Priority.NORMAL, 30),
        (Severity.SEV2, Priority.URGENT, 30),
        (Severity.SEV3, Priority.NORMAL, 60),
        (Severity.SEV4, Priority.URGENT, 60),
    ],
)
def test_the_policy_sets_the_due_date(severity: Severity, priority: Priority, days: int):
    """Business days by severity and priority."""
    at = terms(severity=severity, priority=priority)
    assert open_item(at, START).state.due_at == due_after(START, timedelta(days=days), at.policy.calendar)


def test_a_date_without_a_zone_is_taken_as_utc():
    """A start that came past the API must not stop the workflow."""
    item = open_item(terms(due_at=datetime(2026, 12, 1, 12)), START).state  # noqa: DTZ001 - the point of the test
    assert item.due_at == datetime(2026, 12, 1, 12, tzinfo=UTC)


def test_years_of_drills_do_not_fill_the_evidence():
    """Only the newest reports are kept; the last one counts."""
    at = terms(requires_drill="process-dies")
    state = open_item(at, START).state
    for number in range(200):
        report = ObserveDrill(
            by=automation("game-day"), game_day="process-dies", game_day_id=f"g{number}", passed=number == 199
        )
        state = decide(state, report, START, at).state
    assert len(state.evidence) == MAX_KEPT
    assert drill_is_passed(state)
