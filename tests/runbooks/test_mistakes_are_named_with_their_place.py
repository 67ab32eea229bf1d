"""Parsing and lint: every mistake as a sentence with file, line and column, and nothing hostile gets through."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from activities.actions import specs
from domain.run import ActionSpec
from runbooks.catalog import LIBRARY, Catalog
from runbooks.findings import Unreadable
from runbooks.json_schema import runbook_json_schema
from runbooks.lint import lint
from runbooks.parse import validation_findings
from runbooks.plan import plan
from runbooks.source import MAX_BYTES, read_yaml

SPECS: dict[str, ActionSpec] = specs()
HEAD = "schema_version: 1\nname: mend\ntitle: Mend\nowner: sre\n"


def said(body: str, head: str = HEAD) -> list[str]:
    """What the lint says of a runbook, as `line:column code sentence`."""
    return [f"{f.line}:{f.column} {f.code} {f.sentence}" for f in lint(head + body, "mend.yaml", SPECS).findings]


def test_a_clean_runbook_has_no_findings() -> None:
    """The lint says nothing of what is right."""
    body = """\
parameters:
  health-url: {default: "http://shop"}
  token: {type: secret, default: "env:TOKEN"}
steps:
  - {id: look-first, action: check.http, with: {url: "{{ params.health_url }}"}}
  - {id: again, action: noop, with: {echo: {was: "{{ steps.look_first.output.status }}"}}, if: "{{ not run.drill }}"}
