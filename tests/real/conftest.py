"""Real servers of Debian packages, each a child of the test, on free ports and in folders of its own."""

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.action_world import World
from tests.support.http_target import http_target
from tests.support.ports import a_free_port
from tests.support.postgres_pair import TOGETHER, Pair, newest_bin
from tests.support.real_servers import Children, a_folder


@pytest.fixture
def needs() -> Callable[..., None]:
    """Call it with the programs that a test needs; without them it is skipped, and `make test-real` installs them."""

    def check(*programs: str) -> None:
        missing = [program for program in programs if shutil.which(program) is None and not Path(program).exists()]
        if missing:
            pytest.skip(f"needs {', '.join(missing)}: make test-real as root installs them")

    return check


@pytest.fixture
def children() -> Iterator[Children]:
    """Programs that end with the test."""
    children = Children()
    yield children
    children.close()


@pytest.fixture(scope="session")
def server_user() -> Sequence[str]:
    """What is put before a command that must not run as root; empty when we are not root."""
    return ("runuser", "-u", "postgres", "--") if os.getuid() == 0 else ()


@pytest.fixture
def server_folder(server_user: Sequence[str]) -> Iterator[Path]:
    """A folder for one test's servers."""
    with a_folder(server_user) as folder:
        yield folder


@pytest.fixture(scope="session")
def pair_template(server_user: Sequence[str]) -> Iterator[Pair | None]:
    """A stopped primary of PostgreSQL and its stopped standby, to be copied; None without PostgreSQL."""
    binaries = newest_bin()
    if binaries is None:
        yield None
        return
    with a_folder(server_user) as folder:
        pair = Pair(folder, server_user, (a_free_port(), a_free_port()), binaries)
        pair.make()
        yield pair


@pytest.fixture
def pairs(pair_template: Pair | None, server_user: Sequence[str]) -> Iterator[list[Pair]]:
    """A primary with its standby for each of TOGETHER."""
    if pair_template is None:
        pytest.skip("needs postgresql: make test-real as root installs it")
    with ExitStack() as running:
        pairs = []
        for _ in TOGETHER:
            folder = running.enter_context(a_folder(server_user))
            pair = Pair(folder, server_user, (a_free_port(), a_free_port()), pair_template.binaries)
            running.callback(pair.close)
            pair.copy_of(pair_template)
            pairs.append(pair)
        yield pairs


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A fresh world of actions."""
    with http_target() as target:
        world = World(tmp_path, target)
        yield world
        await world.close()
