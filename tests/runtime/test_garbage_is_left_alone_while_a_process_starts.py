"""A start is not spent on looking for garbage, and a long life collects it by Python's own thresholds."""

import subprocess
import sys

LIFE = """
import gc
usual = gc.get_threshold()
import cli
from runtime import garbage
while_reading = gc.get_threshold()
garbage.has_read()
print(usual == gc.get_threshold(), while_reading[0] > usual[0], gc.get_freeze_count() > 0)
"""


def test_thresholds_are_as_before_once_all_is_read() -> None:
    """In a process of its own: high while modules are read, and afterwards what was read is not looked through."""
    said = subprocess.run([sys.executable, "-c", LIFE], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True", "True", "True"]
