"""Who wins between an item and its issue, field by field; and what an item makes of a tracker's word."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.action_item import (
    ActionItemStart,
    ActionItemState,
    ActionItemStatus,
    CreateIssueAgain,
    ItemCheck,
    LinkIssue,
)
from domain.action_item_decisions import decide, open_item
from domain.action_item_outcomes import ItemOutcome
from domain.action_item_tracking import accept_sync, fields_of, note_problem, sync_request, wants_sync
from domain.errors import Rejected
from domain.policy import Policy
from domain.timeline import person
from domain.tracker import Issue, IssueField, IssueFields, IssueState, TrackerLink, TrackerSyncResult, merge

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
HERE, THERE = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
OPEN, PROG, DONE = IssueState.OPEN, IssueState.IN_PROGRESS, IssueState.DONE


@pytest.mark.parametrize(
    ("then", "mine", "theirs", "mine_at", "verdict"),
    [
        ((OPEN, OPEN), OPEN, OPEN, None, "alike"),
        ((OPEN, OPEN), PROG, OPEN, HERE, "push"),
        ((OPEN, OPEN), OPEN, DONE, None, "take"),
        # Both changed to the same: nothing to do.
        ((OPEN, OPEN), DONE, DONE, HERE, "alike"),
        # Both changed: the later one.
        ((OPEN, OPEN), PROG, DONE, HERE, "take"),
        ((OPEN, OPEN), PROG, DONE, THERE + timedelta(seconds=1), "push"),
        # A change here whose time nobody knows gives way.
        ((OPEN, OPEN), PROG, DONE, None, "take"),
        # Our own change comes back: what we last saw there is no change.
        ((PROG, PROG), PROG, PROG, HERE, "alike"),
        # They differed when last seen, and nobody has moved since: both stay.
        ((PROG, DONE), PROG, DONE, HERE, "alike"),
        ((PROG, DONE), DONE, DONE, HERE, "alike"),
        ((PROG, DONE), OPEN, DONE, HERE, "push"),
        # Never seen together: the issue is brought in line with the item.
        (None, OPEN, DONE, None, "push"),
    ],
)
def test_a_field_has_one_winner(
    then: tuple[IssueState, IssueState] | None,
    mine: IssueState,
    theirs: IssueState,
    mine_at: datetime | None,
    verdict: str,
):
    """Every way in which two sides can have changed."""
    seen = {"ours_then": IssueFields(state=then[0]), "theirs_then": IssueFields(state=then[1])} if then else {}
    link = TrackerLink(tracker="issues", **seen)
    times = {"state": mine_at} if mine_at else {}
    merged = merge(link, IssueFields(state=mine), IssueFields(state=theirs), times, THERE)
    assert (IssueField.STATE in merged.push, IssueField.STATE in merged.take) == (verdict == "push", verdict == "take")


def terms(**fields: Any) -> ActionItemStart:
    """An item that is kept in a tracker."""
    given = {
        "id": "act-7k2m9q", "incident_id": "inc-20261122-k7qd", "title": "Probe it", "owner": "alice",
        "done_when": "a probe alerts", "created_by": person("bob"), "people": ("alice", "bob", "lena"),
        "leads": {"alice": "lena"}, "policy": Policy(), "tracker": "issues",
    }  # fmt: skip
    return ActionItemStart.model_validate(given | fields)


def seen(item: ActionItemState, at: ActionItemStart, taken: tuple[IssueField, ...], **theirs: Any) -> ItemOutcome:
    """What the item makes of an issue that a person has changed there."""
    fields = fields_of(item).model_copy(update=theirs)
    issue = Issue(key="#1", id="1", url="https://issues.invalid/1", fields=fields, updated_at=THERE)
    return accept_sync(item, sync_request(item, at), TrackerSyncResult(issue=issue, taken=taken), NOW, at)


def linked(at: ActionItemStart) -> ActionItemState:
    """A new item whose issue is just like it."""
    return seen(open_item(at, NOW).state, at, ()).state


STATE, ASSIGNEE, DUE = (IssueField.STATE,), (IssueField.ASSIGNEE,), (IssueField.DUE,)


def test_a_new_item_wants_an_issue_and_then_rests():
    """One look, and another only when something changes."""
    at = terms()
    assert wants_sync(open_item(at, NOW).state)
    assert not wants_sync(linked(at))
    assert not wants_sync(open_item(terms(tracker=None), NOW).state)
    assert open_item(terms(drill=True), NOW).state.tracker is None


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, ActionItemStatus.DONE),
        ({"priority": "urgent"}, ActionItemStatus.VERIFYING),
        ({"requires_drill": "process-dies"}, ActionItemStatus.VERIFYING),
        ({"check": ItemCheck(action="check.http")}, ActionItemStatus.VERIFYING),
    ],
)
def test_closed_there_is_evidence_and_not_always_the_end(fields: dict[str, Any], state: ActionItemStatus):
    """What must be verified is verified; the issue's link is kept either way, and the difference is shown."""
    at = terms(**fields)
    after = seen(linked(at), at, STATE, state=DONE).state
    assert (after.state, after.evidence[0].url) == (state, "https://issues.invalid/1")
    assert bool(after.tracker.drift) == (state is ActionItemStatus.VERIFYING)
    # The difference is known, so it is not told to the tracker as a change of ours.
    assert not wants_sync(after)


