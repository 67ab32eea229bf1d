"""When a standing approval holds, and each reason why it does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.drill_targets import GameDayPolicy
from domain.errors import Rejected
from domain.run import ApprovalState, ApprovalStatus, Verdict, Vote
from domain.standing_approval import GrantStanding, RevokeStanding, StandingAnswer, StandingGrant, StandingState
from domain.standing_approval_decisions import (
    RunInQuestion,
    StandingReason,
    changes,
    decide_standing,
    demand_standing,
    granted,
    rule,
)
from domain.timeline import automation, person

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(days=10)
MONTH = GameDayPolicy(standing_approval_at_most=timedelta(days=30))
SHOWN = {"targets": {"one": [{"name": "shop-1"}]}}
RUN = RunInQuestion(
    digest="sha256:1", shown=SHOWN, is_scheduled=True, min_approvals=1, approvers=("sre",), groups={"sre": ("olga",)}
)


def vote(by: str = "olga", until: datetime | None = NOW + timedelta(days=10), at: datetime = BEFORE) -> Vote:
    """A yes that stands."""
    return Vote(by=person(by), verdict=Verdict.APPROVE, digest="sha256:1", at=at, standing_until=until)


def grant(**changed: Any) -> StandingGrant:
    """As olga gave it ten days ago, for twenty."""
    fields = {
        "approval_id": "game-day~x", "digest": "sha256:1", "shown": SHOWN, "votes": (vote(),), "granted_at": BEFORE,
        "until": NOW + timedelta(days=10),
    }  # fmt: skip
    return StandingGrant.model_validate(fields | changed)


def answer(found: StandingGrant | None, moved: datetime | None = None, *, due: bool = True) -> StandingAnswer:
    """What a run finds."""
    return StandingAnswer(state=StandingState(name="x", grant=found), lever_moved_at=moved, is_due=due)


def run(**changed: Any) -> RunInQuestion:
    """The run with something else about it."""
    return RunInQuestion(**(RUN.__dict__ | changed))


@pytest.mark.parametrize(
    ("found", "asking", "policy", "reason", "words"),
    [
        (answer(grant()), RUN, MONTH, "holds", "approved by olga on 2026-11-18 for the schedule, until 2026-12-08"),
        (StandingAnswer(), RUN, MONTH, "none_given", ""),
        (answer(None), RUN, MONTH, "none_given", ""),
        (answer(grant()), run(is_scheduled=False), MONTH, "not_scheduled", "what the schedule starts only"),
        (answer(grant(), due=False), RUN, MONTH, "triggered", "somebody triggered it"),
        (answer(grant()), RUN, GameDayPolicy(), "not_allowed", "standing_approval_at_most"),
        (answer(grant(until=NOW)), RUN, MONTH, "run_out", "ended at 2026-11-28 12:00 UTC"),
        # The policy was made stricter since.
        (answer(grant()), RUN, GameDayPolicy(standing_approval_at_most=timedelta(days=9)), "run_out", "2026-11-27"),
        (answer(grant(), NOW - timedelta(days=1)), RUN, MONTH, "lever_moved", "a safety lever was moved at 2026-11-27"),
        (answer(grant(), BEFORE - timedelta(days=1)), RUN, MONTH, "holds", ""),
        (
            answer(grant(revoked_at=BEFORE, revoked_by=person("bob"), revoked_because="a sale")),
            RUN, MONTH, "revoked", "bob revoked the standing approval: a sale",
        ),
        (
            answer(grant()), run(digest="sha256:2", shown={"targets": {"one": [{"name": "shop-2"}]}}),
            MONTH, "changed", "targets.one[0].name: shop-1 is shop-2 now",
        ),
        (answer(grant()), run(digest="sha256:2"), MONTH, "changed", "approved: the definition"),
        (answer(grant()), run(min_approvals=2), MONTH, "too_few", "1 of 2 votes"),
        (answer(grant()), run(groups={"sre": ("ann",)}), MONTH, "too_few", "olga may not approve it any more"),
        (answer(grant()), run(groups={"sre": (), "admin": ("olga",)}), MONTH, "holds", ""),
        (answer(grant()), run(approvers=(), groups={}), MONTH, "holds", ""),
    ],
)  # fmt: skip
def test_whether_it_holds(
    found: StandingAnswer, asking: RunInQuestion, policy: GameDayPolicy, reason: str, words: str
) -> None:
    """Each reason, with the sentence that people read."""
    ruling = rule(found, asking, policy, NOW)
    assert ruling.reason is StandingReason(reason)
    assert words in ruling.sentence
    assert ruling.holds is (reason == "holds")


def approval(*votes: Vote, **changed: Any) -> ApprovalState:
    """An approval that has been decided."""
    fields: dict[str, Any] = {
        "id": "game-day~x", "run_id": "x", "step_id": "targets", "incident_id": "", "state": ApprovalStatus.APPROVED,
        "digest": "sha256:1", "shown": SHOWN, "min_approvals": 1, "requested_by": automation("schedule"),
        "requested_at": BEFORE, "expires_at": None, "votes": votes, "standing_at_most_seconds": 30 * 86_400,
    }  # fmt: skip
    return ApprovalState.model_validate(fields | changed)


def test_as_many_as_have_to_agree_have_to_say_that_it_stands() -> None:
    """The earliest of their dates counts; a yes for one run only is none."""
    late = NOW + timedelta(days=20)
    two = approval(vote(), vote("ann", late), min_approvals=2)
    command = granted(two, automation("game day"))
    assert command is not None
    assert (command.until, len(command.votes)) == (NOW + timedelta(days=10), 2)
    assert granted(approval(vote(), vote("ann", None), min_approvals=2), automation("x")) is None
    assert granted(approval(vote(until=None)), automation("x")) is None
    assert granted(approval(vote(), state=ApprovalStatus.REJECTED), automation("x")) is None


@pytest.mark.parametrize(
    ("verdict", "days", "at_most", "words"),
    [
        (Verdict.REJECT, 1.0, 30.0, "only a yes can stand"),
        (Verdict.APPROVE, 1.0, 0.0, "for one run only"),
        (Verdict.APPROVE, 0.0, 30.0, "has passed"),
        (Verdict.APPROVE, 31.0, 30.0, "until 2026-12-28 12:00 UTC at most"),
    ],
)
def test_a_vote_that_may_not_stand_is_refused(verdict: Verdict, days: float, at_most: float, words: str) -> None:
    """With the limit and where it is written; without a date nothing is asked for."""
    asked = approval(standing_at_most_seconds=at_most * 86_400)
    with pytest.raises(Rejected, match=words):
        demand_standing(asked, verdict, NOW + timedelta(days=days), NOW)
    demand_standing(asked, verdict, None, NOW)


def test_it_is_given_by_votes_and_taken_by_people() -> None:
    """Telling it twice is telling it once; what is told late does not push out what is newer; revoked once."""
    command = GrantStanding(
        by=automation("game day"), approval_id="a", digest="sha256:1", shown=SHOWN, votes=(vote(),), until=NOW
    ).model_copy(update={"until": NOW + timedelta(days=5)})
    state = decide_standing(StandingState(name="x"), command, NOW)
    assert state.grant is not None
    assert state.grant.granted_at == BEFORE
    assert decide_standing(state, command, NOW + timedelta(hours=1)) == state
    older = command.model_copy(update={"approval_id": "b", "votes": (vote(at=BEFORE - timedelta(days=1)),)})
    assert decide_standing(state, older, NOW) == state
    newer = command.model_copy(update={"approval_id": "c", "votes": (vote(at=NOW),)})
    after = decide_standing(state, newer, NOW).grant
    assert after is not None
    assert after.approval_id == "c"
    with pytest.raises(Rejected, match="by votes"):
        decide_standing(state, command.model_copy(update={"by": person("olga")}), NOW)
    revoke = RevokeStanding(by=person("bob"), reason="a sale")
    revoked = decide_standing(state, revoke, NOW)
    assert revoked.grant is not None
    assert revoked.grant.revoked_because == "a sale"
    for refused in (revoked, StandingState(name="x")):
        with pytest.raises(Rejected, match="no approval of game day 'x' stands"):
            decide_standing(refused, revoke, NOW)


def test_what_changed_is_told_with_its_place() -> None:
    """A few lines of it; long values are cut."""
    before = {"a": {"b": [1, 2]}, "gone": "x" * 99, **{f"k{n}": n for n in range(9)}}
    now = {"a": {"b": [1, 3]}, **{f"k{n}": n + 1 for n in range(9)}}
    told = changes(before, now)
    assert told[0] == "a.b[1]: 2 is 3 now"
    assert "x" * 60 not in told[1]
    assert "nothing now" in told[1]
    assert len(told) <= 6
