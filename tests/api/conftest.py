"""Worlds for the tests of the API; a module that asks for one runs on that module's event loop."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.api_world import World, api_without_engine, api_world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """API, engine, workers and store, all real."""
    async with api_world(tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engineless(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """API and store; nobody listens where the engine should be."""
    async with api_without_engine(tmp_path_factory.mktemp("home")) as opened:
        yield opened
