"""Importers: what maps is mapped, the rest is listed with its line, and whatever comes in, what comes out lints."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ruamel.yaml import YAML

from activities.actions import specs
from domain.run import ActionSpec, Effect, Idempotency
from runbooks.findings import Unreadable
from runbooks.importers import Format, Imported, import_runbooks
from runbooks.importers.jumps import Way, reached
from runbooks.render import render
from runbooks.schema import Step
from tests.support.foreign_runbooks import CHAOS, DOCUMENTS

# Without the clouds: whether something is done by hand must not depend on which actions there are already.
SPECS = {name: spec for name, spec in specs().items() if not name.startswith(("aws.", "kubernetes."))}


def imported(form: Format, text: str | None = None) -> Imported:
    return import_runbooks(text if text is not None else DOCUMENTS[form], "folder/old.yaml", form, SPECS)


def document_of(found: Imported, number: int = 0) -> dict[str, Any]:
    """A runbook as plain data."""
    return YAML(typ="safe", pure=True).load(found.runbooks[number].text)


def steps_of(found: Imported, number: int = 0) -> dict[str, dict[str, Any]]:
    return {step["id"]: step for step in document_of(found, number)["steps"]}


def losses(found: Imported) -> list[str]:
    return [f"{loss.line} {loss.code} {loss.sentence}" for loss in found.losses]


@pytest.mark.parametrize("form", Format)
def test_what_comes_out_lints_and_says_what_it_lacks(form: Format) -> None:
    """Every loss stands in the report and in the head of the runbook that it concerns."""
    found = imported(form)
    heads = ""
    for runbook in found.runbooks:
        assert runbook.findings == ()
        assert runbook.text.startswith("# Imported from ")
        heads += runbook.text.split("schema_version", 1)[0].replace("\n#     ", " ")
    for loss in found.losses:
        assert f"line {loss.line}: {loss.sentence}" in heads
    assert "folder/" not in heads


@pytest.mark.parametrize("form", Format)
def test_no_secret_of_the_file_is_copied(form: Format) -> None:
    """Not into the runbook and not into the report; that something was left out is said."""
    found = imported(form)
    assert "hunter2" not in "".join(runbook.text for runbook in found.runbooks)
    assert "hunter2" not in "\n".join(losses(found))
    assert "secret" in {loss.code for loss in found.losses}


def test_ssm_steps_become_what_does_the_same() -> None:
    """Approval, wait, request with retry and timeout; AWS calls become work for a person who sees the inputs."""
    steps = steps_of(imported(Format.SSM))
    assert list(steps) == ["get_node", "hard_reset", "soft_reset", "reset", "tell_them", "pause", "settle"]
    assert steps["hard_reset"]["approval"] == {
        "covers": ["reset"],
        "approvers": ["alice", "sre"],
        "min_approvals": 2,
        "expires_after": "30m",
        "message": "Reset {{ params.instance_id }}?",
    }
    assert steps["soft_reset"]["wait"] == {"duration": "1m30s"}
    assert steps["reset"]["action"] == "http.request"
    assert steps["reset"]["retry"] == {"max_attempts": 3}
    assert steps["reset"]["timeout"] == "20s"
    assert steps["reset"]["with"]["body"] == '{"node": "{{ params.instance_id }}"}'
    by_hand = steps["get_node"]["manual"]["instructions"]
    assert "DescribeInstances" in by_hand
    assert "- State (String): $.Reservations[0].State" in by_hand
    assert "{{ run.id }} {{ '{{' }} global:REGION }}" in steps["tell_them"]["manual"]["instructions"]


def test_ssm_jumps_become_conditions() -> None:
    """Each step runs exactly when the jumps lead to it, and a failure's step only after the failure."""
    steps = steps_of(imported(Format.SSM))

    def runs(step: str, mode: str, state: str, reset: str) -> bool:
        scope = {
            "params": {"mode": mode, "limit": 5},
            "steps": {"get_node": {"output": {"State": state}}, "reset": {"status": reset}},
        }
        return bool(render(steps[step].get("if", "{{ true }}"), scope))

    assert [runs(s, "hard", "x", "succeeded") for s in ("hard_reset", "soft_reset", "reset")] == [True, False, True]
    assert [runs(s, "soft", "o'k", "succeeded") for s in ("hard_reset", "soft_reset", "reset")] == [False, True, True]
    assert [runs(s, "soft", "x", "skipped") for s in ("reset", "tell_them", "pause", "settle")] == [
        *(False, False, True, True)
    ]
    assert [runs(s, "hard", "x", "failed") for s in ("tell_them", "pause", "settle")] == [True, False, False]
    assert steps["reset"]["on_failure"] == "continue"
    assert steps["hard_reset"]["on_failure"] == "abort"


