"""docs/howto/rehearse-a-runbook.md: its files are fit, and its command prints what the page shows."""

import re
from pathlib import Path

from typer.testing import CliRunner

from cli.main import app

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "rehearse-a-runbook.md"


def test_the_howto_on_rehearsals_is_true(tmp_path: Path) -> None:
    """Whoever copies both files and runs the command sees every line that is shown, in this order."""
    page = PAGE.read_text(encoding="utf-8")
    runbook, scenarios, *_ = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "restart-checkout.yaml").write_text(runbook, encoding="utf-8")
    (tmp_path / "scenarios" / "restart-checkout.yaml").write_text(scenarios, encoding="utf-8")
    result = CliRunner().invoke(app, ["runbook", "rehearse", str(tmp_path / "restart-checkout.yaml")])
    assert result.exit_code == 0, result.stdout
    shown = page.split("$ hotwash runbook rehearse .hotwash")[1].split("```")[0].splitlines()[1:]
    printed = iter(_without_real_time(line) for line in result.stdout.splitlines())
    for line in shown:
        assert line == "…" or _without_real_time(line) in printed, line


def _without_real_time(line: str) -> str:
    # What the machine takes differs, and with it the last second of the run's clock.
    return re.sub(r" in [\dms]+$", "", re.sub(r"\d:\d\d:\d\d", "TIME", line))
