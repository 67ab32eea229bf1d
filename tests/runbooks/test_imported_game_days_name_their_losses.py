"""Experiments of other tools as game days: what has its like is mapped, the rest is listed with its line."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from activities.actions import specs
from runbooks.findings import Unreadable
from runbooks.importers.game_days import GameDayFormat, ImportedGameDay, import_game_day

SPECS = specs()
# Files by other people, beside the checkout where outside checks are made; never part of the project.
THEIRS = Path(__file__).parents[3] / "shared" / "data"

EXPERIMENT = """\
version: 1.0.0
title: The shop survives the loss of its cache
description: It gets slower and stays right.
tags: [cache]
configuration:
  front_url: {type: env, key: FRONT_URL, default: "http://127.0.0.1:8000/"}
  unused: 3
controls:
  - name: guard
    provider:
      type: python
      module: chaosaddons.controls.safeguards
      arguments:
        probes:
          - {name: up, type: probe, frequency: 10, tolerance: 200, provider: {type: http, url: "${front_url}"}}
  - name: trace
    provider: {type: python, module: chaostracing.control}
steady-state-hypothesis:
  title: The shop answers
  probes:
    - {type: probe, name: answers, tolerance: 200, provider: {type: http, url: "${front_url}", timeout: 2}}
    - type: probe
      name: says so
      tolerance: {type: regex, target: body, pattern: welcome}
      provider: {type: http, url: "${front_url}"}
    - type: probe
      name: errors
      tolerance: {type: range, range: [0, 5]}
      provider:
        type: python
        module: chaosprometheus.probes
        func: query
        arguments: {query: "sum(rate(errors[1m]))"}
    - {type: probe, name: odd, tolerance: true, provider: {type: python, module: mine, func: judge}}
method:
  - type: action
    name: kill the cache
    provider: {type: process, path: pkill, arguments: "-9 -f redis"}
    pauses: {after: 5}
  - ref: answers
  - type: action
    name: break it by hand
    provider: {type: process, path: /opt/chaos/break.sh, arguments: [--hard]}
  - type: action
    name: lose the pods
    provider: {type: python, module: chaosk8s.pod.actions, func: terminate_pods, arguments: {ns: shop}}
rollbacks:
  - type: action
    name: mend it
    provider: {type: process, path: /opt/chaos/mend.sh}
  - type: action
    name: tell them
    provider: {type: http, url: "http://127.0.0.1:9/"}
