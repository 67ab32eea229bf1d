"""Whom an escalation pages at which moment, as a table of times."""

from datetime import UTC, datetime, time, timedelta

import pytest

from domain.configuration import OnCall, OnCallLevel
from domain.errors import Rejected
from domain.escalation import answer, begin, note_delivery, page_next_level
from domain.message import Delivery, DeliveryStatus
from domain.page import AcknowledgePage, EscalationStart, EscalationStatus, StopEscalation
from domain.policy import WorkingHours
from domain.severity import Severity
from domain.timeline import automation, person

# A Friday.
NOW = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
START = EscalationStart(
    id="inc-20261122-k7qd.1",
    incident_id="inc-20261122-k7qd",
    title="Checkout fails",
    severity=Severity.SEV1,
    reason="SEV-1 was declared",
    on_call=OnCall(
        levels=(
            OnCallLevel(people=("ana",)),
            OnCallLevel(people=("bo", "cy"), acknowledge_within=10 * MINUTE),
        )
    ),
    acknowledge_within_seconds=300,
    repeat_after_seconds=120,
    people=("ana", "bo", "cy"),
)


def pages(start: EscalationStart, count: int) -> list[tuple[datetime, int, int, tuple[str, ...]]]:
    """The first pages of an escalation that nobody answers."""
    state, found = begin(start, NOW), []
    while len(found) < count:
        assert state.next_level_at is not None
        assert page_next_level(start, state, state.next_level_at - MINUTE) is None, "not a minute before"
        paged = page_next_level(start, state, state.next_level_at)
        assert paged is not None
        found.append((state.next_level_at, paged.state.level, paged.state.round, paged.people))
        state = paged.state
    return found


def test_levels_follow_each_other_and_begin_again_after_a_pause():
    """5 minutes for the first, 10 for the second, 2 of pause, then the second round."""
    assert pages(START, 4) == [
        (NOW, 1, 1, ("ana",)),
        (NOW + 5 * MINUTE, 2, 1, ("bo", "cy")),
        (NOW + 17 * MINUTE, 1, 2, ("ana",)),
        (NOW + 22 * MINUTE, 2, 2, ("bo", "cy")),
    ]


def test_in_working_hours_no_level_is_paged_outside_of_them():
    """The last level of Friday evening is paged on Monday morning."""
    hours = WorkingHours(opens=time(9), closes=time(17))
    slow = START.model_copy(update={"working_hours": hours, "acknowledge_within_seconds": 3600.0})
    monday = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    assert [(at, level) for at, level, _, _ in pages(slow, 2)] == [(NOW, 1), (monday, 2)]


def test_a_level_that_is_paged_late_still_gets_its_whole_time():
    """After a worker was away, the people paged have as long to answer as ever."""
    late = NOW + timedelta(hours=2)
    paged = page_next_level(START, begin(START, NOW), late)
    assert paged is not None
    assert paged.state.next_level_at == late + 5 * MINUTE


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (AcknowledgePage(by=person("bo")), EscalationStatus.ACKNOWLEDGED),
        (StopEscalation(by=automation("incident"), reason="resolved"), EscalationStatus.STOPPED),
    ],
)
def test_an_answer_ends_the_paging_once(command: AcknowledgePage | StopEscalation, status: EscalationStatus):
    """Nothing is due after it, and a second answer changes nothing."""
    answered = answer(START, begin(START, NOW), command, NOW).state
    assert (answered.status, answered.next_level_at) == (status, None)
    assert page_next_level(START, answered, NOW + timedelta(days=1)) is None
    assert answer(START, answered, StopEscalation(by=person("ana")), NOW).state is answered


def test_a_stranger_cannot_silence_a_page():
    """The name is checked against hotwash.yaml, as it was at declaration."""
    with pytest.raises(Rejected, match="mallory"):
        answer(START, begin(START, NOW), AcknowledgePage(by=person("mallory")), NOW)


def test_a_later_word_about_a_delivery_replaces_the_earlier_one():
    """Pending, then delivered: the state shows one delivery, the timeline both."""
    state = begin(START, NOW)
    pending = Delivery(channel="mail", to="ana", status=DeliveryStatus.PENDING, detail="connection refused")
    state, line = note_delivery(state, pending, 1, 1, NOW)
    assert line.summary == "page to ana over mail is pending: connection refused"
    assert state.paged_at is None
    done = pending.model_copy(update={"status": DeliveryStatus.DELIVERED})
    state, line = note_delivery(state, done, 1, 1, NOW + MINUTE)
    assert [each.status for each in state.deliveries] == ["delivered"]
    assert (line.summary, state.paged_at) == ("ana was paged over mail", NOW + MINUTE)
