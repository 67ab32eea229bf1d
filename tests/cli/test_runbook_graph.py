"""`hotwash runbook graph`: works without a server, for the library, for files, and for drafts that are not fit yet."""

from pathlib import Path

from typer.testing import CliRunner

from cli.runbooks import runbook

HEAD = "schema_version: 1\nname: mend\ntitle: Mend\nowner: sre\n"


def test_a_runbook_of_the_library_becomes_mermaid() -> None:
    """On standard output, whole and alone."""
    result = CliRunner().invoke(runbook, ["graph", "roll-back-release"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("flowchart TD\n")
    assert "release.rollback" in result.stdout


def test_a_file_becomes_a_picture(tmp_path: Path) -> None:
    """Written where it is wanted."""
    file = tmp_path / "mend.yaml"
    file.write_text(HEAD + "steps: [{id: a, action: noop}]")
    result = CliRunner().invoke(runbook, ["graph", str(file), "--format", "svg", "-o", str(tmp_path / "mend.svg")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "mend.svg").read_text().startswith("<svg ")
    assert result.output == ""


def test_a_draft_is_drawn_with_its_mistakes_named(tmp_path: Path) -> None:
    """An unknown action has an unknown effect; what cannot be read cannot be drawn."""
    file = tmp_path / "mend.yaml"
    file.write_text(HEAD + "steps: [{id: a, action: nop}]")
    result = CliRunner().invoke(runbook, ["graph", str(file)])
    assert result.exit_code == 0
    assert "unknown effect" in result.stdout
    assert "did you mean 'noop'" in result.stderr
    file.write_text(HEAD + "steps: 5")
    assert CliRunner().invoke(runbook, ["graph", str(file)]).exit_code == 1
    assert CliRunner().invoke(runbook, ["graph", "no-such-runbook"]).exit_code == 1
    file.write_text(HEAD + "steps: [{id: a, action: noop}]")
    refused = CliRunner().invoke(runbook, ["graph", str(file), "-o", str(tmp_path / "no" / "folder.svg")])
    assert refused.exit_code == 1
    assert "cannot be written" in refused.stderr