"""

TEMPLATE = {
    "description": "Stop the nodes of the shop",
    "roleArn": "arn:aws:iam::123456789012:role/fis",
    "actions": {
        "wait": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1M"}},
        "stop": {
            "actionId": "aws:ec2:stop-instances",
            "parameters": {"startInstancesAfterDuration": "PT5M"},
            "targets": {"Instances": "nodes"},
            "startAfter": ["wait"],
        },
        "odd": {"actionId": "aws:rds:failover-db-cluster", "surprise": 1},
    },
    "targets": {
        "nodes": {"resourceType": "aws:ec2:instance", "resourceTags": {"a": "b"}, "selectionMode": "PERCENT(50)"}
    },
    "stopConditions": [
        {"source": "aws:cloudwatch:alarm", "value": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-5xx"}
    ],
    "experimentOptions": {"emptyTargetResolutionMode": "skip"},
}


def imported(text: str, form: GameDayFormat | None = None, name: str = "shop.yaml") -> ImportedGameDay:
    return import_game_day(text, name, form, SPECS, owner="sre")


def document(made: ImportedGameDay) -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load(made.text)
    return read


def loss_on(made: ImportedGameDay, words: str) -> int:
    """The line of the one loss that says this."""
    found = [loss for loss in made.losses if words in loss.sentence]
    assert len(found) == 1, [loss.sentence for loss in made.losses]
    return found[0].line


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)


def test_an_experiment_becomes_a_game_day_that_lints() -> None:
    """Hypothesis, method, rollback, safeguard and configuration have their places."""
    made = imported(EXPERIMENT)
    assert made.findings == ()
    day = document(made)
    assert (day["name"], day["owner"], day["hypothesis"]) == ("shop", "sre", "The shop answers")
    by_mode = {(probe["id"], probe["mode"]): probe for probe in day["steady_state"]}
    assert by_mode["answers", "edge"]["with"] == {"url": "{{ params.front_url }}", "timeout_seconds": 2.0}
    assert ("answers_during", "during_fault") in by_mode
    assert by_mode["says_so", "edge"]["with"]["contains"] == "welcome"
    assert by_mode["errors", "edge"]["tolerance"] == {"type": "range", "range": [0, 5]}
    kill, broken = day["faults"]
    assert (kill["action"], kill["with"]) == (
        "process.kill", {"process": "{{ target.process }}", "restart": "{{ target.restart }}"}
    )  # fmt: skip
    assert (broken["action"], broken["delay"]) == ("program.inject", "5s")
    assert broken["with"] == {
        "program": "break-sh", "arguments": ["--hard"], "revert_program": "mend-sh", "revert_arguments": []
    }  # fmt: skip
    assert [(stop["action"], stop["every"], stop["stop_when"]) for stop in day["stop_conditions"]] == [
        ("check.http", "10s", "fails")
    ]


def test_whatever_is_not_carried_over_is_listed_with_its_line() -> None:
    """Nothing is dropped in silence, and what a person must complete is said."""
    made = imported(EXPERIMENT)
    assert loss_on(made, "the probe 'odd' is not carried over") == line_of(EXPERIMENT, "name: odd")
    assert loss_on(made, "'lose the pods' is not carried over") == line_of(EXPERIMENT, "name: lose the pods") - 1
    assert loss_on(made, "the rollback 'tell them'") == line_of(EXPERIMENT, "name: tell them") - 1
    assert loss_on(made, "the control 'trace'") == line_of(EXPERIMENT, "name: trace")
    assert loss_on(made, "'tags' is not carried over") == line_of(EXPERIMENT, "tags:")
    assert loss_on(made, "'unused' is not carried over") == line_of(EXPERIMENT, "unused:")
    for words in (
        "'-9 -f redis' said what is hit",
        "'kill the cache' says not how long",
        "nothing said who starts it again",
        "give the parameter 'drill_t",
    ):
        loss_on(made, words)
    assert all(loss.sentence.split()[0] in made.text for loss in made.losses)


def test_an_experiment_without_a_like_is_run_by_the_toolkit_itself() -> None:
    """The game day still lints; what must be allowed is said."""
    bare = {"title": "t", "description": "d", "method": [{"type": "action", "name": "x", "provider": {"type": "odd"}}]}
    made = imported(json.dumps(bare))
    assert made.findings == ()
    assert [fault["action"] for fault in document(made)["faults"]] == ["chaostoolkit.run"]
    loss_on(made, "allow the whole of it under actions.chaos_toolkit")
    loss_on(made, "give 'health_url'")


def test_a_program_that_nothing_takes_back_is_left_out() -> None:
    """A fault without an undo is no fault that may be made here."""
    lone = {"title": "t", "description": "d", "rollbacks": []}
    lone["method"] = [{"type": "action", "name": "x", "provider": {"type": "process", "path": "break.sh"}}]
    made = imported(json.dumps(lone))
    loss_on(made, "the experiment has no program that takes it back")
    assert "program.inject" not in [fault["action"] for fault in document(made)["faults"]]


def test_a_fis_template_is_started_watched_and_stopped() -> None:
    """Its own duration is the longest way through its actions; its alarm stops the game day too."""
    text = json.dumps(TEMPLATE, indent=1)
    made = imported(text, name="stop-nodes.json")
    assert made.findings == ()
    day = document(made)
    (fault,) = day["faults"]
    assert (fault["action"], fault["duration"]) == ("aws.fis.start_experiment", "10m")
    assert day["stop_conditions"] == [{"id": "shop_5xx", "alarm": {"alertname": "shop-5xx"}}]
    assert loss_on(made, "FIS chooses PERCENT(50) of aws:ec2:instance") == line_of(text, '"nodes": {')
    assert loss_on(made, "'surprise' is not carried over") == line_of(text, '"surprise"')
    loss_on(made, "FIS passes with no target")
    loss_on(made, "names no duration")


def test_the_form_is_told_from_the_file_or_refused_with_a_sentence() -> None:
    """A file of neither kind names what it lacks."""
    with pytest.raises(Unreadable, match="neither a Chaos Toolkit experiment"):
        imported("hello: world\n")
    with pytest.raises(Unreadable, match="it has no method"):
        imported("hello: world\n", GameDayFormat.CHAOS_TOOLKIT)
    with pytest.raises(Unreadable, match="it has no actions"):
        imported("[1, 2]\n", GameDayFormat.FIS)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_broken_file_gives_a_game_day_or_a_sentence(data: st.DataObject) -> None:
    """Any part of a good file may be anything at all."""
    whole = YAML(typ="safe").load(EXPERIMENT) if data.draw(st.booleans()) else json.loads(json.dumps(TEMPLATE))
    junk = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
        max_leaves=4,
    )
    place: Any = whole
    for _ in range(data.draw(st.integers(1, 5))):
        key = data.draw(st.sampled_from(sorted(place)) if isinstance(place, dict) else st.integers(0, len(place) - 1))
        if not isinstance(place[key], dict | list) or not place[key]:
            break
        if data.draw(st.booleans()):
            break
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place)) if isinstance(place, dict) else st.integers(0, len(place) - 1))
    place[key] = data.draw(junk)
    with suppress(Unreadable):
        assert imported(json.dumps(whole)).text


@pytest.mark.skipif(not THEIRS.is_dir(), reason="needs the folder of other people's files beside the checkout")
def test_every_experiment_of_others_is_read() -> None:
    """Each becomes a game day that lints, with its losses listed; none ends in a trace."""
    files = sorted(file for folder in ("chaostoolkit", "fis") for file in (THEIRS / folder).iterdir())
    assert len(files) > 50
    for file in files:
        made = import_game_day(file.read_text(), file.name, None, SPECS)
        assert made.losses, file.name
        assert made.findings == (), (file.name, made.findings)


def test_a_program_that_looks_stays_a_probe() -> None:
    """With its exit code or its words; that it changes nothing is its owner's word, in hotwash.yaml."""
    probes = """\
    - {type: probe, name: backup is there, tolerance: 0, provider: {type: process, path: /opt/look.sh, timeout: 5}}
    - type: probe
      name: queue is short
      tolerance: {type: regex, pattern: "^[0-9]$", target: stdout}
      provider: {type: process, path: queue-length, arguments: {--queue: orders}, timeout: 900}
    - {type: probe, name: odd, tolerance: {type: jsonpath, path: "$.a"}, provider: {type: process, path: look}}
method:
"""
    made = import_game_day(EXPERIMENT.replace("method:\n", probes), "x.yaml", None, SPECS)
    assert made.findings == ()
    found = {each["id"]: each for each in YAML(typ="safe").load(made.text)["steady_state"]}
    backup, queue = found["backup_is_there"], found["queue_is_short"]
    assert (backup["action"], backup["mode"]) == ("check.program", "edge")
    assert backup["with"] == {"program": "look-sh", "arguments": [], "timeout_seconds": 5}
    assert queue["with"] == {"program": "queue-length", "arguments": ["--queue", "orders"]}
    assert queue["tolerance"] == {"type": "regex", "path": "$.stdout", "pattern": "^[0-9]$"}
    losses = "\n".join(str(each) for each in made.losses)
    assert (
        "allow '/opt/look.sh' with these arguments as actions.programs.look-sh in hotwash.yaml, with `read_only"
        in losses
    )
    assert "a program that looks gets 60 s at most" in losses
    assert "the probe 'odd' is not carried over: a probe changes nothing: write it as check.http" in losses
