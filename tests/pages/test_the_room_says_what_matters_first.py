"""What stands at the top of the room, and which lines of the timeline step back. Pure: no browser, no server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.pages.forms import longest_text
from api.pages.rendering import at, day, line_time, markdown, safe_url, sentence
from api.pages.timeline import Loudness, loudness, telling
from api.pages.waiting import waiting_for

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def entry(seq: int = 1, kind: str = "note", by: str = "person", **details: Any) -> dict[str, Any]:
    """A line of the timeline as the record has it."""
    at = (NOW + timedelta(seconds=seq)).isoformat()
    return {"seq": seq, "at": at, "kind": kind, "actor": {"kind": by, "name": "x"}, "summary": "s", "details": details}


def sent(*statuses: str) -> list[dict[str, str]]:
    """Deliveries with these statuses."""
    return [{"channel": "mail", "to": "ana", "status": each} for each in statuses]


def incident(**changes: Any) -> dict[str, Any]:
    """An open, acknowledged incident that waits for nothing."""
    return {
        "id": "inc-20261122-k7qd", "status": "mitigating", "acknowledged_at": NOW.isoformat(), "open_page": None,
        "roles": {"commander": "ana"}, "runs": [], "offers": [], "next_update_by": {}, "firing_groups": [],
        "review_state": None, "review_id": None, "action_items": [],
    } | changes  # fmt: skip


@pytest.mark.parametrize("kind", ["update", "page", "reminder"])
@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (("delivered",), Loudness.QUIET),
        (("delivered", "withheld"), Loudness.QUIET),
        (("delivered", "pending"), Loudness.LOUD),
        (("failed",), Loudness.LOUD),
        (("unknown",), Loudness.LOUD),
        (("no_address",), Loudness.LOUD),
    ],
)
def test_only_receipts_of_what_arrived_step_back(kind: str, statuses: tuple[str, ...], expected: Loudness):
    """Whatever did not arrive, or nobody knows of, stays in view."""
    assert loudness(entry(kind=kind, by="automation", deliveries=sent(*statuses))) is expected


def test_trouble_is_loud_whatever_its_details_say():
    """A line of the kind `trouble` is never bookkeeping."""
    assert loudness(entry(kind="trouble", by="automation", deliveries=sent("delivered"))) is Loudness.LOUD


def test_the_story_is_newest_first_and_counts_what_it_leaves_out():
    """Key moments leave receipts out and say how many; everything leaves nothing out."""
    lines = [entry(1, "declared"), entry(2, "page", deliveries=sent("delivered")), entry(3, "note")]
    short, whole = telling(lines, everything=False), telling(lines, everything=True)
    assert ([each["seq"] for each in short.lines], short.left_out) == ([3, 1], 1)
    assert ([each["seq"] for each in whole.lines], whole.left_out) == ([3, 2, 1], 0)


def test_an_incident_that_waits_for_nobody_says_nothing():
    """No line without a reason."""
    assert waiting_for(incident(), "ana", NOW) == []


def test_nobody_has_it_is_the_first_line_with_one_button():
    """Acknowledging is at the thumb and needs no words."""
    first = waiting_for(incident(acknowledged_at=None, open_page=1, roles={}), "ana", NOW)[0]
    assert first.tone == "bad"
    assert "first to acknowledge takes command" in first.sentence
    assert [(push.label, push.at_thumb, dict(push.fields)) for push in first.pushes] == [("Acknowledge", True, {})]


def test_a_waiting_run_says_for_whom_and_can_be_stopped():
    """The run's own sentence, and two pushes that need no typing."""
    run = {"id": "r", "runbook": "roll-back", "status": "waiting", "waiting_for": "2 approvals by sre"}
    (line,) = waiting_for(incident(runs=[run, run | {"status": "succeeded"}]), "ana", NOW)
    assert line.sentence == "Runbook roll-back waits for 2 approvals by sre."
    assert [push.label for push in line.pushes] == ["Pause", "Stop and undo"]
    assert all(push.fields["reason"] for push in line.pushes)