def test_ssm_parameters_keep_what_a_parameter_has() -> None:
    """Type, default and choices; a pattern and a value kept in AWS are losses."""
    found = imported(Format.SSM)
    parameters = document_of(found)["parameters"]
    assert parameters["mode"] == {"type": "string", "default": "soft", "choices": ["soft", "hard"]}
    assert parameters["limit"] == {"type": "integer", "default": 5}
    assert parameters["instance_id"] == {"type": "string", "description": "Which node"}
    assert "default" not in parameters["password"]
    assert "role" not in parameters
    assert "reset_hook_url" in parameters


@pytest.mark.parametrize(
    "expected",
    [
        "5 left_out 'assumeRole' is not carried over: Hotwash acts with the identity of its worker",
        "7 left_out the parameter 'Role' is not carried over: it only names the assumed role",
        "9 left_out 'allowedPattern' is not carried over",
        "11 left_out 'default' is not carried over: its value is kept in AWS",
        "14 by_hand 'action' is done by hand now: there is no action for aws:executeAwsApi",
        "15 left_out 'timeoutSeconds' is not carried over",
        "16 secret 'DbPassword' is not carried over",
        "31 left_out 'NotificationArn' is not carried over",
        "34 incomplete 'Approvers' must be completed: alice, sre must be people or groups of hotwash.yaml",
        "44 left_out 'isCritical' is not carried over",
        "45 incomplete 'IntegrationName' must be completed",
        "left_out '{{ global:REGION }}' is not known to a runbook and stays text",
        "55 by_hand 'action' is done by hand now: a wait lasts for a time that is known beforehand",
        "57 left_out 'nextStep' is not carried over: it jumps back, and a runbook only goes forward",
        "58 left_out 'outputs' is not carried over",
    ],
)
def test_each_loss_of_an_automation_has_its_line(expected: str) -> None:
    """What, where, why."""
    assert any(expected in loss for loss in losses(imported(Format.SSM))), losses(imported(Format.SSM))


def test_rundeck_jobs_become_runbooks() -> None:
    """One each; options are parameters, handlers run after a failure, commands are shown to a person as they were."""
    found = imported(Format.RUNDECK)
    assert [runbook.name for runbook in found.runbooks] == ["ops-restart-the-shop", "another"]
    document, steps = document_of(found), steps_of(found)
    assert document["timeout"] == "1h30m"
    assert document["parameters"] == {
        "version": {"default": "v1", "choices": ["v1", "v2"]},
        "db_password": {"type": "secret", "required": False},
        "hosts": {"type": "list", "default": ["a", "b"]},
        "note": {"required": False},
    }
    assert steps["stop_it"]["on_failure"] == "continue"
    assert steps["stop_it_failed"]["if"] == "{{ steps.stop_it.status in ['failed', 'timed_out'] }}"
    assert steps["stop_it_failed"]["on_failure"] == "abort"
    assert "if" not in steps["script"]
    scope = {"params": {"db_password": "env:DB", "version": "v1", "hosts": ["a"]}}
    shown = render(steps["stop_it"]["manual"]["instructions"], scope)
    assert "systemctl stop shop --token=(left out) -p env:DB # ${HOME} {{ not ours }} ${#array}" in shown
    assert "tags: web" in shown
    assert "echo v1 {% x %}" in render(steps["stop_it_failed"]["manual"]["instructions"], scope)
    assert next(iter(steps_of(found, 1).values()))["on_failure"] == "continue"


@pytest.mark.parametrize(
    "expected",
    [
        "8 left_out 'retry' is not carried over: a runbook retries steps, not itself",
        "9 left_out 'schedule' is not carried over",
        "10 changed 'nodefilters' has changed",
        "10 left_out 'dispatch' is not carried over",
        "12 left_out 'regex' is not carried over",
        "13 secret 'value' is not carried over",
        "13 left_out 'storagePath' is not carried over",
        "21 by_hand 'exec' is done by hand now: only programs that actions.programs",
        "23 by_hand 'script' is done by hand now",
        "'data.x' is not known to a runbook and stays text",
        "28 by_hand 'type' is done by hand now: Rundeck's plugins do not run here",
        "28 secret 'token' is not carried over",
        "31 by_hand 'exec' is done by hand now",
    ],
)
def test_each_loss_of_a_job_has_its_line(expected: str) -> None:
    """What, where, why."""
    assert any(expected in loss for loss in losses(imported(Format.RUNDECK))), losses(imported(Format.RUNDECK))


def test_a_runbook_only_lists_the_losses_of_its_own_job() -> None:
    """The head of the second job says nothing of the first."""
    second = imported(Format.RUNDECK).runbooks[1].text
    assert "NOT CARRIED OVER AS IT WAS (1)" in second


