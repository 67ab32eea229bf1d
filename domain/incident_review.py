"""When an incident's review begins, and what it hears of the incident afterwards.

Called by `domain/lifecycle.py`. Pure. The one thing to know: the review begins at mitigation, while everybody still
knows what they saw; its deadline counts from resolution.
"""

from datetime import datetime

from domain.contributing_factors import factors_of
from domain.incident import IncidentState, Role
from domain.incident_effects import Effect, Outcome, StartReview, TellReview, changed
from domain.review import ObserveIncidentEnd, ObserveNews, ObserveResolved, ReviewStart, ReviewStatus
from domain.review_news import NEWS_EVERY
from domain.timeline import Actor


def needs_review(state: IncidentState) -> bool:
    """By its severity; a near miss always, and a story that was played never: it has its debrief."""
    if state.tabletop_workflow is not None:
        return False
    return state.near_miss or state.context.policy.of(state.severity).review_due is not None


def begin_review(state: IncidentState) -> tuple[IncidentState, tuple[Effect, ...]]:
    """Start it, unless it has begun or none is needed."""
    if state.review_id is not None or not needs_review(state):
        return state, ()
    after = changed(state, review_id=state.id, review_state=ReviewStatus.DRAFT.value)
    return after, (StartReview(start=review_start(after)),)


def review_hears_of_resolution(state: IncidentState, by: Actor) -> tuple[Effect, ...]:
    """A review that has begun before gets its deadline."""
    if state.review_id is None or state.resolved_at is None:
        return ()
    news = ObserveResolved(by=by, at=state.resolved_at, severity=state.severity, title=state.title)
    return (TellReview(news=news),)


def review_hears_of_end(state: IncidentState, by: Actor, reason: str) -> tuple[Effect, ...]:
    """Merged or cancelled: there is nothing left to review."""
    if state.review_id is None:
        return ()
    return (TellReview(news=ObserveIncidentEnd(by=by, reason=reason)),)


def review_hears_of_news(before: IncidentState, outcome: Outcome, by: Actor, now: datetime) -> Outcome:
    """A draft hears that the record has something new, every few minutes at most; it then waits for what follows."""
    after = outcome.state
    has_news = outcome.entries or after.action_items != before.action_items or after.runs != before.runs
    is_told = any(isinstance(each, TellReview | StartReview) for each in outcome.effects)
    if after.review_state != ReviewStatus.DRAFT or not has_news or is_told:
        return outcome
    if before.review_told_at is not None and now - before.review_told_at < NEWS_EVERY:
        return outcome
    told = changed(after, review_told_at=now)
    return outcome.then(Outcome(told, (), (TellReview(news=ObserveNews(by=by)),)))


def review_start(state: IncidentState) -> ReviewStart:
    """The input of the review, from what was pinned at declaration."""
    context, commander = state.context, state.roles.get(Role.COMMANDER)
    owner = commander or context.team_manager
    return ReviewStart(
        incident_id=state.id,
        title=state.title,
        severity=state.severity,
        owner=owner,
        manager=context.managers.get(owner or "", context.team_manager),
        managers=context.managers,
        people=context.people,
        commander=commander,
        mitigated_at=state.mitigated_at,
        resolved_at=state.resolved_at,
        policy=context.policy,
        drill=state.drill,
        near_miss=state.near_miss,
        roles={role.value: who for role, who in state.roles.items()},
        service_team=context.service_team,
        team_manager=context.team_manager,
        factors=factors_of(context.factors),
    )
