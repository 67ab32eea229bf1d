"""Blocks under the lint: what may be read where, what is never reached, what covers what, and how runbooks nest."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from domain.errors import Rejected
from runbooks.catalog import Catalog
from runbooks.findings import Unreadable
from runbooks.json_schema import runbook_json_schema
from runbooks.lint import lint
from runbooks.parse import parse_runbook
from runbooks.plan import plan
from runbooks.schema import Runbook
from runbooks.source import read_yaml
from tests.support.steps import SPECS

HEAD = "schema_version: 1\nname: mend\ntitle: Mend\nowner: sre\n"
READS = '{id: z, action: do, with: {v: "{{ %s }}"}}'


def said(body: str, others: Sequence[Runbook] = ()) -> list[str]:
    """What the lint says, as `line code sentence`."""
    known = {each.name: each for each in others}

    def other(name: str) -> Runbook:
        if name not in known:
            message = f"there is no runbook {name!r}"
            raise Rejected(message)
        return known[name]

    return [f"{f.line} {f.code} {f.sentence}" for f in lint(HEAD + body, "mend.yaml", SPECS, other).findings]


def steps(*lines: str) -> str:
    """A list of steps, from line 6 on, one a line."""
    return "steps:\n" + "\n".join(f"  - {line}" for line in lines)


def other(name: str, body: str) -> Runbook:
    """A runbook that others may nest."""
    return parse_runbook(read_yaml(f"schema_version: 1\nname: {name}\ntitle: T\nowner: sre\n{body}", "o.yaml"))


BRANCHES = (
    "{id: b, parallel: {%s branches: {l: [{id: x, action: do}], r: [{id: y, action: do, if: '{{ run.drill }}'}]}}}"
)
LOOP = "{id: f, foreach: {items: [1], steps: [{id: x, action: do}]}}"
SWITCH = "{id: s, switch: {cases: [{if: '{{ run.drill }}', steps: [{id: x, action: do}]}]}}"


@pytest.mark.parametrize(
    ("before", "read", "expected"),
    [
        (BRANCHES % "", "steps.x.output.path", ""),
        (BRANCHES % "", "steps.y.output.path", "not_surely_written step 'y' may have been left out"),
        (BRANCHES % "", "steps.y.status", ""),
        (BRANCHES % "", "steps.y.output.path if steps.y.status == 'succeeded' else ''", ""),
        (BRANCHES % "join: any,", "steps.x.output.path", "not_surely_written step 'x'"),
        (
            LOOP,
            "steps.x.output.path",
            "step_not_run step 'x' has not run when this is evaluated: it runs once per item",
        ),
        (LOOP, "steps.f.output.succeeded", ""),
        (LOOP, "item", "unknown_name there is no 'item'"),
        (SWITCH, "steps.x.output.path", "not_surely_written step 'x'"),
        ("{id: x, action: do, on_failure: continue}", "steps.x.output.path", "not_surely_written"),
        ("{id: x, action: do, outputs: {a: '{{ output.path }}'}}", "steps.x.output.b", "gives no 'b'"),
        ("{id: x, action: do, outputs: {a: '{{ output.path }}'}}", "steps.x.output.a", ""),
    ],
)
def test_what_can_be_read_behind_a_block(before: str, read: str, expected: str) -> None:
    """An output only where it was surely written, a status wherever the step was met."""
    found = said(steps(before, READS % read))
    assert [bool(expected)] * len(found) == [True] * len(found)
    assert (not expected and not found) or any(expected in line for line in found), found


def test_branches_do_not_read_each_other() -> None:
    """They run at the same time; the sentence says where the step stands."""
    found = said(
        steps("{id: b, parallel: {branches: {l: [{id: x, action: do}], r: [" + READS % "steps.x.output.path" + "]}}}")
    )
    assert found == ["6 step_not_run step 'x' has not run when this is evaluated: it stands in another line (l)"]


def test_a_step_that_asks_for_a_status_in_its_condition_may_read_the_output() -> None:
    """It runs only where it is there."""
    first = "{id: x, action: do, if: '{{ run.drill }}'}"
    reader = "{id: z, action: do, if: \"{{ steps.x.status == 'succeeded' }}\", with: {v: '{{ steps.x.output.path }}'}}"
    assert said(steps(first, reader)) == []


def test_items_are_read_inside_and_names_are_not_taken_twice() -> None:
    """Each loop has a name of its own for its item."""
    inner = (
        "{id: i, foreach: {items: '{{ item }}', %s steps: [{id: x, action: do, with: {v: '{{ item }} {{ sub }}'}}]}}"
    )
    loop = "{id: o, foreach: {items: [[1]], steps: [%s]}}"
    assert said(steps(loop % (inner % "as: sub,"))) == []
    assert any("taken_name the name 'item'" in line for line in said(steps(loop % (inner % ""))))
    assert any("taken_name the name 'params'" in line for line in said(steps(loop % (inner % "as: params,"))))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{id: a, action: do}\n  - {id: b, parallel: {branches: {l: [{id: a, action: do}], r: [{id: c, action: do}]}}}",
         "duplicate_step step 'a' is here twice; the first is on line 6"),
        ("{id: a-b, action: do}\n  - {id: a_b, action: do}", "duplicate_step step 'a_b' is here twice"),
        (("{id: s, switch: {cases: [{if: '{{ true }}', steps: [{id: x, action: do}]}, {if: '{{ run.drill }}', steps: "
         "[{id: y, action: do}]}]}}"), "unreachable_case this case is never reached: case 1 is always true"),
        (("{id: s, switch: {cases: [{if: '{{ run.drill }}', steps: [{id: x, action: do}]}, {if: '{{run.drill}}', "
         "steps: [{id: y, action: do}]}]}}"), "this case is never reached: case 1 has the same condition"),
        ("{id: s, switch: {cases: [{if: '{{ true }}', steps: [{id: x, action: do}]}], default: [{id: y, action: do}]}}",
         "unreachable_case the default is never reached"),
        ("{id: s, switch: {cases: [{if: '{{ false }}', steps: [{id: x, action: do}]}]}}",
         "its condition is always false"),
        ("{id: s, switch: {cases: [{if: run.drill, steps: [{id: x, action: do}]}]}}", "no_expression"),
        ("{id: w, wait: {duration: 5m}, timeout: 1m}", "not_for_kind 'timeout' belongs to an action"),
        ("{id: w, wait: {duration: 5m}, deadline: 1m}", "'deadline' says the same as 'wait.duration'"),
        ("{id: f, foreach: {items: hosts, steps: [{id: x, action: do}]}}", "no_expression the items are a list"),
        ("{id: f, foreach: {items: [], steps: [{id: x, action: do}]}}", "no_items"),
        ("{id: f, foreach: {items: [1], max_errors: 101%, steps: [{id: x, action: do}]}}", "bad_value"),
        ("{id: f, foreach: {items: [1], ramp: true, steps: [{id: x, action: do}]}}", "nothing_to_ramp"),
        ("{id: p, parallel: {branches: {l: [{id: x, action: do}]}}}", "bad_value"),
        ("{id: p, parallel: {join: 2, branches: {l: [{id: x, action: do}], r: [{id: y, action: do}]}}}", "write 'all'"),
        ("{id: p, parallel: {join: 1, branches: {l: [{id: x, action: do}], r: [{id: y, action: do}]}}}", "bad_value"),
        ("{id: p, parallel: {branchs: {l: [{id: x, action: do}]}}}", "unknown key 'branchs'; did you mean 'branches'?"),
        ("{id: p, foreach: {items: [1], steps: [{id: x, acton: do}]}}", "unknown key 'acton'; did you mean 'action'?"),
        ("{id: y, approval: {covers: [x]}}\n  - {id: f, foreach: {items: [1], steps: [{id: x, action: do}]}}",
         "not_later step 'x' stands inside 'f'; cover 'f' with all that it holds"),
        (("{id: y, approval: {covers: [p]}}\n  - {id: a, action: do}\n  - {id: p, parallel: {branches: {l: [{id: x, "
         "action: do, with: {v: '{{ steps.a.output }}'}}], r: [{id: q, action: do}]}}}"), "step_not_run step 'a'"),
        (("{id: y, approval: {covers: [f]}}\n  - {id: f, foreach: {items: [1], steps: [{id: x, action: do}, {id: q, "
         "action: do, with: {v: '{{ steps.x.output }}'}}]}}"), "step_not_run step 'x'"),
    ],
)  # fmt: skip
def test_each_mistake_of_a_block_is_named(line: str, expected: str) -> None:
    """Where it is, and what would be right."""
    assert any(expected in found for found in said(steps(line))), said(steps(line))


def test_final_steps_know_that_anything_may_have_gone_wrong() -> None:
    """They read a status, and an output only beside it."""
    body = steps("{id: a, action: do}") + "\nfinally:\n  - " + READS
    assert any("not_surely_written" in line for line in said(body % "steps.a.output.path"))
    assert said(body % "steps.a.status") == []


def test_documents_know_parameters_only() -> None:
    """Locks and stop conditions are there before any step has run."""
    body = (
        "parameters: {t: {default: x}}\nlocks: {resources: ['{{ params.t }}', '{{ steps.a.output }}']}\n"
        "stop_conditions: [{id: c, action: do}]\ntriggers: [{event: declared, parameters: {u: 1}}]\n"
        + steps("{id: a, action: do}")
    )
    found = " | ".join(said(body))
    assert "step_not_run step 'a'" in found
    assert "'do' can only act, not be asked" in found
    assert "the runbook has no parameter 'u'; did you mean 't'?" in found or "no parameter 'u'" in found


# --- nested runbooks ---

CHILD = other("child", "parameters: {t: {}, n: {type: integer, default: 1}}\n" + steps("{id: a, action: do}"))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("{name: child, parameters: {t: x}}", ""),
        ("{name: child}", "missing_parameter runbook 'child': the parameter 't' is missing"),
        ("{name: child, parameters: {t: x, m: 1}}", "unknown_parameter runbook 'child' has no parameter 'm'"),
        ("{name: child, parameters: {t: x, n: y}}", "bad_value parameter 'n': must be of type integer"),
        ("{name: nobody}", "unknown_runbook there is no runbook 'nobody'"),
        ("{name: mend}", "bad_nesting the runbooks go round in circles: mend → mend"),
        ("{name: round}", "bad_nesting the runbooks go round in circles: mend → round → mend"),
    ],
)
def test_nested_runbooks_are_looked_at(call: str, expected: str) -> None:
    """Whether they are there, get what they want, and do not go round in circles."""
    found = said(steps(f"{{id: c, runbook: {call}}}"), [CHILD, other("round", steps("{id: r, runbook: {name: mend}}"))])
    assert any(expected in line for line in found) if expected else found == []


def _write(folder: Path, name: str, body: str) -> None:
    (folder / f"{name}.yaml").write_text(f"schema_version: 1\nname: {name}\ntitle: T\nowner: sre\n{body}")


def test_the_catalogue_pins_everything_that_is_nested(tmp_path: Path) -> None:
    """With one digest over all of it; a circle and an unfit inner runbook are refused, each with its sentence."""
    _write(tmp_path, "outer", steps("{id: c, runbook: {name: inner}}"))
    _write(tmp_path, "inner", steps("{id: d, runbook: {name: deep}}", "{id: e, action: do.once}"))
    _write(tmp_path, "deep", steps("{id: f, action: look}"))
    catalog = Catalog([tmp_path], SPECS)
    pinned = catalog.pin("outer")
    assert sorted(pinned.nested) == ["deep", "inner"]
    assert sorted(pinned.actions) == ["do.once", "look"]
    assert [step.path for step in catalog.plan("outer").steps] == ["c", "c.d", "c.d.f", "c.e"]
    _write(tmp_path, "deep", steps("{id: f, action: do}"))
    assert catalog.pin("outer").reference.digest != pinned.reference.digest
    _write(tmp_path, "deep", steps("{id: f, action: nothing}"))
    with pytest.raises(Unreadable, match="there is no action 'nothing'"):
        catalog.pin("outer")
    _write(tmp_path, "deep", steps("{id: f, runbook: {name: outer}}"))
    with pytest.raises(Unreadable, match="outer → inner → deep → outer"):
        catalog.pin("outer")


def test_a_plan_counts_what_blocks_hold() -> None:
    """Each step once, with the approvals around it; what may be passed over and what is repeated is marked."""
    runbook = other(
        "mend",
        steps(
            "{id: y, approval: {covers: [b]}}",
            "{id: b, parallel: {join: any, branches: {l: [{id: x, action: do}], r: [{id: q, action: look}]}}}",
            "{id: f, foreach: {items: [1, 2], steps: [{id: c, runbook: {name: child, parameters: {t: x}}}]}}",
        ),
    )
    planned = plan(runbook, SPECS, nested={"child": CHILD})
    assert (planned.mutating, planned.read_only, planned.approvals) == (2, 1, 1)
    by_path = {step.path: step for step in planned.steps}
    assert by_path["b.l.x"].approved_by == ("y",)
    assert by_path["b.l.x"].is_optional
    assert by_path["f.*.c.a"].is_repeated
    assert not by_path["f"].is_repeated


def test_the_json_schema_knows_blocks() -> None:
    """Editors complete them, however deep."""
    schema = runbook_json_schema(SPECS)
    assert set(schema["$defs"]["Foreach"]["properties"]) >= {"items", "as", "steps", "max_errors", "ramp"}
    assert "if" in schema["$defs"]["Case"]["properties"]
    assert schema["$defs"]["Step"]["properties"]["parallel"]["anyOf"][0] == {"$ref": "#/$defs/Parallel"}
    assert "locks" in schema["properties"]


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ('{alert: {alertname: "~["}}', "6 bad_value alertname: '[' is not a regular expression"),
        ('{alert: {alertname: "~(a|a)*"}}', "repeats a group that itself repeats or chooses"),
        ("{event: declared, then: start}", "6 missing_parameter a run cannot start by itself without host; give it"),
        ("{event: declared, parameters: {hots: a}}", "6 unknown_parameter the runbook has no parameter 'hots'"),
        ("{event: declared, parameters: {host: a, n: x}}", "6 wrong_type parameter 'n': must be of type integer"),
        (
            '{alert: {}, parameters: {host: a, n: "{labels.n}"}}',
            "6 wrong_type parameter 'n': a label is a text, and this is of type integer",
        ),
        (
            '{alert: {}, parameters: {host: a, key: "{labels.key}"}}',
            "'key': a label is a text, and this is of type sec",
        ),
        ("{event: declared, parameters: {host: a, key: hunter2}}", "'key': a secret is given as a reference"),
    ],
)
def test_a_trigger_that_could_never_fire_is_named(trigger: str, expected: str) -> None:
    """At lint, and not at night: its pattern, what it gives, and what it does not give."""
    parameters = "parameters: {host: {}, n: {type: integer, default: 1}, key: {type: secret, default: 'env:K'}}\n"
    body = f"triggers: [\n  {trigger}]\n{parameters}{steps('{id: a, action: do}')}"
    assert any(expected in line for line in said(body)), said(body)


def test_a_trigger_that_is_right_has_no_findings() -> None:
    """Labels for texts, values of the right type; what is only suggested may leave gaps for a person."""
    body = (
        "parameters: {host: {}, n: {type: integer, default: 1}}\n"
        'triggers: [{alert: {alertname: "~Slow.*"}, then: start, parameters: {host: "{labels.instance}", n: 3}},'
        " {event: mitigated}]\n"
    )
    assert said(body + steps("{id: a, action: do}")) == []
