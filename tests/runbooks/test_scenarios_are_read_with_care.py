"""A scenario that could not be played as it is meant is refused before anything is played, with places."""

import pytest

from runbooks.example import example_of
from runbooks.findings import Unreadable
from runbooks.scenario import Outcome, matches, scripted
from tests.support.rehearsals import rehearsal

RUNBOOK = """
parameters: {n: {type: integer}}
steps:
  - {id: yes, approval: {approvers: [sre]}}
  - {id: risky, action: do}
"""
FINE = "given: {parameters: {n: 1}}\n"


def _refusal(scenarios: str) -> str:
    with pytest.raises(Unreadable) as caught:
        rehearsal(RUNBOOK, scenarios)
    return caught.value.sentence


@pytest.mark.parametrize(
    ("scenario", "wanted"),
    [
        ("{name: a, expcet: {status: failed}}", "mend.yaml:5:15: unknown key 'expcet'; did you mean 'expect'?"),
        ("{name: a, expect: {status: fialed}}", "mend.yaml:5:32: status: input should be 'running'"),
        (
            "{name: a, expect: {status: failed, steps: {risk: failed}}}",
            "there is no step 'risk'; did you mean 'risky'?",
        ),
        ("{name: a, actions: {risk: [succeed]}, expect: {status: failed}}", "'risk' is no step and no action"),
        ("{name: a, actions: {risky: [fails]}, expect: {status: failed}}", "unknown key 'fails'; did you mean 'fail'?"),
        ("{name: a, actions: {risky: []}, expect: {status: failed}}", "at least 1 item"),
        ("{name: a, checks: {risky: [{holds: {}, cannot_tell: x}]}, expect: {status: failed}}", "exactly one of"),
        ("{name: a, people: [{by: bob, do: approve}], expect: {status: failed}}", "exactly one of 'at'"),
        ("{name: a, people: [{by: bob, do: approve, at: 5m}], expect: {status: failed}}", "name it with 'step'"),
        ("{name: a, people: [{by: b, do: approve, when: ys}], expect: {status: failed}}", "there is no step 'ys'"),
        ("{name: a, parameters: {n: x}, expect: {status: failed}}", "must be of type integer"),
    ],
)
def test_a_mistake_is_named_with_its_place(scenario: str, wanted: str) -> None:
    """Unknown keys, steps, words and values: each with file, line, column and the nearest valid word."""
    assert wanted in _refusal(f"{FINE}scenarios:\n  - {scenario}\n")


def test_scenarios_of_another_runbook_are_refused() -> None:
    """A copied file that was not adapted is no test of this runbook."""
    text = "scenarios: [{name: a, expect: {status: failed}}]\n".replace("mend", "x")
    with pytest.raises(Unreadable, match="parameter 'n' is missing"):
        rehearsal(RUNBOOK, text)


def test_what_is_given_is_common_to_all_scenarios() -> None:
    """A scenario's own parameter or script wins over the common one, key by key."""
    found = rehearsal(
        RUNBOOK,
        """
given: {parameters: {n: 1}, commander: dan, actions: {do: [succeed], yes: [succeed]}}
scenarios:
  - {name: a, expect: {status: failed}}
  - {name: b, parameters: {n: 2}, commander: eve, actions: {do: [vanish]}, expect: {status: failed}}
""",
    )
    first, second = found.scenarios
    assert (first.parameters, first.commander, second.parameters, second.commander) == (
        {"n": 1},
        "dan",
        {"n": 2},
        "eve",
    )
    assert second.actions["do"][0].vanish == ""
    assert set(second.actions) == {"do", "yes"}


def test_a_script_is_found_by_path_then_pattern_then_action() -> None:
    """The most exact key counts, attempts are counted through, and the last outcome stays."""
    one, two, three = Outcome(fail="1"), Outcome(fail="2"), Outcome(succeed={})
    scripts = {"do": (three,), "each.*.stop": (two, three), "each.4.stop": (one,)}
    assert scripted(scripts, "each.4.stop", "do", 7) is one
    assert [scripted(scripts, "each.5.stop", "do", attempt) for attempt in range(3)] == [two, three, three]
    assert scripted(scripts, "other", "do", 0) is three
    assert scripted(scripts, "other", "else", 0) is None
    assert not matches("each.5.stop.more", "each.*.stop")


def test_an_example_fits_its_schema() -> None:
    """What a rehearsal makes up for an action's output has every key that an expression may read."""
    schema = {
        "$defs": {"Inner": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}}},
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "inner": {"$ref": "#/$defs/Inner"},
            "kind": {"enum": ["a", "b"]},
            "ready": {"type": "boolean", "default": False},
            "list": {"type": "array", "items": {"type": "string"}},
        },
    }
    assert example_of(schema) == {
        "name": "<name>", "maybe": "<maybe>", "inner": {"n": 3}, "kind": "a", "ready": False, "list": [],
    }  # fmt: skip
