"""What one run knows of the resources that it locks; a part of its desk. `locking.py` takes and gives them back."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

from domain.run import ObserveLock
from workflows.steps.state import HeldLock


class LockDesk:
    """What one run knows of its locks."""

    def __init__(self) -> None:
        # Resource to fencing number.
        self.held: dict[str, int] = {}
        # Everything that was asked for and not given back.
        self.claimed: dict[str, timedelta] = {}
        # Who has what this run waits for.
        self.held_by: dict[str, str] = {}
        self.taking = asyncio.Lock()

    def observe(self, news: ObserveLock) -> None:
        """A lock has spoken."""
        if news.fencing is not None and news.resource in self.claimed:
            self.held[news.resource] = news.fencing
            self.held_by.pop(news.resource, None)
        elif news.held_by is not None:
            self.held_by[news.resource] = news.held_by
        elif news.lost:
            self.held.pop(news.resource, None)

    def held_locks(self) -> tuple[HeldLock, ...]:
        """For continue-as-new."""
        return tuple(HeldLock(resource=name, fencing=number) for name, number in self.held.items())

    def claimed_resources(self) -> dict[str, timedelta]:
        """For continue-as-new."""
        return dict(self.claimed)

    def take_up(self, held: Iterable[HeldLock], claimed: dict[str, timedelta]) -> None:
        """Begin where an earlier life of the run ended."""
        self.held = {each.resource: each.fencing for each in held}
        self.claimed = dict(claimed)