def test_not_planned_there_is_a_wish_here():
    """A second person accepts it; until then both sides are shown."""
    at = terms()
    outcome = seen(linked(at), at, STATE, state=IssueState.NOT_PLANNED)
    assert (outcome.state.state, outcome.state.not_doing.reason) == (
        ActionItemStatus.OPEN, "closed as not planned in issues #1",
    )  # fmt: skip
    assert outcome.notices[0].people == ("alice", "lena")
    assert outcome.state.tracker.drift[0].field is IssueField.STATE


def test_a_date_moves_earlier_and_never_later():
    """A later date is a difference with its reason, told to owner and lead; an earlier one holds."""
    at = terms()
    state = linked(at)
    due = state.due_at.date()
    later = seen(state, at, DUE, due_on=due + timedelta(days=30))
    assert (later.state.due_at, later.state.extensions) == (state.due_at, 0)
    assert "extension" in later.state.tracker.drift[0].because
    assert later.notices[0].people == ("alice", "lena")
    assert not wants_sync(later.state)
    assert seen(state, at, DUE, due_on=None).state.due_at == state.due_at
    earlier = seen(state, at, DUE, due_on=due - timedelta(days=3)).state
    assert (earlier.due_at.date(), earlier.tracker.drift) == (due - timedelta(days=3), ())
    past = seen(state, at, DUE, due_on=date(2020, 1, 1)).state
    assert past.due_at == state.due_at


def test_an_assignee_is_an_owner_when_we_know_them():
    """Others stay names in the difference."""
    at = terms()
    known = seen(linked(at), at, ASSIGNEE, assignee="bob")
    assert (known.state.owner, known.state.tracker.drift) == ("bob", ())
    assert known.notices[0].people == ("bob",)
    for who in ("@mallory", None, "erin"):
        stays = seen(linked(at), at, ASSIGNEE, assignee=who).state
        assert (stays.owner, stays.tracker.drift[0].theirs) == ("alice", who)


def test_a_doubt_is_a_persons():
    """Nothing is asked again by itself; a person links the issue, or has it created under a new key."""
    at = terms()
    doubtful = note_problem(open_item(at, NOW).state, "nobody knows", NOW, at, in_doubt=True)
    assert [notice.why for notice in doubtful.notices] == ["tracker_doubt"]
    assert not wants_sync(doubtful.state)
    # Said once.
    assert note_problem(doubtful.state, "nobody knows", NOW, at, in_doubt=True).entries == ()
    found = decide(doubtful.state, LinkIssue(by=person("alice"), key="OPS-1"), NOW, at).state
    assert (found.tracker.key, wants_sync(found)) == ("OPS-1", True)
    created = decide(doubtful.state, CreateIssueAgain(by=person("alice"), reason="I looked"), NOW, at).state
    assert (created.tracker.attempt, wants_sync(created)) == (2, True)
    with pytest.raises(Rejected, match="already"):
        decide(linked(at), CreateIssueAgain(by=person("alice"), reason="I looked"), NOW, at)


def test_what_changed_here_during_a_look_is_told_next():
    """A look takes seconds, and people do not wait for it."""
    at = terms()
    state = linked(at)
    asked = sync_request(state, at)
    meanwhile = state.model_copy(update={"owner": "bob", "owner_changed_at": HERE})
    fields = fields_of(state).model_copy(update={"assignee": "lena"})
    issue = Issue(key="#1", id="1", url="https://issues.invalid/1", fields=fields, updated_at=THERE)
    after = accept_sync(meanwhile, asked, TrackerSyncResult(issue=issue, taken=ASSIGNEE), NOW, at).state
    assert (after.owner, wants_sync(after)) == ("bob", True)
