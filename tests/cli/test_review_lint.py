"""`hotwash review lint` serves a repository's CI: places, exit codes, JSON, SARIF, and no server."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from domain.blameless import RULES

BAD = "# Review\n\nAna failed to check the lag.\nThe health check failed to restart.\n"
MILD = "# Review\n\nOf course the disk was full.\n"


def run(*arguments: object, stdin: str | None = None) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    result = CliRunner().invoke(app, ["review", "lint", *map(str, arguments)], input=stdin)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with no Hotwash in reach."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_finding_has_a_place_a_reason_and_a_question(here: Path) -> None:
    """And the exit code is 1; the machine that failed to restart is left alone."""
    (here / "a.md").write_text(BAD)
    code, out, _ = run("a.md")
    assert code == 1
    assert "a.md:3:1: error counterfactual: “Ana failed to”" in out
    assert RULES["counterfactual"].why in out
    assert RULES["counterfactual"].question in out
    assert "1 to look at in 1 file" in out
    assert "health" not in out


def test_a_text_without_blame_passes(here: Path) -> None:
    """Exit code 0, and one line that says so."""
    (here / "a.md").write_text("The disk was full because log rotation had stopped.\n")
    assert run("a.md")[:2] == (0, "1 file without blame\n")


@pytest.mark.parametrize(("fail_on", "code"), [("info", 1), ("warning", 1), ("error", 0)])
def test_the_threshold_decides_about_the_exit_code(here: Path, fail_on: str, code: int) -> None:
    """A warning is printed whether or not it fails."""
    (here / "a.md").write_text(MILD)
    got, out, _ = run("a.md", "--fail-on", fail_on)
    assert got == code
    assert "warning hindsight" in out


def test_what_fails_is_always_printed(here: Path) -> None:
    """`--level` hides only what does not decide."""
    (here / "a.md").write_text(MILD)
    code, out, _ = run("a.md", "--level", "error", "--fail-on", "warning")
    assert code == 1
    assert "hindsight" in out


def test_folders_are_searched_and_input_is_read(here: Path) -> None:
    """Every Markdown and text file below a folder; `-` is standard input."""
    (here / "deep" / "er").mkdir(parents=True)
    (here / "deep" / "er" / "b.md").write_text(BAD)
    (here / "deep" / "c.py").write_text(BAD)
    code, out, _ = run("deep", "--json")
    assert code == 1
    assert [(each["file"], each["line"], each["column"]) for each in json.loads(out)] == [("deep/er/b.md", 3, 1)]
    assert run("-", stdin=BAD)[0] == 1


def test_sarif_names_rules_levels_and_regions(here: Path) -> None:
    """Version 2.1.0; every result points at its rule, and the address is relative to the checkout."""
    (here / "a b.md").write_text(BAD + MILD)
    code, out, _ = run("a b.md", "--format", "sarif")
    document = json.loads(out)
    (one,) = document["runs"]
    rules = one["tool"]["driver"]["rules"]
    assert code == 1
    assert document["version"] == "2.1.0"
    assert [rule["id"] for rule in rules] == list(RULES)
    assert {rule["defaultConfiguration"]["level"] for rule in rules} <= {"error", "warning", "note"}
    assert [rules[each["ruleIndex"]]["id"] for each in one["results"]] == [each["ruleId"] for each in one["results"]]
    first = one["results"][0]
    place = first["locations"][0]["physicalLocation"]
    assert (first["ruleId"], first["level"]) == ("counterfactual", "error")
    assert place["artifactLocation"]["uri"] == "a%20b.md"
    assert place["region"] == {"startLine": 3, "startColumn": 1, "endLine": 3, "endColumn": 14}
    assert one["columnKind"] == "unicodeCodePoints"


def test_a_file_that_cannot_be_read_is_a_usage_error(here: Path) -> None:
    """Exit code 2 and a sentence, never a trace."""
    (here / "bin.md").write_bytes(b"\xff\xfe")
    (here / "empty").mkdir()
    for name, said in (("none.md", "cannot be read"), ("bin.md", "not UTF-8"), ("empty", "no .md")):
        code, _, err = run(name)
        assert code == 2
        assert said in err


def test_the_rules_can_be_listed() -> None:
    """Each with its source."""
    result = CliRunner().invoke(app, ["review", "rules", "--json"])
    assert {rule["id"]: rule["source"] for rule in json.loads(result.stdout)} == {
        r.id: r.source for r in RULES.values()
    }