def test_an_offer_is_answered_by_the_one_it_is_for():
    """Others see that an answer is missing."""
    offer = {"role": "technical_lead", "to": "ben", "by": {"name": "ana"}}
    (mine,) = waiting_for(incident(offers=[offer]), "ben", NOW)
    (theirs,) = waiting_for(incident(offers=[offer]), "ana", NOW)
    assert [push.label for push in mine.pushes] == ["Accept: technical lead", "Decline"]
    assert theirs.pushes == ()


def test_an_update_is_named_when_it_is_near_and_louder_when_it_is_late():
    """Fifteen minutes before; a later one is only a fact among others."""
    due = {
        "internal": NOW - timedelta(minutes=3),
        "external": NOW + timedelta(minutes=10),
        "executive": NOW + timedelta(hours=1),
    }
    lines = waiting_for(incident(next_update_by={name: at.isoformat() for name, at in due.items()}), "ana", NOW)
    assert [(line.tone, line.sentence) for line in lines] == [
        ("bad", "The internal update was due 3m ago."),
        ("warn", "The external update is due in 10m."),
    ]


def test_after_it_is_over_the_learning_is_what_is_waited_for():
    """An open review is named; a finished one leads to closing."""
    over = {"status": "resolved", "review_id": "inc-20261122-k7qd"}
    (open_review,) = waiting_for(incident(**over, review_state="draft"), "ana", NOW)
    assert open_review.url == "/reviews/inc-20261122-k7qd"
    (done,) = waiting_for(incident(**over, review_state="closed"), "ana", NOW)
    assert [push.label for push in done.pushes] == ["Close"]


def test_times_carry_their_date_when_it_is_not_today():
    """A line of yesterday is not mistaken for one of tonight."""
    now = datetime.now(UTC)
    assert len(line_time(now)) == len("10:31:07")
    last_week = (now - timedelta(days=7)).replace(hour=10, minute=31, second=7)
    assert line_time(last_week) == f"{last_week:%-d %b} 10:31:07"


def test_a_day_of_another_year_says_which():
    """A postmortem of 2024 that was imported is not taken for one of this summer; the coming January needs no year."""
    past = datetime(2024, 6, 1, 10, 31, 7, tzinfo=UTC)
    assert (at(past), day(past), line_time(past)) == (
        "1 Jun 2024 10:31 UTC", "Sat 1 Jun 2024", "1 Jun 2024 10:31:07",
    )  # fmt: skip
    soon = datetime.now(UTC) + timedelta(days=60)
    assert (at(soon), day(soon)) == (f"{soon:%-d %b %H:%M} UTC", f"{soon:%a %-d %b}")


def test_refusals_read_as_sentences_and_ids_keep_their_spelling():
    """A capital and a full stop, but never on an id."""
    assert sentence("ana has already voted; somebody else has to") == "Ana has already voted; somebody else has to."
    assert sentence("inc-1 is closed.") == "inc-1 is closed."


def test_only_web_addresses_are_links():
    """Anything else that an alert calls its source leads nowhere."""
    assert safe_url("https://graphs.test/x") == "https://graphs.test/x"
    assert {safe_url("javascript:alert(1)"), safe_url("data:text/html,x"), safe_url("//elsewhere.test")} == {"#"}


def test_a_reviews_html_is_text_and_its_headings_stand_below_the_page():
    """Markdown makes HTML; what was HTML before stays text."""
    html = markdown("# Title\n\n<script>alert(1)</script> [x](javascript:alert(1))")
    assert "<h2>Title</h2>" in html
    assert "<script" not in html
    assert "href" not in html


def test_what_was_written_in_vain_is_kept_and_what_was_chosen_is_not():
    """A paragraph is worth showing again; a choice and a form's key are not."""
    assert longest_text({"text": "a sentence of some length", "key": "k" * 32}) == "a sentence of some length"
    assert longest_text({"severity": "SEV-2", "key": "k" * 32}) is None
