"""`hotwash train` on the real engine: hours in seconds, scripted people, a debrief that names the rules."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from domain.practice import RULES

STORY = """\
schema_version: 1
name: story
title: A story
owner: sre
kind: tabletop
incident_title: Orders are gone
severity: SEV-4
deserved_severity: SEV-2
duration: 2h
injects:
  - {id: one, at: 0m, text: It looks bad, question: "What now?", expected: [{expect: commanded, within: 5m, rule: R01}]}
  - id: late
    at: 60m
    from: Sam
    text: You are tired
    expected: [{expect: handed_over, within: 20m, rule: R03}, {expect: judged, text: The brief was good}]
solution: It was the job
responders:
  - {name: carla, about: awake, finds: {count: "1407 are gone", "": nothing}, takes: 4m}
  - {name: dana, declines: {scribe: "I look at the database"}}
"""
WELL = """\
# somebody who has done it before
take
severity SEV-2 unknown is treated as the higher
update external "Some orders are not shown. We look into it." next 20m
offer scribe dana please
task carla 10m "count what is missing"
next
wait 8m
update external "No further orders are affected." next 20m
update internal "1407 are gone, nothing else." next 30m
wait 15m
update external "We have found why and prepare the way back." next 20m
wait 10m
update external "The way back is being tried on a copy." next 20m
update internal "Trying on a copy." next 30m
next
note "Condition: stopped. Under way: copy. Open: stock. Next update in ten minutes."
hand-over carla "I have said the same sentence twice"
wait 2m
update external "We go on with fresh people." next 20m
note "I have it now"
end
"""


@pytest.fixture
def story(tmp_path: Path) -> Path:
    """A short scenario as a team would write its own."""
    file = tmp_path / "story.yaml"
    file.write_text(STORY)
    return file


def played(story: Path, answers: str, *more: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and what was played."""
    file = story.parent / "answers.txt"
    file.write_text(answers)
    result = CliRunner().invoke(app, ["train", str(story), "--answers", str(file), "--json", *more])
    return result.exit_code, json.loads(result.stdout)


def test_an_experienced_commander_keeps_the_rules(story: Path) -> None:
    """People answer as scripted, a declined role and a finding are heard, command is handed over with a brief."""
    code, document = played(story, WELL, "--pass-at", "80")
    rules = {each["rule"]: each["held"] for each in document["practice"]}
    assert {rule: rules[rule] for rule in ("R01", "R03", "R04", "R06", "R09", "C01", "C03")} == dict.fromkeys(
        ("R01", "R03", "R04", "R06", "R09", "C01", "C03"), True
    )
    assert [each["state"] for each in document["expected"]] == ["met", "met", "not_judged"]
    said = [(each["who"], each["what"]) for each in document["transcript"]]
    assert ("dana", "I would rather not be scribe. I look at the database") in said
    assert ("carla", "count what is missing: 1407 are gone") in said
    assert ("carla", "I am commander now.") in said
    assert ("carla", 'note "I have it now"') in said
    assert (code, document["refused"]) == (0, [])


def test_a_bad_evening_is_said_with_its_rules(story: Path) -> None:
    """Nothing done in time; a refusal is told and changes nothing; the exit code says that it was not enough."""
    code, document = played(story, "wait 10m\nhand-over nobody\npanic\ntake\nnext\nend\n", "--pass-at", "80")
    broken = {each["rule"] for each in document["practice"] if each["held"] is False}
    assert {"R01", "R06", "C01", "C02", "C03"} <= broken
    assert document["expected"][0]["state"] == "late"
    assert any("'nobody' is not a person" in each for each in document["refused"])
    assert any("there is no 'panic' here" in each for each in document["refused"])
    assert code == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "no-such"], "there is no game day 'no-such'"),
        (["train", "data-loss-scare-after-hours", "--as", "bob"], "'bob' is somebody else in this story"),
        (["train", "data-loss-scare-after-hours", "--json"], "--json needs --answers"),
        (["train", "data-loss-scare-after-hours", "--answers", "/no/such"], "cannot be read"),
    ],
)
def test_what_does_not_fit_is_a_sentence(arguments: list[str], sentence: str) -> None:
    """Nothing is played."""
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, sentence in " ".join(result.output.split())) == (2, True), result.output


def test_scenarios_and_rules_are_listed() -> None:
    """Three come along; every rule that is scored has its sentence."""
    found = CliRunner().invoke(app, ["train", "--json"])
    names = [each["name"] for each in json.loads(found.stdout)]
    assert names == ["bad-release-confusing-clues", "data-loss-scare-after-hours", "third-party-outage-executive-swoop"]
    rules = CliRunner().invoke(app, ["train", "--rules", "--json"])
    assert [each["rule"] for each in json.loads(rules.stdout)] == list(RULES)
