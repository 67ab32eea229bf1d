"""An installed package adds actions through the entry point group `hotwash.actions`, without a change of Hotwash."""

from pathlib import Path

import pytest

from activities.actions import registry, specs
from domain.errors import Rejected
from tests.support.action_world import World

MODULE = """
from activities.actions.noop import Noop


class Greet(Noop):
    name = "acme.greet"

    def __init__(self, configuration):
        self.organization = configuration.current().organization


not_an_action = 1
"""


def install(folder: Path, attribute: str) -> None:
    """What pip leaves behind of a package `acme_hotwash`."""
    (folder / "acme_hotwash.py").write_text(MODULE)
    information = folder / "acme_hotwash-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-hotwash\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[hotwash.actions]\ngreet = acme_hotwash:{attribute}\n")


def test_an_installed_action_is_known_and_can_run(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands in the catalogue beside the built-in ones and is built with the configuration."""
    install(tmp_path, "Greet")
    monkeypatch.syspath_prepend(tmp_path)
    assert "acme.greet" in specs()
    assert registry(world, []).names() == ["acme.greet"]


def test_an_entry_point_that_is_no_action_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken package is refused by its name instead of failing later in a run."""
    install(tmp_path, "not_an_action")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Rejected, match="acme_hotwash:not_an_action"):
        specs()
