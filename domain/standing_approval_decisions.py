"""Whether a standing approval holds for a run, who may give one, and what takes it away. Pure.

Called by `domain/approval.py`, `workflows/game_days/standing.py` and `workflows/standing_approval.py`. The one thing to
know: whatever is in doubt, people are asked anew; the worst that a mistake can do here is one question too many.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from domain.drill_targets import GameDayPolicy
from domain.errors import Rejected, RejectionKind
from domain.follow_up import demand_text
from domain.run import ApprovalState, ApprovalStatus, Verdict, Vote
from domain.standing_approval import GrantStanding, RevokeStanding, StandingAnswer, StandingGrant, StandingState
from domain.timeline import Actor, ActorKind

# Members may approve everything, also here.
_ADMINS = "admin"
# Of a difference people read the first lines; the approval itself shows all that would run.
_CHANGES_TOLD = 5
_LONGEST_VALUE = 60


class StandingReason(StrEnum):
    """Why it holds, or does not."""

    HOLDS = "holds"
    NONE_GIVEN = "none_given"
    # Only what the schedule starts was agreed to.
    NOT_SCHEDULED = "not_scheduled"
    # The schedule started it, but at no time of its own: somebody triggered it in the engine, or made up for one.
    TRIGGERED = "triggered"
    NOT_ALLOWED = "not_allowed"
    REVOKED = "revoked"
    RUN_OUT = "run_out"
    # A safety lever was pulled meanwhile: what people agreed to before that, they have to agree to again.
    LEVER_MOVED = "lever_moved"
    CHANGED = "changed"
    TOO_FEW = "too_few"


@dataclass(frozen=True)
class Ruling:
    """The answer, and a sentence for people."""

    reason: StandingReason
    sentence: str = ""

    @property
    def holds(self) -> bool:
        """Whether nobody has to be asked."""
        return self.reason is StandingReason.HOLDS


@dataclass(frozen=True)
class RunInQuestion:
    """What is known of the run that asks."""

    digest: str
    shown: Mapping[str, Any]
    is_scheduled: bool
    min_approvals: int
    # Groups or people who may approve it; empty: any person.
    approvers: Sequence[str]
    groups: Mapping[str, Sequence[str]]


def rule(answer: StandingAnswer, run: RunInQuestion, policy: GameDayPolicy, now: datetime) -> Ruling:
    """Whether a run that needs an approval has one that stands."""
    grant = answer.state.grant if answer.state is not None else None
    if grant is None:
        return Ruling(StandingReason.NONE_GIVEN)
    at_most = policy.standing_approval_at_most
    if at_most is None:
        sentence = "game_day_policy allows no standing approvals any more (standing_approval_at_most)"
        return Ruling(StandingReason.NOT_ALLOWED, sentence)
    if not run.is_scheduled:
        return Ruling(StandingReason.NOT_SCHEDULED, "the standing approval is for what the schedule starts only")
    if not answer.is_due:
        sentence = "somebody triggered it: the standing approval is for the times of its schedule only"
        return Ruling(StandingReason.TRIGGERED, sentence)
    ends = ends_at(grant, at_most)
    return _ended(grant, ends, answer.lever_moved_at, now) or _changed(grant, run) or _enough(grant, run, ends)


def _ended(grant: StandingGrant, ends: datetime, lever_moved_at: datetime | None, now: datetime) -> Ruling | None:
    if grant.revoked_at is not None:
        who = grant.revoked_by.name if grant.revoked_by else "somebody"
        return Ruling(StandingReason.REVOKED, f"{who} revoked the standing approval: {grant.revoked_because}")
    if now >= ends:
        return Ruling(StandingReason.RUN_OUT, f"the standing approval ended at {ends:%Y-%m-%d %H:%M} UTC")
    if lever_moved_at is not None and lever_moved_at >= grant.granted_at:
        moved = f"{lever_moved_at:%Y-%m-%d %H:%M} UTC"
        return Ruling(StandingReason.LEVER_MOVED, f"a safety lever was moved at {moved}, after the standing approval")
    return None


def _changed(grant: StandingGrant, run: RunInQuestion) -> Ruling | None:
    if grant.digest == run.digest:
        return None
    what = "; ".join(changes(grant.shown, run.shown)) or "the definition"
    return Ruling(StandingReason.CHANGED, f"something else would be done than was approved: {what}")


def ends_at(grant: StandingGrant, at_most: timedelta) -> datetime:
    """When it ends: as people said, and never later than the policy allows now."""
    return min(grant.until, grant.granted_at + at_most)


def demand_standing(approval: ApprovalState, verdict: Verdict, until: datetime | None, now: datetime) -> None:
    """Rejected when a vote may not say that the approval shall stand until then."""
    if until is None:
        return
    if verdict is not Verdict.APPROVE:
        raise Rejected("only a yes can stand for the schedule; leave the date out")
    if not approval.standing_at_most_seconds:
        raise Rejected(
            "this approval is for one run only; for others game_day_policy.standing_approval_at_most allows it",
            RejectionKind.CONFLICT,
        )
    latest = now + timedelta(seconds=approval.standing_at_most_seconds)
    if until <= now:
        raise Rejected(f"{until:%Y-%m-%d %H:%M} UTC has passed; say until when the approval shall stand")
    if until > latest:
        raise Rejected(
            f"an approval may stand until {latest:%Y-%m-%d %H:%M} UTC at most"
            " (game_day_policy.standing_approval_at_most)"
        )


def granted(approval: ApprovalState, by: Actor) -> GrantStanding | None:
    """What comes of an approval in which enough people said that it shall stand; None: nothing."""
    if approval.state is not ApprovalStatus.APPROVED:
        return None
    votes = tuple(each for each in approval.votes if each.standing_until is not None)
    ends = [each.standing_until for each in votes if each.standing_until is not None]
    if not ends or len(votes) < approval.min_approvals:
        return None
    return GrantStanding(
        by=by, approval_id=approval.id, digest=approval.digest, shown=approval.shown, votes=votes, until=min(ends)
    )


def decide_standing(state: StandingState, command: GrantStanding | RevokeStanding, now: datetime) -> StandingState:
    """Take it over; Rejected when a person grants one (people vote), and when there is nothing to revoke."""
    if not command.by.name.strip():
        raise Rejected("say who does this")
    grant = state.grant
    if isinstance(command, GrantStanding):
        return _granted(state, command, now)
    reason = demand_text(command.reason, "the reason to revoke a standing approval")
    if grant is None or grant.revoked_at is not None or now >= grant.until:
        raise Rejected(f"no approval of game day {state.name!r} stands", RejectionKind.CONFLICT)
    ended = {"revoked_at": now, "revoked_by": command.by, "revoked_because": reason}
    return state.model_copy(update={"grant": grant.model_copy(update=ended)})


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """What is not as it was shown, a line for each, with its place."""
    found = list(_differences("", before, now))
    more = len(found) - _CHANGES_TOLD
    return (*found[:_CHANGES_TOLD], *((f"and {more} more",) if more > 0 else ()))


def _granted(state: StandingState, command: GrantStanding, now: datetime) -> StandingState:
    if command.by.kind is not ActorKind.AUTOMATION:
        raise Rejected("an approval stands by votes on it only", RejectionKind.FORBIDDEN)
    grant = state.grant
    if grant is not None and grant.approval_id == command.approval_id:
        return state
    given = max((each.at for each in command.votes), default=now)
    if grant is not None and grant.granted_at > given:
        # Told late; what came after it counts.
        return state
    new = StandingGrant(
        approval_id=command.approval_id, digest=command.digest, shown=command.shown, votes=command.votes,
        # When people said so, not when it was heard.
        granted_at=given, until=command.until,
    )  # fmt: skip
    return state.model_copy(update={"grant": new})


def _enough(grant: StandingGrant, run: RunInQuestion, ends: datetime) -> Ruling:
    voters = [each.by.name for each in _valid(grant.votes, run)]
    if len(voters) < run.min_approvals:
        gone = sorted({each.by.name for each in grant.votes} - set(voters))
        why = f" ({', '.join(gone)} may not approve it any more)" if gone else ""
        sentence = f"the standing approval has {len(voters)} of {run.min_approvals} votes that it needs{why}"
        return Ruling(StandingReason.TOO_FEW, sentence)
    return Ruling(
        StandingReason.HOLDS,
        f"approved by {' and '.join(voters)} on {grant.granted_at:%Y-%m-%d} for the schedule,"
        f" until {ends:%Y-%m-%d %H:%M} UTC ({grant.approval_id})",
    )


def _valid(votes: Collection[Vote], run: RunInQuestion) -> list[Vote]:
    """Of people who may approve it as things stand now."""
    if not run.approvers:
        return list(votes)
    people = {person for name in (*run.approvers, _ADMINS) for person in run.groups.get(name, (name,))}
    return [each for each in votes if each.by.name in people]


def _differences(place: str, before: Any, now: Any) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in sorted({*before, *now}):
            yield from _differences(f"{place}.{key}" if place else str(key), before.get(key), now.get(key))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from _differences(f"{place}[{number}]", old, new)
    elif before != now:
        yield f"{place}: {_short(before)} is {_short(now)} now"


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
