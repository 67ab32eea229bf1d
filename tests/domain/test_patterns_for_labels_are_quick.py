"""Regular expressions over labels of strangers: one that could hold up an incident is refused where it is read."""

import pytest
from pydantic import ValidationError

from domain.configuration import Route
from domain.runbook_trigger import Trigger
from runbooks.game_day_parts import Expected


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("[", "is not a regular expression"),
        ("(a|a)*$", "repeats a group"),
        ("(.*)*", "repeats a group"),
        ("(?:a+)+b", "repeats a group"),
        ("(?P<x>a?)+", "repeats a group"),
        ("((a|b))+", "repeats a group"),
        ("(a+){2,}", "repeats a group"),
        ("(a{1,3}){20}", "repeats a group"),
        ("(a+){3}", "repeats a group"),
        ("(a|b)*", "repeats a group"),
        (".*a.*b.*c.*", "repeats 4 times without an end"),
        ("x" * 501, "has 501 characters"),
    ],
)
def test_what_could_take_hours_is_refused_wherever_labels_are_matched(pattern: str, said: str) -> None:
    """In a route, in a trigger, in what a game day expects: the sentence names the label."""
    match = {"alertname": f"~{pattern}"}
    for refused in (
        lambda: Route(name="r", match=match),
        lambda: Trigger(alert=match),
        lambda: Expected.model_validate({"expect": "detect", "alert": match}),
    ):
        with pytest.raises(ValidationError, match=f"alertname: .*{said}"):
            refused()


@pytest.mark.parametrize(
    "pattern",
    [
        "Slow.*",
        "(web|db)-[0-9]+",
        "(?i)foo.*",
        "(ab)+",
        "(a|b)?c",
        r"(\d{1,3}\.){3}\d{1,3}(:[0-9]+)?",
        "(eu|us){2}",
        r"\(a+\)+",
        "[(*+|]+",
        ".*db.*primary.*",
        "[]+*]+",
        "",
    ],
)
def test_what_people_write_is_taken(pattern: str) -> None:
    """Groups that choose, repeated characters, and signs that stand for themselves."""
    assert Trigger(alert={"alertname": f"~{pattern}"}).alert == {"alertname": f"~{pattern}"}
