"""`docs/actions.md` is what the code of the actions says, and the how-to's own action really works."""

import re
from pathlib import Path

import pytest

from activities.actions import specs
from workers.action_specs import action_catalogue, action_pages

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_the_actions_declare():
    """`hotwash runbook actions --markdown > docs/actions.md` makes it anew."""
    assert (DOCS / "actions.md").read_text() == action_catalogue()


def test_every_action_has_an_example():
    """Somebody who reads the page can copy one."""
    assert all(page.example or not page.spec.parameters.get("properties") for page in action_pages())


def test_the_action_of_the_howto_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What the page tells a third party to write is installed as pip would, and stands in the catalogue."""
    code = re.findall(r"```python\n(.*?)```", (DOCS / "howto" / "add-an-action.md").read_text(), re.DOTALL)[0]
    assert len(code.splitlines()) < 30
    (tmp_path / "acme_howto.py").write_text(code)
    information = tmp_path / "acme_howto-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-howto\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[hotwash.actions]\nclear_cache = acme_howto:ClearCache\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert specs()["acme.clear_cache"].parameters["required"] == ["region"]
