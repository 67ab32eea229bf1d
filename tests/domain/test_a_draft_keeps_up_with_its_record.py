"""A draft follows the incident's record, names all who were there, and takes back what proved wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import Rejected
from domain.incident import (
    Acknowledge,
    ActionItemSummary,
    AddNote,
    IncidentContext,
    IncidentStart,
    IncidentState,
    ObserveActionItem,
    Resolve,
)
from domain.incident_decisions import begin
from domain.incident_decisions import decide as decide_incident
from domain.incident_effects import Effect, TellReview
from domain.policy import Policy
from domain.review import (
    PAGED,
    AddFinding,
    CommentOnReview,
    Finding,
    ObserveNews,
    Participant,
    RedrawReview,
    ResolveComment,
    ReturnReview,
    ReviewStart,
    ReviewState,
    SubmitReview,
    WithdrawFinding,
)
from domain.review_decisions import accept_draft, decide, open_review
from domain.review_facts import participants_of
from domain.review_news import DRAWN_AFTER, NEWS_EVERY, RENEW_AFTER, renew_draft
from domain.review_people import why_not_neutral
from domain.severity import Severity
from domain.timeline import automation, person

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALICE, BOB = person("alice"), person("bob")
NEWS = ObserveNews(by=BOB)
TERMS = ReviewStart(
    incident_id="inc-20261124-k7qd", title="t", severity=Severity.SEV1, owner="alice", resolved_at=NOW,
    policy=Policy(), people=("alice", "bob", "carol", "dora"),
)  # fmt: skip


def drafted() -> ReviewState:
    """Its first drafts are written."""
    first = accept_draft(open_review(TERMS, NOW).state, "# Draft", NOW, TERMS).state
    later = renew_draft(first, NOW + RENEW_AFTER).state
    return accept_draft(later, "# Draft", NOW + RENEW_AFTER, TERMS).state


DRAFTED = drafted()
SUBMITTED = decide(DRAFTED, SubmitReview(by=ALICE, fewer_factors_because="it is small"), NOW, TERMS).state


# --- the draft ---


def test_news_are_drawn_some_minutes_later_and_what_came_meanwhile_once_more() -> None:
    """One draft for all that came in those minutes; a steady flow never puts it off."""
    assert (DRAFTED.draft_wanted, DRAFTED.renew_at) == (False, None)
    at = NOW + 30 * MINUTE
    state = decide(DRAFTED, NEWS, at, TERMS).state
    assert (state.draft_wanted, state.renew_at) == (False, at + DRAWN_AFTER)
    state = decide(state, NEWS, at + NEWS_EVERY, TERMS).state
    assert state.renew_at == at + DRAWN_AFTER
    drawn = renew_draft(state, at + DRAWN_AFTER).state
    assert (drawn.draft_wanted, drawn.renew_at) == (True, at + NEWS_EVERY + DRAWN_AFTER)
    last = renew_draft(drawn, at + NEWS_EVERY + DRAWN_AFTER).state
    assert (last.draft_wanted, last.renew_at) == (True, None)


def test_what_waits_for_signatures_stays_as_it_was_handed_in() -> None:
    """With what was known; news change nothing then, and nobody redraws it. Returned, it is written anew at once."""
    known = decide(DRAFTED, NEWS, NOW, TERMS).state
    waiting = decide(known, SubmitReview(by=ALICE, fewer_factors_because="it is small"), NOW, TERMS).state
    assert (waiting.draft_wanted, waiting.renew_at) == (True, None)
    assert decide(SUBMITTED, NEWS, NOW, TERMS).state is SUBMITTED
    with pytest.raises(Rejected, match="return it to the draft first"):
        decide(SUBMITTED, RedrawReview(by=ALICE), NOW, TERMS)
    assert decide(SUBMITTED, ReturnReview(by=BOB, reason="a line is missing"), NOW, TERMS).state.draft_wanted


def test_whoever_does_not_want_to_wait_has_it_redrawn() -> None:
    """Said in the timeline."""
    outcome = decide(DRAFTED, RedrawReview(by=BOB), NOW, TERMS)
    assert outcome.state.draft_wanted
    assert outcome.entries[0].summary == "The draft of the review is written anew"


# --- what the incident tells ---


def resolved() -> IncidentState:
    """Its review is a draft."""
    context = IncidentContext(people=("alice", "bob"), policy=Policy())
    start = IncidentStart(id="inc-20261124-k7qd", title="t", severity=Severity.SEV1, declared_by=ALICE, context=context)
    state = begin(start, NOW).state
    for command in (Acknowledge(by=ALICE), Resolve(by=ALICE)):
        state = decide_incident(state, command, NOW).state
    return state


def told(effects: tuple[Effect, ...]) -> list[type]:
    """What the review hears."""
    return [type(each.news) for each in effects if isinstance(each, TellReview)]


def test_the_review_hears_of_a_note_and_of_an_item_but_not_of_each() -> None:
    """One word in five minutes is enough, because the draft waits for the rest."""
    item = ActionItemSummary(id="item-1", title="Add an alert", state="open")
    note, made = AddNote(by=BOB, text="it was ten to"), ObserveActionItem(by=automation("action item"), item=item)
    for command in (note, made):
        outcome = decide_incident(resolved(), command, NOW + 10 * MINUTE)
        assert told(outcome.effects) == [ObserveNews]
        soon = decide_incident(outcome.state, note, NOW + 10 * MINUTE + NEWS_EVERY - MINUTE)
        assert told(soon.effects) == []
        assert told(decide_incident(soon.state, note, NOW + 10 * MINUTE + NEWS_EVERY).effects) == [ObserveNews]


def test_a_review_that_is_handed_in_hears_nothing() -> None:
    """Nor does one that hears the same moment what is more than news."""
    state = resolved().model_copy(update={"review_state": "in_review"})
    assert told(decide_incident(state, AddNote(by=BOB, text="late"), NOW + 10 * MINUTE).effects) == []


# --- who was there (rule P05) ---


def test_who_was_paged_or_had_a_task_or_once_a_role_was_there_too() -> None:
    """Not only who spoke; who was only paged took no part, and may lead the meeting."""
    incident = {
        "roles": {"commander": "alice"},
        "resolved_at": "2026-11-24T10:40:00Z",
        "tasks": [{"id": "task-1", "title": "x", "assignee": "bob"}, {"id": "task-2", "title": "y", "assignee": None}],
    }
    machine = {"kind": "automation", "name": "escalation"}
    page = {"page": "page/1", "deliveries": [{"to": "dora"}, {"to": "alice"}]}
    lines = [
        {"seq": 1, "at": "2026-11-24T10:31:00Z", "kind": "page", "actor": machine, "details": page},
        {"seq": 2, "at": "2026-11-24T10:32:00Z", "kind": "role", "actor": machine, "details": {"before": "carol"}},
        # A mail to somebody is no page.
        {"seq": 3, "at": "2026-11-24T10:33:00Z", "kind": "trouble", "actor": machine,
         "details": {"deliveries": [{"to": "emil"}]}},
    ]  # fmt: skip
    found = participants_of(incident, lines)
    assert [(each.name, each.role) for each in found] == [
        ("alice", "commander"),
        ("carol", "responder"),
        ("bob", "responder"),
        ("dora", "paged"),
    ]
    state = accept_draft(DRAFTED, "# Draft", NOW, TERMS, found).state
    assert why_not_neutral("dora", state, TERMS) is None
    # She speaks after all.
    state = accept_draft(state, "# Draft", NOW, TERMS, [Participant(name="dora")]).state
    assert PAGED not in {each.role for each in state.participants}
    assert why_not_neutral("dora", state, TERMS) == "took part in the response"


# --- findings ---


def test_a_finding_that_proves_wrong_is_withdrawn_with_a_reason() -> None:
    """It stays in the history, is not counted, and its number is given to no other."""
    state = DRAFTED
    for text in ("the cache was cold", "one key for all"):
        state = decide(state, AddFinding(by=BOB, kind="contributing_factor", text=text), NOW, TERMS).state
    outcome = decide(state, WithdrawFinding(by=ALICE, finding=1, reason="it was warm"), NOW, TERMS)
    assert outcome.entries[0].summary == (
        "Finding 1 of the review withdrawn (contributing factor: the cache was cold): it was warm"
    )
    state = outcome.state
    assert (state.draft_wanted, [each.number for each in state.findings]) == (True, [2])
    assert [(each.finding.text, each.reason) for each in state.withdrawn] == [("the cache was cold", "it was warm")]
    with pytest.raises(Rejected, match="names 1 contributing factors"):
        decide(state, SubmitReview(by=ALICE), NOW, TERMS)
    with pytest.raises(Rejected, match="has no finding 1; there are: 2"):
        decide(state, WithdrawFinding(by=ALICE, finding=1, reason="again"), NOW, TERMS)
    state = decide(state, WithdrawFinding(by=ALICE, finding=2, reason="two keys"), NOW, TERMS).state
    state = decide(state, AddFinding(by=BOB, kind="helped", text="the switch"), NOW, TERMS).state
    assert [each.number for each in state.findings] == [3]


def test_findings_that_are_older_than_their_numbers_have_their_place() -> None:
    """So does what was carried on from a comment."""
    old = DRAFTED.model_copy(update={"findings": (Finding(kind="helped", text="a"), Finding(kind="helped", text="b"))})
    state = decide(old, WithdrawFinding(by=ALICE, finding=1, reason="no"), NOW, TERMS).state
    state = decide(state, CommentOnReview(by=BOB, text="was it ten to?"), NOW, TERMS).state
    state = decide(state, ResolveComment(by=ALICE, comment=1, answer="nobody knows", carry=True), NOW, TERMS).state
    assert [(each.text, each.number) for each in state.findings] == [("b", 2), ("was it ten to? (nobody knows)", 3)]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (WithdrawFinding(by=ALICE, finding=1, reason=" "), "why the finding is withdrawn must not be empty"),
        (WithdrawFinding(by=automation("x"), finding=1, reason="no"), "only a person may withdraw"),
        (WithdrawFinding(by=ALICE, finding=9, reason="no"), "there are: none"),
    ],
)
def test_a_withdrawal_says_why(command: WithdrawFinding, sentence: str) -> None:
    """By a person, of a finding that is there."""
    with pytest.raises(Rejected) as refused:
        decide(DRAFTED, command, NOW, TERMS)
    assert sentence in refused.value.sentence
