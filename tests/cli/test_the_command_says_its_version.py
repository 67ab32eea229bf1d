"""`hotwash --version` says which one this is, and asks nobody for it."""

from importlib.metadata import version

from typer.testing import CliRunner

from cli.main import app


def test_it_says_its_version_and_no_more() -> None:
    """One line, exit code 0, no server needed."""
    said = CliRunner().invoke(app, ["--version"])
    assert (said.exit_code, said.output) == (0, f"hotwash {version('hotwash')}\n")
