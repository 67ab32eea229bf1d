"""`hotwash game-day lint`, `show FILE` and `schema`: what can be said of a file without a server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.world import ROOT

CONFIGURATION = """
people: {dana: {name: Dana, groups: [sre]}}
services: {shop: {name: Shop}}
drill_targets:
  shop-1: {service: shop, environment: production, drillable: true, with: {process: shop}}
  shop-2: {service: shop, environment: production, with: {process: shop}}
game_day_policy: {approvers: [sre], min_approvals: 2}
"""
FILE = """\
schema_version: 1
name: drill
title: A drill
owner: sre
hypothesis: We notice
match: {drillable: "yes"}
targets: {shop: {names: [shop-1]}}
steady_state: [{id: health, action: check.http, with: {url: "http://shop"}}]
faults:
  - id: kill
    action: process.kill
    targets: shop
    duration: 1m
    with: {process: "{{ target.process }}"}
    undo: {action: release.restart, with: {target: shop}}
expectations: [{expect: page, within: 60s}]
"""


def hotwash(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command, as a person gives it."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "game-day", *arguments], cwd=ROOT, capture_output=True, text=True,
        check=False, env={**os.environ, "HOTWASH_HOME": str(home)},
    )  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """With `hotwash.yaml` and one game day."""
    (tmp_path / "hotwash.yaml").write_text(CONFIGURATION)
    (tmp_path / "drill.yaml").write_text(FILE)
    return tmp_path


def test_a_file_is_shown_with_its_targets_and_who_has_to_agree(home: Path) -> None:
    """As it would be done here; for people and for machines."""
    shown = hotwash(home, "show", str(home / "drill.yaml"))
    assert shown.returncode == 0, shown.stderr
    assert "2 by sre" in shown.stdout
    plan = json.loads(hotwash(home, "show", str(home / "drill.yaml"), "--json").stdout)
    assert [(each["target"], each["parameters"]) for each in plan["faults"]] == [("shop-1", {"process": "shop"})]
    assert (plan["environments"], plan["approvals_needed"]) == (["production"], 2)


def test_what_is_wrong_is_said_with_its_place(home: Path) -> None:
    """Exit code 1; a target without its owner's word, too, since hotwash.yaml is there."""
    assert hotwash(home, "lint", str(home / "drill.yaml")).returncode == 0
    (home / "drill.yaml").write_text(FILE.replace("shop-1]", "shop-2]").replace("    duration: 1m\n", ""))
    wrong = hotwash(home, "lint", str(home))
    assert wrong.returncode == 1
    assert "drill.yaml:10:5: the key 'duration' is missing" in wrong.stdout
    (home / "drill.yaml").write_text(FILE.replace("shop-1]", "shop-2]"))
    refused = hotwash(home, "show", str(home / "drill.yaml"))
    assert refused.returncode == 1
    assert "drill.yaml:7:26: 'shop-2' may not be drilled" in refused.stderr


def test_a_tabletop_is_shown_with_what_its_game_master_has_to_know(home: Path) -> None:
    """Its injects, each with its clue; who plays may be said; a mistake in it is said with its place."""
    story = ROOT / "runbooks" / "training" / "bad-release-confusing-clues.yaml"
    shown = hotwash(home, "show", str(story))
    assert shown.returncode == 0, shown.stderr
    assert "said at the start (players=alice,bob)" in shown.stdout
    played = json.loads(hotwash(home, "show", str(story), "-p", "players=dana", "--json").stdout)
    assert (played["kind"], played["players"]) == ("tabletop", ["dana"])
    assert all(each["text"] for each in played["injects"])
    nobody = hotwash(home, "show", str(story), "-p", "players=dona")
    assert (nobody.returncode, "there is no person 'dona'" in nobody.stderr) == (1, True)
    (home / story.name).write_text(story.read_text().replace("duration:", "duratoin:"))
    wrong = hotwash(home, "show", str(home / story.name))
    assert (wrong.returncode, "did you mean 'duration'?" in wrong.stderr) == (1, True), wrong.stderr


def test_editors_get_a_schema(home: Path) -> None:
    """It knows the parameters of every action, and that a fault's duration stands beside them."""
    schema = json.loads(hotwash(home, "schema").stdout)
    definitions = schema["$defs"]
    assert "duration" in definitions["Fault"]["required"]
    assert set(definitions["process.kill"]["properties"]) >= {"process", "signal"}
    assert "lease" not in definitions["process.kill"]["properties"]
    assert schema["properties"]["steady_state"]["items"] == {"$ref": "#/$defs/Probe"}