"""
    assert said(body) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("stepz: []\nsteps: [{id: a, action: noop}]", "5:1 unknown_key unknown key 'stepz'; did you mean 'steps'?"),
        (
            "steps: [{id: a, action: noop, timout: 5m}]",
            "5:31 unknown_key unknown key 'timout'; did you mean 'timeout'",
        ),
        ("steps: [{id: a, action: noop, timeout: 5x}]", "5:40 bad_value '5x' is not a duration"),
        (
            "steps: [{id: a}]",
            (
                "5:9 bad_value step 'a' needs exactly one of action, approval, manual, wait, parallel, foreach, "
                "switch, runbook; it"
            ),
        ),
        ("steps: []", "5:8 bad_value steps: list should have at least 1 item"),
        ("", "1:1 missing_key the key 'steps' is missing"),
        ("steps: [{id: a, action: nop}]", "5:25 unknown_action there is no action 'nop'; did you mean 'noop'?"),
        ("steps: [{id: a, action: check.http}]", "5:25 missing_parameter check.http: the parameter 'url' is missing"),
        (
            "steps: [{id: a, action: check.http, with: {url: x, statuz: 1}}]",
            "5:52 unknown_parameter check.http: unknown parameter 'statuz'; did you mean 'status'?",
        ),
        (
            "steps: [{id: a, action: check.http, with: {url: 5}}]",
            "5:49 wrong_type check.http: 'url' must be of type string, not a number; put it in quotes",
        ),
        (
            "steps: [{id: a, action: http.request, with: {url: x, headers: {a: {secret: hunter2}}}}]",
            "5:76 bad_value http.request: 'headers.a.secret' is a secret: give a reference",
        ),
        (
            "parameters: {t: {type: secret, default: hunter2}}\nsteps: [{id: a, action: noop}]",
            "5:41 secret_as_literal the default of 't': a secret is given as a reference",
        ),
        ("steps: [{id: a, action: noop}, {id: a, action: noop}]", "5:37 duplicate_step step 'a' is here twice"),
        (
            "steps: [{id: a, action: noop, with: {echo: {v: '{{ params.x'}}}]",
            "5:48 bad_expression '{{ params.x' is not an expression",
        ),
        (
            "steps: [{id: a, action: noop, with: {echo: {v: '{{ steps.b.output }}'}}}, {id: b, action: noop}]",
            "5:48 step_not_run step 'b' has not run",
        ),
        (
            "parameters: {url: {}}\nsteps: [{id: a, manual: {instructions: 'see {{ params.ur }}'}}]",
            "6:40 unknown_name the runbook has no parameter 'ur'; did you mean 'url'?",
        ),
        (
            "steps: [{id: a, action: noop}, {id: b, manual: {instructions: '{{ steps.a.output.ecko }}'}}]",
            "5:63 unknown_name noop gives no 'ecko'; did you mean 'echo'?",
        ),
        ("steps: [{id: a, action: noop, if: run.drill}]", "5:35 no_expression a condition is an expression"),
        (
            "steps: [{id: a, action: noop}, {id: b, approval: {covers: [a]}}]",
            "5:60 not_later step 'a' does not come after its approval",
        ),
        ("steps: [{id: b, approval: {}}]", "5:9 covers_nothing approval 'b' has no step after it"),
        (
            (
                "steps: [{id: y, approval: {covers: [b]}}, {id: a, action: noop},\n"
                " {id: b, action: noop, with: {echo: {v: '{{ steps.a.output.echo }}'}}}]"
            ),
            "step_not_run step 'a' has not run",
        ),
        (
            "steps: [{id: a, action: noop, verify: {action: process.run, with: {program: x}}}]",
            "cannot_check 'process.run' can only act, not be asked",
        ),
    ],
)
def test_each_mistake_is_named_where_it_is(body: str, expected: str) -> None:
    """With the nearest thing that would have been right."""
    assert any(expected in line for line in said(body)), said(body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", "3:1 duplicate_key 'a' is here twice; the first is on line 1"),
        ("a: !!python/object:os.system {}", "1:4 bad_tag"),
        ("a: &x [1]\nb: [" + "*x, " * 30 + "]", "too_many_aliases"),
        ("a: &a [*a]", "1:4 alias_cycle"),
        ("a: &a {x: 1}\nb: {<<: *a}", "bad_key merge keys"),
        ("[" * 9000, "too_deep"),
        ("a: [1, 2", "not_yaml"),
        ("a: b\n---\nc: d", "not_yaml"),
        ("\x00", "not_yaml"),
        ("x" * (MAX_BYTES + 1), "too_large"),
        ("- a", "1:1 not_a_mapping"),
        ("just text", "1:1 not_a_mapping"),
    ],
)
def test_what_is_not_plain_data_is_refused_with_its_place(text: str, expected: str) -> None:
    """Duplicates, tags, merges, alias bombs, depth, size."""
    assert any(expected in line for line in said(text, head="")), said(text, head="")


def test_yaml_says_what_it_says() -> None:
    """YAML 1.2: `yes`, `on` and dates are text; places count from 1."""
    source = read_yaml("on: yes\nday: 2026-11-22\nport: 0o17\nlist:\n  - x: null\n", "f.yaml")
    assert source.data == {"on": "yes", "day": "2026-11-22", "port": 15, "list": [{"x": None}]}
    assert source.place_of(("list", 0, "x")) == (5, 8)
    assert source.place_of(("list", 0, "missing")) == (5, 5)
    assert source.place_of(("list",), key=True) == (4, 1)


def test_any_model_gets_findings_with_places() -> None:
    """The configuration loader uses the same function for its own models."""

    class Inner(BaseModel, extra="forbid"):
        colour: int = 0

    class Outer(BaseModel, extra="forbid"):
        inner: dict[str, Inner]

    source = read_yaml("inner:\n  a:\n    color: 1\n", "f.yaml")
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(source.data)
    findings = validation_findings(caught.value, source, Outer)
    assert [str(each) for each in findings] == ["f.yaml:3:5: unknown key 'color'; did you mean 'colour'?"]


@pytest.mark.parametrize("file", sorted(LIBRARY.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_runbook_of_the_library_lints_plans_and_pins(file: Path) -> None:
    """With the actions as they are; its file is called what it is called."""
    catalog = Catalog([], SPECS)
    assert catalog.lint(file.stem).findings == ()
    assert catalog.plan(file.stem).steps
    assert catalog.pin(file.stem) == catalog.pin(file.stem)


def test_the_plan_of_a_rollback_says_what_it_will_do() -> None:
    """What changes something, what only looks, what must be approved, what takes it back."""
    planned = Catalog([], SPECS).plan("roll-back-release")
    assert (planned.mutating, planned.read_only, planned.fault, planned.approvals) == (2, 1, 0, 1)
    rollback = next(step for step in planned.steps if step.id == "rollback")
    assert rollback.approved_by == ("approve",)
    assert rollback.undo == "auto"
    assert rollback.verified_by == "check.http"
    assert planned.mitigates


def test_the_teams_own_runbook_hides_the_librarys(tmp_path: Path) -> None:
    """Own folders come first; what has findings is shown with them and not pinned; other names are not found."""
    good = HEAD.replace("mend", "restart-service") + "steps: [{id: a, action: noop}]"
    (tmp_path / "restart-service.yaml").write_text(good)
    (tmp_path / "broken.yaml").write_text(HEAD + "steps: [{id: a, action: nop}]")
    catalog = Catalog([tmp_path], SPECS)
    assert catalog.names() == sorted({"broken", *(file.stem for file in LIBRARY.glob("*.yaml"))})
    pinned = catalog.pin("restart-service")
    assert pinned.document.title == "Mend"
    assert set(pinned.actions) == {"noop"}
    assert "called 'mend' but its file 'broken.yaml'" in str(catalog.summaries()[0].findings[0])
    with pytest.raises(Unreadable, match="did you mean 'noop'"):
        catalog.pin("broken")
    for name in ("../secrets", "restart-servise"):
        with pytest.raises(Exception, match="there is no runbook"):
            catalog.pin(name)


def test_the_digest_changes_with_the_text() -> None:
    """And with nothing else."""
    one = lint(HEAD + "steps: [{id: a, action: noop}]", "m", SPECS).runbook
    two = lint(HEAD + "# a comment\nsteps:\n  - id: a\n    action: noop\n", "m", SPECS).runbook
    assert one == two
    assert one is not None
    assert plan(one, SPECS).not_undoable == ()


def test_the_schema_for_editors_knows_the_actions() -> None:
    """Durations as they are written, and the parameters of each action, each of which may be an expression."""
    schema = runbook_json_schema(SPECS)
    assert schema["$defs"]["Step"]["properties"]["timeout"]["anyOf"][0]["pattern"].startswith("^")
    url = schema["$defs"]["check.http"]["properties"]["url"]
    assert url["anyOf"][0]["type"] == "string"
    assert len(schema["$defs"]["Step"]["allOf"]) == len(SPECS)


def test_the_schema_for_editors_is_one_and_knows_the_library() -> None:
    """An editor that follows the standard marks nothing in the library, and marks what is plainly wrong."""
    schema = runbook_json_schema(SPECS)
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    for file in sorted(LIBRARY.glob("*.yaml")):
        assert not list(judge.iter_errors(read_yaml(file.read_text(), file.name).data)), file.name
    for wrong in ("steps: []", "stepz: []\nsteps: [{id: a, action: noop}]", "steps: [{id: a, action: nop, wth: 1}]"):
        assert list(judge.iter_errors(read_yaml(HEAD + wrong, "wrong.yaml").data)), wrong


def test_an_edit_is_in_the_next_list(tmp_path: Path) -> None:
    """The list of runbooks is kept only while no file changes: an edit, a new file and one taken away all count."""
    file = tmp_path / "mend.yaml"
    file.write_text(HEAD + "steps: [{id: a, action: noop}]")
    catalog = Catalog([tmp_path], SPECS)

    def listed() -> dict[str, tuple[str, int]]:
        return {each.name: (each.title, len(each.findings)) for each in catalog.summaries() if each.name < "n"}

    before = listed()
    assert before["mend"] == ("Mend", 0)
    assert catalog.summaries()[0] is catalog.summaries()[0], "nothing is linted again"
    # As long as before: the length alone tells nothing.
    file.write_text(HEAD.replace("Mend", "Heal") + "steps: [{id: a, action: noop}]")
    assert listed()["mend"] == ("Heal", 0)
    (tmp_path / "inner.yaml").write_text(HEAD.replace("mend", "inner") + "steps: [{id: a, action: nop}]")
    assert listed()["inner"] == ("Mend", 1)
    file.unlink()
    (tmp_path / "inner.yaml").unlink()
    assert listed() == {name: line for name, line in before.items() if name != "mend"}
