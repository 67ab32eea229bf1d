"""The world that the tests of actions share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.action_world import World
from tests.support.http_target import http_target


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A fresh world."""
    with http_target() as target:
        world = World(tmp_path, target)
        yield world
        await world.close()
