"""How an item ends: an urgent one by more than its owner's word, and one that is not done with word to whom it was."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.action_item import (
    ActionItemCommand,
    ActionItemStart,
    ActionItemState,
    ActionItemStatus,
    AddEvidence,
    DropItem,
    FinishItem,
    ItemCheck,
    ObserveDrill,
    ReassignItem,
)
from domain.action_item_decisions import decide, open_item
from domain.action_item_outcomes import ItemOutcome
from domain.action_item_verification import observe_check
from domain.errors import Rejected, RejectionKind
from domain.policy import Policy
from domain.timeline import ADMINISTRATOR, Actor, automation, person

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ALICE, BOB = person("alice"), person("bob")


def terms(**fields: object) -> ActionItemStart:
    """An urgent item of alice, whose team tess leads and whose manager is mona."""
    given = {
        "id": "act-7k2m9q", "incident_id": "inc-20261122-k7qd", "title": "Add a probe", "owner": "alice",
        "done_when": "a probe alerts", "created_by": BOB, "leads": {"alice": "tess"}, "managers": {"alice": "mona"},
        "people": ("alice", "bob", "mona", "tess"), "policy": Policy(), "priority": "urgent",
    }  # fmt: skip
    return ActionItemStart.model_validate(given | fields)


def after(start: ActionItemStart, *commands: ActionItemCommand) -> ItemOutcome:
    """What the last of the commands amounts to."""
    outcome = open_item(start, START)
    for number, command in enumerate(commands):
        outcome = decide(outcome.state, command, START + timedelta(hours=number + 1), start)
    return outcome


@pytest.mark.parametrize(
    "words",
    [
        (FinishItem(by=ALICE, evidence="trust me"),),
        (AddEvidence(by=ALICE, text="looked at it"), FinishItem(by=ALICE)),
        (AddEvidence(by=automation("ci"), text="all green"), FinishItem(by=ALICE)),
        (AddEvidence(by=ALICE, text="see http:// and https:///"), FinishItem(by=ALICE)),
        (FinishItem(by=automation("bot"), evidence="closed as stale"),),
    ],
)
def test_an_urgent_item_is_not_done_by_its_owners_word(words: tuple[ActionItemCommand, ...]):
    """Rule A06. The refusal says every way there is."""
    with pytest.raises(Rejected) as refused:
        after(terms(), *words)
    assert refused.value.kind is RejectionKind.CONFLICT
    for way in ("a link", "another person", "a check or a drill"):
        assert way in refused.value.sentence


@pytest.mark.parametrize(
    "words",
    [
        (FinishItem(by=ALICE, url="https://ci.example/7"),),
        (FinishItem(by=ALICE, evidence="it fired: https://ci.example/7"),),
        (AddEvidence(by=ALICE, text="the run", url="http://ci.example/7"), FinishItem(by=ALICE)),
        (FinishItem(by=BOB, evidence="saw it fire"),),
        (FinishItem(by=person(ADMINISTRATOR), evidence="saw it fire"),),
        (AddEvidence(by=ALICE, text="it works"), FinishItem(by=BOB)),
        (AddEvidence(by=BOB, text="saw it fire"), FinishItem(by=ALICE)),
        (ReassignItem(by=BOB, owner="bob"), FinishItem(by=ALICE, evidence="saw bob's probe fire")),
    ],
)
def test_a_link_or_another_person_ends_an_urgent_item(words: tuple[ActionItemCommand, ...]):
    """Whoever holds the admin token counts as another person."""
    assert after(terms(), *words).state.state is ActionItemStatus.DONE


def test_a_check_or_a_drill_that_passed_speaks_for_an_urgent_item():
    """Then the owner's word is enough."""
    drilled = terms(requires_drill="probe-fires")
    report = ObserveDrill(by=automation("game-day"), game_day="probe-fires", game_day_id="g1", passed=True)
    assert after(drilled, report, FinishItem(by=ALICE)).state.state is ActionItemStatus.DONE
    checked = terms(check=ItemCheck(action="check.http"))
    held = observe_check(open_item(checked, START).state, True, "200", START, checked).state
    assert decide(held, FinishItem(by=ALICE), START, checked).state.state is ActionItemStatus.DONE


def test_a_normal_item_is_done_by_its_owners_word():
    """Its evidence may be words."""
    done = after(terms(priority="normal"), FinishItem(by=ALICE, evidence="it works"))
    assert done.state.state is ActionItemStatus.DONE


@pytest.mark.parametrize(
    ("by", "hear"),
    [(BOB, ("alice", "tess", "mona")), (person("tess"), ("alice", "mona")), (person(ADMINISTRATOR), None)],
)
def test_who_owned_what_is_not_done_hears_of_it(by: Actor, hear: tuple[str, ...] | None):
    """With the reason and who accepted it; whoever said it knows."""
    outcome = after(terms(), DropItem(by=by, reason="the service is retired"))
    (notice,) = outcome.notices
    assert outcome.state.state is ActionItemStatus.DROPPED
    assert (notice.people, notice.why) == (hear or ("alice", "tess", "mona"), "dropped")
    assert f"{by.name} has accepted" in notice.words
    assert "the service is retired" in notice.words


def test_a_wish_not_to_do_it_that_is_accepted_comes_back_to_its_owner():
    """Its reason and the one of who accepted."""
    wish = DropItem(by=ALICE, reason="nobody uses it")
    asked: ActionItemState = after(terms(), wish).state
    (notice,) = decide(asked, DropItem(by=person("mona"), reason="agreed"), START, terms()).notices
    assert notice.people == ("alice", "tess")
    assert "nobody uses it (accepted: agreed)" in notice.words
