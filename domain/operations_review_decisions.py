"""What a command does to an operations review, and when it lapses. Pure; for `workflows/operations_review.py`."""

from datetime import datetime, timedelta

from domain.errors import Rejected, RejectionKind
from domain.follow_up import demand_person, demand_text
from domain.operations_review import (
    CloseMeeting,
    Decision,
    OperationsReviewCommand,
    OperationsReviewStart,
    OperationsReviewState,
    OperationsReviewStatus,
    RecordMeetingDecision,
)

WEEK = timedelta(days=7)
# The week after, and the one after that: who has not met by then looks at newer numbers.
LAPSES_AFTER = 2 * WEEK
# A meeting that decides more decides nothing; a workflow's history is no place for minutes without end.
_MOST_DECISIONS = 200


def week_of(moment: datetime) -> str:
    """`2026-W48`: the ISO week."""
    year, week, _ = moment.isocalendar()
    return f"{year}-W{week:02}"


def begin(start: OperationsReviewStart, now: datetime) -> OperationsReviewState:
    """Nothing but the week it is about."""
    until = start.until or now
    week = start.week or week_of(until)
    return OperationsReviewState(
        id=week,
        title=f"Operations review {week}",
        state=OperationsReviewStatus.PREPARING,
        since=until - WEEK,
        until=until,
    )


def prepared(
    state: OperationsReviewState, markdown: str, headlines: tuple[str, ...], now: datetime
) -> OperationsReviewState:
    """The document is there."""
    status = OperationsReviewStatus.OPEN if state.state is OperationsReviewStatus.PREPARING else state.state
    update = {"markdown": markdown, "headlines": headlines, "prepared_at": now, "state": status}
    return state.model_copy(update=update)


def decide(state: OperationsReviewState, command: OperationsReviewCommand, now: datetime) -> OperationsReviewState:
    """The state after a command; Rejected with a sentence when it is not possible."""
    demand_person(command.by, "speak for a meeting")
    if state.state in {OperationsReviewStatus.HELD, OperationsReviewStatus.LAPSED}:
        raise Rejected(f"operations review {state.id} is over ({state.state.value})", RejectionKind.CONFLICT)
    if state.state is OperationsReviewStatus.PREPARING:
        raise Rejected(f"operations review {state.id} is still being prepared", RejectionKind.CONFLICT)
    if isinstance(command, RecordMeetingDecision):
        if len(state.decisions) >= _MOST_DECISIONS:
            raise Rejected(f"{_MOST_DECISIONS} decisions are recorded; make action items of the rest")
        decision = Decision(
            number=len(state.decisions) + 1,
            text=demand_text(command.text, "the decision"),
            owner=command.owner,
            by=command.by,
            at=now,
        )
        return state.model_copy(update={"decisions": (*state.decisions, decision)})
    if isinstance(command, CloseMeeting):
        notes = demand_text(command.notes, "the notes") if command.notes.strip() else ""
        update = {"state": OperationsReviewStatus.HELD, "held_at": now, "held_by": command.by, "notes": notes}
        return state.model_copy(update=update)
    raise Rejected("an operations review knows no such command", RejectionKind.NOT_FOUND)


def lapse(state: OperationsReviewState) -> OperationsReviewState:
    """Nobody held it in time."""
    if state.state is OperationsReviewStatus.HELD:
        return state
    return state.model_copy(update={"state": OperationsReviewStatus.LAPSED})


def is_over(state: OperationsReviewState) -> bool:
    """Whether nothing more is to come."""
    return state.state in {OperationsReviewStatus.HELD, OperationsReviewStatus.LAPSED}
