"""The JSON Schema that `hotwash game-day schema` prints marks no good file as wrong, and a wrong one as wrong."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from activities.actions import specs
from runbooks.game_day_catalog import LIBRARY, TRAINING
from runbooks.json_schema import game_day_json_schema

SCHEMA = game_day_json_schema(specs())
FILES = sorted([*LIBRARY.glob("*.yaml"), *TRAINING.glob("*.yaml")])


def mistakes(document: Any) -> list[str]:
    """What an editor would underline."""
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(document)]


def read(file: Path) -> dict[str, Any]:
    """As editors read it."""
    document: dict[str, Any] = YAML(typ="safe").load(file.read_text())
    return document


def test_the_schema_is_one() -> None:
    """Of the dialect that it names; every definition is there."""
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_that_comes_along_fits(file: Path) -> None:
    """Game days that break something, and tabletops."""
    assert mistakes(read(file)) == []


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("process-dies", {"injects": []}, "'injects' was unexpected"),
        ("process-dies", {"kind": "tabletops"}, "'tabletops' is not one of"),
        ("process-dies", {"faults": [{"id": "kill", "action": "process.kill", "targets": "service"}]}, "'duration' is"),
        ("bad-release-confusing-clues", {"faults": []}, "'faults' was unexpected"),
        ("bad-release-confusing-clues", {"kind": "live"}, "'incident_title', 'injects'"),
        (
            "bad-release-confusing-clues",
            {"injects": [{"id": "one", "at": "soon", "text": "x"}]},
            "'soon' does not match",
        ),
    ],
)
def test_a_wrong_one_is_marked(name: str, changes: dict[str, Any], said: str) -> None:
    """A key of the other kind, a kind that there is not, a key that is missing, and a value that is none."""
    file = next(file for file in FILES if file.stem == name)
    found = mistakes(read(file) | changes)
    assert any(said in each for each in found), found


def test_a_missing_key_is_marked_by_kind() -> None:
    """Each kind needs its own."""
    live, tabletop = read(LIBRARY / "process-dies.yaml"), read(TRAINING / "bad-release-confusing-clues.yaml")
    del live["hypothesis"], tabletop["incident_title"]
    assert [each.partition(": ")[2] for each in mistakes(live)] == ["'hypothesis' is a required property"]
    assert [each.partition(": ")[2] for each in mistakes(tabletop)] == ["'incident_title' is a required property"]
