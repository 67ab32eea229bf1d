"""`hotwash runbook import`: the runbook where it is wanted, the losses as file:line:column, and an exit code for CI."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.runbooks import runbook

CLEAN = """\
schemaVersion: '0.3'
description: Wait a little
mainSteps:
  - {name: Settle, action: aws:sleep, inputs: {Duration: PT30S}}
"""
LOSSY = CLEAN + "  - {name: Look, action: aws:runCommand, inputs: {DocumentName: AWS-RunShellScript}}\n"
JOBS = "- {name: One, sequence: {commands: [{exec: a}]}}\n- {name: Two, sequence: {commands: [{exec: b}]}}\n"


def run(*arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    result = CliRunner().invoke(runbook, ["import", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_a_file_that_maps_whole_is_imported_without_a_word(tmp_path: Path) -> None:
    """Exit code 0; what was written lints, and is called what its file is called."""
    (tmp_path / "old.yaml").write_text(CLEAN)
    new = tmp_path / "settle-down.yaml"
    code, out, err = run(tmp_path / "old.yaml", "--from", "ssm", "-o", new, "--owner", "sre")
    assert (code, out) == (0, "")
    assert "everything was carried over" in err
    assert "name: settle-down" in new.read_text()
    assert "owner: sre" in new.read_text()
    assert CliRunner().invoke(runbook, ["lint", str(new)]).exit_code == 0


def test_losses_are_listed_and_fail_unless_accepted(tmp_path: Path) -> None:
    """On standard error with their place; the runbook on standard output stays one that can be piped."""
    old = tmp_path / "old.yaml"
    old.write_text(LOSSY)
    code, out, err = run(old, "--from", "ssm")
    assert code == 1
    assert f"{old}:5:18: 'action' is done by hand now: there is no action for aws:runCommand" in err
    assert "1 not carried over as they were" in err
    assert out.startswith("# Imported from an AWS Systems Manager Automation document, old.yaml")
    new = tmp_path / "new.yaml"
    new.write_text(out.replace("name: old", "name: new"))
    assert CliRunner().invoke(runbook, ["lint", str(new)]).exit_code == 0
    assert run(old, "--from", "ssm", "--accept-losses")[0] == 0


def test_machines_get_json(tmp_path: Path) -> None:
    """The runbooks, where they were written, and every loss with its code."""
    (tmp_path / "old.yaml").write_text(LOSSY)
    code, out, _ = run(tmp_path / "old.yaml", "--from", "ssm", "--json")
    told = json.loads(out)
    assert code == 1
    assert told["runbooks"][0]["name"] == "old"
    assert [(loss["line"], loss["code"]) for loss in told["losses"]] == [(5, "by_hand")]


def test_a_file_of_several_jobs_wants_a_folder_and_nothing_is_written_over(tmp_path: Path) -> None:
    """One file for each, called as the runbook is."""
    (tmp_path / "jobs.yaml").write_text(JOBS)
    code, _, err = run(tmp_path / "jobs.yaml", "--from", "rundeck", "-o", tmp_path / "one.yaml")
    assert code == 1
    assert "becomes 2 runbooks; give a folder" in err
    (tmp_path / "new").mkdir()
    assert run(tmp_path / "jobs.yaml", "--from", "rundeck", "-o", tmp_path / "new", "--accept-losses")[0] == 0
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["one.yaml", "two.yaml"]
    before = (tmp_path / "new" / "one.yaml").read_text()
    code, _, err = run(tmp_path / "jobs.yaml", "--from", "rundeck", "-o", tmp_path / "new", "--owner", "other")
    assert code == 1
    assert "is there already" in err
    assert (tmp_path / "new" / "one.yaml").read_text() == before


def test_another_file_is_refused_with_its_place(tmp_path: Path) -> None:
    """One sentence, no trace; the same for a file that is not there or is no text."""
    (tmp_path / "old.yaml").write_text(JOBS)
    code, out, err = run(tmp_path / "old.yaml", "--from", "ssm")
    assert (code, out) == (1, "")
    assert "old.yaml:1:1: this is no SSM Automation document" in err
    assert run(tmp_path / "nothing.yaml", "--from", "ssm")[0] == 1
    (tmp_path / "old.yaml").write_bytes(b"\xff\xfe\x00")
    assert run(tmp_path / "old.yaml", "--from", "chaostoolkit")[0] == 1


def test_the_how_to_says_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its example is imported as it shows, to the letter."""
    text = (Path(__file__).parents[2] / "docs" / "howto" / "import-runbooks.md").read_text()
    document, steps = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    told = re.search(r"-o runbooks\n(.*?)\$ echo", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("restart-node.yaml").write_text(document)
    Path("runbooks").mkdir()
    code, out, err = run("restart-node.yaml", "--from", "ssm", "--owner", "shop", "-o", "runbooks")
    assert (code, out) == (1, "")
    assert told is not None
    assert err == told[1]
    assert Path("runbooks/restart-node.yaml").read_text().endswith(steps)
    assert CliRunner().invoke(runbook, ["lint", "runbooks"]).stdout == "1 fit to run\n"
