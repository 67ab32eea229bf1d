"""`hotwash runbook lint` and `show` on files: with the runbooks that lie beside them, as the server would see them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.runbooks import runbook

HEAD = "schema_version: 1\nname: {0}\ntitle: The {0}\nowner: sre\nsteps:\n"
CALLS = HEAD + "  - {{id: call, runbook: {{name: {1}}}}}\n"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named as people name them."""
    monkeypatch.chdir(tmp_path)


def said(*arguments: str) -> tuple[int, str]:
    """Exit code and everything that was printed."""
    result = CliRunner().invoke(runbook, [*arguments])
    return result.exit_code, result.output


def test_runbooks_that_call_each_other_for_ever_are_refused_at_lint() -> None:
    """In each of the files, with the place of the call; the plan is refused with the same words."""
    Path("one.yaml").write_text(CALLS.format("one", "two"))
    Path("two.yaml").write_text(CALLS.format("two", "one"))
    code, out = said("lint", "one.yaml", "two.yaml")
    assert code == 1
    assert out.splitlines() == [
        "one.yaml:6:32: the runbooks go round in circles: one → two → one",
        "two.yaml:6:32: the runbooks go round in circles: two → one → two",
    ]
    code, out = said("show", "one.yaml")
    assert (code != 0, "go round in circles" in out) == (True, True)


def test_a_neighbour_or_one_of_the_library_may_be_called() -> None:
    """The plan shows the steps of both; a name that is nowhere is refused with the nearest."""
    Path("one.yaml").write_text(CALLS.format("one", "two"))
    Path("two.yaml").write_text(HEAD.format("two") + "  - {id: nothing, action: noop}\n")
    assert said("lint", "one.yaml") == (0, "1 fit to run\n")
    code, out = said("show", "one.yaml")
    assert (code, "noop" in out) == (0, True)
    Path("three.yaml").write_text(CALLS.format("three", "twoo"))
    assert "three.yaml:6:32: there is no runbook 'twoo'; did you mean 'two'?" in said("lint", "three.yaml")[1]


def test_a_file_that_is_no_text_is_one_finding_among_the_others() -> None:
    """The rest of the folder is read all the same."""
    Path("binary.yaml").write_bytes(b"\xff\xfe")
    Path("wrong.yaml").write_text(HEAD.format("wrong") + "  - {id: a, acton: noop}\n")
    code, out = said("lint", ".")
    assert code == 1
    assert out.splitlines() == [
        "binary.yaml:1:1: the file is not UTF-8 text (byte 0)",
        "wrong.yaml:6:13: unknown key 'acton'; did you mean 'action'?",
    ]