def test_other_jobs_and_documents_become_nested_runbooks() -> None:
    """As soon as the language has them; until then a person starts them."""
    ssm = """
schemaVersion: '0.3'
mainSteps:
  - name: a
    action: aws:executeAutomation
    inputs: {DocumentName: AWS-RestartEC2Instance, RuntimeParameters: {InstanceId: [i-1]}}
"""
    step = steps_of(imported(Format.SSM, ssm))["a"]
    smoke = next(s for s in document_of(imported(Format.RUNDECK))["steps"] if s["id"] == "smoke_test")
    if "runbook" in Step.model_fields:
        assert step["runbook"] == {"name": "aws-restart-ec2-instance", "parameters": {"instance_id": "i-1"}}
        assert smoke["runbook"] == {"name": "ops-smoke-test", "parameters": {"version": "{{ params.version }}"}}
    else:
        assert "AWS-RestartEC2Instance" in step["manual"]["instructions"]
        assert "Smoke test" in smoke["manual"]["instructions"]


def an_action(name: str, effect: str, parameters: list[str]) -> ActionSpec:
    schema = {"type": "object", "properties": {each: {} for each in parameters}, "required": parameters}
    return ActionSpec(
        name=name,
        summary="",
        effect=Effect(effect),
        idempotency=Idempotency.IDEMPOTENT,
        parameters=schema | {"additionalProperties": False},
        result={},
    )


def test_what_an_action_does_is_done_by_that_action() -> None:
    """As soon as there is one of that name; what it must be told besides is a parameter and a loss."""
    some = [
        an_action("kubernetes.uncordon", "mutating", ["target", "node"]),
        an_action("aws.ec2.stop", "mutating", ["target", "instances"]),
    ]
    known = {each.name: each for each in some}
    healed = import_runbooks(CHAOS, "old.json", Format.CHAOS_TOOLKIT, known | {"check.http": SPECS["check.http"]})
    step = steps_of(healed)["uncordon"]
    assert step["action"] == "kubernetes.uncordon"
    assert step["with"] == {"target": "{{ params.kubernetes_target }}", "node": "n1"}
    assert any("31 incomplete kubernetes.uncordon wants to know in which cluster" in loss for loss in losses(healed))
    text = """
schemaVersion: '0.3'
parameters: {Ids: {type: StringList}}
mainSteps:
  - {name: Stop, action: aws:changeInstanceState, inputs: {InstanceIds: '{{ Ids }}', DesiredState: stopped}}
  - name: Look
    action: aws:changeInstanceState
    inputs: {InstanceIds: [i], DesiredState: stopped, CheckStateOnly: true}
"""
    stopped = import_runbooks(text, "old.yaml", Format.SSM, known)
    steps = steps_of(stopped)
    assert stopped.runbooks[0].findings == ()
    assert steps["stop"]["action"] == "aws.ec2.stop"
    assert steps["stop"]["with"] == {"target": "{{ params.aws_target }}", "instances": "{{ params.ids }}"}
    assert "manual" in steps["look"]


def test_rollbacks_become_steps_and_the_hypothesis_their_check() -> None:
    """Requests and waits as they are; programs and Python functions are shown to a person."""
    steps = steps_of(imported(Format.CHAOS_TOOLKIT))
    assert list(steps) == [
        *("wait_before_heal", "heal", "wait_after_heal", "start", "uncordon", "sells", "sells_2", "no_errors")
    ]
    assert steps["heal"]["with"] == {
        "method": "POST",
        "json": {"how": "${nowhere}"},
        "url": "http://shop/heal?x=1",
        "headers": {"Authorization": {"secret": "env:AUTHORIZATION"}, "X-Retries": "{{ params.retries }}"},
        "timeout_seconds": 300.0,
    }
    assert steps["wait_after_heal"]["wait"] == {"duration": "5s"}
    assert steps["sells"]["wait"]["until"] == {
        "action": "check.http",
        "with": {"url": "{{ params.shop }}/buy", "status": 201, "timeout_seconds": 3.0},
    }
    assert "systemctl start db" in steps["start"]["manual"]["instructions"]
    parameters = document_of(imported(Format.CHAOS_TOOLKIT))["parameters"]
    assert parameters["shop"]["default"] == "http://shop"
    assert set(parameters) == {"shop", "retries"}


