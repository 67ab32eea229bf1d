"""Each line of the trainer is a command of the real incident room, or moves the clock; nothing is guessed."""

from datetime import timedelta
from typing import Any

import pytest

from domain.errors import Rejected
from domain.training import Doing, Leaving, Line, Waiting, read_line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("take", Doing("offer_role", {"role": "commander", "person": "me"})),
        ("offer scribe sam you write well", Doing("offer_role", {"role": "scribe", "person": "sam",
                                                                  "reason": "you write well"})),
        ("hand-over carla I am tired", Doing("offer_role", {"role": "commander", "person": "carla",
                                                            "reason": "I am tired"})),
        ("severity sev-2 unknown", Doing("change_severity", {"severity": "SEV-2", "reason": "unknown"})),
        ("impact 300 worse nobody can pay", Doing("change_impact", {"customers_affected": 300, "trend": "worse",
                                                                    "summary": "nobody can pay"})),
        ('update external "We look." next 20m', Doing("post_update", {"audience": "external", "text": "We look.",
                                                                      "next_update_within": 1200})),
        ("update internal we look", Doing("post_update", {"audience": "internal", "text": "we look"})),
        ("task bob 10m look at it", Doing("add_task", {"assignee": "bob", "due_within": 600, "title": "look at it"})),
        ('decide "Roll back" because "it fits"', Doing("record_decision", {"text": "Roll back",
                                                                          "rationale": "it fits"})),
        ("approve it is reversible", Doing("record_decision", {"text": "Approved: Fail over?",
                                                              "rationale": "it is reversible"})),
        ("status monitoring it fell", Doing("change_status", {"status": "monitoring", "reason": "it fell"})),
        ("wait 5m", Waiting(timedelta(minutes=5))),
        ("next", Waiting(None)),
        ("end", Leaving()),
    ],
)  # fmt: skip
def test_a_line_is_a_command(line: str, expected: Line) -> None:
    """As people write it."""
    assert read_line(line, "me", "Fail over?") == expected


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "'help' lists everything"),
        ("panic", "there is no 'panic' here"),
        ("severity high", "write: severity SEV-2 why"),
        ("offer king sam", "write: offer ROLE PERSON"),
        ("task bob", "write: task PERSON 10m"),
        ("wait soon", "write: wait 5m"),
        ('note "half', "a quotation mark is missing its partner"),
        ("approve yes", "nothing was proposed"),
    ],
)
def test_what_cannot_be_read_says_how_it_is_written(line: str, sentence: Any) -> None:
    """Instead of doing something else."""
    with pytest.raises(Rejected) as refused:
        read_line(line, "me")
    assert sentence in refused.value.sentence
