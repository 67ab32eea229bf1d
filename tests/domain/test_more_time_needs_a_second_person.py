"""An extension (rule A03): asked for with a reason, approved by another with the say, counted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.action_item import (
    ActionItemStart,
    ApproveExtension,
    DeclineExtension,
    ExtendItem,
    FinishItem,
)
from domain.action_item_decisions import decide as decide_item
from domain.action_item_decisions import open_item
from domain.errors import Rejected
from domain.follow_up import Outcome
from domain.policy import Policy
from domain.review import ApproveReviewExtension, DeclineReviewExtension, ExtendReview, ReviewStart
from domain.review_decisions import decide as decide_review
from domain.review_decisions import open_review
from domain.severity import Severity
from domain.timeline import person

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
LATER = datetime(2027, 6, 1, 10, 0, tzinfo=UTC)
PEOPLE = ("alice", "bob", "lena", "mona", "zoe")
STRICT = Policy(extension_needs_approver=True)
# Alice's lead is lena and her manager mona; zoe manages bob.
MANAGERS = {"alice": "mona", "bob": "zoe"}


class Thing:
    """A review or an action item of alice, with one set of verbs."""

    def __init__(self, kind: str, policy: Policy, managers: dict[str, str]) -> None:
        self.kind = kind
        if kind == "item":
            item = ActionItemStart(
                id="act-9x8y7z", incident_id="inc-20261124-k7qd", title="Add an alert", owner="alice",
                done_when="it fires", created_by=person("bob"), people=PEOPLE, policy=policy, managers=managers,
                leads={"alice": "lena"} if managers else {},
            )  # fmt: skip
            self.state: Any = open_item(item, NOW).state
            self._decide: Callable[..., Outcome[Any]] = lambda *given: decide_item(*given, item)
        else:
            review = ReviewStart(
                incident_id="inc-20261124-k7qd", title="t", severity=Severity.SEV3, resolved_at=NOW, policy=policy,
                owner="alice", people=PEOPLE, managers=managers,
            )  # fmt: skip
            self.state = open_review(review, NOW).state
            self._decide = lambda *given: decide_review(*given, review)

    def obey(self, command: Any, now: datetime = NOW) -> Outcome[Any]:
        """Do it, and keep what comes of it."""
        outcome = self._decide(self.state, command, now)
        self.state = outcome.state
        return outcome

    def ask(self, by: str = "alice", until: datetime = LATER, now: datetime = NOW) -> Outcome[Any]:
        """For more time."""
        kind = ExtendItem if self.kind == "item" else ExtendReview
        return self.obey(kind(by=person(by), due_at=until, reason="the vendor is late"), now)

    def approve(self, by: str, now: datetime = NOW) -> Outcome[Any]:
        """Say yes."""
        return self.obey((ApproveExtension if self.kind == "item" else ApproveReviewExtension)(by=person(by)), now)

    def decline(self, by: str, reason: str = "") -> Outcome[Any]:
        """Say no."""
        kind = DeclineExtension if self.kind == "item" else DeclineReviewExtension
        return self.obey(kind(by=person(by), reason=reason))


@pytest.fixture(params=["item", "review"])
def thing(request: pytest.FixtureRequest) -> Thing:
    """One of each."""
    return Thing(request.param, STRICT, MANAGERS)


def test_the_old_date_stands_until_another_person_agrees(thing: Thing) -> None:
    """Those above the owner are asked; their yes moves the date, starts the ladder anew, counts, and is told."""
    before, ladder = thing.state.due_at, thing.state.ladder
    asked = thing.ask()
    assert (thing.state.due_at, thing.state.ladder, thing.state.extensions) == (before, ladder, 0)
    assert [each.why for each in asked.notices] == ["extension_asked"]
    assert asked.notices[0].people == (("lena", "mona") if thing.kind == "item" else ("mona",))
    assert asked.entries[0].summary.startswith("alice asks for more time for ")
    approved = thing.approve("mona", NOW + timedelta(hours=1))
    assert (thing.state.due_at, thing.state.extensions, thing.state.extension_asked) == (LATER, 1, None)
    assert thing.state.ladder.due_at == LATER
    assert approved.entries[0].actor.name == "mona"
    assert approved.entries[0].summary.endswith(
        "extended to 2027-06-01 10:00 UTC: the vendor is late (asked for by alice)"
    )
    assert [(each.people, each.why) for each in approved.notices] == [(("alice",), "extended")]


def test_whoever_leads_somebody_may_agree_but_not_who_asks_or_owes(thing: Thing) -> None:
    """A manager who asks for the owner needs another's word, and the owner's own does not do."""
    thing.ask(by="mona")
    for name in ("mona", "alice", "bob"):
        with pytest.raises(Rejected):
            thing.approve(name)
    thing.approve("zoe")
    assert thing.state.extensions == 1


@pytest.mark.parametrize("kind", ["item", "review"])
def test_where_nobody_leads_any_other_person_agrees(kind: str) -> None:
    """A small house is never stuck, and still nobody moves their own deadline."""
    thing = Thing(kind, STRICT, {})
    asked = thing.ask()
    assert asked.notices == ()
    assert asked.entries[0].summary.endswith("another person approves")
    with pytest.raises(Rejected, match="another person approves it"):
        thing.approve("alice")
    thing.approve("bob")
    assert thing.state.extensions == 1


@pytest.mark.parametrize("kind", ["item", "review"])
def test_without_that_policy_a_reason_is_enough(kind: str) -> None:
    """It moves at once, and is counted all the same."""
    thing = Thing(kind, Policy(), MANAGERS)
    thing.ask()
    assert (thing.state.due_at, thing.state.extensions, thing.state.extension_asked) == (LATER, 1, None)


def test_a_wish_is_declined_with_a_reason_or_taken_back(thing: Thing) -> None:
    """Who asked and who owes it hear a no; who asked may go back without saying why."""
    thing.ask(by="bob")
    with pytest.raises(Rejected, match="why there is no more time must not be empty"):
        thing.decline("mona")
    declined = thing.decline("mona", "a customer waits")
    assert [(each.people, each.why) for each in declined.notices] == [(("bob", "alice"), "extension_declined")]
    assert (thing.state.extension_asked, thing.state.extensions) == (None, 0)
    thing.ask()
    assert thing.decline("alice").notices == ()
    with pytest.raises(Rejected, match="nobody has asked for more time"):
        thing.approve("mona")


def test_one_wish_waits_at_a_time_and_a_date_that_has_passed_is_not_approved(thing: Thing) -> None:
    """Who asked may name another date; somebody else is told to decide about the first."""
    thing.ask()
    with pytest.raises(Rejected, match="alice has asked for more time, until 2027-06-01 10:00 UTC"):
        thing.ask(by="bob")
    thing.ask(until=LATER + timedelta(days=1))
    with pytest.raises(Rejected, match="has passed; decline it"):
        thing.approve("mona", LATER + timedelta(days=2))
    with pytest.raises(Rejected, match="is declined by"):
        thing.decline("bob" if thing.kind == "review" else "eve", "no")


def test_an_item_that_is_done_needs_no_more_time() -> None:
    """The wish goes with it."""
    thing = Thing("item", STRICT, MANAGERS)
    thing.ask()
    thing.obey(FinishItem(by=person("alice"), evidence="it fired"))
    assert thing.state.extension_asked is None