@pytest.mark.parametrize(
    "expected",
    [
        "5 left_out 'tags' is not carried over",
        "7 changed 'shop' has changed: the environment is not read",
        "8 left_out 'unused' is not carried over: nothing that was carried over needs it",
        "11 secret 'OLD' is not carried over",
        "17 by_hand 'tolerance' is done by hand now",
        "22 left_out the action 'break-it' of the method is not carried over",
        "23 left_out the activity 'sells' of the method is not carried over",
        "26 left_out 'controls' is not carried over",
        "27 secret 'url' is not carried over: it held a user or a password",
        "27 changed 'verify_tls' has changed",
        "27 changed 'timeout' has changed: http.request waits 300 s at most",
        "28 secret 'Authorization' is not carried over",
        "'${nowhere}' is not configured in the experiment and stays text",
        "29 by_hand 'start' is done by hand now: only programs that actions.programs",
        "31 by_hand 'uncordon' is done by hand now: there is no action that does this to Kubernetes",
        "34 left_out 'ref' is not carried over: there is no activity 'nobody'",
    ],
)
def test_each_loss_of_an_experiment_has_its_line(expected: str) -> None:
    """What, where, why."""
    found = losses(imported(Format.CHAOS_TOOLKIT))
    assert any(expected in loss for loss in found), found


def test_a_construct_that_nobody_has_heard_of_is_listed() -> None:
    """At every level of every format."""
    for form, text in DOCUMENTS.items():
        data = YAML(typ="safe", pure=True).load(text)
        for path in list(mappings(data)):
            if any(
                part in {"inputs", "configuration", "method", "secrets", "arguments", "outputs", "Role", "controls"}
                for part in path
            ):
                continue
            if path[-1:] in {
                ("headers",),
                ("parameters",),
                ("options",),
                ("tolerance",),
                ("retry",),
                ("schedule",),
                ("dispatch",),
            }:
                # Their keys are names of the user's own, or they are listed as a whole.
                continue
            changed = json.loads(json.dumps(data))
            at(changed, path)["x-unheard-of"] = "z"
            found = imported(form, json.dumps(changed))
            texts = "".join(runbook.text for runbook in found.runbooks).split("schema_version", 1)[1]
            assert any("x-unheard-of" in loss for loss in losses(found)) or "x-unheard-of" in texts, (form, path)


ODD = (
    None,
    "",
    [],
    {},
    5,
    -1.5,
    True,
    "x",
    ["x"],
    {"x": "y"},
    [None, {}],
    "{{ x }}",
    "${x}{%",
    "1e999",
    "\ud83d\ude00\x00",
)


# Odd values that each place is tried with; all of them take a minute for each format.
EACH = 1


@pytest.mark.parametrize("form", Format)
def test_whatever_stands_anywhere_what_comes_out_lints(form: Format) -> None:
    """Each value of each document in turn becomes an odd one: a refusal with a place, or a runbook that lints."""
    data = YAML(typ="safe", pure=True).load(DOCUMENTS[form])
    for number, path in enumerate(values(data)):
        for odd in ODD[number % len(ODD) :][:EACH]:
            changed = json.loads(json.dumps(data))
            at(changed, path[:-1])[path[-1]] = odd
            try:
                found = imported(form, json.dumps(changed))
            except Unreadable:
                continue
            for runbook in found.runbooks:
                assert runbook.findings == (), (path, odd)


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("text", ["", "[]", "5", "{}", "- 5", "a: [1", "<joblist/>", "steps: 5\nmethod: 5", "\x00"])
def test_what_is_another_file_is_refused_with_a_sentence(form: Format, text: str) -> None:
    """And with its place."""
    with pytest.raises(Unreadable) as caught:
        imported(form, text)
    assert caught.value.findings[0].line >= 1


def test_a_fault_injection_template_is_told_its_place() -> None:
    """It is no Automation document, and it is no runbook."""
    with pytest.raises(Unreadable, match="whose place is a game day"):
        imported(Format.SSM, '{"actions": {}, "targets": {}, "stopConditions": [], "description": "x"}')


def test_all_ways_out_of_a_step_together_are_no_condition() -> None:
    """Branches that meet again leave nothing behind; a step that none leads to is not reached."""
    found = reached(
        [
            [Way("a", 1), Way("b", 2), Way(None, 3)],
            [Way(None, 4)],
            [Way(None, 4)],
            [Way(None, 4)],
            [Way(None, None)],
            [Way(None, None)],
        ]
    )
    assert [each.condition for each in found[:5]] == [None, "a", "not (a) and b", "not (a) and not (b)", None]
    assert not found[5].is_reachable


def test_too_many_ways_are_left_to_a_person() -> None:
    """Rather than a condition that nobody can read."""
    ways = [[Way(f"c{number}", 20), Way(None, number + 1)] for number in range(12)]
    found = reached([*ways, [Way(None, None)], *([[Way(None, None)]] * 8)])
    assert found[20].is_unclear


def mappings(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all mappings."""
    if isinstance(data, dict):
        yield path
    for key, item in data.items() if isinstance(data, dict) else enumerate(data if isinstance(data, list) else ()):
        yield from mappings(item, (*path, key))


def values(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything."""
    if path:
        yield path
    for key, item in data.items() if isinstance(data, dict) else enumerate(data if isinstance(data, list) else ()):
        yield from values(item, (*path, key))


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        data = data[part]
    return data
