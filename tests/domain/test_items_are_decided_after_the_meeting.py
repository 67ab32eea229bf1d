"""Action items and the meeting of the review (rule A04): the last minutes, the days after; a hint and no refusal."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.action_item import AcceptItem, ActionItemStart
from domain.action_item_decisions import decide, open_item
from domain.action_item_meeting import MeetingTimes, hint_on_creation, hint_on_decision
from domain.policy import Policy
from domain.timeline import person

# A Thursday.
BEGINS = datetime(2026, 11, 26, 14, 0, tzinfo=UTC)
ENDS = BEGINS + timedelta(hours=1)
MEETING = MeetingTimes(begins_at=BEGINS, ends_at=ENDS)
COOL = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("created_at", "is_hinted"),
    [
        (ENDS - 11 * MINUTE, False),
        (ENDS - 10 * MINUTE, True),
        (ENDS, True),
        (ENDS + MINUTE, False),
    ],
)
def test_the_last_ten_minutes_are_no_time_for_items(created_at: datetime, is_hinted: bool) -> None:
    """Ten minutes before the end, to the minute; without a meeting there is nothing to say."""
    assert (hint_on_creation(created_at, MEETING) is not None) is is_hinted
    assert hint_on_creation(created_at, None) is None


@pytest.mark.parametrize(
    ("decided_at", "is_hinted"),
    [
        # What the night demands is decided before anybody meets.
        (BEGINS - MINUTE, False),
        (BEGINS, True),
        (ENDS + timedelta(days=3), True),
        (COOL - MINUTE, True),
        (COOL, False),
    ],
)
def test_two_working_days_go_by_before_an_item_is_decided(decided_at: datetime, is_hinted: bool) -> None:
    """A weekend does not count; the hint says from when on it would have been calm."""
    hint = hint_on_decision(decided_at, MEETING, Policy())
    assert (hint is not None) is is_hinted
    assert hint is None or "before 2026-11-30 15:00 UTC, 2 working days after the review meeting" in hint.says


def terms(**fields: object) -> ActionItemStart:
    """Alice's item."""
    given = {
        "id": "act-9x8y7z", "incident_id": "inc-20261124-k7qd", "title": "Add an alert on the queue", "owner": "alice",
        "done_when": "it fires in a drill", "created_by": person("bob"), "policy": Policy(), "meeting": MEETING,
    }  # fmt: skip
    return ActionItemStart.model_validate(given | fields)


def test_an_item_says_that_it_was_hurried() -> None:
    """Created at once at the end: both hints; proposed: only the first; neither is refused."""
    at = ENDS - MINUTE
    assert [each.rule for each in open_item(terms(), at).state.hints][:2] == ["A04", "A04"]
    proposed = open_item(terms(is_proposed=True), at).state
    assert [each.rule for each in proposed.hints].count("A04") == 1
    assert "A04" not in [each.rule for each in open_item(terms(meeting=None), at).state.hints]


def test_an_early_decision_is_written_down() -> None:
    """Accepted a day after the meeting, which was fixed after the item was proposed: taken, and said."""
    start = terms(is_proposed=True, meeting=None)
    proposed = open_item(start, BEGINS - timedelta(days=4)).state
    outcome = decide(proposed, AcceptItem(by=person("lena"), meeting=MEETING), ENDS + timedelta(days=1), start)
    assert outcome.state.hints[0].rule == "A04"
    assert outcome.entries[0].summary.startswith("Action item act-9x8y7z accepted; it was decided before 2026-11-30")
    later = decide(proposed, AcceptItem(by=person("lena"), meeting=MEETING), COOL, start)
    assert later.entries[0].summary == "Action item act-9x8y7z accepted"
