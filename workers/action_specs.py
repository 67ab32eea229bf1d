"""What every built-in and installed action declares of itself, without connections to anything.

The entry point of `hotwash runbook lint`, which works without a server.
"""

from activities.actions import specs
from domain.run import ActionSpec


def action_specs() -> dict[str, ActionSpec]:
    """By the action's name."""
    return specs()
