"""`docs/howto/inject-faults.md`: its example is what `hotwash.yaml` accepts, and it names every fault there is."""

import re
from pathlib import Path

from activities.actions.service_faults import SERVICE_FAULTS
from runtime.configuration import load_configuration

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "inject-faults.md"


def test_the_example_is_read_without_a_complaint(tmp_path: Path) -> None:
    """Every kind of target of networks and services stands in it, and relative paths count from the file."""
    example = re.search(r"```yaml\n(.*?)```", HOWTO.read_text(), re.DOTALL)
    assert example
    file = tmp_path / "hotwash.yaml"
    file.write_text(example[1])
    actions = load_configuration(file).actions
    for kind in ("fault_proxies", "daemons", "postgres", "redis", "haproxy", "alertmanagers"):
        assert getattr(actions, kind), kind
    assert actions.fault_proxies["shop-db"].control == str(tmp_path / "shop-db.sock")
    assert actions.lease_folder == str(tmp_path / "leases")


def test_every_fault_of_a_network_or_service_is_named() -> None:
    """One that was added without a line would be used without knowing what it needs."""
    text = HOWTO.read_text()
    assert {each.name for each in SERVICE_FAULTS if f"`{each.name}`" not in text} == set()
