"""The example of `docs/howto/connect-a-tracker.md` is what `hotwash.yaml` really accepts, and routes as it says."""

import re
from pathlib import Path

from domain.tracker_settings import tracker_for
from runtime.configuration import ConfigurationFile

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "connect-a-tracker.md"


def test_the_example_is_valid(tmp_path: Path) -> None:
    """All four trackers are read; service before team before the rest."""
    blocks = re.findall(r"```yaml\n(.*?)```", HOWTO.read_text(), re.DOTALL)
    file = tmp_path / "hotwash.yaml"
    file.write_text("\n".join(blocks))
    trackers = ConfigurationFile(file).current().trackers
    assert {each.kind for each in trackers.values()} == {"github", "gitlab", "jira", "linear"}
    assert tracker_for(trackers, ["orders"], "shop") == "platform"
    assert tracker_for(trackers, ["shop"], "shop") == "shop-issues"
    assert tracker_for(trackers, [], None) == "ops"
    assert tracker_for({}, ["orders"], "shop") is None
