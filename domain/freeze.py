"""Freeze windows: when runbooks change nothing unless a person says why. Called by `workflows/runbook_run.py`."""

from collections.abc import Collection, Iterable
from datetime import datetime

from domain.policy import Freeze


def active_freeze(freezes: Iterable[Freeze], services: Collection[str], now: datetime) -> Freeze | None:
    """The window that applies to these services now, the one that ends last; None when there is none."""
    active = [
        freeze
        for freeze in freezes
        if freeze.from_ <= now < freeze.until and (not freeze.applies_to or set(freeze.applies_to) & set(services))
    ]
    return max(active, key=lambda freeze: freeze.until, default=None)


def refusal(freeze: Freeze) -> str:
    """Why nothing is changed now, and what can be done."""
    until = f"{freeze.until:%Y-%m-%d %H:%M %Z}".strip()
    return f"the freeze {freeze.name!r} lasts until {until}; start the run again with a reason to override it"
