"""`hotwash runbook rehearse` as a team's own CI calls it: exit codes, JUnit XML, JSON, and places of mistakes."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from cli.main import app

RUNBOOK = """
schema_version: 1
name: quiet
title: Quiet
owner: sre
steps:
  - {id: look, action: noop, with: {echo: {a: 1}}}
"""
SCENARIOS = """
schema_version: 1
runbook: quiet
scenarios:
  - {name: well, expect: {status: succeeded, outputs: {look: {echo: {}}}}}
  - {name: ill, actions: {look: [{refuse: "no \x07"}]}, expect: {status: succeeded}}
"""


@pytest.fixture
def runbook(tmp_path: Path) -> Path:
    """A runbook with its scenarios beside it."""
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "quiet.yaml").write_text(SCENARIOS.replace("\x07", "\\a"))
    file = tmp_path / "quiet.yaml"
    file.write_text(RUNBOOK)
    return file


def test_a_mismatch_fails_the_job_and_is_in_the_report(runbook: Path, tmp_path: Path) -> None:
    """Exit code 1; the XML has a case per scenario, the sentence of the mismatch, and no character that XML forbids."""
    report = tmp_path / "report.xml"
    result = CliRunner().invoke(app, ["runbook", "rehearse", str(runbook), "--junit", str(report), "--json"])
    assert result.exit_code == 1, result.output
    verdicts = json.loads(result.stdout)
    assert [(each["scenario"], each["passed"]) for each in verdicts] == [("well", True), ("ill", False)]
    suite = ET.parse(report).getroot()[0]
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("quiet", "2", "1")
    failure = suite[1].find("failure")
    assert failure is not None
    assert "should be succeeded, but is failed" in str(failure.get("message"))


def test_the_timeline_is_shown_and_success_is_0(runbook: Path) -> None:
    """One scenario alone; the timeline has the run's own clock."""
    result = CliRunner().invoke(app, ["runbook", "rehearse", str(runbook), "--only", "well"])
    assert result.exit_code == 0, result.output
    assert re.search(r"0:00:\d\d step     Step look: succeeded", result.stdout)
    assert "1 scenario came as expected" in result.stdout


def test_what_cannot_be_played_is_2(runbook: Path, tmp_path: Path) -> None:
    """Nothing is played when something does not fit, and every mistake has its place."""
    runner = CliRunner()
    assert runner.invoke(app, ["runbook", "rehearse", str(runbook), "--check"]).exit_code == 0
    bad = tmp_path / "bad.yaml"
    bad.write_text("schema_version: 1\nrunbook: quiet\nscenarios: [{nmae: a, expect: {status: succeeded}}]\n")
    for arguments, said in (
        (["runbook", "rehearse", str(runbook), "--check", "--scenario", str(bad)], "bad.yaml:3:14"),
        (["runbook", "rehearse", str(runbook), "--only", "wel"], "has no scenario 'wel'"),
        (["runbook", "rehearse", "no-such"], "there is no runbook 'no-such'"),
        (["runbook", "rehearse", str(tmp_path / "none.yaml")], "there is no file"),
    ):
        result = runner.invoke(app, arguments)
        assert result.exit_code == 2, arguments
        assert said in result.stderr.replace("\n", ""), arguments
