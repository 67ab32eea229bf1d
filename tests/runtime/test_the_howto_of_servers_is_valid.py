"""The example of `docs/howto/let-runbooks-act-on-your-servers.md` is what `hotwash.yaml` really accepts."""

import re
from pathlib import Path

from runtime.configuration import load_configuration

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "let-runbooks-act-on-your-servers.md"


def test_the_example_is_read_without_a_complaint(tmp_path: Path) -> None:
    """Every kind of target stands in it, and relative paths count from the file."""
    example = re.search(r"```yaml\n(.*?)```", HOWTO.read_text(), re.DOTALL)
    assert example
    file = tmp_path / "hotwash.yaml"
    file.write_text(example[1])
    actions = load_configuration(file).actions
    for kind in ("daemons", "endpoints", "prometheus", "databases", "haproxy", "nginx", "redis", "flags", "postgres"):
        assert getattr(actions, kind), kind
    assert actions.journal_folder == str(tmp_path / "journals")
    assert actions.postgres["orders"].address_file == "/etc/shop/primary"
